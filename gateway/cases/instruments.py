"""Instruments: which agreement is in force between two members, and its terms. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

from gateway.cases.clocks import USUAL, Policy
from gateway.cases.event import Pair


@dataclass(frozen=True, slots=True, kw_only=True)
class Instrument:
    """An agreement between two members."""

    name: str
    """As a request's legal basis begins."""
    members: frozenset[str]
    policy: Policy


def policy_of(instruments: Iterable[Instrument], pair: Pair, legal_basis: str) -> Policy:
    """Return the terms that a thread is under.

    Of the instruments in force between the pair, the one that the legal basis names, by its longest
    name; else the first; else what is usual.
    """
    between = [item for item in instruments if item.members == {pair.asker, pair.asked}]
    named = [item for item in between if legal_basis.casefold().startswith(item.name.casefold())]
    found = max(named, key=lambda item: len(item.name), default=None)
    if found is not None:
        return found.policy
    return between[0].policy if between else USUAL
