"""This node as a witness of others' logs, and what it knows of them."""
