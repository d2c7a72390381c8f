"""Instruments: what may be a legal basis between two members."""

import pytest

from gateway.cases.threads.clocks import USUAL
from gateway.cases.threads.instruments import Instrument, not_in_force

TABLE = tuple(
    Instrument(name=name, members=frozenset(members), policy=USUAL)
    for name, members in (
        ("XA–XB agreement", ("XA", "XB")),
        ("Protocol on origin", ("XA", "XB")),
        ("XA–XC convention", ("XC", "XA")),
    )
)


@pytest.mark.parametrize(
    ("speaker", "recipients", "basis", "wanted"),
    [
        ("XA", ["XB"], "XA–XB agreement, Art. 4", []),
        ("XB", ["XA"], "xa–xb AGREEMENT", []),
        ("XA", ["XB"], "Protocol on origin", []),
        ("XA", ["XB"], "XA–XC convention", ["Protocol on origin", "XA–XB agreement"]),
        ("XA", ["XB"], "the XA–XB agreement", ["Protocol on origin", "XA–XB agreement"]),
        ("XA", ["XB", "XC"], "XA–XB agreement", ["XA–XC convention"]),
        ("XA", ["XD"], "custom", []),
        ("XB", ["XC"], "XA–XC convention", []),
        ("XA", [], "custom", []),
    ],
)
def test_legal_basis_names_what_is_in_force_between_the_pair(
    speaker: str, recipients: list[str], basis: str, wanted: list[str]
) -> None:
    """Of each pair that has one; between others the table says nothing."""
    assert not_in_force(TABLE, speaker, recipients, basis) == wanted
