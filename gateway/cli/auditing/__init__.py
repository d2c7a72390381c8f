"""The audit log and evidence in words, files and checks."""
