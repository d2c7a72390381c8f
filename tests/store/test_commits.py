"""Who has seen everything that was committed need not look; who may have missed some looks."""

from pathlib import Path

import pytest

from gateway.errors import UnavailableError
from gateway.store.commits import Commits
from tests.store.stored import database


async def test_there_is_something_new_until_it_was_looked_at(tmp_path: Path) -> None:
    """At first, after each commit, and what was committed during the look itself."""
    with database(tmp_path) as db:
        commits = Commits(db)
        assert commits.are_new()
        with commits.looked_at():
            pass
        assert not commits.are_new()
        with commits.looked_at():
            await db.write(lambda _: None)
        assert commits.are_new()


async def test_look_that_failed_or_was_doubted_is_taken_again(tmp_path: Path) -> None:
    """Also where the doubt came before the look ended."""
    with database(tmp_path) as db:
        commits = Commits(db)
        with pytest.raises(UnavailableError), commits.looked_at():
            raise UnavailableError("busy", "a test")
        assert commits.are_new()
        with commits.looked_at():
            commits.forget()
        assert commits.are_new()
