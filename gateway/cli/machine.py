"""What an exchange is made of, timed on this machine, and what a node cannot exceed here.

Each part is measured alone, on the disk of the node's folder; nothing is sent, and a running daemon
may go on. The whole is worked out from the parts: a bound, which a node under load comes near to
but does not reach.
"""

import itertools
import os
import statistics
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import msgspec

from gateway.cli.terminal.options import settings_of
from gateway.clock import SystemClock
from gateway.errors import UnavailableError
from gateway.protocol.message import draw_id
from gateway.settings import NodeSettings, Settings
from gateway.store import audit, messages
from gateway.store.database import Database, Transaction
from gateway.store.migrate import upgrade
from keys import sealing, signing, stream
from keys.suite import CONTENT_KEY_BYTES, DIGEST_BYTES, SEED_BYTES, KeyUse, digest

KIB = 1024
MIB = 1024 * KIB
PAGE_BYTES = 4 * KIB
SEGMENT_BYTES = 8 * MIB
BATCH = 64
ROUND_S = 0.15
_CONTEXT = b"bench context of a body, or of a stanza"
_INFO = b"bench info of a stanza, as long as one: " + bytes(DIGEST_BYTES)

Act = Callable[[], object]
"""One thing to repeat and time."""


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """One part of an exchange, and how often a second one processor or the disk manages it."""

    name: str
    per_s: float
    unit: str


class Bound(msgspec.Struct, frozen=True, kw_only=True):
    """What a node cannot exceed here, and the part that takes most of the time."""

    name: str
    per_s: float
    unit: str
    limit: str


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """The parts of this machine, and what follows for a node."""

    processors: int
    folder: str
    parts: list[Part]
    bounds: list[Bound]


def measure(settings: Settings, rounds: int) -> Measured:
    """Time every part, some 2 seconds a round, in a folder beside the node's files that goes."""
    seconds = {name: seconds_each(make(), rounds) for name, make in IN_MEMORY.items()}
    with tempfile.TemporaryDirectory(prefix=".bench-", dir=settings.data_dir) as place:
        seconds |= _disk(Path(place), rounds)
        if settings.database_path is not None:
            seconds |= _commits(Path(place), rounds)
    return Measured(
        processors=os.cpu_count() or 1,
        folder=str(settings.data_dir),
        parts=[_part(name, taken) for name, taken in seconds.items()],
        bounds=bounds(seconds),
    )


def settings_or_folder(folder: Path) -> Settings:
    """Return the settings of a node's folder, or of a folder that is to become one's.

    Raises UnavailableError ``folder_missing``.
    """
    if (folder / "gateway.toml").exists():
        return settings_of(folder)
    if not folder.is_dir():
        raise UnavailableError(
            "folder_missing",
            f"there is no folder {folder}: name one on the disk that is meant, with --dir",
        )
    return Settings(node=NodeSettings(data_dir=str(folder.absolute())))


SIGN, VERIFY = "sign a message", "verify a signature"
WRAP, UNWRAP = "seal to a recipient, by a relay", "open what came by a relay"
SHARE, SHARED = "seal to a recipient", "open as recipient"
BODY_SEAL, BODY_OPEN = "seal a body of 1 KiB", "open a body of 1 KiB"
BLOB_SEAL, BLOB_OPEN = "seal an attachment", "open an attachment"
FSYNC, WRITE = "fsync of 4 KiB", "write an attachment to the disk"
COMMIT, COMMIT_BATCH = "commit of 1 message", "commit of 64 messages"
_BYTES = {BLOB_SEAL: MIB, BLOB_OPEN: MIB, WRITE: SEGMENT_BYTES}
"""The parts that are told in megabytes, and of how many bytes an act is."""


def signing_act() -> Act:
    """Return what signs 1 KiB."""
    key = signing.SigningKey(KeyUse.SIGN, os.urandom(SEED_BYTES))
    return partial(key.sign, "message", os.urandom(KIB))


def verifying_act() -> Act:
    """Return what verifies the signature over 1 KiB."""
    key = signing.SigningKey(KeyUse.SIGN, os.urandom(SEED_BYTES))
    message = os.urandom(KIB)
    signature = key.sign("message", message)
    return partial(signing.verify, key.public_key, "message", message, signature)


def wrapping_act() -> Act:
    """Return what wraps a content key to a recipient whose key was met before."""
    key = sealing.SealKey(os.urandom(SEED_BYTES))
    return partial(sealing.wrap, key.public_key, _INFO, os.urandom(CONTENT_KEY_BYTES))


def unwrapping_act() -> Act:
    """Return what unwraps a content key."""
    key = sealing.SealKey(os.urandom(SEED_BYTES))
    wrapped = sealing.wrap(key.public_key, _INFO, os.urandom(CONTENT_KEY_BYTES))
    return partial(key.unwrap, _INFO, wrapped)


def sharing_act() -> Act:
    """Return what wraps a content key in a session with a recipient."""
    key = sealing.SealKey(os.urandom(SEED_BYTES))
    session = sealing.Session(key.public_key, _INFO, os.urandom)
    return partial(session.wrap, _CONTEXT, os.urandom(CONTENT_KEY_BYTES))


def shared_act() -> Act:
    """Return what unwraps a content key of a session that was met before."""
    key = sealing.SealKey(os.urandom(SEED_BYTES))
    session = sealing.Session(key.public_key, _INFO, os.urandom)
    shared = session.wrap(_CONTEXT, os.urandom(CONTENT_KEY_BYTES))
    return partial(key.unwrap_shared, _INFO, _CONTEXT, shared)


def body_sealing_act(length: int) -> Act:
    """Return what seals a body of ``length`` bytes."""
    key, salt = os.urandom(CONTENT_KEY_BYTES), os.urandom(stream.SALT_BYTES)
    return partial(stream.seal, key, _CONTEXT, salt, os.urandom(length))


def body_opening_act(length: int) -> Act:
    """Return what opens a sealed body of ``length`` bytes."""
    key, salt = os.urandom(CONTENT_KEY_BYTES), os.urandom(stream.SALT_BYTES)
    sealed = stream.seal(key, _CONTEXT, salt, os.urandom(length))
    return partial(stream.open_sealed, key, _CONTEXT, sealed)


@contextmanager
def appending_act(file: Path, length: int) -> Iterator[Act]:
    """Yield what appends ``length`` bytes to a file and has them on the disk when it returns."""
    page = os.urandom(length)
    with file.open("ab", buffering=0) as target:

        def append() -> None:
            target.write(page)
            os.fsync(target.fileno())

        yield append


@contextmanager
def committing_act(file: Path, count: int) -> Iterator[Act]:
    """Yield what commits ``count`` messages with their audit entries, in a database of its own."""
    url = f"sqlite:///{file}"
    upgrade(url)
    database = Database.open(url)
    numbers = itertools.count(1)

    def commit(tx: Transaction) -> None:
        messages.record_incoming(tx, [_message(next(numbers)) for _ in range(count)])
        audit.append(tx, [_ENTRY] * count)

    try:
        yield partial(database.write_now, commit)
    finally:
        database.close()


IN_MEMORY: Mapping[str, Callable[[], Act]] = {
    SIGN: signing_act,
    VERIFY: verifying_act,
    SHARE: sharing_act,
    SHARED: shared_act,
    WRAP: wrapping_act,
    UNWRAP: unwrapping_act,
    BODY_SEAL: partial(body_sealing_act, KIB),
    BODY_OPEN: partial(body_opening_act, KIB),
    BLOB_SEAL: partial(body_sealing_act, MIB),
    BLOB_OPEN: partial(body_opening_act, MIB),
}


def seconds_each(act: Act, rounds: int) -> float:
    """Return the seconds of an act: the median of ``rounds``, each of as many as fill it."""
    monotonic = SystemClock().monotonic
    act()  # the first one fills caches
    count = 1
    while (taken := _taken(act, count, monotonic)) < ROUND_S / 8:
        count *= 4
    count = max(1, round(count * ROUND_S / taken))
    return statistics.median(_taken(act, count, monotonic) / count for _ in range(rounds))


def bounds(seconds: Mapping[str, float]) -> list[Bound]:
    """Return what a node cannot exceed, from the seconds of each part.

    Sealing, opening and committing of a node go on in one thread, so that they add up. Of a batch
    that leaves, the sender commits twice: when it is accepted, and when its receipts are there.
    """
    sending = {name: seconds[name] for name in (SIGN, SHARE, BODY_SEAL)}
    receiving = {name: seconds[name] for name in (VERIFY, SHARED, BODY_OPEN)}
    if COMMIT_BATCH in seconds:
        sending[COMMIT_BATCH] = 2 * seconds[COMMIT_BATCH] / BATCH
        receiving[COMMIT_BATCH] = seconds[COMMIT_BATCH] / BATCH
    outgoing, incoming = (
        {name: seconds[name] / _BYTES[name] for name in (seal, WRITE)}
        for seal in (BLOB_SEAL, BLOB_OPEN)
    )
    return [
        _bound("messages sent, in batches", sending, "messages", 1),
        _bound("messages received, in batches", receiving, "messages", 1),
        _bound("attachments sent", outgoing, "MB", 1e6),
        _bound("attachments received", incoming, "MB", 1e6),
    ]


def _bound(name: str, shares: Mapping[str, float], unit: str, units: float) -> Bound:
    most = max(shares, key=lambda part: shares[part])
    return Bound(name=name, per_s=1 / sum(shares.values()) / units, unit=unit, limit=most)


def _part(name: str, seconds: float) -> Part:
    if name in _BYTES:
        return Part(name=name, per_s=_BYTES[name] / seconds / 1e6, unit="MB")
    return Part(name=name, per_s=1 / seconds, unit="times")


def _disk(place: Path, rounds: int) -> dict[str, float]:
    seconds = {}
    for name, length in ((FSYNC, PAGE_BYTES), (WRITE, SEGMENT_BYTES)):
        file = place / "appended"
        with appending_act(file, length) as act:
            seconds[name] = seconds_each(act, rounds)
        file.unlink()
    return seconds


def _commits(place: Path, rounds: int) -> dict[str, float]:
    seconds = {}
    for name, count in ((COMMIT, 1), (COMMIT_BATCH, BATCH)):
        with committing_act(place / f"{count}.db", count) as act:
            seconds[name] = seconds_each(act, rounds)
    return seconds


def _taken(act: Act, count: int, monotonic: Callable[[], float]) -> float:
    started = monotonic()
    for _ in range(count):
        act()
    return monotonic() - started


_HASH = digest(b"")
_ENTRY = audit.NewEntry(entry=os.urandom(160), leaf_hash=_HASH)
_BODY, _HEADER = os.urandom(1200), os.urandom(100)


def _message(number: int) -> messages.NewMessage:
    """Return a message of 1 KiB as it is stored; its id leads with the time, as every id does."""
    return messages.NewMessage(
        direction=messages.IN,
        sender="XB",
        on_behalf_of="",
        message_id=draw_id(number // BATCH, os.urandom),
        kind="request.verify_value",
        case_id=draw_id(number // BATCH, os.urandom),
        seq=1,
        in_reply_to="",
        created_at=number,
        stored_at=number,
        expires_at=number,
        priority=1,
        attachments=0,
        envelope_id=_HASH,
        tbs_digest=_HASH,
        header=_HEADER,
        body=_BODY,
        storage_key_id=_HASH,
        wrapped_key=_BODY[:72],
        receipt=_BODY[:500],
    )
