"""The terminal: options, the daemon's socket, and what is printed or said of a refusal."""
