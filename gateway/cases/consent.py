"""Consent: whether its originator lets a message be passed on, to whom and for what.

Pure. Source: SPEC "Handling".
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from gateway.cases.families.control import ConsentDeny, ConsentGrant, ForWhom, Recall
from gateway.cases.families.lists import IntendedUse
from gateway.cases.fields.schema import Content
from gateway.cases.handling import Handling, HandlingCode, Tlp

KINDS: Final = ("consent.grant", "consent.deny", "information.recall")
"""What an originator's consent depends on."""
_KEPT = (Tlp.RED, Tlp.AMBER_STRICT)
_EXCLUDED: Final[Mapping[HandlingCode, IntendedUse]] = {
    HandlingCode.CUSTOMS_ONLY: IntendedUse.OTHER_PURPOSES,
    HandlingCode.NO_JUDICIAL_USE: IntendedUse.JUDICIAL_PROCEEDINGS,
}
"""For what content is used with consent alone. Courts that judge by customs law serve customs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """What an originator said about passing on, and its number in the case."""

    name: str
    seq: int
    content: Content


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """What is to be passed on, to which member and for what."""

    message: str
    member: str
    purpose: str


def is_withheld(handling: Handling | None) -> bool:
    """Tell whether content stays with the recipients named, unless its originator consents.

    So say H2, and the traffic lights that end at the organisation or the persons named.
    """
    if handling is None:
        return False
    return HandlingCode.NO_DISSEMINATION in handling.codes or handling.tlp in _KEPT


def limits_use(handling: Handling | None) -> bool:
    """Tell whether it matters for what content is used."""
    return handling is not None and not _EXCLUDED.keys().isdisjoint(handling.codes)


def is_beyond(handling: Handling | None, purpose: str) -> bool:
    """Tell whether content is used for this only if its originator consents: so say H0 and H1."""
    return handling is not None and any(_EXCLUDED.get(code) == purpose for code in handling.codes)


def weakened(passed: Handling | None, carrier: Handling | None) -> str:
    """Return what a message's handling lacks of what it passes on; empty for nothing."""
    if passed is None:
        return ""
    order = list(Tlp)
    carried = Handling(tlp=Tlp.CLEAR) if carrier is None else carrier
    if order.index(carried.tlp) < order.index(passed.tlp):
        return f"TLP:{passed.tlp.value}"
    lacking = [code.value for code in passed.codes if code not in carried.codes]
    if lacking:
        return lacking[0]
    return "" if _words(passed) in _words(carried) else HandlingCode.OTHER.value


def _words(handling: Handling) -> str:
    """Return the conditions of H3, however their lines are broken."""
    return " ".join(handling.conditions.split())


def consent_to(asked: Passage, words: Iterable[Word], today: str) -> Word | None:
    """Return the consent that covers what is asked; None where there is none (any more).

    ``words`` are the originator's alone. Of several the last one counts, a refusal too; a consent
    that was recalled, or ended before ``today`` (ISO), is none.
    """
    given: Word | None = None
    for word in sorted(words, key=lambda word: (word.seq, word.name)):
        match word.content:
            case Recall(message=message) if given is not None and message == given.name:
                given = None
            case ConsentGrant() as grant if _covers(grant, asked):
                given = word if (grant.valid_until or today) >= today else None
            case ConsentDeny() as denial if _covers(denial, asked):
                given = None
            case _:
                pass
    return given


def _covers(said: ForWhom, asked: Passage) -> bool:
    """Tell whether a word is about this message, recipient and purpose."""
    return (said.message, said.member, said.purpose) == (
        asked.message,
        asked.member,
        asked.purpose,
    )
