"""A request and an answer as the demo's people write them, and as tests do."""

from typing import Any

FACTS = "Shoes declared at 3.10 dollars a pair; similar goods run at 15."
CLARIFIED = "La déclaration d'exportation indique 14,80 dollars la paire, soit 62 160 dollars."
PDF = (
    b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"
    b"2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
    b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R"
    b"/Resources<</Font<</F1<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>>>>>>>endobj\n"
    b"4 0 obj<</Length 71>>stream\n"
    b"BT /F1 16 Tf 60 760 Td (Invoice BX-2291: 4,200 pairs at USD 3.10) Tj ET\n"
    b"endstream endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"
)


def request(
    attachments: list[str], *, container: str = "TCLU4829132", reply_by: str = "2099-12-31"
) -> dict[str, Any]:
    """Return XA's request as it is posted; it must ask for a reply by a coming day."""
    content = {
        "asking": "Customs of Aldria",
        "contact": {"office": "Valuation, Port of Alda", "email": "valuation@customs.example"},
        "asked": "Customs of Berenia",
        "legal_basis": "XA–XB agreement, Art. 4",
        "measure": "verification",
        "object_and_reason": "Verify the value of shoes exported under invoice BX-2291.",
        "laws_and_rules": "Customs Act of Aldria, sections 41 to 44 (valuation).",
        "facts": FACTS,
        "enquiries_made": "The importer was heard and produced no proof of payment.",
        "persons": [{"name": "Calzatura Trading", "role": "importer", "country": "XA"}],
        "own_reference": "AL-VAL-2026-0417",
        "language": "en",
        "intended_use": "assessment",
        "reply_by": reply_by,
        "handling": {"tlp": "AMBER+STRICT", "codes": ["H1", "H2"]},
        "links": {
            "declarations": ["25XA0000417"],
            "containers": [container],
            "vessels": ["9432177"],
            "hs_codes": ["640399"],
            "documents": ["BX-2291"],
        },
        "made_orally": True,
        "could_not_provide_ourselves": True,
        "invoice": "BX-2291",
        "goods": "Shoes with uppers of leather",
        "hs_code": "640399",
        "quantity": "4200",
        "unit": "pair",
        "currency": "USD",
        "unit_value": "3.10",
        "total_value": "13020",
        "similar_goods_value": "15",
        "incoterm": "FOB",
    }
    return {
        "to": ["XB"],
        "kind": "request.verify_value",
        "content": content,
        "attachments": attachments,
    }


def reply(asked: str) -> dict[str, Any]:
    """Return XB's answer as it is posted."""
    content = {
        "own_reference": "BE-AAM-2026-118",
        "language": "fr",
        "findings": CLARIFIED,
        "handling": {"tlp": "AMBER+STRICT", "codes": ["H1", "H2"]},
        "verified_value": {
            "currency": "USD",
            "unit_value": "14.80",
            "total_value": "62160",
            "undeclared_value": "49140",
        },
        "evaluation": {"source": "A", "information": "1"},
    }
    return {"to": ["XA"], "kind": "case.reply", "content": content, "in_reply_to": asked}
