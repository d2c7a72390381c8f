"""A member's keys through the whole of their life in the registry, and who may not change them."""

from collections.abc import Iterable
from dataclasses import replace

import pytest

from keys.errors import RejectedError
from keys.registry.draft import provers, use_line
from keys.registry.grammar import parse_statement
from keys.registry.member import RegisteredKey, Revoked
from keys.registry.statement import (
    REGISTRY,
    Chain,
    Competences,
    Kind,
    MemberRole,
    NextSet,
    Revocation,
    Statement,
    WitnessSet,
)
from keys.registry.view import View, advance, check_veto, found, recovery_ended_at
from keys.registry.witnessed import existed_by, newest_until, sightings, witnessed_time
from keys.suite import KeyUse, MemberId
from keys.tlog.note import NoteSigner, sign_note
from tests.world import FEDERATION, NOW, USES, Party, World, admitted, join_of, party, world

DAY_S = 86_400
WITNESSING = (*USES, KeyUse.WITNESS)


def refused(view: View, statement: Statement, signers: Iterable[NoteSigner]) -> str:
    """Return the code with which a statement is refused; the view must not change."""
    before = (view.head, dict(view.members), dict(view.keys), dict(view.owners))
    with pytest.raises(RejectedError) as caught:
        advance(view, [sign_note(statement.text(), list(signers))])
    assert (view.head, dict(view.members), dict(view.keys), dict(view.owners)) == before
    return caught.value.code


def signed(made: World, statement: Statement, *signers: Iterable[NoteSigner]) -> bytes:
    """Sign a statement and let the registry grow by it; return the note."""
    note = sign_note(statement.text(), [signer for group in signers for signer in group])
    made.append(note)
    assert parse_statement(note).statement == statement
    return note


def follower(name: str, generation: int, like: Party) -> Party:
    """Return a member's new self: the roots it committed to, fresh keys, and new roots to come."""
    made = party(f"{name}-{generation}", roots=len(like.roots), threshold=like.threshold)
    made.member = like.member
    return made


def rotated(made: World, who: Party, after: Party, *, at: int = NOW + 20) -> Statement:
    """Return the rotation by which the roots to come take over; ``after`` has those after them."""
    return made.said(
        Kind.ROTATE,
        who.member,
        Chain.NEXT,
        at=at,
        root=who.coming_set(),
        next=after.next_set(),
    )


# --- planned rotation of roots, and theft ---------------------------------------------------------


def test_committed_roots_take_over_and_commit_to_the_next() -> None:
    """A planned rotation needs the revealed set alone; the old roots say nothing any more."""
    xa = party("XA", roots=3, threshold=2)
    made = world(xa)
    after = follower("XA", 2, xa)
    signed(made, rotated(made, xa, after), xa.coming_signers)
    assert made.view.members[xa.member].root == xa.coming_set()
    assert made.view.members[xa.member].next == after.next_set()
    late = made.said(Kind.KEYS, xa.member, Chain.ROOT, at=NOW + 30, endpoint="https://b.example")
    assert refused(made.view, late, xa.root_signers) == "signature_missing"
    signed(made, late, xa.coming_signers[:4])
    assert made.view.members[xa.member].endpoint == "https://b.example"


def test_thief_of_the_roots_cannot_rotate_without_the_committed_next() -> None:
    """Whoever holds every root in force still lacks the roots that were committed to."""
    xa = party("XA")
    made = world(xa)
    thief = follower("THIEF", 1, xa)
    statement = made.said(
        Kind.ROTATE, xa.member, Chain.NEXT, root=thief.root_set(), next=thief.next_set()
    )
    stolen = [*xa.root_signers, *thief.root_signers]
    assert refused(made.view, statement, stolen) == "next_not_committed"
    statement = replace(statement, root=xa.root_set())
    assert refused(made.view, statement, xa.root_signers) == "next_not_committed"
    statement = replace(statement, root=xa.coming_set())
    assert refused(made.view, statement, xa.root_signers) == "signature_missing"


def test_rotation_that_shows_too_little_or_the_same_again_is_refused() -> None:
    """The next set is never left out, nor the one that is shown now."""
    xa = party("XA")
    made = world(xa)
    after = follower("XA", 2, xa)
    good = rotated(made, xa, after)
    for changes, code in (
        ({"next": None}, "statement_misfit"),
        ({"root": None}, "statement_misfit"),
        ({"next": xa.next_set()}, "key_reused"),
        ({"chain": Chain.ROOT}, "statement_misfit"),
        ({"names": (("en", "Other"),)}, "statement_oversteps"),
        ({"root": replace(xa.coming_set(), threshold=1, pairs=xa.root_set().pairs)},
         "next_not_committed"),
    ):  # fmt: skip
        assert refused(made.view, replace(good, **changes), xa.coming_signers) == code


def test_threshold_of_the_revealed_roots_counts_distinct_roots() -> None:
    """One root of two is not enough, however it signs."""
    xa = party("XA", roots=3, threshold=2)
    made = world(xa)
    good = rotated(made, xa, follower("XA", 2, xa))
    assert refused(made.view, good, xa.coming_signers[:2]) == "threshold_not_met"
    assert refused(made.view, good, xa.coming_signers[:3]) == "threshold_not_met"
    twice = [*xa.coming_signers[:2], *xa.coming_signers[:2]]
    assert refused(made.view, good, twice) == "signature_invalid"


def test_stolen_registrar_quorum_cannot_replace_the_registrars() -> None:
    """REGISTRY is a member like the others: its roots in force install no others."""
    made = world(registrars=3, threshold=2)
    thief = follower("THIEF", 1, made.registrar)
    statement = made.said(
        Kind.ROTATE, REGISTRY, Chain.NEXT, root=thief.root_set(), next=thief.next_set()
    )
    stolen = [*made.registrar.root_signers, *thief.root_signers]
    assert refused(made.view, statement, stolen) == "next_not_committed"
    after = follower("REGISTRY", 2, made.registrar)
    signed(made, rotated(made, made.registrar, after), made.registrar.coming_signers)
    assert made.view.members[REGISTRY].root == made.registrar.coming_set()
    joining = join_of(party("XA"), made.anchor)
    signers = [*made.registrar.root_signers, *party("XA").signers]
    assert refused(made.view, joining, signers) in ("threshold_not_met", "signature_unknown")


def test_registrars_together_cannot_bring_a_key_for_a_live_member() -> None:
    """Neither on the member's chains, nor on their own, nor by admitting it anew."""
    xa = party("XA")
    made = world(xa)
    record = party("THIEF").records[KeyUse.SIGN]
    line = use_line(FEDERATION, xa.member, record)
    registrars = made.registrar.root_signers
    proofs = provers(FEDERATION, xa.member, record)
    for chain in (Chain.ROOT, Chain.NODE):
        statement = made.said(Kind.KEYS, xa.member, chain, uses=(replace(line, start=NOW + 10),))
        code = refused(made.view, statement, [*registrars, *proofs])
        assert code in ("signature_unknown", "threshold_not_met")
        assert refused(made.view, statement, registrars) == "signature_missing"
    statement = made.said(Kind.KEYS, xa.member, Chain.ISSUER, uses=(line,))
    assert refused(made.view, statement, registrars) == "statement_misfit"
    statement = made.said(Kind.ROLE, xa.member, Chain.ISSUER, role=MemberRole.OBSERVER)
    assert refused(made.view, replace(statement, uses=(line,)), registrars) == "statement_oversteps"
    usurper = follower("USURPER", 1, xa)
    again = join_of(usurper, made.anchor)
    assert refused(made.view, again, [*registrars, *usurper.signers]) == "member_exists"


def test_rotation_answers_a_theft_of_roots_and_node_keys_at_once() -> None:
    """One statement installs new roots and keys and revokes the stolen ones, backwards."""
    xa = party("XA")
    made = world(xa)
    stolen = xa.records[KeyUse.SIGN]
    thieves = party("THIEF").draw(KeyUse.SIGN, NOW + 100)
    line = use_line(FEDERATION, xa.member, thieves)
    brought = made.said(Kind.KEYS, xa.member, Chain.NODE, at=NOW + 100, uses=(line,))
    signers = [*provers(FEDERATION, xa.member, stolen), *provers(FEDERATION, xa.member, thieves)]
    signed(made, brought, signers)
    second = party("THIEF2").draw(KeyUse.LOG, NOW + 200)
    line = use_line(FEDERATION, xa.member, second)
    brought = made.said(Kind.KEYS, xa.member, Chain.NODE, at=NOW + 200, uses=(line,))
    signers = [*provers(FEDERATION, xa.member, thieves), *provers(FEDERATION, xa.member, second)]
    signed(made, brought, signers)
    after = follower("XA", 2, xa)
    fresh = [after.draw(use, NOW + 300) for use in USES]
    answer = replace(
        rotated(made, xa, after, at=NOW + 300),
        uses=tuple(use_line(FEDERATION, xa.member, record) for record in fresh),
        revocations=(Revocation(stolen.key_id, NOW + 50),),
    )
    proofs = [signer for record in fresh for signer in provers(FEDERATION, xa.member, record)]
    signed(made, answer, xa.coming_signers, proofs)
    keys = made.view.keys
    assert keys[stolen.key_id].revoked_since == NOW + 50
    assert keys[thieves.key_id].revoked_since == keys[thieves.key_id].start
    assert keys[second.key_id].revoked_since == keys[second.key_id].start
    assert all(keys[record.key_id].good_at(NOW + 301) for record in fresh)
    assert keys[xa.records[KeyUse.LOG].key_id].revoked_since is None


def test_revocation_spares_what_the_key_brought_before_the_theft() -> None:
    """Only from the named time on is what the stolen key said void; later never means less."""
    xa = party("XA")
    made = world(xa)
    old = xa.records[KeyUse.SIGN]
    early = xa.draw(KeyUse.LOG, NOW + 10)
    statement = made.said(
        Kind.KEYS, xa.member, Chain.NODE, uses=(use_line(FEDERATION, xa.member, early),)
    )
    signed(
        made,
        statement,
        provers(FEDERATION, xa.member, old),
        provers(FEDERATION, xa.member, early),
    )
    gone = made.said(
        Kind.KEYS, xa.member, Chain.ROOT, at=NOW + 60,
        revocations=(Revocation(old.key_id, NOW + 50),),
    )  # fmt: skip
    signed(made, gone, xa.root_signers)
    assert made.view.keys[early.key_id].revoked_since is None
    later = made.said(
        Kind.KEYS, xa.member, Chain.ROOT, at=NOW + 70,
        revocations=(Revocation(old.key_id, NOW + 65),),
    )  # fmt: skip
    signed(made, later, xa.root_signers)
    assert made.view.keys[old.key_id].revoked_since == NOW + 50


def test_key_revoked_in_the_statement_that_replaces_it_voids_nothing_of_it() -> None:
    """A node replaces its sign key and revokes it in one statement, in the same second."""
    xa = party("XA")
    made = world(xa)
    old, new = xa.records[KeyUse.SIGN], xa.draw(KeyUse.SIGN, NOW + 10)
    replaced = made.said(
        Kind.KEYS, xa.member, Chain.NODE, uses=(use_line(FEDERATION, xa.member, new),),
        revocations=(Revocation(old.key_id, NOW + 10),),
    )  # fmt: skip
    proofs = (provers(FEDERATION, xa.member, item) for item in (old, new))
    signed(made, replaced, *proofs)
    assert made.view.keys[old.key_id].revoked_since == NOW + 10
    assert made.view.keys[new.key_id].good_at(NOW + 10)


def test_thief_of_the_roots_cannot_outrun_the_rotation() -> None:
    """What the roots in force say does not make stale what the next roots signed before."""
    xa = party("XA")
    made = world(xa)
    answer = sign_note(rotated(made, xa, follower("XA", 2, xa)).text(), xa.coming_signers)
    for number in range(4):
        busy = made.said(
            Kind.KEYS, xa.member, Chain.ROOT, at=NOW + 11 + number,
            endpoint=f"https://t{number}.example",
        )  # fmt: skip
        signed(made, busy, xa.root_signers)
    fifth = made.said(Kind.KEYS, xa.member, Chain.ROOT, at=NOW + 20, endpoint="https://t.example")
    assert refused(made.view, fifth, xa.root_signers) == "rotations_too_many"
    made.append(answer)
    assert made.view.members[xa.member].root == xa.coming_set()


def test_endpoint_and_relays_are_put_in_and_taken_away() -> None:
    """A route is a statement like any other; the registrars keep their endpoint."""
    xa = party("XA")
    made = world(xa, party("XB"))
    signer = provers(FEDERATION, xa.member, xa.records[KeyUse.SIGN])
    moved = made.said(Kind.KEYS, xa.member, Chain.NODE, endpoint="", via=(MemberId("XB"),))
    signed(made, moved, signer)
    assert made.view.members[xa.member].endpoint is None
    assert made.view.members[xa.member].via == ("XB",)
    back = made.said(Kind.KEYS, xa.member, Chain.NODE, endpoint="https://a.example", via=())
    signed(made, back, signer)
    assert made.view.members[xa.member].endpoint == "https://a.example"
    assert made.view.members[xa.member].via == ()
    gone = made.said(Kind.KEYS, REGISTRY, Chain.NODE, endpoint="")
    signer = provers(FEDERATION, REGISTRY, made.registrar.records[KeyUse.SIGN])
    assert refused(made.view, gone, signer) == "statement_misfit"


# --- suspension -----------------------------------------------------------------------------------


def test_registrars_suspend_and_resume() -> None:
    """At once, by their threshold, and lifted by it; twice makes no sense."""
    xa = party("XA")
    made = world(xa, registrars=2, threshold=2)
    suspend = made.said(Kind.SUSPEND, xa.member, Chain.ISSUER)
    assert refused(made.view, suspend, made.registrar.root_signers[:2]) == "threshold_not_met"
    twice = [*made.registrar.root_signers[:2], *made.registrar.root_signers[:2]]
    assert refused(made.view, suspend, twice) == "signature_invalid"
    signed(made, suspend, made.registrar.root_signers)
    assert made.view.members[xa.member].suspended
    again = made.said(Kind.SUSPEND, xa.member, Chain.ISSUER)
    assert refused(made.view, again, made.registrar.root_signers) == "statement_misfit"
    lifted = made.said(Kind.RESUME, xa.member, Chain.ROOT)
    assert refused(made.view, lifted, xa.root_signers) == "statement_misfit"
    lifted = made.said(Kind.RESUME, xa.member, Chain.ISSUER)
    assert refused(made.view, lifted, xa.root_signers) == "signature_missing"
    signed(made, lifted, made.registrar.root_signers)
    assert not made.view.members[xa.member].suspended


def test_suspect_cannot_outrun_its_suspension() -> None:
    """The member's own statements never make stale what the registrars say of it."""
    xa = party("XA")
    made = world(xa)
    note = sign_note(
        made.said(Kind.SUSPEND, xa.member, Chain.ISSUER).text(), made.registrar.root_signers
    )
    signer = provers(FEDERATION, xa.member, xa.records[KeyUse.SIGN])
    for number in range(4):
        moved = made.said(Kind.KEYS, xa.member, Chain.NODE, endpoint=f"https://n{number}.example")
        signed(made, moved, signer)
        moved = made.said(Kind.KEYS, xa.member, Chain.ROOT, endpoint=f"https://r{number}.example")
        signed(made, moved, xa.root_signers)
    signed(made, rotated(made, xa, follower("XA", 2, xa)), xa.coming_signers)
    made.append(note)
    assert made.view.members[xa.member].suspended


def test_suspended_member_keeps_keys_and_rotation() -> None:
    """A suspension takes traffic away, never the means to answer it."""
    xa = party("XA")
    made = world(xa)
    suspend = made.said(Kind.SUSPEND, xa.member, Chain.ISSUER)
    signed(made, suspend, made.registrar.root_signers)
    signer = provers(FEDERATION, xa.member, xa.records[KeyUse.SIGN])
    signed(made, made.said(Kind.KEYS, xa.member, Chain.NODE, endpoint="https://x.example"), signer)
    signed(made, rotated(made, xa, follower("XA", 2, xa)), xa.coming_signers)
    assert made.view.members[xa.member].suspended


def test_one_root_suspends_its_member_once() -> None:
    """One of three roots is enough to stop a theft, and a thief of one can do it once."""
    xa = party("XA", roots=3, threshold=2)
    made = world(xa)
    suspend = made.said(Kind.SUSPEND, xa.member, Chain.ROOT)
    assert refused(made.view, suspend, xa.root_signers[:1]) == "threshold_not_met"
    signed(made, suspend, xa.root_signers[4:])
    assert made.view.members[xa.member].suspended
    lifted = made.said(Kind.RESUME, xa.member, Chain.ROOT)
    assert refused(made.view, lifted, xa.root_signers[:2]) == "threshold_not_met"
    signed(made, lifted, xa.root_signers[:4])
    again = made.said(Kind.SUSPEND, xa.member, Chain.ROOT)
    assert refused(made.view, again, xa.root_signers[4:]) == "suspension_spent"
    signed(made, rotated(made, xa, follower("XA", 2, xa)), xa.coming_signers)
    again = made.said(Kind.SUSPEND, xa.member, Chain.ROOT, at=NOW + 30)
    signed(made, again, xa.coming_signers[:2])
    assert made.view.members[xa.member].suspended


def test_one_stolen_registrar_root_cannot_suspend_the_registrars() -> None:
    """REGISTRY changes by rotation alone."""
    made = world(registrars=3, threshold=2)
    for chain in (Chain.ROOT, Chain.ISSUER):
        suspend = made.said(Kind.SUSPEND, REGISTRY, chain)
        code = refused(made.view, suspend, made.registrar.root_signers)
        assert code == "registry_not_suspendable"
    proposal = follower("NEW", 1, made.registrar)
    recover = made.said(
        Kind.RECOVER, REGISTRY, Chain.ISSUER, root=proposal.root_set(), next=proposal.next_set()
    )
    signers = [*made.registrar.root_signers, *proposal.root_signers]
    assert refused(made.view, recover, signers) == "registry_not_recoverable"


def test_standing_is_said_in_its_chains_and_says_nothing_else() -> None:
    """A suspension in a chain of the member's node, or with more in it, is refused."""
    xa = party("XA")
    made = world(xa)
    registrars = made.registrar.root_signers
    wrong = made.said(Kind.SUSPEND, xa.member, Chain.NODE)
    assert refused(made.view, wrong, registrars) == "statement_misfit"
    wrong = made.said(Kind.SUSPEND, xa.member, Chain.ISSUER, endpoint="https://x.example")
    assert refused(made.view, wrong, registrars) == "statement_oversteps"
    unknown = replace(wrong, member=MemberId("XZ"))
    assert refused(made.view, unknown, registrars) == "member_unknown"


# --- roles ----------------------------------------------------------------------------------------


def test_union_gets_states_and_competences() -> None:
    """A union acts for the states, and in the kinds, that the registrars name."""
    xu = party("XU")
    made = world(xu)
    competences = Competences((MemberId("XA"), MemberId("XB")), ("request", "alert.general"))
    role = made.said(
        Kind.ROLE, xu.member, Chain.ISSUER, role=MemberRole.UNION, competences=competences
    )
    assert refused(made.view, role, xu.root_signers) == "signature_missing"
    signed(made, role, made.registrar.root_signers)
    assert made.view.members[xu.member].role is MemberRole.UNION
    assert made.view.members[xu.member].competences == competences
    for wrong in (
        replace(role, competences=Competences()),
        replace(role, role=MemberRole.OBSERVER),
        replace(role, role=MemberRole.OBSERVER, competences=Competences((), ("request",))),
        replace(role, role=MemberRole.REGISTRAR, competences=Competences()),
        replace(role, role=None, competences=Competences()),
    ):
        placed = replace(wrong, seq=3, prev=made.view.chain_head(xu.member, Chain.ISSUER).digest)
        code = refused(made.view, placed, made.registrar.root_signers)
        assert code == "statement_misfit"
    changed = made.said(Kind.ROLE, REGISTRY, Chain.ISSUER, role=MemberRole.OBSERVER)
    assert refused(made.view, changed, made.registrar.root_signers) == "statement_misfit"


def test_competence_has_the_form_of_a_kind() -> None:
    """What no kind can be called is refused before anyone signs."""
    made = world(party("XU"))
    for kind in ("Request", "a.b.c", "request.", "x" * 40):
        role = made.said(
            Kind.ROLE, "XU", Chain.ISSUER, role=MemberRole.UNION,
            competences=Competences((MemberId("XA"),), (kind,)),
        )  # fmt: skip
        assert refused(made.view, role, made.registrar.root_signers) == "statement_malformed"


def test_successor_takes_the_place_of_a_suspended_member_alone() -> None:
    """A member that lost everything comes back under another name, loudly."""
    xb = party("XB")
    made = world(xb)
    new = party("XB-2")
    joining = join_of(new, made.anchor, succeeds=xb.member)
    signers = [*made.registrar.root_signers, *new.signers]
    assert refused(made.view, joining, signers) == "predecessor_active"
    stranger = join_of(new, made.anchor, succeeds=MemberId("XZ"))
    assert refused(made.view, stranger, signers) == "predecessor_active"
    suspend = made.said(Kind.SUSPEND, xb.member, Chain.ISSUER)
    signed(made, suspend, made.registrar.root_signers)
    signed(made, joining, signers)
    assert made.view.members[new.member].succeeds == xb.member
    assert made.view.members[new.member].admitted_at == NOW


# --- witnesses ------------------------------------------------------------------------------------


def witnessed(count: int = 4, quorum: int = 3) -> tuple[World, list[Party]]:
    """Return a federation with witnesses, named in the registry, and XB who is none."""
    named = [party(f"W{number}", uses=WITNESSING) for number in range(count)]
    made = world(*named, party("XB"))
    names = made.said(
        Kind.WITNESSES, REGISTRY, Chain.ISSUER,
        witnesses=WitnessSet(quorum, tuple(who.member for who in named)),
    )  # fmt: skip
    signed(made, names, made.registrar.root_signers)
    return made, named


def test_witnesses_are_members_with_a_witness_key() -> None:
    """The registrars name them once there are some; nobody else can be one."""
    made, named = witnessed()
    assert made.view.witnesses.quorum == 3
    assert [member.member for member in made.view.witnessing()] == [who.member for who in named]
    key = made.view.members[named[0].member].keys_for(KeyUse.WITNESS)[0]
    assert (key.verifier, key.post_quantum) == named[0].cosigner().verifiers
    other = world(party("XB"))
    for name, code in (("XB", "witness_unknown"), ("XZ", "witness_unknown")):
        names = other.said(
            Kind.WITNESSES, REGISTRY, Chain.ISSUER, witnesses=WitnessSet(1, (MemberId(name),))
        )
        assert refused(other.view, names, other.registrar.root_signers) == code
    for changes in ({"witnesses": None}, {"member": MemberId("XB")}):
        names = other.said(Kind.WITNESSES, REGISTRY, Chain.ISSUER, witnesses=WitnessSet(0, ()))
        placed = replace(names, **changes)
        head = other.view.chain_head(placed.member, Chain.ISSUER)
        placed = replace(placed, seq=head.seq + 1, prev=head.digest)
        assert refused(other.view, placed, other.registrar.root_signers) == "statement_misfit"


@pytest.mark.parametrize(
    "wrong",
    [
        WitnessSet(3, (MemberId("W0"), MemberId("W1"))),
        WitnessSet(0, (MemberId("W0"),)),
        WitnessSet(1, (MemberId("W0"), MemberId("W0"))),
        WitnessSet(1, ()),
    ],
)
def test_quorum_fits_its_witnesses(wrong: WitnessSet) -> None:
    """A quorum that cannot be met, or is met by one witness twice, does not read."""
    made, _ = witnessed()
    names = made.said(Kind.WITNESSES, REGISTRY, Chain.ISSUER, witnesses=wrong)
    assert refused(made.view, names, made.registrar.root_signers) == "statement_malformed"


def test_stolen_registrar_quorum_cannot_replace_the_witnesses() -> None:
    """Of four witnesses with a quorum of three, two of the present ones must agree."""
    made, named = witnessed()
    names = made.said(
        Kind.WITNESSES, REGISTRY, Chain.ISSUER, at=NOW + 20,
        witnesses=WitnessSet(1, (named[0].member,)),
    )  # fmt: skip
    registrars = made.registrar.root_signers
    one, two = (provers(FEDERATION, who.member, who.records[KeyUse.SIGN]) for who in named[1:3])
    assert refused(made.view, names, registrars) == "consent_missing"
    assert refused(made.view, names, [*registrars, *one]) == "consent_missing"
    assert refused(made.view, names, [*one, *two]) == "threshold_not_met"
    signed(made, names, registrars, one, two)
    assert made.view.witnesses == WitnessSet(1, (named[0].member,))


def test_witness_proves_both_its_keys() -> None:
    """A witness key that is not held by who brings it does not enter."""
    xa = party("XA", uses=WITNESSING)
    made = world()
    joining = join_of(xa, made.anchor)
    witness = {key.verifier for key in provers(FEDERATION, xa.member, xa.records[KeyUse.WITNESS])}
    missing = [signer for signer in xa.signers if signer.verifier not in witness]
    signers = [*made.registrar.root_signers, *missing]
    assert refused(made.view, joining, signers) == "signature_missing"
    made.append(admitted(made.registrar, xa, made.anchor))
    thief = party("XT", uses=WITNESSING)
    thief.records[KeyUse.WITNESS] = xa.records[KeyUse.WITNESS]
    taken = join_of(thief, made.anchor)
    assert refused(made.view, taken, [*made.registrar.root_signers, *thief.signers]) == "key_reused"
    line = thief.lines()[3]
    for changed in (
        replace(line, post_quantum=replace(line.post_quantum, name="other")),
        replace(line, verifier=replace(line.verifier, name="other")),
    ):
        wrong = join_of(thief, made.anchor, uses=[changed])
        assert refused(made.view, wrong, thief.signers) == "statement_malformed"
    swapped = join_of(thief, made.anchor, uses=[replace(line, verifier=line.post_quantum)])
    assert refused(made.view, swapped, thief.signers) == "statement_malformed"


def test_witnessed_time_is_that_of_the_quorum() -> None:
    """With three of four, the third latest time counts; a revoked key's counts for nothing."""
    made, named = witnessed()
    times = [NOW + 100, NOW + 400, NOW + 200, NOW + 300]
    cosigners = [(who.cosigner(), at) for who, at in zip(named, times, strict=True)]
    members = made.view.witnessing()
    assert witnessed_time(made.head(*cosigners), members, 3) == NOW + 200
    assert witnessed_time(made.head(*cosigners[:2]), members, 3) is None
    assert witnessed_time(made.head(*cosigners), members, 0) is None
    assert witnessed_time(made.head((named[0].cosigner(), NOW - 5)), members[:1], 1) is None
    gone = made.said(
        Kind.KEYS, named[1].member, Chain.ROOT,
        revocations=(Revocation(named[1].records[KeyUse.WITNESS].key_id, NOW),),
    )  # fmt: skip
    signed(made, gone, named[1].root_signers)
    cosigners = [(who.cosigner(), at) for who, at in zip(named, times, strict=True)]
    assert witnessed_time(made.head(*cosigners), made.view.witnessing(), 3) == NOW + 100


def witness_keys(made: World) -> list[RegisteredKey]:
    """Return the keys of the witnesses that the registry names."""
    return [key for who in made.view.witnessing() for key in who.keys_for(KeyUse.WITNESS)]


def test_head_existed_once_a_quorum_had_seen_it() -> None:
    """The third earliest of four times: two who lie make it no earlier."""
    made, named = witnessed()
    times = [NOW + 100, NOW + 400, NOW + 200, NOW + 300]
    cosigners = [(who.cosigner(), at) for who, at in zip(named, times, strict=True)]
    seen = sightings(made.head(*cosigners), witness_keys(made))
    assert [item.witness for item in seen] == [named[at].member for at in (0, 2, 3, 1)]
    assert (existed_by(seen, 3), newest_until(seen, 3)) == (NOW + 300, NOW + 200)
    few = sightings(made.head(*cosigners[:2]), witness_keys(made))
    assert existed_by(few, 3) is newest_until(few, 3) is existed_by(few, 0) is None
    three = sightings(made.head(*cosigners[:3]), witness_keys(made))
    assert (existed_by(three, 3), newest_until(three, 3)) == (NOW + 400, NOW + 100)


def test_what_a_witness_saw_before_its_key_was_revoked_stays_seen() -> None:
    """From the revocation on, and outside its time, a key counts for nothing."""
    made, named = witnessed()
    key_id = named[0].records[KeyUse.WITNESS].key_id
    gone = made.said(
        Kind.KEYS, named[0].member, Chain.ROOT, revocations=(Revocation(key_id, NOW + 50),)
    )
    signed(made, gone, named[0].root_signers)
    key = named[0].cosigner()
    for at, counted in ((NOW + 49, 1), (NOW + 50, 0), (NOW - 1, 0)):
        assert len(sightings(made.head((key, at)), witness_keys(made))) == counted


def test_key_says_when_each_of_its_revocations_was_stated() -> None:
    """What was known at a time, and what was said of that time later, are two things."""
    xa = party("XA")
    made = world(xa)
    key_id = xa.records[KeyUse.LOG].key_id
    for stated_at, since in ((NOW + 100, NOW + 100), (NOW + 200, NOW + 40), (NOW + 300, NOW + 90)):
        said = made.said(
            Kind.KEYS, xa.member, Chain.ROOT, at=stated_at, revocations=(Revocation(key_id, since),)
        )
        signed(made, said, xa.root_signers)
    key = made.view.keys[key_id]
    assert key.revoked_since == NOW + 40
    assert key.revocations == (Revoked(NOW + 100, NOW + 100), Revoked(NOW + 200, NOW + 40))
    assert [key.was_revoked_by(NOW + at) for at in (50, 99, 100, 150)] == [False, False, True, True]


# --- recovery -------------------------------------------------------------------------------------


def recovering() -> tuple[World, list[Party], Party, Party]:
    """Return a federation in which XB, who lost all, is being recovered: and its new self."""
    made, named = witnessed()
    lost = party("XB")
    new = follower("XB", 2, lost)
    new.records = {use: new.draw(use, NOW + 50) for use in USES}
    begun = made.said(
        Kind.RECOVER, lost.member, Chain.ISSUER, at=NOW + 50,
        root=new.root_set(), next=new.next_set(), uses=tuple(new.lines()),
        endpoint="https://back.example",
    )  # fmt: skip
    assert refused(made.view, begun, new.signers) == "threshold_not_met"
    assert refused(made.view, begun, made.registrar.root_signers) == "threshold_not_met"
    for changes, code in (
        ({"root": None}, "statement_misfit"),
        ({"next": None}, "statement_misfit"),
        ({"chain": Chain.ROOT}, "statement_out_of_order"),
        ({"names": (("en", "Other"),)}, "statement_oversteps"),
    ):
        signers = [*made.registrar.root_signers, *new.signers]
        found = refused(made.view, replace(begun, **changes), signers)
        assert found in (code, "statement_misfit")
    signed(made, begun, made.registrar.root_signers, new.signers)
    return made, named, lost, new


def cosigned(made: World, named: list[Party], at: int) -> bytes:
    """Return the head, cosigned by three of the witnesses."""
    return made.head(*((who.cosigner(), at) for who in named[:3]))


def done(made: World, *heads: bytes, at: int = NOW + 40 * DAY_S) -> Statement:
    """Return the statement that completes XB's recovery."""
    return made.said(Kind.RECOVERED, "XB", Chain.ISSUER, at=at, checkpoints=heads)


def test_member_that_lost_all_comes_back_after_thirty_witnessed_days() -> None:
    """New roots, new keys, a new endpoint; whatever it had before is void."""
    made, named, lost, new = recovering()
    first = cosigned(made, named, NOW + 60)
    assert made.view.members[lost.member].root == lost.root_set()
    signed(
        made, made.said(Kind.SUSPEND, "XB", Chain.ISSUER, at=NOW + 70), made.registrar.root_signers
    )
    second = cosigned(made, named, NOW + 60 + 30 * DAY_S)
    signers = [*made.registrar.root_signers, *new.root_signers]
    before = made.view
    signed(made, done(made, first, second), signers)
    member = made.view.members[lost.member]
    assert recovery_ended_at(before, done(made, first, second)) == NOW + 60 + 30 * DAY_S
    assert recovery_ended_at(before, done(made)) == 0
    assert recovery_ended_at(before, done(made, made.head())) == 0
    assert recovery_ended_at(made.view, done(made, first, second)) == 0
    assert (member.root, member.next, member.recovery) == (new.root_set(), new.next_set(), None)
    assert member.endpoint == "https://back.example"
    assert member.suspended
    assert made.view.keys[lost.records[KeyUse.SIGN].key_id].revoked_since == NOW + 40 * DAY_S
    assert made.view.keys[new.records[KeyUse.SIGN].key_id].good_at(NOW + 41 * DAY_S)
    assert made.view.heads == {}
    late = made.said(Kind.KEYS, "XB", Chain.ROOT, at=NOW + 41 * DAY_S, endpoint="https://t.example")
    assert refused(made.view, late, lost.root_signers) == "signature_missing"
    again = done(made, first, second, at=NOW + 42 * DAY_S)
    assert refused(made.view, again, signers) == "recovery_unknown"


def test_recovery_is_not_completed_before_its_witnessed_time() -> None:
    """A second less than thirty days, or the two heads in the wrong order, is too early."""
    made, named, _, new = recovering()
    first = cosigned(made, named, NOW + 60)
    early = cosigned(made, named, NOW + 59 + 30 * DAY_S)
    late = cosigned(made, named, NOW + 60 + 30 * DAY_S)
    signers = [*made.registrar.root_signers, *new.root_signers]
    assert refused(made.view, done(made, first, early), signers) == "recovery_too_early"
    assert refused(made.view, done(made, late, first), signers) == "recovery_too_early"
    assert refused(made.view, done(made, late), signers) == "statement_misfit"
    assert refused(made.view, done(made, first, late), new.root_signers) == "threshold_not_met"
    one = made.registrar.root_signers
    assert refused(made.view, done(made, first, late), one) == "threshold_not_met"
    made.append(sign_note(done(made, first, late).text(), signers))


def test_recovery_is_not_hastened_by_one_witness_that_lies() -> None:
    """Three cosign that it began, one of them with a time of long ago: it began when they say."""
    made, named, _, new = recovering()
    liar, *honest = (who.cosigner() for who in named[:3])
    began = NOW + 20 * DAY_S
    first = made.head((liar, NOW + 60), *((key, began) for key in honest))
    early = cosigned(made, named, began + 29 * DAY_S)
    late = cosigned(made, named, began + 30 * DAY_S)
    signers = [*made.registrar.root_signers, *new.root_signers]
    at = began + 31 * DAY_S
    assert refused(made.view, done(made, first, early, at=at), signers) == "recovery_too_early"
    made.append(sign_note(done(made, first, late, at=at).text(), signers))


def test_recovery_is_timed_by_the_witnesses_named_when_it_began() -> None:
    """Too few of them, strangers, and heads that are not this registry's count for nothing."""
    made, named, _, new = recovering()
    signers = [*made.registrar.root_signers, *new.root_signers]
    first = cosigned(made, named, NOW + 60)
    few = made.head(*((who.cosigner(), NOW + 60 + 30 * DAY_S) for who in named[:2]))
    assert refused(made.view, done(made, first, few), signers) == "recovery_unwitnessed"
    other, others = witnessed()
    before = cosigned(other, others, NOW + 60)
    later = cosigned(made, named, NOW + 60 + 30 * DAY_S)
    assert refused(made.view, done(made, before, later), signers) == "recovery_checkpoint_wrong"
    log = made.registrar.records[KeyUse.LOG]
    made.registrar.records[KeyUse.LOG] = party("THIEF").records[KeyUse.LOG]
    forged = cosigned(made, named, NOW + 60)
    made.registrar.records[KeyUse.LOG] = log
    assert refused(made.view, done(made, forged, later), signers) == "recovery_checkpoint_wrong"


def test_member_that_holds_its_roots_vetoes_a_recovery() -> None:
    """By the roots in force or by the next alone; then thirty days help nobody."""
    for chain in (Chain.ROOT, Chain.NEXT):
        made, named, lost, new = recovering()
        first = cosigned(made, named, NOW + 60)
        shown = {"root": lost.coming_set()} if chain is Chain.NEXT else {}
        holders = lost.coming_signers if chain is Chain.NEXT else lost.root_signers
        veto = made.said(Kind.VETO, "XB", chain, at=NOW + 70, **shown)
        assert refused(made.view, veto, made.registrar.root_signers) == "signature_missing"
        assert refused(made.view, replace(veto, endpoint="https://x.example"), holders) == (
            "statement_oversteps"
        )
        assert check_veto(made.view, sign_note(veto.text(), holders)).member == "XB"
        signed(made, veto, holders)
        last = cosigned(made, named, NOW + 60 + 31 * DAY_S)
        signers = [*made.registrar.root_signers, *new.root_signers]
        assert refused(made.view, done(made, first, last), signers) == "recovery_vetoed"
        again = made.said(Kind.VETO, "XB", chain, at=NOW + 80, **shown)
        assert refused(made.view, again, holders) == "recovery_vetoed"
        assert made.view.heads == {}


def test_veto_without_a_recovery_or_of_a_stranger_says_nothing() -> None:
    """A veto stands against a recovery, by who holds the roots."""
    made, _, lost, new = recovering()
    nothing = made.said(Kind.VETO, "W0", Chain.ROOT)
    assert (
        refused(made.view, nothing, party("W0", uses=WITNESSING).root_signers) == "recovery_unknown"
    )
    wrong = made.said(Kind.VETO, "XB", Chain.NEXT, at=NOW + 70, root=new.root_set())
    assert refused(made.view, wrong, new.root_signers) == "next_not_committed"
    with pytest.raises(RejectedError) as caught:
        check_veto(made.view, sign_note(
            made.said(Kind.KEYS, "XB", Chain.ROOT, endpoint="https://x.example").text(),
            lost.root_signers,
        ))  # fmt: skip
    assert caught.value.code == "statement_misfit"


def test_member_that_still_speaks_through_its_roots_is_not_recovered() -> None:
    """A statement of the roots in force, or a rotation, ends a recovery as a veto does."""
    for kind in (Kind.KEYS, Kind.ROTATE):
        made, _, lost, _ = recovering()
        if kind is Kind.KEYS:
            said = made.said(kind, "XB", Chain.ROOT, at=NOW + 70, endpoint="https://x.example")
            signed(made, said, lost.root_signers)
        else:
            after = follower("XB", 3, lost)
            signed(made, rotated(made, lost, after, at=NOW + 70), lost.coming_signers)
        recovery = made.view.members[lost.member].recovery
        assert recovery is not None
        assert recovery.vetoed


def test_recovery_needs_witnesses() -> None:
    """Where the registry names none, nobody could tell the thirty days."""
    made = world(party("XB"))
    new = follower("XB", 2, party("XB"))
    begun = made.said(Kind.RECOVER, "XB", Chain.ISSUER, root=new.root_set(), next=new.next_set())
    signers = [*made.registrar.root_signers, *new.root_signers]
    assert refused(made.view, begun, signers) == "witnesses_missing"


def test_proposed_keys_of_a_recovery_are_taken_from_the_start() -> None:
    """Nobody slips the proposed keys in elsewhere while the thirty days run."""
    made, _, _, new = recovering()
    thief = party("XT")
    thief.records[KeyUse.SIGN] = new.records[KeyUse.SIGN]
    taken = join_of(thief, made.anchor, at=NOW + 50)
    assert refused(made.view, taken, [*made.registrar.root_signers, *thief.signers]) == "key_reused"
    thief = party("XT")
    thief.roots = new.roots
    taken = join_of(thief, made.anchor)
    assert refused(made.view, taken, [*made.registrar.root_signers, *thief.signers]) == "key_reused"


def test_recovery_starts_anew_when_it_is_proposed_again() -> None:
    """A head from before the second proposal does not count for it."""
    made, named, lost, _ = recovering()
    first = cosigned(made, named, NOW + 60)
    third = follower("XB", 3, lost)
    begun = made.said(
        Kind.RECOVER, lost.member, Chain.ISSUER, at=NOW + 80,
        root=third.root_set(), next=third.next_set(), via=(MemberId("W0"),),
    )  # fmt: skip
    signed(made, begun, made.registrar.root_signers, third.root_signers)
    last = cosigned(made, named, NOW + 60 + 31 * DAY_S)
    signers = [*made.registrar.root_signers, *third.root_signers]
    assert refused(made.view, done(made, first, last), signers) == "recovery_checkpoint_wrong"
    second = cosigned(made, named, NOW + 90)
    signed(made, done(made, second, last), signers)
    assert made.view.members[lost.member].via == ("W0",)
    assert made.view.members[lost.member].endpoint == lost.endpoint


def test_replay_of_every_kind_is_the_same_at_once_and_step_by_step() -> None:
    """The fold depends on the statements alone, not on how they came."""
    made, named, _, new = recovering()
    first = cosigned(made, named, NOW + 60)
    signed(
        made,
        rotated(made, named[0], follower("W0", 2, named[0]), at=NOW + 65),
        named[0].coming_signers,
    )
    last = cosigned(made, named, NOW + 60 + 31 * DAY_S)
    signed(made, done(made, first, last), made.registrar.root_signers, new.root_signers)
    again = advance(found(made.genesis, made.anchor), made.notes[1:])
    assert (again.head, again.members, again.keys, again.pins, again.owners, again.witnesses) == (
        made.view.head, made.view.members, made.view.keys, made.view.pins, made.view.owners,
        made.view.witnesses,
    )  # fmt: skip
    assert NextSet(1, ()) != again.members[MemberId("XB")].next
