"""Transparency-log maths and formats, pure: Merkle trees, signed notes, checkpoints, tiles.

The formats are C2SP's, so that anyone can check them with tools we did not write.
"""
