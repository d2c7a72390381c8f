"""Who takes part: fictional members, by codes that ISO leaves to its users."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from gateway.cases.fields.labels import Label

REGISTRY: Final = "REGISTRY"
XA, XB, XC, OFFICE, UNION, TAX = "XA", "XB", "XC", "RILO-W", "XU", "XA-TAX"
REGION: Final = "west"
AGREEMENT: Final = "XA–XB agreement"


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A member, and what its node is told when it is made."""

    code: str
    name: Label
    language: str = "en"
    """Which language its people read."""
    options: Sequence[str] = ()
    """What ``liaison init`` gets beside the name."""
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """What differs from the defaults in its ``gateway.toml``."""


RELEASE: Final = {
    "name": "requests that name persons", "kinds": ["request"], "members": [XB], "personal": True,
}  # fmt: skip
_INSTRUMENTS: Final = {
    "instruments": [
        {"name": AGREEMENT, "members": [XA, XB], "acknowledge_working_days": 3, "execute_months": 3}
    ]
}
CAST: Final = (
    Member(
        code=XA,
        name=Label("Customs of Aldria", "Douanes d'Aldrie"),
        # A poor line carries one segment after the other.
        settings={
            "cases": _INSTRUMENTS,
            "delivery": {"segments_in_flight": 1, "retry_max_s": 1},
            "policy": {"release": [RELEASE]},
        },
    ),
    Member(
        code=XB,
        name=Label("Customs of Berenia", "Douanes de Bérénie"),
        language="fr",
        settings={"cases": _INSTRUMENTS},
    ),
    Member(code=XC, name=Label("Customs of Cadria", "Douanes de Cadrie")),
    Member(
        code=OFFICE,
        name=Label(
            "Regional Intelligence Liaison Office, West",
            "Bureau régional de liaison pour le renseignement, Ouest",
        ),
        options=("--role", "liaison-office"),
    ),
    Member(
        code=UNION,
        name=Label("Customs Union of the Strait", "Union douanière du Détroit"),
        language="fr",
        options=(
            "--role", "union", "--state", XB, "--competence", "request.verify_origin",
            "--competence", "case",
        ),
    ),
    Member(
        code=TAX,
        name=Label("Tax Authority of Aldria", "Administration fiscale d'Aldrie"),
    ),
)  # fmt: skip
_OTHERS: Final = (
    ("XD", "Doria", "de Dorie"), ("XE", "Estmark", "d'Estmarque"), ("XF", "Faronia", "de Faronie"),
    ("XG", "Galdora", "de Galdore"), ("XH", "Hestria", "d'Hestrie"), ("XI", "Illyra", "d'Illyre"),
    ("XJ", "Jorvania", "de Jorvanie"), ("XL", "Lorania", "de Loranie"),
    ("XM", "Maradia", "de Maradie"), ("XN", "Norvia", "de Norvie"), ("XO", "Ostmere", "d'Ostmère"),
    ("XP", "Palmora", "de Palmore"), ("XQ", "Quentia", "de Quentie"),
    ("XR", "Rovenia", "de Rovénie"),
)  # fmt: skip
LEAST: Final = len(CAST)
MOST: Final = len(CAST) + len(_OTHERS)
RELAY: Final = "XD"
BEHIND: Final = ("XE", "XF")
"""Members without an address of their own: the relay keeps their mailboxes."""
WITNESSES: Final = (XA, XB, OFFICE, UNION)
QUORUM: Final = 3


def cast_of(members: int) -> tuple[Member, ...]:
    """Return who takes part in a federation of so many members."""
    return (*CAST, *(_other(*item) for item in _OTHERS[: members - LEAST]))


def region_of(cast: Sequence[Member]) -> dict[str, Any]:
    """Return the settings of the liaison office's region: all but the office and who misbehaves."""
    members = [item.code for item in cast if item.code not in (OFFICE, XC, TAX)]
    return {"cases": {"regions": [{"name": REGION, "office": OFFICE, "members": members}]}}


def others_in(cast: Sequence[Member]) -> list[str]:
    """Return who is there beside the people of the story."""
    return [item.code for item in cast[LEAST:]]


def _other(code: str, english: str, french: str) -> Member:
    settings: dict[str, dict[str, Any]] = {
        "cases": {"liaison_offices": [{"office": OFFICE, "kinds": ["seizure.report"]}]}
    }
    if code == RELAY:
        settings["relay"] = {"enabled": True}
    return Member(
        code=code,
        name=Label(f"Customs of {english}", f"Douanes {french}"),
        options=("--via", RELAY) if code in BEHIND else (),
        settings=settings,
    )
