"""What this node carries for others, and what others carry for it."""
