"""Cases as their officers see them: what may be said, what is due, what was said."""
