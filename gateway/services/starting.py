"""What a process of this node says of itself in the audit log: its settings, and its keys."""

import msgspec

from gateway.protocol.audit import EntryKind
from gateway.services.keys import NodeKeys
from gateway.services.ledger import Ledger
from gateway.settings import Settings
from gateway.store import audit, configurations
from gateway.store.database import Database, Transaction
from keys.suite import digest


class Starting:
    """Records once what changed since the last process, and each key when it is first used."""

    def __init__(
        self,
        database: Database,
        keys: NodeKeys,
        ledger: Ledger,
        *,
        settings: Settings,
        version: str,
    ) -> None:
        self._database = database
        self._keys = keys
        self._ledger = ledger
        self._settings = settings
        self._version = version

    async def note_configuration(self) -> None:
        """Record the settings in force, and the version, where they are not those of before.

        No secret is among settings: they name the files that hold one.
        """
        named = digest(msgspec.json.encode(self._settings, order="sorted"))
        entry = self._ledger.entry(
            EntryKind.CONFIGURATION_CHANGED, digests=(named,), code=self._version[:64]
        )

        def commit(tx: Transaction) -> None:
            if configurations.change(tx, named, self._version):
                audit.append(tx, [entry])

        await self._database.write(commit)

    async def note_keys(self) -> None:
        """Record the keys that this process has used for the first time since the last call."""
        used = self._keys.newly_used()
        if not used:
            return
        entries = [
            self._ledger.entry(EntryKind.KEY_USED, digests=(key_id,), code=use.value)
            for key_id, use in used
        ]
        await self._database.write(lambda tx: audit.append(tx, entries))
