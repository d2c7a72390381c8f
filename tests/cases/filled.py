"""Contents with every field filled, and every wrong value that a field can have."""

from collections.abc import Iterator
from typing import Any

from msgspec import inspect

from gateway.cases.fields.schema import DAY

TODAY = "2026-12-01"
GOOD_BY_CHECK = {
    "line": "Alda",
    "lines": "Two\nlines",
    "container": "TCLU4829132",
    "imo_number": "9432177",
    "air_waybill": "172-12345675",
    "lei": "5493001KJTIIGC8Y1R12",
    "iban": "GB82WEST12345698765432",
    "vat": "FR40303265045",
    "country": "XA",
    "currency": "USD",
    "language": "fr",
    "hs_code": "640399",
    "amount": "13020.00",
    "date": TODAY,
}
GOOD_BY_PATTERN = {
    r"\A[0-9]{4}\Z": "2022",
    r"\A[A-Z][A-Z0-9-]{1,31}\Z": "XA",
    r"\A[A-Z][A-Z0-9-]{1,31}-[0-9a-f]{32}\Z": "XA-" + "0a" * 16,
    r"\A[0-9a-f]{64}\Z": "0b" * 32,
    r"\A[1-9][0-9]{3}(\.[1-9][0-9]{0,4})?\Z": "2026.1",
    r"\A[^@\s]{1,64}@[^@\s]{1,190}\Z": "desk@customs.example",
    r"\A\+?[0-9 ()./-]{3,32}\Z": "+00 417 2291",
}
BAD_BY_CHECK = {
    "line": [("two\nlines", "control_character"), ("a\u202eb", "control_character")],
    "lines": [("bell\x07", "control_character"), ("\x85", "control_character")],
    "container": [("TCLU4829123", "check_digit"), ("tclu4829132", "wrong_form")],
    "imo_number": [("9432178", "check_digit"), ("943217", "wrong_form")],
    "air_waybill": [("172-12345676", "check_digit"), ("17212345675", "wrong_form")],
    "lei": [("5493001KJTIIGC8Y1R13", "check_digit"), ("5493001", "wrong_form")],
    "iban": [("GB83WEST12345698765432", "check_digit"), ("GB82 WEST", "wrong_form")],
    "vat": [("FR41303265045", "check_digit"), ("40303265045", "wrong_form")],
    "country": [("ZX", "code_unknown"), ("France", "wrong_form"), ("F\x00", "control_character")],
    "currency": [("FFF", "code_unknown"), ("$", "wrong_form")],
    "language": [("zz", "code_unknown"), ("fr-BE", "wrong_form"), ("FR", "wrong_form")],
    "hs_code": [("000000", "code_unknown"), ("6403.99", "wrong_form")],
    "amount": [("13,020", "not_an_amount"), ("-1", "not_an_amount"), ("1e5", "not_an_amount")],
    "date": [
        ("2027-02-30", "not_a_date"),
        ("01/12/2026", "not_a_date"),
        ("２０２６-12-01", "not_a_date"),
        ("٢٠٢٦-١٢-٠١", "not_a_date"),
        ("2569-12-01", "year_unlikely"),
        ("1448-06-21", "year_unlikely"),
    ],
}
"""For each check: a value that it refuses, and the code of its fault."""


def filled(info: inspect.Type, check: str = "") -> Any:  # noqa: PLR0911 - one for each type
    """Return a JSON-like value of a type with everything in it that can be."""
    match info:
        case inspect.Metadata():
            return filled(info.type, (info.extra or {}).get("check", check))
        case inspect.StructType():
            return {item.encode_name: filled(item.type) for item in info.fields}
        case inspect.UnionType():
            return filled(_some(info), check)
        case inspect.VarTupleType():
            return [filled(info.item_type)]
        case inspect.EnumType():
            return next(iter(info.cls)).value
        case inspect.BoolType():
            return True
        case inspect.IntType():
            return 1
        case inspect.StrType() if check:
            return GOOD_BY_CHECK[check]
        case inspect.StrType():
            return GOOD_BY_PATTERN[info.pattern or ""]
    raise TypeError(info)


def wrong(info: inspect.Type, at: str = "") -> Iterator[tuple[str, Any, str, str]]:
    """Yield (where, what to put there, which code it earns, and where the fault is told)."""
    yield from _wrong(info, at, "", "")


def _wrong(  # noqa: C901 - one arm for each type
    info: inspect.Type, at: str, check: str, side: str
) -> Iterator[tuple[str, Any, str, str]]:
    match info:
        case inspect.Metadata():
            check = (info.extra or {}).get("check", check)
            side = (info.extra_json_schema or {}).get(DAY, side)
            yield from _wrong(info.type, at, check, side)
        case inspect.UnionType():
            yield from _wrong(_some(info), at, check, side)
        case inspect.StructType():
            yield at, "text", "not_an_object", at
            yield at, {**filled(info), "surprise": 1}, "unknown_field", f"{at}/surprise"
            for item in info.fields:
                here = f"{at}/{item.encode_name}"
                if item.required:
                    rest = filled(info)
                    del rest[item.encode_name]
                    yield at, rest, "missing", here
                yield from _wrong(item.type, here, "", "")
        case inspect.VarTupleType():
            yield at, "text", "not_a_list", at
            assert info.max_length is not None, at
            yield at, [filled(info.item_type)] * (info.max_length + 1), "too_many", at
            if info.min_length:
                yield at, [], "too_few", at
            yield from _wrong(info.item_type, f"{at}/0", "", "")
        case inspect.EnumType():
            yield at, "war", "not_one_of", at
            yield at, 5, "not_one_of", at
        case inspect.BoolType():
            yield at, "yes", "not_a_flag", at
        case inspect.IntType():
            yield at, "1", "not_a_number", at
            yield at, True, "not_a_number", at
            yield at, 1.5, "not_a_number", at
            yield at, info.ge - 1, "too_small", at
            yield at, info.le + 1, "too_large", at
        case inspect.StrType():
            yield from ((at, value, code, at) for value, code in _wrong_texts(info, check, side))


def _wrong_texts(info: inspect.StrType, check: str, side: str) -> Iterator[tuple[Any, str]]:
    yield 5, "not_text"
    yield ["text"], "not_text"
    if info.min_length:
        yield "", "too_short"
    if info.max_length is not None:
        yield "x" * (info.max_length + 1), "too_long"
    else:
        assert info.pattern, "a text without a bound"
        yield "x" * 300, "wrong_form"
        yield "\x07", "control_character"
    yield from BAD_BY_CHECK.get(check, [])
    if side == "coming":
        yield "2026-11-29", "day_past"
    if side == "past":
        yield "2026-12-03", "day_to_come"


def _some(info: inspect.UnionType) -> inspect.Type:
    (kind,) = (kind for kind in info.types if not isinstance(kind, inspect.NoneType))
    return kind


def replaced(raw: Any, at: str, value: Any) -> Any:
    """Return a copy of a JSON-like value with another at a pointer."""
    if not at:
        return value
    name, _, rest = at[1:].partition("/")
    rest = f"/{rest}" if rest else ""
    if isinstance(raw, list):
        return [
            replaced(item, rest, value) if str(n) == name else item for n, item in enumerate(raw)
        ]
    return {**raw, name: replaced(raw[name], rest, value)}
