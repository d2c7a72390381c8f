"""A SQLite file that was migrated once, to copy: hundreds of tests found nodes.

Whoever imported ``upgrade`` before, as the tests of migrations do, still migrates.
"""

import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path

Upgrade = Callable[..., None]
_PREFIX = "sqlite:///"


def copying(upgrade: Upgrade, place: Path) -> Upgrade:
    """Return an ``upgrade`` that makes a new SQLite file as a copy of one in ``place``."""

    @cache
    def template() -> Path:
        upgrade(f"{_PREFIX}{place / 'migrated.db'}")
        return place / "migrated.db"

    def copied(url: str, revision: str = "head") -> None:
        file = Path(url.removeprefix(_PREFIX))
        if url.startswith(_PREFIX) and revision == "head" and not file.exists():
            shutil.copyfile(template(), file)
        else:
            upgrade(url, revision)

    return copied
