"""The page of behaviours names tests that there are, and speaks of all that operations speak of."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "gateway" / "BEHAVIOURS.md").read_text()
OPERATIONS = (ROOT / "gateway" / "OPERATIONS.md").read_text()
_NAMED = re.compile(r"`([a-z_/]+\.py)::(test_[a-z0-9_]+)`")


def rows(text: str) -> list[list[str]]:
    """Return the rows of all tables in a text, without heads."""
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [row for row in cells if row[0] not in ("behaviour", "down") and "---" not in row[0]]


def test_every_behaviour_names_tests_that_exist() -> None:
    """Each row at least one, and each by the file that it is in."""
    found = rows(PAGE)
    assert len(found) > 40
    for behaviour, shown_by in found:
        named = _NAMED.findall(shown_by)
        assert named, behaviour
        assert len(named) == shown_by.count("::"), behaviour
        for file, name in named:
            assert f"def {name}(" in (ROOT / "tests" / file).read_text(), f"{file}::{name}"


def test_everything_that_may_be_down_is_written_and_shown() -> None:
    """What operations say of it stands beside the test that shows it."""
    written = OPERATIONS.partition("## When something is down")[2].partition("\n## ")[0]
    shown = PAGE.partition("## When something is down")[2]
    assert {row[0] for row in rows(written)} == {row[0] for row in rows(shown)}
    assert all(len(row) == 4 and all(row) for row in rows(written))
