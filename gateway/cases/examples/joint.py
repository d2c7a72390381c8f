"""Examples of operations, cargo and risk, trusted traders, capacity, and what nodes say."""

from typing import Any

from gateway.cases.examples.cases import CONTACT, FIRM, HANDLING, MESSAGE

_OPERATION = {"operation": "SOLE", "language": "en", "handling": HANDLING}
_RISK = {"language": "en", "handling": HANDLING, "links": {"containers": ["TCLU4829132"]}}
_SHA256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
_TRADER = {
    "identifier": "XAAEO00417",
    "name": "Alda Marine Stores",
    "country": "XA",
    "standing": "authorised",
    "valid_from": "2024-05-01",
    "roles": ["importer", "warehouse"],
}
_RECOGNISED = {"arrangement": "Recognition of trusted traders, XA–XB, 2023", "handling": HANDLING}
_COMMUNITY = {"tlp": "GREEN", "codes": ["H0"]}

EXAMPLES: dict[str, Any] = {
    "operation.open": _OPERATION
    | {
        "aim": "Ten days of attention to footwear that is declared too cheap.",
        "themes": ["valuation", "counterfeit"],
        "members": ["XA", "XB", "XD"],
        "starts_on": "2027-01-11",
        "ends_on": "2027-01-21",
        "coordinator": CONTACT,
        "template": ["Pairs controlled", "Pairs undervalued"],
    },
    "operation.join": _OPERATION
    | {"contact": CONTACT, "contribution": "Two scanners at the Port of Alda."},
    "operation.report": _OPERATION
    | {
        "reported_on": "2026-11-30",
        "controls": 41,
        "seizures": 1,
        "stated": [
            {"name": "Pairs controlled", "value": "61,200"},
            {"name": "Pairs undervalued", "value": "4,200"},
        ],
    },
    "operation.close": _OPERATION
    | {"controls": 388, "seizures": 9, "summary": "One consignment in forty was undervalued."},
    "cargo.advance_information": {
        "conveyance": {"mode": "4", "identity": "XB 417", "arrives_on": "2026-12-03"},
        "transport_document": {"type": "air_waybill", "number": "172-12345675"},
        "consignor": {"name": "Bera Leather", "country": "XB"},
        "consignee": FIRM,
        "goods": [{"description": "Shoes", "hs_code": "640399", "gross_kg": "310.5"}],
        "packages": 12,
        "handling": HANDLING,
        "air_waybill": "172-12345675",
    },
    "risk.alert": _RISK
    | {
        "risk": "high",
        "themes": ["tobacco"],
        "text": "The seal was replaced in transit.",
        "valid_until": "2026-12-31",
        "indicators": ["Seal number differs from the bill of lading"],
    },
    "risk.control_request": _RISK
    | {
        "controls": ["scan"],
        "reason": "The container transits before it reaches us.",
        "contact": CONTACT,
        "place": "Port of Bera",
        "before": "2026-12-15",
    },
    "risk.control_result": _RISK
    | {
        "controls": ["scan", "physical"],
        "controlled_on": "2026-11-29",
        "outcome": "discrepancy",
        "findings": "A third of the cartons hold no shoes.",
        "goods": [{"description": "Cigarettes", "hs_code": "240220"}],
    },
    "image.scan": {
        "type": "x_ray",
        "scanned_on": "2026-11-29",
        "place": "Port of Bera",
        "images": [_SHA256],
        "suspicious": True,
        "language": "en",
        "handling": HANDLING,
        "container": "TCLU4829132",
    },
    "trader.status": _RECOGNISED | {"trader": _TRADER},
    "trader.revocation": _RECOGNISED
    | {
        "identifier": "XAAEO00417",
        "ends_on": "2026-12-01",
        "ground": "security",
        "language": "en",
        "remark": "Its warehouse was not locked.",
    },
    "trader.list": _RECOGNISED | {"as_of": "2026-11-30", "complete": True, "traders": [_TRADER]},
    "capacity.request": {
        "topics": ["valuation"],
        "forms": ["workshop", "remote"],
        "need": "Officers are to learn how transaction values are examined.",
        "contact": CONTACT,
        "language": "en",
        "handling": _COMMUNITY,
        "participants": 24,
    },
    "capacity.diagnostic": {
        "title": "Valuation in Aldria",
        "period_from": "2026-10-05",
        "period_until": "2026-10-16",
        "findings": [
            {
                "topic": "valuation",
                "state": "Values are compared with a list, not with transactions.",
                "advice": "Build a database of transactions.",
                "order": 1,
            }
        ],
        "language": "en",
        "handling": _COMMUNITY,
    },
    "announcement": {
        "title": "Course on valuation",
        "text": "A course in English and French begins in spring.",
        "language": "en",
        "handling": {"tlp": "CLEAR"},
        "valid_until": "2027-03-31",
    },
    "ping": {},
    "restored": {"since": 1790000000, "until": 1790086400, "shard": "2026.1", "size": 120},
    "receipt": {
        "message": MESSAGE,
        "type": "delivery",
        "member": "XA",
        "at": 1796083200,
        "sha256": _SHA256,
    },
    "key_card": {"member": "XA", "number": 7, "keys": [_SHA256], "expires_at": 1798675200},
}
