"""Insert many rows by one statement, whose text is made once for each number of them.

A statement for each row would let go of the interpreter's lock at each, and wait for it beside a
busy loop; and to build one costs more than to run it.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import chain
from typing import Any, Final

from sqlalchemy import Column, Connection, Table

ROWS_MAX: Final = 64
"""Rows of one statement: with 24 columns still far below what any database binds."""

_PLACES: Final = {"sqlite": "?", "postgresql": "%s"}


class InsertRows:
    """INSERT … VALUES of as many rows as there are, on either database."""

    def __init__(
        self,
        table: Table,
        columns: Sequence[str],
        *,
        returning: Sequence[Column[Any]] = (),
        unless: Sequence[str] = (),
    ) -> None:
        """``unless`` names unique columns: a row that is there already is left out, silently.

        Of a row that was left out nothing is returned.
        """
        names = ", ".join(columns)
        self._into = f"INSERT INTO {table.name} ({names}) VALUES "  # noqa: S608 - of the schema
        self._width = len(columns)
        self._ending = f" ON CONFLICT ({', '.join(unless)}) DO NOTHING" if unless else ""
        if returning:
            self._ending += f" RETURNING {', '.join(column.name for column in returning)}"
        self._returns = bool(returning)

    def run(self, tx: Connection, rows: Iterable[Sequence[Any]]) -> list[Any]:
        """Insert rows, each with its columns in order; return what the statement returns."""
        found: list[Any] = []
        waiting = list(rows)
        for start in range(0, len(waiting), ROWS_MAX):
            some = waiting[start : start + ROWS_MAX]
            text = self._text(tx.dialect.name, len(some))
            done = tx.exec_driver_sql(text, tuple(chain.from_iterable(some)))
            if self._returns:
                found += done.all()
        return found

    @lru_cache(maxsize=2 * ROWS_MAX)  # noqa: B019 - the statements of a module live as long as it
    def _text(self, dialect: str, count: int) -> str:
        one = f"({', '.join([_PLACES[dialect]] * self._width)})"
        return self._into + ", ".join([one] * count) + self._ending
