"""Cases as officers see them, what follows from handling, and what offices of a region do."""

from dataclasses import dataclass

from gateway.services.casework.cases import Cases
from gateway.services.casework.code_lists import CodeLists
from gateway.services.casework.operations import Operations
from gateway.services.handling.duties import RecallDuties
from gateway.services.handling.notices import Notices
from gateway.services.handling.recalls import Recalls
from gateway.services.regions.circulating import Circulating
from gateway.services.regions.copying import LiaisonCopies
from gateway.services.regions.trends import Trends
from gateway.services.sending.exchange import Exchange
from gateway.wiring.auditing import Auditing
from gateway.wiring.base import Base
from gateway.wiring.federation import Federation


@dataclass(frozen=True, slots=True, kw_only=True)
class Casework:
    """What is done with messages beyond their exchange."""

    code_lists: CodeLists
    cases: Cases
    operations: Operations
    recall_duties: RecallDuties
    notices: Notices
    copies: LiaisonCopies
    circulating: Circulating
    trends: Trends


def wire_casework(
    base: Base, federation: Federation, exchange: Exchange, auditing: Auditing, recalls: Recalls
) -> Casework:
    """Make the parts of casework, handling and regions."""
    database, keys, kinds, clock = base.database, base.keys, base.kinds, base.clock
    mirror, settings = federation.mirror, base.settings.cases
    return Casework(
        code_lists=CodeLists(base.nomenclature, kinds),
        cases=Cases(
            database,
            keys,
            outlined=base.holding.outline,
            kinds=kinds,
            clock=clock,
            settings=settings,
        ),
        operations=Operations(database, keys, kinds, clock),
        recall_duties=RecallDuties(
            base.member,
            database,
            keys,
            exchange,
            audit_log=auditing.log,
            audit_search=auditing.search,
            came=recalls.came,
        ),
        notices=Notices(base.member, database, exchange, clock),
        copies=LiaisonCopies(
            database, keys, mirror, exchange, kinds=kinds, clock=clock, settings=settings
        ),
        circulating=Circulating(keys, mirror, exchange, settings),
        trends=Trends(database, keys, kinds=kinds, clock=clock, settings=settings),
    )
