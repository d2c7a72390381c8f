"""Kinds of some members alone: read from a document that each of them has, and typed like the rest.

A document names fields of a small closed set of types. What it makes is a kind as any other, in a
family of its own; whoever lacks the same document refuses it.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Annotated, Any

import msgspec

from gateway.cases.families.parts import HsEdition
from gateway.cases.fields.codes import CHECKS
from gateway.cases.fields.labels import Code, Label
from gateway.cases.fields.schema import (
    AirWaybill,
    Amount,
    ComingDay,
    Container,
    Content,
    Count,
    Country,
    Currency,
    Day,
    HsCode,
    Iban,
    ImoNumber,
    Language,
    Lei,
    Line,
    MessageName,
    Passage,
    PastDay,
    Vat,
    labelled,
)
from gateway.cases.handling import CUSTOMS_ONLY, Handling
from gateway.cases.kind import NORMAL, Family, Kind
from gateway.faults import Fault, FaultsError, convert, pointer_to

_CHOICE = "choice"
_TYPES: Mapping[str, tuple[Any, object]] = MappingProxyType(
    {
        "line": (Line, "…"),
        "passage": (Passage, "…"),
        "number": (Count, 1),
        "flag": (bool, True),
        "amount": (Amount, "13020.00"),
        "day": (Day, "2026-12-01"),
        "past_day": (PastDay, "2026-11-30"),
        "coming_day": (ComingDay, "2027-03-01"),
        "country": (Country, "XA"),
        "currency": (Currency, "USD"),
        "language": (Language, "en"),
        "hs_code": (HsCode, "640399"),
        "container": (Container, "TCLU4829132"),
        "imo_number": (ImoNumber, "9432177"),
        "air_waybill": (AirWaybill, "172-12345675"),
        "lei": (Lei, "5493001KJTIIGC8Y1R12"),
        "iban": (Iban, "GB82WEST12345698765432"),
        "vat": (Vat, "FR40303265045"),
        "message": (MessageName, "XB-0193f1c2a4b57c0e8d21f6a7b8c9d0e1"),
    }
)
"""Each type of field, and what an example has there, written on the day of ``cases.examples``."""
_GIVEN = ("handling", "language", "hs_edition")
"""Fields that a kind has by itself, where it needs them."""


class _Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of the document."""


class OwnLabel(_Part, frozen=True, kw_only=True):
    """A label in both languages."""

    en: Line
    fr: Line


class OwnCode(_Part, frozen=True, kw_only=True):
    """A code of a closed list."""

    code: Annotated[str, msgspec.Meta(pattern=r"\A[A-Za-z0-9_+-]{1,32}\Z")]
    label: OwnLabel


class OwnField(_Part, frozen=True, kw_only=True):
    """A field of the content."""

    name: Annotated[str, msgspec.Meta(pattern=r"\A[a-z][a-z0-9_]{0,62}\Z")]
    type: str
    label: OwnLabel
    required: bool = False
    most: Annotated[int, msgspec.Meta(ge=1, le=1000)] | None = None
    """How many there may be; None for a field that is one."""
    personal: bool = False
    choices: Annotated[tuple[OwnCode, ...], msgspec.Meta(max_length=200)] = ()


class OwnKind(_Part, frozen=True, kw_only=True):
    """A kind as its document says it."""

    name: Annotated[str, msgspec.Meta(pattern=r"\Aown\.[a-z][a-z_]{0,59}\Z")]
    version: Annotated[int, msgspec.Meta(ge=1, le=2**31 - 1)] = 1
    label: OwnLabel
    opens_case: bool = True
    priority: Annotated[int, msgspec.Meta(ge=0, le=9)] = NORMAL
    handling: Handling = CUSTOMS_ONLY
    fields: Annotated[tuple[OwnField, ...], msgspec.Meta(min_length=1, max_length=100)]


def own_kind(document: object) -> Kind:
    """Return the kind that a document (TOML or JSON, read) says.

    Raises FaultsError with every fault.
    """
    said = convert(document, OwnKind, checks=CHECKS)
    if faults := list(_faults(said)):
        raise FaultsError(faults)
    name = _class_name(said.name.replace(".", "_"))
    content: type[Content] = msgspec.defstruct(  # type: ignore[assignment]
        name,
        [*_given(said.fields), *(_field(field, name) for field in said.fields)],
        bases=(Content,),
        frozen=True,
        kw_only=True,
    )
    return Kind(
        name=said.name,
        version=said.version,
        family=Family.OWN,
        content=content,
        label=_label(said.label),
        opens_case=said.opens_case,
        priority=said.priority,
        handling=said.handling,
        example=_example(said),
    )


def _faults(said: OwnKind) -> Iterator[Fault]:
    count = Counter(field.name for field in said.fields)
    for at, field in enumerate(said.fields):
        here = pointer_to("fields", at)
        if count[field.name] > 1 or field.name in _GIVEN:
            yield Fault(pointer=f"{here}/name", code="name_taken")
        if field.type not in (*_TYPES, _CHOICE):
            known = ", ".join((*_TYPES, _CHOICE))
            yield Fault(pointer=f"{here}/type", code="not_one_of", limit=known)
        codes = [choice.code for choice in field.choices]
        if (field.type == _CHOICE) is not bool(codes) or len(set(codes)) != len(codes):
            yield Fault(pointer=f"{here}/choices", code="choices_wrong")


def _given(fields: Sequence[OwnField]) -> Iterator[Any]:
    """Yield the fields that a kind has by itself."""
    yield "handling", Annotated[Handling, labelled("Handling", "Traitement")]
    types = {field.type for field in fields}
    if "passage" in types:
        label = labelled("Language of the text", "Langue du texte")
        yield "language", Annotated[Language, label]
    if "hs_code" in types:
        yield "hs_edition", HsEdition, None


def _class_name(name: str) -> str:
    return "".join(part.title() for part in name.split("_"))


def _field(field: OwnField, within: str) -> Any:
    one = _codes(field, within) if field.type == _CHOICE else _TYPES[field.type][0]
    label = _label(field.label)
    if field.most is not None:
        bounds: dict[str, Any] = {"min_length": 1} if field.required else {}
        meta = labelled(
            label.en, label.fr, personal=field.personal, max_length=field.most, **bounds
        )
        many = Annotated[tuple[one, ...], meta]  # type: ignore[valid-type]
        return (field.name, many) if field.required else (field.name, many, ())
    meta = labelled(label.en, label.fr, personal=field.personal)
    if field.required:
        return field.name, Annotated[one, meta]
    return field.name, Annotated[one | None, meta], None


def _example(said: OwnKind) -> Mapping[str, object]:
    """Return a content with every field: what there is to fill."""
    written: dict[str, object] = {"handling": msgspec.to_builtins(said.handling)}
    if any(field.type == "passage" for field in said.fields):
        written["language"] = "en"
    for field in said.fields:
        one = field.choices[0].code if field.type == _CHOICE else _TYPES[field.type][1]
        written[field.name] = one if field.most is None else [one]
    return MappingProxyType(written)


def _codes(field: OwnField, within: str) -> type[Code]:
    """Return the choices of a field, by a name that nothing else in a schema has."""
    members = {
        choice.code: (choice.code, choice.label.en, choice.label.fr) for choice in field.choices
    }
    name = within + _class_name(field.name)
    return Code(name, members)  # type: ignore[call-arg, arg-type, return-value]


def _label(said: OwnLabel) -> Label:
    return Label(said.en, said.fr)
