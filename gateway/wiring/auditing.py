"""This node's own audit log, and evidence of what was exchanged."""

from dataclasses import dataclass

from gateway.services.auditing.anchoring import Anchoring
from gateway.services.auditing.continuity import Recollection
from gateway.services.auditing.erasing import Erasing
from gateway.services.auditing.log import AuditLog
from gateway.services.auditing.reading import AuditReading
from gateway.services.auditing.restoring import Restoring
from gateway.services.auditing.search import AuditSearch
from gateway.services.proving.evidence import EvidenceFiles
from gateway.services.proving.testimony import Testimony
from gateway.services.sending.exchange import Exchange
from gateway.wiring.base import Base
from gateway.wiring.federation import Federation
from gateway.wiring.witness import Witness


@dataclass(frozen=True, slots=True, kw_only=True)
class Auditing:
    """The audit log: written, read, witnessed, continued after a restore, and what it proves."""

    log: AuditLog
    reading: AuditReading
    search: AuditSearch
    erasing: Erasing
    anchoring: Anchoring
    restoring: Restoring
    testimony: Testimony
    evidence: EvidenceFiles


def wire_auditing(
    base: Base, federation: Federation, witness: Witness, exchange: Exchange
) -> Auditing:
    """Make the audit log's parts; that something was restored is told by a message."""
    database, mirror = base.database, federation.mirror
    ledger, clock, settings = base.ledger, base.clock, base.settings
    reading = AuditReading(database)
    testimony = Testimony(database, reading, clock)
    log = AuditLog(
        database,
        base.keys,
        mirror,
        ledger=ledger,
        continuity=Recollection(
            base.member,
            database,
            mirror,
            base.peers,
            witness.alarms,
            clock=clock,
            entropy=base.entropy,
        ),
        clock=clock,
    )
    return Auditing(
        log=log,
        reading=reading,
        search=AuditSearch(database, base.keys),
        erasing=Erasing(database, ledger),
        anchoring=Anchoring(
            database,
            mirror,
            base.ways,
            reading,
            log,
            ledger=ledger,
            clock=clock,
            entropy=base.entropy,
            settings=settings.audit,
        ),
        restoring=Restoring(
            base.member, database, mirror, exchange, log, clock=clock, policy=settings.policy
        ),
        testimony=testimony,
        evidence=EvidenceFiles(
            database,
            base.keys,
            mirror,
            base.ways,
            testimony=testimony,
            cosigning=witness.cosigning,
            ledger=ledger,
            refusals=base.refusals,
            kinds=base.kinds,
            clock=clock,
        ),
    )
