"""Information: what one administration tells another unasked, by arrangement, or ahead."""

from functools import partial
from typing import Annotated

from gateway.cases.families.parts import (
    Classified,
    Contact,
    Conveyance,
    Goods,
    Links,
    Paper,
    Person,
    Route,
)
from gateway.cases.fields.labels import Label
from gateway.cases.fields.schema import (
    ComingDay,
    Content,
    Country,
    Day,
    Language,
    Line,
    Passage,
    labelled,
)
from gateway.cases.handling import CUSTOMS_ONLY_KEPT, Evaluation, Handling
from gateway.cases.kind import BULK, PROMPT, Family, Kind


class Told(Classified, frozen=True, kw_only=True):
    """What all that is told unasked contains."""

    language: Annotated[Language, labelled("Language of the text", "Langue du texte")]
    handling: Annotated[Handling, labelled("Handling", "Traitement")]
    legal_basis: Annotated[Line, labelled("Legal basis", "Base juridique")]
    own_reference: Annotated[Line | None, labelled("Own reference", "Référence propre")] = None
    contact: Annotated[Contact | None, labelled("Contact point", "Point de contact")] = None


class Spontaneous(Told, frozen=True, kw_only=True):
    """What another should know, though it did not ask."""

    subject: Annotated[Line, labelled("Subject", "Objet")]
    facts: Annotated[Passage, labelled("Facts", "Faits")]
    persons: Annotated[
        tuple[Person, ...],
        labelled("Persons concerned", "Personnes concernées", personal=True, max_length=50),
    ] = ()
    links: Annotated[Links | None, labelled("Links", "Liens")] = None
    evaluation: Annotated[Evaluation | None, labelled("Evaluation", "Évaluation")] = None


class Movement(Content, frozen=True, kw_only=True):
    """One movement of goods in a regular report."""

    paper: Annotated[Paper, labelled("Document", "Document")]
    goods: Annotated[
        tuple[Goods, ...], labelled("Goods", "Marchandises", min_length=1, max_length=100)
    ]
    partner: Annotated[Country | None, labelled("Partner country", "Pays partenaire")] = None
    persons: Annotated[
        tuple[Person, ...],
        labelled("Persons concerned", "Personnes concernées", personal=True, max_length=20),
    ] = ()


class Automatic(Told, frozen=True, kw_only=True):
    """What is told regularly under an arrangement."""

    arrangement: Annotated[Line, labelled("Arrangement", "Arrangement")]
    period_from: Annotated[Day, labelled("Period from", "Période du")]
    period_until: Annotated[Day, labelled("Period until", "Période au")]
    movements: Annotated[
        tuple[Movement, ...], labelled("Movements", "Mouvements", max_length=2_000)
    ]
    remark: Annotated[Passage | None, labelled("Remark", "Observation")] = None


class Advance(Told, frozen=True, kw_only=True):
    """What is on its way and matters there."""

    expected_on: Annotated[ComingDay, labelled("Expected on", "Attendu le")]
    facts: Annotated[Passage, labelled("Facts", "Faits")]
    goods: Annotated[tuple[Goods, ...], labelled("Goods", "Marchandises", max_length=100)] = ()
    conveyance: Annotated[
        Conveyance | None, labelled("Means of transport", "Moyen de transport")
    ] = None
    route: Annotated[Route | None, labelled("Route", "Itinéraire")] = None
    persons: Annotated[
        tuple[Person, ...],
        labelled("Persons concerned", "Personnes concernées", personal=True, max_length=50),
    ] = ()
    links: Annotated[Links | None, labelled("Links", "Liens")] = None


_kind = partial(Kind, family=Family.INFORMATION, opens_case=True, handling=CUSTOMS_ONLY_KEPT)
KINDS = (
    _kind(
        name="information.spontaneous",
        content=Spontaneous,
        label=Label("Spontaneous information", "Information spontanée"),
    ),
    _kind(
        name="information.automatic",
        content=Automatic,
        label=Label("Automatic information", "Information automatique"),
        priority=BULK,
    ),
    _kind(
        name="information.advance",
        content=Advance,
        label=Label("Advance information", "Information préalable"),
        priority=PROMPT,
    ),
)
