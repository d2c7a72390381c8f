"""This node's own keys through their lives."""

from dataclasses import dataclass

from gateway.services.keykeeping.ceremony import Ceremony
from gateway.services.keykeeping.key_report import KeyReport
from gateway.services.keykeeping.publishing import Publishing
from gateway.services.keykeeping.renewal import Renewal
from gateway.services.keykeeping.rewrapping import Rewrapping
from gateway.services.keykeeping.rotation import Rotation
from gateway.wiring.base import Base
from gateway.wiring.federation import Federation


@dataclass(frozen=True, slots=True, kw_only=True)
class Keykeeping:
    """Keys brought, replaced, revoked, shown, and taken off what they wrapped."""

    rotation: Rotation
    ceremony: Ceremony
    rewrapping: Rewrapping
    report: KeyReport


def wire_keykeeping(base: Base, federation: Federation) -> Keykeeping:
    """Make the parts that keep keys."""
    database, keys, mirror = base.database, base.keys, federation.mirror
    ledger, clock, policy = base.ledger, base.clock, base.settings.policy
    publishing = Publishing(
        keys, mirror, federation.registrar, ledger=ledger, clock=clock, policy=policy
    )
    return Keykeeping(
        rotation=Rotation(
            database,
            keys,
            mirror,
            publishing,
            Renewal(keys, mirror, federation.cards, clock=clock, policy=policy),
            ledger=ledger,
            clock=clock,
            policy=policy,
        ),
        ceremony=Ceremony(
            database, keys, mirror, federation.registrar, ledger=ledger, clock=clock, policy=policy
        ),
        rewrapping=Rewrapping(database, keys, ledger, clock),
        report=KeyReport(
            database, keys, mirror, clock=clock, policy=policy, named=federation.views.named
        ),
    )
