"""Cargo: what lanes carry, and how each copy of it goes on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from gateway.errors import LiaisonError
from gateway.protocol.answer import Answer
from gateway.protocol.envelope import Stanza
from keys.suite import MemberId

_COPY_BYTES = 2048
"""What a stanza, hops and framing add to a header and a body."""


@dataclass(slots=True, kw_only=True)
class Load:
    """One copy on its way to the next hop."""

    row_id: int
    recipient: MemberId
    rank: int
    envelope_id: bytes
    header: bytes
    body: bytes
    hops: tuple[MemberId, ...]
    stanza: Stanza | None
    item: Any
    """The cargo's own row."""
    reserved: int = 0
    """How many bytes of the lanes' memory it holds; 0 for one that was claimed."""
    brought: bool = False
    """Whether its attachments were brought in this attempt."""

    @property
    def length(self) -> int:
        """Return about how many bytes it adds to a batch."""
        return copy_length(self.header, self.body)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """How a batch went on: what still needs attachments, and what is due again when."""

    wanting: Sequence[tuple[Load, Sequence[bytes]]] = ()
    due: Mapping[MemberId, int] = field(default_factory=dict)


def copy_length(header: bytes, body: bytes) -> int:
    """Return about how many bytes a copy of an envelope adds to a batch."""
    return len(header) + len(body) + _COPY_BYTES


class Cargo(Protocol):
    """What lanes carry."""

    async def recover(self) -> None:
        """Queue again what a lease held that ran out."""

    async def waiting(self, names: Sequence[MemberId] | None = None) -> Mapping[MemberId, int]:
        """Return for whom (of these) something is queued, and when the first of it is due."""

    async def claim(self, recipients: Sequence[MemberId], most: int) -> Sequence[Load]:
        """Lease what is due for these recipients, up to a batch."""

    async def prepare(self, hop: MemberId, loads: Sequence[Load]) -> Sequence[Load]:
        """Return the loads that can be posted, each with its stanza; give the others back."""

    async def settle(
        self, hop: MemberId, loads: Sequence[Load], answers: Sequence[Answer]
    ) -> Settled:
        """Commit what the answers mean."""

    async def put_back(self, loads: Sequence[Load], fault: LiaisonError, due_at: int) -> None:
        """Give loads back whose attempt came to nothing."""

    async def extend(self, loads: Sequence[Load]) -> None:
        """Keep loads leased whose attempt takes long."""

    async def blob(self, load: Load, blob_id: bytes) -> tuple[str, bytes]:
        """Return where an attachment lies, and its segment list."""
