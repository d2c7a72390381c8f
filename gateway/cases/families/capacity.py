"""Capacity: how members help each other to grow, and what is announced to all."""

from functools import partial
from typing import Annotated

from gateway.cases.families.parts import Contact
from gateway.cases.fields.labels import Code, Label
from gateway.cases.fields.schema import (
    ComingDay,
    Content,
    Count,
    Day,
    Language,
    Line,
    Passage,
    labelled,
)
from gateway.cases.handling import COMMUNITY, OPEN, Handling
from gateway.cases.kind import BULK, Family, Kind


class CapacityTopic(Code):
    """What can be learnt."""

    VALUATION = "valuation", "Valuation", "Évaluation en douane"
    CLASSIFICATION = "classification", "Classification", "Classement tarifaire"
    ORIGIN = "origin", "Origin", "Origine"
    RISK = "risk", "Risk management", "Gestion des risques"
    ENFORCEMENT = "enforcement", "Enforcement", "Lutte contre la fraude"
    FACILITATION = "facilitation", "Facilitation of trade", "Facilitation des échanges"
    TRADERS = "traders", "Trusted traders", "Opérateurs agréés"
    TECHNOLOGY = "technology", "Information technology", "Technologies de l'information"
    INTEGRITY = "integrity", "Integrity", "Éthique"
    PEOPLE = "people", "Human resources", "Ressources humaines"
    LABORATORY = "laboratory", "Laboratory", "Laboratoire"
    OTHER = "other", "Other", "Autre"


class AssistanceForm(Code):
    """How it is taught."""

    MISSION = "mission", "Mission of experts", "Mission d'experts"
    WORKSHOP = "workshop", "Workshop", "Atelier"
    REMOTE = "remote", "At a distance", "À distance"
    TWINNING = "twinning", "Twinning", "Jumelage"
    EQUIPMENT = "equipment", "Equipment", "Équipement"


class Request(Content, frozen=True, kw_only=True):
    """Ask for help to grow."""

    topics: Annotated[
        tuple[CapacityTopic, ...],
        labelled("Topics", "Thèmes", min_length=1, max_length=len(CapacityTopic)),
    ]
    forms: Annotated[
        tuple[AssistanceForm, ...],
        labelled("Forms wished", "Formes souhaitées", max_length=len(AssistanceForm)),
    ]
    need: Annotated[Passage, labelled("What is needed", "Besoin")]
    contact: Annotated[Contact, labelled("Contact point", "Point de contact")]
    language: Annotated[Language, labelled("Language of the text", "Langue du texte")]
    handling: Annotated[Handling, labelled("Handling", "Traitement")]
    participants: Annotated[Count, labelled("Participants", "Participants")] = 0
    wished_by: Annotated[ComingDay | None, labelled("Wished by", "Souhaité avant le")] = None


class Finding(Content, frozen=True, kw_only=True):
    """What a diagnostic found in one field."""

    topic: Annotated[CapacityTopic, labelled("Topic", "Thème")]
    state: Annotated[Passage, labelled("What was found", "Constat")]
    advice: Annotated[Passage | None, labelled("Advice", "Recommandation")] = None
    order: Annotated[Count, labelled("Order of priority", "Ordre de priorité")] = 0


class Diagnostic(Content, frozen=True, kw_only=True):
    """What a diagnostic found."""

    title: Annotated[Line, labelled("Title", "Titre")]
    period_from: Annotated[Day, labelled("Period from", "Période du")]
    period_until: Annotated[Day, labelled("Period until", "Période au")]
    findings: Annotated[
        tuple[Finding, ...], labelled("Findings", "Constats", min_length=1, max_length=200)
    ]
    language: Annotated[Language, labelled("Language of the text", "Langue du texte")]
    handling: Annotated[Handling, labelled("Handling", "Traitement")]
    summary: Annotated[Passage | None, labelled("Summary", "Résumé")] = None


class Announcement(Content, frozen=True, kw_only=True):
    """What many should know: a course, a rule, an address."""

    title: Annotated[Line, labelled("Title", "Titre")]
    text: Annotated[Passage, labelled("Text", "Texte")]
    language: Annotated[Language, labelled("Language of the text", "Langue du texte")]
    handling: Annotated[Handling, labelled("Handling", "Traitement")]
    contact: Annotated[Contact | None, labelled("Contact point", "Point de contact")] = None
    valid_until: Annotated[ComingDay | None, labelled("Valid until", "Valable jusqu'au")] = None


_kind = partial(Kind, family=Family.CAPACITY, opens_case=True, handling=COMMUNITY, priority=BULK)
KINDS = (
    _kind(
        name="capacity.request",
        content=Request,
        label=Label("Request for capacity building", "Demande de renforcement des capacités"),
    ),
    _kind(name="capacity.diagnostic", content=Diagnostic, label=Label("Diagnostic", "Diagnostic")),
    _kind(
        name="announcement",
        content=Announcement,
        label=Label("Announcement", "Annonce"),
        handling=OPEN,
    ),
)
