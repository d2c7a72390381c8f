"""This node's own audit log: written, read, checked, witnessed, continued after a restore."""
