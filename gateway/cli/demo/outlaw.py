"""What no node does by itself: post an envelope that somebody holds, with a member's own keys.

So does who misbehaves with a node of his own making, and so does a sender whose answer was lost.
"""

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

from gateway.cli.terminal.options import settings_of
from gateway.clock import SystemClock
from gateway.daemon import open_database
from gateway.errors import LiaisonError
from gateway.network.peer_client import HttpsPeers
from gateway.protocol.answer import Accepted, Later, Posted, Refused
from gateway.protocol.medium import CarriedCopy, MediumReader
from gateway.services.keys import NodeKeys
from gateway.settings import Settings
from gateway.store import registry
from keys.keyfile import unlock
from keys.registry.draft import parse_fingerprint
from keys.registry.view import View, advance, found
from keys.suite import parse_member_id

PIECE_BYTES = 1024 * 1024


def envelopes_on(medium: Path) -> Iterator[bytes]:
    """Yield the envelopes that lie on a medium, sealed as they are."""
    reader = MediumReader()
    with medium.open("rb") as file:
        while piece := file.read(PIECE_BYTES):
            for record in reader.update(piece):
                if isinstance(record, CarriedCopy):
                    yield record.envelope


def post(folder: Path, passphrase: bytes, to: str, envelope: bytes) -> tuple[str, bytes]:
    """Post an envelope to a member over TLS, as the member whose folder it is.

    Return the code of the refusal, or an empty one and the receipt.
    """
    return asyncio.run(_post(settings_of(folder), passphrase, to, envelope))


async def _post(
    settings: Settings, passphrase: bytes, to: str, envelope: bytes
) -> tuple[str, bytes]:
    view = _view(settings)
    unlocked = unlock(settings.path(settings.keys.file), passphrase, entropy=os.urandom)
    keys = NodeKeys(unlocked, parse_member_id(settings.node.member), os.urandom)
    peers = HttpsPeers(
        keys,
        SystemClock(),
        view=lambda: view,
        registrar_url=settings.registry.url,
        settings=settings.peer_api,
    )
    recipient = parse_member_id(to)
    try:
        posted = Posted((), (recipient,), envelope)
        (answer,) = await peers.member(recipient).post_envelopes([posted])
    except LiaisonError as fault:
        return fault.code, b""
    finally:
        await peers.close()
    match answer:
        case Accepted():
            return "", answer.receipt
        case Later() | Refused():
            return answer.code, b""
        case _:
            return "pending_blobs", b""


def _view(settings: Settings) -> View:
    """Return the registry as the folder mirrors it."""
    database = open_database(settings)
    try:
        notes = database.read_now(registry.all_statements)
    finally:
        database.close()
    return advance(found(notes[0], parse_fingerprint(settings.registry.anchor)), notes[1:])
