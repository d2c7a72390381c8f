"""Code lists by name, each code with its label: those of contents, and those of ISO.

What is large is read when it is asked for.
"""

import gettext
from collections.abc import Callable, Iterable, Mapping
from functools import cache

from msgspec import inspect

from gateway.cases.fields.codes import OWN_COUNTRIES
from gateway.cases.fields.hs_chapters import HS_CHAPTERS
from gateway.cases.fields.labels import Code, Label
from gateway.cases.fields.publishing import codes_in
from gateway.cases.kind import Kind
from gateway.cases.kinds import ALL_KINDS
from gateway.errors import RejectedError

HS = "hs"
"""The name of the nomenclature, which a node has only when it was imported."""


def list_names(own: Iterable[Kind] = ()) -> tuple[str, ...]:
    """Return the names of all lists but the nomenclature's; with those of a member's own kinds."""
    return (*_LISTS, *(_closed() | _lists_of(own)))


def code_list(name: str, own: Iterable[Kind] = ()) -> Mapping[str, Label]:
    """Return the codes of a list with their labels. Raises RejectedError ``list_not_found``."""
    if name in _LISTS:
        return _LISTS[name]()
    own = tuple(own)
    try:
        return {code.value: code.label for code in (_lists_of(own) | _closed())[name]}
    except KeyError:
        known = ", ".join((*list_names(own), HS))
        raise RejectedError(
            "list_not_found", f"there is no code list {name!r}; known: {known}"
        ) from None


@cache
def _closed() -> dict[str, type[Code]]:
    """Return the closed lists of the contents that all know, by name."""
    return _lists_of(ALL_KINDS.values())


def _lists_of(kinds: Iterable[Kind]) -> dict[str, type[Code]]:
    found = {
        codes.list_name(): codes
        for kind in kinds
        for codes in codes_in(inspect.type_info(kind.content))
    }
    return dict(sorted(found.items()))


def _countries() -> Mapping[str, Label]:
    import pycountry  # noqa: PLC0415 - loaded on demand

    french = _french("iso3166-1")
    listed = {
        item.alpha_2: _named(getattr(item, "common_name", item.name), french)
        for item in pycountry.countries
    }
    return dict(sorted({**listed, **OWN_COUNTRIES}.items()))


def _currencies() -> Mapping[str, Label]:
    import pycountry  # noqa: PLC0415 - loaded on demand

    french = _french("iso4217")
    return {item.alpha_3: _named(item.name, french) for item in pycountry.currencies}


def _languages() -> Mapping[str, Label]:
    import pycountry  # noqa: PLC0415 - loaded on demand

    french = _french("iso639-3")
    return {
        item.alpha_2: _named(item.name, french)
        for item in pycountry.languages
        if hasattr(item, "alpha_2")
    }


def _named(english: str, french: gettext.NullTranslations) -> Label:
    return Label(english, french.gettext(english))


def _french(domain: str) -> gettext.NullTranslations:
    """Return the French names of an ISO list, as pycountry brings them."""
    import pycountry  # noqa: PLC0415 - loaded on demand

    return gettext.translation(domain, pycountry.LOCALES_DIR, languages=["fr"])


_LISTS: Mapping[str, Callable[[], Mapping[str, Label]]] = {
    "countries": _countries,
    "currencies": _currencies,
    "languages": _languages,
    "hs_chapters": lambda: HS_CHAPTERS,
}
