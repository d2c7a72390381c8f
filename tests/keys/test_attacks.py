"""The table of attacks names tests that there are, which look for the errors that it names."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
README = (ROOT / "keys" / "README.md").read_text()
_TEST = re.compile(r"`([a-z_/]+\.py)::(test_[a-z0-9_]+)`")
_CODE = re.compile(r"`([a-z_]+)`")


def attacks() -> list[list[str]]:
    """Return the rows of the table: attack, what stops it, errors, tests."""
    section = README.partition("\n## Attacks\n")[2].partition("\n## ")[0]
    rows = [line.strip("|").split(" | ") for line in section.splitlines() if line.startswith("| ")]
    return [
        [cell.strip() for cell in row] for row in rows if row[0].strip() not in ("attack", "---")
    ]


def test_every_attack_is_shown_by_tests_that_look_for_its_errors() -> None:
    """Each row names at least one, by its file, and no error that none of them asserts."""
    found = attacks()
    assert len(found) > 25
    for attack, _, errors, shown_by in found:
        named = _TEST.findall(shown_by)
        assert named, attack
        assert len(named) == shown_by.count("::"), attack
        sources = [(ROOT / "tests" / file).read_text() for file, _ in named]
        for source, (file, name) in zip(sources, named, strict=True):
            assert f"def {name}(" in source, f"{file}::{name}"
        for code in _CODE.findall(errors):
            assert any(f'"{code}"' in source for source in sources), f"{attack}: {code}"
