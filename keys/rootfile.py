"""Root keys: a file for each, made offline, kept offline, used to sign a statement and put away.

A root is two keys, Ed25519 and ML-DSA-44; both must sign. Source: keys/README.md, "Root keys".
"""

from dataclasses import dataclass
from pathlib import Path

import msgspec

from keys.errors import RejectedError
from keys.keyfile import create, unlock
from keys.postquantum import PostQuantumSigningKey
from keys.signing import SigningKey
from keys.slot import Cost
from keys.suite import SEED_BYTES, Entropy, KeyUse

FORMAT = 1


class _Body(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    format: int
    name: str
    classical_seed: bytes
    post_quantum_seed: bytes

    def __repr__(self) -> str:
        return f"_Body({self.name})"

    def __rich_repr__(self) -> list[tuple[str, str]]:
        return [("name", self.name)]


@dataclass(frozen=True, slots=True, kw_only=True)
class RootKey:
    """One unlocked root key."""

    name: str
    """The name under which it signs notes: ``<federation>/<MEMBER>/root``."""
    classical: SigningKey
    post_quantum: PostQuantumSigningKey


def draw(path: Path, name: str, passphrase: bytes, *, cost: Cost, entropy: Entropy) -> RootKey:
    """Make a new root key in a file of its own. Raises FileExistsError."""
    body = _Body(FORMAT, name, entropy(SEED_BYTES), entropy(SEED_BYTES))
    create(path, msgspec.msgpack.encode(body), passphrase, cost=cost, entropy=entropy)
    return _root(body)


def read(path: Path, passphrase: bytes, *, entropy: Entropy) -> RootKey:
    """Unlock a root key's file.

    Raises what ``keys.keyfile.unlock`` raises, and RejectedError ``rootfile_malformed``.
    """
    unlocked = unlock(path, passphrase, entropy=entropy)
    try:
        return _root(msgspec.msgpack.decode(unlocked.body, type=_Body))
    except (msgspec.MsgspecError, ValueError) as fault:
        raise RejectedError("rootfile_malformed", f"{path} holds no root key") from fault


def _root(body: _Body) -> RootKey:
    if body.format != FORMAT:
        raise ValueError("format")
    return RootKey(
        name=body.name,
        classical=SigningKey(KeyUse.ROOT, body.classical_seed),
        post_quantum=PostQuantumSigningKey(body.post_quantum_seed),
    )
