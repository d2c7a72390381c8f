"""The nomenclature that a node has loaded, and holding HS codes against it as a message is drafted.

Without one, only the form and the chapter of a code are checked. A recipient does not look: its
edition may be another, and the message says which one the sender's codes are from.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from gateway.cases.kind import Kind
from gateway.cases.nomenclature import EDITION_FIELD, codes_in, covers, parse_nomenclature
from gateway.clock import Clock
from gateway.errors import RejectedError
from gateway.faults import Fault, FaultsError, pointer_to
from gateway.protocol.audit import EntryKind
from gateway.services.caller import Caller, require
from gateway.services.ledger import Ledger
from gateway.settings import Role
from gateway.store import audit
from gateway.store import nomenclature as store
from gateway.store.database import Database, Transaction
from gateway.store.nomenclature import Edition
from keys.suite import digest

_LOOK_AGAIN_S = 60
"""How long another daemon's import may go unseen."""
_EDITION = re.compile(r"[0-9]{4}\Z")


class ImportedEdition(msgspec.Struct, frozen=True, kw_only=True):
    """An edition of the Harmonized System that is here."""

    edition: str
    codes: int
    sha256: str
    """Of the file that it was read from."""
    imported_at: int


@dataclass(frozen=True, slots=True)
class _Held:
    edition: Edition
    codes: frozenset[str]


class Nomenclature:
    """Keeps editions, and holds codes against them."""

    def __init__(self, database: Database, ledger: Ledger, clock: Clock) -> None:
        self._database = database
        self._ledger = ledger
        self._clock = clock
        self._editions: list[Edition] = []
        self._held: dict[str, _Held] = {}
        self._looked_at: float | None = None

    async def take(self, file: bytes, edition: str, caller: Caller) -> ImportedEdition:
        """Store an edition from a CSV file, in the place of one that was there; recorded.

        Raises RejectedError ``nomenclature_malformed``, FaultsError for an edition that is no
        year, ForbiddenError ``role_missing``.
        """
        require(caller, Role.OPERATOR)
        if not _EDITION.match(edition):
            raise FaultsError([Fault(pointer="/edition", code="wrong_form")])
        try:
            text = file.decode()
        except UnicodeDecodeError as fault:
            raise RejectedError("nomenclature_malformed", "the file is no UTF-8") from fault
        rows = [(row.code, row.description) for row in parse_nomenclature(text)]
        taken = Edition(
            edition=edition,
            file_digest=digest(file),
            codes=len(rows),
            imported_at=self._clock.now(),
        )
        entry = self._ledger.entry(
            EntryKind.ADMINISTRATOR_ACTED,
            peer=caller.name,
            digests=(taken.file_digest,),
            code=f"codes hs {edition}",
        )

        def act(tx: Transaction) -> None:
            store.store(tx, taken, rows)
            audit.append(tx, [entry])

        await self._database.write_unit(act)
        self._looked_at = None
        return _shown(taken)

    async def editions(self) -> Sequence[ImportedEdition]:
        """Return the editions that are here, the newest first."""
        return [_shown(item) for item in await self._database.read(store.editions)]

    async def described(self, edition: str, under: str) -> tuple[str, Sequence[tuple[str, str]]]:
        """Return an edition (empty for the newest) and its codes that begin with ``under``.

        Raises RejectedError ``list_not_found``.
        """
        held = await self._edition(edition or None)
        if held is None:
            raise RejectedError(
                "list_not_found", "there is no such nomenclature here: liaison codes import hs FILE"
            )
        name = held.edition.edition
        return name, await self._database.read(lambda tx: store.described(tx, name, under))

    async def held_against(
        self, kind: Kind, written: Mapping[str, Any], pointer: str
    ) -> tuple[Mapping[str, Any], Sequence[Fault]]:
        """Return a content with the edition that its HS codes were held against, and the faults.

        It is the edition that the content names, or else the newest one here.
        """
        found = list(codes_in(kind, written))
        named = written.get(EDITION_FIELD)
        if not found or not (named is None or (isinstance(named, str) and _EDITION.match(named))):
            return written, ()
        held = await self._edition(named)
        if held is None:
            if named is None:
                return written, ()
            at = pointer + pointer_to(EDITION_FIELD)
            return written, (Fault(pointer=at, code="edition_unknown", limit=named),)
        year = held.edition.edition
        faults = [
            Fault(pointer=pointer + pointer_to(*way), code="code_unknown", limit=f"HS {year}")
            for way, code in found
            if not covers(held.codes, code)
        ]
        return {**written, EDITION_FIELD: year}, faults

    async def _edition(self, named: str | None) -> _Held | None:
        """Return an edition, or the newest one; None if it is not here."""
        now = self._clock.monotonic()
        if self._looked_at is None or now - self._looked_at >= _LOOK_AGAIN_S:
            self._editions = await self._database.read(store.editions)
            self._looked_at = now
        for edition in self._editions:
            if named in (None, edition.edition):
                return await self._loaded(edition)
        return None

    async def _loaded(self, edition: Edition) -> _Held:
        held = self._held.get(edition.edition)
        if held is None or held.edition != edition:
            codes = await self._database.read(lambda tx: store.codes(tx, edition.edition))
            held = self._held[edition.edition] = _Held(edition, codes)
        return held


def _shown(edition: Edition) -> ImportedEdition:
    return ImportedEdition(
        edition=edition.edition,
        codes=edition.codes,
        sha256=edition.file_digest.hex(),
        imported_at=edition.imported_at,
    )
