"""Instruments: which agreement is in force between two members, and its terms. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from gateway.cases.threads.clocks import USUAL, Policy
from gateway.cases.threads.event import Pair


@dataclass(frozen=True, slots=True, kw_only=True)
class Instrument:
    """An agreement between two members."""

    name: str
    """As a request's legal basis begins."""
    members: frozenset[str]
    policy: Policy


def not_in_force(
    instruments: Iterable[Instrument], speaker: str, recipients: Sequence[str], legal_basis: str
) -> Sequence[str]:
    """Return the instruments of which a legal basis would have to name one, and names none.

    Between a pair that has none here, anything may be a legal basis: the table need not be whole.
    """
    between = [
        [item for item in instruments if item.members == {speaker, recipient}]
        for recipient in recipients
    ]
    unnamed = (found for found in between if not any(_named(item, legal_basis) for item in found))
    return sorted({item.name for found in unnamed for item in found})


def _named(instrument: Instrument, legal_basis: str) -> bool:
    return legal_basis.casefold().startswith(instrument.name.casefold())


def policy_of(instruments: Iterable[Instrument], pair: Pair, legal_basis: str) -> Policy:
    """Return the terms that a thread is under.

    Of the instruments in force between the pair, the one that the legal basis names, by its longest
    name; else the first; else what is usual.
    """
    between = [item for item in instruments if item.members == {pair.asker, pair.asked}]
    named = [item for item in between if _named(item, legal_basis)]
    found = max(named, key=lambda item: len(item.name), default=None)
    if found is not None:
        return found.policy
    return between[0].policy if between else USUAL
