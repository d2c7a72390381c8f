"""Retention: what stays of a case that is over, how long, and what may be said in it. Pure.

Source: SPEC "Retention".
"""

from gateway.cases.thread import RECALL, is_event


def is_conduct(kind: str) -> bool:
    """Tell whether a message of a kind makes its case one in which something was asked."""
    return is_event(kind) and kind != RECALL
