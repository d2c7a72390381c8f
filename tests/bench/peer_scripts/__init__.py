"""Run by the Python of a peer's own environment: nothing of Liaison may be imported here.

Of this repository only ``report`` and ``timing`` are at hand: they need the standard library alone.
"""
