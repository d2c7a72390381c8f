"""Case events: what threads take of stored messages, opened only where a thread depends on it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from gateway.cases.content import read_content
from gateway.cases.fields.schema import Content
from gateway.cases.kind import Kind
from gateway.cases.kinds import kind_named
from gateway.cases.threads.event import Event
from gateway.cases.threads.thread import REFUSE, is_event
from gateway.errors import LiaisonError, RejectedError
from gateway.protocol.envelope import parse_header
from gateway.protocol.message import Payload, decode_payload
from gateway.protocol.opening import open_body
from gateway.services.keys import NodeKeys
from gateway.store import messages, tombstones
from gateway.store.database import Transaction
from gateway.store.messages import MessageSummary, StoredMessage

OPENED_AT_ONCE = 16
"""Whose bodies are in memory together, of a mebibyte at most each."""
_DATES = ("due_on", "review_on", "reply_by")


def read_events(
    tx: Transaction,
    keys: NodeKeys,
    kinds: Mapping[str, Kind],
    found: Iterable[MessageSummary],
    opens: Callable[[str], bool] = is_event,
) -> dict[int, Event]:
    """Return the events among messages, by row; with what those say whose kind it ``opens``.

    What cannot be opened any more, because its key is gone or its kind is not known, still counts
    by what stands in the clear; what was purged, by its tombstone.
    """
    found = [item for item in found if is_event(item.kind)]
    events = {item.row_id: stored_event(item) for item in found}
    buried = [item.row_id for item in found if item.purged_at is not None and item.kind == REFUSE]
    for row in tombstones.of_part(tx, buried) if buried else ():
        events[row] = replace(events[row], part=True)
    closed = [row for row, event in events.items() if opens(event.kind)]
    for start in range(0, len(closed), OPENED_AT_ONCE):
        for item in messages.by_rows(tx, closed[start : start + OPENED_AT_ONCE]):
            content = opened_content(keys, kinds, item)
            if content is not None:
                events[item.row_id] = _saying(events[item.row_id], content)
    return events


def stored_event(item: MessageSummary) -> Event:
    """Return a stored message as an event, by what stands in the clear."""
    return Event(
        kind=item.kind,
        member=item.sender,
        message_id=item.message_id,
        seq=item.seq,
        to=parse_header(item.header).to,
        created_at=item.created_at,
        in_reply_to=item.in_reply_to,
        on_behalf_of=item.on_behalf_of,
    )


def drafted_event(
    payload: Payload, message_id: bytes, to: Sequence[str], content: Content
) -> Event:
    """Return a message that is being written as an event."""
    event = Event(
        kind=payload.kind,
        member=payload.sender,
        message_id=message_id,
        seq=payload.seq,
        to=tuple(to),
        created_at=payload.created_at,
        in_reply_to=payload.in_reply_to,
        on_behalf_of=payload.on_behalf_of,
    )
    return _saying(event, content)


def check_kept(item: StoredMessage) -> None:
    """Let pass what was not purged. Raises RejectedError ``message_purged``."""
    if item.purged_at is not None:
        raise RejectedError(
            "message_purged",
            "what this message said was destroyed here; its tombstone stands in liaison case show "
            f"{item.case_id.hex()}",
        )


def opened_payload(keys: NodeKeys, item: StoredMessage) -> Payload:
    """Open a stored message.

    Raises RejectedError ``message_purged``, UnavailableError ``storage_key_missing``.
    """
    check_kept(item)
    storage = keys.storage_key(item.storage_key_id)
    content_key = storage.unwrap(item.envelope_id, item.wrapped_key)
    return decode_payload(open_body(item.header, item.body, content_key).payload)


def opened_content(
    keys: NodeKeys, kinds: Mapping[str, Kind], item: StoredMessage
) -> Content | None:
    """Return the content of a stored message; None where it cannot be read."""
    try:
        payload = opened_payload(keys, item)
        return read_content(kind_named(payload.kind, kinds), payload.content)
    except LiaisonError:
        return None


def _saying(event: Event, content: Content) -> Event:
    """Return an event with what its content says; fields that its kind lacks say nothing."""
    said: dict[str, Any] = {
        name: value
        for name in ("part", "urgent", "made_orally", "legal_basis")
        if (value := getattr(content, name, None))
    }
    named = next((day for name in _DATES if (day := getattr(content, name, None))), None)
    return replace(event, due_on=named and date.fromisoformat(named), **said)
