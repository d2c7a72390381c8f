"""Requests to verify what was declared: value, origin, classification, papers, export."""

from functools import partial
from typing import Annotated

from gateway.cases.deadlines import ASSISTANCE, ORIGIN
from gateway.cases.families.lists import Incoterm
from gateway.cases.families.parts import Paper
from gateway.cases.families.requests import Request
from gateway.cases.fields.labels import Code, Label
from gateway.cases.fields.schema import (
    Amount,
    Country,
    Currency,
    HsCode,
    Line,
    Passage,
    PastDay,
    labelled,
)
from gateway.cases.handling import CUSTOMS_ONLY
from gateway.cases.kind import Family, Kind


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
    incoterm: Annotated[Incoterm | None, labelled("Terms of delivery", "Incoterm")] = None


class OriginProof(Code):
    """By what origin is proven."""

    CERTIFICATE = "certificate", "Certificate of origin", "Certificat d'origine"
    DECLARATION = "declaration", "Declaration on the invoice", "Déclaration sur facture"
    SUPPLIER = "supplier", "Supplier's declaration", "Déclaration du fournisseur"
    SELF = "self", "Self-certification", "Autocertification"


class OriginRule(Code):
    """Why goods have their origin."""

    WHOLLY_OBTAINED = "wholly_obtained", "Wholly obtained", "Entièrement obtenues"
    HEADING = "heading", "Change of tariff heading", "Changement de position tarifaire"
    VALUE = "value", "Value added", "Valeur ajoutée"
    PROCESS = "process", "A named process", "Ouvraison déterminée"
    CUMULATION = "cumulation", "Cumulation", "Cumul"


class VerifyOrigin(Request, frozen=True, kw_only=True):
    """Verify that goods have the origin that was declared."""

    goods: Annotated[Line, labelled("Goods", "Marchandises")]
    hs_code: Annotated[HsCode, labelled("HS code", "Code SH")]
    origin: Annotated[Country, labelled("Declared country of origin", "Pays d'origine déclaré")]
    proof: Annotated[OriginProof, labelled("Proof of origin", "Preuve de l'origine")]
    proof_number: Annotated[Line, labelled("Number of the proof", "Numéro de la preuve")]
    proof_issued_on: Annotated[PastDay, labelled("Its date of issue", "Date de sa délivrance")]
    rule: Annotated[OriginRule | None, labelled("Rule of origin", "Règle d'origine")] = None
    at_random: Annotated[bool, labelled("Chosen at random", "Choisie au hasard")] = False


class VerifyClassification(Request, frozen=True, kw_only=True):
    """Verify under which code goods were classified."""

    goods: Annotated[Line, labelled("Goods", "Marchandises")]
    declared_code: Annotated[HsCode, labelled("HS code declared", "Code SH déclaré")]
    supposed_code: Annotated[HsCode | None, labelled("HS code supposed", "Code SH supposé")] = None
    composition: Annotated[
        Passage | None, labelled("Composition and function", "Composition et fonction")
    ] = None
    ruling: Annotated[Line | None, labelled("Advance ruling", "Décision anticipée")] = None


class Doubt(Code):
    """What is doubted of a document."""

    GENUINE = "genuine", "Whether it is genuine", "Son authenticité"
    CONTENT = "content", "Whether what it says is true", "L'exactitude de son contenu"
    BOTH = "both", "Both", "Les deux"


class VerifyDocument(Request, frozen=True, kw_only=True):
    """Verify a document."""

    paper: Annotated[Paper, labelled("Document", "Document")]
    doubt: Annotated[Doubt, labelled("What is doubted", "Objet du doute")]
    questions: Annotated[Passage | None, labelled("Questions", "Questions")] = None


class VerifyExport(Request, frozen=True, kw_only=True):
    """Verify that goods left, as which and for whom."""

    declaration: Annotated[Line, labelled("Export declaration", "Déclaration d'exportation")]
    exported_on: Annotated[PastDay, labelled("Day of export", "Jour d'exportation")]
    goods: Annotated[Line, labelled("Goods", "Marchandises")]
    hs_code: Annotated[HsCode, labelled("HS code", "Code SH")]
    quantity: Annotated[Amount, labelled("Quantity", "Quantité")]
    unit: Annotated[Line, labelled("Unit of quantity", "Unité de quantité")]
    destination: Annotated[
        Country | None, labelled("Country of destination", "Pays de destination")
    ] = None


_kind = partial(
    Kind, family=Family.REQUESTS, opens_case=True, deadlines=ASSISTANCE, handling=CUSTOMS_ONLY
)
KINDS = (
    _kind(
        name="request.verify_value",
        content=VerifyValue,
        label=Label("Request to verify a value", "Demande de vérification de la valeur"),
    ),
    _kind(
        name="request.verify_origin",
        content=VerifyOrigin,
        label=Label("Request to verify an origin", "Demande de vérification de l'origine"),
        deadlines=ORIGIN,
    ),
    _kind(
        name="request.verify_classification",
        content=VerifyClassification,
        label=Label("Request to verify a classification", "Demande de vérification du classement"),
    ),
    _kind(
        name="request.verify_document",
        content=VerifyDocument,
        label=Label("Request to verify a document", "Demande de vérification d'un document"),
    ),
    _kind(
        name="request.verify_export",
        content=VerifyExport,
        label=Label("Request to verify an export", "Demande de vérification d'une exportation"),
    ),
)
