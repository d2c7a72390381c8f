"""The life of the process: what it unlocks and opens, when it is ready, and how it ends."""

import asyncio
import contextlib
import gc
import os
import signal
from collections.abc import Mapping
from pathlib import Path

import sdnotify
import uvloop

from gateway import logs
from gateway.clock import Clock, SystemClock
from gateway.errors import LiaisonError, UnavailableError
from gateway.network.local_api import LocalApi
from gateway.network.peer_api import PeerApi
from gateway.network.peer_client import HttpsPeers
from gateway.services.keys import NodeKeys
from gateway.settings import Settings, load
from gateway.store import leases
from gateway.store.database import Database, FaultHook
from gateway.store.lock import FolderLock
from gateway.wiring.later import Later
from gateway.wiring.node import version, wire
from gateway.workers import Workers
from keys.keyfile import Unlocked, unlock
from keys.memory import seclude
from keys.private import read_secret
from keys.registry.view import View
from keys.suite import parse_member_id
from keys.token import Token

SETTINGS_FILE = "gateway.toml"
GARBAGE_AFTER = 20_000
"""Objects made and kept between two looks for cycles: a batch makes thousands, none in a cycle."""


def serve(folder: Path, environ: Mapping[str, str], passphrase: bytes | None = None) -> None:
    """Run the node of a data folder until it is told to stop (SIGTERM, SIGINT).

    Raises LiaisonError with one clear sentence when it cannot start.
    """
    settings = load(folder / SETTINGS_FILE, environ=environ)
    logs.configure(settings.logs.level, settings.logs.format)
    seclude()  # before there is a secret to be seen
    gc.freeze()  # modules and types: they stay, and are not looked at again
    gc.set_threshold(GARBAGE_AFTER, 20, 50)
    with FolderLock(settings.data_dir):
        unlocked = _unlock(settings, environ, passphrase)
        token = _open_token(settings, environ)
        keys = NodeKeys(
            unlocked,
            parse_member_id(settings.node.member),
            os.urandom,
            token,
            draws_in_token=settings.keys.pkcs11_draw,
        )
        database = open_database(settings)
        try:
            uvloop.run(_run(settings, keys, database))
        finally:
            database.close()


def open_database(settings: Settings, *, fault: FaultHook | None = None) -> Database:
    """Open the node's database. Raises UnavailableError."""
    path = settings.database_path
    if path is not None and not path.exists():
        raise UnavailableError(
            "database_missing", f"there is no database at {path}; liaison init makes one"
        )
    return Database.open(settings.database_url, fault=fault)


def _unlock(settings: Settings, environ: Mapping[str, str], passphrase: bytes | None) -> Unlocked:
    if passphrase is None:
        named = settings.keys.passphrase_file
        passphrase = read_secret(
            file=settings.path(named) if named else None,
            credential=settings.keys.credential or None,
            environ=environ,
        )
    if passphrase is None:
        raise UnavailableError(
            "passphrase_missing",
            "no passphrase: name keys.passphrase_file or keys.credential, or start in a terminal",
        )
    return unlock(settings.path(settings.keys.file), passphrase, entropy=os.urandom)


def _open_token(settings: Settings, environ: Mapping[str, str]) -> Token | None:
    """Open the token for ``sign`` keys, if one is named. Raises LiaisonError."""
    named = settings.keys
    if not named.pkcs11_module:
        return None
    pin = read_secret(
        file=settings.path(named.pkcs11_pin_file) if named.pkcs11_pin_file else None,
        credential=named.pkcs11_credential or None,
        environ=environ,
        called="pin",
    )
    if pin is None:
        raise UnavailableError(
            "pin_missing",
            "no PIN for the token: name keys.pkcs11_pin_file or keys.pkcs11_credential",
        )
    try:
        from keys.pkcs11 import Pkcs11Token  # noqa: PLC0415 - an extra
    except ImportError as fault:
        raise UnavailableError(
            "driver_missing", "the library for tokens is not installed: install the extra pkcs11"
        ) from fault
    token = Pkcs11Token(settings.path(named.pkcs11_module), named.pkcs11_token, pin)
    token.check()
    return token


async def _run(settings: Settings, keys: NodeKeys, database: Database) -> None:
    clock = SystemClock()
    view: Later[[], View | None] = Later()
    peers = HttpsPeers(
        keys,
        clock,
        view=view,
        registrar_url=settings.registry.url,
        settings=settings.peer_api,
    )
    node = wire(
        settings,
        peers=peers,
        keys=keys,
        database=database,
        clock=clock,
        entropy=os.urandom,
    )
    view.leads_to(lambda: node.mirror.known)
    await node.mirror.load()
    if settings.database_path is not None:  # nobody else may hold a lease
        now = clock.now()
        await database.write(lambda tx: leases.release(tx, now))
    peer_api = PeerApi(node.gate, keys, settings.peer_api)
    node.rooms.key_report.open_under = peer_api.connections.open_under
    local_api = LocalApi(node.rooms, settings.local_api, settings.path(settings.local_api.socket))
    try:
        await peer_api.start()
        await local_api.start()
        _say_ready(settings)
        async with asyncio.TaskGroup() as group:
            watchdog = group.create_task(_feed_watchdog(database, clock), name="watchdog")
            await _until_told(node.workers)
            watchdog.cancel()
    finally:
        await local_api.stop()
        await peer_api.stop()
        await peers.close()


def _say_ready(settings: Settings) -> None:
    log = logs.logger()
    listen = f"{settings.peer_api.host or '*'}:{settings.peer_api.port}"
    log.info("daemon.ready", member=settings.node.member, listen=listen, version=version())
    sdnotify.SystemdNotifier().notify("READY=1")


async def _feed_watchdog(database: Database, clock: Clock) -> None:
    """Tell systemd, where it asks, that the loop turns and the database's writer answers."""
    interval_s = int(os.environ.get("WATCHDOG_USEC", "0")) / 2e6
    while interval_s:
        await database.write(lambda _: None)
        sdnotify.SystemdNotifier().notify("WATCHDOG=1")
        await clock.sleep(interval_s)


async def _until_told(workers: Workers) -> None:
    loop = asyncio.get_running_loop()
    told = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told.set)
    running = asyncio.ensure_future(workers.run())
    waiting = asyncio.ensure_future(told.wait())
    await asyncio.wait({running, waiting}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running
    if workers.audit_log.trouble is None:
        with contextlib.suppress(LiaisonError):
            await workers.audit_log.sequence()
    sdnotify.SystemdNotifier().notify("STOPPING=1")
    logs.logger().info("daemon.stopped", member=workers.keys.member)
