"""The registry as this node holds it, and what follows from it for members."""
