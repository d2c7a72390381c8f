"""A view as bytes, so that a restart need not verify ten years of statements again.

Nothing here is verified: whoever keeps a snapshot keeps it sealed under a key of its own, holds it
against the statements of the log that it stands for, and replays from the anchor where either
fails. Source: keys/README.md, "Replay".
"""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

import msgspec

from keys.certificate import certificate_digest
from keys.errors import RejectedError
from keys.registry.member import Member
from keys.registry.statement import WitnessSet
from keys.registry.view import View
from keys.suite import KeyUse, MemberId
from keys.tlog.merkle import Frontier

FORMAT = 2
"""2 since a key says when its revocations were stated."""


class _Body(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    format: int
    federation: str
    anchor: bytes
    frontier: bytes
    members: Mapping[MemberId, Member]
    owners: Mapping[bytes, str]
    witnesses: WitnessSet
    heads: Mapping[int, bytes]


def encode_view(view: View) -> bytes:
    """Return a view as bytes."""
    body = _Body(
        FORMAT,
        view.federation,
        view.anchor,
        view.frontier.encode(),
        dict(view.members),
        dict(view.owners),
        view.witnesses,
        dict(view.heads),
    )
    return msgspec.msgpack.encode(body, enc_hook=_plain)


def parse_view(encoded: bytes) -> View:
    """Read what ``encode_view`` wrote. Raises RejectedError ``snapshot_malformed``."""
    try:
        body = msgspec.msgpack.decode(encoded, type=_Body)
    except msgspec.MsgspecError as fault:
        raise RejectedError("snapshot_malformed", "a stored view cannot be read") from fault
    if body.format != FORMAT:
        raise RejectedError("snapshot_malformed", "a stored view is of another version")
    members = {name: _closed(member) for name, member in body.members.items()}
    keys = {key.key_id: key for member in members.values() for key in member.keys}
    pins = {
        certificate_digest(key.certificate): key for key in keys.values() if key.use is KeyUse.TLS
    }
    return View(
        federation=body.federation,
        anchor=body.anchor,
        frontier=Frontier.parse(body.frontier),
        members=MappingProxyType(members),
        keys=MappingProxyType(keys),
        pins=MappingProxyType(pins),
        owners=MappingProxyType(dict(body.owners)),
        witnesses=body.witnesses,
        heads=MappingProxyType(dict(body.heads)),
    )


def _plain(value: object) -> object:
    if isinstance(value, MappingProxyType):
        return dict(value)
    raise TypeError(f"no part of a view is a {type(value).__name__}")


def _closed(member: Member) -> Member:
    """Return a member whose mappings nobody can change, as the fold leaves them."""
    return replace(
        member,
        names=MappingProxyType(dict(member.names)),
        chains=MappingProxyType(dict(member.chains)),
    )
