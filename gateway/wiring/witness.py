"""Others' logs: cosigned as a witness, looked at as a peer; and our heads, cosigned by others."""

from dataclasses import dataclass

from gateway.services.federation.statements import Statements
from gateway.services.witness.cosigning import Cosigning
from gateway.services.witness.log_alarms import LogAlarms
from gateway.services.witness.peer_logs import PeerLogs
from gateway.services.witness.watching import Watching
from gateway.services.witness.witnessing import Witnessing
from gateway.wiring.base import Base
from gateway.wiring.federation import Federation


@dataclass(frozen=True, slots=True, kw_only=True)
class Witness:
    """What this node says of logs, and what it noticed."""

    alarms: LogAlarms
    witnessing: Witnessing
    watching: Watching
    cosigning: Cosigning
    peer_logs: PeerLogs


def wire_witness(base: Base, federation: Federation) -> Witness:
    """Make the witness's parts."""
    database, clock, ways = base.database, base.clock, base.ways
    mirror = federation.mirror
    alarms = LogAlarms(database, base.ledger, clock)
    watching = Watching(
        base.member,
        database,
        mirror,
        ways,
        alarms=alarms,
        clock=clock,
        entropy=base.entropy,
        every_s=base.settings.audit.watch_s,
    )
    return Witness(
        alarms=alarms,
        witnessing=Witnessing(
            database,
            base.keys,
            mirror,
            statements=Statements(ways, federation.vetoes),
            alarms=alarms,
            clock=clock,
        ),
        watching=watching,
        cosigning=Cosigning(
            mirror,
            ways,
            clock=clock,
            entropy=base.entropy,
            settings=base.settings.registry,
            registers=federation.registers,
        ),
        peer_logs=PeerLogs(database, mirror, watching, alarms, clock),
    )
