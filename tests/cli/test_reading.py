"""Reading: contents and copies as officers see them, by labels and codes with what they mean."""

from typing import Any

import msgspec
import pytest

from gateway.cases.examples import EXAMPLES
from gateway.cases.forms import shown_of
from gateway.cases.kind import Kind
from gateway.cases.kinds import CATALOGUE
from gateway.cases.sanitising import liaison_copy
from gateway.cli.forms.reading import content_lines, copied_lines

NAME = f"XA-{'1' * 32}"
EVALUATED = [
    name for name, kind in CATALOGUE.items() if "evaluation" in kind.content.__struct_fields__
]


def copied(kind: Kind, **changes: Any) -> list[dict[str, str]]:
    """Return the fields of a copy of the example of a kind."""
    content = kind.validate(dict(EXAMPLES[kind.name]) | changes)
    return msgspec.to_builtins(liaison_copy(kind, content, NAME))["fields"]


@pytest.mark.parametrize("name", EVALUATED)
def test_how_sure_something_is_goes_into_copies_and_is_read(name: str) -> None:
    """Source and information each by code, and with its meaning in the reader's language."""
    kind = CATALOGUE[name]
    evaluation = {"source": "B", "information": "3"}
    fields = copied(kind, evaluation=evaluation)
    assert {"field": "/evaluation/source", "value": "B"} in fields
    assert {"field": "/evaluation/information", "value": "3"} in fields
    english = "\n".join(copied_lines(fields, shown_of(kind), "en"))
    assert "Evaluation · Source: Reliable in most cases (B)" in english
    assert "Information: Not known to the source, corroborated elsewhere (3)" in english
    french = "\n".join(copied_lines(fields, shown_of(kind), "fr"))
    assert "Évaluation · Source : Fiable dans la plupart des cas (B)" in french
    whole = "\n".join(content_lines({"evaluation": evaluation}, shown_of(kind), "fr"))
    assert "Inconnue de la source, confirmée par ailleurs (3)" in whole


def test_a_copy_is_read_by_the_labels_of_its_kind() -> None:
    """Items are counted from one; a flag is yes or no; no line of a copy is left out."""
    kind = CATALOGUE["seizure.report"]
    fields = copied(kind)
    lines = list(copied_lines(fields, shown_of(kind), "en"))
    assert len(lines) == len(fields)
    assert any(line.startswith("Goods seized 1 · Subject: ") for line in lines)
    urgent = [{"field": "/urgent", "value": "true"}]
    asked = shown_of(CATALOGUE["request.verify_value"])
    assert next(copied_lines(urgent, asked, "fr")).endswith(" : oui")


@pytest.mark.parametrize(
    "pointer",
    ["", "/", "/nothing", "/goods/0/nothing", "/goods/99999", "/0", "no/pointer", "/goods/٣"],
)
def test_what_the_kind_does_not_have_stands_by_its_pointer(pointer: str) -> None:
    """A bent node copies what it likes: it is shown as it is."""
    fields = [{"field": pointer, "value": "true"}]
    assert list(copied_lines(fields, shown_of(CATALOGUE["seizure.report"]), "en")) == [
        f"{pointer}: true"
    ]
    assert list(copied_lines(fields, (), "en")) == [f"{pointer}: true"]
