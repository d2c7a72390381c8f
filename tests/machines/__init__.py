"""Whole federations on a virtual clock and a bad network, crashed between any two steps."""
