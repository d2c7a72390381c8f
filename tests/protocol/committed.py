"""The committed vectors as objects: JSON's ``{"hex": …}`` are bytes again."""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from gateway.protocol.opening import Receiver
from keys.registry.member import RegisteredKey
from keys.registry.view import View
from keys.sealing import SealKey
from keys.suite import KeyId, KeyUse, MemberId, key_id
from keys.tlog.note import ED25519, VerifierKey
from tests.world import world

FOLDER = Path(__file__).parent / "vectors"


@cache
def committed(section: str) -> Any:
    """Return one section's vectors."""
    return _bytes(json.loads((FOLDER / f"{section}.json").read_text(encoding="utf-8")))


def _bytes(value: Any) -> Any:
    if isinstance(value, dict):
        if value.keys() == {"hex"}:
            return bytes.fromhex(value["hex"])
        return {name: _bytes(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_bytes(item) for item in value]
    return value


@dataclass
class FixedFrontier:
    """A registry of a given size and root."""

    size: int
    fixed_root: bytes

    def root(self) -> bytes:
        """Return the root."""
        return self.fixed_root


def signing_key(member: str, public_key: bytes, **facts: Any) -> RegisteredKey:
    """Return a sign key as a view holds it."""
    times = {"start": 0, "end": 2**40} | facts
    return RegisteredKey(
        member=MemberId(member),
        use=KeyUse.SIGN,
        key_id=key_id(KeyUse.SIGN, public_key),
        verifier=VerifierKey(f"mutual.example/{member}/sign", ED25519, public_key),
        **times,
    )


def view_of(size: int, root: bytes, members: list[Any], keys: list[RegisteredKey]) -> View:
    """Return a view with these members and keys and nothing else."""
    view = world().view
    shown = {
        item["member"]: SimpleNamespace(
            **item,
            keys_for=lambda use, name=item["member"]: tuple(
                key for key in keys if (key.member, key.use) == (name, use)
            ),
        )
        for item in members
    }
    changed = {
        "members": shown, "keys": {item.key_id: item for item in keys},
        "frontier": FixedFrontier(size, root),
    }  # fmt: skip
    return View(**{name: getattr(view, name) for name in View.__slots__} | changed)


def receiver(now: int) -> Receiver:
    """Return the receiver that the section "Opening" describes."""
    section = committed("opening")
    keys = [
        signing_key(
            item["member"], bytes.fromhex(item["public_key"]),
            start=item["start"], end=item["end"], revoked_since=item["revoked_since"],
        )
        for item in section["keys"]
    ]  # fmt: skip
    size, root = section["registry_size"], bytes.fromhex(section["registry_root"])
    roots = {size: root, size - 1: bytes.fromhex(section["registry_root_before"])}
    seal_keys = {}
    for seed in section["seal_seeds"]:
        seal_key = SealKey(bytes.fromhex(seed))
        seal_keys[seal_key.key_id] = seal_key
    return Receiver(
        me=MemberId(section["me"]),
        view=view_of(size, root, section["members"], keys),
        root_at=roots.__getitem__,
        seal_keys=lambda name: seal_keys.get(KeyId(name)),
        now=now,
        clock_skew_s=section["clock_skew_s"],
        max_lifetime_s=section["max_lifetime_s"],
    )
