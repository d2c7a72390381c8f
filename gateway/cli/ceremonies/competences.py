"""For whom a union acts and in what, as a command is told: held against the catalogue of kinds."""

from collections.abc import Sequence

from gateway.errors import RejectedError
from keys.registry.statement import Competences, MemberRole
from keys.suite import parse_member_id


def competences_of(role: MemberRole, states: Sequence[str], kinds: Sequence[str]) -> Competences:
    """Return what a union is to be entitled to; nobody else has states or competences.

    Raises RejectedError ``role_wrong`` or ``competence_unknown``.
    """
    from gateway.cases.kinds import CATALOGUE  # noqa: PLC0415 - code lists, which --help does without

    if (role is MemberRole.UNION) != bool(states) or (kinds and not states):
        raise RejectedError(
            "role_wrong", "a union, and no other member, names whom it acts for: --state XA"
        )
    known = {part for name in CATALOGUE for part in (name, name.partition(".")[0])}
    if unknown := [kind for kind in kinds if kind not in known]:
        raise RejectedError("competence_unknown", f"no kind is or begins with {unknown[0]!r}")
    return Competences(tuple(map(parse_member_id, states)), tuple(kinds))
