"""Code lists and check digits, through kept libraries; loaded when first asked for.

An idle daemon must not carry the lists, so the libraries are imported where they are used.
"""

import re
from collections.abc import Mapping
from datetime import date
from types import MappingProxyType

from gateway.cases.fields.labels import Label
from gateway.cases.fields.schema import LINES, ONE_LINE
from gateway.faults import Check, Fault

_ONE_LINE = re.compile(ONE_LINE)
_LINES = re.compile(LINES)
_AMOUNT = re.compile(r"(0|[1-9][0-9]{0,14})(\.[0-9]{1,4})?\Z")
_HS = re.compile(r"[0-9]{4}([0-9]{2}){0,3}\Z")
_LAST_HS_CHAPTER = 97
_NATIONAL_HS_CHAPTERS = (98, 99)
_YEARS = range(1850, 2201)
OWN_COUNTRIES: Mapping[str, Label] = MappingProxyType(
    {"EU": Label("European Union", "Union européenne"), "XK": Label("Kosovo", "Kosovo")}
)
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


def air_waybill(value: str, pointer: str) -> Fault | None:
    """Check the last digit of an air waybill: its serial number of 7 digits, modulo 7.

    Source: IATA resolution 600a.
    """
    serial, digit = value[4:11], value[11]
    return None if int(serial) % 7 == int(digit) else Fault(pointer=pointer, code="check_digit")


def lei(value: str, pointer: str) -> Fault | None:
    """Check the digits of a legal entity identifier. Source: ISO 17442."""
    from stdnum.lei import is_valid  # noqa: PLC0415 - loaded on demand

    return None if is_valid(value) else Fault(pointer=pointer, code="check_digit")


def iban(value: str, pointer: str) -> Fault | None:
    """Check country, length and digits of a bank account's number. Source: ISO 13616."""
    from stdnum.iban import is_valid  # noqa: PLC0415 - loaded on demand

    good = is_valid(value, check_country=False)
    return None if good else Fault(pointer=pointer, code="check_digit")


def vat(value: str, pointer: str) -> Fault | None:
    """Check a VAT number by the rules of its state, where it is one of the European Union.

    Of other states only the form is known, which is the field's.
    """
    from stdnum.eu.vat import MEMBER_STATES, is_valid  # noqa: PLC0415 - loaded on demand

    state = value[:2].lower().replace("el", "gr")
    good = state not in MEMBER_STATES or is_valid(value)
    return None if good else Fault(pointer=pointer, code="check_digit")


def country(value: str, pointer: str) -> Fault | None:
    """Check a country. Source: ISO 3166-1 alpha-2, and user-assigned codes."""
    import pycountry  # noqa: PLC0415 - loaded on demand

    user_assigned = value.startswith(("X", "Q")) or value in ("AA", "ZZ")
    if value in OWN_COUNTRIES or user_assigned or pycountry.countries.get(alpha_2=value):
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
    """Check a date. Source: ISO 8601, calendar dates.

    A year far off is one of another calendar: 2569 is said in Bangkok, 1448 in Mecca.
    """
    try:
        read = date.fromisoformat(value)
    except ValueError:
        return Fault(pointer=pointer, code="not_a_date")
    if read.isoformat() != value:
        return Fault(pointer=pointer, code="not_a_date")
    if read.year not in _YEARS:
        return Fault(pointer=pointer, code="year_unlikely")
    return None


def amount(value: str, pointer: str) -> Fault | None:
    """Check an amount of money: decimal text, never a float."""
    if _AMOUNT.match(value):
        return None
    return Fault(pointer=pointer, code="not_an_amount")


def line(value: str, pointer: str) -> Fault | None:
    """Check that a text can be shown in one line."""
    good = value.isprintable() or _ONE_LINE.match(value)
    return None if good else Fault(pointer=pointer, code="control_character")


def lines(value: str, pointer: str) -> Fault | None:
    """Check that a text can be shown."""
    good = value.isprintable() or _LINES.match(value)
    return None if good else Fault(pointer=pointer, code="control_character")


CHECKS: Mapping[str, Check] = {
    "line": line,
    "lines": lines,
    "container": container,
    "imo_number": imo_number,
    "air_waybill": air_waybill,
    "lei": lei,
    "iban": iban,
    "vat": vat,
    "country": country,
    "currency": currency,
    "language": language,
    "hs_code": hs_code,
    "date": day,
    "amount": amount,
}
"""By the name that a field's schema carries in ``extra``."""
