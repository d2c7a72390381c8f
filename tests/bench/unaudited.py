"""The command without an audit log, for comparison: ``python -m tests.bench.unaudited ARGUMENTS…``.

No entry is made, stored, given a place or signed for; all else is as always.
"""

from collections.abc import Sequence

from gateway.__main__ import main
from gateway.services.auditing.log import AuditLog
from gateway.services.ledger import Ledger
from gateway.store import audit
from gateway.store.audit import NewEntry
from gateway.store.database import Transaction

_NOTHING = NewEntry(entry=b"", leaf_hash=b"")


def _entry(*_: object, **__: object) -> NewEntry:
    return _NOTHING


def _append(_: Transaction, __: Sequence[NewEntry]) -> None:
    pass


async def _sequence(_: AuditLog) -> int:
    return 0


def run() -> None:
    """Leave the audit log out of this process, and run the command line in it."""
    Ledger.entry = _entry  # type: ignore[method-assign]
    AuditLog.sequence = _sequence  # type: ignore[method-assign]
    audit.append = _append
    main()


if __name__ == "__main__":
    run()
