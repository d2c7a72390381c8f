"""Judge what a peer posts: open each copy, and hold it against repeats, routes, powers and schema.

Nothing is stored here and nothing answered: a verdict says what is to become of a copy.
Source: SPEC "Opening", "Powers".
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from gateway.cases.content import decode_content
from gateway.cases.kind import Kind
from gateway.cases.kinds import kind_named
from gateway.cases.powers import asking_fault, speaking_fault
from gateway.cases.threads.recall import check_own, taken_back
from gateway.clock import Clock
from gateway.errors import LiaisonError, RejectedError, UnavailableError
from gateway.faults import FaultsError
from gateway.protocol.answer import Accepted, Answer, Posted
from gateway.protocol.envelope import ParsedEnvelope, parse_envelope
from gateway.protocol.message import parse_message_ref
from gateway.protocol.opening import OpenedMessage, Receiver, open_envelope
from gateway.protocol.receipt import parse_receipt
from gateway.services.casework.recalled import check_takes_back
from gateway.services.federation.registry import RegistryMirror
from gateway.services.keys import NodeKeys
from gateway.settings import PolicySettings
from gateway.store import messages
from gateway.store.database import Database
from gateway.store.messages import StoredMessage
from keys.registry.statement import MemberRole
from keys.registry.view import View
from keys.suite import KeyId, MemberId


@dataclass(frozen=True, slots=True)
class Denied:
    """A message that is its sender's, and is refused for ever for what it says."""

    opened: OpenedMessage
    fault: LiaisonError


Verdict = OpenedMessage | Denied | LiaisonError | Answer
"""Opened and good; denied; refused or put off by its fault; or answered already."""

Parsed = ParsedEnvelope | RejectedError
"""A copy in canonical form, or why it is not."""


class Judging:
    """Opens copies and says what is to become of them."""

    def __init__(
        self,
        database: Database,
        keys: NodeKeys,
        mirror: RegistryMirror,
        *,
        kinds: Mapping[str, Kind],
        clock: Clock,
        policy: PolicySettings,
        check_space: Callable[[], None],
    ) -> None:
        self._database = database
        self._keys = keys
        self._mirror = mirror
        self._kinds = kinds
        self._clock = clock
        self._policy = policy
        self._check_space = check_space

    def _known(self, parsed: Sequence[Parsed]) -> dict[bytes, tuple[str, bytes]]:
        """Find what is accepted already: sender and receipt by envelope id (step 0)."""
        stored = self._stored(parsed)
        return {
            envelope_id: (item.sender, item.receipt)
            for envelope_id, item in stored.items()
            if item.receipt is not None
        }

    def void(
        self,
        parsed: Sequence[Parsed],
        verdicts: Sequence[Verdict],
        view: View,
    ) -> list[StoredMessage]:
        """Find the repeats whose receipt nobody believes any more: its signer is revoked."""
        repeated = [
            item
            for item, verdict in zip(parsed, verdicts, strict=True)
            if isinstance(verdict, Accepted) and _is_void(verdict.receipt, view)
        ]
        return list(self._stored(repeated).values()) if repeated else []

    def _stored(self, parsed: Sequence[Parsed]) -> dict[bytes, StoredMessage]:
        names = [
            (item.header.message_id, item.envelope_id)
            for item in parsed
            if isinstance(item, ParsedEnvelope)
        ]
        return self._database.read_now(lambda tx: messages.known(tx, names))

    def open(
        self,
        batch: Sequence[Posted],
        parsed: Sequence[Parsed],
        hop: MemberId,
        view: View,
    ) -> list[Verdict]:
        """Return a verdict on each copy that ``hop`` posted; ``parsed`` are the same, read."""
        known = self._known(parsed)
        receiver = Receiver(
            me=self._keys.member,
            view=view,
            root_at=self._mirror.root_at,
            seal_keys=self._keys.seal_key,
            now=self._clock.now(),
            clock_skew_s=self._policy.clock_skew_s,
            max_lifetime_s=self._policy.max_lifetime_s,
        )
        verdicts = [
            self._open_one(item, hop, bool(posted.hops), receiver, known)
            for posted, item in zip(batch, parsed, strict=True)
        ]
        if any(isinstance(item, OpenedMessage) for item in verdicts):
            try:
                self._check_space()
            except (
                UnavailableError
            ) as full:  # what was accepted before gets its receipt all the same
                return [full if isinstance(item, OpenedMessage) else item for item in verdicts]
        return verdicts

    def _open_one(
        self,
        item: Parsed,
        hop: MemberId,
        relayed: bool,  # noqa: FBT001 - a fact of the post
        receiver: Receiver,
        known: dict[bytes, tuple[str, bytes]],
    ) -> Verdict:
        if isinstance(item, RejectedError):
            return item
        try:
            if item.envelope_id in known:
                return _repeated(*known[item.envelope_id], hop, receiver, relayed=relayed)
            opened = open_envelope(item, hop, receiver)
            _check_hops(opened.sender, hop, relayed=relayed)
        except LiaisonError as fault:
            return fault
        return self._judged(opened, receiver.view)

    def _judged(self, opened: OpenedMessage, view: View) -> Verdict:
        """Hold a verified message against the powers of both members, and its content's schema."""
        try:
            kind = kind_named(opened.payload.kind, self._kinds)
            self._check_powers(opened, kind, view)
            said = decode_content(kind, opened.payload.content)
            check_own(said, opened.sender, opened.payload.in_reply_to)
            if taken_back(said) is not None:
                self._database.read_now(lambda tx: check_takes_back(tx, self._keys, said))
        except UnavailableError as fault:
            return fault
        except FaultsError as fault:
            return Denied(opened, RejectedError("content_invalid", fault.detail))
        except LiaisonError as fault:
            return Denied(opened, fault)
        return opened

    def _check_powers(self, opened: OpenedMessage, kind: Kind, view: View) -> None:
        """Let pass what the sender may say, and what may be asked of us. Source: SPEC "Powers"."""
        payload, sender = opened.payload, view.member(opened.sender)
        about: Sequence[str] = ()
        if sender.role is MemberRole.UNION:
            ref = payload.in_reply_to
            answered = parse_message_ref(ref) if ref else None
            about = self._database.read_now(
                lambda tx: messages.kinds_about(tx, payload.case_id, answered)
            )
        fault = speaking_fault(view, sender, kind, payload.on_behalf_of, about) or asking_fault(
            view.member(self._keys.member), kind, "/to"
        )
        if fault is None:
            return
        if opened.inner.registry.size > view.head.size:
            raise UnavailableError("registry_behind", "the sender's role may be newer than known")
        raise RejectedError(fault.code, fault.sentence())


def read_copy(item: Posted, hop: MemberId) -> Parsed:
    """Read a copy that ``hop`` posted; nothing of it is verified."""
    try:
        envelope = parse_envelope(item.envelope)
    except RejectedError as fault:
        return fault
    if len(envelope.stanzas) != len(item.to):
        return RejectedError("encoding_invalid", "a copy has one stanza for its recipient")
    if item.hops and item.hops[-1] != hop:
        return RejectedError("not_on_route", "the last hop of a copy is who posts it")
    return envelope


def _is_void(receipt: bytes, view: View) -> bool:
    signer = view.keys.get(KeyId(parse_receipt(receipt).signer_kid))
    return signer is not None and signer.revoked_since is not None


def _check_hops(sender: MemberId, hop: MemberId, *, relayed: bool) -> None:
    if hop != sender and not relayed:
        raise RejectedError("not_on_route", "a relay names itself among the hops")


def _repeated(
    sender: str, receipt: bytes, hop: MemberId, receiver: Receiver, *, relayed: bool
) -> Accepted:
    """Answer an envelope that is accepted already; only its own route is told of it."""
    _check_hops(MemberId(sender), hop, relayed=relayed)
    members = receiver.view.members
    relays = (*members[MemberId(sender)].via, *members[receiver.me].via)
    if hop != sender and hop not in relays:
        raise RejectedError(
            "not_on_route", f"{hop} replayed an envelope of {sender} that it does not relay"
        )
    return Accepted(receipt)
