"""A kind's content on the wire: a msgpack map with text keys, in one form only.

Maps are allowed here and nowhere else, so this is where duplicate keys, extension types, floats and
bytes are refused. Source: SPEC "Content".
"""

from functools import cache
from typing import Any, NoReturn

import msgpack
import msgspec

from gateway.cases.fields.schema import Content
from gateway.cases.kind import Kind
from gateway.errors import RejectedError

MAX_CONTENT_BYTES = 1024 * 1024
MAX_ITEMS = 10_000


def encode_content(content: Content) -> bytes:
    """Return the one form of a content: fields in the order of their type, defaults left out."""
    return msgspec.msgpack.encode(content)


def decode_content(kind: Kind, encoded: bytes) -> Content:
    """Read and validate a content of ``kind``.

    Raises RejectedError ``content_invalid`` for bytes that no sender of ours writes, FaultsError
    for values that the kind does not allow.
    """
    if len(encoded) > MAX_CONTENT_BYTES:
        raise _invalid(f"a content has at most {MAX_CONTENT_BYTES} bytes")
    if (content := _read(kind, encoded)) is not None:
        return content
    try:
        raw = msgpack.unpackb(
            encoded,
            object_pairs_hook=_map_once,
            ext_hook=_refuse_ext,
            strict_map_key=True,
            max_map_len=MAX_ITEMS,
            max_array_len=MAX_ITEMS,
            max_bin_len=0,
            max_ext_len=0,
        )
    except (ValueError, msgpack.UnpackException, RecursionError) as fault:
        raise _invalid("the content is not msgpack as SPEC allows it here") from fault
    content = kind.validate(raw)
    if encode_content(content) != encoded:
        raise _invalid("the content is not in its one form")
    return content


def read_content(kind: Kind, encoded: bytes) -> Content:
    """Read a content that was validated before it was stored.

    Raises RejectedError ``content_invalid`` for one of another version of its kind.
    """
    try:
        return _decoder(kind.content).decode(encoded)
    except (msgspec.MsgspecError, ValueError, RecursionError) as fault:
        raise _invalid("the content is not of this version of its kind") from fault


def _read(kind: Kind, encoded: bytes) -> Content | None:
    """Return a content with nothing wrong; None for one whose faults are to be found and named.

    Bytes that encode to themselves again hold no key twice and nothing that is not in the type.
    """
    try:
        content = _decoder(kind.content).decode(encoded)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
    if encode_content(content) != encoded or not kind.passes(content):
        return None
    return content


@cache
def _decoder(target: type[Content]) -> msgspec.msgpack.Decoder[Content]:
    return msgspec.msgpack.Decoder(target)


def _map_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    read = dict(pairs)
    if len(read) != len(pairs) or not all(isinstance(name, str) for name in read):
        raise ValueError("a key stands twice, or is no text")
    return read


def _refuse_ext(code: int, payload: bytes) -> NoReturn:
    raise ValueError(f"extension type {code} of {len(payload)} bytes")


def _invalid(detail: str) -> RejectedError:
    return RejectedError("content_invalid", detail)
