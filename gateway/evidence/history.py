"""The registry that a file of evidence brings, folded from the anchor, and who witnessed when.

Source: SPEC "Evidence", steps 2 to 4.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from gateway.errors import RejectedError
from keys.registry.grammar import parse_statement
from keys.registry.member import RegisteredKey
from keys.registry.statement import WitnessSet
from keys.registry.view import View, advance, found
from keys.registry.witnessed import Sighting, existed_by
from keys.suite import KeyUse
from keys.tlog.checkpoint import parse_checkpoint
from keys.tlog.merkle import leaf_hash, root_of

HANDED_OVER_S = 30 * 86_400
"""For how long witnesses still count whom a statement of a later date replaced: it bears the date
on which it was drafted, and passes from hand to hand until enough have signed."""
_WITNESSES = b"\nkind witnesses\n"


@dataclass(frozen=True, slots=True)
class Era:
    """Who witnessed from the date of one statement on, and until that of the next."""

    since: int
    until: int | None
    named: WitnessSet

    def holds(self, at: int) -> bool:
        """Tell whether these were the witnesses then."""
        return self.since <= at and (self.until is None or at < self.until + HANDED_OVER_S)


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """What the registry says at one size, and whom it had named as witnesses on the way."""

    view: View
    notes: tuple[bytes, ...]
    eras: tuple[Era, ...]

    @property
    def witness_keys(self) -> tuple[RegisteredKey, ...]:
        """Every key of every member that was ever named as a witness."""
        names = dict.fromkeys(name for era in self.eras for name in era.named.members)
        members = [self.view.members[name] for name in names]
        return tuple(key for member in members for key in member.keys_for(KeyUse.WITNESS))

    def root_at(self, size: int) -> bytes:
        """Return the root (32 bytes) that the registry had at a size that it has reached."""
        return root_of([leaf_hash(note) for note in self.notes[:size]])

    def witnessed_by(self, seen: Sequence[Sighting]) -> "Witnessed | None":
        """Return by when a quorum of the witnesses of that time had seen a head.

        The latest of the sets that were in force then counts.
        """
        for era in reversed(self.eras):
            counted = [item for item in seen if item.witness in era.named.members]
            at = existed_by(counted, era.named.quorum)
            if at is not None and era.holds(at):
                return Witnessed(at, era.named.quorum, tuple(counted))
        return None


@dataclass(frozen=True, slots=True)
class Witnessed:
    """By when a quorum had seen a head, UTC seconds, and who saw it when."""

    at: int
    quorum: int
    seen: tuple[Sighting, ...]


def check_adds_up(notes: Sequence[bytes], checkpoint: bytes) -> None:
    """Let statements pass that are those of a head, before anything costly is done with them.

    Raises RejectedError ``registry_mismatch``, or as ``parse_checkpoint``.
    """
    head = parse_checkpoint(checkpoint)
    if head.size != len(notes) or head.root != root_of([leaf_hash(note) for note in notes]):
        raise RejectedError(
            "registry_mismatch", "the registry's statements do not add up to the head over them"
        )


@lru_cache(maxsize=4)
def fold(notes: tuple[bytes, ...], anchor: bytes) -> History:
    """Return what follows from statements, from the anchor on.

    Raises RejectedError ``registry_empty``, ``anchor_mismatch``, or what the fold raises.
    """
    if not notes:
        raise RejectedError("registry_empty", "there is not one statement of the registry")
    return history_of(advance(found(notes[0], anchor), notes[1:]), notes)


def history_of(view: View, notes: tuple[bytes, ...]) -> History:
    """Return the history of a view that follows from ``notes``, which are verified already."""
    named = [parse_statement(note).statement for note in notes if _WITNESSES in note]
    ends = [item.at for item in named[1:]]
    return History(
        view=view,
        notes=notes,
        eras=tuple(
            Era(item.at, until, item.witnesses)
            for item, until in zip(named, [*ends, None], strict=False)
            if item.witnesses is not None
        ),
    )


def continued(history: History, newer: tuple[bytes, ...]) -> History:
    """Return what a newer registry says, which the reader supplies.

    Raises RejectedError ``registry_not_extended`` where it does not begin with the one in the file.
    """
    if newer[: len(history.notes)] != history.notes:
        raise RejectedError(
            "registry_not_extended", "the registry in the file is no beginning of the one given"
        )
    return fold(newer, history.view.anchor)
