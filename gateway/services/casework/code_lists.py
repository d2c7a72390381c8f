"""Code lists as a node shows them to its house: closed lists, ISO's, and the nomenclature."""

from collections.abc import Mapping, Sequence

import msgspec

from gateway.cases.kind import Family, Kind
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

    def __init__(self, nomenclature: Nomenclature, kinds: Mapping[str, Kind]) -> None:
        self.nomenclature = nomenclature
        self._own = [kind for kind in kinds.values() if kind.family is Family.OWN]

    def names(self) -> Sequence[str]:
        """Return the names of the lists."""
        return (*list_names(self._own), HS)

    async def codes(
        self, name: str, language: str, *, edition: str = "", under: str = ""
    ) -> CodeList:
        """Return the codes of a list that begin with ``under``; of the nomenclature, an edition's.

        The nomenclature is in the language of its file. Raises RejectedError ``list_not_found``.
        """
        if name == HS:
            year, rows = await self.nomenclature.described(edition, under)
        else:
            year, listed = "", code_list(name, self._own).items()
            rows = [
                (code, label.text(language)) for code, label in listed if code.startswith(under)
            ]
        return CodeList(
            name=name,
            edition=year,
            codes=[CodeView(code=code, label=label) for code, label in rows],
        )
