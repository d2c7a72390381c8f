"""This node's own keys through their lives: drawn, published, replaced, revoked, destroyed."""
