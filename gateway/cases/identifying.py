"""Identifying: what of a personal value names somebody, however it is written. Pure.

Texts are compared without case, accents and signs, so that a surname alone is found, and a number
whose digits are parted otherwise. Source: SPEC "Powers".
"""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from itertools import groupby, pairwise
from typing import Final, Self

_NAME_LETTERS: Final = 3
"""Letters of a word that names somebody; of shorter ones too many lines have some."""
_NUMBER_DIGITS: Final = 5
"""Digits of a number that names somebody: more than a year or the number of a house has."""
_TELEPHONE_DIGITS: Final = 7
"""Digits, the last ones, that are the same with and without the code of a country."""
_WHOLE: Final = 3
"""Characters of a whole value that is looked for."""
COMMON: Final = frozenset(
    """
    ltd limited llc llp inc incorporated corp corporation company plc gmbh mbh sarl sas sasu snc
    spa srl bvba nv pty pte oyj holding holdings group groupe societe compagnie entreprise ets
    etablissements cie trading trade commerce import imports export exports international
    transport transports logistics logistique shipping freight fret services service
    mister mrs miss madame monsieur mme mlle van von der den del della des les las los bin ibn
    and the for aux par sur dit nee
    passport passeport number numero card carte identity identite licence permis registration
    immatriculation tva vat eori siren siret plate plaque tel fax mobile mail
    info office contact desk admin support customs douane douanes
    """.split()  # noqa: SIM905 - a list of words is read as words
)
"""Words that name nobody by themselves: forms of firms, titles, particles, sorts of numbers, shared
mailboxes."""
_LETTERS = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i", "·": None}
)
"""What is no letter with an accent, to Unicode; and the dot within a word of Catalan."""
_BETWEEN_DIGITS = re.compile(r"(?<=\d)[\s./()\-‐-―]+(?=\d)")


class Form(StrEnum):
    """What a personal value is, as far as its parts depend on it."""

    NAME = "name"
    """Or an identifier: each word and each number of it."""
    ADDRESS = "address"
    """Two words in a row: a town alone names nobody."""
    TELEPHONE = "telephone"
    DATE = "date"
    WHOLE = "whole"
    """Nothing but all of it: what a person does, or a text of lines."""


@dataclass(frozen=True, slots=True)
class Identifying:
    """What names somebody: words that stand alone, and texts without anything between."""

    words: frozenset[str] = frozenset()
    pairs: frozenset[tuple[str, str]] = frozenset()
    texts: frozenset[str] = frozenset()

    @classmethod
    def of(cls, values: Iterable[tuple[str, Form]], common: Iterable[str] = ()) -> Self:
        """Return what names somebody in personal values; ``common`` are words that do not."""
        words, pairs, texts = set[str](), set[tuple[str, str]](), set[str]()
        for value, form in values:
            texts |= _whole(value)
            match form:
                case Form.NAME:
                    words |= set(filter(str.isalpha, _spelled(value.rpartition("@")[0] or value)))
                    texts |= _numbers(value)
                case Form.ADDRESS:
                    pairs |= _pairs(value)
                    texts |= _numbers(value)
                case Form.TELEPHONE:
                    texts |= _telephone(value)
                case Form.DATE:
                    texts |= _days(value)
                case Form.WHOLE:
                    pass
        words = {word for word in words if len(word) >= _NAME_LETTERS}
        return cls(frozenset(words - COMMON - {*common}), frozenset(pairs), frozenset(texts))

    def stand_in(self, line: str) -> bool:
        """Tell whether a line says any of it."""
        whole = compact(line)
        return (
            not self.words.isdisjoint(_spelled(line))
            or not self.pairs.isdisjoint(_pairs(line))
            or any(text in whole for text in self.texts)
        )


def plain(text: str) -> str:
    """Return a text in small letters without accents, and with digits that are 0 to 9."""
    parted = unicodedata.normalize("NFKD", text.casefold())
    kept = (letter for letter in parted if not unicodedata.category(letter).startswith("M"))
    return "".join(
        str(unicodedata.decimal(letter)) if letter.isdecimal() else letter for letter in kept
    ).casefold().translate(_LETTERS)  # fmt: skip


def words_of(text: str) -> list[str]:
    """Return the words and numbers of a text, plain."""
    return re.findall(r"[^\W_]+", plain(text))


def compact(text: str) -> str:
    """Return a text without anything between its words."""
    return "".join(words_of(text))


def _spelled(text: str) -> set[str]:
    """Return the words of a text, and those with a sign within also as one."""
    return {*words_of(text), *map(compact, text.split())}


def _pairs(text: str) -> set[tuple[str, str]]:
    """Return what stands in a row in an address, articles and the like left out."""
    said = [word for word in words_of(text) if len(word) >= _NAME_LETTERS or not word.isalpha()]
    return set(pairwise(said))


def _whole(value: str) -> set[str]:
    """Return all of a value; of scripts that write a name in two signs, two are enough."""
    text = compact(value)
    least = _WHOLE - 1 if unicodedata.category(text[:1] or " ") == "Lo" else _WHOLE
    return {text} if len(text) >= least else set()


def _numbers(value: str) -> set[str]:
    """Return the numbers of a value, and codes of few letters and digits: plates, passports."""
    joined = _BETWEEN_DIGITS.sub("", plain(value))
    runs = groupby(words_of(value), key=_is_of_code)
    codes = {"".join(run) for is_code, run in runs if is_code}
    return {*re.findall(rf"\d{{{_NUMBER_DIGITS},}}", joined)} | {
        code for code in codes if len(code) >= _NUMBER_DIGITS and not code.isalpha()
    }


def _is_of_code(word: str) -> bool:
    return not word.isalpha() or len(word) <= _NAME_LETTERS


def _telephone(value: str) -> set[str]:
    digits = "".join(filter(str.isdecimal, plain(value)))
    return {digits[-_TELEPHONE_DIGITS:]} if len(digits) >= _NUMBER_DIGITS else set()


def _days(value: str) -> set[str]:
    """Return a date as people write it, the year first or last."""
    day = date.fromisoformat(value)
    return {
        f"{day:%Y%m%d}", f"{day:%d%m%Y}", f"{day:%m%d%Y}",
        f"{day.day}{day.month}{day.year}", f"{day.month}{day.day}{day.year}",
    }  # fmt: skip
