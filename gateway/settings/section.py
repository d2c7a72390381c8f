"""What the sections of the settings are made of."""

from typing import Annotated, Any

import msgspec

Text = Annotated[str, msgspec.Meta(max_length=1024)]
MemberName = Annotated[str, msgspec.Meta(pattern=r"\A[A-Z][A-Z0-9-]{1,31}\Z")]
Count = Annotated[int, msgspec.Meta(ge=0, le=1200)]
Span = Annotated[int, msgspec.Meta(ge=1, le=10 * 366 * 86_400)]
"""Seconds, of what lasts."""


class Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of the file."""


def explained(text: str, **bounds: Any) -> msgspec.Meta:
    """Return the sentence that explains a setting, with the bounds of its value."""
    return msgspec.Meta(description=text, **bounds)
