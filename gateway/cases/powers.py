"""What a member may say in its role, on whose behalf, and what may be asked of it.

Sender and recipient ask the same, each in its own view of the registry.
Source: SPEC "Powers".
"""

from collections.abc import Iterable
from typing import assert_never

from gateway.cases.kind import Family, Kind
from gateway.cases.kinds import CATALOGUE
from gateway.faults import Fault
from keys.registry.member import Member
from keys.registry.statement import Competences, MemberRole
from keys.registry.view import View
from keys.suite import MemberId

CASE_FAMILIES = frozenset(
    {
        Family.REQUESTS,
        Family.CONDUCT,
        Family.INFORMATION,
        Family.CARGO,
        Family.TRADERS,
        Family.OWN,
    }
)
"""What takes case powers to say: to ask another to act, to dispose of what was asked, and to tell
what an administration knows of persons and their goods.

A family that is not among them is open to liaison offices, as sender and as recipient.
"""
_ON_BEHALF_OF = "/on_behalf_of"
_KIND = "/kind"


def speaking_fault(
    view: View, sender: Member, kind: Kind, on_behalf_of: str, about: Iterable[str] = ()
) -> Fault | None:
    """Return why ``sender`` may not say ``kind``; None if it may.

    ``on_behalf_of`` is the state for which a union speaks, empty for none. ``about`` names the
    kinds of the messages that this one is about: the first of its case and the one it answers, as
    far as they are known. A union's competences must cover the requests among them too.
    """
    if on_behalf_of and sender.role is not MemberRole.UNION:
        return Fault(pointer=_ON_BEHALF_OF, code="not_a_union")
    match sender.role:
        case MemberRole.ADMINISTRATION:
            return None
        case MemberRole.UNION:
            return _state_fault(view, sender, kind, on_behalf_of) or _competence_fault(
                sender.competences, kind, about
            )
        case MemberRole.LIAISON_OFFICE:
            allowed, code = kind.family not in CASE_FAMILIES, "no_case_powers"
        case MemberRole.OBSERVER:
            allowed, code = kind.family is Family.SERVICE, "observer_sends_nothing"
        case MemberRole.REGISTRAR:
            allowed, code = kind.family is Family.SERVICE, "registrar_sends_nothing"
        case _:
            assert_never(sender.role)
    return None if allowed else Fault(pointer=_KIND, code=code)


def speakers(kind: Kind) -> tuple[MemberRole, ...]:
    """Return the roles whose members may say ``kind``, a union within its competences."""
    return tuple(
        role
        for role in MemberRole
        if role in (MemberRole.ADMINISTRATION, MemberRole.UNION)
        or kind.family is Family.SERVICE
        or (role is MemberRole.LIAISON_OFFICE and kind.family not in CASE_FAMILIES)
    )


def asking_fault(recipient: Member, kind: Kind, pointer: str) -> Fault | None:
    """Return why ``kind`` cannot be put to ``recipient``, named at ``pointer``; None if it can.

    A union may be asked what it is not competent for: it is for the union to say so. Who has no
    case powers gets copies that name nobody, made by kinds of their own.
    """
    acts = recipient.role in (MemberRole.ADMINISTRATION, MemberRole.UNION)
    if acts or kind.family not in CASE_FAMILIES:
        return None
    asks = kind.family is Family.REQUESTS
    code = "recipient_has_no_powers" if asks else "recipient_sees_copies"
    return Fault(pointer=pointer, code=code, limit=recipient.member)


def _state_fault(view: View, union: Member, kind: Kind, on_behalf_of: str) -> Fault | None:
    if not on_behalf_of:
        spoken_for = kind.family is not Family.SERVICE
        return Fault(pointer=_ON_BEHALF_OF, code="on_behalf_missing") if spoken_for else None
    if on_behalf_of not in union.competences.states:
        return Fault(pointer=_ON_BEHALF_OF, code="state_not_represented", limit=on_behalf_of)
    state = view.members.get(MemberId(on_behalf_of))
    if state is not None and state.suspended:
        return Fault(pointer=_ON_BEHALF_OF, code="state_suspended", limit=on_behalf_of)
    return None


def _competence_fault(competences: Competences, kind: Kind, about: Iterable[str]) -> Fault | None:
    if kind.family is Family.SERVICE:
        return None
    for name in (kind.name, *filter(_is_request, about)):
        if not {name, name.partition(".")[0]} & set(competences.kinds):
            return Fault(pointer=_KIND, code="outside_competence", limit=name)
    return None


def _is_request(name: str) -> bool:
    kind = CATALOGUE.get(name)
    return kind is not None and kind.family is Family.REQUESTS
