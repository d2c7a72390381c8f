"""Trusted traders, as members recognise each other's under an arrangement."""

from functools import partial
from typing import Annotated

from gateway.cases.fields.labels import Code, Label
from gateway.cases.fields.schema import (
    Content,
    Country,
    Day,
    Language,
    Lei,
    Line,
    Passage,
    Vat,
    labelled,
)
from gateway.cases.handling import CUSTOMS_ONLY, Handling
from gateway.cases.kind import BULK, PROMPT, Family, Kind


class TraderStanding(Code):
    """Where a trader stands in its programme."""

    AUTHORISED = "authorised", "Authorised", "Agréé"
    SUSPENDED = "suspended", "Suspended", "Suspendu"
    REVOKED = "revoked", "Revoked", "Retiré"
    EXPIRED = "expired", "Expired", "Expiré"


class TraderRole(Code):
    """What a trader does in the supply chain."""

    MANUFACTURER = "manufacturer", "Manufacturer", "Fabricant"
    IMPORTER = "importer", "Importer", "Importateur"
    EXPORTER = "exporter", "Exporter", "Exportateur"
    BROKER = "broker", "Customs broker", "Commissionnaire en douane"
    CARRIER = "carrier", "Carrier", "Transporteur"
    FORWARDER = "forwarder", "Freight forwarder", "Transitaire"
    WAREHOUSE = "warehouse", "Warehouse keeper", "Entrepositaire"
    PORT = "port", "Port or terminal", "Port ou terminal"


class Trader(Content, frozen=True, kw_only=True):
    """A trader of a programme."""

    identifier: Annotated[
        Line, labelled("Identifier in the programme", "Identifiant dans le programme")
    ]
    name: Annotated[Line, labelled("Name", "Nom", personal=True)]
    country: Annotated[Country, labelled("Country", "Pays")]
    standing: Annotated[TraderStanding, labelled("Standing", "Statut")]
    valid_from: Annotated[Day, labelled("Valid from", "Valable du")]
    valid_until: Annotated[Day | None, labelled("Valid until", "Valable jusqu'au")] = None
    roles: Annotated[
        tuple[TraderRole, ...], labelled("Roles", "Rôles", max_length=len(TraderRole))
    ] = ()
    lei: Annotated[
        Lei | None, labelled("Legal entity identifier", "Identifiant LEI", personal=True)
    ] = None
    vat: Annotated[Vat | None, labelled("VAT number", "Numéro de TVA", personal=True)] = None


class Recognised(Content, frozen=True, kw_only=True):
    """What all under an arrangement of recognition contains."""

    arrangement: Annotated[
        Line, labelled("Arrangement of recognition", "Arrangement de reconnaissance")
    ]
    handling: Annotated[Handling, labelled("Handling", "Traitement")]


class Status(Recognised, frozen=True, kw_only=True):
    """Where one trader stands."""

    trader: Annotated[Trader, labelled("Trader", "Opérateur")]


class RevocationGround(Code):
    """Why a trader is trusted no more."""

    OFFENCE = "offence", "An offence", "Infraction"
    SECURITY = "security", "A lack of security", "Manquement à la sécurité"
    REQUEST = "request", "At its own wish", "À sa demande"
    INSOLVENCY = "insolvency", "Insolvency", "Insolvabilité"
    OTHER = "other", "Another reason", "Autre motif"


class Revocation(Recognised, frozen=True, kw_only=True):
    """A trader is trusted no more."""

    identifier: Annotated[
        Line, labelled("Identifier in the programme", "Identifiant dans le programme")
    ]
    ends_on: Annotated[Day, labelled("From which day on", "À compter du")]
    ground: Annotated[RevocationGround, labelled("Ground", "Motif")]
    language: Annotated[Language, labelled("Language of the text", "Langue du texte")]
    remark: Annotated[Passage | None, labelled("Remark", "Observation")] = None


class Listing(Recognised, frozen=True, kw_only=True):
    """All traders of a programme, or what changed."""

    as_of: Annotated[Day, labelled("As of", "État au")]
    complete: Annotated[
        bool, labelled("The whole list, not changes", "Liste entière, non les changements")
    ]
    traders: Annotated[tuple[Trader, ...], labelled("Traders", "Opérateurs", max_length=5_000)]


_kind = partial(Kind, family=Family.TRADERS, opens_case=True, handling=CUSTOMS_ONLY)
KINDS = (
    _kind(
        name="trader.status",
        content=Status,
        label=Label("Standing of a trader", "Statut d'un opérateur"),
    ),
    _kind(
        name="trader.revocation",
        content=Revocation,
        label=Label("Revocation of a trader", "Retrait d'un opérateur"),
        priority=PROMPT,
    ),
    _kind(
        name="trader.list",
        content=Listing,
        label=Label("List of traders", "Liste d'opérateurs"),
        priority=BULK,
    ),
)
