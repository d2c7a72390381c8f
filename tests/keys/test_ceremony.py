from collections.abc import Callable
from dataclasses import replace

import pytest

from keys.errors import RejectedError
from keys.registry.ceremony import (
    Needs,
    add_to_draft,
    check,
    encode_draft,
    needs,
    parse_draft,
    tally,
)
from keys.registry.draft import root_pair
from keys.registry.rootset import PublicRoots, parse_root_set
from keys.registry.statement import REGISTRY, Chain, Kind, MemberRole, RootSet
from keys.suite import KeyUse, MemberId
from keys.tlog.note import encode_note, sign_note
from tests.keys.ceremony_cases import (
    CASES,
    federation,
    keys_by_node,
    keys_by_root,
    rotation,
    witnesses,
)
from tests.world import FEDERATION, genesis_of, party


@pytest.mark.parametrize("name", CASES)
def test_tally_of_every_kind_agrees_with_the_registry(name: str) -> None:
    """Complete is what the fold takes; without any one authority, both say that it is missing."""
    case = CASES[name]()
    view = case.world.view
    whole = case.signed(case.signers)
    assert tally(whole.note, needs(whole.statement, view)).complete
    check(view, whole)
    for gone in case.groups:
        left = [signer for group in case.groups if group is not gone for signer in group]
        partial = case.signed(left)
        count = tally(partial.note, needs(partial.statement, view))
        assert not count.complete
        assert count.strangers == 0
        with pytest.raises(RejectedError) as refused:
            check(view, partial)
        assert refused.value.code in ("threshold_not_met", "signature_missing", "consent_missing")


@pytest.mark.parametrize("name", CASES)
def test_without_a_registry_nobody_is_named_who_is_not_known(name: str) -> None:
    """What only the registry tells stays open, and what it does not tell is not held missing."""
    case = CASES[name]()
    needed = needs(case.statement, None)
    for need in needed.roots:
        assert need.pairs is None or case.statement.root is not None
        assert need.member in (case.statement.member, REGISTRY)
    count = tally(case.signed(()).note, needed)
    assert count.strangers == 0
    assert all(count.roots(need) == () for need in needed.roots)


def test_genesis_needs_every_root() -> None:
    """Two of three found nothing."""
    registrar = party(REGISTRY, roots=3, threshold=2)
    genesis = parse_draft(genesis_of(registrar))
    needed = needs(genesis.statement, None)
    assert needed.roots[0].needed == 3
    assert tally(genesis.note, needed).complete
    two_of_them = [*registrar.root_signers[:4], *registrar.signers[6:]]
    count = tally(parse_draft(sign_note(genesis.statement.text(), two_of_them)).note, needed)
    assert count.missing(needed.roots[0]) == 1
    rootless = replace(genesis.statement, root=None)
    assert needs(rootless, None).roots[0].pairs is None


def test_unproven_keys_and_missing_words_are_told() -> None:
    """A key that does not prove itself is named, and a node that has not signed."""
    case = keys_by_node()
    needed = needs(case.statement, case.world.view)
    bare = tally(case.signed(()).note, needed)
    assert [use.use for use in bare.unproven] == [KeyUse.LOG]
    assert not bare.spoken
    spoken = tally(case.signed(case.groups[0]).note, needed)
    assert spoken.spoken
    assert not spoken.complete


def test_witness_that_agreed_is_named() -> None:
    """The agreement of a present witness counts by its member."""
    case = witnesses()
    needed = needs(case.statement, case.world.view)
    assert tally(case.signed(case.groups[1]).note, needed).agreed == ("XA",)
    assert tally(case.signed(case.groups[0]).note, needed).agreed == ()


def test_draft_is_read_as_it_was_written() -> None:
    """Without signatures too, and a second signing adds to the first."""
    case = keys_by_root()
    draft = parse_draft(encode_draft(case.statement))
    assert draft.statement == case.statement
    assert draft.note.signatures == ()
    assert draft.encoded == encode_note(case.statement.text(), ())
    once = add_to_draft(draft, case.groups[0][:2])
    twice = add_to_draft(add_to_draft(once, case.groups[0][2:]), case.groups[1])
    assert len(twice.note.signatures) == len(case.signers)
    assert parse_draft(twice.encoded) == twice


def test_signature_that_does_not_verify_is_found() -> None:
    """A signature moved from another statement is an error, not one less."""
    case, other = rotation(), keys_by_root()
    wrong = case.signed(case.signers).note.signatures
    moved = parse_draft(encode_note(replace(case.statement, seq=2).text(), wrong))
    with pytest.raises(RejectedError) as refused:
        tally(moved.note, needs(moved.statement, case.world.view))
    assert refused.value.code == "signature_invalid"
    stranger = add_to_draft(case.signed(()), other.world.registrar.root_signers[:2])
    assert tally(stranger.note, needs(stranger.statement, case.world.view)).strangers == 2


def test_statement_in_a_chain_of_another_kind_has_no_signers() -> None:
    """Nobody is asked to sign what can never stand."""
    made, _, _ = federation()
    said = made.said(Kind.ROLE, "XA", Chain.NODE, role=MemberRole.OBSERVER)
    with pytest.raises(RejectedError) as refused:
        needs(said, made.view)
    assert refused.value.code == "statement_misfit"


def test_member_that_is_not_known_is_left_to_the_registry() -> None:
    """Of a stranger's statement nothing is known but who it says it is of."""
    made, _, _ = federation()
    for kind, chain in ((Kind.KEYS, Chain.NODE), (Kind.SUSPEND, Chain.ROOT)):
        said = replace(made.said(kind, "XA", chain), member=MemberId("XZ"))
        needed = needs(said, made.view)
        assert needed.speakers in ((), None)
        assert all(need.pairs is None for need in needed.roots)
    said = made.said(Kind.RECOVERED, "XB", Chain.ISSUER)
    assert needs(said, made.view).roots[1].pairs is None
    assert Needs().voices is None


def public() -> PublicRoots:
    """Return the public file's content of two of three roots of XB."""
    xb = party("XB", roots=3, threshold=2)
    pairs = tuple(root_pair(root) for root in xb.coming)
    return PublicRoots(federation=FEDERATION, member=xb.member, root=RootSet(2, pairs))


def test_root_set_file_gives_the_set_and_what_is_committed_to() -> None:
    """From one file follow what was committed to and what is revealed for it."""
    shown = public()
    assert parse_root_set(shown.encode()) == shown
    assert shown.coming == party("XB", roots=3, threshold=2).next_set()


@pytest.mark.parametrize(
    "bend",
    [
        lambda text: text.replace("/roots/v1", "/roots/v2"),
        lambda text: text.replace("member XB", "member xb"),
        lambda text: text.replace("member XB", "members XB"),
        lambda text: text.replace("member XB", "member XC"),
        lambda text: text.replace("root 2 3", "root 4 3"),
        lambda text: text.replace("root 2 3", "root 2 2"),
        lambda text: text.replace("root 2 3", "root 0 3"),
        lambda text: text.replace("root 2 3", "root 2 3 "),
        lambda text: text.replace("rootkey ", "nextkey ", 1),
        lambda text: text + "\n",
        lambda text: text.removesuffix("\n"),
        lambda text: text.replace(text.splitlines()[3], text.splitlines()[4]),
        lambda text: text.replace(*_swapped(text)),
        lambda text: "mutual.example/roots/v1",
        lambda text: text + "ä",
    ],
)
def test_root_set_file_has_one_form(bend: Callable[[str], str]) -> None:
    """Another spelling, count, name or order of halves is refused."""
    bent = bend(public().encode().decode())
    with pytest.raises(RejectedError) as refused:
        parse_root_set(bent.encode())
    assert refused.value.code in ("root_set_malformed", "member_id_malformed")


def _swapped(text: str) -> tuple[str, str]:
    line = text.splitlines()[3]
    _, first, second = line.split(" ")
    return line, f"rootkey {second} {first}"
