"""Names in short: which cases or messages an officer means by the beginning or end of an id."""

from collections.abc import Callable
from typing import Annotated, Literal

import msgspec

from gateway.errors import LiaisonError
from gateway.protocol.message import message_ref
from gateway.services.caller import Caller, require
from gateway.services.casework.events import opened_payload
from gateway.services.casework.view import DraftOutline
from gateway.services.keys import NodeKeys
from gateway.settings import Role
from gateway.store import drafts, message_names, messages
from gateway.store.database import Database, Transaction
from gateway.store.drafts import UNSENT, DraftFilter, DraftState, StoredDraft
from gateway.store.messages import MessageSummary

MOST = 10
"""How many are named; of more, somebody has to say more digits."""
UNHEARD = (DraftState.AWAITING_RELEASE, *UNSENT)
"""The drafts that are no messages: of the others the messages have the names."""
_LOOKED_AT = 200
"""Messages that are looked at: those of one case, or of other units, are passed over."""


class NamesQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which names to find."""

    of: Literal["case", "message"]
    part: Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{4,32}\Z")]
    """The first or the last digits of the id."""
    sender: Annotated[str, msgspec.Meta(pattern=r"\A[A-Z][A-Z0-9-]{1,31}\Z")] | None = None
    """Of a message: who sent it."""


class NamesFound(msgspec.Struct, frozen=True, kw_only=True):
    """Names that fit, the newest first."""

    names: list[str]


class Names:
    """Finds what is named in short."""

    def __init__(
        self,
        database: Database,
        keys: NodeKeys,
        outlined: Callable[[StoredDraft], DraftOutline | None],
    ) -> None:
        self._database = database
        self._keys = keys
        self._outlined = outlined

    async def find(self, query: NamesQuery, caller: Caller) -> NamesFound:
        """Return the names that fit, of what the caller may see; opens nothing for anybody.

        Raises ForbiddenError ``role_missing``.
        """
        require(caller, *Role)

        def look(tx: Transaction) -> list[str]:
            column: Literal["case_id", "message_id"] = (
                "case_id" if query.of == "case" else "message_id"
            )
            held = self._drafts(tx, column, query, caller)
            found = message_names.in_part(tx, column, query.part, limit=_LOOKED_AT)
            return held + [
                item.case_id.hex()
                if query.of == "case"
                else message_ref(item.sender, item.message_id)
                for item in found
                if query.sender in (None, item.sender) and self._may_see(tx, item, caller)
            ]

        names = dict.fromkeys(await self._database.read(look))
        return NamesFound(names=list(names)[:MOST])

    def _drafts(
        self,
        tx: Transaction,
        column: Literal["case_id", "message_id"],
        query: NamesQuery,
        caller: Caller,
    ) -> list[str]:
        """Return what waits for a second person, or ended without, under a name that fits."""
        me = self._keys.member
        if query.sender not in (None, me):
            return []
        found = []
        for item in drafts.page(tx, DraftFilter(states=UNHEARD), after=0, limit=_LOOKED_AT):
            name = getattr(item, column).hex()
            fits = name.startswith(query.part) or name.endswith(query.part)
            outline = self._outlined(item) if fits and caller.unit is not None else None
            if fits and caller.unit in (None, outline and outline.unit):
                found.append(name if column == "case_id" else f"{me}-{name}")
        return found

    def _may_see(self, tx: Transaction, item: MessageSummary, caller: Caller) -> bool:
        if caller.unit is None:
            return True
        try:
            (whole,) = messages.by_rows(tx, [item.row_id])
            return opened_payload(self._keys, whole).unit == caller.unit
        except LiaisonError:
            return False
