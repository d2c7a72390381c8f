"""msgpack in one form only: typed, bounded, canonical; every fault is one error.

``msgspec`` reads and writes: a typed read costs what an untyped one of ``msgpack`` does, and brings
the bounds. Tests hold its bytes equal to those of ``msgpack``.

Source: SPEC "Encoding".
"""

from typing import Annotated, TypeVar

import msgspec

from gateway.errors import RejectedError

_T = TypeVar("_T")
_encoder = msgspec.msgpack.Encoder()

U8 = Annotated[int, msgspec.Meta(ge=0, le=255)]
U16 = Annotated[int, msgspec.Meta(ge=0, le=65_535)]
U32 = Annotated[int, msgspec.Meta(ge=0, le=2**32 - 1)]
Seconds = Annotated[int, msgspec.Meta(ge=0, le=2**53 - 1)]
"""A time, UTC seconds, or a duration."""
Size = Annotated[int, msgspec.Meta(ge=0, le=2**53 - 1)]
"""A length in bytes."""
Bytes16 = Annotated[bytes, msgspec.Meta(min_length=16, max_length=16)]
Bytes32 = Annotated[bytes, msgspec.Meta(min_length=32, max_length=32)]
Member = Annotated[str, msgspec.Meta(pattern=r"\A[A-Z][A-Z0-9-]{1,31}\Z")]


class Wire(
    msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True, omit_defaults=False
):
    """What travels: a positional array with a fixed number of elements."""


def encode(value: object) -> bytes:
    """Return the canonical msgpack of a ``Wire`` value or a tuple of them."""
    return _encoder.encode(value)


def decoder(target: type[_T]) -> msgspec.msgpack.Decoder[_T]:
    """Return a reusable decoder for ``decode``."""
    return msgspec.msgpack.Decoder(target)


def decode(encoded: bytes, reader: msgspec.msgpack.Decoder[_T], *, most_bytes: int) -> _T:
    """Read a typed value from at most ``most_bytes`` bytes.

    Raises RejectedError ``encoding_invalid``: too long, not of the type, out of bounds, or not the
    one canonical form.
    """
    if len(encoded) > most_bytes:
        raise RejectedError("encoding_invalid", f"more than the {most_bytes} bytes allowed here")
    try:
        value = reader.decode(encoded)
    except (msgspec.MsgspecError, ValueError, RecursionError) as fault:
        raise RejectedError(
            "encoding_invalid", "this is not of the form that SPEC gives"
        ) from fault
    if _encoder.encode(value) != encoded:
        raise RejectedError("encoding_invalid", "this is not in the one canonical form")
    return value
