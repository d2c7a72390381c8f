"""Decide about a case: keep it, hold it, restrict it, open it again, purge it. All is recorded.

An officer looks after the case and says for how long it is needed; closing it to the house takes
nothing away that cannot be given back, so that an officer does it too. What opens it again, ends a
legal hold, or destroys, is for a releaser; and who restricted a case is not who purges it, so that
nobody destroys alone. Source: SPEC "Retention".
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Annotated

import msgspec

from gateway.cases.fields.schema import ONE_LINE
from gateway.cases.threads.calendars import ANYWHERE
from gateway.cases.threads.retention import FOREVER, RetentionReason, Standing
from gateway.clock import Clock
from gateway.errors import ConflictError, ForbiddenError, RejectedError, UnavailableError
from gateway.faults import Fault, FaultsError
from gateway.protocol.audit import EntryKind
from gateway.services.caller import Caller, require
from gateway.services.casework.standing import CaseEnd, CaseEnds, decided_of, unit_of_case
from gateway.services.keys import NodeKeys
from gateway.services.ledger import Ledger
from gateway.services.retention.burying import Burying, Stones
from gateway.settings import Role
from gateway.store import audit, messages, retentions
from gateway.store.database import Database, Transaction
from gateway.store.messages import MessageSummary
from gateway.store.purge import REPEATS_S
from gateway.store.retentions import Retention

_REPEATS = 3
_YEARS_MOST = 100

Reference = Annotated[str, msgspec.Meta(max_length=64, pattern=ONE_LINE)]
"""A file number, by which a reason is found elsewhere; empty for none."""


class Ruling(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why a case is restricted, opened again or purged."""

    reason: RetentionReason
    reference: Reference = ""


class Keeping(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Until when a case is kept, and why: to a day, or on a legal hold, without end."""

    reason: RetentionReason
    reference: Reference = ""
    keep_until: Annotated[str, msgspec.Meta(pattern=r"\A[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")] | None = (
        None
    )
    """The last day, in UTC."""
    hold: bool = False


class CaseDecided(msgspec.Struct, frozen=True, kw_only=True):
    """Where a case stands after a decision."""

    case: str
    standing: Standing
    keep_until: int | None
    """Until when it is kept, UTC seconds; None without such a word, and on a legal hold."""
    held: bool
    messages: int
    """How many messages it has."""


class Deciding:
    """Takes decisions about cases."""

    def __init__(
        self,
        database: Database,
        keys: NodeKeys,
        burying: Burying,
        ends: CaseEnds,
        *,
        ledger: Ledger,
        clock: Clock,
    ) -> None:
        self._database = database
        self._keys = keys
        self._burying = burying
        self._ledger = ledger
        self._clock = clock
        self._ends = ends

    async def keep(self, case: str, asked: Keeping, caller: Caller) -> CaseDecided:
        """Keep a case until a day, or without end; what was said before about that is over.

        Raises RejectedError ``case_not_found``; FaultsError for a day that is over, or none;
        ForbiddenError ``role_missing`` or ``unit_mismatch``; ConflictError ``case_purged``.
        """
        require(caller, Role.OFFICER, Role.RELEASER)
        kind = EntryKind.CASE_REVIEWED
        keep_until = kept_until(asked, self._clock.now())

        def decide(before: Retention, end: CaseEnd, now: int) -> tuple[Retention, EntryKind, str]:
            if "releaser" in end.reviewers or before.keep_until == FOREVER != keep_until:
                require(caller, Role.RELEASER)
            after = replace(
                before,
                keep_until=keep_until,
                kept_by=caller.name,
                kept_at=now,
                kept_reason=asked.reason.value,
                kept_reference=asked.reference,
            )
            until = "hold" if asked.hold else f"keep {asked.keep_until}"
            return after, kind, f"{until} {asked.reason}"

        return await self._decided(case, caller, decide)

    async def restrict(self, case: str, asked: Ruling, caller: Caller) -> CaseDecided:
        """Close what was said in a case that is over.

        Raises as ``keep``; ConflictError ``case_runs`` or ``case_stands_so``.
        """
        require(caller, Role.OFFICER, Role.RELEASER)

        def decide(before: Retention, end: CaseEnd, now: int) -> tuple[Retention, EntryKind, str]:
            if end.over_at > now:
                raise ConflictError("case_runs", f"case {case} is not over yet")
            if before.standing is Standing.RESTRICTED:
                raise ConflictError("case_stands_so", f"case {case} is restricted already")
            after = _stands(before, Standing.RESTRICTED, asked, caller, now)
            return after, EntryKind.CASE_RESTRICTED, asked.reason.value

        return await self._decided(case, caller, decide)

    async def lift(self, case: str, asked: Ruling, caller: Caller) -> CaseDecided:
        """Open a restricted case to its unit again.

        Raises as ``keep``; ConflictError ``case_not_restricted``.
        """
        require(caller, Role.RELEASER)

        def decide(before: Retention, end: CaseEnd, now: int) -> tuple[Retention, EntryKind, str]:
            del end
            _check_restricted(before, case)
            after = _stands(before, Standing.OPEN, asked, caller, now)
            return after, EntryKind.CASE_LIFTED, asked.reason.value

        return await self._decided(case, caller, decide)

    async def purge(self, case: str, asked: Ruling, caller: Caller) -> CaseDecided:
        """Destroy what was said in a restricted case; its tombstone stays.

        Raises RejectedError ``case_not_found``; ForbiddenError ``role_missing``, ``unit_mismatch``
        or ``second_person_needed``; ConflictError ``case_purged``, ``case_not_restricted``,
        ``case_runs``, ``case_kept`` or ``case_under_way``; UnavailableError ``busy``.
        """
        require(caller, Role.RELEASER)
        for _ in range(_REPEATS):
            stored = await self._database.read(lambda tx: self._case(tx, case, caller))
            stones = await self._burying.stones(stored)
            done = await self._database.write(
                lambda tx, stones=stones: self._purge(tx, case, stones, asked, caller)  # type: ignore[misc]
            )
            if done is not None:
                await self._burying.scrub()
                return done
        raise UnavailableError("busy", "messages come in this case: try again", retry_after_s=2)

    def _purge(
        self, tx: Transaction, case: str, stones: Stones, asked: Ruling, caller: Caller
    ) -> CaseDecided | None:
        stored = self._case(tx, case, caller)
        before = decided_of(tx, self._keys, stored)
        now = self._clock.now()
        if before.standing is Standing.PURGED:
            raise _purged(case)
        _check_restricted(before, case)
        if before.stands_by == caller.name:
            raise ForbiddenError(
                "second_person_needed",
                f"{caller.name} restricted case {case}: another releaser purges it",
            )
        check_purgeable(tx, before, self._ends.of(tx, stored, now), now)
        after = _stands(before, Standing.PURGED, asked, caller, now)
        if not self._burying.bury(tx, stored, stones, caller.name, asked.reason.value):
            return None
        retentions.record(tx, after)
        return _told(after, stored)

    async def _decided(
        self,
        case: str,
        caller: Caller,
        decide: Callable[[Retention, CaseEnd, int], tuple[Retention, EntryKind, str]],
    ) -> CaseDecided:
        def commit(tx: Transaction) -> CaseDecided:
            stored = self._case(tx, case, caller)
            before = decided_of(tx, self._keys, stored)
            if before.standing is Standing.PURGED:
                raise _purged(case)
            now = self._clock.now()
            after, kind, code = decide(before, self._ends.of(tx, stored, now), now)
            retentions.record(tx, after)
            first = stored[0].envelope_id
            entry = self._ledger.entry(kind, peer=caller.name, digests=(first,), code=code)
            audit.append(tx, [entry])
            return _told(after, stored)

        return await self._database.write(commit)

    def _case(self, tx: Transaction, case: str, caller: Caller) -> list[MessageSummary]:
        """Return the messages of a case that a caller may decide about."""
        stored = messages.of_cases(tx, [_case_id(case)])
        if not stored:
            raise RejectedError("case_not_found", f"there is no case {case} here")
        if caller.unit is not None and unit_of_case(tx, self._keys, stored) != caller.unit:
            raise ForbiddenError("unit_mismatch", f"{caller.name} sees its own unit's cases only")
        return stored


def check_purgeable(tx: Transaction, decided: Retention, end: CaseEnd, now: int) -> None:
    """Let a case pass of which nobody needs anything any more.

    Raises ConflictError ``case_runs``, ``case_kept`` or ``case_under_way``.
    """
    case = decided.case_id.hex()
    if end.over_at > now:
        raise ConflictError("case_runs", f"case {case} is not over yet")
    if end.reopens_until > now:
        day = _day(end.reopens_until)
        raise ConflictError("case_runs", f"case {case} may still be opened again until {day}")
    if decided.keep_until == FOREVER:
        raise ConflictError("case_kept", f"case {case} is on a legal hold, by {decided.kept_by}")
    if decided.keep_until > now:
        day = _day(decided.keep_until - 1)
        raise ConflictError("case_kept", f"case {case} is kept until {day}, by {decided.kept_by}")
    why, until = retentions.under_way(tx, decided.case_id, repeats_s=REPEATS_S)
    if why == "repeats" and until <= now:
        return
    told = _UNDER_WAY[why].format(day=_day(until))
    raise ConflictError("case_under_way", f"case {case}: {told}")


_UNDER_WAY = {
    "draft": "a draft in it waits for a second person",
    "unsettled": "a message of it is still on its way",
    "unacknowledged": "a message that was received in it was never acknowledged",
    "recall": "a recall in it is not answered yet",
    "repeats": "a message of it may come again until {day}",
}


def _stands(
    before: Retention, standing: Standing, asked: Ruling, caller: Caller, now: int
) -> Retention:
    return replace(
        before,
        standing=standing,
        stands_by=caller.name,
        stands_since=now,
        reason=asked.reason.value,
        reference=asked.reference,
    )


def _check_restricted(decided: Retention, case: str) -> None:
    if decided.standing is not Standing.RESTRICTED:
        raise ConflictError("case_not_restricted", f"case {case} is not restricted")


def _purged(case: str) -> ConflictError:
    return ConflictError(
        "case_purged", f"case {case} was purged: its tombstone is all that is left"
    )


def kept_until(asked: Keeping, now: int) -> int:
    """Return until when to keep, UTC seconds. Raises FaultsError."""
    at = "/keep_until"
    if asked.hold:
        if asked.keep_until is not None:
            raise FaultsError([Fault(pointer=at, code="conflict", limit="/hold")])
        return FOREVER
    if asked.keep_until is None:
        raise FaultsError([Fault(pointer=at, code="missing")])
    try:
        until = ANYWHERE.end_of(date.fromisoformat(asked.keep_until))
    except ValueError as fault:
        raise FaultsError([Fault(pointer=at, code="not_a_date")]) from fault
    if until <= now:
        raise FaultsError([Fault(pointer=at, code="day_past")])
    if until > now + _YEARS_MOST * 366 * 86_400:
        raise FaultsError([Fault(pointer=at, code="year_unlikely")])
    return until


def _told(decided: Retention, stored: Sequence[MessageSummary]) -> CaseDecided:
    held = decided.keep_until == FOREVER
    return CaseDecided(
        case=decided.case_id.hex(),
        standing=decided.standing,
        keep_until=None if held or not decided.keep_until else decided.keep_until,
        held=held,
        messages=len(stored),
    )


def _day(at: int) -> str:
    return datetime.fromtimestamp(min(at, 253_402_300_799), UTC).date().isoformat()


def _case_id(case: str) -> bytes:
    try:
        return bytes.fromhex(case)
    except ValueError:
        return b""
