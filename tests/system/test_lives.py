from pathlib import Path

import pytest

from tests.system.lives import run

pytestmark = [pytest.mark.campaign, pytest.mark.system, pytest.mark.timeout(900)]


def test_every_keys_life_loses_and_doubles_nothing(tmp_path: Path) -> None:
    """Rotations, a kill, a suspension, a theft, a loss and a recovery, with traffic throughout."""
    account = run(tmp_path, rate=16)
    assert account.is_held, account.sentence
