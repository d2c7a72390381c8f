"""The audit log before somebody outside: see ``tests/system/testimony.py``."""

from pathlib import Path

import pytest

from tests.system.testimony import run

pytestmark = [pytest.mark.campaign, pytest.mark.system, pytest.mark.timeout(900)]


def test_logs_are_witnessed_and_evidence_outlives_the_federation(tmp_path: Path) -> None:
    """Traffic, a restore, a rewriting, and evidence that is verified when all is gone."""
    account = run(tmp_path, rate=16)
    assert account.is_held, account.sentence
