"""What becomes of what was passed on: notices, recalls, and what waits for a second person."""
