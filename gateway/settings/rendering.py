"""Write settings as TOML, each with its sentence: ``config/gateway.toml`` is made so."""

from typing import Any

import msgspec

from gateway.settings.section import Section
from gateway.settings.whole import Settings


def render(settings: Settings) -> str:
    """Return the settings as TOML with every one explained."""
    lines = [
        "# Liaison: every setting with its default. Copy what you change; leave out the rest.",
        "# Environment variables LIAISON_<SECTION>__<NAME> come after this file.",
    ]
    for section in msgspec.structs.fields(Settings):
        table = getattr(settings, section.name)
        lines += ["", f"# {type(table).__doc__}", f"[{section.name}]"]
        for item in msgspec.structs.fields(type(table)):
            lines += [f"# {sentence}" for sentence in _wrapped(_explanation(item.type))]
            lines.append(f"{item.name} = {_toml(getattr(table, item.name))}")
    return "\n".join(lines) + "\n"


def _explanation(kind: Any) -> str:
    texts = [
        note.description
        for note in getattr(kind, "__metadata__", ())
        if isinstance(note, msgspec.Meta) and note.description
    ]
    return texts[-1]


def _wrapped(text: str) -> list[str]:
    import textwrap  # noqa: PLC0415 - only where settings are written, not in the daemon

    return textwrap.wrap(text, 110)


def _toml(value: object) -> str:
    match value:
        case bool():
            return str(value).lower()
        case int():
            return str(value)
        case str():
            return msgspec.json.encode(str(value)).decode()
        case list():
            return "[" + ", ".join(_toml(item) for item in value) + "]"
        case Section():
            items = msgspec.structs.asdict(value).items()
            shown = ", ".join(f"{name} = {_toml(item)}" for name, item in items if item is not None)
            return "{ " + shown + " }"
    raise TypeError(f"no setting is of this type: {value!r}")
