"""Cargo and risk: goods on their way, what to control, and what a control showed."""

from functools import partial
from typing import Annotated

from gateway.cases.families.lists import RiskLevel, Theme
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
from gateway.cases.fields.labels import Code, Label
from gateway.cases.fields.schema import (
    AirWaybill,
    ComingDay,
    Container,
    Content,
    Count,
    Language,
    Line,
    Passage,
    PastDay,
    Sha256,
    labelled,
)
from gateway.cases.handling import CUSTOMS_ONLY, Handling
from gateway.cases.kind import FIRST, PROMPT, Family, Kind


class AdvanceInformation(Classified, frozen=True, kw_only=True):
    """What a consignment is, before it arrives."""

    conveyance: Annotated[Conveyance, labelled("Means of transport", "Moyen de transport")]
    transport_document: Annotated[Paper, labelled("Transport document", "Titre de transport")]
    consignor: Annotated[Person, labelled("Consignor", "Expéditeur", personal=True)]
    consignee: Annotated[Person, labelled("Consignee", "Destinataire", personal=True)]
    goods: Annotated[
        tuple[Goods, ...], labelled("Goods", "Marchandises", min_length=1, max_length=500)
    ]
    packages: Annotated[Count, labelled("Number of packages", "Nombre de colis")]
    handling: Annotated[Handling, labelled("Handling", "Traitement")]
    containers: Annotated[
        tuple[Container, ...], labelled("Containers", "Conteneurs", max_length=200)
    ] = ()
    air_waybill: Annotated[
        AirWaybill | None, labelled("Air waybill", "Lettre de transport aérien")
    ] = None
    notify: Annotated[
        Person | None, labelled("Notify party", "Personne à aviser", personal=True)
    ] = None
    route: Annotated[Route | None, labelled("Route", "Itinéraire")] = None


class Risk(Classified, frozen=True, kw_only=True):
    """What all about one risk contains."""

    language: Annotated[Language, labelled("Language of the text", "Langue du texte")]
    handling: Annotated[Handling, labelled("Handling", "Traitement")]
    links: Annotated[Links, labelled("Links", "Liens")]


class RiskAlert(Risk, frozen=True, kw_only=True):
    """A risk in goods on their way."""

    risk: Annotated[RiskLevel, labelled("Risk", "Risque")]
    themes: Annotated[
        tuple[Theme, ...],
        labelled("Subjects", "Domaines", min_length=1, max_length=len(Theme)),
    ]
    text: Annotated[Passage, labelled("Text", "Texte")]
    valid_until: Annotated[ComingDay, labelled("Valid until", "Valable jusqu'au")]
    indicators: Annotated[
        tuple[Line, ...], labelled("Indicators", "Indicateurs", max_length=50)
    ] = ()


class ControlType(Code):
    """How goods are controlled."""

    PAPERS = "papers", "Papers", "Contrôle documentaire"
    PHYSICAL = "physical", "The goods themselves", "Contrôle physique"
    SCAN = "scan", "Scanner", "Scanner"
    SAMPLE = "sample", "Sample for the laboratory", "Prélèvement pour laboratoire"


class ControlRequest(Risk, frozen=True, kw_only=True):
    """Ask for a control, there or on the way."""

    controls: Annotated[
        tuple[ControlType, ...],
        labelled("Controls wished", "Contrôles souhaités", min_length=1, max_length=4),
    ]
    reason: Annotated[Passage, labelled("Reason", "Motif")]
    contact: Annotated[Contact, labelled("Contact point", "Point de contact")]
    place: Annotated[Line | None, labelled("Where", "Lieu")] = None
    before: Annotated[ComingDay | None, labelled("Before", "Avant le")] = None


class ControlOutcome(Code):
    """What a control showed."""

    SATISFACTORY = "satisfactory", "Nothing wrong", "Rien à signaler"
    DISCREPANCY = "discrepancy", "Something differs", "Divergence"
    SEIZURE = "seizure", "Goods were seized", "Saisie"
    NOT_DONE = "not_done", "Not controlled", "Contrôle non effectué"


class ControlResult(Risk, frozen=True, kw_only=True):
    """What a control showed."""

    controls: Annotated[
        tuple[ControlType, ...], labelled("Controls made", "Contrôles effectués", max_length=4)
    ]
    controlled_on: Annotated[PastDay, labelled("Day of the control", "Jour du contrôle")]
    outcome: Annotated[ControlOutcome, labelled("Outcome", "Résultat")]
    findings: Annotated[Passage | None, labelled("Findings", "Constatations")] = None
    goods: Annotated[
        tuple[Goods, ...], labelled("Goods found", "Marchandises constatées", max_length=100)
    ] = ()


class ImageType(Code):
    """How an image was made."""

    X_RAY = "x_ray", "X-ray", "Rayons X"
    GAMMA = "gamma", "Gamma ray", "Rayons gamma"
    PHOTO = "photo", "Photograph", "Photographie"


class Scan(Content, frozen=True, kw_only=True):
    """Images of a container or vehicle; they are attached."""

    type: Annotated[ImageType, labelled("Type of image", "Nature de l'image")]
    scanned_on: Annotated[PastDay, labelled("Day of the scan", "Jour de l'image")]
    place: Annotated[Line, labelled("Place", "Lieu")]
    images: Annotated[
        tuple[Sha256, ...],
        labelled(
            "Images (SHA-256 of the attachments)",
            "Images (SHA-256 des pièces jointes)",
            min_length=1,
            max_length=64,
        ),
    ]
    suspicious: Annotated[bool, labelled("Something is suspicious", "Image suspecte")]
    language: Annotated[Language, labelled("Language of the text", "Langue du texte")]
    handling: Annotated[Handling, labelled("Handling", "Traitement")]
    container: Annotated[Container | None, labelled("Container", "Conteneur")] = None
    vehicle: Annotated[
        Line | None, labelled("Vehicle registration", "Immatriculation", personal=True)
    ] = None
    equipment: Annotated[Line | None, labelled("Equipment", "Appareil")] = None
    remark: Annotated[Passage | None, labelled("Remark", "Observation")] = None


_kind = partial(Kind, family=Family.CARGO, handling=CUSTOMS_ONLY, priority=PROMPT)
KINDS = (
    _kind(
        name="cargo.advance_information",
        content=AdvanceInformation,
        label=Label("Advance cargo information", "Informations préalables sur le chargement"),
        opens_case=True,
    ),
    _kind(
        name="risk.alert",
        content=RiskAlert,
        label=Label("Risk alert", "Alerte de risque"),
        opens_case=True,
        priority=FIRST,
    ),
    _kind(
        name="risk.control_request",
        content=ControlRequest,
        label=Label("Request for a control", "Demande de contrôle"),
        opens_case=True,
        priority=FIRST,
    ),
    _kind(
        name="risk.control_result",
        content=ControlResult,
        label=Label("Result of a control", "Résultat d'un contrôle"),
    ),
    _kind(
        name="image.scan",
        content=Scan,
        label=Label("Images of a scanner", "Images d'inspection"),
        opens_case=True,
    ),
)
