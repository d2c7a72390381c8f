"""What the registry accepts, and what it refuses by name, leaving the view as it was."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keys.errors import LiaisonError, RejectedError, UnavailableError
from keys.keyring import new_record
from keys.registry.card import draft_card, verify_card
from keys.registry.draft import (
    draft_rotation,
    fingerprint,
    node_signer,
    parse_fingerprint,
    root_signers,
    use_line,
)
from keys.registry.grammar import parse_statement
from keys.registry.statement import (
    REGISTRY,
    Chain,
    Kind,
    MemberRole,
    Revocation,
    Statement,
    UseLine,
    WitnessSet,
)
from keys.registry.view import View, advance, found
from keys.suite import KeyId, KeyUse, MemberId, digest
from keys.tlog.note import (
    ED25519,
    Note,
    NoteSigner,
    VerifierKey,
    add_signatures,
    encode_note,
    parse_note,
    sign_note,
)
from tests.mutation import mutated
from tests.outcome import outcome
from tests.world import (
    FEDERATION,
    NOW,
    Party,
    Seeded,
    World,
    admitted,
    genesis_of,
    join_of,
    party,
    world,
)


def refused(view: View, note: bytes) -> str:
    """Return the code with which a statement is refused; the view must not change."""
    before = (view.head, dict(view.members), dict(view.keys))
    with pytest.raises(RejectedError) as caught:
        advance(view, [note])
    assert (view.head, dict(view.members), dict(view.keys)) == before
    return caught.value.code


def rotation(
    made: World, who: Party, *, when: int = NOW + 10, entropy: str = "r", **changes: Any
) -> tuple[Statement, list[NoteSigner]]:
    """Return (statement, signers) that bring a new sign key; ``changes`` bend the statement."""
    record = new_record(KeyUse.SIGN, start=when, end=when + 999, entropy=Seeded(entropy))
    line = use_line(FEDERATION, who.member, record)
    statement = draft_rotation(made.view, made.view.members[who.member], at=when, uses=[line])
    signers = [
        node_signer(FEDERATION, who.member, who.records[KeyUse.SIGN]),
        node_signer(FEDERATION, who.member, record),
    ]
    return replace(statement, **changes), signers


def test_members_are_admitted_and_found_by_their_keys() -> None:
    """After genesis and two admissions the view knows members, keys, pins and the head."""
    xa, xb = party("XA"), party("XB")
    made = world(xa, xb)
    assert set(made.view.members) == {REGISTRY, "XA", "XB"}
    assert made.view.head.size == 3
    key = made.view.keys[xa.sign_key().key_id]
    assert (key.member, key.use) == ("XA", KeyUse.SIGN)
    assert len(made.view.pins) == 3
    assert made.view.member(MemberId("XB")).name("fr") == "Douanes de XB"
    assert made.view.member(MemberId("XB")).name("de") == "Customs of XB"
    assert made.view.member(MemberId("XB")).current(KeyUse.SIGN, NOW + 1) is not None
    assert made.view.member(MemberId("XB")).current(KeyUse.SIGN, NOW - 1) is None
    with pytest.raises(RejectedError) as unknown:
        made.view.member(MemberId("XZ"))
    assert unknown.value.code == "member_unknown"


def test_replay_in_one_call_or_many_gives_the_same_view() -> None:
    """The fold is the same whether statements come together or one by one."""
    made = world(party("XA"), party("XB"))
    together = advance(found(made.genesis, made.anchor), made.notes[1:])
    assert together.head == made.view.head
    assert together.members == made.view.members


def test_fingerprint_round_trips_and_rejects_typing_errors() -> None:
    """The anchor that people pass on is the digest of the genesis note."""
    made = world()
    text = fingerprint(made.genesis)
    assert parse_fingerprint(text + "\n") == made.anchor
    for wrong in (text[:-1], text.upper().replace("LIAISON1-", "liaison2-"), "liaison1-!!", ""):
        with pytest.raises(RejectedError) as caught:
            parse_fingerprint(wrong)
        assert caught.value.code == "fingerprint_malformed"


def test_wrong_anchor_is_refused() -> None:
    """A registry that is not the anchor's is never believed."""
    with pytest.raises(RejectedError) as caught:
        found(world().genesis, bytes(32))
    assert caught.value.code == "anchor_mismatch"


@pytest.mark.parametrize("kind", ["admit", "no witnesses", "other member", "role"])
def test_registry_begins_with_genesis(kind: str) -> None:
    """What is no genesis statement of REGISTRY founds nothing."""
    registrar = party(REGISTRY)
    statement = parse_statement(genesis_of(registrar)).statement
    changed = {
        "admit": None,
        "no witnesses": replace(statement, witnesses=None),
        "other member": replace(statement, role=MemberRole.OBSERVER),
        "role": replace(statement, role=None),
    }[kind]
    note = (
        admitted(registrar, party("XA"), bytes(32))
        if changed is None
        else sign_note(changed.text(), registrar.signers)
    )
    with pytest.raises(RejectedError) as caught:
        found(note, digest(note))
    assert caught.value.code == "statement_misfit"


def test_member_cannot_be_admitted_twice() -> None:
    """A live member's keys cannot be replaced by another admission, whoever signs it."""
    made = world(party("XA"))
    usurper = party("XA-USURPER")
    usurper.member = MemberId("XA")
    note = sign_note(
        join_of(party("XA"), made.anchor).text(),
        [s for r in made.registrar.roots for s in root_signers(r)],
    )
    assert refused(made.view, note) == "member_exists"


def test_second_genesis_is_refused() -> None:
    """A registry has one genesis statement."""
    made = world()
    assert refused(made.view, made.genesis) == "statement_misfit"


def test_statement_of_another_federation_is_refused() -> None:
    """Statements do not travel between federations."""
    made = world()
    statement = replace(join_of(party("XA"), made.anchor), federation="other.example", uses=())
    note = sign_note(statement.text(), made.registrar.signers)
    assert refused(made.view, note) == "statement_of_another_federation"


def test_admission_needs_the_registrars_threshold() -> None:
    """Two of three registrars must sign; one that signs with one key only does not count."""
    made = world(registrars=3, threshold=2)
    xa = party("XA")
    text = join_of(xa, made.anchor).text()
    pairs = [root_signers(root) for root in made.registrar.roots]
    one = sign_note(text, [*pairs[0], *xa.signers])
    assert refused(made.view, one) == "threshold_not_met"
    half = add_signatures(one, [pairs[1][0]])
    assert refused(made.view, half) == "threshold_not_met"
    note = parse_note(one)
    twice = encode_note(note.text, [*note.signatures, note.signatures[0], note.signatures[1]])
    assert refused(made.view, twice) == "signature_invalid"
    made.append(add_signatures(half, [pairs[1][1]]))
    assert "XA" in made.view.members


def test_admission_needs_the_members_own_root_and_every_key() -> None:
    """Registrars alone admit nobody, and each key proves that it is held."""
    made = world()
    xa = party("XA")
    roots = [s for r in made.registrar.roots for s in root_signers(r)]
    text = join_of(xa, made.anchor).text()
    assert refused(made.view, sign_note(text, [*roots, *xa.signers[2:]])) == "threshold_not_met"
    assert refused(made.view, sign_note(text, [*roots, *xa.signers[:-1]])) == "signature_missing"
    unknown = [*roots, *xa.signers, *party("XZ").signers[:1]]
    assert refused(made.view, sign_note(text, unknown)) == "signature_unknown"
    assert refused(made.view, sign_note(text, party("XZ").signers)) == "signature_missing"


def test_forged_signature_is_refused() -> None:
    """A known key's line over other text rejects the statement."""
    made = world()
    xa = party("XA")
    note = parse_note(admitted(made.registrar, xa, made.anchor))
    other = join_of(xa, made.anchor, endpoint="https://evil.example").text()
    assert refused(made.view, encode_note(other, note.signatures)) == "signature_invalid"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"next_root": None}, "statement_misfit"),
        ({"root": None}, "statement_misfit"),
        ({"names": [("fr", "X")]}, "statement_misfit"),
        ({"role": MemberRole.REGISTRAR}, "statement_misfit"),
        ({"role": None}, "statement_misfit"),
        ({"anchor": bytes(32)}, "statement_out_of_order"),
    ],
)
def test_incomplete_admission_is_refused(changes: dict, code: str) -> None:
    """An admission says all that a member is."""
    made = world()
    xa = party("XA")
    arguments = {**changes}
    anchor = arguments.pop("anchor", made.anchor)
    text = join_of(xa, anchor, **arguments).text()
    roots = [s for r in made.registrar.roots for s in root_signers(r)]
    assert refused(made.view, sign_note(text, [*roots, *xa.signers])) == code


def test_keys_are_never_shared() -> None:
    """A key belongs to one member and one use for ever."""
    made = world(party("XA"))
    thief = party("XB")
    thief.records[KeyUse.LOG] = party("XA").records[KeyUse.LOG]
    thief.records = {use: thief.records[use] for use in thief.records}
    assert refused(made.view, admitted(made.registrar, thief, made.anchor)) == "key_reused"


def test_small_order_key_is_refused() -> None:
    """A key of small order would let anyone sign for its member."""
    made = world()
    xa = party("XA")
    weak = VerifierKey(f"{FEDERATION}/XA/sign", ED25519, bytes([1]) + bytes(31))
    line = UseLine(KeyUse.SIGN, weak, NOW, NOW + 10)
    text = join_of(xa, made.anchor, uses=[line]).text()
    roots = [s for r in made.registrar.roots for s in root_signers(r)]
    assert refused(made.view, sign_note(text, [*roots, *xa.signers])) == "key_not_on_curve"


def test_sign_key_rotates_by_itself_and_retires_the_old() -> None:
    """A new key is brought by the old one; the old one's end may come nearer, not go farther."""
    xa = party("XA")
    made = world(xa)
    statement, signers = rotation(made, xa)
    old = made.view.keys[xa.sign_key().key_id]
    shorter = UseLine(old.use, old.verifier, old.start, NOW + 500)
    made.append(sign_note(replace(statement, uses=(*statement.uses, shorter)).text(), signers))
    assert len(made.view.members[xa.member].keys_for(KeyUse.SIGN)) == 2
    assert made.view.keys[old.key_id].end == NOW + 500
    longer = UseLine(old.use, old.verifier, old.start, NOW + 5000)
    second, signers = rotation(made, xa, entropy="s")
    note = sign_note(replace(second, uses=(longer,)).text(), signers[:1])
    assert refused(made.view, note) == "statement_oversteps"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"seq": 2}, "statement_out_of_order"),
        ({"prev": bytes(32)}, "statement_out_of_order"),
        ({"at": NOW - 1}, "statement_back_dated"),
        ({"at": NOW + 11}, "statement_back_dated"),
        ({"chain": Chain.ISSUER}, "statement_misfit"),
        ({"chain": Chain.ROOT}, "threshold_not_met"),
        ({"names": (("en", "New"),)}, "statement_oversteps"),
        ({"role": MemberRole.UNION}, "statement_oversteps"),
        ({"witnesses": WitnessSet(0, ())}, "statement_oversteps"),
        ({"succeeds": MemberId("XB")}, "statement_oversteps"),
        ({"checkpoints": (b"head",)}, "statement_oversteps"),
        ({"member": MemberId("XZ"), "uses": ()}, "member_unknown"),
    ],
)
def test_keys_statement_out_of_bounds_is_refused(changes: dict, code: str) -> None:
    """Gaps, forks, back-dating and overreach are refused, each by its name."""
    xa = party("XA")
    made = world(xa)
    statement, signers = rotation(made, xa, **changes)
    note = sign_note(statement.text(), signers)
    if code == "threshold_not_met":
        assert refused(made.view, note) in (code, "signature_unknown")
    else:
        assert refused(made.view, note) == code


def test_keys_statement_cannot_stand_in_the_issuer_chain() -> None:
    """What the registrars say of a member is not for the member to write."""
    xa = party("XA")
    made = world(xa)
    head = made.view.chain_head(xa.member, Chain.ISSUER)
    statement, signers = rotation(made, xa, chain=Chain.ISSUER, seq=2, prev=head.digest)
    assert refused(made.view, sign_note(statement.text(), signers)) == "statement_misfit"
    assert made.view.chain_head(MemberId("XZ"), Chain.NODE).digest == made.anchor


def test_replayed_statement_is_refused() -> None:
    """A statement stands in the log once."""
    xa = party("XA")
    made = world(xa)
    statement, signers = rotation(made, xa)
    note = sign_note(statement.text(), signers)
    made.append(note)
    assert refused(made.view, note) == "statement_out_of_order"


def test_new_key_must_prove_itself_in_rotation() -> None:
    """A member cannot claim a key that it does not hold."""
    xa = party("XA")
    made = world(xa)
    statement, signers = rotation(made, xa)
    assert refused(made.view, sign_note(statement.text(), signers[:1])) == "signature_missing"
    assert refused(made.view, sign_note(statement.text(), signers[1:])) == "signature_missing"


def test_node_rotates_at_most_four_times_a_day() -> None:
    """A stolen sign key cannot flood the registry; a day later there is room again."""
    xa = party("XA")
    made = world(xa)
    for number in range(4):
        statement, signers = rotation(made, xa, entropy=f"k{number}")
        made.append(sign_note(statement.text(), signers))
    statement, signers = rotation(made, xa, entropy="k5")
    assert refused(made.view, sign_note(statement.text(), signers)) == "rotations_too_many"
    statement, signers = rotation(made, xa, entropy="k6", when=NOW + 86_500)
    made.append(sign_note(statement.text(), signers))


def test_key_ends_no_earlier_than_it_is_said_to() -> None:
    """Whoever wants it to have been over before has to revoke it: so what it signed is disputed."""
    xa = party("XA")
    made = world(xa)
    line = use_line(FEDERATION, xa.member, xa.records[KeyUse.SIGN])
    for end, code in ((NOW + 19, "statement_oversteps"), (NOW + 20, "")):
        said = made.said(
            Kind.KEYS, xa.member, Chain.ROOT, at=NOW + 20, uses=(replace(line, end=end),)
        )
        note = sign_note(said.text(), xa.root_signers)
        if code:
            assert refused(made.view, note) == code
        else:
            made.append(note)
    assert made.view.keys[xa.sign_key().key_id].end == NOW + 20


def test_revocation_by_sign_is_from_now_on_and_by_root_from_any_time() -> None:
    """Only the root revokes backwards; a revoked key signs no statement any more."""
    xa = party("XA")
    made = world(xa)
    key_id = xa.sign_key().key_id
    early = Revocation(key_id, NOW)
    statement, signers = rotation(made, xa, revocations=(early,), uses=())
    note = sign_note(statement.text(), signers[:1])
    assert refused(made.view, note) == "statement_oversteps"
    stranger = Revocation(party("XZ").sign_key().key_id, NOW + 20)
    statement, _ = rotation(made, xa, revocations=(stranger,), uses=())
    assert refused(made.view, sign_note(statement.text(), signers[:1])) == "statement_misfit"
    roots = [s for r in xa.roots for s in root_signers(r)]
    statement, _ = rotation(made, xa, revocations=(early,), uses=(), chain=Chain.ROOT)
    made.append(sign_note(statement.text(), roots))
    assert made.view.keys[key_id].revoked_since == NOW
    assert not made.view.keys[key_id].good_at(NOW + 1)
    statement, signers = rotation(made, xa)
    assert refused(made.view, sign_note(statement.text(), signers)) == "signature_unknown"
    assert refused(made.view, sign_note(statement.text(), signers[1:])) == "signature_missing"


def test_card_gives_the_key_of_the_epoch() -> None:
    """A card signed by the member's sign key lists its sealing keys by time."""
    xa = party("XA")
    made = world(xa)
    records = [
        new_record(
            KeyUse.SEAL, start=NOW + i * 100, end=NOW + i * 100 + 100, entropy=Seeded(str(i))
        )
        for i in range(3)
    ]
    signer = node_signer(FEDERATION, xa.member, xa.records[KeyUse.SIGN])
    note = draft_card(FEDERATION, xa.member, serial=1, at=NOW, records=records[::-1], signer=signer)
    card = verify_card(note, made.view, NOW)
    assert card.seal_to(NOW + 150)[0] == records[1].key_id
    assert card.until == NOW + 300
    with pytest.raises(UnavailableError) as stale:
        card.seal_to(NOW + 300)
    assert stale.value.code == "stale_card"
    with pytest.raises(UnavailableError):
        verify_card(note, made.view, NOW + 300)
    gap = [records[0], records[2]]
    for wrong in (
        draft_card(FEDERATION, xa.member, serial=1, at=NOW, records=gap, signer=signer),
        draft_card("other.example", xa.member, serial=1, at=NOW, records=records, signer=signer),
        draft_card(FEDERATION, xa.member, serial=1, at=NOW, records=[], signer=signer),
        note.replace(b"serial 1", b"serial 01"),
        note.replace(b"\nepoch ", b"\nage ", 1),
        note.replace(f"epoch {NOW} ".encode(), f"epoch {NOW + 200} ".encode()),
        add_signatures(note, party("XZ").signers[:1]),
    ):
        with pytest.raises(LiaisonError) as caught:
            verify_card(wrong, made.view, NOW)
        assert caught.value.code == "card_malformed"
    with pytest.raises(RejectedError) as forged:
        verify_card(note.replace(b"serial 1", b"serial 2"), made.view, NOW)
    assert forged.value.code == "signature_invalid"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"mutual.example/registry/v1", b"Mutual/registry/v1"),
        (b"kind admit", b"kind abolish"),
        (b"member XA", b"member xa"),
        (b"chain issuer", b"chain other"),
        (b"seq 1", b"seq 01"),
        (b"seq 1\n", b""),
        (b"role administration", b"role king"),
        (b"name en ", b"name de "),
        (b"root 1 1", b"root 2 1"),
        (b"root 1 1", b"root 1 2"),
        (b"root 1 1", b"root 1"),
        (b"next 1 1", b"next 1 2"),
        (b"use sign ", b"use root "),
        (b"use sign mutual.example/XA", b"use sign mutual.example/XB"),
        (b"use log mutual", b"use log mutual.example/XA/log+00000000+AA mutual"),
        (b"endpoint https://", b"endpoint http://"),
        (b"endpoint ", b"via XC\nendpoint "),
        (b"prev ", b"prev AAAA"),
        (b"at 17", b"at  17"),
        (b"use sign ", b"use sign  "),
        (b"use log ", b"revoke AAAA 5\nuse log "),
        (b"at 17", b"at x17"),
    ],
)
def test_statement_has_one_form(old: bytes, new: bytes) -> None:
    """Any other spelling of a statement is refused before a signature is looked at."""
    made = world()
    note = admitted(made.registrar, party("XA"), made.anchor)
    assert old in note
    with pytest.raises(RejectedError) as caught:
        parse_statement(note.replace(old, new, 1))
    assert caught.value.code in (
        "statement_malformed", "statement_kind_unknown", "member_id_malformed", "vkey_malformed",
        "base64_malformed",
    )  # fmt: skip


def test_statement_too_long_and_reordered_keys_are_refused() -> None:
    """A statement fits an entry bundle, and a key's span is not empty."""
    made = world()
    note = admitted(made.registrar, party("XA"), made.anchor)
    with pytest.raises(RejectedError):
        parse_statement(note + b"x" * 60_000)
    line = party("XA").lines()[0]
    empty = replace(line, end=line.start)
    with pytest.raises(RejectedError) as caught:
        parse_statement(
            sign_note(join_of(party("XA"), made.anchor, uses=[empty]).text(), party("XA").signers)
        )
    assert caught.value.code == "statement_malformed"


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_mutated_statement_changes_nothing(data: st.DataObject) -> None:
    """Any flipped, dropped or added byte of an admission is refused."""
    made = world()
    note = admitted(made.registrar, party("XA"), made.anchor)
    altered = mutated(data, note)
    if altered != note:
        with pytest.raises(LiaisonError):
            advance(made.view, [altered])


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_what_is_read_is_what_is_written(data: st.DataObject) -> None:
    """Any text that reads as a statement at all is the one text of that statement."""
    made = world()
    note = parse_note(admitted(made.registrar, party("XA"), made.anchor))
    text = bytearray(note.text)
    at = data.draw(st.integers(0, len(text) - 1))
    match data.draw(st.sampled_from(["set", "drop", "add"])):
        case "set":
            text[at] = data.draw(st.sampled_from(b"0159 aZ/+=-.\n"))
        case "drop":
            del text[at]
        case _:
            text.insert(at, data.draw(st.sampled_from(b"0159 aZ/+=-.\n")))
    read = outcome(parse_statement, encode_note(bytes(text), note.signatures))
    if not isinstance(read, LiaisonError):
        assert read.statement.text() == bytes(text)


def test_statement_has_a_bounded_number_of_items() -> None:
    """Thirty-three of anything are refused."""
    xa = party("XA")
    made = world(xa)
    gone = tuple(Revocation(KeyId(digest(bytes([n]))), NOW + 20) for n in range(33))
    statement, signers = rotation(made, xa, revocations=gone)
    assert refused(made.view, sign_note(statement.text(), signers)) == "statement_malformed"
    tls = next(line for line in xa.lines() if line.use is KeyUse.TLS)
    assert digest(tls.certificate) == tls.pin


def test_note_of_nobody_known_is_refused() -> None:
    """Notes are ignored unless a known key signed them."""
    text = b"a\n"
    assert parse_note(sign_note(text, party("XA").signers[:1])) == Note(
        text, parse_note(sign_note(text, party("XA").signers[:1])).signatures
    )
