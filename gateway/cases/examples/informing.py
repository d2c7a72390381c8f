"""Examples of information, of what becomes of it, and of intelligence."""

from typing import Any

from gateway.cases.examples.cases import CONTACT, FIRM, HANDLING, MESSAGE

_TOLD = {
    "language": "en",
    "handling": HANDLING,
    "legal_basis": "XA–XB agreement, Art. 7",
    "own_reference": "AL-INF-2026-88",
}
_ABOUT = {"message": MESSAGE, "language": "en", "handling": HANDLING}
_FOR_WHOM = _ABOUT | {"recipient": "Tax authority of Aldria", "purpose": "assessment"}
_INTELLIGENCE = {"language": "en", "handling": {"tlp": "GREEN", "codes": ["H0"]}}
_GOODS = {"description": "Shoes", "hs_code": "640399", "quantity": "4200", "unit": "pair"}
_SHIP = {"mode": "1", "vessel": "9432177", "identity": "MV Alda Star", "voyage": "117W"}
_ROUTE = {"origin": "XB", "departure": "XB", "transit": ["XC"], "destination": "XA"}

EXAMPLES: dict[str, Any] = {
    "information.spontaneous": _TOLD
    | {
        "subject": "A seller of shoes with two sets of invoices",
        "facts": "The same shipment was invoiced at 3.10 and at 14.80 dollars a pair.",
        "persons": [
            FIRM
            | {
                "lei": "5493001KJTIIGC8Y1R12",
                "vat": "FR40303265045",
                "accounts": ["GB82WEST12345698765432"],
            }
        ],
        "evaluation": {"source": "A", "information": "2"},
    },
    "information.automatic": _TOLD
    | {
        "arrangement": "Exchange of export data, XA–XB, 2024",
        "period_from": "2026-11-01",
        "period_until": "2026-11-30",
        "movements": [
            {
                "paper": {"type": "declaration", "number": "25XB0088102"},
                "goods": [_GOODS],
                "partner": "XA",
            }
        ],
    },
    "information.advance": _TOLD
    | {
        "expected_on": "2026-12-20",
        "facts": "The container was opened and closed again in transit.",
        "goods": [_GOODS],
        "conveyance": _SHIP,
        "route": _ROUTE,
        "links": {"containers": ["TCLU4829132"], "air_waybills": ["172-12345675"]},
    },
    "information.recall": _ABOUT
    | {"reason": "sent_by_mistake", "explanation": "The second annex concerns another case."},
    "information.rectify": _ABOUT
    | {"corrections": [{"field": "/verified_value/total_value", "value": "62160"}]},
    "information.recall_report": _ABOUT | {"verdict": "complied", "readers": 2},
    "consent.request": _FOR_WHOM
    | {"reason": "The value added tax depends on the value too.", "needed_by": "2027-01-15"},
    "consent.grant": _FOR_WHOM | {"valid_until": "2027-12-31"},
    "consent.deny": _FOR_WHOM | {"reason": "The seller is still under investigation here."},
    "disclosure.notice": _FOR_WHOM
    | {"disclosed_on": "2026-11-25", "ground": "Order of the Court of Alda, 14 C 882"},
    "breach.notice": {
        "messages": [MESSAGE],
        "type": "access",
        "discovered_on": "2026-11-24",
        "facts": "A portable computer was stolen; its disk is encrypted.",
        "measures": "Its access was withdrawn within the hour.",
        "contact": CONTACT,
        "language": "en",
        "handling": HANDLING,
    },
    "intelligence.report": _INTELLIGENCE
    | {
        "title": "Invoices for customs, and others for the bank",
        "themes": ["valuation"],
        "text": "Three firms share one accountant and one forwarder.",
        "evaluation": {"source": "B", "information": "3"},
        "persons": [FIRM],
        "hs_codes": ["6403"],
        "route": _ROUTE,
    },
    "intelligence.alert": _INTELLIGENCE
    | {
        "title": "Shoes at a fifth of their price",
        "themes": ["valuation"],
        "text": "Look at who pays the freight.",
        "risk": "medium",
        "valid_until": "2027-02-28",
        "indicators": ["Freight is paid by a third party", "Invoice numbers are used twice"],
        "hs_codes": ["6403", "6404"],
        "concealment": "papers",
    },
    "intelligence.liaison_copy": {
        "message": MESSAGE,
        "kind": "seizure.report",
        "version": 1,
        "handling": {"tlp": "GREEN", "codes": ["H0"]},
        "fields": [
            {"field": "/country", "value": "XA"},
            {"field": "/goods/0/hs_code", "value": "240220"},
        ],
    },
    "seizure.report": {
        "seized_on": "2026-11-18",
        "country": "XA",
        "place": "Port of Alda",
        "goods": [
            {
                "theme": "tobacco",
                "description": "Cigarettes",
                "hs_code": "240220",
                "quantity": "2000000",
                "unit": "piece",
            }
        ],
        "detection": "scan",
        "concealment": "cover_load",
        "declared_as": "Shoes",
        "conveyance": _SHIP,
        "route": _ROUTE,
        "persons": [FIRM],
        "language": "en",
        "handling": HANDLING,
    },
    "analysis.bulletin": _INTELLIGENCE
    | {
        "title": "Footwear, third quarter",
        "themes": ["valuation", "counterfeit"],
        "text": "Undervaluation moved from sports shoes to leather shoes.",
        "period_from": "2026-07-01",
        "period_until": "2026-09-30",
        "countries": ["XA", "XB"],
        "hs_codes": ["6403"],
    },
    "analysis.modus_operandi": _INTELLIGENCE
    | {
        "title": "The second invoice",
        "themes": ["valuation"],
        "text": "A low invoice travels with the goods; a true one goes to the bank.",
        "concealment": "papers",
        "indicators": ["Payment in two parts"],
        "measures": "Ask for the transfer, not for the invoice.",
    },
}
