"""Copying: what a liaison office gets of a message, made by the node, by hand or by policy.

A copy belongs to the case of its message and answers it, so that it is seen beside it, and so that
whoever looks again finds that it was made.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated

import msgspec

from gateway.cases.content import decode_content
from gateway.cases.families.lists import IntendedUse
from gateway.cases.fields.schema import Content
from gateway.cases.handling import Handling, Tlp
from gateway.cases.kind import Kind
from gateway.cases.kinds import kind_named
from gateway.cases.sanitising import COPY, liaison_copy
from gateway.clock import Clock
from gateway.errors import (
    ForbiddenError,
    LiaisonError,
    RejectedError,
    UnavailableError,
)
from gateway.faults import Fault, FaultsError
from gateway.logs import logger
from gateway.protocol.envelope import parse_header
from gateway.protocol.message import message_ref, parse_message_ref
from gateway.services.caller import NODE, Caller, require
from gateway.services.casework.events import opened_payload
from gateway.services.casework.recalled import is_closed
from gateway.services.federation.registry import RegistryMirror
from gateway.services.keys import NodeKeys
from gateway.services.sending.exchange import Exchange
from gateway.services.sending.submission import Submission, Submitted
from gateway.settings import CasesSettings, Role
from gateway.store import message_names, messages, retentions
from gateway.store.database import Database, Transaction
from gateway.store.messages import MessageFilter, MessageSummary, StoredMessage
from keys.registry.statement import MemberRole
from keys.suite import MemberId

LOOK_BACK_S = 7 * 86_400
"""From when on a node that starts, or whose policy is new, looks for what is to be copied."""
LOOK_S = 5.0
_LOOKED_AT_ONCE = 500
_log = logger()

Offices = Annotated[
    list[Annotated[str, msgspec.Meta(pattern=r"\A[A-Z][A-Z0-9-]{1,31}\Z")]],
    msgspec.Meta(min_length=1, max_length=64),
]


class CopyOrder(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """To which liaison offices a copy goes."""

    to: Offices


class LiaisonCopies:
    """Makes copies for liaison offices."""

    def __init__(
        self,
        database: Database,
        keys: NodeKeys,
        mirror: RegistryMirror,
        exchange: Exchange,
        *,
        kinds: Mapping[str, Kind],
        clock: Clock,
        settings: CasesSettings,
    ) -> None:
        self._database = database
        self._keys = keys
        self._mirror = mirror
        self._exchange = exchange
        self._kinds = kinds
        self._clock = clock
        self._policy = settings.liaison_offices
        self._looked_at: int | None = None

    async def copy(self, ref: str, order: CopyOrder, caller: Caller) -> Submitted:
        """Send liaison offices a copy of a message, without what tells of persons.

        Raises RejectedError ``message_unknown`` or ``copy_of_a_copy``; FaultsError for who is no
        liaison office; ForbiddenError ``role_missing``, ``unit_mismatch``, ``consent_missing``,
        ``handling_forbids_copy``, ``information_recalled`` or ``case_restricted``; and as
        ``Exchange.submit``.
        """
        require(caller, Role.OFFICER)
        self._check_offices(order.to)
        submission = await self._database.read(lambda tx: self._made(tx, ref, order.to, caller))
        (answer,) = await self._exchange.submit([submission], replace(caller, is_node=True))
        if isinstance(answer, LiaisonError):
            raise answer
        return answer

    async def run(self) -> None:
        """Copy what the policy names, until cancelled; without a policy there is nothing to do."""
        while self._policy:
            if self._mirror.known is not None:
                try:
                    await self.look()
                except LiaisonError as fault:
                    _log.warning("copies.late", code=fault.code, detail=fault.detail)
            await self._clock.sleep(LOOK_S)

    async def look(self) -> None:
        """Copy what was sent since the last look. What cannot be copied now is tried again.

        A crash in between leaves the rest for the next start; what was copied is not copied again.
        """
        if self._looked_at is None:
            since = self._clock.now() - LOOK_BACK_S
            first = await self._database.read(lambda tx: message_names.row_stored(tx, since))
            self._looked_at = first - 1
        while found := await self._database.read(self._sent):
            for item in found:
                for policy in self._policy:
                    if any(_covers(name, item.kind) for name in policy.kinds):
                        await self._copy_once(item, policy.office)
                self._looked_at = item.row_id

    def _sent(self, tx: Transaction) -> Sequence[MessageSummary]:
        wanted = MessageFilter(direction=messages.OUT)
        return messages.page(tx, wanted, after=self._looked_at or 0, limit=_LOOKED_AT_ONCE)

    async def _copy_once(self, item: MessageSummary, office: str) -> None:
        """Copy a message to an office that is not copied, nor among its recipients."""
        ref = message_ref(item.sender, item.message_id)
        if item.kind == COPY or office in parse_header(item.header).to:
            return
        beside = await self._database.read(lambda tx: messages.of_cases(tx, [item.case_id]))
        if any(_is_copy(one, ref, office) for one in beside):
            return
        try:
            copied = await self.copy(ref, CopyOrder(to=[office]), NODE)
        except UnavailableError:
            raise
        except LiaisonError as fault:
            _log.warning("copy.refused", message=ref, member=office, code=fault.code)
            return
        _log.info("copy.made", message=copied.id, member=office)

    def _check_offices(self, names: Sequence[str]) -> None:
        members = self._mirror.view.members
        faults = [
            Fault(pointer=f"/to/{at}", code="not_a_liaison_office", limit=name)
            for at, name in enumerate(names)
            if (member := members.get(MemberId(name))) is None
            or member.role is not MemberRole.LIAISON_OFFICE
        ]
        if faults:
            raise FaultsError(faults)

    def _made(self, tx: Transaction, ref: str, to: Sequence[str], caller: Caller) -> Submission:
        stored = _find(tx, ref)
        payload = opened_payload(self._keys, stored)
        if caller.unit is not None and payload.unit != caller.unit:
            raise ForbiddenError("unit_mismatch", f"{caller.name} sees its own unit's cases only")
        kind = kind_named(payload.kind, self._kinds)
        content = decode_content(kind, payload.content)
        _check_copied(tx, self._keys, stored, content)
        return Submission(
            to=list(to),
            kind=COPY,
            content=liaison_copy(kind, content, ref),
            case=stored.case_id.hex(),
            in_reply_to=ref,
            forwards=[ref],
            purpose=IntendedUse.RISK_ANALYSIS,
            unit=payload.unit or None,
            on_behalf_of=payload.on_behalf_of or None if stored.direction == messages.OUT else None,
        )


def _find(tx: Transaction, ref: str) -> StoredMessage:
    sender, message_id = parse_message_ref(ref)
    stored = messages.find(tx, sender, message_id)
    if stored is None or stored.direction == messages.SERVICE:
        raise RejectedError("message_unknown", f"there is no message {ref} here")
    if stored.kind == COPY:
        raise RejectedError("copy_of_a_copy", f"{ref} is a copy for a liaison office itself")
    return stored


def _check_copied(tx: Transaction, keys: NodeKeys, stored: StoredMessage, content: Content) -> None:
    """Let pass what is not for its recipients alone, nor closed or taken back."""
    ref = message_ref(stored.sender, stored.message_id)
    decided = retentions.find(tx, stored.case_id)
    if decided is not None and decided.closes(stored.stored_at):
        raise ForbiddenError("case_restricted", f"the case of {ref} is restricted")
    if is_closed(tx, keys, stored.sender, stored.message_id):
        raise ForbiddenError("information_recalled", f"{stored.sender} recalled {ref}")
    handling = getattr(content, "handling", None)
    if isinstance(handling, Handling) and handling.tlp is Tlp.RED:
        raise ForbiddenError("handling_forbids_copy", f"{ref} is TLP:RED: its recipients' alone")


def _is_copy(item: MessageSummary, ref: str, office: str) -> bool:
    return (
        item.kind == COPY
        and item.direction == messages.OUT
        and item.in_reply_to == ref
        and office in parse_header(item.header).to
    )


def _covers(name: str, kind: str) -> bool:
    return name in (kind, kind.partition(".")[0])
