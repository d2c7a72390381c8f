"""Pass on: content of others leaves for a third member only as its originator allows.

A submission names what it passes on; an attachment that is the same file as a received one is found
by itself. Words that somebody copied by hand cannot be found. Source: SPEC "Handling".
"""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from gateway.cases.consent import Passage, is_beyond, is_withheld, limits_use, weakened
from gateway.cases.families.control import ConsentGrant
from gateway.cases.fields.schema import Content
from gateway.cases.kind import Kind
from gateway.cases.threads.recall import RECTIFY
from gateway.errors import ForbiddenError, LiaisonError, RejectedError
from gateway.faults import Fault, FaultsError
from gateway.protocol.blob import sealed_blob_bytes
from gateway.protocol.envelope import parse_header
from gateway.protocol.message import Attachment, message_ref, parse_message_ref
from gateway.services.caller import Caller
from gateway.services.casework.consents import consent_for, handling_of
from gateway.services.casework.events import check_kept, opened_payload
from gateway.services.casework.recalled import is_closed
from gateway.services.keys import NodeKeys
from gateway.services.refusals import Refusals
from gateway.services.sending.submission import Submission
from gateway.store import disclosures, marks, messages, retentions
from gateway.store.database import Database, Transaction
from gateway.store.marks import MarkKind
from gateway.store.messages import StoredMessage
from keys.suite import MemberId

REMEMBERED = 65_536
OPENED_AT_ONCE = 16
"""Whose bodies are in memory together, of a mebibyte at most each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Passed:
    """A message that may be passed on to a member, and the consent that covers it."""

    message: StoredMessage
    recipient: MemberId
    purpose: str
    consent: StoredMessage | None
    is_noticed: bool
    """Whether the originator wants to be told."""


class Passing:
    """Says what of a submission is others', and whether it may go where it is to go."""

    def __init__(
        self,
        database: Database,
        keys: NodeKeys,
        refusals: Refusals,
        *,
        kinds: Mapping[str, Kind],
    ) -> None:
        self._database = database
        self._keys = keys
        self._refusals = refusals
        self._kinds = kinds
        self._files: OrderedDict[int, tuple[bytes, ...]] = OrderedDict()

    async def check(
        self,
        submission: Submission,
        to: Sequence[MemberId],
        attached: Sequence[Attachment],
        said: Content,
        *,
        caller: Caller,
        now: int,
    ) -> tuple[Passed, ...]:
        """Return what is passed on, to whom and under which consent.

        Raises RejectedError ``message_unknown``; FaultsError where no purpose is said;
        ForbiddenError ``unit_mismatch``, ``consent_missing``, ``information_recalled``,
        ``case_restricted`` or ``handling_weaker``, recorded.
        """
        if not submission.forwards and not attached:
            return ()
        named = [
            item
            for at, ref in enumerate(submission.forwards)
            for item in await self._named(ref, at, caller)
        ]
        held = await self._holding(attached) if attached else []
        whole = {item.row_id: item for item in [*named, *held]}
        goes = [
            (item, member) for item in whole.values() for member in to if not _has(item, member)
        ]
        if goes and submission.forwards and submission.purpose is None and not caller.is_node:
            raise FaultsError([Fault(pointer="/purpose", code="missing")])
        for item in {item.row_id: item for item, _ in goes}.values():
            await self._check_handling(item, said, caller)
        purpose = "" if submission.purpose is None else submission.purpose.value
        today = datetime.fromtimestamp(now, UTC).date().isoformat()
        return tuple(
            [await self._passed(item, member, purpose, today, caller) for item, member in goes]
        )

    async def _named(self, ref: str, at: int, caller: Caller) -> Sequence[StoredMessage]:
        """Return what a submission names; of our own messages, what they passed on before."""
        sender, message_id = parse_message_ref(ref)
        found = await self._database.read(lambda tx: messages.find(tx, sender, message_id))
        if found is None or found.direction == messages.SERVICE:
            raise RejectedError("message_unknown", f"/forwards/{at}: there is no {ref} here")
        check_kept(found)
        if caller.unit is not None and opened_payload(self._keys, found).unit != caller.unit:
            await self._refusals.passing_on(found.envelope_id, caller, "unit_mismatch")
            raise ForbiddenError("unit_mismatch", f"{caller.name} sees its own unit's cases only")
        if found.direction == messages.OUT and await self._database.read(
            lambda tx: is_closed(tx, self._keys, sender, message_id)
        ):
            await self._refusals.passing_on(found.envelope_id, caller, "information_recalled")
            raise ForbiddenError("information_recalled", f"{sender} recalled {ref}")
        return await self._database.read(lambda tx: _originals(tx, found))

    async def _holding(self, attached: Sequence[Attachment]) -> list[StoredMessage]:
        """Return the received messages that one of these files came in first.

        A file that we sent before anybody sent it to us is ours.
        """
        wanted = {item.plain_digest for item in attached}
        lengths = {sealed_blob_bytes(item.plain_bytes) for item in attached}
        alike = await self._database.read(lambda tx: messages.with_blobs_of(tx, lengths))
        unread = [row_id for row_id, _ in alike if row_id not in self._files]
        for start in range(0, len(unread), OPENED_AT_ONCE):
            await self._read_files(unread[start : start + OPENED_AT_ONCE])
        first: dict[bytes, str] = {}
        rows: list[int] = []
        for row_id, direction in alike:
            same = wanted.intersection(self._files.get(row_id, ()))
            came = [first.setdefault(file, direction) for file in same]
            if direction == messages.IN and messages.IN in came:
                rows.append(row_id)
        while len(self._files) > REMEMBERED:
            self._files.popitem(last=False)
        return await self._database.read(lambda tx: messages.by_rows(tx, rows))

    async def _read_files(self, rows: Sequence[int]) -> None:
        """Read which files messages came with; what cannot be opened any more is passed over."""
        for item in await self._database.read(lambda tx: messages.by_rows(tx, rows)):
            try:
                named = opened_payload(self._keys, item).attachments
            except LiaisonError:
                continue
            self._files[item.row_id] = tuple(file.plain_digest for file in named)

    async def _passed(
        self, item: StoredMessage, to: MemberId, purpose: str, today: str, caller: Caller
    ) -> Passed:
        name = message_ref(item.sender, item.message_id)
        asked = Passage(message=name, member=to, purpose=purpose)
        found, done, follows = await self._database.read(
            lambda tx: (
                consent_for(tx, self._keys, self._kinds, item, asked, today=today),
                marks.of_message(tx, item.sender, item.message_id),
                _follows(tx, item, to),
            )
        )
        if any(mark.kind is MarkKind.RECALLED for mark in done):
            await self._refusals.passing_on(item.envelope_id, caller, f"information_recalled {to}")
            raise ForbiddenError("information_recalled", f"{item.sender} recalled {name}")
        decided = await self._database.read(lambda tx: retentions.find(tx, item.case_id))
        if decided is not None and decided.closes(item.stored_at):
            await self._refusals.passing_on(item.envelope_id, caller, f"case_restricted {to}")
            raise ForbiddenError("case_restricted", f"the case of {name} is restricted")
        handling = handling_of(self._keys, self._kinds, item)
        kept = is_withheld(handling) or is_beyond(handling, purpose)
        if found is None and kept and not follows:
            await self._refusals.passing_on(item.envelope_id, caller, f"consent_missing {to}")
            raise ForbiddenError(
                "consent_missing",
                f"{name} may go to {to} only with {item.sender}'s consent, which names {to} and "
                "the purpose: ask for it with consent.request",
            )
        if not purpose and not caller.is_node and limits_use(handling):
            raise FaultsError([Fault(pointer="/purpose", code="missing")])
        return Passed(
            message=item,
            recipient=to,
            purpose=purpose,
            consent=None if found is None else found[1],
            is_noticed=(
                found is not None
                and isinstance(found[0].content, ConsentGrant)
                and found[0].content.notice
            ),
        )

    async def _check_handling(self, item: StoredMessage, said: Content, caller: Caller) -> None:
        """Let what is passed on keep its handling. Raises ForbiddenError ``handling_weaker``."""
        lacks = weakened(
            handling_of(self._keys, self._kinds, item), getattr(said, "handling", None)
        )
        if not lacks or caller.is_node:  # copies by schema, which name nobody, are its own
            return
        await self._refusals.passing_on(item.envelope_id, caller, "handling_weaker")
        raise ForbiddenError(
            "handling_weaker",
            f"{message_ref(item.sender, item.message_id)} came under {lacks}: what passes it on "
            "has to say so too (/content/handling)",
        )


def _has(item: StoredMessage, member: MemberId) -> bool:
    """Tell whether a member has a message already: it wrote it, or was a recipient too."""
    return member == item.sender or member in parse_header(item.header).to


def _follows(tx: Transaction, item: StoredMessage, member: MemberId) -> bool:
    """Tell whether it corrects what a member was given already: there it may go, too."""
    if item.kind != RECTIFY or not item.in_reply_to:
        return False
    corrected = disclosures.of_message(tx, *parse_message_ref(item.in_reply_to))
    return member in [made.recipient for made in corrected]


def _originals(tx: Transaction, found: StoredMessage) -> list[StoredMessage]:
    if found.direction == messages.IN:
        return [found]
    passed = disclosures.in_carriers(tx, [found.message_id])
    names = dict.fromkeys((item.sender, item.message_id) for item in passed)
    return [_kept(tx, *name) for name in names]


def _kept(tx: Transaction, sender: str, message_id: bytes) -> StoredMessage:
    stored = messages.find(tx, sender, message_id)
    if stored is None:
        gone = message_ref(sender, message_id)
        raise RejectedError("message_unknown", f"/forwards: {gone} is not here any more")
    check_kept(stored)
    return stored
