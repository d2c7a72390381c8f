"""What the check of an audit log may find, and how it is told apart. Sentences are the command's.

Each finding is located as narrowly as what is stored allows: an entry where its own bytes tell, a
range of entries where only the hashes and signatures over them do.
"""

from dataclasses import dataclass
from enum import StrEnum


class FindingCode(StrEnum):
    """What was altered; a code never changes its meaning."""

    ENTRY_ALTERED = "entry_altered"
    """Its bytes do not hash to its leaf."""
    ENTRY_MALFORMED = "entry_malformed"
    """Its leaf is right, and it is no entry."""
    ENTRY_MISSING = "entry_missing"
    ENTRY_UNCOVERED = "entry_uncovered"
    """It has a place that no head gave it."""
    ERASURE_UNRECORDED = "erasure_unrecorded"
    """Its bytes are gone, and no entry says who erased them."""
    ENTRIES_ALTERED = "entries_altered"
    """Edited with their leaves, inserted, exchanged: they do not add up to what was signed."""
    HASHES_ALTERED = "hashes_altered"
    """The entries are as signed; a stored hash over them, from which proofs are made, is not."""
    HISTORY_RESIGNED = "history_resigned"
    """Our own key signed this history, and witnesses hold another."""
    HISTORY_CUT = "history_cut"
    """A head over more entries than there are."""
    HEAD_INVALID = "head_invalid"
    """A kept head is not signed as it must be."""
    FRONTIER_ALTERED = "frontier_altered"
    """What the next head would grow from is not what the newest was signed over."""
    QUORUM_UNPROVEN = "quorum_unproven"
    """A head is said to be witnessed, and its cosignatures are no quorum's."""
    SHARD_MISFIT = "shard_misfit"
    """A shard does not name the one before it, or is not of this node."""
    MESSAGE_ALTERED = "message_altered"
    MESSAGE_UNRECORDED = "message_unrecorded"
    REGISTRY_ALTERED = "registry_mirror_altered"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something that was altered, and where."""

    code: FindingCode
    shard: str = ""
    first: int | None = None
    """The entry, or the first of those among which it is."""
    last: int | None = None
    """The last of those; None for one entry alone."""
    kind: str = ""
    """What the entry is, where it can be read."""
    at: int = 0
    """When the entry was made, or the head over it signed: UTC seconds; 0 where unknown."""
    subject: str = ""
    """The message; or who holds or signed the head."""
    detail: str = ""
    """The code of what is wrong with a signature; a name that does not fit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldHead:
    """A head of ours that somebody else shows: who, for which shard, and the signed note."""

    by: str
    origin: str
    checkpoint: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """What became of a head that somebody else shows."""

    by: str
    shard: str
    size: int
    verdict: str
    """``agrees``, ``differs``, ``restarted`` (over what a restore lost) or ``unsigned``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditReport:
    """What was checked and what was found, the first bad entry first."""

    entries: int = 0
    erased: int = 0
    checkpoints: int = 0
    witnessed: int = 0
    """How many of the checkpoints a quorum cosigned, as far as that was looked at."""
    messages: int = 0
    waiting: int = 0
    findings: tuple[Finding, ...] = ()
    compared: tuple[Compared, ...] = ()
