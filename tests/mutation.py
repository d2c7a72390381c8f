"""Bytes with one change: what no reader of ours may take for the original."""

from hypothesis import strategies as st


def mutated(data: st.DataObject, original: bytes) -> bytes:
    """Draw ``original`` with a bit flipped, or a byte dropped or added, anywhere."""
    changed = bytearray(original)
    at = data.draw(st.integers(0, len(changed) - 1))
    match data.draw(st.sampled_from(("flip", "drop", "add"))):
        case "flip":
            changed[at] ^= 1 << data.draw(st.integers(0, 7))
        case "drop":
            del changed[at]
        case _:
            changed.insert(at, data.draw(st.integers(0, 255)))
    return bytes(changed)
