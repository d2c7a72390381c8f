"""Bearer tokens: what a system of the house shows at the local API instead of its user.

A token is 32 random bytes behind a prefix by which it is recognised where it was left lying about.
With so many bits one digest without a salt is enough: nobody finds a token by its digest. A node
keeps the digest alone.
"""

import base64
import re
from typing import Final

from keys.errors import RejectedError
from keys.suite import Entropy, digest, label

PREFIX: Final = "liaison_"
_SECRET_BYTES: Final = 32
_TOKEN: Final = re.compile(PREFIX + r"[A-Za-z0-9_-]{43}\Z")


def draw_bearer(entropy: Entropy) -> str:
    """Return a fresh token: the prefix, and 32 bytes in base64url without padding."""
    return PREFIX + base64.urlsafe_b64encode(entropy(_SECRET_BYTES)).rstrip(b"=").decode()


def bearer_digest(token: str) -> bytes:
    """Return the digest (32 bytes) by which a node knows a token.

    Raises RejectedError ``token_malformed``.
    """
    if not _TOKEN.match(token):
        raise RejectedError("token_malformed", "this is no token of liaison token create")
    return digest(label("bearer"), token.encode("ascii"))
