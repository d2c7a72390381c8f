"""The gate before what goes out: whether a draft waits for a second person, and beside what else.

What the node says of itself never waits: nobody drafted it. Source: SPEC "Release".
"""

from collections.abc import Sequence
from dataclasses import replace

from gateway.cases.fields.schema import Content
from gateway.cases.kind import Family, Kind
from gateway.cases.sanitising import tells_of_persons
from gateway.cases.threads.event import Event
from gateway.cases.threads.thread import is_event
from gateway.errors import ConflictError
from gateway.protocol.message import message_ref
from gateway.services.caller import NODE, Caller
from gateway.services.casework.conduct import Conduct
from gateway.services.sending.holding import Holding
from gateway.services.sending.release_rules import Outgoing, asking
from gateway.settings import ReleaseSettings
from gateway.store import drafts
from gateway.store.database import Database, Transaction
from gateway.store.drafts import DraftFacts, DraftState
from keys.suite import MemberId


class ReleaseGate:
    """Says which drafts wait."""

    def __init__(
        self,
        me: MemberId,
        database: Database,
        holding: Holding,
        conduct: Conduct,
        rules: Sequence[ReleaseSettings],
    ) -> None:
        self._me = me
        self._database = database
        self._holding = holding
        self._conduct = conduct
        self._rules = rules
        self._held: list[tuple[bytes, Event]] = []

    def begin(self) -> None:
        """Begin a batch: what was held before is stored by now, or never will be."""
        self._held.clear()

    def rule(
        self,
        kind: Kind,
        to: Sequence[MemberId],
        said: Content,
        caller: Caller,
        *,
        files: bool,
        forwards: bool,
    ) -> str | None:
        """Return the rule that asks for a second person; None for none."""
        if not self._rules or caller == NODE or kind.family is Family.SERVICE:
            return None
        outgoing = Outgoing(
            kind=kind.name,
            to=to,
            handling=getattr(said, "handling", None),
            attachments=files,
            personal=tells_of_persons(kind, said),
            forwards=forwards,
        )
        return asking(self._rules, outgoing)

    async def hold(self, case_id: bytes, event: Event) -> None:
        """Let wait what could still be said after all that waits in its case already.

        What needs no release is held against what was said alone: what waits may never be. Raises
        ConflictError as ``Conduct.check``.
        """
        if not is_event(event.kind):
            return
        held = [said for case, said in self._held if case == case_id]
        held += await self._holding.events_in(case_id)
        held = [replace(said, seq=event.seq) for said in held if is_event(said.kind)]
        try:
            await self._conduct.check(case_id, replace(event, seq=event.seq + 1), held)
        except ConflictError as fault:
            raise ConflictError(
                fault.code, f"{fault.detail}; what waits for a release in this case counts too"
            ) from fault
        self._held.append((case_id, event))

    async def check_sent(self, *, message_id: bytes = b"", case_id: bytes = b"") -> None:
        """Raise ConflictError ``awaits_release`` for what is here, but as a draft that waits."""

        def find(tx: Transaction) -> list[DraftFacts]:
            named = drafts.find(tx, message_id)
            return [*([] if named is None else [named]), *drafts.waiting_in(tx, case_id)]

        for draft in await self._database.read(find):
            if draft.state is DraftState.AWAITING_RELEASE:
                named = message_ref(self._me, draft.message_id)
                raise ConflictError(
                    "awaits_release", f"{named} waits for a second person: nothing follows it yet"
                )
