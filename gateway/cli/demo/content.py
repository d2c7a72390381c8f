"""What the people of the play write: Aldria in English, Berenia and the Union in French."""

import os
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from gateway.cli.demo.cast import AGREEMENT, OFFICE, XA
from gateway.cli.demo.story import request
from gateway.clock import SystemClock

HANDLING: Final = {"tlp": "AMBER+STRICT", "codes": ["H1", "H2"]}
QUANTITY: Final = 4200
DECLARED, FOUND = "3.10", "14.80"
DECLARED_TOTAL, FOUND_TOTAL, UNDECLARED = 13_020, 62_160, 49_140
CONTAINER, MISTYPED = "TCLU4829132", "TCLU4829123"
SUSPECT: Final = "Calzatura Trading"
DIRECTOR: Final = "Ilario Ventolin"
PERSONS: Final = (
    {"name": SUSPECT, "role": "importer", "country": "XA", "address": "4 Quay Street, Alda"},
    {"name": DIRECTOR, "role": "director of the importer"},
)
OWN_REFERENCE, THEIR_REFERENCE = "AL-VAL-2026-0417", "BE-AAM-2026-118"
ASKED_MORE: Final = (
    "De quel établissement bancaire provient le paiement, et à quelle date a-t-il été fait ?"
)
SUPPLEMENT: Final = "The importer names the Bank of Alda, account ending 4417, and 3 November."
CONDITIONS: Final = (
    "Les constatations ne sont pas produites devant une juridiction sans notre accord écrit."
)
PARTIAL: Final = (
    "La déclaration d'exportation indique 14,80 dollars la paire, soit 62 160 dollars pour "
    "4 200 paires."
)
OUTSTANDING: Final = "La preuve du paiement par la banque."
FINAL: Final = (
    "La banque confirme deux virements, de 13 020 et de 49 140 dollars. La valeur non déclarée est "
    "de 49 140 dollars."
)
CORRECTED: Final = "La banque confirme deux virements, des 3 et 5 novembre."
MISTAKE: Final = "La seconde annexe concerne un autre dossier."
ALERT: Final = "Shoes are declared at a fifth of their price; a second invoice goes to the bank."
AIM: Final = "Ten days of attention to footwear that is declared too cheap."
TEMPLATE: Final = ("Pairs controlled", "Pairs undervalued")
NOTE_INSIDE: Final = "Note interne : visite chez un autre exportateur, mardi."
SECRETS: Final = (
    b"similar goods run at 15", b"Calzatura Trading", b"Ilario Ventolin", b"25XA0000417",
    b"14,80 dollars", b"Bank of Alda", b"deux virements", b"Invoice BX-2291: 4,200 pairs",
    b"invoice BX-2291.pdf", b"a fifth of their price", b"Note interne",
    b"note interne.pdf", b"produites devant une juridiction",
)  # fmt: skip
"""What no file of any node may hold."""
CONTRACT_BYTES: Final = 36 * 1024 * 1024
"""Of the scanned contract: five segments on the line."""


def in_days(days: int) -> str:
    """Return the date of a coming day, or of one that is past."""
    return (_today() + timedelta(days=days)).isoformat()


def asked_by_telephone() -> dict[str, Any]:
    """Return what is known when the receiver is put down."""
    known = request([], reply_by=in_days(90))["content"]
    return {
        name: known[name]
        for name in ("contact", "legal_basis", "measure", "object_and_reason", "own_reference")
    } | {"made_orally": True}


def written_request(container: str = CONTAINER) -> dict[str, Any]:
    """Return the request as the valuation office writes it down."""
    content: dict[str, Any] = request([], container=container, reply_by=in_days(90))["content"]
    return content | {"persons": list(PERSONS), "legal_basis": f"{AGREEMENT}, Art. 4"}


def invoice() -> bytes:
    """Return the invoice, a PDF of one page."""
    return page("Invoice BX-2291: 4,200 pairs at USD 3.10")


def contract() -> bytes:
    """Return the contract as a scanner made it: large, and nothing that could be made smaller."""
    return page("Contract and packing lists, scanned") + os.urandom(CONTRACT_BYTES)


def page(text: str) -> bytes:
    """Return a PDF of one page that says ``text``, in ASCII."""
    drawn = f"BT /F1 16 Tf 60 760 Td ({text}) Tj ET".encode("ascii", "replace")
    return (
        b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"
        b"2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
        b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R"
        b"/Resources<</Font<</F1<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>>>>>>>endobj\n"
        + f"4 0 obj<</Length {len(drawn)}>>stream\n".encode()
        + drawn
        + b"\nendstream endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"
    )


def partial_reply() -> dict[str, Any]:
    """Return XB's answer of the first day."""
    return _found(PARTIAL) | {
        "outstanding": OUTSTANDING,
        "due_on": in_days(30),
        "verified_value": {
            "currency": "USD", "unit_value": FOUND, "total_value": str(FOUND_TOTAL),
        },
    }  # fmt: skip


def final_reply() -> dict[str, Any]:
    """Return XB's answer to all of it."""
    return _found(FINAL) | {
        "verified_value": {
            "currency": "USD", "unit_value": FOUND, "total_value": str(FOUND_TOTAL),
            "undeclared_value": str(UNDECLARED),
        },
        "evaluation": {"source": "A", "information": "1"},
    }  # fmt: skip


def consent(message: str, member: str, name: str, spoken: str, **more: Any) -> dict[str, Any]:
    """Return what is asked or said about passing a message on to a member."""
    named = {"recipient": name, "member": member, "purpose": "assessment"}
    return _about(message, spoken) | named | more


def passed_on() -> dict[str, Any]:
    """Return what XA tells others of the answer."""
    return {
        "language": "en", "handling": HANDLING, "legal_basis": "Customs Act of Aldria, section 90",
        "subject": "Value of 4,200 pairs of shoes, invoice BX-2291",
        "facts": "The true value is 62,160 dollars; 49,140 dollars were not declared.",
    }  # fmt: skip


def alert() -> dict[str, Any]:
    """Return what the liaison office circulates."""
    return {
        "language": "en", "handling": {"tlp": "GREEN", "codes": ["H0"]},
        "title": "Shoes at a fifth of their price", "themes": ["valuation"], "text": ALERT,
        "risk": "high", "valid_until": in_days(60), "hs_codes": ["6403"], "concealment": "papers",
        "indicators": ["Invoice numbers are used twice", "Freight is paid by a third party"],
    }  # fmt: skip


def opening(members: Sequence[str]) -> dict[str, Any]:
    """Return the opening of the operation, for ten days."""
    return _in_operation("en") | {
        "aim": AIM, "themes": ["valuation"], "members": list(members), "starts_on": in_days(0),
        "ends_on": in_days(10), "coordinator": {"office": OFFICE}, "template": list(TEMPLATE),
    }  # fmt: skip


def joining(office: str, spoken: str) -> dict[str, Any]:
    """Return a member's word that it takes part."""
    return _in_operation(spoken) | {"contact": {"office": office}}


def report(controls: int, seizures: int, spoken: str) -> dict[str, Any]:
    """Return a member's report, by the template."""
    return _in_operation(spoken) | {
        "reported_on": in_days(0), "controls": controls, "seizures": seizures,
        "stated": [
            {"name": name, "value": str(value)}
            for name, value in zip(TEMPLATE, (controls * 1500, seizures * 4200), strict=True)
        ],
    }  # fmt: skip


def asked_of_union(kind: str) -> dict[str, Any]:
    """Return a request to the union: the value, or the origin of the same goods."""
    content = written_request()
    content |= {
        "asked": "Customs Union of the Strait", "legal_basis": "Accord of the Strait",
        "made_orally": False,
    }  # fmt: skip
    if kind == "request.verify_value":
        return content
    ours = {
        "invoice", "quantity", "unit", "currency", "unit_value", "total_value", "incoterm",
        "similar_goods_value",
    }  # fmt: skip
    kept = {name: value for name, value in content.items() if name not in ours}
    return kept | {
        "object_and_reason": "Verify the origin of the shoes.", "origin": "XB",
        "proof": "certificate", "proof_number": "OR-5521", "proof_issued_on": in_days(-40),
    }  # fmt: skip


def answered_by_union() -> dict[str, Any]:
    """Return what the union answers."""
    return {
        "own_reference": "UD-2026-77", "language": "fr", "handling": HANDLING,
        "findings": "Le certificat OR-5521 est authentique ; les chaussures sont d'origine.",
    }  # fmt: skip


def seizure(member: str, number: int) -> dict[str, Any]:
    """Return a report of a seizure, as members far from the story write it."""
    return {
        "seized_on": in_days(-1), "country": XA, "place": f"Port {number}",
        "goods": [{"theme": "counterfeit", "description": "Shoes", "hs_code": "640399",
                   "quantity": str(100 + number), "unit": "pair"}],
        "detection": "risk", "concealment": "cover_load", "language": "en",
        "own_reference": f"{member}-{number}",
        "handling": {"tlp": "AMBER", "codes": ["H0"]},
        "persons": [{"name": f"Carrier {member} {number}"}],
    }  # fmt: skip


def _found(findings: str) -> dict[str, Any]:
    return {
        "own_reference": THEIR_REFERENCE, "language": "fr", "findings": findings,
        "handling": HANDLING,
    }  # fmt: skip


def _about(message: str, spoken: str) -> dict[str, Any]:
    return {"message": message, "language": spoken, "handling": HANDLING}


def _in_operation(spoken: str) -> dict[str, Any]:
    handling = {"tlp": "AMBER+STRICT", "codes": ["H0", "H2"]}
    return {"operation": "SOLE", "language": spoken, "handling": handling}


def _today() -> date:
    return datetime.fromtimestamp(SystemClock().now(), UTC).date()
