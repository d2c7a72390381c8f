"""Known cases: what a thread depends on of large cases, kept while something is written in them.

A case of thousands of messages is not read and folded anew for each that is said in it. Nothing is
kept of what was said but what the next word is held against, and of small cases nothing at all.
"""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass

from gateway.cases.kind import Kind
from gateway.cases.threads.growing import GrowingCase
from gateway.services.casework.events import read_events
from gateway.services.keys import NodeKeys
from gateway.store import messages
from gateway.store.database import Database, Transaction
from gateway.store.messages import SERVICE

LARGE = 64
"""Messages of a case from which on it is kept."""
KEPT = 16
"""Cases that are kept, those that were asked for last: some 500 bytes a message."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """A case up to a row of the messages."""

    case: GrowingCase
    row: int
    messages: int


class KnownCases:
    """Keeps large cases."""

    def __init__(self, database: Database, keys: NodeKeys, kinds: Mapping[str, Kind]) -> None:
        self._database = database
        self._keys = keys
        self._kinds = kinds
        self._known: OrderedDict[bytes, _Known] = OrderedDict()

    async def read(self, case_id: bytes) -> GrowingCase:
        """Return a case as it is stored now, opened as far as its states depend on what is said."""
        before = self._known.pop(case_id, None)
        found = await self._database.read(lambda tx: self._read(tx, case_id, before))
        if found.messages >= LARGE:
            self._known[case_id] = found
            while len(self._known) > KEPT:
                self._known.popitem(last=False)
        return found.case

    def _read(self, tx: Transaction, case_id: bytes, before: _Known | None) -> _Known:
        """Return a case with what was stored since; anew where something of it is gone."""
        known = before or _Known(case=GrowingCase(), row=0, messages=0)
        found, total = messages.of_case_after(tx, case_id, known.row)
        if known.messages + len(found) != total:
            known = _Known(case=GrowingCase(), row=0, messages=0)
            found, _ = messages.of_case_after(tx, case_id, 0)
        said = [item for item in found if item.direction != SERVICE]
        events = read_events(tx, self._keys, self._kinds, said, decides_by_content)
        return _Known(
            case=known.case.with_events(events.values()),
            row=found[-1].row_id if found else known.row,
            messages=total,
        )


def decides_by_content(kind: str) -> bool:
    """Tell whether a state, and not only dates, depends on what a message says."""
    return kind == "case.refuse"
