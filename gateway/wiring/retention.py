"""What becomes of what is over."""

from dataclasses import dataclass

from gateway.services.casework.standing import CaseEnds
from gateway.services.casework.terms import terms_of
from gateway.services.retention.burying import Burying
from gateway.services.retention.deciding import Deciding
from gateway.services.retention.purging import Purging
from gateway.services.retention.walking import RetentionWalk
from gateway.wiring.base import Base


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """What decides about cases, and what acts by itself."""

    deciding: Deciding
    walk: RetentionWalk
    purging: Purging
    """Of conversations in which nothing is asked."""


def wire_retention(base: Base) -> Retention:
    """Make the parts of retention."""
    database, keys, kinds, clock = base.database, base.keys, base.kinds, base.clock
    ledger, settings = base.ledger, base.settings
    burying = Burying(database, base.blobs, keys, ledger, clock)
    ends = CaseEnds(keys, kinds, terms_of(settings.cases))
    return Retention(
        deciding=Deciding(database, keys, burying, ends, ledger=ledger, clock=clock),
        walk=RetentionWalk(database, keys, burying, ends, kinds=kinds, ledger=ledger, clock=clock),
        purging=Purging(database, keys, kinds, clock, settings.policy),
    )
