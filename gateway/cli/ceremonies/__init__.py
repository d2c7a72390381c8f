"""What changes the registry by hand: root keys, statements as files, and the founding of a node."""
