"""Evidence of what was exchanged: gathered here and from the other side."""
