"""Under which certificates a connection to a peer is opened: ours that it is shown, its pins.

What the registry says now goes in; when that changes, the context is made anew. Source: SPEC "The
peer API".
"""

import ssl
from collections.abc import Callable
from dataclasses import dataclass

from gateway.clock import Clock
from gateway.network.tls import client_context
from gateway.services.federation.pins import is_pinned
from gateway.services.keys import NodeKeys
from keys.certificate import certificate_digest
from keys.keyring import KeyRecord
from keys.registry.view import View
from keys.suite import KeyUse, MemberId


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pinned:
    """A context to one peer, and what it was made from."""

    made_from: tuple[bytes, frozenset[bytes]]
    context: ssl.SSLContext


class PeerContexts:
    """The TLS contexts to all peers, and which certificate of ours each knows."""

    def __init__(self, keys: NodeKeys, clock: Clock, view: Callable[[], View | None]) -> None:
        self._keys = keys
        self._clock = clock
        self._view = view
        self._pinned: dict[tuple[MemberId, bool], _Pinned] = {}
        self._unknown: dict[MemberId, bytes] = {}
        """By member, the key of the certificate that it did not know yet."""

    def of(self, member: MemberId | None, pinned_to: MemberId | None = None) -> ssl.SSLContext:
        """Return the context of now to ``member``; None for a read that verifies itself.

        Such a read shows no certificate; ``pinned_to`` has it reach that member all the same.
        """
        view = self._view()
        name = member or pinned_to
        if name is None or view is None:
            return client_context(None, None, self._keys.entropy)
        now = self._clock.now()
        record = None if member is None else self.shown_to(member, view, now)
        keys = view.members[name].keys_for(KeyUse.TLS)
        pins = frozenset(key.certificate for key in keys if is_pinned(key, now))
        made_from = (b"" if record is None else record.key_id, pins)
        held = self._pinned.get((name, record is None))
        if held is None or held.made_from != made_from:
            context = client_context(record, sorted(pins), self._keys.entropy)
            held = _Pinned(made_from=made_from, context=context)
            self._pinned[name, record is None] = held
        return held.context

    def shown_to(self, member: MemberId, view: View, now: int) -> KeyRecord:
        """Return the certificate to show: to who does not know the newest yet, the one before."""
        record = self._keys.tls(view, now)
        if self._unknown.get(member) == record.key_id:
            return self._keys.tls_before(view, now) or record
        return record

    def not_known(self, member: MemberId) -> None:
        """Note that a member does not know our newest certificate: its registry is behind."""
        view, now = self._view(), self._clock.now()
        if view is not None:
            self._unknown[member] = self._keys.tls(view, now).key_id

    def own_pin(self) -> str:
        """Return the digest of the certificate that this node shows now, in hex."""
        record = self._keys.tls(self._view(), self._clock.now())
        return certificate_digest(record.certificate).hex()
