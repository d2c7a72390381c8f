"""What happened, noted and told."""

from dataclasses import dataclass

from gateway.services.casework.folding import CaseFolding
from gateway.services.casework.terms import terms_of
from gateway.services.events.chronicle import Chronicle
from gateway.services.events.telling import Telling
from gateway.services.receiving.inbox import Inbox
from gateway.wiring.base import Base
from gateway.wiring.keykeeping import Keykeeping


@dataclass(frozen=True, slots=True, kw_only=True)
class Events:
    """What notes events, and who is told of them."""

    chronicle: Chronicle
    telling: Telling


def wire_events(base: Base, inbox: Inbox, keykeeping: Keykeeping) -> Events:
    """Make what notes and tells events."""
    terms = terms_of(base.settings.cases)
    chronicle = Chronicle(
        base.database,
        base.keys,
        CaseFolding(base.database, base.keys, base.kinds, terms),
        keykeeping.report,
        came=inbox.came,
        clock=base.clock,
        settings=base.settings.events,
    )
    telling = Telling(base.database, base.keys, chronicle, base.clock)
    return Events(chronicle=chronicle, telling=telling)
