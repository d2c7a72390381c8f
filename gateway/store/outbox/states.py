"""The states of a row, and every transition that there is."""

from collections.abc import Mapping
from enum import StrEnum

from sqlalchemy import Case, bindparam, case, literal, select, text

from gateway.store.database import Transaction
from gateway.store.schema import outbox


class OutboxState(StrEnum):
    """Where a message stands with one recipient; each says who moves it on."""

    QUEUED = "queued"
    """Accepted and due some time. A lane claims it. A crash leaves it as it is."""
    SENDING = "sending"
    """Under a lease: in a lane or on the line. The lane settles or defers it. A crash leaves the
    lease, and the row is queued when that runs out; a repeat is answered with the first receipt."""
    IN_CUSTODY = "in_custody"
    """A relay holds a copy and signed for it. A return moves it; it is posted again after an hour,
    then after two, in case the relay lost it. A crash leaves it as it is."""
    DELIVERED = "delivered"
    """The recipient's receipt is held. Final, but that a recipient which was restored from a backup
    is offered it again (``offer_again``); whatever comes of that, it is delivered afterwards."""
    FAILED = "failed"
    """Refused for ever, with the code. Final, but for requeue by an operator or a late receipt."""
    EXPIRED = "expired"
    """Its lifetime passed. Final, but a receipt that comes late still makes it delivered."""
    WITHDRAWN = "withdrawn"
    """Taken back by its sender while it waited. Final, but for requeue or a late receipt: an
    attempt whose answer was lost may have arrived."""


OPEN = (OutboxState.QUEUED, OutboxState.SENDING, OutboxState.IN_CUSTODY)
"""The states in which something will still happen by itself."""
_Q, _S, _C = OPEN
_D, _F, _E, _W = (
    OutboxState.DELIVERED,
    OutboxState.FAILED,
    OutboxState.EXPIRED,
    OutboxState.WITHDRAWN,
)
LEGAL: Mapping[OutboxState, frozenset[OutboxState]] = {
    _Q: frozenset({_S, _C, _D, _F, _E, _W}),
    _S: frozenset({_Q, _C, _D, _F, _E}),
    _C: frozenset({_Q, _D, _F, _E}),
    _D: frozenset(),
    _F: frozenset({_Q, _D}),
    _E: frozenset({_D}),
    _W: frozenset({_Q, _D}),
}
"""Every transition there is. A queued row may be settled without a lease: the answer of an attempt
whose lease ran out, or a return, comes when it comes."""
SIGNER_REVOKED = "signer_revoked"
"""Why a recipient takes no message of a revoked key: no end, because it is signed again."""
# Statements of the fast path are built once: building costs more than running them.
# What is spelt out as the partial indexes are, or they are not seen.
LEASED = text("outbox.state IN ('sending', 'in_custody')")
DEAD = text("outbox.state IN ('failed', 'expired', 'withdrawn')")
FIRST_TIME = outbox.c.offered_again_at.is_(None)
_STATES = (
    select(outbox.c.row_id, outbox.c.state)
    .where(outbox.c.row_id.in_(bindparam("rows", expanding=True)))
    .with_for_update()
)


def legal(tx: Transaction, wanted: Mapping[int, OutboxState]) -> set[int]:
    """Return the rows, of those wanted to move to a state, that may."""
    if not wanted:
        return set()
    found = tx.execute(_STATES, {"rows": list(wanted)})
    return {row.row_id for row in found if wanted[row.row_id] in LEGAL[OutboxState(row.state)]}


def ended(state: OutboxState) -> Case[str]:
    """Return the state of a row that ends so; one that was only offered again was delivered."""
    return case((FIRST_TIME, literal(state.value)), else_=OutboxState.DELIVERED.value)
