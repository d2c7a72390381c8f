"""Control of what was sent: recall, correction, consent, disclosure, breach."""

from functools import partial
from typing import Annotated

from gateway.cases.families.lists import IntendedUse
from gateway.cases.families.parts import Contact
from gateway.cases.fields.labels import Code, Label
from gateway.cases.fields.schema import (
    ComingDay,
    Content,
    Count,
    Language,
    Line,
    MemberName,
    MessageName,
    Passage,
    PastDay,
    Sha256,
    labelled,
)
from gateway.cases.handling import CUSTOMS_ONLY, Handling
from gateway.cases.kind import FIRST, PROMPT, Family, Kind


class About(Content, frozen=True, kw_only=True):
    """What is said about one message."""

    message: Annotated[MessageName, labelled("Message concerned", "Message concerné")]
    language: Annotated[Language, labelled("Language of the text", "Langue du texte")]
    handling: Annotated[Handling, labelled("Handling", "Traitement")]


class RecallReason(Code):
    """Why information is taken back."""

    SENT_BY_MISTAKE = "sent_by_mistake", "Sent by mistake", "Envoyé par erreur"
    WRONG_RECIPIENT = "wrong_recipient", "Sent to the wrong member", "Mauvais destinataire"
    WRONG = "wrong", "Found to be wrong", "Reconnu inexact"
    UNLAWFUL = "unlawful", "Should not have been passed on", "Ne devait pas être transmis"
    COURT = "court", "Ordered by a court", "Ordonné par une juridiction"


class Recall(About, frozen=True, kw_only=True):
    """Take back what was sent, or some of its attachments."""

    reason: Annotated[RecallReason, labelled("Reason", "Motif")]
    attachments: Annotated[
        tuple[Sha256, ...],
        labelled(
            "Attachments only (their SHA-256)", "Pièces jointes seules (SHA-256)", max_length=64
        ),
    ] = ()
    explanation: Annotated[Passage | None, labelled("Explanation", "Explication")] = None


class Correction(Content, frozen=True, kw_only=True):
    """What a field should have said."""

    field: Annotated[Line, labelled("Field (JSON pointer)", "Champ (pointeur JSON)")]
    value: Annotated[Passage, labelled("What is right", "Valeur exacte", personal=True)]


class Rectify(About, frozen=True, kw_only=True):
    """Correct what was sent."""

    corrections: Annotated[
        tuple[Correction, ...],
        labelled("Corrections", "Rectifications", min_length=1, max_length=100),
    ]
    explanation: Annotated[Passage | None, labelled("Explanation", "Explication")] = None


class RecallVerdict(Code):
    """What became of a recall."""

    COMPLIED = "complied", "Complied with", "Exécuté"
    OBJECTED = "objected", "Objected to", "Refusé"


class RecallReport(About, frozen=True, kw_only=True):
    """Say what became of a recall where the message was."""

    verdict: Annotated[RecallVerdict, labelled("What became of it", "Suite donnée")]
    ground: Annotated[
        Passage | None, labelled("Ground, or what there is to say", "Motif, ou précision")
    ] = None
    readers: Annotated[Count, labelled("How many had read it", "Nombre de lecteurs")] = 0
    passed_to: Annotated[
        tuple[Line, ...],
        labelled("To whom the recall was passed on", "Rappel transmis à", max_length=200),
    ] = ()
    reported_by: Annotated[
        MemberName | None,
        labelled("Reported by, where it is passed back", "Selon, si transmis en retour"),
    ] = None


class ForWhom(About, frozen=True, kw_only=True):
    """What is said about a message, a recipient and a purpose."""

    recipient: Annotated[Line, labelled("Recipient of the copy", "Destinataire de la copie")]
    member: Annotated[
        MemberName | None, labelled("The recipient as a member", "Le destinataire comme membre")
    ] = None
    purpose: Annotated[IntendedUse, labelled("Purpose", "Finalité")]


class ConsentRequest(ForWhom, frozen=True, kw_only=True):
    """Ask whether a message may be passed on."""

    reason: Annotated[Passage, labelled("Reason", "Motif")]
    needed_by: Annotated[ComingDay | None, labelled("Needed by", "Nécessaire avant le")] = None


class ConsentGrant(ForWhom, frozen=True, kw_only=True):
    """Allow it, for this recipient and purpose."""

    conditions: Annotated[Passage | None, labelled("Conditions", "Conditions")] = None
    valid_until: Annotated[ComingDay | None, labelled("Valid until", "Valable jusqu'au")] = None
    notice: Annotated[
        bool, labelled("Tell us when it was passed on", "Nous aviser de la communication")
    ] = False


class ConsentDeny(ForWhom, frozen=True, kw_only=True):
    """Do not allow it."""

    reason: Annotated[Passage | None, labelled("Reason", "Motif")] = None


class Disclosure(ForWhom, frozen=True, kw_only=True):
    """Say that a message was passed on."""

    disclosed_on: Annotated[PastDay, labelled("Disclosed on", "Communiqué le")]
    ground: Annotated[Line, labelled("On which ground", "Fondement")]


class BreachType(Code):
    """What happened to data."""

    ACCESS = "access", "Access without right", "Accès non autorisé"
    DISCLOSURE = "disclosure", "Disclosure without right", "Divulgation non autorisée"
    LOSS = "loss", "Loss", "Perte"
    ALTERATION = "alteration", "Alteration", "Altération"


class Breach(Content, frozen=True, kw_only=True):
    """Say that what was received came into wrong hands."""

    messages: Annotated[
        tuple[MessageName, ...],
        labelled("Messages concerned", "Messages concernés", min_length=1, max_length=500),
    ]
    type: Annotated[BreachType, labelled("What happened", "Nature")]
    discovered_on: Annotated[PastDay, labelled("Discovered on", "Découvert le")]
    facts: Annotated[Passage, labelled("Facts", "Faits")]
    measures: Annotated[Passage, labelled("Measures taken", "Mesures prises")]
    contact: Annotated[Contact, labelled("Contact point", "Point de contact")]
    language: Annotated[Language, labelled("Language of the text", "Langue du texte")]
    handling: Annotated[Handling, labelled("Handling", "Traitement")]


_kind = partial(Kind, family=Family.CONTROL, handling=CUSTOMS_ONLY)
KINDS = (
    _kind(
        name="information.recall",
        content=Recall,
        label=Label("Recall", "Rappel d'information"),
        priority=PROMPT,
    ),
    _kind(
        name="information.rectify",
        content=Rectify,
        label=Label("Rectification", "Rectification"),
        priority=PROMPT,
    ),
    _kind(
        name="information.recall_report",
        content=RecallReport,
        label=Label("Report on a recall", "Compte rendu d'un rappel"),
    ),
    _kind(
        name="consent.request",
        content=ConsentRequest,
        label=Label("Request for consent", "Demande de consentement"),
    ),
    _kind(name="consent.grant", content=ConsentGrant, label=Label("Consent", "Consentement")),
    _kind(
        name="consent.deny",
        content=ConsentDeny,
        label=Label("Consent denied", "Consentement refusé"),
    ),
    _kind(
        name="disclosure.notice",
        content=Disclosure,
        label=Label("Notice of a disclosure", "Avis de communication"),
    ),
    _kind(
        name="breach.notice",
        content=Breach,
        label=Label("Notice of a breach of data", "Avis de violation de données"),
        priority=FIRST,
        opens_case=True,
    ),
)
