"""What an opened message says, in lines; a copy for a liaison office by the labels of its kind."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gateway.cases.sanitising import COPY
from gateway.cli.forms.known import fields_of
from gateway.cli.forms.reading import content_lines, copied_lines


def opened_lines(folder: Path, shown: dict[str, Any], language: str) -> Iterator[str]:
    """Yield the lines of the content of a message that the daemon opened."""
    content, fields = shown["content"], fields_of(folder, shown["kind"])
    if shown["kind"] != COPY:
        yield from content_lines(content, fields, language)
        return
    yield from content_lines(content, fields, language, without=("fields",))
    original = fields_of(folder, content["kind"])
    for line in copied_lines(content["fields"], original, language):
        yield f"  {line}"
