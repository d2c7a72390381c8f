from dataclasses import replace

import pytest

from gateway.cli.ceremonies.words import Told, tell, tell_tally, visible
from keys.registry.ceremony import needs, parse_draft, tally
from keys.registry.statement import REGISTRY, Chain, Kind, Revocation, WitnessSet
from keys.suite import KeyId, KeyUse, MemberId
from tests.keys.ceremony_cases import (
    CASES,
    admission,
    federation,
    keys_by_node,
    keys_by_root,
    recovered,
    recovery,
    rotation,
    standing,
    witnesses,
)
from tests.world import NOW, genesis_of, party


def lines(told: Told, label: str) -> list[str]:
    """Return what is said under one label."""
    return [text for name, text in told.lines if name == label]


@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize("name", CASES)
def test_every_kind_is_told_in_both_languages(name: str, language: str) -> None:
    """With a registry and without one, each statement has a title, a place and a date."""
    case = CASES[name]()
    for view in (case.world.view, None):
        told = tell(case.statement, view, language)
        assert case.statement.member in told.title or case.statement.kind is Kind.WITNESSES
        assert len(told.lines) >= 2
        assert all(text for _, text in told.lines)
    told = tell(case.statement, None, language)
    assert any("regist" in text for _, text in told.lines)


def test_genesis_is_told() -> None:
    """The founding names the federation, and all of its roots."""
    genesis = parse_draft(genesis_of(party(REGISTRY, roots=3, threshold=2)))
    told = tell(genesis.statement, None, "en")
    assert told.title == "Founds the federation mutual.example"
    assert lines(told, "roots")[0].startswith("2 of 3: ")
    count = tally(genesis.note, needs(genesis.statement, None))
    assert tell_tally(count, "en")[0].startswith("roots of REGISTRY: 3 of 3 signed (")


def test_revocation_names_what_is_void_with_it() -> None:
    """A key that the stolen one brought goes too, and what the member cannot do then is said."""
    case = keys_by_node()
    made = case.world
    made.append(case.signed(case.signers).encoded)
    xa = party("XA", roots=3, threshold=2)
    (stolen,) = made.view.member(xa.member).keys_for(KeyUse.SIGN)
    said = made.said(Kind.KEYS, "XA", Chain.ROOT, revocations=(Revocation(stolen.key_id, NOW),))
    told = tell(said, made.view, "en")
    (fresh,) = (use for use in case.statement.uses if use.key_id != case.statement.uses[1].key_id)
    assert lines(told, "key revoked")[0].startswith(f"sign {stolen.key_id.hex()[:16]}, from ")
    assert lines(told, "void with it") == [f"log {fresh.key_id.hex()[:16]}"]
    then = " ".join(lines(told, "then"))
    assert "XA has no sign key that is good: it cannot send or receipt anything" in then
    assert "whatever date it bears" in then


def test_key_of_nobody_is_named_by_its_digits() -> None:
    """A revocation of a key that the member does not have is shown, and left to the fold."""
    made, _, _ = federation()
    unknown = Revocation(KeyId(bytes(32)), NOW)
    said = made.said(Kind.KEYS, "XA", Chain.ROOT, revocations=(unknown,))
    told = tell(said, made.view, "en")
    assert lines(told, "key revoked")[0].startswith("0" * 16)
    assert lines(told, "void with it") == []


def test_ended_key_shows_both_ends() -> None:
    """Of a key that is registered the old and the new end stand side by side."""
    case = keys_by_node()
    told = tell(case.statement, case.world.view, "en")
    assert ", not " in lines(told, "key ends")[0]
    assert len(lines(told, "new key")) == 1


def test_rotation_says_whose_say_ends() -> None:
    """The roots in force are named as those that have no say any more, the new ones beside them."""
    case = rotation()
    told = tell(case.statement, case.world.view, "en")
    assert " → 2 of 3: " in lines(told, "roots")[0]
    assert "have no say any more" in " ".join(lines(told, "then"))


def test_routes_are_shown_before_and_after() -> None:
    """An address that is taken away, and relays that come."""
    made, _, _ = federation()
    said = made.said(Kind.KEYS, "XA", Chain.NODE, endpoint="", via=(MemberId("XB"),))
    told = tell(said, made.view, "en")
    assert lines(told, "endpoint") == ["https://xa.example:8470 → none"]
    assert lines(told, "relays") == ["none → XB"]


def test_suspension_names_who_else_feels_it() -> None:
    """A suspended relay and witness is missed by others, and they are named."""
    case = standing(Kind.SUSPEND, Chain.ISSUER)
    view = case.world.view
    behind = replace(view.members[MemberId("XB")], via=(MemberId("XA"),))
    view = replace(view, members={**view.members, MemberId("XB"): behind})
    then = lines(tell(case.statement, view, "en"), "then")
    assert "XB are not reached through the relay XA" in then
    assert "XA stays one of the witnesses" in then


def test_resumption_by_one_of_two_authorities_says_that_the_other_stays() -> None:
    """A member that two suspended is not free when one lifts it."""
    case = standing(Kind.RESUME, Chain.ISSUER)
    view = case.world.view
    member = view.members[MemberId("XA")]
    both = replace(member, suspended_by=frozenset({Chain.ISSUER, Chain.ROOT}))
    twice = replace(view, members={**view.members, MemberId("XA"): both})
    assert "stays suspended" in lines(tell(case.statement, twice, "en"), "then")[0]
    assert "exchanges with everybody again" in lines(tell(case.statement, view, "en"), "then")[0]


def test_recovery_says_who_can_stop_it_and_what_goes() -> None:
    """The beginning names the veto, another one says that it is another, the end what goes."""
    began = recovery()
    then = lines(tell(began.statement, began.world.view, "en"), "then")
    assert len(then) == 1
    assert then[0].endswith("who holds a root of XB stops it with: liaison member veto XB")
    ended = recovered()
    view = ended.world.view
    assert "takes its place" in lines(tell(began.statement, view, "en"), "then")[0]
    told = tell(ended.statement, view, "en")
    assert len(lines(told, "new key")) == 1
    assert lines(told, "then")[0].startswith("every key that XB has now is revoked: sign ")
    assert lines(told, "heads")[0].startswith("5 (")
    bent = replace(ended.statement, checkpoints=(b"no head",))
    assert lines(tell(bent, view, "en"), "heads") == ["note_malformed"]
    by_root = ended.world.said(Kind.KEYS, "XB", Chain.ROOT)
    assert "is stopped" in lines(tell(by_root, view, "en"), "then")[0]


def test_naming_witnesses_says_who_must_agree() -> None:
    """The present witnesses, and how many of them."""
    case = witnesses()
    told = tell(case.statement, case.world.view, "fr")
    assert lines(told, "témoins") == ["1 sur 1 : XA → aucun"]
    assert lines(told, "ensuite") == ["1 des témoins actuels doivent consentir : XA"]
    named = replace(case.statement, witnesses=WitnessSet(1, (MemberId("XB"),)))
    assert lines(tell(named, case.world.view, "en"), "witnesses") == ["1 of 1: XA → 1 of 1: XB"]


def test_who_signed_and_who_must_still_is_told() -> None:
    """One sentence an authority: how many of how many, and who is left."""
    case = witnesses()
    needed = needs(case.statement, case.world.view)
    half = case.signed(case.groups[0][:2])
    told = tell_tally(tally(half.note, needed), "en")
    assert "1 of 2 signed" in told[0]
    assert "; missing 1 of: " in told[0]
    assert told[1] == "witnesses: 0 of 1 agree; missing 1 of: XA"
    whole = tell_tally(tally(case.signed(case.signers).note, needed), "en")
    assert whole[1] == "witnesses: 1 of 1 agree (XA)"
    assert "missing" not in whole[0]
    offline = tell_tally(tally(half.note, needs(case.statement, None)), "en")
    assert offline == [
        "roots of REGISTRY: which and how many, the registry tells",
        "2 signature lines that nothing at hand can check",
    ]
    node = keys_by_node()
    nobody = tally(node.signed(()).note, needs(node.statement, node.world.view))
    told = tell_tally(nobody, "en")
    assert told[0].startswith("new keys that do not prove themselves: log ")
    assert told[1] == "the node has not signed"
    root = keys_by_root()
    everybody = tally(root.signed(root.signers).note, needs(root.statement, root.world.view))
    assert "new keys: all prove themselves" in tell_tally(everybody, "en")


def test_nothing_that_others_wrote_fools_a_terminal() -> None:
    """Controls, and letters that turn the reading direction, are spelled out."""
    hostile = "Customs\u202eXB\u0085\u200b of \u2028Berenia\x9b2J"
    case = admission()
    said = replace(case.statement, names=(("en", hostile),))
    told = tell(said, case.world.view, "en")
    assert lines(told, "name") == [r"Customs\u202eXB\x85\u200b of \u2028Berenia\x9b2J (en)"]
    assert visible("Douanes de l'Été — 4 % → 5") == "Douanes de l'Été — 4 % → 5"
