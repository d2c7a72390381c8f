"""What becomes of cases that are over: reviewed, kept, restricted, purged to a tombstone."""
