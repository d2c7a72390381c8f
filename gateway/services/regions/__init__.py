"""What offices of a region do: copies without names, alerts, operations, trends."""
