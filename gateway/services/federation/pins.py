"""Which certificates are pinned: those in use, and those that come into use in a moment."""

from keys.registry.member import RegisteredKey

EARLY_S = 300
"""How far a peer's clock may be ahead of ours when it begins to show a new certificate."""


def is_pinned(key: RegisteredKey, now: int) -> bool:
    """Tell whether a certificate may be shown: old and new side by side while one is replaced."""
    return key.good_at(now) or key.good_at(now + EARLY_S)
