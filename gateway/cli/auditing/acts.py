"""What is done to a node's folder by hand, recorded in its audit log; its daemon may run beside."""

import os
import sys

from gateway.errors import LiaisonError
from gateway.settings import Settings


def record_act(settings: Settings, code: str, *, database_url: str = "") -> None:
    """Record that an administrator acted, in the node's database or in another copy of it.

    Where that cannot be, as in a database of an older version, it is said, and nothing else.
    """
    # What follows is loaded when something is recorded: it is most of a daemon.
    from gateway.clock import SystemClock  # noqa: PLC0415
    from gateway.protocol.audit import EntryKind  # noqa: PLC0415
    from gateway.services.ledger import Ledger  # noqa: PLC0415
    from gateway.store import audit, registry  # noqa: PLC0415
    from gateway.store.database import Database  # noqa: PLC0415

    try:
        database = Database.open(database_url or settings.database_url)
        try:
            size = database.read_now(registry.size)
            ledger = Ledger(SystemClock(), os.urandom, lambda: size)
            peer = f"uid:{os.getuid()}"
            entry = ledger.entry(EntryKind.ADMINISTRATOR_ACTED, peer=peer, code=code)
            database.write_now(lambda tx: audit.append(tx, [entry]))
        finally:
            database.close()
    except LiaisonError as fault:
        sys.stderr.write(f"liaison: not recorded in the audit log: {fault.detail} [{fault.code}]\n")
