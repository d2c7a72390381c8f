"""Code lists and check digits, through kept libraries; loaded when first asked for.

An idle daemon must not carry the lists, so the libraries are imported where they are used.
"""

import re
from collections.abc import Mapping
from datetime import date

from gateway.faults import Check, Fault

_AMOUNT = re.compile(r"(0|[1-9][0-9]{0,14})(\.[0-9]{1,4})?\Z")
_HS = re.compile(r"[0-9]{4}([0-9]{2}){0,3}\Z")
_LAST_HS_CHAPTER = 97
_NATIONAL_HS_CHAPTERS = (98, 99)
_OWN_COUNTRIES = frozenset({"EU", "XK"})
"""In wide use, and not in ISO 3166."""


def container(value: str, pointer: str) -> Fault | None:
    """Check the digit of a container number; its form is the field's. Source: ISO 6346."""
    from stdnum.iso6346 import calc_check_digit  # noqa: PLC0415 - loaded on demand

    good = calc_check_digit(value[:-1]) == value[-1]
    return None if good else Fault(pointer=pointer, code="check_digit")


def imo_number(value: str, pointer: str) -> Fault | None:
    """Check the digit of a ship's number; its form is the field's.

    Source: IMO resolution A.1117(30).
    """
    from stdnum.imo import calc_check_digit  # noqa: PLC0415 - loaded on demand

    good = calc_check_digit(value[:-1]) == value[-1]
    return None if good else Fault(pointer=pointer, code="check_digit")


def country(value: str, pointer: str) -> Fault | None:
    """Check a country. Source: ISO 3166-1 alpha-2, and user-assigned codes."""
    import pycountry  # noqa: PLC0415 - loaded on demand

    user_assigned = value.startswith(("X", "Q")) or value in ("AA", "ZZ")
    if value in _OWN_COUNTRIES or user_assigned or pycountry.countries.get(alpha_2=value):
        return None
    return Fault(pointer=pointer, code="code_unknown", limit="ISO 3166")


def currency(value: str, pointer: str) -> Fault | None:
    """Check a currency. Source: ISO 4217."""
    import pycountry  # noqa: PLC0415 - loaded on demand

    if pycountry.currencies.get(alpha_3=value):
        return None
    return Fault(pointer=pointer, code="code_unknown", limit="ISO 4217")


def language(value: str, pointer: str) -> Fault | None:
    """Check a language. Source: ISO 639-1."""
    import pycountry  # noqa: PLC0415 - loaded on demand

    if pycountry.languages.get(alpha_2=value):
        return None
    return Fault(pointer=pointer, code="code_unknown", limit="ISO 639-1")


def hs_code(value: str, pointer: str) -> Fault | None:
    """Check the form and chapter of a Harmonized System code of 4 to 10 digits."""
    chapter = int(value[:2]) if _HS.match(value) else 0
    if 1 <= chapter <= _LAST_HS_CHAPTER or chapter in _NATIONAL_HS_CHAPTERS:
        return None
    return Fault(pointer=pointer, code="code_unknown", limit="HS")


def day(value: str, pointer: str) -> Fault | None:
    """Check a date. Source: ISO 8601, calendar dates."""
    try:
        exists = date.fromisoformat(value).isoformat() == value
    except ValueError:
        exists = False
    return None if exists else Fault(pointer=pointer, code="not_a_date")


def amount(value: str, pointer: str) -> Fault | None:
    """Check an amount of money: decimal text, never a float."""
    if _AMOUNT.match(value):
        return None
    return Fault(pointer=pointer, code="not_an_amount")


CHECKS: Mapping[str, Check] = {
    "container": container,
    "imo_number": imo_number,
    "country": country,
    "currency": currency,
    "language": language,
    "hs_code": hs_code,
    "date": day,
    "amount": amount,
}
"""By the name that a field's schema carries in ``extra``."""
