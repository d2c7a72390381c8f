"""What the commands of officers share: cases, messages, and what is handed in."""
