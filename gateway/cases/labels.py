"""Labels in the organisation's two languages."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Label:
    """What a person reads."""

    en: str
    fr: str

    def text(self, language: str) -> str:
        """Return the label in ``fr``, or in English for any other language."""
        return self.fr if language == "fr" else self.en
