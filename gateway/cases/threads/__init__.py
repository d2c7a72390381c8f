"""Threads: what one administration asked another, folded from signed messages."""
