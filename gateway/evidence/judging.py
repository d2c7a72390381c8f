"""Judge evidence: every check in its order, from the anchor to a verdict.

Nothing that the file says of sizes, places, algorithms or names is believed where the registry, or
whoever reads the file, says it too. Source: SPEC "Evidence".
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from gateway.errors import LiaisonError, RejectedError
from gateway.evidence.entries import Expected, Logged, check_entry
from gateway.evidence.expected import held_by, received_by, sent_by
from gateway.evidence.file import Delivered, Evidence, parse_evidence
from gateway.evidence.heads import registry_keys, verified_head
from gateway.evidence.history import History, check_adds_up, continued, fold
from gateway.evidence.howto import howto_of
from gateway.evidence.judgement import Facts, Finding, Judgement, Verdict
from gateway.evidence.parts import Message, open_payload, verify_delivery, verify_message
from gateway.evidence.shown import entry_facts, message_facts, receipt_facts, registry_facts
from gateway.evidence.standing import Trust
from gateway.protocol.audit import ProvenEntry
from gateway.protocol.message import Payload
from gateway.protocol.opening import may_have_signed
from gateway.protocol.receipt import VerifiedReceipt
from keys.registry.member import RegistryHead
from keys.registry.witnessed import newest_until

CLOCK_SKEW_S = 300
"""How far a date may lie after the time by which witnesses saw what bears it."""
_ORDER = list(Verdict)


def judge_file(
    encoded: bytes,
    anchor: bytes,
    *,
    newer_registry: Sequence[bytes] | None = None,
    payload: bytes | None = None,
) -> Judgement:
    """Judge a file of evidence, whatever its bytes are; else as ``judge``."""
    try:
        evidence, howto = parse_evidence(encoded)
    except LiaisonError as fault:
        finding = _finding(fault.code, "the file", fault.detail, Verdict.INVALID)
        return Judgement(Verdict.INVALID, Facts(), (finding,))
    return judge(evidence, howto, anchor, newer_registry=newer_registry, payload=payload)


def judge(
    evidence: Evidence,
    howto: bytes,
    anchor: bytes,
    *,
    newer_registry: Sequence[bytes] | None = None,
    payload: bytes | None = None,
) -> Judgement:
    """Return what evidence is worth to who trusts ``anchor`` (32 bytes) and nothing else.

    ``newer_registry`` are the statements of a registry that the reader took from elsewhere,
    ``payload`` is what a closed file leaves out. Never raises.
    """
    judging = _Judging(evidence)
    with suppress(_FailedError):
        judging.run(howto, anchor, newer_registry, payload)
    return judging.judgement()


class _FailedError(Exception):
    """A step failed, and what follows rests on it."""


@dataclass(slots=True)
class _Delivery:
    """What shows that one recipient has the message, verified."""

    held: Logged | None = None
    receipt: VerifiedReceipt | None = None
    received: Logged | None = None

    @property
    def logged(self) -> list[Logged]:
        """The entries that there are."""
        return [item for item in (self.held, self.received) if item is not None]


class _Judging:
    """One file on its way to a verdict."""

    def __init__(self, evidence: Evidence) -> None:
        self._evidence = evidence
        self._facts = Facts()
        self._findings: list[Finding] = []

    def judgement(self) -> Judgement:
        """Return the verdict: the least that any finding leaves."""
        rank = [_ORDER.index(Verdict(item.limits_to)) for item in self._findings]
        ordered = sorted(zip(rank, self._findings, strict=True), key=lambda item: -item[0])
        verdict = _ORDER[max(rank, default=0)]
        return Judgement(verdict, self._facts, tuple(item for _, item in ordered))

    def run(
        self, howto: bytes, anchor: bytes, newer: Sequence[bytes] | None, supplied: bytes | None
    ) -> None:
        """Take every step. Raises _FailedError at the first that fails."""
        evidence = self._evidence
        trust = self._registry(anchor, newer)
        history = trust.history
        with self._step("the message"):
            message = verify_message(evidence, history)
            payload = open_payload(evidence, message, supplied)
        self._facts.message = message_facts(message, evidence, payload, history.view)
        sender, tbs = message.signer.member, message.tbs_digest
        sent = self._logged(
            evidence.sent, sent_by(sender, tbs), "that it sent the message", history
        )
        deliveries = [self._delivery(item, message, history) for item in evidence.delivered]
        for name in sorted({*message.header.to} - {item.recipient for item in evidence.delivered}):
            self._remark("receipt_missing", f"the receipt of {name}", "it is not in the file")
        self._check_one_envelope(sent, deliveries)
        self._compare(message.signed.registry, "the message", history)
        with self._step("HOWTO.txt"):
            if howto != howto_of(evidence, history):
                raise RejectedError("howto_altered", "these are not the instructions that belong")
        self._judge_times(message, payload, sent, deliveries, trust)

    def _registry(self, anchor: bytes, newer: Sequence[bytes] | None) -> Trust:
        notes, checkpoint = self._evidence.statements, self._evidence.checkpoint
        with self._step("the registry"):
            check_adds_up(notes, checkpoint)
            history = fold(notes, anchor)
        with self._step("the registry's head"):
            keys = registry_keys(history)
            head = verified_head(checkpoint, history.view.origin, keys, history)
        named = history.view.witnesses
        seen = [item for item in head.seen if item.witness in named.members]
        until = newest_until(seen, named.quorum)
        with self._step("the newer registry"):
            supplied = None if newer is None else continued(history, tuple(newer))
        self._facts.registry = registry_facts(history, seen, until, supplied)
        alone = Trust(history=history, until=until)
        self._note(alone.judge(head.log_key, until, "the registry's head"))
        return Trust(history=history, supplied=supplied, until=until)

    def _delivery(self, item: Delivered, message: Message, history: History) -> _Delivery:
        """Return what shows that one recipient has the message."""
        name, made = item.recipient, _Delivery()
        with self._step(f"recipients/{name}"):
            if name not in message.header.to:
                raise RejectedError("not_addressed", f"the message is not addressed to {name}")
            if item.held is not None and item.receipt is None:
                raise RejectedError("evidence_incomplete", "the receipt that is held is missing")
        if item.receipt is None:
            self._remark("receipt_missing", f"the receipt of {name}", "it is not in the file")
        else:
            with self._step(f"the receipt of {name}"):
                made.receipt = verify_delivery(item.receipt, name, message, history)
            self._facts.receipts.append(receipt_facts(made.receipt, history.view))
            self._compare(made.receipt.registry, f"the receipt of {name}", history)
            expected = held_by(message.signer.member, message.tbs_digest, item)
            what = f"that it holds the receipt of {name}"
            made.held = self._logged(item.held, expected, what, history)
        expected = received_by(message.signer.member, message.tbs_digest, item)
        made.received = self._logged(
            item.received, expected, "that it received the message", history
        )
        return made

    def _logged(
        self, proven: ProvenEntry | None, expected: Expected, what: str, history: History
    ) -> Logged | None:
        where = f"{expected.member}'s entry {what}"
        if proven is None:
            self._remark("entry_missing", where, "it is not in the file")
            return None
        with self._step(where):
            logged = check_entry(proven, expected, history)
        self._facts.entries.append(entry_facts(logged))
        return logged

    def _check_one_envelope(self, sent: Logged | None, deliveries: Sequence[_Delivery]) -> None:
        named = {item.envelope_id for made in deliveries for item in made.logged}
        named |= {made.receipt.receipt.envelope_id for made in deliveries if made.receipt}
        if sent is not None:
            named.add(sent.envelope_id)
        with self._step("the entries"):
            if len(named) > 1:
                raise RejectedError("entry_mismatch", "they speak of different envelopes")

    def _judge_times(
        self,
        message: Message,
        payload: Payload | None,
        sent: Logged | None,
        deliveries: Sequence[_Delivery],
        trust: Trust,
    ) -> None:
        """Judge each key at the time by which witnesses saw what it signed."""
        logged = [item for made in deliveries for item in made.logged]
        logged += [] if sent is None else [sent]
        for item in logged:
            self._judge_entry(item, trust)
        at = self._seen_by(logged, "the message", trust)
        self._note(trust.judge(message.signer, at, "the message"))
        if payload is not None:
            self._check_date(payload.created_at, at, "the message")
            if not may_have_signed(trust.key(message.signer, at), payload.created_at, trust.view):
                self._refuse("key_not_valid_then", "the message", _DATED_OUTSIDE)
        for made in deliveries:
            if made.receipt is not None:
                self._judge_receipt(made.receipt, made.logged, trust)

    def _judge_receipt(
        self, verified: VerifiedReceipt, logged: Sequence[Logged], trust: Trust
    ) -> None:
        where = f"the receipt of {verified.receipt.recipient}"
        at = self._seen_by(logged, where, trust)
        self._note(trust.judge(verified.signer, at, where))
        self._check_date(verified.receipt.at, at, where)
        key = trust.key(verified.signer, at)
        if not key.start <= verified.receipt.at < key.end:
            self._refuse("key_not_valid_then", where, _DATED_OUTSIDE)

    def _judge_entry(self, logged: Logged, trust: Trust) -> None:
        where = f"{logged.head.checkpoint.origin}, entry {logged.index}"
        self._note(trust.judge(logged.head.log_key, logged.at, where))
        self._check_date(logged.entry.at, logged.at, where)
        if logged.at is None:
            self._remark("quorum_missing", where, "no quorum of witnesses has seen it yet")

    def _seen_by(self, logged: Sequence[Logged], where: str, trust: Trust) -> int | None:
        """Return by when witnesses had seen something; note where none of the entries says."""
        times = [item.at for item in logged if item.at is not None]
        if times:
            at = min(times)
            if trust.lacks(at):
                self._note(_finding("registry_older", where, _OLDER, Verdict.SIGNED_ONLY))
            return at
        code, detail = "not_logged", "no log in the file speaks of it"
        if logged:
            code, detail = "quorum_missing", "no quorum of witnesses has seen it yet"
        if not trust.history.eras:
            code, detail = "witnesses_missing", "the federation names no witnesses"
        self._note(_finding(code, where, detail, Verdict.SIGNED_ONLY))
        return None

    def _check_date(self, claimed_at: int, at: int | None, where: str) -> None:
        if at is not None and claimed_at > at + CLOCK_SKEW_S:
            self._refuse("dated_after_witnessed", where, "it is dated after witnesses had seen it")

    def _compare(self, named: RegistryHead, where: str, history: History) -> None:
        """Say where somebody was shown another registry; it takes nothing from a signature."""
        if named.size > history.view.head.size:
            self._remark(
                "registry_behind", where, "its signer names a larger registry than the file's"
            )
        elif history.root_at(named.size) != named.root:
            self._remark("registry_split_view", where, "its signer had been shown another registry")

    @contextmanager
    def _step(self, where: str) -> Iterator[None]:
        try:
            yield
        except LiaisonError as fault:
            self._refuse(fault.code, where, fault.detail)
            raise _FailedError from fault

    def _refuse(self, code: str, where: str, detail: str) -> None:
        self._note(_finding(code, where, detail, Verdict.INVALID))

    def _remark(self, code: str, where: str, detail: str) -> None:
        self._note(_finding(code, where, detail, Verdict.VALID))

    def _note(self, finding: Finding | None) -> None:
        if finding is not None:
            self._findings.append(finding)


_DATED_OUTSIDE = "it is dated outside the time of the key that signed it"
_OLDER = (
    "the registry in the file was witnessed last before this was: what was revoked in between "
    "would not show; export it again, or give a newer registry"
)


def _finding(code: str, where: str, detail: str, limits_to: Verdict) -> Finding:
    return Finding(code=code, where=where, detail=detail, limits_to=limits_to.value)
