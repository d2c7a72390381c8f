"""From a copy that comes to a message that the house has read."""
