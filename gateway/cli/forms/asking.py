"""Asking: a content filled in at a terminal, field by field, each fault told at once."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gateway.cases.forms import Field, Shape, form_of, label_at
from gateway.cases.kind import Kind
from gateway.cli.forms.faults import faults_of
from gateway.cli.forms.words import hint, word
from gateway.cli.terminal import asking as terminal
from gateway.faults import Fault, pointer_to


class Interview:
    """Fills in one content by questions."""

    def __init__(self, kind: Kind, raw: dict[str, Any], language: str) -> None:
        self._kind = kind
        self._language = language
        self._fields = form_of(kind)
        self.raw = raw
        """What is known already, and what was answered."""

    def required(self) -> None:
        """Ask for every required field that nothing is known of."""
        terminal.tell(word("begin", self._language))
        self._required(self._fields, self.raw, "")

    def optional(self) -> None:
        """Let the officer choose among the other fields."""
        self._choose(self._fields, self.raw, "")

    def _required(self, fields: Sequence[Field], into: dict[str, Any], at: str) -> None:
        for field in fields:
            if field.required and field.name not in into:
                self._ask(field, into, at)

    def _choose(self, fields: Sequence[Field], into: dict[str, Any], at: str) -> None:
        while left := [field for field in fields if not field.required and field.name not in into]:
            terminal.tell(word("more", self._language))
            for number, field in enumerate(left, start=1):
                terminal.tell(f"  {number:>2}  {self._named(field)}")
            answer = terminal.read(word("which", self._language))
            if not answer:
                return
            if answer.isdecimal() and 1 <= int(answer) <= len(left):
                self._ask(left[int(answer) - 1], into, at)

    def _ask(self, field: Field, into: dict[str, Any], at: str) -> None:
        here = at + pointer_to(field.name)
        if field.shape is Shape.PART:
            self._ask_part(field, into, here)
            return
        self._explain(field)
        while True:
            answer = self._answer(field)
            if answer is None and not field.required:
                return
            if answer is None:
                into.pop(field.name, None)
            else:
                into[field.name] = answer
            faults = [fault for fault in faults_of(self._kind, self.raw) if _is_at(fault, here)]
            if not faults:
                return
            into.pop(field.name, None)
            for fault in faults:
                place = label_at(self._fields, fault.pointer, self._language)
                terminal.tell(f"  ! {place.rpartition(' › ')[2]}: {fault.sentence(self._language)}")

    def _ask_part(self, field: Field, into: dict[str, Any], here: str) -> None:
        items: list[dict[str, Any]] = []
        while True:
            number = f" {len(items) + 1}" if field.many else ""
            terminal.tell(f"{field.label.text(self._language)}{number}")
            item: dict[str, Any] = {}
            if field.many:
                items.append(item)
            into[field.name] = items if field.many else item
            place = here + (pointer_to(len(items) - 1) if field.many else "")
            self._required(field.parts, item, place)
            self._choose(field.parts, item, place)
            if not field.many or len(items) == field.most or not self._again(field):
                break
        if field.required:
            return
        items[:] = filter(None, items)
        if not into[field.name]:
            del into[field.name]

    def _again(self, field: Field) -> bool:
        label = field.label.text(self._language)
        return terminal.confirm(
            word("another", self._language, label=label), self._language, default=False
        )

    def _named(self, field: Field) -> str:
        label = field.label.text(self._language)
        if not field.default:
            return label
        value = ", ".join(_flat(field.default))
        return f"{label} ({word('unless', self._language, value=value)})"

    def _explain(self, field: Field) -> None:
        star = "* " if field.required else ""
        terminal.tell(f"{star}{field.label.text(self._language)} ({hint(field, self._language)})")
        wide = max(map(len, field.choices), default=0)
        for number, (code, label) in enumerate(field.choices.items(), start=1):
            terminal.tell(f"  {number:>2}  {code:<{wide}}  {label.text(self._language)}")

    def _answer(self, field: Field) -> Any:
        """Return what was typed as the field holds it; None for nothing."""
        match field.shape:
            case Shape.FLAG:
                return terminal.confirm(
                    "", self._language, default=None if field.required else False
                )
            case Shape.CHOICE if field.many:
                typed = terminal.read(word("choose_some", self._language))
                picked = [_choice(one.strip(), field) for one in typed.split(",") if one.strip()]
                return picked or None
            case Shape.CHOICE:
                return _choice(terminal.read(word("choose", self._language)), field) or None
        if field.many:
            return list(_until_empty(word("one_each", self._language))) or None
        if field.shape is Shape.LINES:
            return "\n".join(_until_empty(word("lines_end", self._language))) or None
        typed = terminal.read("")
        is_number = field.shape is Shape.NUMBER and typed.isdecimal()
        return int(typed) if is_number else typed or None


def _until_empty(question: str) -> Iterator[str]:
    while line := terminal.read(question):
        yield line
        question = ""


def _choice(typed: str, field: Field) -> str:
    """Return the code that a number stands for, unless it is a code itself."""
    codes = list(field.choices)
    if typed not in codes and typed.isdecimal() and 1 <= int(typed) <= len(codes):
        return codes[int(typed) - 1]
    by_case = {code.casefold(): code for code in codes}
    return by_case.get(typed.casefold(), typed)


def _is_at(fault: Fault, here: str) -> bool:
    return fault.pointer == here or fault.pointer.startswith(f"{here}/")


def _flat(value: object) -> Iterator[str]:
    """Yield the plain values of a default."""
    if isinstance(value, Mapping):
        for inner in value.values():
            yield from _flat(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _flat(inner)
    elif value:
        yield str(value)
