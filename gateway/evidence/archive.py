"""A ZIP in one form: stored, undated, in a given order, and nothing in it that is not named.

Other tools read it; here only what ``encode_archive`` writes is read. What a ZIP says of itself is
held against bounds before any of it is used.
Source: SPEC "Evidence"; PKWARE's APPNOTE, sections 4.3.7, 4.3.12 and 4.3.16.
"""

from collections.abc import Callable, Mapping
from struct import Struct
from typing import NamedTuple
from zlib import crc32

from gateway.errors import RejectedError

MAX_ARCHIVE_BYTES = 300 * 1024 * 1024
MAX_MEMBERS = 2048

_LOCAL = Struct("<4s5H3I2H")
_CENTRAL = Struct("<4s6H3I5H2I")
_END = Struct("<4s4H2IH")
_VERSION = 20
_UNIX = 3 << 8 | _VERSION
_MODE = 0o100644 << 16
_DATE = 1 << 5 | 1
"""The first of January 1980, the earliest day that a ZIP can name."""

MostBytes = Callable[[str], int | None]
"""Tells how long a member of a name may be; None where there is none of that name."""


class _Listed(NamedTuple):
    """What the directory says of one member."""

    name: str
    length: int
    offset: int


def encode_archive(members: Mapping[str, bytes]) -> bytes:
    """Return the ZIP that holds ``members`` in their order."""
    bodies, directory, offset = [], [], 0
    for name, content in members.items():
        encoded, length = name.encode("ascii"), len(content)
        described = (_VERSION, 0, 0, 0, _DATE, crc32(content), length, length, len(encoded), 0)
        bodies.append(_LOCAL.pack(b"PK\x03\x04", *described) + encoded + content)
        listed = _CENTRAL.pack(b"PK\x01\x02", _UNIX, *described, 0, 0, 0, _MODE, offset)
        directory.append(listed + encoded)
        offset += len(bodies[-1])
    length = sum(map(len, directory))
    end = _END.pack(b"PK\x05\x06", 0, 0, len(members), len(members), length, offset, 0)
    return b"".join((*bodies, *directory, end))


def parse_archive(encoded: bytes, most_bytes: MostBytes) -> dict[str, bytes]:
    """Return the members of a ZIP, in their order.

    Raises RejectedError ``evidence_malformed``, ``evidence_name_unknown``,
    ``evidence_name_doubled``, ``evidence_packed``, ``evidence_oversized``, or
    ``evidence_bytes_differ`` where ``encode_archive`` would have written others.
    """
    if not _END.size <= len(encoded) <= MAX_ARCHIVE_BYTES:
        raise _malformed()
    members: dict[str, bytes] = {}
    for item in _listed(encoded, most_bytes):
        start = item.offset + _LOCAL.size + len(item.name)
        members[item.name] = encoded[start : start + item.length]
    if encode_archive(members) != encoded:
        raise RejectedError(
            "evidence_bytes_differ", "the file is not, byte for byte, what its contents make"
        )
    return members


def _listed(encoded: bytes, most_bytes: MostBytes) -> list[_Listed]:
    """Return what the directory lists, once every name and length of it may be."""
    magic, _, _, _, count, length, start, _ = _END.unpack_from(encoded, len(encoded) - _END.size)
    if magic != b"PK\x05\x06" or start + length + _END.size != len(encoded):
        raise _malformed()
    if count > MAX_MEMBERS:
        raise RejectedError("evidence_oversized", f"the file has more than {MAX_MEMBERS} members")
    found: dict[str, _Listed] = {}
    at = start
    for _ in range(count):
        item = _entry(encoded, at, start + length, most_bytes)
        if item.name in found:
            raise RejectedError("evidence_name_doubled", f"{item.name} stands in the file twice")
        found[item.name] = item
        at += _CENTRAL.size + len(item.name)
    if sum(item.length for item in found.values()) > len(encoded):
        raise _malformed()  # members that overlap
    return list(found.values())


def _entry(encoded: bytes, at: int, end: int, most_bytes: MostBytes) -> _Listed:
    if at + _CENTRAL.size > end:
        raise _malformed()
    fields = _CENTRAL.unpack_from(encoded, at)
    magic, flags, method, packed, length = fields[0], fields[3], fields[4], fields[8], fields[9]
    name_length, offset = fields[10], fields[16]
    if magic != b"PK\x01\x02" or at + _CENTRAL.size + name_length > end:
        raise _malformed()
    # What is no ASCII is shown with what it has instead, and is on no list of names.
    name = encoded[at + _CENTRAL.size :][:name_length].decode("ascii", "backslashreplace")
    most = most_bytes(name)
    if most is None:
        raise RejectedError("evidence_name_unknown", f"no evidence has a member {name[:80]!r}")
    if flags or method or packed != length:
        raise RejectedError("evidence_packed", f"{name} is compressed or encrypted")
    if length > most:
        raise RejectedError("evidence_oversized", f"{name} has more than {most} bytes")
    return _Listed(name, length, offset)


def _malformed() -> RejectedError:
    return RejectedError("evidence_malformed", "this is no file of evidence")
