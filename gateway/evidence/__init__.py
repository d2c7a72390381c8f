"""Evidence that stands alone: a file, and what it proves, pure. Source: SPEC "Evidence".

Nothing here opens a file or a socket or reads a clock. A verdict follows from the bytes, an anchor
and what else its reader supplies.
"""
