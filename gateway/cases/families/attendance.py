"""Requests that officials attend: as experts or witnesses, or at an enquiry."""

from functools import partial
from typing import Annotated

from gateway.cases.deadlines import ASSISTANCE
from gateway.cases.families.parts import Person
from gateway.cases.families.requests import Request
from gateway.cases.fields.labels import Code, Label
from gateway.cases.fields.schema import ComingDay, Line, Passage, labelled
from gateway.cases.handling import CUSTOMS_ONLY
from gateway.cases.kind import Family, Kind


class HearingCapacity(Code):
    """In which capacity an official appears."""

    EXPERT = "expert", "Expert", "Expert"
    WITNESS = "witness", "Witness", "Témoin"


class Hearing(Request, frozen=True, kw_only=True):
    """Let an official appear as expert or witness."""

    capacity: Annotated[HearingCapacity, labelled("In which capacity", "Qualité")]
    court: Annotated[Line, labelled("Court or authority", "Juridiction ou autorité")]
    heard_on: Annotated[ComingDay, labelled("Day of the hearing", "Jour de l'audience")]
    place: Annotated[Line, labelled("Place", "Lieu")]
    official: Annotated[
        Line | None, labelled("Official wished", "Agent souhaité", personal=True)
    ] = None
    costs: Annotated[Line | None, labelled("Costs are borne by", "Frais à la charge de")] = None


class Presence(Request, frozen=True, kw_only=True):
    """Let officials of the administration asking be present at an enquiry."""

    officials: Annotated[
        tuple[Person, ...],
        labelled(
            "Officials who come", "Agents en visite", personal=True, min_length=1, max_length=20
        ),
    ]
    place: Annotated[Line, labelled("Place", "Lieu")]
    starts_on: Annotated[ComingDay, labelled("From", "Du")]
    ends_on: Annotated[ComingDay, labelled("Until", "Au")]
    purpose: Annotated[Passage, labelled("Purpose", "But")]


_kind = partial(
    Kind,
    family=Family.REQUESTS,
    opens_case=True,
    deadlines=ASSISTANCE,
    handling=CUSTOMS_ONLY,
)
KINDS = (
    _kind(
        name="request.expert_or_witness",
        content=Hearing,
        label=Label("Request for an expert or witness", "Demande d'expert ou de témoin"),
    ),
    _kind(
        name="request.presence",
        content=Presence,
        label=Label("Request to be present", "Demande de présence"),
    ),
)
