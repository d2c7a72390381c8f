"""What was committed since somebody looked last: a loop with nothing new to see costs no query."""

from collections.abc import Iterator
from contextlib import contextmanager

from gateway.store.database import Database


class Commits:
    """How far one reader has looked at what this process commits."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._seen = -1

    def are_new(self) -> bool:
        """Tell whether there may be something new: always, where other daemons commit too."""
        return self._database.is_shared or self._database.commits != self._seen

    @contextmanager
    def looked_at(self) -> Iterator[None]:
        """Note what there is as seen, unless the look fails, or is forgotten meanwhile."""
        self._seen = self._database.commits
        try:
            yield
        except BaseException:
            self.forget()
            raise

    def forget(self) -> None:
        """Look again, whatever was committed."""
        self._seen = -1
