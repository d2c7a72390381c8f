"""What this node holds of other members' audit logs, checked again, and against what they show now.

As a peer it keeps heads that were shown to it, each with its proof from the one before; as a
witness the heads that it cosigned, which it compared then. Both are verified anew from what is
stored, by keys that the registry lists; then the member is asked.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise

import msgspec

from gateway.clock import Clock
from gateway.errors import LiaisonError, RejectedError
from gateway.protocol.witness import check_growth
from gateway.services.caller import Caller, require
from gateway.services.federation.registry import RegistryMirror
from gateway.services.witness.log_alarms import LogAlarms, LogAlarmView, LogVerdict
from gateway.services.witness.watching import Watching
from gateway.settings import Role
from gateway.store import log_heads, witnessed
from gateway.store.database import Database, Transaction
from gateway.store.log_heads import LogHead
from gateway.store.witnessed import WitnessedHead
from keys.registry.origins import registered_log_keys
from keys.registry.view import View
from keys.suite import MemberId
from keys.tlog.checkpoint import Checkpoint, checkpoint_of
from keys.tlog.merkle import HASH_BYTES
from keys.tlog.note import parse_note, verify_note

COSIGNED_CHECKED = 1_000
"""How many of the heads that were cosigned are verified again, the newest."""


class HeldLog(msgspec.Struct, frozen=True, kw_only=True):
    """What is held of one shard of a member's log."""

    log: str
    """Its origin."""
    heads: int
    """How many heads were shown to this node and are kept."""
    size: int
    """Of the newest of them; 0 for none."""
    seen_at: int
    cosigned_size: int
    """Of the newest head that this node cosigned as a witness; 0 for none."""
    cosigned_at: int


class PeerLogSummary(msgspec.Struct, frozen=True, kw_only=True):
    """A member of whose audit log something is held."""

    member: str
    logs: list[HeldLog]
    alarms: list[LogAlarmView]
    """What is wrong with it, of the last 30 days."""


class PeerLogReport(PeerLogSummary, frozen=True, kw_only=True):
    """A member's audit log, checked."""

    verified: bool
    """Whether nothing contradicts it; a log that began anew is an alarm all the same."""
    findings: list[str]
    """What of the heads kept here does not hold: somebody changed this node's database."""
    answered: bool
    """Whether the member showed its newest head just now."""
    present: str
    """What that says, or why there is none."""


class PeerLogs:
    """Shows and checks what is held of others' logs."""

    def __init__(
        self,
        database: Database,
        mirror: RegistryMirror,
        watching: Watching,
        alarms: LogAlarms,
        clock: Clock,
    ) -> None:
        self._database = database
        self._mirror = mirror
        self._watching = watching
        self._alarms = alarms
        self._clock = clock

    async def listing(self, caller: Caller) -> list[PeerLogSummary]:
        """Return what is held of each member's log, by name."""
        require(caller, Role.AUDITOR, Role.OPERATOR)

        def read(tx: Transaction) -> list[PeerLogSummary]:
            alarms = self._alarms.recent_in(tx)
            names = {alarm.member for alarm in alarms}
            names.update(log_heads.members(tx), witnessed.members(tx))
            return [
                PeerLogSummary(
                    member=name,
                    logs=[_held(tx, origin) for origin in _origins(tx, name)],
                    alarms=[alarm for alarm in alarms if alarm.member == name],
                )
                for name in sorted(names)
            ]

        return await self._database.read(read)

    async def report(self, name: str, caller: Caller) -> PeerLogReport:
        """Check a member's log: what is held of it, and what it shows now.

        Raises RejectedError ``member_not_found``.
        """
        require(caller, Role.AUDITOR, Role.OPERATOR)
        view = self._mirror.view
        if name not in view.members:
            raise RejectedError("member_not_found", f"the registry knows no member {name}")
        began_at = self._clock.now()
        answered, present = await self._ask(MemberId(name))

        def read(tx: Transaction) -> tuple[list[HeldLog], list[str], list[LogAlarmView]]:
            origins = _origins(tx, name)
            findings = [item for origin in origins for item in _findings(tx, view, origin)]
            held = [_held(tx, origin) for origin in origins]
            return held, findings, self._alarms.recent_in(tx, name)

        held, findings, alarms = await self._database.read(read)
        wrong = [alarm for alarm in alarms if alarm.verdict is not LogVerdict.RESTARTED]
        if answered and not any(alarm.at >= began_at for alarm in wrong):
            present += ": it continues what is held here"
        return PeerLogReport(
            member=name,
            logs=held,
            alarms=alarms,
            verified=not findings and not wrong,
            findings=findings,
            answered=answered,
            present=present,
        )

    async def _ask(self, member: MemberId) -> tuple[bool, str]:
        try:
            head = await self._watching.look(member)
        except LiaisonError as fault:
            return False, f"{member} shows nothing now: {fault.detail}"
        return True, f"{member} shows {head.size} entries of {head.origin}"


def _origins(tx: Transaction, member: str) -> list[str]:
    cosigned = [log.origin for log in witnessed.logs_of(tx, member)]
    return sorted({*log_heads.origins_of(tx, member), *cosigned})


def _held(tx: Transaction, origin: str) -> HeldLog:
    shown, cosigned = log_heads.newest(tx, origin), witnessed.newest(tx, origin)
    return HeldLog(
        log=origin,
        heads=log_heads.count(tx, origin),
        size=0 if shown is None else shown.size,
        seen_at=0 if shown is None else shown.seen_at,
        cosigned_size=0 if cosigned is None else cosigned.size,
        cosigned_at=0 if cosigned is None else cosigned.stored_at,
    )


def _findings(tx: Transaction, view: View, origin: str) -> Iterator[str]:
    """Yield what does not hold of the heads of one log: signatures, growth, and both together."""
    chain = log_heads.chain(tx, origin)
    cosigned = witnessed.newest_of(tx, origin, COSIGNED_CHECKED)
    held: list[LogHead | WitnessedHead] = [*chain, *cosigned]
    for head in held:
        if not _is_signed(view, head):
            yield f"the head of {head.size} entries of {origin} is not as its log signed it"
    yield from _breaks(chain)
    roots = {head.size: head.root for head in chain}
    for head in cosigned:
        if roots.get(head.size, head.root) != head.root:
            yield f"{origin} had two histories of {head.size} entries: shown, and cosigned"


def _breaks(chain: Sequence[LogHead]) -> Iterator[str]:
    """Yield where a chain of heads is not one, by the proofs that are kept with them."""
    for before, head in pairwise(chain):
        proof = [head.proof[at : at + HASH_BYTES] for at in range(0, len(head.proof), HASH_BYTES)]
        try:
            check_growth(before.size, proof, _checkpoint(head), _checkpoint(before))
        except LiaisonError:
            yield (
                f"nothing shows that {head.size} entries of {head.origin} continue the "
                f"{before.size} before"
            )


def _is_signed(view: View, head: LogHead | WitnessedHead) -> bool:
    """Tell whether a stored head is what any key of its log ever signed."""
    try:
        note = parse_note(head.checkpoint)
        verify_note(note, registered_log_keys(view, head.origin))
        return checkpoint_of(note) == _checkpoint(head)
    except LiaisonError:
        return False


def _checkpoint(head: LogHead | WitnessedHead) -> Checkpoint:
    return Checkpoint(head.origin, head.size, head.root)
