"""Labels in the organisation's two languages, and codes that carry theirs."""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Self


@dataclass(frozen=True, slots=True)
class Label:
    """What a person reads."""

    en: str
    fr: str

    def text(self, language: str) -> str:
        """Return the label in ``fr``, or in English for any other language."""
        return self.fr if language == "fr" else self.en


class Code(StrEnum):
    """A closed list of codes: a member is what travels, and what it means in both languages."""

    label: Label

    def __new__(cls, value: str, en: str, fr: str) -> Self:
        """Make a member whose text is ``value``."""
        member = str.__new__(cls, value)
        member._value_ = value
        member.label = Label(en, fr)
        return member

    @classmethod
    def list_name(cls) -> str:
        """Return the name of the list: the class's, as in ``refusal_reason``."""
        return re.sub(r"(?<=.)(?=[A-Z])", "_", cls.__name__).lower()
