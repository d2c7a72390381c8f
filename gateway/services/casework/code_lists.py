"""Code lists as a node shows them to its house: closed lists, ISO's, and the nomenclature."""

from collections.abc import Sequence

import msgspec

from gateway.cases.listing import HS, code_list, list_names
from gateway.services.casework.nomenclature import Nomenclature


class CodeView(msgspec.Struct, frozen=True, kw_only=True):
    """A code and what it means."""

    code: str
    label: str


class CodeList(msgspec.Struct, frozen=True, kw_only=True):
    """A code list."""

    name: str
    edition: str = ""
    """The year of the nomenclature; empty for a list that has no editions."""
    codes: list[CodeView]


class CodeLists:
    """Shows code lists."""

    def __init__(self, nomenclature: Nomenclature) -> None:
        self.nomenclature = nomenclature

    def names(self) -> Sequence[str]:
        """Return the names of the lists."""
        return (*list_names(), HS)

    async def codes(
        self, name: str, language: str, *, edition: str = "", under: str = ""
    ) -> CodeList:
        """Return the codes of a list that begin with ``under``; of the nomenclature, an edition's.

        The nomenclature is in the language of its file. Raises RejectedError ``list_not_found``.
        """
        if name == HS:
            year, rows = await self.nomenclature.described(edition, under)
        else:
            year, listed = "", code_list(name).items()
            rows = [
                (code, label.text(language)) for code, label in listed if code.startswith(under)
            ]
        return CodeList(
            name=name,
            edition=year,
            codes=[CodeView(code=code, label=label) for code, label in rows],
        )
