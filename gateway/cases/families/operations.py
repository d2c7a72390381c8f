"""Operations: a closed group with a template for its reports and an end date."""

from functools import partial
from typing import Annotated

from gateway.cases.families.lists import Theme
from gateway.cases.families.parts import Contact, HsEdition, Links
from gateway.cases.fields.labels import Label
from gateway.cases.fields.schema import (
    ComingDay,
    Content,
    Count,
    Language,
    Line,
    MemberName,
    Passage,
    PastDay,
    labelled,
)
from gateway.cases.handling import CUSTOMS_ONLY_KEPT, Handling
from gateway.cases.kind import PROMPT, Family, Kind


class InOperation(Content, frozen=True, kw_only=True):
    """What all messages of an operation contain."""

    operation: Annotated[Line, labelled("Name of the operation", "Nom de l'opération")]
    language: Annotated[Language, labelled("Language of the text", "Langue du texte")]
    handling: Annotated[Handling, labelled("Handling", "Traitement")]


class Open(InOperation, frozen=True, kw_only=True):
    """Open an operation."""

    aim: Annotated[Passage, labelled("Aim", "But")]
    themes: Annotated[
        tuple[Theme, ...],
        labelled("Subjects", "Domaines", min_length=1, max_length=len(Theme)),
    ]
    members: Annotated[
        tuple[MemberName, ...],
        labelled("Members invited", "Membres invités", min_length=1, max_length=200),
    ]
    starts_on: Annotated[ComingDay, labelled("From", "Du")]
    ends_on: Annotated[ComingDay, labelled("Until", "Au")]
    coordinator: Annotated[Contact, labelled("Coordination", "Coordination")]
    template: Annotated[
        tuple[Line, ...],
        labelled("What every report states", "Ce que chaque rapport indique", max_length=50),
    ] = ()


class Join(InOperation, frozen=True, kw_only=True):
    """Take part."""

    contact: Annotated[Contact, labelled("Contact point", "Point de contact")]
    contribution: Annotated[Passage | None, labelled("Contribution", "Contribution")] = None


class Stated(Content, frozen=True, kw_only=True):
    """A line of the template, filled in."""

    name: Annotated[Line, labelled("What", "Rubrique")]
    value: Annotated[Line, labelled("Value", "Valeur")]


class Report(InOperation, frozen=True, kw_only=True):
    """Report what was done and found."""

    reported_on: Annotated[PastDay, labelled("Day of the report", "Jour du rapport")]
    controls: Annotated[Count, labelled("Controls", "Contrôles")]
    seizures: Annotated[Count, labelled("Seizures", "Saisies")]
    stated: Annotated[
        tuple[Stated, ...],
        labelled("What the template asks for", "Rubriques du modèle", max_length=50),
    ] = ()
    text: Annotated[Passage | None, labelled("Text", "Texte")] = None
    links: Annotated[Links | None, labelled("Links", "Liens")] = None
    hs_edition: HsEdition = None


class Close(InOperation, frozen=True, kw_only=True):
    """Close it."""

    controls: Annotated[Count, labelled("Controls in all", "Total des contrôles")]
    seizures: Annotated[Count, labelled("Seizures in all", "Total des saisies")]
    summary: Annotated[Passage, labelled("Summary", "Bilan")]
    lessons: Annotated[Passage | None, labelled("Lessons", "Enseignements")] = None


_kind = partial(Kind, family=Family.OPERATIONS, handling=CUSTOMS_ONLY_KEPT, priority=PROMPT)
KINDS = (
    _kind(
        name="operation.open",
        content=Open,
        label=Label("Opening of an operation", "Ouverture d'une opération"),
        opens_case=True,
    ),
    _kind(
        name="operation.join",
        content=Join,
        label=Label("Joining an operation", "Participation à une opération"),
    ),
    _kind(
        name="operation.report",
        content=Report,
        label=Label("Report in an operation", "Rapport d'opération"),
    ),
    _kind(
        name="operation.close",
        content=Close,
        label=Label("Closing of an operation", "Clôture d'une opération"),
    ),
)
