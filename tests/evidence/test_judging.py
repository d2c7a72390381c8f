"""What evidence is worth: four verdicts, and every way to make it worth less."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from gateway.evidence.file import Evidence, encode_evidence
from gateway.evidence.judgement import Judgement, Verdict
from gateway.evidence.judging import judge_file
from gateway.protocol.audit import EntryKind, ProvenEntry
from gateway.protocol.message import payload_digest
from gateway.protocol.receipt import ReceiptKind
from keys.registry.draft import use_line
from keys.registry.member import RegistryHead
from keys.registry.statement import Chain, Kind
from keys.signing import SigningKey
from keys.suite import KeyUse, MemberId
from keys.tlog.checkpoint import Checkpoint, sign_checkpoint
from keys.tlog.merkle import EMPTY_ROOT
from keys.tlog.note import ClassicalSigner, encode_note, parse_note, sign_note
from keys.tlog.proof import encode_proof, parse_proof
from tests.evidence.made import (
    LATER,
    SEEN_AT,
    SENT_AT,
    WITNESSING,
    Case,
    Log,
    case,
    cosigned,
    encoded_payload,
    judged,
    name_witnesses,
    revoke,
)
from tests.world import FEDERATION, NOW, Party, admitted, party

HOUR_S = 3600


def codes(judgement: Judgement) -> set[str]:
    """Return the codes of what limits a verdict."""
    return {item.code for item in judgement.findings if item.limits_to != Verdict.VALID.value}


def refused(evidence: Evidence, made: Case, **supplied: Any) -> str:
    """Return the one code for which evidence is invalid."""
    judgement = judged(evidence, made.made.anchor, **supplied)
    assert judgement.verdict is Verdict.INVALID
    (code,) = codes(judgement)
    return code


def other_delivery(evidence: Evidence, **changes: Any) -> Evidence:
    """Return evidence with something else about its recipient."""
    return replace(evidence, delivered=(replace(evidence.delivered[0], **changes),))


def other_head(proven: ProvenEntry | None, bend: Callable[[bytes], bytes]) -> ProvenEntry:
    """Return an entry under a head that is bent."""
    assert proven is not None
    proof = parse_proof(proven.proof)
    return ProvenEntry(
        proven.entry, encode_proof(replace(proof, checkpoint=bend(proof.checkpoint)))
    )


# --- the four verdicts ----------------------------------------------------------------------------


def test_evidence_is_valid_with_its_content_and_without() -> None:
    """Who signed what for whom, seen by a quorum, and where: nothing is left to be believed."""
    made = case()
    judgement = judged(made.parts, made.made.anchor)
    assert (judgement.verdict, judgement.findings) == (Verdict.VALID, ())
    facts = judgement.facts
    assert facts.message is not None
    assert facts.message.content is not None
    assert (facts.message.sender, facts.message.to) == ("XA", ["XB"])
    assert facts.message.content.attachments[0].sha256 == (b"d" * 32).hex()
    assert {(item.what, item.member, item.witnessed_at) for item in facts.entries} == {
        ("message.accepted", "XA", SEEN_AT),
        ("receipt.held", "XA", SEEN_AT),
        ("message.received", "XB", SEEN_AT),
    }
    assert [item.recipient for item in facts.receipts] == ["XB"]
    closed = judged(made.closed, made.made.anchor)
    assert closed.verdict is Verdict.VALID
    assert closed.facts.message is not None
    assert closed.facts.message.content is None


def test_closed_evidence_is_opened_by_whoever_has_the_payload() -> None:
    """The digest stands for the payload, and for no other."""
    made = case()
    payload = encoded_payload(made)
    judgement = judged(made.closed, made.made.anchor, payload=payload)
    assert judgement.verdict is Verdict.VALID
    assert judgement.facts.message is not None
    assert judgement.facts.message.content is not None
    other = payload[:-1] + bytes([payload[-1] ^ 1])
    assert refused(made.closed, made, payload=other) == "payload_mismatch"


@pytest.mark.parametrize("use", [KeyUse.SIGN, KeyUse.LOG])
@pytest.mark.parametrize("who", ["XA", "XB"])
def test_revocation_is_held_against_what_witnesses_had_seen(who: str, use: KeyUse) -> None:
    """Known before, it ends all; said later of before, it disputes; said of later, nothing."""
    for at, since, verdict, code in (
        (SEEN_AT - 5, SEEN_AT - 5, Verdict.INVALID, {"key_revoked_before"}),
        (SEEN_AT + 60, SENT_AT - 60, Verdict.DISPUTED, {"key_revoked_since"}),
        (SEEN_AT + 60, SEEN_AT + 60, Verdict.VALID, set()),
    ):
        made = case()
        revoke(made.made, made.party(who), use, at=at, since=since)
        judgement = judged(made.of_now(), made.made.anchor)
        assert (judgement.verdict, codes(judgement)) == (verdict, code)


def test_later_revocation_that_was_left_out_turns_the_verdict() -> None:
    """The file is as of its registry; whoever has a newer one judges by that."""
    made = case()
    evidence = made.parts
    revoke(made.made, made.party("XA"), KeyUse.SIGN, at=LATER + 60, since=SENT_AT - 60)
    assert judged(evidence, made.made.anchor).verdict is Verdict.VALID
    judgement = judged(evidence, made.made.anchor, newer_registry=made.made.notes)
    assert judgement.verdict is Verdict.DISPUTED
    assert judgement.facts.registry is not None
    assert judgement.facts.registry.newer_size == judgement.facts.registry.size + 1


def test_revocation_dated_back_to_before_the_message_does_not_make_it_invalid() -> None:
    """What the witnessed registry did not hold was not known then, whatever date it bears."""
    made = case()
    evidence = made.parts
    revoke(made.made, made.party("XA"), KeyUse.SIGN, at=SENT_AT - 60, since=SENT_AT - 60)
    judgement = judged(evidence, made.made.anchor, newer_registry=made.made.notes)
    assert judgement.verdict is Verdict.DISPUTED


def test_without_a_quorum_it_is_signed_only() -> None:
    """No witnesses named, or too few of them so far: nobody but the parties says when."""
    none = case(witnesses=0)
    judgement = judged(none.parts, none.made.anchor)
    assert (judgement.verdict, codes(judgement)) == (Verdict.SIGNED_ONLY, {"witnesses_missing"})
    few = case()
    evidence = replace(few.parts, delivered=())
    assert evidence.sent is not None
    alone = replace(
        evidence, sent=other_head(evidence.sent, lambda head: only(head, few.witnesses[:1]))
    )
    judgement = judged(alone, few.made.anchor)
    assert (judgement.verdict, codes(judgement)) == (Verdict.SIGNED_ONLY, {"quorum_missing"})
    unlogged = judged(replace(evidence, sent=None), few.made.anchor)
    assert (unlogged.verdict, codes(unlogged)) == (Verdict.SIGNED_ONLY, {"not_logged"})


def test_of_a_revoked_key_nothing_holds_without_a_quorum() -> None:
    """Nobody says whether the signature or the theft came first."""
    made = case(witnesses=0)
    revoke(made.made, made.party("XA"), KeyUse.SIGN, at=LATER, since=LATER)
    assert codes(judged(made.of_now(), made.made.anchor)) >= {"key_revoked_untimed"}


def test_registry_that_was_witnessed_too_early_is_not_enough() -> None:
    """A revocation between the registry's head and the message's could have been left out."""
    made = case(later=SEEN_AT - 1)
    judgement = judged(made.parts, made.made.anchor)
    assert (judgement.verdict, codes(judgement)) == (Verdict.SIGNED_ONLY, {"registry_older"})
    newer = judged(made.parts, made.made.anchor, newer_registry=made.made.notes)
    assert newer.verdict is Verdict.VALID


def test_one_side_is_enough_and_the_report_says_what_is_missing() -> None:
    """What is not to be had is left out, and is no fault."""
    made = case()
    for changes in ({"held": None}, {"received": None}, {"receipt": None, "held": None}):
        judgement = judged(other_delivery(made.parts, **changes), made.made.anchor)
        assert judgement.verdict is Verdict.VALID
        assert {item.code for item in judgement.findings} <= {"entry_missing", "receipt_missing"}
        assert judgement.findings
    theirs = other_delivery(replace(made.parts, sent=None), held=None)
    assert judged(theirs, made.made.anchor).verdict is Verdict.VALID
    mine = judged(replace(made.parts, delivered=()), made.made.anchor)
    assert [item.where for item in mine.findings] == ["the receipt of XB"]


# --- swapped parts --------------------------------------------------------------------------------


def test_another_anchor_founds_nothing() -> None:
    """The registry in the file counts only for who trusts its first statement."""
    made = case()
    judgement = judged(made.parts, b"a" * 32)
    assert (judgement.verdict, codes(judgement)) == (Verdict.INVALID, {"anchor_mismatch"})


def test_registry_of_another_state_is_refused() -> None:
    """A statement left out, added, or a head of another size: they do not add up."""
    made = case(members=1)
    evidence = made.parts
    for statements in (
        evidence.statements[:-1],
        (*evidence.statements, evidence.statements[-1]),
        (evidence.statements[0], *evidence.statements[2:]),
    ):
        assert refused(replace(evidence, statements=statements), made) == "registry_mismatch"
    other = case(members=2)
    swapped = replace(
        evidence, statements=other.parts.statements, checkpoint=other.parts.checkpoint
    )
    assert refused(swapped, made) == "anchor_mismatch"


def test_newer_registry_has_to_extend_the_one_in_the_file() -> None:
    """Another history, or a shorter one, says nothing of this file."""
    made = case()
    other = case(members=1)
    for notes in (other.made.notes, made.made.notes[:-1], []):
        assert refused(made.parts, made, newer_registry=notes) == "registry_not_extended"


def test_registry_head_needs_the_registrars_signature() -> None:
    """A head under somebody else's key, or with a line that nobody knows, is refused."""
    made = case()
    evidence = made.parts
    head = made.made.view.head
    key = made.party("XA").records[KeyUse.LOG].seed
    signer = ClassicalSigner(f"{FEDERATION}/REGISTRY/log", SigningKey(KeyUse.LOG, key))
    forged = sign_checkpoint(Checkpoint(made.made.view.origin, head.size, head.root), signer)
    assert refused(replace(evidence, checkpoint=forged), made) == "signature_unknown"
    bare = parse_note(evidence.checkpoint)
    lines = [line for line in bare.signatures if line.name.endswith("/witness")]
    cut = encode_note(bare.text, lines)
    assert refused(replace(evidence, checkpoint=cut), made) == "signature_missing"


def test_swapped_key_is_refused() -> None:
    """A signature by a key that the registry does not list, or lists for another use or member."""
    made = case()
    unknown = SigningKey(KeyUse.SIGN, b"u" * 32)
    assert refused(made.otherwise(signer=unknown).parts, made) == "signer_unknown"
    as_log = SigningKey(KeyUse.LOG, made.party("XA").records[KeyUse.LOG].seed)
    assert refused(made.otherwise(signer=as_log).parts, made) == "signer_unknown"
    theirs = case(signer=made.party("XB").sign_key())
    assert refused(theirs.parts, theirs) == "sender_mismatch"
    assert refused(replace(theirs.closed, delivered=()), theirs) == "checkpoint_of_another_log"
    named = made.parts
    swapped = replace(named, signed=unknown.key_id + named.signed[32:])
    assert refused(swapped, made) == "signer_unknown"
    other = made.party("XB").sign_key().key_id
    assert refused(replace(named, signed=other + named.signed[32:]), made) == "signature_invalid"
    assert refused(replace(named, signed=named.signed[:-1]), made) == "encoding_invalid"


def test_swapped_content_or_header_is_refused() -> None:
    """Payload, its digest and the header are all under the signature."""
    made = case()
    other = made.otherwise(sent_at=SENT_AT + 1)
    for changes in (
        {"payload": other.parts.payload, "payload_digest": other.parts.payload_digest},
        {"header": other.parts.header},
        {"payload": None, "payload_digest": b"p" * 32},
    ):
        assert refused(replace(made.parts, **changes), made) == "signature_invalid"
    closed = replace(made.closed, payload_digest=payload_digest(b"no payload"))
    assert refused(closed, made) == "signature_invalid"


def test_swapped_receipt_is_refused() -> None:
    """Of another message, another signer; or one that the sender's entry does not name."""
    made = case()
    other = made.otherwise(sent_at=SENT_AT + 1)
    theirs = other.parts.delivered[0].receipt
    assert refused(other_delivery(made.parts, receipt=theirs), made) == "receipt_mismatch"
    forged = case(receipt_signer=made.party("XA").sign_key())
    assert refused(forged.parts, forged) == "receipt_wrong_signer"
    unknown = case(receipt_signer=SigningKey(KeyUse.SIGN, b"u" * 32))
    assert refused(unknown.parts, unknown) == "signer_unknown"
    later = made.otherwise(receipt_at=SENT_AT + 3).parts.delivered[0].receipt
    assert refused(other_delivery(made.parts, receipt=later), made) == "entry_mismatch"
    assert refused(other_delivery(made.parts, receipt=None), made) == "evidence_incomplete"
    assert refused(other_delivery(made.parts, receipt=b"\x90"), made) == "encoding_invalid"
    stranger = replace(made.parts.delivered[0], recipient=MemberId("W1"))
    wrong = replace(made.parts, delivered=(stranger,))
    assert refused(wrong, made) == "not_addressed"


def test_swapped_entry_or_proof_is_refused() -> None:
    """Of another kind, another message, another place, another member's log."""
    made = case()
    other = made.otherwise(sent_at=SENT_AT + 1)
    sent, delivered = made.parts.sent, made.parts.delivered[0]
    assert sent is not None
    assert delivered.held is not None
    assert delivered.received is not None
    for swapped, code in (
        (replace(made.parts, sent=delivered.held), "entry_mismatch"),
        (replace(made.parts, sent=other.parts.sent), "entry_mismatch"),
        (
            replace(made.parts, sent=ProvenEntry(sent.entry, delivered.held.proof)),
            "inclusion_invalid",
        ),
        (
            replace(made.parts, sent=ProvenEntry(sent.entry, delivered.received.proof)),
            "checkpoint_of_another_log",
        ),
        (replace(made.parts, sent=ProvenEntry(sent.entry, b"no proof")), "proof_malformed"),
        (other_delivery(made.parts, received=sent), "entry_mismatch"),
        (other_delivery(made.parts, held=delivered.received), "entry_mismatch"),
        (
            other_delivery(made.parts, received=other.parts.delivered[0].received),
            "entry_mismatch",
        ),
    ):
        assert refused(swapped, made) == code


def test_entry_of_another_envelope_is_refused() -> None:
    """All parts speak of one envelope."""
    made = case()
    parts = made.parts
    log = Log(made.party("XA"))
    tbs = judged(parts, made.made.anchor).facts.message
    assert tbs is not None
    entry = log.record(EntryKind.MESSAGE_ACCEPTED, b"e" * 32, bytes.fromhex(tbs.tbs_digest))
    swapped = replace(parts, sent=log.proven(entry, cosigned(log.head(), *made.witnesses)))
    assert refused(swapped, made) == "entry_mismatch"


def test_proof_holds_nothing_extra() -> None:
    """What nobody signed has no place in evidence."""
    made = case()
    sent = made.parts.sent
    assert sent is not None
    proof = encode_proof(replace(parse_proof(sent.proof), extra=b"believe me"))
    extra = replace(made.parts, sent=ProvenEntry(sent.entry, proof))
    assert refused(extra, made) == "proof_malformed"


def test_instructions_are_those_of_the_evidence() -> None:
    """Nobody slips in a key of his own to check it with."""
    made = case()
    encoded = encode_evidence(made.parts, b"Believe me.\n")
    judgement = judge_file(encoded, made.made.anchor)
    assert (judgement.verdict, codes(judgement)) == (Verdict.INVALID, {"howto_altered"})


# --- times ----------------------------------------------------------------------------------------


def test_dates_that_lie_after_what_witnesses_saw_are_refused() -> None:
    """A swapped time: nothing is seen before it was made."""
    for changes in (
        {"sent_at": SEEN_AT + HOUR_S},
        {"receipt_at": SEEN_AT + HOUR_S},
    ):
        made = case(**changes)
        assert "dated_after_witnessed" in codes(judged(made.parts, made.made.anchor))


def test_dates_outside_the_key_s_time_are_refused() -> None:
    """What a signer wrote decides nothing, and has to fit all the same."""
    early = case(sent_at=NOW - 100)
    assert codes(judged(early.parts, early.made.anchor)) == {"key_not_valid_then"}
    receipt = case(receipt_at=NOW - 100)
    assert codes(judged(receipt.parts, receipt.made.anchor)) == {"key_not_valid_then"}


def test_key_that_was_over_when_witnesses_saw_it_is_refused() -> None:
    """An old private key signs with any date; what nobody saw in its time was not made in it."""
    made = case()
    xa = made.party("XA")
    retired = replace(use_line(FEDERATION, xa.member, xa.records[KeyUse.SIGN]), end=SEEN_AT - 5)
    said = made.made.said(Kind.KEYS, xa.member, Chain.ROOT, at=NOW + 20, uses=(retired,))
    made.made.append(sign_note(said.text(), xa.root_signers))
    assert codes(judged(made.of_now(), made.made.anchor)) == {"key_not_valid_then"}


# --- witnesses ------------------------------------------------------------------------------------


def only(head: bytes, named: list[Party]) -> bytes:
    """Return a head with the cosignatures of these witnesses alone."""
    note = parse_note(head)
    names = {who.cosigner().name for who in named}
    kept = [line for line in note.signatures if "/witness" not in line.name or line.name in names]
    return encode_note(note.text, kept)


def bent_heads() -> list[tuple[str, Callable[[bytes], bytes]]]:
    """Return ways to bend a head's lines, and the code of each."""

    def doubled(head: bytes) -> bytes:
        note = parse_note(head)
        return encode_note(note.text, [*note.signatures, note.signatures[-1]])

    def of_a_stranger(head: bytes) -> bytes:
        key = party("XZ", uses=(KeyUse.WITNESS,))
        return cosigned(head, key)

    def of_no_witness(head: bytes) -> bytes:
        note = parse_note(head)
        line = replace(note.signatures[-1], name="somebody.example")
        return encode_note(note.text, [*note.signatures, line])

    def altered(head: bytes) -> bytes:
        note = parse_note(head)
        last = note.signatures[-1]
        line = replace(last, signature=last.signature[:-1] + bytes([last.signature[-1] ^ 1]))
        return encode_note(note.text, [*note.signatures[:-1], line])

    def dated_otherwise(head: bytes) -> bytes:
        note = parse_note(head)
        last = note.signatures[-1]
        line = replace(last, signature=(SENT_AT - 60).to_bytes(8, "big") + last.signature[8:])
        return encode_note(note.text, [*note.signatures[:-1], line])

    def log_twice(head: bytes) -> bytes:
        note = parse_note(head)
        return encode_note(note.text, [*note.signatures, note.signatures[0]])

    def leading_zero(head: bytes) -> bytes:
        return head.replace(b"\n3\n", b"\n03\n", 1)

    return [
        ("cosignature_invalid", doubled),
        ("signature_unknown", of_a_stranger),
        ("signature_unknown", of_no_witness),
        ("cosignature_invalid", altered),
        ("cosignature_invalid", dated_otherwise),
        ("signature_invalid", log_twice),
        ("checkpoint_malformed", leading_zero),
    ]


@pytest.mark.parametrize(
    ("code", "bend"), bent_heads(), ids=lambda item: getattr(item, "__name__", "")
)
def test_every_line_of_a_head_counts(code: str, bend: Callable[[bytes], bytes]) -> None:
    """A cosignature twice, a line of a stranger, of an unknown algorithm, a number otherwise."""
    made = case()
    bent = replace(made.parts, sent=other_head(made.parts.sent, bend))
    assert refused(bent, made) == code


def test_head_of_another_log_is_refused() -> None:
    """Another origin, another federation's, or a key that is not that log's."""
    for changes, code in (
        ({"log_origin": f"{FEDERATION}/XB/audit/2026"}, "checkpoint_of_another_log"),
        ({"log_origin": "other.example/XA/audit/2026"}, "checkpoint_of_another_log"),
        ({"log_origin": f"{FEDERATION}/registry"}, "origin_malformed"),
        ({"log_signer": SigningKey(KeyUse.LOG, b"t" * 32)}, "signature_unknown"),
    ):
        made = case(**changes)
        assert refused(made.parts, made) == code


def test_owner_of_a_log_cannot_name_witnesses_of_his_own() -> None:
    """Who counts is who the registry named for that time; a member with a witness key does not."""
    made = case()
    own = party("M9", uses=WITNESSING)
    made.made.append(admitted(made.made.registrar, own, made.made.anchor))
    evidence = made.of_now()
    bent = replace(
        evidence, sent=other_head(evidence.sent, lambda head: cosigned(only(head, []), own))
    )
    assert refused(bent, made) == "signature_unknown"


def test_witnesses_count_for_the_time_in_which_they_were_named() -> None:
    """A replaced set is good for what it saw in its time, a new one for nothing before it."""
    made = case()
    old = made.witnesses
    evidence = made.parts
    new = [party(f"V{number}", uses=WITNESSING) for number in (1, 2)]
    made.made.append(*(admitted(made.made.registrar, who, made.made.anchor) for who in new))
    name_witnesses(made.made, 2, new, *old[:2], at=LATER)
    head = made.made.head(*((who.cosigner(), LATER + 60) for who in new))
    grown = replace(evidence, statements=tuple(made.made.notes), checkpoint=head)
    assert judged(grown, made.made.anchor).verdict is Verdict.VALID
    by_new = replace(
        grown,
        delivered=(),
        sent=other_head(grown.sent, lambda shown: cosigned(only(shown, []), *new, at=SEEN_AT)),
    )
    judgement = judged(by_new, made.made.anchor)
    assert (judgement.verdict, codes(judgement)) == (Verdict.SIGNED_ONLY, {"quorum_missing"})
    much_later = LATER + 40 * 86_400
    by_old = replace(
        grown,
        delivered=(),
        sent=other_head(grown.sent, lambda shown: cosigned(only(shown, []), *old, at=much_later)),
    )
    judgement = judged(by_old, made.made.anchor)
    assert (judgement.verdict, codes(judgement)) == (Verdict.SIGNED_ONLY, {"quorum_missing"})


def test_one_witness_that_lies_moves_no_time() -> None:
    """By when a quorum had seen it is the second earliest of three: one may say what it likes."""
    made = case()
    liar, *honest = made.witnesses
    early = replace(
        made.parts,
        delivered=(),
        sent=other_head(
            made.parts.sent,
            lambda head: cosigned(cosigned(only(head, []), liar, at=NOW + 20), *honest),
        ),
    )
    facts = judged(early, made.made.anchor).facts
    assert [item.witnessed_at for item in facts.entries] == [SEEN_AT]


def test_signer_that_names_another_registry_is_told_and_costs_nothing() -> None:
    """Whoever signs cannot undo it by naming a registry that there is not, or not yet."""
    made = case()
    for shown, code in ((9, "registry_behind"), (3, "registry_split_view")):
        bent = made.otherwise(view=RegistryHead(shown, b"r" * 32))
        judgement = judged(bent.parts, made.made.anchor)
        assert judgement.verdict is Verdict.VALID
        assert [item.code for item in judgement.findings] == [code]


def test_nothing_at_all_is_no_evidence() -> None:
    """Empty bytes are invalid, with a sentence."""
    judgement = judge_file(b"", b"a" * 32)
    assert (judgement.verdict, codes(judgement)) == (Verdict.INVALID, {"evidence_malformed"})


def test_message_and_receipt_are_of_the_kind_that_they_have_to_be() -> None:
    """Signed well, and of another version or suite, with other attachments, or no delivery."""
    made = case()
    for changes, code in (
        ({"header_changes": {"version": 2}}, "version_unknown"),
        ({"header_changes": {"suite": 2}}, "suite_unknown"),
        ({"header_changes": {"blobs": ()}}, "blobs_mismatch"),
        ({"receipt_changes": {"kind": ReceiptKind.CUSTODY, "seal_kid": b""}}, "receipt_unknown"),
    ):
        assert refused(made.otherwise(**changes).parts, made) == code


def test_entry_names_whom_it_is_about() -> None:
    """An entry that XB received it from somebody else shows nothing."""
    made = case()
    facts = judged(made.parts, made.made.anchor).facts.message
    assert facts is not None
    log = Log(made.party("XB"))
    names = (made.envelope_id, bytes.fromhex(facts.tbs_digest))
    entry = log.record(EntryKind.MESSAGE_RECEIVED, *names, peer="W1")
    proven = log.proven(entry, cosigned(log.head(), *made.witnesses))
    assert refused(other_delivery(made.parts, received=proven), made) == "entry_mismatch"


def test_head_of_another_registry_is_refused() -> None:
    """The registry's own head has the origin that its statements give."""
    made = case()
    head = made.made.view.head
    key = made.made.registrar.records[KeyUse.LOG].seed
    signer = ClassicalSigner(f"{FEDERATION}/REGISTRY/log", SigningKey(KeyUse.LOG, key))
    other = sign_checkpoint(Checkpoint("other.example/registry", head.size, head.root), signer)
    assert refused(replace(made.parts, checkpoint=other), made) == "checkpoint_of_another_log"
    nothing = sign_checkpoint(Checkpoint("mutual.example/registry", 0, EMPTY_ROOT), signer)
    empty = encode_evidence(replace(made.parts, statements=(), checkpoint=nothing), b"")
    assert codes(judge_file(empty, made.made.anchor)) == {"registry_empty"}
