"""Consent: what covers a passing on, and what looks as if it did."""

from dataclasses import replace
from typing import Any

import msgspec
import pytest

from gateway.cases.consent import (
    Passage,
    Word,
    consent_to,
    is_beyond,
    is_withheld,
    limits_use,
    weakened,
)
from gateway.cases.families.control import ConsentDeny, ConsentGrant, Recall
from gateway.cases.families.lists import IntendedUse
from gateway.cases.fields.schema import Content
from gateway.cases.handling import Handling, HandlingCode, Tlp

MESSAGE, OTHER = f"XA-{'1' * 32}", f"XA-{'2' * 32}"
ASKED = Passage(message=MESSAGE, member="XC", purpose="assessment")
TODAY = "2026-11-28"


def word(seq: int, kind: type[Content], **changes: Any) -> Word:
    """Return a word of the originator about ``ASKED``, changed."""
    said = {
        "message": MESSAGE, "language": "en", "handling": {}, "recipient": "Customs of XC",
        "member": "XC", "purpose": "assessment", "reason": "sent_by_mistake",
    }  # fmt: skip
    said |= changes
    if kind is Recall:
        said = {name: said[name] for name in ("message", "language", "handling", "reason")}
    if kind is ConsentGrant:
        del said["reason"]
    return Word(name=f"XA-{seq:032x}", seq=seq, content=msgspec.convert(said, kind))


def covering(*words: Word) -> int | None:
    """Return the number of the word that covers ``ASKED``."""
    found = consent_to(ASKED, words, TODAY)
    return None if found is None else found.seq


@pytest.mark.parametrize(
    "changes",
    [
        {"message": OTHER},
        {"member": "XD"},
        {"member": None},
        {"purpose": "judicial_proceedings"},
        {"valid_until": "2026-11-27"},
    ],
)
def test_a_consent_covers_its_message_recipient_and_purpose_alone(changes: dict[str, Any]) -> None:
    """Each of them other, missing or ended is no consent; on its last day it still is one."""
    assert covering(word(1, ConsentGrant, **changes)) is None
    assert covering(word(1, ConsentGrant, valid_until=TODAY)) == 1


def test_the_last_word_counts() -> None:
    """By its number, in whatever order they came; a denial of something else changes nothing."""
    granted, denied = word(1, ConsentGrant), word(2, ConsentDeny)
    assert covering() is None
    assert covering(granted) == 1
    assert covering(denied, granted) is None
    assert covering(granted, denied, word(3, ConsentGrant)) == 3
    assert covering(granted, word(2, ConsentDeny, member="XD")) == 1
    twice = [word(1, ConsentDeny), replace(word(1, ConsentGrant), name=OTHER)]
    assert covering(*twice) == covering(*twice[::-1]) == 1  # a bent sender's, by their names


def test_a_recalled_consent_is_none() -> None:
    """A recall of the message itself, or of another consent, does not take the consent back."""
    granted = word(1, ConsentGrant)
    assert covering(granted, word(2, Recall, message=granted.name)) is None
    assert covering(granted, word(2, Recall, message=OTHER)) == 1
    assert covering(word(2, Recall, message=granted.name), granted, word(3, ConsentGrant)) == 3


@pytest.mark.parametrize(
    ("handling", "withheld"),
    [
        (None, False),
        (Handling(tlp=Tlp.CLEAR), False),
        (Handling(tlp=Tlp.GREEN, codes=(HandlingCode.CUSTOMS_ONLY,)), False),
        (Handling(tlp=Tlp.AMBER), False),
        (Handling(tlp=Tlp.CLEAR, codes=(HandlingCode.NO_DISSEMINATION,)), True),
        (Handling(tlp=Tlp.AMBER_STRICT), True),
        (Handling(tlp=Tlp.RED), True),
    ],
)
def test_what_is_withheld(handling: Handling | None, *, withheld: bool) -> None:
    """By its code, or by its traffic light."""
    assert is_withheld(handling) is withheld


def test_what_passes_it_on_says_no_less() -> None:
    """The traffic light and every code; more is no fault, and of no handling nothing is asked."""
    amber = Handling(tlp=Tlp.AMBER, codes=(HandlingCode.CUSTOMS_ONLY,))
    red = Handling(tlp=Tlp.RED, codes=(HandlingCode.CUSTOMS_ONLY, HandlingCode.OTHER))
    assert weakened(None, None) == weakened(amber, amber) == weakened(amber, red) == ""
    assert weakened(red, amber) == "TLP:RED"
    assert weakened(amber, None) == "TLP:AMBER"
    assert weakened(red, Handling(tlp=Tlp.RED, codes=(HandlingCode.OTHER,))) == "H0"


@pytest.mark.parametrize(
    ("conditions", "lacks"),
    [
        ("Not to be named in court.", ""),
        ("Ours: return it. Not to be\nnamed in  court.", ""),
        ("Not to be named.", "H3"),
        ("", "H3"),
    ],
)
def test_conditions_in_words_travel_too(conditions: str, lacks: str) -> None:
    """As they were written, wherever their lines break; more may be asked beside them."""
    codes = (HandlingCode.OTHER,)
    told = Handling(tlp=Tlp.AMBER, codes=codes, conditions="Not to be named\nin court.")
    carrier = Handling(tlp=Tlp.AMBER, codes=codes, conditions=conditions)
    assert weakened(told, carrier) == lacks


@pytest.mark.parametrize("code", [None, *HandlingCode])
@pytest.mark.parametrize("purpose", [use.value for use in IntendedUse])
def test_what_a_code_excludes_takes_consent(code: HandlingCode | None, purpose: str) -> None:
    """H0 all that is no customs purpose, H1 courts; nothing else depends on the purpose."""
    handling = Handling(codes=() if code is None else (code,))
    excluded = {("H0", "other_purposes"), ("H1", "judicial_proceedings")}
    assert is_beyond(handling, purpose) == ((code, purpose) in excluded)
    assert limits_use(handling) == (code in ("H0", "H1"))
    assert not is_beyond(None, purpose)
    assert not limits_use(None)
