"""Conduct: whether the state of a thread lets something be said, before it is written.

Source: SPEC "Cases".
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from gateway.cases.kind import Kind
from gateway.cases.threads.clocks import reopenable_until
from gateway.cases.threads.event import Event
from gateway.cases.threads.growing import GrowingCase, case_of
from gateway.cases.threads.instruments import Instrument, policy_of
from gateway.cases.threads.placing import pairs_of
from gateway.cases.threads.thread import (
    RECALL,
    REOPEN,
    REQUEST,
    is_event,
    row_of,
    takes_back_own,
)
from gateway.errors import ConflictError
from gateway.services.casework.events import read_events
from gateway.services.casework.known_cases import KnownCases
from gateway.services.keys import NodeKeys
from gateway.store import messages
from gateway.store.database import Database, Transaction
from gateway.store.messages import MessageSummary


class Conduct:
    """Holds what is drafted against the threads that it is part of."""

    def __init__(
        self,
        database: Database,
        keys: NodeKeys,
        kinds: Mapping[str, Kind],
        instruments: Sequence[Instrument] = (),
    ) -> None:
        self._instruments = instruments
        self._database = database
        self._keys = keys
        self._kinds = kinds
        self._known = KnownCases(database, GrowingCase(), self._grown)
        self._drafted: list[tuple[bytes, Event]] = []

    def begin(self) -> None:
        """Begin a batch: what was drafted before is stored by now, or never will be."""
        self._drafted.clear()

    async def check(self, case_id: bytes, said: Event, beside: Sequence[Event] = ()) -> Event:
        """Return ``said`` as it is said: it answers what its sender heard last, unless it says.

        ``beside`` is held to be said too. Raises ConflictError ``not_in_this_state`` or
        ``not_the_newest``.
        """
        if not is_event(said.kind):
            return said
        stored = await self._stored(case_id, said.kind)
        drafted = [event for case, event in self._drafted if case == case_id]
        known = stored.with_events([*beside, *drafted])
        said = admitted(known, said)
        if said.kind == REOPEN:
            check_reopening(known, said, self._instruments)
        return said

    async def _stored(self, case_id: bytes, kind: str) -> GrowingCase:
        """Return what is stored of a case; with the dates that an opening again depends on."""
        if kind != REOPEN:
            return await self._known.read(case_id)
        events = await self._database.read(
            lambda tx: read_events(tx, self._keys, self._kinds, messages.of_cases(tx, [case_id]))
        )
        return case_of([*events.values()])

    def _grown(
        self, tx: Transaction, known: GrowingCase, found: Sequence[MessageSummary]
    ) -> GrowingCase:
        events = read_events(tx, self._keys, self._kinds, found, _decides_by_content)
        return known.with_events(events.values())

    def keep(self, case_id: bytes, said: Event) -> None:
        """Hold what is drafted later in this batch against ``said`` too."""
        if is_event(said.kind):
            self._drafted.append((case_id, said))


def admitted(known: GrowingCase, said: Event) -> Event:
    """Return ``said`` as it can be said in what is known of a case, in each of its threads.

    Raises ConflictError ``not_in_this_state`` or ``not_the_newest``.
    """
    threads = known.threads
    pairs = pairs_of(said, threads)
    if row_of(said) == REQUEST:
        # Whoever is not asked in this case yet gets a thread of its own.
        pairs = tuple(pair for pair in pairs if pair.asker == said.member)
    elif pairs and said.kind != RECALL and not said.in_reply_to:
        said = replace(said, in_reply_to=threads[pairs[0]].newest_heard(said.member))
    elif not pairs and not (said.kind == RECALL and takes_back_own(said)):
        raise ConflictError(
            "not_in_this_state",
            f"{said.kind}: nothing was asked between {said.member} and {', '.join(said.to)} in "
            "this case",
        )
    for pair in pairs:
        threads[pair].check_admits(said)
    return said


def check_reopening(known: GrowingCase, said: Event, instruments: Sequence[Instrument]) -> None:
    """Let a thread be opened again within the time that its instrument says.

    Raises ConflictError ``not_in_this_state``.
    """
    for pair in pairs_of(said, known.threads):
        thread = known.threads[pair].thread
        until = reopenable_until(thread, policy_of(instruments, pair, thread.legal_basis))
        if until is not None and said.created_at > until:
            raise ConflictError(
                "not_in_this_state",
                f"{said.kind}: what {pair.asker} asked {pair.asked} was closed too long ago by its "
                "instrument (cases.instruments)",
            )


def _decides_by_content(kind: str) -> bool:
    """Tell whether a state, and not only dates, depends on what a message says."""
    return kind == "case.refuse"
