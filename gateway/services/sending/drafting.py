"""Draft: hold what the house submits against kinds, registry, cases and policy; make it a message.

Nothing is sealed or stored here; every fault is told before anything is kept.
"""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime

from msgspec.structs import replace

from gateway.cases.content import MAX_CONTENT_BYTES, encode_content
from gateway.cases.fields.schema import Content
from gateway.cases.kind import Family, Kind
from gateway.cases.kinds import kind_named
from gateway.cases.powers import asking_fault, speaking_fault
from gateway.cases.threads.event import Event
from gateway.cases.threads.instruments import not_in_force
from gateway.cases.threads.recall import check_own, taken_back
from gateway.cases.threads.retention import check_may_say
from gateway.clock import Clock
from gateway.errors import ConflictError, ForbiddenError, LiaisonError, RejectedError
from gateway.faults import Fault, FaultsError
from gateway.protocol.envelope import Draft
from gateway.protocol.message import (
    Payload,
    draw_id,
    parse_message_ref,
)
from gateway.services.blobs.attachments import Attachments
from gateway.services.caller import Caller
from gateway.services.casework.conduct import Conduct
from gateway.services.casework.events import drafted_event
from gateway.services.casework.nomenclature import Nomenclature
from gateway.services.casework.operations import OperationConduct
from gateway.services.casework.recalled import check_takes_back
from gateway.services.casework.standing import unit_of
from gateway.services.casework.terms import terms_of
from gateway.services.federation.registry import RegistryMirror
from gateway.services.federation.standing import SUSPENDED, shunned
from gateway.services.keys import NodeKeys
from gateway.services.sending.ceiling import check_ceiling
from gateway.services.sending.holding import Drafted, Holding, OpenDraft
from gateway.services.sending.passing import Passing
from gateway.services.sending.release_gate import ReleaseGate
from gateway.services.sending.submission import Submission, content_of
from gateway.settings import Settings
from gateway.store import messages, retentions
from gateway.store.database import Database
from keys.registry.statement import REGISTRY, MemberRole
from keys.suite import MemberId

_CONTENT = "/content"
_UNDER_AGREEMENTS = (Family.REQUESTS, Family.INFORMATION)
"""What takes a legal basis between the two; conditions may rest on a law of one alone."""


class Drafting:
    """Makes drafts of submissions."""

    def __init__(
        self,
        database: Database,
        keys: NodeKeys,
        mirror: RegistryMirror,
        attachments: Attachments,
        *,
        nomenclature: Nomenclature,
        passing: Passing,
        holding: Holding,
        kinds: Mapping[str, Kind],
        clock: Clock,
        settings: Settings,
    ) -> None:
        self._passing = passing
        self._database = database
        self._keys = keys
        self._mirror = mirror
        self._attachments = attachments
        self._nomenclature = nomenclature
        self._kinds = kinds
        self._clock = clock
        self._settings = settings
        self._seqs: dict[bytes, int] = {}
        self._instruments = terms_of(settings.cases).instruments
        self._conduct = Conduct(database, keys, kinds, self._instruments)
        self._operations = OperationConduct(database, keys, kinds)
        self._gate = ReleaseGate(
            keys.member, database, holding, self._conduct, settings.policy.release
        )

    def begin(self) -> None:
        """Begin a batch: what was drafted before is stored by now, or never will be."""
        self._conduct.begin()
        self._seqs.clear()  # another daemon on this database counts too
        self._gate.begin()

    async def check_ready(self, names: set[str]) -> None:
        """Let new work pass while the disk has room and the registry is fresh.

        Looks at the registry before a member is said to be unknown: it may be new. Raises
        UnavailableError ``disk_full`` or ``registry_stale``; ForbiddenError ``member_suspended``
        while this node's member is.
        """
        self._attachments.check_space()
        self._mirror.check_fresh(self._settings.registry.refuse_after_s)
        if shunned(self._mirror.view, self._keys.member):
            raise ForbiddenError(
                SUSPENDED,
                f"{self._keys.member} is suspended by the registry: nothing is accepted for "
                "sending until it is resumed; what was accepted before waits",
            )
        known = names <= set(self._mirror.view.members)
        if not known and self._clock.now() - self._mirror.read_at >= 1:
            with contextlib.suppress(LiaisonError):
                await self._mirror.follow()

    async def draft(
        self, submission: Submission, caller: Caller, now: int, released: OpenDraft | None = None
    ) -> Drafted:
        """Return the message that a submission asks for, and what of others' it passes on.

        What a second person ``released`` keeps its id and its case, and says what it said. Raises
        RejectedError, FaultsError with every fault of the content, ConflictError for what the
        state of a case does not allow, ``awaits_release`` or ``draft_outdated``, UnavailableError
        ``storage_key_missing``, or ForbiddenError ``kind_reserved``, ``above_ceiling``,
        ``case_restricted``,
        ``unit_mismatch``, or as ``Passing.check``.
        """
        kind = kind_named(submission.kind, self._kinds)
        if kind.by_node and not caller.is_node:
            raise ForbiddenError("kind_reserved", f"{kind.name} is said by nodes of themselves")
        said = await self._content(submission, kind, now)
        submission = _taking_back(submission, said)
        content = _encoded(said, released)
        check_own(said, self._keys.member, submission.in_reply_to or "")
        if taken_back(said) is not None:
            await self._database.read(lambda tx: check_takes_back(tx, self._keys, said))
        to = tuple(self._recipient(name, at) for at, name in enumerate(submission.to))
        if len(set(to)) != len(to):
            raise FaultsError([Fault(pointer="/to", code="conflict", limit="/to")])
        check_ceiling(
            self._settings.policy.ceilings, kind.name, to, getattr(said, "handling", None)
        )
        case_id = await self._case(submission, kind, released)
        await self._check_standing(submission, kind, case_id)
        await self._check_unit(submission, caller, case_id)
        await self._check_powers(submission, kind, to, case_id)
        message_id = released.stored.message_id if released else draw_id(now, self._keys.entropy)
        payload = Payload(
            kind=kind.name,
            sender=self._keys.member,
            unit=submission.unit or caller.unit or "",
            on_behalf_of=submission.on_behalf_of or "",
            created_at=now,
            salt=self._keys.entropy(16),
            case_id=case_id,
            seq=1 + await self._last_seq(case_id),
            in_reply_to=submission.in_reply_to or "",
            content=content,
            attachments=tuple(
                [await self._attachments.take(item) for item in submission.attachments]
            ),
        )
        passed = await self._passing.check(
            submission, to, payload.attachments, said, caller=caller, now=now
        )
        files, forwards = bool(payload.attachments), bool(passed)
        rule = self._gate.rule(kind, to, said, caller, files=files, forwards=forwards)
        waits = rule is not None and released is None
        event = drafted_event(payload, message_id, to, said)
        if submission.case is not None or submission.in_reply_to is not None:
            event = await self._in_case(submission, kind, event, case_id=case_id, waits=waits)
            payload = replace(payload, in_reply_to=event.in_reply_to)
        if kind.family is Family.OPERATIONS:
            answered = await self._operations.check(
                payload, message_id, to, said, self._mirror.view
            )
            payload = replace(payload, in_reply_to=answered)
        if not waits:
            self._seqs[case_id] = payload.seq
        draft = Draft(
            payload=payload,
            message_id=message_id,
            expires_at=now + self._lifetime_s(submission),
            to=to,
            priority=kind.priority if submission.priority is None else submission.priority,
        )
        return Drafted(draft=draft, passed=passed, event=event, rule=rule if waits else None)

    async def _in_case(
        self, submission: Submission, kind: Kind, event: Event, *, case_id: bytes, waits: bool
    ) -> Event:
        """Return an event as it is said in its case, or waits to be. Raises as ``draft``."""
        said = await self._conduct.check(case_id, event)
        if said.in_reply_to != event.in_reply_to:
            answering = replace(submission, in_reply_to=said.in_reply_to)
            await self._check_powers(answering, kind, [*map(MemberId, said.to)], case_id)
        if waits:
            await self._gate.hold(case_id, said)
        else:
            self._conduct.keep(case_id, said)
        return said

    async def _content(self, submission: Submission, kind: Kind, now: int) -> Content:
        """Return the content of a submission. Raises FaultsError with every fault."""
        today = datetime.fromtimestamp(now, UTC).date()
        written, unknown = await self._nomenclature.held_against(
            kind, content_of(submission, kind), _CONTENT
        )
        found = [*unknown, *self._basis_faults(submission, kind, written)]
        try:
            content = kind.validate(written, pointer=_CONTENT, today=today)
        except FaultsError as fault:
            raise FaultsError([*fault.faults, *found]) from fault
        if found:
            raise FaultsError(found)
        return content

    def _basis_faults(
        self, submission: Submission, kind: Kind, written: Mapping[str, object]
    ) -> Iterator[Fault]:
        """Yield a fault for a legal basis that names no agreement in force with a recipient."""
        basis = written.get("legal_basis")
        if kind.family not in _UNDER_AGREEMENTS or not isinstance(basis, str):
            return
        speaker = submission.on_behalf_of or self._keys.member
        if names := not_in_force(self._instruments, speaker, submission.to, basis):
            at = f"{_CONTENT}/legal_basis"
            yield Fault(pointer=at, code="not_in_force", limit=", ".join(names))

    def _recipient(self, name: str, at: int) -> MemberId:
        member = self._mirror.view.members.get(MemberId(name))
        if member is None:
            raise RejectedError(
                "member_unknown", f"/to/{at}: the registry knows no member {name!r}"
            )
        if member.suspended:
            raise RejectedError("member_suspended", f"/to/{at}: {name} is suspended")
        if member.member in (self._keys.member, REGISTRY):
            raise RejectedError(
                "recipient_not_possible", f"/to/{at}: messages go to other members, not to {name}"
            )
        return member.member

    async def _check_powers(
        self, submission: Submission, kind: Kind, to: Sequence[MemberId], case_id: bytes
    ) -> None:
        """Let pass what this member may say, and what may be asked of the recipients.

        Raises FaultsError with every fault.
        """
        view = self._mirror.view
        me = view.member(self._keys.member)
        about: Sequence[str] = ()
        if me.role is MemberRole.UNION:
            ref = submission.in_reply_to
            answered = None if ref is None else parse_message_ref(ref)
            about = await self._database.read(
                lambda tx: messages.kinds_about(tx, case_id, answered)
            )
        faults = [speaking_fault(view, me, kind, submission.on_behalf_of or "", about)]
        faults += [asking_fault(view.member(name), kind, f"/to/{at}") for at, name in enumerate(to)]
        if found := [fault for fault in faults if fault is not None]:
            raise FaultsError(found)

    async def _check_standing(self, submission: Submission, kind: Kind, case_id: bytes) -> None:
        """Let pass what may be said in a case that is restricted or purged.

        Raises ForbiddenError ``case_restricted``, ConflictError ``case_purged``.
        """
        if submission.case is not None or submission.in_reply_to is not None:
            standing = await self._database.read(lambda tx: retentions.standing_of(tx, case_id))
            check_may_say(standing, kind.name, kind.family)

    async def _check_unit(self, submission: Submission, caller: Caller, case_id: bytes) -> None:
        """Let who belongs to a unit speak for that unit, and in its cases.

        A case is of the unit of its first message, as it is where cases are shown. Raises
        ForbiddenError ``unit_mismatch``.
        """
        if caller.unit is None:
            return
        units = {submission.unit} - {None}
        if submission.case is not None or submission.in_reply_to is not None:
            wanted = messages.MessageFilter(case_id=case_id)
            units |= await self._database.read(
                lambda tx: {
                    unit_of(tx, self._keys, first)
                    for first in messages.page(tx, wanted, after=0, limit=1)
                }
            )
        if units - {caller.unit}:
            raise ForbiddenError(
                "unit_mismatch", f"{caller.name} speaks for its own unit, and in its cases only"
            )

    def _lifetime_s(self, submission: Submission) -> int:
        lifetime_s = submission.expires_in_s or self._settings.delivery.lifetime_s
        most_s = self._settings.policy.max_lifetime_s
        if lifetime_s > most_s:
            raise FaultsError([Fault(pointer="/expires_in_s", code="too_large", limit=str(most_s))])
        return lifetime_s

    async def _case(self, submission: Submission, kind: Kind, released: OpenDraft | None) -> bytes:
        if submission.in_reply_to is not None:
            sender, message_id = parse_message_ref(submission.in_reply_to)
            answered = await self._database.read(lambda tx: messages.find(tx, sender, message_id))
            if answered is None or answered.direction == messages.SERVICE:
                await self._gate.check_sent(message_id=message_id)
                raise RejectedError(
                    "message_unknown", f"/in_reply_to: there is no {submission.in_reply_to} here"
                )
            if submission.case is not None and submission.case != answered.case_id.hex():
                raise FaultsError([Fault(pointer="/case", code="conflict", limit="/in_reply_to")])
            return answered.case_id
        if submission.case is not None:
            case_id = bytes.fromhex(submission.case)
            wanted = messages.MessageFilter(case_id=case_id)
            known = await self._database.read(
                lambda tx: messages.page(tx, wanted, after=0, limit=1)
            )
            if not known:
                await self._gate.check_sent(case_id=case_id)
                raise RejectedError("case_unknown", f"/case: there is no case {submission.case}")
            return case_id
        if not kind.opens_case:
            raise FaultsError([Fault(pointer="/case", code="missing")])
        case_id = draw_id(self._clock.now(), self._keys.entropy)
        if released is not None:
            case_id = released.stored.case_id
        self._seqs[case_id] = 0
        return case_id

    async def _last_seq(self, case_id: bytes) -> int:
        if case_id not in self._seqs:
            stored = await self._database.read(
                lambda tx: messages.last_seq(tx, case_id, self._keys.member)
            )
            self._seqs.setdefault(case_id, stored)
        return self._seqs[case_id]


def _encoded(said: Content, released: OpenDraft | None) -> bytes:
    """Return a content's bytes; of what is released they are those that were read."""
    content = encode_content(said)
    if len(content) > MAX_CONTENT_BYTES:
        raise RejectedError("content_too_large", "a content has at most 1 MiB; attach files")
    if released is not None and content != released.record.content:
        raise ConflictError(
            "draft_outdated",
            "by the kinds and code lists of today it would not say what it said: draft it anew",
        )
    return content


def _taking_back(submission: Submission, said: Content) -> Submission:
    """Let what recalls or rectifies a message answer it: that is what both sides go by."""
    name = taken_back(said)
    if name is not None and submission.in_reply_to not in (None, name):
        raise FaultsError(
            [Fault(pointer="/in_reply_to", code="conflict", limit="/content/message")]
        )
    return submission if name is None else replace(submission, in_reply_to=name)
