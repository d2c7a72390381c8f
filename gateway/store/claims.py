"""Which rows a claim takes: of each recipient its share, up to a batch."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Select

from gateway.store.database import Transaction


def choose(
    tx: Transaction,
    due: Select[Any],
    recipients: Iterable[str],
    *,
    now: int,
    most: int,
    most_bytes: int,
) -> list[int]:
    """Return the rows to lease, in the order of the recipients and of ``due``.

    ``due`` yields (row, bytes) for the parameters ``recipient``, ``now`` and ``most``. A single row
    is chosen whatever its size.
    """
    names = list(recipients)
    chosen: list[int] = []
    for left, recipient in zip(range(len(names), 0, -1), names, strict=True):
        share = -(-(most - len(chosen)) // left)
        if share <= 0 or most_bytes <= 0:
            break
        asked = {"recipient": recipient, "now": now, "most": share}
        for row_id, length in tx.execute(due, asked):
            most_bytes -= length
            if most_bytes <= 0 and chosen:
                break
            chosen.append(row_id)
    return chosen
