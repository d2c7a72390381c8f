"""Intelligence: what many learn from. Reports may name persons; copies for all do not."""

from functools import partial
from typing import Annotated

from gateway.cases.families.lists import Concealment, RiskLevel, Theme
from gateway.cases.families.parts import Classified, Conveyance, Goods, Person, Route
from gateway.cases.fields.labels import Code, Label
from gateway.cases.fields.schema import (
    ComingDay,
    Content,
    Count,
    Country,
    Day,
    HsCode,
    Language,
    Line,
    MessageName,
    Passage,
    PastDay,
    labelled,
)
from gateway.cases.handling import COMMUNITY, CUSTOMS_ONLY_KEPT, Evaluation, Handling
from gateway.cases.kind import BULK, FIRST, Family, Kind

Themes = Annotated[
    tuple[Theme, ...], labelled("Subjects", "Domaines", min_length=1, max_length=len(Theme))
]
HsCodes = Annotated[tuple[HsCode, ...], labelled("HS codes", "Codes SH", max_length=200)]


class Intelligence(Classified, frozen=True, kw_only=True):
    """What all intelligence contains."""

    title: Annotated[Line, labelled("Title", "Titre")]
    language: Annotated[Language, labelled("Language of the text", "Langue du texte")]
    handling: Annotated[Handling, labelled("Handling", "Traitement")]
    themes: Themes
    own_reference: Annotated[Line | None, labelled("Own reference", "Référence propre")] = None


class Report(Intelligence, frozen=True, kw_only=True):
    """What is known or supposed, and how sure it is."""

    text: Annotated[Passage, labelled("Text", "Texte")]
    evaluation: Annotated[Evaluation, labelled("Evaluation", "Évaluation")]
    persons: Annotated[
        tuple[Person, ...],
        labelled("Persons concerned", "Personnes concernées", personal=True, max_length=50),
    ] = ()
    hs_codes: HsCodes = ()
    route: Annotated[Route | None, labelled("Route", "Itinéraire")] = None


class Alert(Intelligence, frozen=True, kw_only=True):
    """What to look out for now."""

    text: Annotated[Passage, labelled("Text", "Texte")]
    risk: Annotated[RiskLevel, labelled("Risk", "Risque")]
    valid_until: Annotated[ComingDay, labelled("Valid until", "Valable jusqu'au")]
    indicators: Annotated[
        tuple[Line, ...], labelled("Indicators", "Indicateurs", safe=True, max_length=50)
    ] = ()
    hs_codes: HsCodes = ()
    route: Annotated[Route | None, labelled("Route", "Itinéraire")] = None
    concealment: Annotated[Concealment | None, labelled("Concealment", "Mode de dissimulation")] = (
        None
    )
    evaluation: Annotated[Evaluation | None, labelled("Evaluation", "Évaluation")] = None


class Copied(Content, frozen=True, kw_only=True):
    """A field that names nobody, as it was."""

    field: Annotated[Line, labelled("Field (JSON pointer)", "Champ (pointeur JSON)")]
    value: Annotated[Line, labelled("Value", "Valeur")]


class LiaisonCopy(Content, frozen=True, kw_only=True):
    """What a liaison office gets of a message: its fields that tell of no person."""

    message: Annotated[MessageName, labelled("Message copied", "Message copié")]
    kind: Annotated[Line, labelled("Its kind", "Son type")]
    version: Annotated[Count, labelled("Version of the kind", "Version du type")]
    handling: Annotated[Handling, labelled("Handling", "Traitement")]
    fields: Annotated[tuple[Copied, ...], labelled("Fields", "Champs", max_length=2_000)]


class Detection(Code):
    """How something was found."""

    RISK = "risk", "Risk analysis", "Analyse de risque"
    TIP = "tip", "Information received", "Renseignement reçu"
    SCAN = "scan", "Scanner", "Scanner"
    DOG = "dog", "Dog", "Chien"
    SEARCH = "search", "Search", "Fouille"
    PAPERS = "papers", "Check of papers", "Contrôle documentaire"
    RANDOM = "random", "At random", "Au hasard"


class Seized(Goods, frozen=True, kw_only=True):
    """Goods that were seized."""

    theme: Annotated[Theme, labelled("Subject", "Domaine")]


class Seizure(Classified, frozen=True, kw_only=True):
    """Report a seizure."""

    seized_on: Annotated[PastDay, labelled("Day of the seizure", "Jour de la saisie")]
    country: Annotated[Country, labelled("Country", "Pays")]
    place: Annotated[Line, labelled("Place", "Lieu", safe=True)]
    goods: Annotated[
        tuple[Seized, ...], labelled("Goods seized", "Biens saisis", min_length=1, max_length=100)
    ]
    detection: Annotated[Detection, labelled("How it was found", "Mode de détection")]
    concealment: Annotated[Concealment, labelled("Concealment", "Mode de dissimulation")]
    language: Annotated[Language, labelled("Language of the text", "Langue du texte")]
    handling: Annotated[Handling, labelled("Handling", "Traitement")]
    own_reference: Annotated[Line | None, labelled("Own reference", "Référence propre")] = None
    declared_as: Annotated[Line | None, labelled("Declared as", "Déclaré comme", safe=True)] = None
    conveyance: Annotated[
        Conveyance | None, labelled("Means of transport", "Moyen de transport")
    ] = None
    route: Annotated[Route | None, labelled("Route", "Itinéraire")] = None
    persons: Annotated[
        tuple[Person, ...],
        labelled("Persons concerned", "Personnes concernées", personal=True, max_length=50),
    ] = ()
    text: Annotated[Passage | None, labelled("Remark", "Observation")] = None


class Bulletin(Intelligence, frozen=True, kw_only=True):
    """What a period showed."""

    text: Annotated[Passage, labelled("Text", "Texte")]
    period_from: Annotated[Day, labelled("Period from", "Période du")]
    period_until: Annotated[Day, labelled("Period until", "Période au")]
    countries: Annotated[tuple[Country, ...], labelled("Countries", "Pays", max_length=250)] = ()
    hs_codes: HsCodes = ()


class ModusOperandi(Intelligence, frozen=True, kw_only=True):
    """How it is done."""

    text: Annotated[Passage, labelled("Text", "Texte")]
    concealment: Annotated[Concealment, labelled("Concealment", "Mode de dissimulation")]
    indicators: Annotated[
        tuple[Line, ...], labelled("Indicators", "Indicateurs", safe=True, max_length=50)
    ] = ()
    route: Annotated[Route | None, labelled("Route", "Itinéraire")] = None
    hs_codes: HsCodes = ()
    measures: Annotated[Passage | None, labelled("What helps against it", "Contre-mesures")] = None


_kind = partial(Kind, family=Family.INTELLIGENCE, opens_case=True, handling=CUSTOMS_ONLY_KEPT)
KINDS = (
    _kind(
        name="intelligence.report",
        content=Report,
        label=Label("Intelligence report", "Rapport de renseignement"),
    ),
    _kind(
        name="intelligence.alert",
        content=Alert,
        label=Label("Alert", "Alerte"),
        priority=FIRST,
        handling=COMMUNITY,
    ),
    _kind(
        name="intelligence.liaison_copy",
        content=LiaisonCopy,
        label=Label("Copy for a liaison office", "Copie pour un bureau de liaison"),
        handling=COMMUNITY,
        priority=BULK,
        by_node=True,
    ),
    _kind(
        name="seizure.report",
        content=Seizure,
        label=Label("Report of a seizure", "Rapport de saisie"),
    ),
    _kind(
        name="analysis.bulletin",
        content=Bulletin,
        label=Label("Bulletin of analysis", "Bulletin d'analyse"),
        handling=COMMUNITY,
        priority=BULK,
    ),
    _kind(
        name="analysis.modus_operandi",
        content=ModusOperandi,
        label=Label("Modus operandi", "Mode opératoire"),
        handling=COMMUNITY,
    ),
)
