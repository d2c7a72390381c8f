"""The view of the registry kept beside it, so that a restart does not verify ten years again.

A cache and nothing more: sealed under the node's storage key, or whoever writes to the folder could
write a member's keys; held against the statements that are mirrored; and replayed from the anchor
where anything about it is not as it should be.
"""

from pathlib import Path

from gateway.clock import Clock
from gateway.errors import LiaisonError
from gateway.logs import logger
from gateway.services.keys import NodeKeys
from keys.private import write_private
from keys.registry.snapshot import encode_view, parse_view
from keys.registry.view import View
from keys.suite import DIGEST_BYTES
from keys.tlog.history import TreeHistory

FILE = "registry.view"
KEPT_EVERY = 64
"""How many statements are replayed at a start at most, of a registry that grew one by one."""
_CONTEXT = b"registry view"
_log = logger()


class Snapshot:
    """A node's last view of the registry, in a file of its folder."""

    def __init__(self, folder: Path, keys: NodeKeys, clock: Clock) -> None:
        self._path = folder / FILE
        self._keys = keys
        self._clock = clock
        self._size = 0

    def load(self, history: TreeHistory, anchor: bytes) -> View | None:
        """Return the view that is kept, if it is one of the registry whose roots these are."""
        try:
            encoded = self._path.read_bytes()
            key = self._keys.storage_key(encoded[:DIGEST_BYTES])
            view = parse_view(key.open_record(_CONTEXT, encoded[DIGEST_BYTES:]))
        except FileNotFoundError:
            return None
        except (OSError, LiaisonError) as fault:
            _log.warning("registry.replayed", detail=str(fault))
            return None
        size = view.head.size
        if view.anchor != anchor or size > history.frontier.size:
            return None
        if history.root_at(size) != view.head.root:
            return None
        self._size = size
        return view

    def keep(self, view: View) -> None:
        """Keep a view if enough has come since the last one. A failure is told, and harmless."""
        if view.head.size < self._size + KEPT_EVERY:
            return
        try:
            key = self._keys.keyring.storage(self._clock.now())
            sealed = key.seal_record(_CONTEXT, encode_view(view), self._keys.entropy)
            write_private(self._path, key.key_id + sealed)
        except (OSError, LiaisonError) as fault:
            _log.warning("registry.not_kept", detail=str(fault))
            return
        self._size = view.head.size
