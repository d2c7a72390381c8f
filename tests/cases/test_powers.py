"""Powers: what each role may say and be asked, and for whom a union speaks."""

from dataclasses import replace
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.cases.kind import Family, Kind
from gateway.cases.kinds import CATALOGUE
from gateway.cases.powers import CASE_FAMILIES, asking_fault, speaking_fault
from gateway.fault_sentences import SENTENCES
from gateway.faults import Fault
from keys.registry.member import Member
from keys.registry.statement import Chain, Competences, MemberRole
from keys.registry.view import View
from keys.suite import MemberId
from tests.world import party, world

VIEW = world(party("XU"), party("XA"), party("XC")).view
XA, XC, XU = (VIEW.members[MemberId(name)] for name in ("XA", "XC", "XU"))
COMPETENT = Competences((XA.member, MemberId("XD")), ("request", "case.reply"))
VERIFY, REPLY, PING = (CATALOGUE[name] for name in ("request.verify_value", "case.reply", "ping"))
OWN = replace(VERIFY, name="own.permit", family=Family.OWN)
OF_FAMILY = {kind.family: kind for kind in (*CATALOGUE.values(), OWN)}
"""One kind of each family; of own ones there is none that all know."""
FREE = dict.fromkeys(Family, "")
SPEAKING = {
    MemberRole.ADMINISTRATION: FREE,
    MemberRole.UNION: {**dict.fromkeys(Family, "on_behalf_missing"), Family.SERVICE: ""},
    MemberRole.LIAISON_OFFICE: {
        Family.REQUESTS: "no_case_powers", Family.CONDUCT: "no_case_powers",
        Family.INFORMATION: "no_case_powers", Family.CONTROL: "", Family.INTELLIGENCE: "",
        Family.OPERATIONS: "", Family.CARGO: "no_case_powers", Family.TRADERS: "no_case_powers",
        Family.CAPACITY: "", Family.SERVICE: "", Family.OWN: "no_case_powers",
    },
    MemberRole.OBSERVER: {
        **dict.fromkeys(Family, "observer_sends_nothing"), Family.SERVICE: "",
    },
    MemberRole.REGISTRAR: {
        **dict.fromkeys(Family, "registrar_sends_nothing"), Family.SERVICE: "",
    },
}  # fmt: skip
"""What each role is told of each family, in its own name."""


def member(role: MemberRole, competences: Competences = COMPETENT) -> Member:
    """Return XU in a role."""
    return replace(XU, role=role, competences=competences)


def code(fault: Fault | None) -> str:
    """Return what is wrong; empty for nothing."""
    return "" if fault is None else fault.code


@pytest.mark.parametrize("role", MemberRole)
def test_each_role_says_what_the_table_says(role: MemberRole) -> None:
    """Of every family there is: who adds one decides it here."""
    said = {
        family: code(speaking_fault(VIEW, member(role), kind, ""))
        for family, kind in OF_FAMILY.items()
    }
    assert said == SPEAKING[role]
    assert set(SPEAKING[role]) == set(Family) == set(OF_FAMILY)


@given(
    st.sampled_from(MemberRole),
    st.sampled_from(list(CATALOGUE.values())),
    st.sampled_from(("", "XA", "XC", "XD")),
    st.lists(st.sampled_from(list(CATALOGUE)), max_size=2),
    st.sampled_from((COMPETENT, Competences((XA.member,)), Competences((XA.member,), ("case",)))),
)
def test_whoever_says_whatever_has_one_verdict(
    role: MemberRole, kind: Kind, on_behalf_of: str, about: list[str], competences: Competences
) -> None:
    """A fault with its sentence and place, or none; only a union speaks for another."""
    sender = member(role, competences)
    fault = speaking_fault(VIEW, sender, kind, on_behalf_of, about)
    if fault is not None:
        assert fault.code in SENTENCES
        assert fault.pointer in ("/on_behalf_of", "/kind")
        assert fault.sentence("fr") != fault.sentence("en")
    elif on_behalf_of:
        assert role is MemberRole.UNION
        assert on_behalf_of in competences.states
    else:
        assert SPEAKING[role][kind.family] == ""


@pytest.mark.parametrize("role", [role for role in MemberRole if role is not MemberRole.UNION])
@pytest.mark.parametrize("kind", CATALOGUE.values(), ids=list(CATALOGUE))
def test_nobody_but_a_union_speaks_for_another(role: MemberRole, kind: Kind) -> None:
    """Not even for itself, and not even at a ping."""
    for name in ("XA", "XU"):
        fault = speaking_fault(VIEW, member(role), kind, name)
        assert fault == Fault(pointer="/on_behalf_of", code="not_a_union")


@pytest.mark.parametrize(
    ("kind", "on_behalf_of", "about", "expected"),
    [
        (VERIFY, "XA", (), ""),
        (VERIFY, "XD", (), ""),  # a state need not be a member
        (VERIFY, "XC", (), "state_not_represented"),
        (PING, "XA", (), ""),
        (PING, "XC", (), "state_not_represented"),
        (REPLY, "XA", (), ""),
        (REPLY, "XA", ("request.verify_value",), ""),
        (REPLY, "XA", ("case.reply", "ping", "request.forgotten"), ""),
    ],
)
def test_union_speaks_for_its_states(
    kind: Kind, on_behalf_of: str, about: tuple[str, ...], expected: str
) -> None:
    """And for no others."""
    assert code(speaking_fault(VIEW, member(MemberRole.UNION), kind, on_behalf_of, about)) == (
        expected
    )


@pytest.mark.parametrize(
    ("kinds", "verify", "reply", "reply_to_verify"),
    [
        (("request", "case"), "", "", ""),
        (("request.verify_value", "case.reply"), "", "", ""),
        (("request",), "", "case.reply", "case.reply"),
        (("case",), "request.verify_value", "", "request.verify_value"),
        (("request.verify_origin", "case"), "request.verify_value", "", "request.verify_value"),
        (("reques", "case.rep"), "request.verify_value", "case.reply", "case.reply"),
        ((), "request.verify_value", "case.reply", "case.reply"),
    ],
)
def test_competences_cover_the_kind_and_the_request_that_it_is_about(
    kinds: tuple[str, ...], verify: str, reply: str, reply_to_verify: str
) -> None:
    """By a kind's whole name or its first part; what is not covered is named."""
    union = member(MemberRole.UNION, Competences((XA.member,), kinds))
    asked = {(VERIFY, ()): verify, (REPLY, ()): reply, (REPLY, (VERIFY.name,)): reply_to_verify}
    for (kind, about), uncovered in asked.items():
        fault = speaking_fault(VIEW, union, kind, "XA", about)
        if uncovered:
            assert fault == Fault(pointer="/kind", code="outside_competence", limit=uncovered)
        else:
            assert fault is None


def test_nobody_speaks_for_a_suspended_state() -> None:
    """What is not taken from XA is not taken from its union either."""
    suspended = replace(XA, suspended_by=frozenset({Chain.ISSUER}))
    view: View = replace(VIEW, members=MappingProxyType({**VIEW.members, XA.member: suspended}))
    union = member(MemberRole.UNION)
    assert code(speaking_fault(view, union, VERIFY, "XA")) == "state_suspended"
    assert code(speaking_fault(VIEW, union, VERIFY, "XA")) == ""


@pytest.mark.parametrize("role", MemberRole)
@pytest.mark.parametrize("kind", CATALOGUE.values(), ids=list(CATALOGUE))
def test_requests_and_what_names_persons_go_to_who_can_act(role: MemberRole, kind: Kind) -> None:
    """Anything else goes to anybody."""
    fault = asking_fault(member(role), kind, "/to/3")
    acts = role in (MemberRole.ADMINISTRATION, MemberRole.UNION)
    if acts or kind.family not in CASE_FAMILIES:
        assert fault is None
    elif kind.family is Family.REQUESTS:
        assert fault == Fault(pointer="/to/3", code="recipient_has_no_powers", limit="XU")
    else:
        assert fault == Fault(pointer="/to/3", code="recipient_sees_copies", limit="XU")
