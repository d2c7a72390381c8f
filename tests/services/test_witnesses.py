"""Which lines of a head count, and which heads wait for their cosignatures."""

from dataclasses import replace

import pytest

from gateway.errors import RejectedError, UnavailableError
from gateway.services.federation.witnesses import (
    check_witnessed,
    settled,
    witness_keys,
    witnessed_at,
)
from keys.registry.draft import draft_rotation, node_signer, provers, use_line
from keys.registry.statement import REGISTRY, Chain, Kind, WitnessSet, key_name
from keys.suite import KeyUse, MemberId
from keys.tlog.cosignature import CosigningKey, add_cosignatures
from keys.tlog.note import NoteSignature, encode_note, parse_note, sign_note
from tests.outcome import outcome
from tests.world import FEDERATION, NOW, USES, Party, World, party, world

WITNESSING = (*USES, KeyUse.WITNESS)


def witnessed(quorum: int = 2) -> tuple[World, list[Party]]:
    """Return a federation with three witnesses, and XB who is none."""
    named = [party(f"W{number}", uses=WITNESSING) for number in range(3)]
    made = world(*named, party("XB", uses=WITNESSING))
    chosen = WitnessSet(quorum, tuple(who.member for who in named))
    names = made.said(Kind.WITNESSES, REGISTRY, Chain.ISSUER, witnesses=chosen)
    made.append(sign_note(names.text(), made.registrar.root_signers))
    return made, named


def rotated(made: World, who: Party) -> CosigningKey:
    """Give a witness a new key; return it."""
    record = who.draw(KeyUse.WITNESS, NOW + 20)
    member = made.view.members[who.member]
    line = use_line(FEDERATION, who.member, record)
    text = draft_rotation(made.view, member, at=NOW + 20, uses=[line]).text()
    sign = node_signer(FEDERATION, who.member, who.records[KeyUse.SIGN])
    made.append(sign_note(text, [sign, *provers(FEDERATION, who.member, record)]))
    name = key_name(FEDERATION, who.member, KeyUse.WITNESS)
    return CosigningKey.from_seed(name, record.seed)


def said_by(head: bytes) -> list[tuple[str, int]]:
    """Return who signed a head, by name and length of the signature."""
    return [(line.name.split("/")[1], len(line.signature)) for line in parse_note(head).signatures]


def test_only_the_log_and_its_witnesses_stay_on_a_head() -> None:
    """A member that is none, a stranger, and half of what a witness has to say."""
    made, named = witnessed()
    stranger = party("XB", uses=WITNESSING).cosigner()
    head = made.head((named[0].cosigner(), NOW + 30), (stranger, NOW + 30))
    half = add_cosignatures(head, named[1].cosigner().cosign(head, NOW + 30)[:1])
    note = parse_note(half)
    more = encode_note(note.text, [*note.signatures, NoteSignature("x", b"abcd", b"y" * 64)])
    kept = settled(made.view, more)
    assert said_by(kept) == [("registry", 64), ("W0", 72), ("W0", 2428)]
    assert settled(made.view, kept) == kept
    assert settled(made.view, made.head()) == made.head()


def test_newest_cosignature_of_a_witness_stays_whichever_key_made_it() -> None:
    """A witness that rotated its key says one thing, not two."""
    made, named = witnessed()
    new, old = rotated(made, named[0]), named[0].cosigner()
    assert len(witness_keys(made.view.members[named[0].member])) == 2
    for newer, older in ((new, old), (old, new)):
        head = made.head((older, NOW + 30), (newer, NOW + 40), (named[1].cosigner(), NOW + 50))
        kept = settled(made.view, head)
        assert len(said_by(kept)) == 5
        assert kept == settled(made.view, add_cosignatures(kept, parse_note(head).signatures))
        assert witnessed_at(made.view, kept) == NOW + 40


def test_altered_cosignature_refuses_the_whole_head() -> None:
    """A known witness's line that does not verify is nobody's accident."""
    made, named = witnessed()
    note = parse_note(made.head((named[0].cosigner(), NOW + 30)))
    log, first, second = note.signatures
    bent = replace(second, signature=second.signature[:-1] + bytes([second.signature[-1] ^ 1]))
    fault = outcome(settled, made.view, encode_note(note.text, [log, first, bent]))
    assert isinstance(fault, RejectedError)
    assert fault.code == "cosignature_invalid"


def test_head_that_completes_a_recovery_waits_for_a_quorum() -> None:
    """Any other head does not; the witness that was itself recovered does not count."""
    made, named = witnessed()
    cosigners = [(who.cosigner(), NOW + 30) for who in named]
    other = made.said(Kind.RECOVER, "XB", Chain.ISSUER)
    for member, said, passes in (
        ("XB", cosigners, True),
        ("XB", cosigners[:2], True),
        ("XB", cosigners[:1], False),
        ("W0", cosigners[:2], False),
        ("W0", cosigners[1:], True),
        ("W0", cosigners, True),
    ):
        done = made.said(Kind.RECOVERED, MemberId(member), Chain.ISSUER, checkpoints=(b"a", b"b"))
        notes = [sign_note(item.text(), made.registrar.root_signers) for item in (other, done)]
        head = made.head(*said)
        check_witnessed(made.view, notes[:1], made.head())
        if passes:
            check_witnessed(made.view, notes, head)
            continue
        with pytest.raises(UnavailableError) as caught:
            check_witnessed(made.view, notes, head)
        assert caught.value.code == "registry_unwitnessed"


def test_where_no_witness_is_named_nothing_waits_for_one() -> None:
    """The fold has judged the recovery by the witnesses named when it began."""
    made = world(party("XB", uses=WITNESSING))
    done = made.said(Kind.RECOVERED, "XB", Chain.ISSUER, checkpoints=(b"a", b"b"))
    check_witnessed(made.view, [sign_note(done.text(), made.registrar.root_signers)], made.head())
    assert witnessed_at(made.view, made.head()) is None
