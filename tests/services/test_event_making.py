"""What happened, made of what is stored: every sort of row is told of, or left out on purpose."""

import pytest

from gateway.services.events.making import of_marks
from gateway.settings import EventType
from gateway.store.event_sources import Marked
from gateway.store.marks import MarkKind

TOLD = {
    MarkKind.RECALLED: [EventType.MESSAGE_RECALLED],
    MarkKind.RECTIFIED: [EventType.MESSAGE_RECTIFIED],
    MarkKind.REPORTED: [],
}


@pytest.mark.parametrize("kind", MarkKind)
def test_every_kind_of_mark_is_told_or_left_out(kind: MarkKind) -> None:
    """A report on a recall is left out: it came as a message, which is told by itself."""
    mark = Marked(
        row_id=1, sender="XB", message_id=bytes(16), kind=kind, heard_at=1, case_id=bytes(16)
    )
    assert [item.type for item in of_marks([mark])] == TOLD[kind]
