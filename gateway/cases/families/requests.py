"""Requests for assistance: what every one must contain, and what most kinds add."""

from functools import partial
from typing import Annotated

from gateway.cases.deadlines import ASSISTANCE
from gateway.cases.families.lists import IntendedUse
from gateway.cases.families.parts import Classified, Contact, Goods, Links, Paper, Person, Route
from gateway.cases.fields.labels import Code, Label
from gateway.cases.fields.schema import (
    Amount,
    ComingDay,
    Currency,
    Day,
    Language,
    Line,
    Passage,
    PastDay,
    labelled,
)
from gateway.cases.handling import CUSTOMS_ONLY, Handling
from gateway.cases.kind import PROMPT, Family, Kind


class Measure(Code):
    """What is asked."""

    VERIFICATION = "verification", "Verification", "Vérification"
    DOCUMENTS = "documents", "Documents", "Communication de documents"
    ENQUIRY = "enquiry", "Enquiry", "Enquête"
    STATEMENT = "statement", "Statement", "Audition"
    INFORMATION = "information", "Information", "Renseignements"
    SURVEILLANCE = "surveillance", "Surveillance", "Surveillance"
    DELIVERY = "delivery", "Controlled delivery", "Livraison surveillée"
    NOTIFICATION = "notification", "Service of a document", "Notification d'un acte"
    RECOVERY = "recovery", "Recovery of a claim", "Recouvrement d'une créance"
    ATTENDANCE = "attendance", "Attendance of officials", "Présence d'agents"


class Opening(Classified, frozen=True, kw_only=True):
    """With what every request begins, also one that only has a document served."""

    asking: Annotated[Line, labelled("Administration asking", "Administration requérante")]
    contact: Annotated[Contact, labelled("Contact point", "Point de contact")]
    asked: Annotated[Line, labelled("Administration asked", "Administration requise")]
    legal_basis: Annotated[Line, labelled("Legal basis", "Base juridique")]
    measure: Annotated[Measure, labelled("Measure asked", "Mesure demandée")]
    object_and_reason: Annotated[Passage, labelled("Object and reason", "Objet et motif")]
    laws_and_rules: Annotated[
        Passage, labelled("Laws and rules concerned", "Lois et règlements concernés")
    ]


class Request(Opening, frozen=True, kw_only=True):
    """What every other request for assistance contains."""

    facts: Annotated[Passage, labelled("Summary of the facts", "Exposé sommaire des faits")]
    enquiries_made: Annotated[
        Passage, labelled("Enquiries already made", "Enquêtes déjà effectuées")
    ]
    persons: Annotated[
        tuple[Person, ...],
        labelled(
            "Persons concerned", "Personnes concernées", personal=True, min_length=1, max_length=50
        ),
    ]
    own_reference: Annotated[Line, labelled("Own reference", "Référence propre")]
    language: Annotated[Language, labelled("Language of the text", "Langue du texte")]
    intended_use: Annotated[IntendedUse, labelled("Intended use", "Usage prévu")]
    reply_by: Annotated[ComingDay, labelled("Reply by", "Réponse avant le")]
    handling: Annotated[Handling, labelled("Handling", "Traitement")]
    links: Annotated[Links, labelled("Links", "Liens")] = Links()
    special_procedure: Annotated[
        Passage | None, labelled("Special procedure wished", "Procédure particulière souhaitée")
    ] = None
    urgent: Annotated[bool, labelled("Urgent", "Urgent")] = False
    made_orally: Annotated[bool, labelled("Made orally first", "Formulée d'abord oralement")] = (
        False
    )
    could_not_provide_ourselves: Annotated[
        bool,
        labelled(
            "We could not provide this ourselves", "Nous ne pourrions pas fournir ceci nous-mêmes"
        ),
    ] = False


class Information(Request, frozen=True, kw_only=True):
    """Tell what is known of a matter."""

    questions: Annotated[Passage, labelled("Questions", "Questions")]
    period_from: Annotated[Day | None, labelled("Period from", "Période du")] = None
    period_until: Annotated[Day | None, labelled("Period until", "Période au")] = None


class WatchSubject(Code):
    """What is watched."""

    PERSONS = "persons", "Movements of persons", "Déplacements de personnes"
    PLACES = "places", "Places and stores", "Lieux et entrepôts"
    GOODS = "goods", "Movements of goods", "Mouvements de marchandises"
    TRANSPORT = "transport", "Means of transport", "Moyens de transport"


class Surveillance(Request, frozen=True, kw_only=True):
    """Keep a watch for a time."""

    watched: Annotated[
        tuple[WatchSubject, ...],
        labelled("What is to be watched", "Objet de la surveillance", min_length=1, max_length=4),
    ]
    starts_on: Annotated[ComingDay, labelled("From", "Du")]
    ends_on: Annotated[ComingDay, labelled("Until", "Au")]
    places: Annotated[tuple[Line, ...], labelled("Places", "Lieux", max_length=20)] = ()


class ControlledDelivery(Request, frozen=True, kw_only=True):
    """Let a consignment pass under watch."""

    goods: Annotated[
        tuple[Goods, ...], labelled("Goods", "Marchandises", min_length=1, max_length=50)
    ]
    route: Annotated[Route, labelled("Route", "Itinéraire")]
    expected_on: Annotated[ComingDay, labelled("Expected on", "Attendu le")]
    authority: Annotated[Line, labelled("Authority that agreed", "Autorité qui a consenti")]
    replaced: Annotated[bool, labelled("The goods were replaced", "Marchandises remplacées")] = (
        False
    )


class Notification(Opening, frozen=True, kw_only=True):
    """Serve a document on who lives there; it has no summary of facts."""

    addressee: Annotated[Person, labelled("Addressee", "Destinataire", personal=True)]
    paper: Annotated[Paper, labelled("Document to be served", "Acte à notifier")]
    subject: Annotated[Passage, labelled("What it is about", "Objet de l'acte")]
    own_reference: Annotated[Line, labelled("Own reference", "Référence propre")]
    language: Annotated[Language, labelled("Language of the text", "Langue du texte")]
    reply_by: Annotated[ComingDay, labelled("Reply by", "Réponse avant le")]
    handling: Annotated[Handling, labelled("Handling", "Traitement")]
    serve_by: Annotated[ComingDay | None, labelled("To be served by", "À notifier avant le")] = None
    urgent: Annotated[bool, labelled("Urgent", "Urgent")] = False
    made_orally: Annotated[bool, labelled("Made orally first", "Formulée d'abord oralement")] = (
        False
    )


class Enquiry(Request, frozen=True, kw_only=True):
    """Enquire into what seems to be an offence."""

    suspicion: Annotated[Passage, labelled("What is suspected", "Soupçon")]
    steps: Annotated[Passage, labelled("Steps wished", "Mesures souhaitées")]
    place: Annotated[Line | None, labelled("Where", "Lieu", personal=True)] = None
    presence_wished: Annotated[
        bool, labelled("Our officials wish to be present", "Nos agents souhaitent être présents")
    ] = False


class ClaimType(Code):
    """What is owed."""

    DUTY = "duty", "Customs duty", "Droits de douane"
    VAT = "vat", "Value added tax", "Taxe sur la valeur ajoutée"
    EXCISE = "excise", "Excise", "Accises"
    PENALTY = "penalty", "Penalty", "Amende"
    INTEREST = "interest", "Interest and costs", "Intérêts et frais"


class Recovery(Request, frozen=True, kw_only=True):
    """Recover a claim, or secure it."""

    claims: Annotated[
        tuple[ClaimType, ...],
        labelled("What is owed", "Nature de la créance", min_length=1, max_length=5),
    ]
    amount: Annotated[Amount, labelled("Amount", "Montant")]
    currency: Annotated[Currency, labelled("Currency", "Monnaie")]
    title: Annotated[Paper, labelled("Enforceable title", "Titre exécutoire")]
    enforceable_since: Annotated[PastDay, labelled("Enforceable since", "Exécutoire depuis le")]
    lapses_on: Annotated[ComingDay | None, labelled("Lapses on", "Prescription le")] = None
    secure_only: Annotated[
        bool, labelled("Precautionary measures only", "Mesures conservatoires seulement")
    ] = False


_kind = partial(
    Kind, family=Family.REQUESTS, opens_case=True, deadlines=ASSISTANCE, handling=CUSTOMS_ONLY
)
KINDS = (
    _kind(
        name="request.information",
        content=Information,
        label=Label("Request for information", "Demande de renseignements"),
    ),
    _kind(
        name="request.surveillance",
        content=Surveillance,
        label=Label("Request for surveillance", "Demande de surveillance"),
    ),
    _kind(
        name="request.controlled_delivery",
        content=ControlledDelivery,
        label=Label("Request for a controlled delivery", "Demande de livraison surveillée"),
        priority=PROMPT,
    ),
    _kind(
        name="request.notification",
        content=Notification,
        label=Label("Request to serve a document", "Demande de notification"),
    ),
    _kind(
        name="request.enquiry",
        content=Enquiry,
        label=Label("Request for an enquiry", "Demande d'enquête"),
    ),
    _kind(
        name="request.recovery",
        content=Recovery,
        label=Label("Request for recovery", "Demande de recouvrement"),
    ),
)
