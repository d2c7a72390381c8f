"""One daemon on one data folder: a lock that dies with its process."""

import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import Self

from gateway.errors import ConflictError


class FolderLock:
    """Holds ``<data folder>/lock`` for as long as the process lives."""

    def __init__(self, folder: Path) -> None:
        """Take the lock. Raises ConflictError ``already_running``."""
        path = folder / "lock"
        self._file = path.open("a+", encoding="ascii")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as fault:
            self._file.seek(0)
            holder = self._file.read().strip() or "unknown"
            self._file.close()
            raise ConflictError(
                "already_running",
                f"a daemon (process {holder}) already runs on {folder}: stop it first",
            ) from fault
        self._file.truncate(0)
        self._file.write(str(os.getpid()))
        self._file.flush()

    def release(self) -> None:
        """Let the folder go."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        failure: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.release()
