"""The nomenclature of the Harmonized System: read from a table, and what is held against it."""

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from gateway.cases.fields.places import Way, checked, values_at
from gateway.cases.kind import Kind
from gateway.errors import RejectedError

EDITION_FIELD: Final = "hs_edition"
_HEADING_DIGITS, _SUBHEADING_DIGITS = 4, 6
_LENGTHS = (2, _HEADING_DIGITS, _SUBHEADING_DIGITS)
_NATIONAL = ("98", "99")
_CODE = re.compile(r"[0-9]{2,6}\Z")
_WELL_FORMED = re.compile(r"[0-9]{4,10}\Z")
_MAX_DESCRIPTION = 1000
_MAX_ROWS = 20_000
_TOLD = 10
"""So many faults of a file are told; the rest is of the same kind, or the file is another."""


@dataclass(frozen=True, slots=True)
class HsRow:
    """A chapter (2 digits), heading (4) or subheading (6), and what it covers."""

    code: str
    description: str


def parse_nomenclature(text: str) -> list[HsRow]:
    """Read a table with the columns ``hscode`` and ``description``; others are left alone.

    A row whose code is no number is a total and left out. Raises RejectedError
    ``nomenclature_malformed`` with the first faults and their lines.
    """
    table = csv.DictReader(text.removeprefix("\ufeff").splitlines(), strict=True)
    try:
        if not {"hscode", "description"} <= set(table.fieldnames or ()):
            raise _malformed("line 1: the columns hscode and description are needed")
        rows, faults = _read(table)
    except csv.Error as fault:
        raise _malformed(f"line {table.line_num}: {fault}") from fault
    if not rows and not faults:
        faults = ["there are no codes"]
    if faults:
        raise _malformed("; ".join(faults[:_TOLD]))
    return list(rows.values())


def _read(table: "csv.DictReader[str]") -> tuple[dict[str, HsRow], list[str]]:
    rows, faults = dict[str, HsRow](), list[str]()
    for row in table:
        code, description = (row["hscode"] or "").strip(), (row["description"] or "").strip()
        if code.isalpha():
            continue
        fault = _fault(code, description, rows)
        if fault:
            faults.append(f"line {table.line_num}: {fault}")
        if len(rows) > _MAX_ROWS:
            raise _malformed(f"there are more than {_MAX_ROWS} codes")
        rows[code] = HsRow(code, description)
    return rows, faults


def _fault(code: str, description: str, before: dict[str, HsRow]) -> str:
    if not _CODE.match(code) or len(code) not in _LENGTHS:
        return f"{code[:20]!r} is no code of 2, 4 or 6 digits"
    if code in before:
        return f"{code} stands twice"
    if len(code) > _LENGTHS[0] and code[:-2] not in before:
        return f"{code} stands before {code[:-2]}, to which it belongs"
    if not 1 <= len(description) <= _MAX_DESCRIPTION or not description.isprintable():
        return f"{code} has no description that can be shown"
    return ""


def codes_in(kind: Kind, raw: object) -> Iterator[tuple[Way, str]]:
    """Yield the well-formed international HS codes of a content (JSON-like), and the ways there."""
    for place in checked(kind.content, "hs_code"):
        for way, value in values_at(raw, place):
            if isinstance(value, str) and _WELL_FORMED.match(value) and value[:2] not in _NATIONAL:
                yield way, value


def covers(codes: frozenset[str], code: str) -> bool:
    """Tell whether an edition has the international part of a code of 4 to 10 digits."""
    whole = code[:_SUBHEADING_DIGITS]
    return (whole if len(whole) == _SUBHEADING_DIGITS else whole[:_HEADING_DIGITS]) in codes


def _malformed(detail: str) -> RejectedError:
    return RejectedError("nomenclature_malformed", detail)
