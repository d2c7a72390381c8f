"""What the house submits, read with every fault named, and what it is told."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import msgspec

from gateway.cases.families.lists import IntendedUse
from gateway.cases.kind import Kind
from gateway.faults import Fault, FaultsError, convert

Forwards = Annotated[list[Annotated[str, msgspec.Meta(max_length=65)]], msgspec.Meta(max_length=64)]


class Submission(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A message as the house hands it in."""

    to: Annotated[
        list[Annotated[str, msgspec.Meta(pattern=r"\A[A-Z][A-Z0-9-]{1,31}\Z")]],
        msgspec.Meta(min_length=1, max_length=256),
    ]
    kind: str
    content: dict[str, Any]
    case: Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{32}\Z")] | None = None
    in_reply_to: Annotated[str, msgspec.Meta(max_length=65)] | None = None
    attachments: Annotated[
        list[Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{32}\Z")]],
        msgspec.Meta(max_length=64),
    ] = []
    forwards: Forwards = []
    """The messages whose content this one passes on, wholly or in part."""
    purpose: IntendedUse | None = None
    """For what it is passed on."""
    handling: dict[str, Any] | None = None
    expires_in_s: Annotated[int, msgspec.Meta(ge=1)] | None = None
    priority: Annotated[int, msgspec.Meta(ge=0, le=9)] | None = None
    unit: Annotated[str, msgspec.Meta(min_length=1, max_length=64)] | None = None
    on_behalf_of: Annotated[str, msgspec.Meta(pattern=r"\A[A-Z][A-Z0-9-]{1,31}\Z")] | None = None
    """For which of its states a union speaks."""


class RecipientSummary(msgspec.Struct, frozen=True, kw_only=True):
    """How far a message is with one recipient."""

    member: str
    state: str


class ReleaseAsked(msgspec.Struct, frozen=True, kw_only=True):
    """That a message is a draft until a second person releases it."""

    rule: str
    """The rule of this member that asks for it."""
    until: int
    """When it ends, if nobody has decided by then."""


class Submitted(msgspec.Struct, frozen=True, kw_only=True):
    """An accepted message: from here on it ends visibly, whatever happens."""

    id: str
    case: str
    envelope_id: str
    """Empty for what waits for its release: there is no envelope before."""
    recipients: list[RecipientSummary]
    release: ReleaseAsked | None = None
    """There for what waits for its release."""


def read_submission(raw: object, kinds: Mapping[str, Kind]) -> Submission:
    """Return ``raw`` (JSON-like) as a submission.

    Raises FaultsError with every fault, those of the content included where its kind is known.
    """
    try:
        return convert(raw, Submission)
    except FaultsError as fault:
        raise FaultsError([*fault.faults, *_content_faults(raw, kinds)]) from fault


def _content_faults(raw: object, kinds: Mapping[str, Kind]) -> Sequence[Fault]:
    kind = kinds.get(str(raw.get("kind"))) if isinstance(raw, dict) else None
    if not isinstance(raw, dict) or kind is None or not isinstance(raw.get("content"), dict):
        return ()
    handling = {"handling": raw["handling"]} if "handling" in raw else {}
    try:
        kind.validate(_handled(kind, raw["content"] | handling), pointer="/content")
    except FaultsError as fault:
        return fault.faults
    return ()


def content_of(submission: Submission, kind: Kind) -> dict[str, Any]:
    """Return the content with the handling that was given beside it, or else the kind's own.

    Raises FaultsError for a handling that is given twice.
    """
    if submission.handling is None:
        return _handled(kind, submission.content)
    if "handling" in submission.content:
        raise FaultsError([Fault(pointer="/handling", code="conflict", limit="/content/handling")])
    return {**submission.content, "handling": submission.handling}


def _handled(kind: Kind, content: dict[str, Any]) -> dict[str, Any]:
    """Return a content with the handling that it states, or else the kind's own."""
    if kind.handling is None or "handling" in content:
        return content
    return {**content, "handling": msgspec.to_builtins(kind.handling)}
