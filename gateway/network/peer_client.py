"""Other gateways over HTTPS: the client side of ``gateway.peer``.

Connections are pooled by peer and pinned to what the registry says now; when that changes, the
peer's context is made anew and its old connections are not used again.
"""

import asyncio
import errno
import io
import os
import ssl
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import TypeVar

import aiohttp
import msgspec

from gateway.clock import Clock
from gateway.errors import ForbiddenError, LiaisonError, RejectedError, UnavailableError
from gateway.network.peer_bodies import READ_AHEAD_BYTES, Hashes, PongBody, fault_of
from gateway.network.peer_contexts import PeerContexts
from gateway.peer import Peer, Pong, Segment
from gateway.protocol.answer import Answer, Posted, copies_in, encode_batch, parse_answers
from gateway.protocol.audit import ProvenEntry
from gateway.protocol.mailbox import (
    Collect,
    Collected,
    Return,
    encode_collect,
    encode_returns,
    parse_collected,
)
from gateway.protocol.witness import (
    SIZE_MEDIA_TYPE,
    AddCheckpoint,
    SizeDiffersError,
    encode_add_checkpoint,
    parse_size,
)
from gateway.services.keys import NodeKeys
from gateway.settings import PeerApiSettings
from keys.registry.origins import AuditOrigin
from keys.registry.statement import REGISTRY
from keys.registry.view import View
from keys.suite import MemberId, digest, parse_member_id
from keys.tlog.tiles import BUNDLE_ENTRIES, bundle_path, parse_bundle

_T = TypeVar("_T")

MAX_ANSWER_BYTES = 32 * 1024 * 1024
CONNECT_S = 5
SLICE_BYTES = 128 * 1024
ADD_CHECKPOINT = "/add-checkpoint"
"""Where C2SP has it, below an endpoint."""
CONFLICT = 409
STALLED_S = 120
"""A segment of which no slice went out for so long is given up: a poor line is no dead one."""


class HttpsPeers:
    """Reaches the federation's gateways through sockets. Implements ``gateway.peer.Peers``."""

    def __init__(
        self,
        keys: NodeKeys,
        clock: Clock,
        *,
        view: Callable[[], View | None],
        registrar_url: str,
        settings: PeerApiSettings,
    ) -> None:
        self.contexts = PeerContexts(keys, clock, view)
        self._view = view
        self._registrar_url = registrar_url.rstrip("/")
        self._settings = settings
        self._session: aiohttp.ClientSession | None = None

    def member(self, member: MemberId) -> Peer:
        """See ``gateway.peer``. Raises UnavailableError ``no_endpoint``."""
        view = self._view()
        known = None if view is None else view.members.get(member)
        if known is None or known.endpoint is None:
            raise UnavailableError(
                "no_endpoint", f"the registry names no address for {member}", retry_after_s=60
            )
        return HttpsPeer(self, known.endpoint, member)

    def registrar(self, *, pinned: bool = True) -> Peer:
        """See ``gateway.peer``. Nothing is shown to it: a joining node reaches it too."""
        return HttpsPeer(self, self._registrar_url, None, pinned_to=REGISTRY if pinned else None)

    @property
    def session(self) -> aiohttp.ClientSession:
        """The pool of connections."""
        if self._session is None:
            connector = aiohttp.TCPConnector(limit=256, limit_per_host=16, keepalive_timeout=60)
            self._session = aiohttp.ClientSession(
                connector=connector, read_bufsize=READ_AHEAD_BYTES
            )
        return self._session

    def timeout(self, wait_s: int = 0) -> aiohttp.ClientTimeout:
        """Return how long to wait for an answer that takes ``wait_s`` at the peer."""
        read_s = self._settings.timeout_s + wait_s
        return aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S, sock_read=read_s)

    async def close(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()


class HttpsPeer:
    """One gateway over HTTPS. Implements ``gateway.peer.Peer``."""

    def __init__(
        self,
        peers: HttpsPeers,
        endpoint: str,
        member: MemberId | None,
        *,
        pinned_to: MemberId | None = None,
    ) -> None:
        self._peers = peers
        self._endpoint = endpoint
        self._member = member
        self._pinned_to = pinned_to

    async def post_envelopes(self, batch: Sequence[Posted]) -> Sequence[Answer]:
        """See ``gateway.peer``."""
        body = await self._call("POST", "envelopes", encode_batch(batch))
        return parse_answers(body, copies_in(batch))

    async def offer_blob(self, blob_id: bytes, segment_list: bytes) -> Sequence[int]:
        """See ``gateway.peer``."""
        body = await self._call("PUT", f"blobs/{blob_id.hex()}", segment_list)
        return _unpacked(body, list[int])

    async def put_segment(self, blob_id: bytes, index: int, segment: Segment) -> None:
        """See ``gateway.peer``."""
        path = f"blobs/{blob_id.hex()}/{index}"
        outgoing = _Outgoing(segment)
        try:
            async with (
                asyncio.timeout(STALLED_S) as outgoing.limit,
                self._request(
                    "PUT", path, outgoing.slices(), self._member,
                    timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S),
                    headers={"Content-Length": str(segment.length)},
                ),
            ):  # fmt: skip
                pass
        except TimeoutError as fault:
            raise UnavailableError(
                "peer_unreachable", f"{self._endpoint} took nothing for {STALLED_S} s"
            ) from fault
        except LiaisonError:
            if outgoing.fault is not None:
                raise outgoing.fault from None
            raise

    async def blob_segments(self, envelope_id: bytes, blob_id: bytes) -> bytes:
        """See ``gateway.peer``."""
        return await self._call("GET", f"envelopes/{envelope_id.hex()}/blobs/{blob_id.hex()}")

    async def blob_segment(
        self, envelope_id: bytes, blob_id: bytes, index: int
    ) -> AsyncIterator[bytes]:
        """See ``gateway.peer``."""
        return self._stream(f"envelopes/{envelope_id.hex()}/blobs/{blob_id.hex()}/{index}")

    async def collect(self, asked: Collect) -> Collected:
        """See ``gateway.peer``."""
        body = encode_collect(asked)
        return parse_collected(await self._call("POST", "collect", body, wait_s=asked.wait_s))

    async def post_returns(self, returns: Sequence[Return]) -> None:
        """See ``gateway.peer``."""
        await self._call("POST", "returns", encode_returns(returns))

    async def post_card(self, note: bytes) -> None:
        """See ``gateway.peer``."""
        await self._call("POST", "cards", note)

    async def card(self, member: MemberId) -> bytes:
        """See ``gateway.peer``."""
        return await self._call("GET", f"card/{member}", open_to_all=True)

    async def registry_checkpoint(self) -> bytes:
        """See ``gateway.peer``."""
        return await self._call("GET", "registry/checkpoint", open_to_all=True)

    async def registry_entries(self, start: int, end: int) -> Sequence[bytes]:
        """See ``gateway.peer``. Reads the entry bundle in which ``start`` lies."""
        index, skip = divmod(start, BUNDLE_ENTRIES)
        width = min(BUNDLE_ENTRIES, end - index * BUNDLE_ENTRIES)
        path = f"registry/tile/entries/{bundle_path(index, width)}"
        return parse_bundle(await self._call("GET", path, open_to_all=True), width)[skip:]

    async def post_statement(self, note: bytes) -> None:
        """See ``gateway.peer``."""
        await self._call("POST", "registry/statements", note, open_to_all=True)

    async def add_checkpoint(self, asked: AddCheckpoint) -> bytes:
        """See ``gateway.peer``. Who does not know our certificate is asked without one."""
        body = encode_add_checkpoint(asked)
        try:
            return await self._call("POST", ADD_CHECKPOINT, body)
        except UnavailableError as fault:
            if fault.code != "tls_failed":
                raise
        return await self._call("POST", ADD_CHECKPOINT, body, open_to_all=True)

    async def witnessed_checkpoint(self, origin: str) -> bytes:
        """See ``gateway.peer``."""
        return await self._call(
            "GET", f"/{digest(origin.encode()).hex()}/checkpoint", open_to_all=True
        )

    async def audit_proofs(self, message_id: bytes, envelope_id: bytes) -> Sequence[ProvenEntry]:
        """See ``gateway.peer``."""
        path = f"audit/proofs/{message_id.hex()}/{envelope_id.hex()}"
        return _unpacked(await self._call("GET", path), tuple[ProvenEntry, ...])

    async def audit_checkpoint(self) -> bytes:
        """See ``gateway.peer``."""
        return await self._call("GET", "audit/checkpoint")

    async def audit_consistency(self, origin: str, old: int, new: int) -> Sequence[bytes]:
        """See ``gateway.peer``."""
        shard = AuditOrigin.parse(origin).shard
        return _unpacked(await self._call("GET", f"audit/consistency/{shard}/{old}/{new}"), Hashes)

    async def ping(self) -> Pong:
        """See ``gateway.peer``."""
        pong = _unpacked(await self._call("GET", "ping"), PongBody)
        return Pong(
            member=parse_member_id(pong.member), at=pong.at, registry_size=pong.registry_size
        )

    async def _call(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        *,
        open_to_all: bool = False,
        wait_s: int = 0,
    ) -> bytes:
        """Make one request. ``open_to_all`` shows no certificate and needs none."""
        # From a file-like body aiohttp writes in pieces and lets the loop turn between.
        content = None if body is None else io.BytesIO(body)
        member = None if open_to_all else self._member
        timeout = self._peers.timeout(wait_s)
        async with self._request(method, path, content, member, timeout=timeout) as answer:
            return await _read(answer)

    async def _stream(self, path: str) -> AsyncIterator[bytes]:
        """Make a request when the first piece is asked for; yield the answer as it comes."""
        timeout = self._peers.timeout()
        async with self._request("GET", path, None, self._member, timeout=timeout) as answer:
            async for piece in answer.content.iter_any():
                yield piece

    @asynccontextmanager
    async def _request(
        self,
        method: str,
        path: str,
        content: io.BytesIO | AsyncIterator[memoryview] | None,
        member: MemberId | None,
        *,
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - of the library
        headers: Mapping[str, str] | None = None,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Make one request and yield its answer; what goes wrong is said in our words."""
        url = f"{self._endpoint}{path}" if path[0] == "/" else f"{self._endpoint}/peer/v1/{path}"
        try:
            context = self._peers.contexts.of(member, self._pinned_to)
            async with self._peers.session.request(
                method,
                url,
                data=content,
                ssl=context,
                allow_redirects=False,
                timeout=timeout,
                headers=headers,
            ) as answer:
                if answer.content_type == SIZE_MEDIA_TYPE and answer.status == CONFLICT:
                    raise SizeDiffersError(parse_size(await _read(answer)))
                if answer.status >= 300:  # noqa: PLR2004 - what HTTP calls no success
                    raise fault_of(answer.status, await _read(answer))
                yield answer
        except aiohttp.ClientConnectorCertificateError as fault:
            raise self._tls_failed("it shows a certificate that the registry does not list") from (
                fault
            )
        except (aiohttp.ClientConnectorSSLError, ssl.SSLError) as fault:
            raise self._tls_failed(_why(fault)) from fault
        except (aiohttp.ClientConnectorError, aiohttp.ServerTimeoutError, TimeoutError) as fault:
            raise UnavailableError(
                "peer_unreachable", f"{self._endpoint} does not answer: {_why(fault)}"
            ) from fault
        except (aiohttp.ClientError, OSError) as fault:
            raise await self._broken(fault, member) from fault

    async def _broken(self, fault: Exception, member: MemberId | None) -> LiaisonError:
        """Say why a connection broke off: a peer that refuses our certificate cannot say so."""
        if member is not None:
            try:
                await self._call(
                    "GET", f"whoami?cert={self._peers.contexts.own_pin()}", open_to_all=True
                )
            except ForbiddenError as reason:
                if reason.code == "pin_unknown":
                    self._peers.contexts.not_known(member)
                return self._tls_failed(f"it does not accept our certificate: {reason.detail}")
            except LiaisonError as reason:
                return reason
        return UnavailableError(
            "connection_broken", f"the connection to {self._endpoint} broke: {fault!r}"
        )

    def _tls_failed(self, why: str) -> UnavailableError:
        named = self._member or REGISTRY
        return UnavailableError(
            "tls_failed", f"no TLS with {named} at {self._endpoint}: {why}", retry_after_s=5
        )


class _Outgoing:
    """A segment on the line: each slice that goes out puts the end of patience off."""

    def __init__(self, segment: Segment) -> None:
        self._segment = segment
        self.limit: asyncio.Timeout | None = None
        self.fault: LiaisonError | None = None
        """Why the segment cannot be read; the library says only that its body broke off."""

    async def slices(self) -> AsyncIterator[memoryview]:
        """Yield the segment as the line takes it."""
        try:
            async for piece in self._segment:
                view = memoryview(piece)
                for start in range(0, len(view), SLICE_BYTES):
                    yield view[start : start + SLICE_BYTES]
                    if self.limit is not None:
                        self.limit.reschedule(asyncio.get_running_loop().time() + STALLED_S)
        except LiaisonError as fault:
            self.fault = fault
            raise


def _why(fault: Exception) -> str:
    """Return what is wrong with a connection, with no word of the library's objects."""
    cause = fault.os_error if isinstance(fault, aiohttp.ClientConnectorError) else fault
    told = None
    if isinstance(cause, ssl.SSLError):
        told = cause.reason and cause.reason.replace("_", " ").lower()
    elif isinstance(cause, OSError):
        number = cause.errno or 0
        told = os.strerror(number) if number in errno.errorcode else cause.strerror
    return told or str(cause) or type(cause).__name__


async def _read(answer: aiohttp.ClientResponse) -> bytes:
    read = await answer.content.read(MAX_ANSWER_BYTES)
    if not answer.content.at_eof():
        read += await _rest(answer, MAX_ANSWER_BYTES - len(read))
    return read


async def _rest(answer: aiohttp.ClientResponse, left: int) -> bytes:
    pieces = []
    async for piece in answer.content.iter_chunked(65_536):
        left -= len(piece)
        if left < 0:
            raise RejectedError("answer_too_large", "the peer's answer is larger than allowed")
        pieces.append(piece)
    return b"".join(pieces)


def _unpacked(body: bytes, target: type[_T]) -> _T:
    try:
        return msgspec.msgpack.decode(body, type=target)
    except msgspec.MsgspecError as fault:
        raise RejectedError("encoding_invalid", "the peer's answer is malformed") from fault
