"""What the nodes of a member hold, read from its store with its own keys: the strict account.

Nothing is asked of a daemon: receipts are verified, and messages opened, as they lie there.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from sqlalchemy import select

from gateway.cases.content import decode_content
from gateway.cases.kinds import content_as_json, kind_named
from gateway.cli.auditing.examination import examine
from gateway.cli.terminal.options import settings_of
from gateway.daemon import open_database
from gateway.errors import LiaisonError
from gateway.protocol.message import decode_payload, message_ref
from gateway.protocol.opening import open_body
from gateway.protocol.receipt import Expected, check_delivery, verify_receipt
from gateway.settings import Settings
from gateway.store import messages, registry
from gateway.store.database import Database
from gateway.store.outbox.states import OPEN, OutboxState
from gateway.store.schema import messages as messages_table
from gateway.store.schema import outbox as outbox_table
from keys.keyfile import unlock
from keys.keyring import Keyring
from keys.registry.draft import parse_fingerprint
from keys.registry.view import View, advance, found
from keys.suite import MemberId
from tests.system.traffic import Promised

ROWS_PER_READ = 2_000


@dataclass(frozen=True, kw_only=True)
class Sent:
    """How one copy stands in its sender's outbox."""

    state: OutboxState
    code: str
    receipt: bytes | None
    proven: bool
    """Whether the receipt verifies, and is for exactly this copy."""


@dataclass(frozen=True, kw_only=True)
class Received:
    """A message in an inbox: its content's own token, and the receipt that was given for it."""

    token: str
    receipt: bytes | None


@dataclass
class Count:
    """Every promised copy, in exactly one place."""

    delivered: int = 0
    """Once in the inbox, and the sender holds the receipt that the recipient keeps, verified."""
    ended: dict[str, int] = field(default_factory=dict)
    """Visibly failed or expired and not arrived, by reason."""
    waiting: int = 0
    """Still under way."""
    unproven: int = 0
    """Arrived, and yet the sender holds no receipt that proves it, or says that it failed."""
    lost: int = 0
    """Delivered as the sender says, or unknown to it, and not in the inbox."""
    doubled: int = 0
    """Arrivals of content that had arrived before, whether it was promised or not."""
    unanswered: int = 0
    """Copies that arrived, once, though the answer to the house was lost: allowed."""


def counted(
    promised: Mapping[str, Promised],
    sent: Mapping[tuple[str, str], Sent],
    inboxes: Mapping[str, Mapping[str, Received]],
) -> Count:
    """Put every copy where it belongs."""
    count = Count()
    for message, promise in promised.items():
        for name in promise.to:
            _place(count, sent.get((message, name)), inboxes[name].get(message), promise.token)
    answered = {item.token for item in promised.values()}
    for inbox in inboxes.values():
        tokens = [item.token for item in inbox.values()]
        count.doubled += len(tokens) - len(set(tokens))
        count.unanswered += len(set(tokens) - answered)
    return count


def _place(count: Count, row: Sent | None, arrived: Received | None, token: str) -> None:
    if row is None:
        count.lost += 1
    elif row.state in OPEN:
        count.waiting += 1
    elif row.state is OutboxState.DELIVERED:
        if arrived is None or arrived.token != token:
            count.lost += 1
        elif row.proven and row.receipt == arrived.receipt:
            count.delivered += 1
        else:
            count.unproven += 1
    elif arrived is not None:
        count.unproven += 1
    else:
        reason = row.code or row.state.value
        count.ended[reason] = count.ended.get(reason, 0) + 1


def sent_by(folder: Path) -> dict[tuple[str, str], Sent]:
    """Return the copies in a member's outbox, by message and recipient."""
    with _opened(folder) as (settings, database):
        view = _before_revocations(_view(settings, database))
        return {
            (message_ref(row.sender, row.message_id), row.recipient): Sent(
                state=OutboxState(row.state), code=row.code, receipt=row.receipt,
                proven=_is_proven(row, view),
            )
            for row in _outbox_rows(database)
        }  # fmt: skip


def received_by(folder: Path, passphrase: bytes) -> dict[str, Received]:
    """Return the messages in a member's inbox, opened, by their names."""
    with _opened(folder) as (settings, database):
        unlocked = unlock(settings.path(settings.keys.file), passphrase, entropy=os.urandom)
        keyring = Keyring.parse(unlocked.body)
        return {
            message_ref(row.sender, row.message_id): Received(
                token=_token(row, keyring), receipt=row.receipt
            )
            for row in _messages(database)
            if row.direction == messages.IN
        }


def log_verifies(folder: Path) -> bool:
    """Tell whether a member's whole audit log verifies, with every message that is stored."""
    return examine(settings_of(folder)).report.findings == ()


@contextmanager
def _opened(folder: Path) -> Iterator[tuple[Settings, Database]]:
    settings = settings_of(folder)
    database = open_database(settings)
    try:
        yield settings, database
    finally:
        database.close()


def _view(settings: Settings, database: Database) -> View:
    notes = database.read_now(registry.all_statements)
    return advance(found(notes[0], parse_fingerprint(settings.registry.anchor)), notes[1:])


def _before_revocations(view: View) -> View:
    """Return a view in which no key is revoked: a receipt was judged when it came, and once."""
    keys = {key_id: replace(key, revoked_since=None) for key_id, key in view.keys.items()}
    return replace(view, keys=keys)


def _outbox_rows(database: Database) -> Iterator[object]:
    theirs = ("sender", "message_id", "envelope_id", "tbs_digest")
    statement = select(*outbox_table.c, *(messages_table.c[name] for name in theirs)).join_from(
        outbox_table, messages_table, messages_table.c.row_id == outbox_table.c.message_row
    )
    after = 0
    while True:
        page = statement.where(outbox_table.c.row_id > after).order_by(outbox_table.c.row_id)
        rows = database.read_now(lambda tx, p=page: tx.execute(p.limit(ROWS_PER_READ)).all())
        yield from rows
        if not rows:
            return
        after = rows[-1].row_id


def _is_proven(row: object, view: View) -> bool:
    if row.receipt is None:
        return False
    expected = Expected(
        envelope_id=row.envelope_id, recipient=MemberId(row.recipient),
        tbs_digest=row.tbs_digest, seal_kid=row.seal_kid or b"",
    )  # fmt: skip
    try:
        check_delivery(verify_receipt(row.receipt, view), expected)
    except LiaisonError:
        return False
    return True


def _messages(database: Database) -> Iterator[messages.StoredMessage]:
    after = 0
    while rows := database.read_now(lambda tx, a=after: messages.envelopes(tx, a, ROWS_PER_READ)):
        yield from rows
        after = rows[-1].row_id


def _token(row: messages.StoredMessage, keyring: Keyring) -> str:
    content_key = keyring.storage_key(row.storage_key_id).unwrap(row.envelope_id, row.wrapped_key)
    payload = decode_payload(open_body(row.header, row.body, content_key).payload)
    content = content_as_json(decode_content(kind_named(payload.kind), payload.content))
    return str(content["own_reference"])
