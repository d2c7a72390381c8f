"""Examples of requests, and of what is said in a case."""

from typing import Any

CONTACT = {"office": "Valuation, Port of Alda", "email": "valuation@customs.example"}
HANDLING = {"tlp": "AMBER+STRICT", "codes": ["H0", "H1", "H2"]}
FIRM = {"name": "Calzatura Trading", "role": "importer", "country": "XA"}
MESSAGE = "XB-0193f1c2a4b57c0e8d21f6a7b8c9d0e1"

_OPENING = {
    "asking": "Customs of Aldria",
    "contact": CONTACT,
    "asked": "Customs of Berenia",
    "legal_basis": "XA–XB agreement, Art. 4",
    "laws_and_rules": "Customs Act of Aldria, sections 41 to 44.",
    "own_reference": "AL-2026-0417",
    "language": "en",
    "reply_by": "2027-03-01",
    "handling": HANDLING,
}
_REQUEST = _OPENING | {
    "facts": "Shoes declared at 3.10 dollars a pair; similar goods run at 15.",
    "enquiries_made": "The importer was heard and produced no proof of payment.",
    "persons": [FIRM],
    "intended_use": "assessment",
}
_SAID = {"language": "fr", "handling": HANDLING}


def _request(measure: str, reason: str, **more: Any) -> dict[str, Any]:
    return _REQUEST | {"measure": measure, "object_and_reason": reason} | more


def _said(**more: Any) -> dict[str, Any]:
    return _SAID | more


_SHOES = {"goods": "Shoes with uppers of leather", "hs_code": "640399"}

EXAMPLES: dict[str, Any] = {
    "request.information": _request(
        "information",
        "Learn who trades in these shoes.",
        questions="Which firms exported shoes to Calzatura Trading, and at which prices?",
        period_from="2026-01-01",
        period_until="2026-11-30",
    ),
    "request.verify_value": _request(
        "verification",
        "Verify the value of shoes exported under invoice BX-2291.",
        **_SHOES,
        invoice="BX-2291",
        quantity="4200",
        unit="pair",
        currency="USD",
        unit_value="3.10",
        total_value="13020",
        similar_goods_value="15",
        incoterm="FOB",
        links={
            "declarations": ["25XA0000417"],
            "containers": ["TCLU4829132"],
            "vessels": ["9432177"],
        },
    ),
    "request.verify_origin": _request(
        "verification",
        "Verify the origin of shoes that were given preference.",
        **_SHOES,
        origin="XB",
        proof="certificate",
        proof_number="BX-ORI-7741",
        proof_issued_on="2026-09-14",
        rule="heading",
    ),
    "request.verify_classification": _request(
        "verification",
        "Verify under which code these shoes were exported.",
        goods="Shoes with uppers of leather",
        declared_code="640299",
        supposed_code="640399",
        composition="The upper is leather by more than half of its surface.",
    ),
    "request.verify_document": _request(
        "documents",
        "Verify an invoice whose number was used twice.",
        paper={"type": "invoice", "number": "BX-2291", "issued_on": "2026-08-30"},
        doubt="both",
    ),
    "request.verify_export": _request(
        "verification",
        "Verify that the shoes left, and as which.",
        **_SHOES,
        declaration="25XB0088102",
        exported_on="2026-09-01",
        quantity="4200",
        unit="pair",
        destination="XA",
    ),
    "request.surveillance": _request(
        "surveillance",
        "Learn where the shoes are stored before they are shipped.",
        watched=["places", "goods"],
        starts_on="2026-12-10",
        ends_on="2027-01-10",
        places=["Warehouse 7, Port of Bera"],
    ),
    "request.controlled_delivery": _request(
        "delivery",
        "Find who takes delivery of cigarettes behind shoes.",
        goods=[{"description": "Cigarettes", "hs_code": "240220", "quantity": "2000000"}],
        route={"departure": "XB", "transit": ["XC"], "destination": "XA"},
        expected_on="2026-12-20",
        authority="Public prosecutor at Alda",
    ),
    "request.notification": _OPENING
    | {
        "measure": "notification",
        "object_and_reason": "Have a decision on duties served.",
        "addressee": {"name": "Calzatura Trading", "address": "Quay 3, Bera", "country": "XB"},
        "paper": {"type": "other", "number": "AL-DEC-3302", "issued_on": "2026-11-20"},
        "subject": "Decision on duties of USD 7,371.",
        "serve_by": "2027-01-31",
    },
    "request.enquiry": _request(
        "enquiry",
        "Find what was really paid.",
        suspicion="A second invoice was paid through a third country.",
        steps="Hear the seller and look into its books.",
        presence_wished=True,
    ),
    "request.recovery": _request(
        "recovery",
        "Recover duties that were evaded.",
        claims=["duty", "interest"],
        amount="7371.00",
        currency="USD",
        title={"type": "other", "number": "AL-DEC-3302", "issued_on": "2026-09-01"},
        enforceable_since="2026-10-01",
        lapses_on="2031-10-01",
    ),
    "request.expert_or_witness": _request(
        "attendance",
        "Have the official who opened the container testify.",
        capacity="witness",
        court="Court of Alda",
        heard_on="2027-02-15",
        place="Alda",
        costs="Customs of Aldria",
    ),
    "request.presence": _request(
        "attendance",
        "Be present when the seller's books are looked at.",
        officials=[{"name": "A. Marn", "role": "auditor"}],
        place="Bera",
        starts_on="2027-01-18",
        ends_on="2027-01-20",
        purpose="Explain how the goods were declared in Aldria.",
    ),
    "case.acknowledge": _said(own_reference="BE-AAM-2026-118", due_on="2027-02-20"),
    "case.clarify": _said(
        questions="Quel est le numéro de la deuxième facture ?", fields=["/invoice"]
    ),
    "case.supplement": _said(
        language="en", text="The second invoice is BX-2291/B.", links={"documents": ["BX-2291/B"]}
    ),
    "case.transfer": _said(
        authority="Direction des impôts de Bérénie", reason="La TVA relève de sa compétence."
    ),
    "case.conditions": _said(conditions="Pas d'usage devant un tribunal sans notre accord."),
    "case.accept_conditions": _said(language="en"),
    "case.decline_conditions": _said(
        language="en", reason="Our law obliges us to tell the court what we know."
    ),
    "case.interim": _said(progress="L'exportateur est convoqué.", due_on="2027-03-15"),
    "case.partial_reply": _said(
        own_reference="BE-AAM-2026-118",
        findings="La déclaration d'exportation indique 14,80 dollars la paire.",
        outstanding="Les relevés bancaires suivront.",
        due_on="2027-03-15",
    ),
    "case.reply": _said(
        own_reference="BE-AAM-2026-118",
        findings="La déclaration d'exportation indique 14,80 dollars la paire.",
        verified_value={
            "currency": "USD",
            "unit_value": "14.80",
            "total_value": "62160",
            "undeclared_value": "49140",
        },
        evaluation={"source": "A", "information": "1"},
    ),
    "case.refuse": _said(reason="not_held", explanation="Aucune exportation de ce nom.", part=True),
    "case.postpone": _said(reason="prosecution", review_on="2027-04-01"),
    "case.resume": _said(remark="Les poursuites sont terminées."),
    "case.extend": _said(due_on="2027-04-15", reason="Les archives sont en cours de transfert."),
    "case.remind": _said(language="en"),
    "case.withdraw": _said(language="en", remark="The importer has paid."),
    "case.feedback": _said(
        language="en", usefulness="decisive", recovered="7371.00", currency="USD"
    ),
    "case.close": _said(language="en", outcome="offence"),
    "case.reopen": _said(language="en", reason="A third invoice came to light."),
}
