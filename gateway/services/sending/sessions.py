"""Sessions: the public-key work of sealing to one recipient, shared by many copies for a while.

Used in the writer's thread alone. A session ends with its time, its count, or this process.
Source: SPEC "Stanzas".
"""

from dataclasses import dataclass

from gateway.clock import Clock
from gateway.protocol.envelope import begin_session
from keys.sealing import Session
from keys.suite import Entropy, KeyId

SESSION_S = 3600
SESSION_COPIES = 65_536
SESSIONS_MOST = 1024
"""Members have one or two sealing keys in use; beyond this the oldest session is dropped."""


@dataclass(slots=True, kw_only=True)
class _Shared:
    session: Session
    until: int
    left: int


class Sessions:
    """The sessions that this node shares as a sender, by sealing key."""

    def __init__(self, clock: Clock, entropy: Entropy) -> None:
        self._clock = clock
        self._entropy = entropy
        self._shared: dict[KeyId, _Shared] = {}

    def share(self, seal_kid: KeyId, public_key: bytes) -> Session:
        """Return the session to wrap one more copy in. Raises RejectedError."""
        now = self._clock.now()
        shared = self._shared.get(seal_kid)
        if shared is None or shared.left == 0 or not now < shared.until <= now + SESSION_S:
            self._shared.pop(seal_kid, None)
            if len(self._shared) >= SESSIONS_MOST:
                del self._shared[next(iter(self._shared))]
            session = begin_session(seal_kid, public_key, self._entropy)
            shared = _Shared(session=session, until=now + SESSION_S, left=SESSION_COPIES)
            self._shared[seal_kid] = shared
        shared.left -= 1
        return shared.session
