"""What contents of several families are put together from: contacts, persons, goods, routes."""

from typing import Annotated

from gateway.cases.families.lists import DocumentType, TransportMode
from gateway.cases.fields.schema import (
    AirWaybill,
    Amount,
    Container,
    Content,
    Country,
    Currency,
    Day,
    Edition,
    Email,
    HsCode,
    Iban,
    ImoNumber,
    Lei,
    Line,
    PastDay,
    Telephone,
    Vat,
    labelled,
)

HsEdition = Annotated[
    Edition | None,
    labelled("HS edition that the codes were held against", "Édition du SH des codes vérifiés"),
]
"""The node writes it when it has held every HS code of the content against that edition."""


class Classified(Content, frozen=True, kw_only=True):
    """What names goods by codes of the Harmonized System."""

    hs_edition: HsEdition = None


class Contact(Content, frozen=True, kw_only=True):
    """A contact point."""

    office: Annotated[Line, labelled("Office", "Bureau")]
    email: Annotated[Email | None, labelled("E-mail", "Courriel", personal=True)] = None
    telephone: Annotated[Telephone | None, labelled("Telephone", "Téléphone", personal=True)] = None


class Person(Content, frozen=True, kw_only=True):
    """A person or firm concerned, as exactly as known."""

    name: Annotated[Line, labelled("Name", "Nom", personal=True)]
    role: Annotated[Line | None, labelled("Role in the matter", "Rôle dans l'affaire")] = None
    address: Annotated[Line | None, labelled("Address", "Adresse", personal=True, address=True)] = (
        None
    )
    country: Annotated[Country | None, labelled("Country", "Pays")] = None
    born_on: Annotated[
        PastDay | None, labelled("Date of birth", "Date de naissance", personal=True)
    ] = None
    identifiers: Annotated[
        tuple[Line, ...],
        labelled(
            "Identifiers (registration, VAT, EORI)",
            "Identifiants (registre, TVA, EORI)",
            personal=True,
            max_length=20,
        ),
    ] = ()
    lei: Annotated[
        Lei | None, labelled("Legal entity identifier", "Identifiant LEI", personal=True)
    ] = None
    vat: Annotated[Vat | None, labelled("VAT number", "Numéro de TVA", personal=True)] = None
    accounts: Annotated[
        tuple[Iban, ...],
        labelled("Bank accounts (IBAN)", "Comptes (IBAN)", personal=True, max_length=20),
    ] = ()


Persons = tuple[Person, ...]


class Links(Content, frozen=True, kw_only=True):
    """What a message is linked to."""

    declarations: Annotated[
        tuple[Line, ...], labelled("Declarations", "Déclarations", max_length=200)
    ] = ()
    containers: Annotated[
        tuple[Container, ...], labelled("Containers", "Conteneurs", max_length=200)
    ] = ()
    vessels: Annotated[
        tuple[ImoNumber, ...],
        labelled("Vessels (IMO numbers)", "Navires (numéros OMI)", max_length=50),
    ] = ()
    hs_codes: Annotated[tuple[HsCode, ...], labelled("HS codes", "Codes SH", max_length=200)] = ()
    documents: Annotated[tuple[Line, ...], labelled("Documents", "Pièces", max_length=200)] = ()
    air_waybills: Annotated[
        tuple[AirWaybill, ...],
        labelled("Air waybills", "Lettres de transport aérien", max_length=200),
    ] = ()


class Paper(Content, frozen=True, kw_only=True):
    """A document that goes with goods."""

    type: Annotated[DocumentType, labelled("Type", "Nature")]
    number: Annotated[Line, labelled("Number", "Numéro")]
    issued_on: Annotated[PastDay | None, labelled("Date of issue", "Date de délivrance")] = None
    issuer: Annotated[Line | None, labelled("Issued by", "Délivré par", personal=True)] = None


class Route(Content, frozen=True, kw_only=True):
    """The way that goods take."""

    origin: Annotated[Country | None, labelled("Country of origin", "Pays d'origine")] = None
    departure: Annotated[Country | None, labelled("Country of departure", "Pays de provenance")] = (
        None
    )
    transit: Annotated[
        tuple[Country, ...], labelled("Countries of transit", "Pays de transit", max_length=20)
    ] = ()
    destination: Annotated[
        Country | None, labelled("Country of destination", "Pays de destination")
    ] = None
    places: Annotated[
        tuple[Line, ...], labelled("Ports and places", "Ports et lieux", safe=True, max_length=20)
    ] = ()


class Conveyance(Content, frozen=True, kw_only=True):
    """A means of transport."""

    mode: Annotated[TransportMode, labelled("Mode of transport", "Mode de transport")]
    vessel: Annotated[ImoNumber | None, labelled("Vessel (IMO number)", "Navire (numéro OMI)")] = (
        None
    )
    identity: Annotated[
        Line | None,
        labelled("Name, flight or registration", "Nom, vol ou immatriculation"),
    ] = None
    voyage: Annotated[Line | None, labelled("Voyage", "Voyage")] = None
    arrives_on: Annotated[Day | None, labelled("Day of arrival", "Jour d'arrivée")] = None


class Goods(Content, frozen=True, kw_only=True):
    """Goods of one sort."""

    description: Annotated[Line, labelled("Description of the goods", "Désignation", safe=True)]
    hs_code: Annotated[HsCode | None, labelled("HS code", "Code SH")] = None
    quantity: Annotated[Amount | None, labelled("Quantity", "Quantité")] = None
    unit: Annotated[Line | None, labelled("Unit of quantity", "Unité de quantité", safe=True)] = (
        None
    )
    gross_kg: Annotated[Amount | None, labelled("Gross mass, kg", "Masse brute, kg")] = None
    value: Annotated[Amount | None, labelled("Value", "Valeur")] = None
    currency: Annotated[Currency | None, labelled("Currency", "Monnaie")] = None
    origin: Annotated[Country | None, labelled("Country of origin", "Pays d'origine")] = None
