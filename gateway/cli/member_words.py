"""What a member is and how the registry holds it, in English and French. Pure."""

from collections.abc import Mapping
from typing import Any, Final

from gateway.cases.fields.labels import Label
from gateway.cli.terminal.console import when
from keys.registry.statement import MemberRole

ROLES: Final[Mapping[MemberRole, Label]] = {
    MemberRole.ADMINISTRATION: Label("administration", "administration"),
    MemberRole.UNION: Label("union", "union"),
    MemberRole.LIAISON_OFFICE: Label("liaison office", "bureau de liaison"),
    MemberRole.REGISTRAR: Label("registrar", "responsable du registre"),
    MemberRole.OBSERVER: Label("observer", "observateur"),
}
GOOD: Final = Label("in good standing", "en règle")
SUSPENDED: Final = Label("suspended by {by}", "suspendu par {by}")
BY: Final[Mapping[str, Label]] = {
    "registrars": Label("the registrars", "les responsables du registre"),
    "root": Label("a root of its own", "une de ses propres racines"),
}
AND: Final = Label(" and ", " et ")
UNDER_WAY: Final = Label(
    "recovery under way, begun {since}", "rétablissement en cours, engagé le {since}"
)
VETOED: Final = Label(
    "recovery vetoed, begun {since}", "rétablissement arrêté par un veto, engagé le {since}"
)
BEHIND: Final = Label("{count} statements behind", "{count} déclarations de retard")
UP_TO_DATE: Final = Label("up to date", "à jour")
CARD: Final = Label("serial {serial}, until {until}", "n° {serial}, jusqu'au {until}")
NONE: Final = Label("none", "aucune")
PUBLISHED: Final = Label(
    "{member}: statement {index} of the registry", "{member} : déclaration {index} du registre"
)
NOWHERE: Final = Label("none", "aucun")


def role_of(shown: Mapping[str, Any], spoken: str) -> str:
    """Say what a member is."""
    return ROLES[MemberRole(shown["role"])].text(spoken)


def standing_of(shown: Mapping[str, Any], spoken: str) -> str:
    """Say whether a member is suspended, by whom, and whether a recovery is under way."""
    parts = []
    if shown["suspended"]:
        by = AND.text(spoken).join(BY[name].text(spoken) for name in shown["suspended_by"])
        parts.append(SUSPENDED.text(spoken).format(by=by))
    if (recovery := shown["recovery"]) is not None:
        label = VETOED if recovery["vetoed"] else UNDER_WAY
        parts.append(label.text(spoken).format(since=when(recovery["since"])))
    return ", ".join(parts) or GOOD.text(spoken)


def union_of(shown: Mapping[str, Any], spoken: str) -> dict[str, str]:
    """Return for whom a union acts and in what, and whom a member succeeds, where it does."""
    without = NONE.text(spoken) if shown["states"] else ""
    said = {
        "acts for": ", ".join(shown["states"]),
        "competences": ", ".join(shown["competences"]) or without,
        "succeeds": shown["succeeds"] or "",
    }
    return {name: value for name, value in said.items() if value}


def card_of(shown: Mapping[str, Any], spoken: str) -> str:
    """Say which key card of a member is the newest here."""
    card = shown["card"]
    if not card:
        return "-"
    return CARD.text(spoken).format(serial=card["serial"], until=when(card["until"]))


def seen_of(named: int | None, size: int, spoken: str) -> str:
    """Say how much of the registry a member had seen when it last wrote."""
    if named is None:
        return "-"
    behind = size - named
    return BEHIND.text(spoken).format(count=behind) if behind > 0 else UP_TO_DATE.text(spoken)
