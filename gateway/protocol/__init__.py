"""NOUNS: the bytes that gateways exchange, pure. ``SPEC.md`` fixes them; the code cites it.

Nothing here opens a file or a socket, reads a clock or draws randomness: ``now`` and random bytes
are passed in.
"""
