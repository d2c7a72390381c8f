"""Known cases: what is made of large cases, kept while something is written in them.

A case of thousands of messages is not read anew for each that is said in it. Of small ones nothing
is kept.
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from gateway.store import messages
from gateway.store.database import Database, Transaction
from gateway.store.messages import SERVICE, MessageSummary

LARGE = 64
"""Messages of a case from which on it is kept."""
KEPT = 16
"""Cases that are kept, those that were asked for last: of a thread some 500 bytes a message."""
Made = TypeVar("Made")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known(Generic[Made]):
    """What is made of a case up to a row of the messages."""

    made: Made
    row: int = 0
    messages: int = 0


class KnownCases(Generic[Made]):
    """Keeps what is made of large cases: a value, which grows by what was stored since."""

    def __init__(
        self,
        database: Database,
        nothing: Made,
        grow: Callable[[Transaction, Made, Sequence[MessageSummary]], Made],
    ) -> None:
        self._database = database
        self._nothing = _Known(made=nothing)
        self._grow = grow
        self._known: OrderedDict[bytes, _Known[Made]] = OrderedDict()

    def __contains__(self, case_id: bytes) -> bool:
        """Tell whether a case is kept."""
        return case_id in self._known

    async def read(self, case_id: bytes) -> Made:
        """Return what is made of a case as it is stored now."""
        return await self._database.read(lambda tx: self.read_in(tx, case_id))

    def read_in(self, tx: Transaction, case_id: bytes) -> Made:
        """Return what is made of a case as a transaction sees it."""
        found = self._read(tx, case_id, self._known.pop(case_id, self._nothing))
        self._keep(case_id, found)
        return found.made

    def keep(self, case_id: bytes, made: Made, found: Sequence[MessageSummary]) -> None:
        """Keep what was made of all of a case's messages, if they are many."""
        self._keep(case_id, _Known(made=made, row=found[-1].row_id, messages=len(found)))

    def _keep(self, case_id: bytes, found: _Known[Made]) -> None:
        if found.messages >= LARGE:
            self._known[case_id] = found
            while len(self._known) > KEPT:
                self._known.popitem(last=False)

    def _read(self, tx: Transaction, case_id: bytes, known: _Known[Made]) -> _Known[Made]:
        """Return a case with what was stored since; anew where something of it is gone."""
        found, total = messages.of_case_after(tx, case_id, known.row)
        if known.messages + len(found) != total:
            known = self._nothing
            found, _ = messages.of_case_after(tx, case_id, 0)
        said = [item for item in found if item.direction != SERVICE]
        return _Known(
            made=self._grow(tx, known.made, said),
            row=found[-1].row_id if found else known.row,
            messages=total,
        )
