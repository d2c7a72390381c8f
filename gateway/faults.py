"""Typed conversion that reports every fault at once, by JSON pointer, in English and French.

``msgspec`` stops at the first fault; a person who fills in a form wants them all. The types stay
msgspec's: this module only walks them. Used for requests, contents and settings alike.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Any, TypeVar

import msgspec
from msgspec import inspect

from gateway.errors import RejectedError
from gateway.fault_sentences import SENTENCES

_T = TypeVar("_T")

_UNSHOWN = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e]")
"""Control characters, separators of lines, and what turns the direction of writing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing wrong: where (RFC 6901 pointer), what (a stable code), and the bound it broke."""

    pointer: str
    code: str
    limit: str = ""

    def sentence(self, language: str = "en") -> str:
        """Return what to tell a person, in ``en`` or ``fr``."""
        english, french = SENTENCES[self.code]
        return (french if language == "fr" else english).format(limit=self.limit)


class FaultsError(RejectedError):
    """What was sent has faults: all of them."""

    def __init__(self, faults: Sequence[Fault], where: str = "") -> None:
        shown = "; ".join(f"{fault.pointer or '/'}: {fault.sentence()}" for fault in faults)
        super().__init__("validation_failed", where + shown)
        self.faults = tuple(faults)


Check = Callable[[str, str], Fault | None]
"""Given a text and its pointer, says what is wrong with it beyond its form."""


def convert(
    raw: object,
    target: type[_T],
    *,
    pointer: str = "",
    checks: Mapping[str, Check] = MappingProxyType({}),
) -> _T:
    """Return ``raw`` (JSON-like) as ``target``, a msgspec Struct.

    A field may name one of ``checks`` in the extra of its Meta; a text of the right form must pass
    it. Raises FaultsError with every fault, in the order of the fields.
    """
    try:
        value = msgspec.convert(raw, target, strict=True)
    except msgspec.ValidationError as fault:
        faults = list(_walk(raw, _type_info(target), pointer, checks))
        raise FaultsError(faults or [Fault(pointer=pointer, code="wrong_type")]) from fault
    if not passes(value, target, checks):
        raise FaultsError(list(_walk(raw, _type_info(target), pointer, checks)))
    return value


def passes(value: object, target: type, checks: Mapping[str, Check]) -> bool:
    """Tell whether a value that is a ``target`` already passes its checks too.

    Only the fields that name a check, or lead to one, are looked at.
    """
    if target not in _probes:
        _probes[target] = _probe(_type_info(target), checks)
    probe = _probes[target]
    return probe is None or probe(value)


_Probe = Callable[[Any], bool]
_probes: dict[type, _Probe | None] = {}


def _probe(  # noqa: C901, PLR0911 - one arm for each type that may lead to a check
    info: inspect.Type, checks: Mapping[str, Check]
) -> _Probe | None:
    """Build what looks at the checked parts of a type; None where there are none."""
    match info:
        case inspect.Metadata():
            check = checks.get((info.extra or {}).get("check", ""))
            inner = _probe(info.type, checks)
            if check is None:
                return inner
            return lambda value: not isinstance(value, str) or check(value, "") is None
        case inspect.StructType():
            fields = [
                (item.name, probe)
                for item in info.fields
                if (probe := _probe(item.type, checks)) is not None
            ]
            if not fields:
                return None
            return partial(_fields_pass, fields)
        case inspect.UnionType():
            rest = [kind for kind in info.types if not isinstance(kind, inspect.NoneType)]
            probes = [_probe(kind, checks) for kind in rest]
            if len(probes) == 1:
                only = probes[0]
                return None if only is None else lambda value: value is None or only(value)
            if not any(probes):
                return None
            raise TypeError(f"a check inside one of several types is not looked at: {info}")
        case inspect.ListType() | inspect.VarTupleType():
            each = _probe(info.item_type, checks)
            return None if each is None else lambda value: all(map(each, value))
        case inspect.DictType():
            if _probe(info.value_type, checks) is not None:
                raise TypeError(f"a check inside a map is not looked at: {info}")
    return None


def _fields_pass(fields: Sequence[tuple[str, _Probe]], value: object) -> bool:
    # No generator: one for each struct of each content would cost more than the checks.
    for name, probe in fields:  # noqa: SIM110
        if not probe(getattr(value, name)):
            return False
    return True


_infos: dict[object, inspect.Type] = {}


def _type_info(target: object) -> inspect.Type:
    """Return what msgspec knows of a type; finding out costs more than a whole validation."""
    if target not in _infos:
        _infos[target] = inspect.type_info(target)
    return _infos[target]


def pointer_to(*parts: str | int) -> str:
    """Return the JSON pointer of nested names and indexes."""
    escaped = (str(part).replace("~", "~0").replace("/", "~1") for part in parts)
    return "".join(f"/{part}" for part in escaped)


def _walk(  # noqa: C901, PLR0912 - one arm for each type that may come from outside
    raw: object, info: inspect.Type, at: str, checks: Mapping[str, Check]
) -> Iterator[Fault]:
    match info:
        case inspect.Metadata():
            faults = list(_walk(raw, info.type, at, checks))
            check = checks.get((info.extra or {}).get("check", ""))
            if not faults and check is not None and isinstance(raw, str):
                faults += filter(None, [check(raw, at)])
            yield from faults
        case inspect.StructType():
            yield from _walk_struct(raw, info, at, checks)
        case inspect.UnionType():
            yield from _walk_union(raw, info, at, checks)
        case inspect.ListType() | inspect.VarTupleType():
            yield from _walk_list(raw, info, at, checks)
        case inspect.DictType():
            yield from _walk_map(raw, info, at, checks)
        case inspect.StrType():
            yield from _text_faults(raw, info, at)
        case inspect.IntType():
            yield from _number_faults(raw, info, at)
        case inspect.BoolType():
            if not isinstance(raw, bool):
                yield Fault(pointer=at, code="not_a_flag")
        case inspect.EnumType():
            yield from _choice_faults(raw, [member.value for member in info.cls], at)
        case inspect.LiteralType():
            yield from _choice_faults(raw, list(info.values), at)
        case inspect.NoneType():
            if raw is not None:
                yield Fault(pointer=at, code="not_empty_value")
        case inspect.AnyType():
            return
        case _:
            raise TypeError(f"a type that comes from outside is not among those checked: {info}")


def _walk_struct(
    raw: object, info: inspect.StructType, at: str, checks: Mapping[str, Check]
) -> Iterator[Fault]:
    if not isinstance(raw, Mapping):
        yield Fault(pointer=at, code="not_an_object")
        return
    names = {item.encode_name for item in info.fields}
    for item in info.fields:
        here = at + pointer_to(item.encode_name)
        if item.encode_name in raw:
            yield from _walk(raw[item.encode_name], item.type, here, checks)
        elif item.required:
            yield Fault(pointer=here, code="missing")
    if info.forbid_unknown_fields:
        for name in raw:
            if name not in names:
                yield Fault(pointer=at + pointer_to(str(name)), code="unknown_field")


def _walk_union(
    raw: object, info: inspect.UnionType, at: str, checks: Mapping[str, Check]
) -> Iterator[Fault]:
    if raw is None and info.includes_none:
        return
    rest = [kind for kind in info.types if not isinstance(kind, inspect.NoneType)]
    attempts = [list(_walk(raw, kind, at, checks)) for kind in rest]
    if all(attempts):
        yield from attempts[0]


def _walk_list(
    raw: object,
    info: inspect.ListType | inspect.VarTupleType,
    at: str,
    checks: Mapping[str, Check],
) -> Iterator[Fault]:
    if not isinstance(raw, list | tuple):
        yield Fault(pointer=at, code="not_a_list")
        return
    if info.min_length is not None and len(raw) < info.min_length:
        yield Fault(pointer=at, code="too_few", limit=str(info.min_length))
    if info.max_length is not None and len(raw) > info.max_length:
        yield Fault(pointer=at, code="too_many", limit=str(info.max_length))
        return
    for index, item in enumerate(raw):
        yield from _walk(item, info.item_type, at + pointer_to(index), checks)


def _walk_map(
    raw: object, info: inspect.DictType, at: str, checks: Mapping[str, Check]
) -> Iterator[Fault]:
    if not isinstance(raw, Mapping):
        yield Fault(pointer=at, code="not_an_object")
        return
    for name, item in raw.items():
        yield from _walk(item, info.value_type, at + pointer_to(str(name)), checks)


def _text_faults(raw: object, info: inspect.StrType, at: str) -> Iterator[Fault]:
    if not isinstance(raw, str):
        yield Fault(pointer=at, code="not_text")
    elif info.min_length is not None and len(raw) < info.min_length:
        yield Fault(pointer=at, code="too_short", limit=str(info.min_length))
    elif info.max_length is not None and len(raw) > info.max_length:
        yield Fault(pointer=at, code="too_long", limit=str(info.max_length))
    elif info.pattern is not None and not re.search(info.pattern, raw):
        code = "control_character" if _UNSHOWN.search(raw) else "wrong_form"
        yield Fault(pointer=at, code=code)


def _number_faults(raw: object, info: inspect.IntType, at: str) -> Iterator[Fault]:
    if not isinstance(raw, int) or isinstance(raw, bool):
        yield Fault(pointer=at, code="not_a_number")
    elif info.ge is not None and raw < info.ge:
        yield Fault(pointer=at, code="too_small", limit=str(info.ge))
    elif info.le is not None and raw > info.le:
        yield Fault(pointer=at, code="too_large", limit=str(info.le))


def _choice_faults(raw: object, options: Sequence[Any], at: str) -> Iterator[Fault]:
    if raw not in options:
        shown = ", ".join(str(option) for option in options)
        yield Fault(pointer=at, code="not_one_of", limit=shown)
