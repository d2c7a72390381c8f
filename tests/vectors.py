"""Public vectors, read from the optional folder beside the project."""

import json
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parents[2] / "shared" / "vectors"


def public(name: str) -> Any:
    """Return a vector file, or skip the test where the folder is absent."""
    path = FOLDER / name
    if not path.exists():
        pytest.skip(f"the public vectors ({name}) are not beside this checkout")
    return json.loads(path.read_text(encoding="utf-8"))
