"""The connections of the peer API's listener: with which certificates each was opened, until when.

A new certificate or a changed pin needs no restart: each handshake is given the context of now. A
connection outlives what it was opened with unless it is ended: at once where a pin was taken away,
and after what is under way on it where a certificate has run out.
"""

import asyncio
import ssl
from dataclasses import dataclass
from weakref import WeakKeyDictionary

from aiohttp import web

from gateway.errors import ForbiddenError
from gateway.network.tls import server_context
from gateway.services.federation.pins import is_pinned
from gateway.services.gatekeeper import Gatekeeper
from gateway.services.keys import NodeKeys
from keys.certificate import certificate_digest
from keys.registry.view import View
from keys.suite import KeyId

END_OVER_S = 30
"""How often to look for connections whose certificates have ended."""
CONNECTIONS_KEPT = 1_000
"""With more than so many, those that are closed are forgotten with each new one."""


@dataclass(frozen=True, slots=True)
class _Connection:
    """Which certificates a connection was opened with: ours by its key, the caller's by its pin."""

    key_id: bytes
    pin: bytes | None


class PeerConnections:
    """Knows every open connection of the listener, and ends those that are over."""

    def __init__(self, gate: Gatekeeper, keys: NodeKeys) -> None:
        self._gate = gate
        self._keys = keys
        self._context: ssl.SSLContext | None = None
        self._shown: tuple[bytes, frozenset[bytes]] | None = None
        self._key_ids: WeakKeyDictionary[ssl.SSLContext, bytes] = WeakKeyDictionary()
        self._connections: dict[web.RequestHandler, _Connection] = {}
        self._ending: asyncio.Task[None] | None = None

    def start(self) -> ssl.SSLContext:
        """Follow the registry, and end what is over; return the context to listen with."""
        self._gate.mirror.watch(self._changed)
        context = self._refreshed()
        context.sni_callback = self._choose
        self._ending = asyncio.ensure_future(self._end_over())
        return context

    def stop(self) -> None:
        """Look no more for what is over."""
        if self._ending is not None:
            self._ending.cancel()

    def open_under(self, key_id: bytes) -> int:
        """Return how many connections are open in which this node showed that certificate."""
        self._forget_closed()
        return sum(item.key_id == key_id for item in self._connections.values())

    def note(self, request: web.Request) -> None:
        """Note with which certificates a connection was opened, at its first request."""
        protocol, transport = request.protocol, request.transport
        if protocol in self._connections or transport is None:
            return
        context = transport.get_extra_info("ssl_object").context
        certificate = certificate_of(request)
        pin = None if certificate is None else certificate_digest(certificate)
        self._connections[protocol] = _Connection(self._key_ids[context], pin)
        if len(self._connections) > CONNECTIONS_KEPT:
            self._forget_closed()

    def _refreshed(self) -> ssl.SSLContext:
        """Return the context, made anew if our certificate or the pins have changed."""
        view, now = self._gate.mirror.known, self._gate.clock.now()
        record = self._keys.tls(view, now)
        pinned = () if view is None else [key for key in view.pins.values() if is_pinned(key, now)]
        pins = frozenset(key.certificate for key in pinned)
        if self._context is None or self._shown != (record.key_id, pins):
            self._context = server_context(record, sorted(pins), self._keys.entropy)
            self._key_ids[self._context] = record.key_id
            self._shown = (record.key_id, pins)
        return self._context

    def _changed(self, _: View) -> None:
        """Break off at once what shows a certificate that was taken away."""
        self._refreshed()
        for protocol, connection in list(self._connections.items()):
            if connection.pin is not None and not self._stands(connection.pin):
                del self._connections[protocol]
                if protocol.transport is not None:
                    protocol.transport.close()

    async def _end_over(self) -> None:
        """Let connections end whose certificates are over, each after what is under way on it."""
        while True:
            await self._gate.clock.sleep(END_OVER_S)
            self._forget_closed()
            for protocol, connection in list(self._connections.items()):
                if self._is_over(connection):
                    del self._connections[protocol]
                    protocol.close()

    def _is_over(self, connection: _Connection) -> bool:
        view, now = self._gate.mirror.known, self._gate.clock.now()
        shown = None if view is None else view.keys.get(KeyId(connection.key_id))
        if shown is not None and not is_pinned(shown, now):
            return True
        return connection.pin is not None and not self._stands(connection.pin)

    def _stands(self, pin: bytes) -> bool:
        try:
            self._gate.standing(pin)
        except ForbiddenError:
            return False
        return True

    def _forget_closed(self) -> None:
        for protocol in [item for item in self._connections if item.transport is None]:
            del self._connections[protocol]

    def _choose(self, connection: ssl.SSLObject, _: str | None, __: ssl.SSLContext) -> None:
        connection.context = self._refreshed()


def certificate_of(request: web.Request) -> bytes | None:
    """Return the certificate (DER) that a caller showed, None if it showed none."""
    transport = request.transport
    tls = None if transport is None else transport.get_extra_info("ssl_object")
    return None if tls is None else tls.getpeercert(binary_form=True)
