"""The catalogue of kinds: data. A new kind is a content type and a row here."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import msgspec

from gateway.cases.codes import CHECKS
from gateway.cases.conduct import Reply
from gateway.cases.labels import Label
from gateway.cases.requests import VerifyValue
from gateway.cases.schema import Content, json_schema
from gateway.cases.service import Ping, Restored
from gateway.errors import RejectedError
from gateway.faults import convert, passes

_DAY_S = 86_400


class Family(StrEnum):
    """Kinds that belong together. What a member may say in its role is decided by family."""

    REQUESTS = "requests"
    """What one member asks another to do: each begins a case."""
    CONDUCT = "conduct"
    """What the two say to each other in it."""
    SERVICE = "service"
    """What nodes say to each other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of message."""

    name: str
    version: int
    family: Family
    content: type[Content]
    label: Label
    opens_case: bool
    """Whether it begins a case of its own; the others belong to one."""
    priority: int
    """0 to 9, 9 first; what a message has unless it says otherwise."""
    due_s: int | None
    """In how long it should be answered, in seconds, unless an instrument says otherwise."""
    by_node: bool = False
    """Whether nodes alone send it, of themselves: the house cannot."""

    @property
    def ends_at_node(self) -> bool:
        """Whether the recipient's node receipts it and shows it to nobody."""
        return self.family is Family.SERVICE

    def validate(self, raw: object, *, pointer: str = "") -> Content:
        """Return the content in ``raw`` (JSON-like), which lies at ``pointer``.

        Raises FaultsError with every fault.
        """
        return convert(raw, self.content, pointer=pointer, checks=CHECKS)

    def passes(self, content: Content) -> bool:
        """Tell whether a content of this kind's type passes the kind's checks too."""
        return passes(content, self.content, CHECKS)

    def schema(self, language: str) -> dict[str, object]:
        """Return the content's JSON Schema with titles in ``language``."""
        return json_schema(self.content, language)


CATALOGUE: Mapping[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind(
            name="request.verify_value",
            version=1,
            family=Family.REQUESTS,
            content=VerifyValue,
            label=Label("Request to verify a value", "Demande de vérification de la valeur"),
            opens_case=True,
            priority=5,
            due_s=90 * _DAY_S,
        ),
        Kind(
            name="case.reply",
            version=1,
            family=Family.CONDUCT,
            content=Reply,
            label=Label("Reply", "Réponse"),
            opens_case=False,
            priority=5,
            due_s=None,
        ),
        Kind(
            name="ping",
            version=1,
            family=Family.SERVICE,
            content=Ping,
            label=Label("Line test", "Essai de liaison"),
            opens_case=True,
            priority=9,
            due_s=None,
        ),
        Kind(
            name="restored",
            version=1,
            family=Family.SERVICE,
            content=Restored,
            label=Label("Restored from a backup", "Restauré d’une sauvegarde"),
            opens_case=True,
            priority=9,
            due_s=None,
            by_node=True,
        ),
    )
}


def kind_named(name: str) -> Kind:
    """Return a kind of the catalogue. Raises RejectedError ``kind_unknown``."""
    try:
        return CATALOGUE[name]
    except KeyError:
        known = ", ".join(CATALOGUE)
        raise RejectedError("kind_unknown", f"there is no kind {name!r}; known: {known}") from None


def content_as_json(content: Content) -> object:
    """Return a content as JSON-like values."""
    return msgspec.to_builtins(content)
