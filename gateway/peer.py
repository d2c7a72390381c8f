"""What one gateway may ask of another.

One interface, implemented by the node itself (``gateway.services.gatekeeper``) and by the HTTPS
client (``gateway.network.peer_client``) alike, so that scenarios plug nodes together without
sockets. Arguments and results are bytes that verify themselves; no implementation is trusted.
"""

from collections.abc import AsyncIterable, AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from gateway.protocol.answer import Answer, Posted
from gateway.protocol.audit import ProvenEntry
from gateway.protocol.mailbox import Collect, Collected, Return
from gateway.protocol.witness import AddCheckpoint
from keys.suite import MemberId


@dataclass(frozen=True, slots=True, kw_only=True)
class Pong:
    """What a node says of itself to a caller it need not know."""

    member: MemberId
    """The member whose node answered."""
    at: int
    """Its clock, UTC seconds: a caller can tell whose clock is off."""
    registry_size: int
    """How many registry statements it has verified."""


class Segment(Protocol):
    """The bytes of one segment, in pieces of any size; each iteration begins anew."""

    @property
    def length(self) -> int:
        """How many bytes it has."""

    def __aiter__(self) -> AsyncIterator[bytes | memoryview]:
        """Return its pieces, in order."""


class Peer(Protocol):
    """One remote gateway, as this node sees it.

    Every method raises ``UnavailableError`` when the peer cannot be reached or asks for time,
    ``RejectedError`` when what was sent (or what came back) will never do, and
    ``ForbiddenError`` when the peer does not admit the caller.
    """

    async def post_envelopes(self, batch: Sequence[Posted]) -> Sequence[Answer]:
        """Offer up to 64 copies or 4 MiB; return one answer for each copy, in order."""

    async def offer_blob(self, blob_id: bytes, segment_list: bytes) -> Sequence[int]:
        """Offer a sealed attachment by its segment list; return the segments still missing."""

    async def put_segment(self, blob_id: bytes, index: int, segment: Segment) -> None:
        """Hand over one segment (at most 8 MiB) of an offered blob."""

    async def blob_segments(self, envelope_id: bytes, blob_id: bytes) -> bytes:
        """Return the segment list of an attachment that waits for the caller."""

    async def blob_segment(
        self, envelope_id: bytes, blob_id: bytes, index: int
    ) -> AsyncIterable[bytes | memoryview]:
        """Return one segment of an attachment that waits for the caller, as it comes.

        What goes wrong on the way is raised while it is read.
        """

    async def collect(self, asked: Collect) -> Collected:
        """Confirm what was taken, and wait for what is new: copies, leased to the caller."""

    async def post_returns(self, returns: Sequence[Return]) -> None:
        """Hand back what became of copies that came from the peer."""

    async def post_card(self, note: bytes) -> None:
        """Leave the caller's newest key card with a relay that answers for it."""

    async def card(self, member: MemberId) -> bytes:
        """Return the newest key card of ``member`` that the peer holds: a signed note."""

    async def registry_checkpoint(self) -> bytes:
        """Return the newest registry checkpoint that the peer holds: a signed note."""

    async def registry_entries(self, start: int, end: int) -> Sequence[bytes]:
        """Return the registry statements ``start`` to ``end`` (exclusive), at most 256."""

    async def post_statement(self, note: bytes) -> None:
        """Ask a registrar to append a complete, signed statement; hand a veto to anybody."""

    async def add_checkpoint(self, asked: AddCheckpoint) -> bytes:
        """Ask a witness to cosign a log's head; return its signature lines.

        Raises SizeDiffersError where it starts from a head of another size.
        """

    async def witnessed_checkpoint(self, origin: str) -> bytes:
        """Return the newest head of a log that the peer cosigned, with its lines: a signed note.

        Raises RejectedError ``not_witnessed`` where it cosigned none.
        """

    async def audit_proofs(self, message_id: bytes, envelope_id: bytes) -> Sequence[ProvenEntry]:
        """Return what the peer's log says of a message between it and the caller, with proofs.

        Raises RejectedError ``message_unknown``, for a message of others too.
        """

    async def audit_checkpoint(self) -> bytes:
        """Return the newest head of the peer's audit log that a quorum cosigned: a signed note.

        Without a quorum the newest signed one. Raises RejectedError ``audit_empty``.
        """

    async def audit_consistency(self, origin: str, old: int, new: int) -> Sequence[bytes]:
        """Return the proof (32 bytes a hash) that a shard of its log grew from one size to another.

        Raises RejectedError ``shard_unknown`` or ``size_unknown``.
        """

    async def ping(self) -> Pong:
        """Ask who is there and what time it has."""


class Peers(Protocol):
    """How a node reaches the others; the wiring decides whether through sockets or in memory."""

    def member(self, member: MemberId) -> Peer:
        """Return the gateway of a member, at the endpoint that the registry names now."""

    def registrar(self, *, pinned: bool = True) -> Peer:
        """Return the registrar's gateway, at the address of the configuration.

        ``pinned`` reaches it only where it shows a certificate that the registry lists, so that it
        is the registrar who answers; otherwise what it shows has to verify itself.
        """
