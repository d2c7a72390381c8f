"""Gateways in one process that speak through real sockets: TLS to each other, Unix to the house."""

import asyncio
import contextlib
import gc
import os
import ssl
import warnings
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import msgspec

from gateway.daemon import open_database
from gateway.network.local_api import LocalApi
from gateway.network.peer_api import PeerApi
from gateway.network.peer_bodies import PeerFault
from gateway.network.peer_client import HttpsPeers
from gateway.network.tls import client_context
from gateway.services.keys import NodeKeys
from gateway.settings import RoleGrant
from gateway.wiring.node import Node, wire
from keys.keyring import KeyRecord, new_record
from keys.registry.statement import REGISTRY
from keys.suite import KeyUse, MemberId
from tests.scenarios.federation import Federation
from tests.system.nodes import free_ports
from tests.world import NOW, Seeded

XA, XB = MemberId("XA"), MemberId("XB")


@dataclass
class Served:
    """A federation behind sockets."""

    fed: Federation
    peers: dict[str, HttpsPeers] = field(default_factory=dict)
    apis: list[PeerApi | LocalApi] = field(default_factory=list)

    async def start(self, member: str, roles: tuple[RoleGrant, ...] = ()) -> Node:
        """Start a node with both its listeners, as the daemon does."""
        name = MemberId(member)
        settings = self.fed.settings(member)
        local = msgspec.structs.replace(
            settings.local_api, roles=list(roles), max_body_bytes=1024 * 1024
        )
        settings = msgspec.structs.replace(settings, local_api=local)
        keys = NodeKeys(self.fed.unlock(member), name, os.urandom)
        clock = self.fed.clocks[name]
        mirrors: list[Any] = []
        peers = self.peers[member] = HttpsPeers(
            keys, clock, view=lambda: mirrors[0].known if mirrors else None,
            registrar_url=settings.registry.url, settings=settings.peer_api,
        )  # fmt: skip
        node = wire(
            settings, peers=peers, keys=keys, clock=clock, entropy=os.urandom,
            database=open_database(settings),
        )  # fmt: skip
        mirrors.append(node.mirror)
        await node.mirror.load()
        self.fed.nodes[name] = node
        socket = settings.path(settings.local_api.socket)
        for api in (
            PeerApi(node.gate, keys, settings.peer_api),
            LocalApi(node.rooms, settings.local_api, socket),
        ):
            await api.start()
            self.apis.append(api)
        self.fed.running[name] = asyncio.ensure_future(node.workers.run())
        return node

    def url(self, member: str, path: str) -> str:
        """Return an address of a node's peer API."""
        return f"{self.fed.endpoint(member)}/peer/v1/{path}"

    def context(self, member: str, record: KeyRecord | None) -> ssl.SSLContext:
        """Return a context that trusts a node and shows ``record``'s certificate, or none."""
        shown = self.fed.nodes[MemberId(member)].keys.keyring.records(KeyUse.TLS)[-1]
        return client_context(record, [shown.certificate], os.urandom)

    @contextlib.asynccontextmanager
    async def house(self, member: str) -> AsyncIterator[aiohttp.ClientSession]:
        """Yield a client of a node's local API."""
        path = str(self.fed.place / member / "api.sock")
        async with aiohttp.ClientSession(
            "http://liaison", connector=aiohttp.UnixConnector(path=path)
        ) as session:
            yield session


@contextlib.asynccontextmanager
async def served(
    place: Path, *members: str, changes: dict[str, dict[str, dict[str, Any]]] | None = None
) -> AsyncIterator[Served]:
    """Yield a running federation in which everybody sees everybody."""
    names = (REGISTRY, *members)
    ports = dict(zip(names, free_ports(len(names)), strict=True))
    made = Served(Federation(place, ports=ports, changes=changes or {}))
    made.fed.found(*members)
    try:
        await made.start(REGISTRY)
        for member in members:
            await made.fed.admit(member)
            await made.start(member)
        for node in made.fed.nodes.values():
            await made.fed.until(lambda m=node.mirror: m.known and set(m.view.members) >= {*names})
        for member in members:
            cards = made.fed.nodes[MemberId(member)].gate.cards
            await made.fed.until(lambda c=cards, m=member: c.current(m))
        yield made
    finally:
        for api in made.apis:
            await api.stop()
        for member in list(made.fed.nodes):
            await made.fed.stop(member)
        for peers in made.peers.values():
            await peers.close()
        await asyncio.sleep(0.05)
        with warnings.catch_warnings():  # a handshake that broke leaves asyncio's own loose ends
            warnings.simplefilter("ignore", ResourceWarning)
            gc.collect()


def stranger() -> KeyRecord:
    """Return a certificate that nobody admitted."""
    return new_record(
        KeyUse.TLS, start=NOW, end=NOW + 10**9, entropy=Seeded("stranger"), common_name="XZ"
    )


async def fault_of(answer: aiohttp.ClientResponse) -> PeerFault:
    """Return the error of a peer's answer."""
    assert answer.status >= 400
    return msgspec.msgpack.decode(await answer.read(), type=PeerFault)
