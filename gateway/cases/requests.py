"""Requests for assistance: what every request must contain, and what each kind adds."""

from enum import StrEnum
from typing import Annotated

import msgspec

from gateway.cases.handling import Handling
from gateway.cases.schema import (
    Amount,
    Container,
    Content,
    Country,
    Currency,
    Day,
    HsCode,
    ImoNumber,
    Language,
    Line,
    Passage,
    labelled,
)

Email = Annotated[str, msgspec.Meta(pattern=r"\A[^@\s]{1,64}@[^@\s]{1,190}\Z")]
Telephone = Annotated[str, msgspec.Meta(pattern=r"\A\+?[0-9 ()./-]{3,32}\Z")]
Incoterm = Annotated[str, msgspec.Meta(pattern=r"\A[A-Z]{3}\Z")]


class Contact(Content, frozen=True, kw_only=True):
    """A contact point."""

    office: Annotated[Line, labelled("Office", "Bureau")]
    email: Annotated[Email | None, labelled("E-mail", "Courriel")] = None
    telephone: Annotated[Telephone | None, labelled("Telephone", "Téléphone")] = None


class Person(Content, frozen=True, kw_only=True):
    """A person or firm concerned, as exactly as known."""

    name: Annotated[Line, labelled("Name", "Nom")]
    role: Annotated[Line | None, labelled("Role in the matter", "Rôle dans l'affaire")] = None
    address: Annotated[Line | None, labelled("Address", "Adresse")] = None
    country: Annotated[Country | None, labelled("Country", "Pays")] = None
    born_on: Annotated[Day | None, labelled("Date of birth", "Date de naissance")] = None
    identifiers: Annotated[
        tuple[Line, ...],
        labelled("Identifiers (registration, VAT, EORI)", "Identifiants (registre, TVA, EORI)"),
    ] = ()


class Links(Content, frozen=True, kw_only=True):
    """What the request is linked to."""

    declarations: Annotated[tuple[Line, ...], labelled("Declarations", "Déclarations")] = ()
    containers: Annotated[tuple[Container, ...], labelled("Containers", "Conteneurs")] = ()
    vessels: Annotated[
        tuple[ImoNumber, ...], labelled("Vessels (IMO numbers)", "Navires (numéros OMI)")
    ] = ()
    hs_codes: Annotated[tuple[HsCode, ...], labelled("HS codes", "Codes SH")] = ()
    documents: Annotated[tuple[Line, ...], labelled("Documents", "Documents")] = ()


class Measure(StrEnum):
    """What is asked."""

    VERIFICATION = "verification"
    DOCUMENTS = "documents"
    ENQUIRY = "enquiry"
    STATEMENT = "statement"


class IntendedUse(StrEnum):
    """What the answer is for."""

    ASSESSMENT = "assessment"
    RISK_ANALYSIS = "risk_analysis"
    ADMINISTRATIVE_PROCEEDINGS = "administrative_proceedings"
    JUDICIAL_PROCEEDINGS = "judicial_proceedings"


class Request(Content, frozen=True, kw_only=True):
    """What every request for assistance contains."""

    asking: Annotated[Line, labelled("Administration asking", "Administration requérante")]
    contact: Annotated[Contact, labelled("Contact point", "Point de contact")]
    asked: Annotated[Line, labelled("Administration asked", "Administration requise")]
    legal_basis: Annotated[Line, labelled("Legal basis", "Base juridique")]
    measure: Annotated[Measure, labelled("Measure asked", "Mesure demandée")]
    object_and_reason: Annotated[Passage, labelled("Object and reason", "Objet et motif")]
    laws_and_rules: Annotated[
        Passage, labelled("Laws and rules concerned", "Lois et règlements concernés")
    ]
    facts: Annotated[Passage, labelled("Summary of the facts", "Exposé sommaire des faits")]
    enquiries_made: Annotated[
        Passage, labelled("Enquiries already made", "Enquêtes déjà effectuées")
    ]
    persons: Annotated[
        tuple[Person, ...],
        labelled("Persons concerned", "Personnes concernées", min_length=1, max_length=50),
    ]
    own_reference: Annotated[Line, labelled("Own reference", "Référence propre")]
    language: Annotated[Language, labelled("Language of the text", "Langue du texte")]
    intended_use: Annotated[IntendedUse, labelled("Intended use", "Usage prévu")]
    reply_by: Annotated[Day, labelled("Reply by", "Réponse avant le")]
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


class VerifyValue(Request, frozen=True, kw_only=True):
    """Verify the value declared for goods against an invoice."""

    invoice: Annotated[Line, labelled("Invoice", "Facture")]
    goods: Annotated[Line, labelled("Goods", "Marchandises")]
    hs_code: Annotated[HsCode, labelled("HS code", "Code SH")]
    quantity: Annotated[Amount, labelled("Quantity", "Quantité")]
    unit: Annotated[Line, labelled("Unit of quantity", "Unité de quantité")]
    currency: Annotated[Currency, labelled("Currency", "Monnaie")]
    unit_value: Annotated[Amount, labelled("Declared value a unit", "Valeur unitaire déclarée")]
    total_value: Annotated[Amount, labelled("Declared value", "Valeur déclarée")]
    similar_goods_value: Annotated[
        Amount | None,
        labelled("Value a unit of similar goods", "Valeur unitaire de marchandises similaires"),
    ] = None
    incoterm: Annotated[Incoterm | None, labelled("Incoterm", "Incoterm")] = None
