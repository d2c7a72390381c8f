"""The verified prefix of the registry's log, replayed and grown; nothing else keeps its parts."""

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.errors import UnavailableError
from gateway.services.federation.snapshot import Snapshot
from keys.registry.view import View, advance, found
from keys.tlog.history import TreeHistory
from keys.tlog.merkle import leaf_hash


@dataclass(frozen=True, slots=True)
class Verified:
    """A verified prefix of the log: what it says, and the roots that it had on the way."""

    view: View
    history: TreeHistory


def replayed(notes: Sequence[bytes], snapshot: Snapshot, anchor: bytes) -> Verified:
    """Fold all statements that are stored: on from the view that was kept, or from the anchor."""
    history = TreeHistory().extend([leaf_hash(note) for note in notes])
    view = snapshot.load(history, anchor)
    if view is None:
        view = advance(found(notes[0], anchor), notes[1:])
    else:
        view = advance(view, notes[view.head.size :])
    return Verified(view, history)


def extended(verified: Verified | None, notes: Sequence[bytes], anchor: bytes) -> Verified:
    """Fold further statements; the first ones must found what ``anchor`` (32 bytes) names.

    Raises UnavailableError ``registry_unknown`` without any, RejectedError as the fold judges.
    """
    if verified is not None:
        view, history = advance(verified.view, notes), verified.history
    elif notes:
        view, history = advance(found(notes[0], anchor), notes[1:]), TreeHistory()
    else:
        raise UnavailableError("registry_unknown", "the registry shows no statement yet")
    return Verified(view, history.extend([leaf_hash(note) for note in notes]))
