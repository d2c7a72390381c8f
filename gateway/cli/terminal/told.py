"""What is said against what was asked: by the daemon, or by the command in the caller's words."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from gateway.cases.fields.labels import Label
from gateway.errors import RejectedError

if TYPE_CHECKING:
    from gateway.network.problems import FaultView, Problem


class ToldError(RejectedError):
    """What the daemon refused, with the faults it named."""

    def __init__(self, problem: "Problem") -> None:
        super().__init__(problem.code, problem.detail)
        self.faults: list[FaultView] = problem.faults


class SpokenError(RejectedError):
    """What the command itself refuses, with a sentence in both languages."""

    def __init__(self, code: str, label: Label, **values: object) -> None:
        """Say ``label`` with values."""
        self.spoken = filled(label, **values)
        super().__init__(code, self.spoken.en)


def filled(label: Label, /, **values: object) -> Label:
    """Return a label with values, of which those that are labels are said in its language."""
    return Label(*(_said(label, language, values) for language in ("en", "fr")))


def joined(parts: Iterable[Label], between: Label | str = "") -> Label:
    """Return labels as one, with a label or a sign between them."""
    said = list(parts)
    english, french = (between, between) if isinstance(between, str) else (between.en, between.fr)
    return Label(english.join(one.en for one in said), french.join(one.fr for one in said))


def _said(label: Label, language: str, values: Mapping[str, object]) -> str:
    shown = {
        name: value.text(language) if isinstance(value, Label) else value
        for name, value in values.items()
    }
    return label.text(language).format(**shown)
