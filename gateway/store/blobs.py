"""The bytes of sealed attachments: segments in a folder (an object store, by another URL).

A segment has its name only once it is whole and durable: until then it is a part, which a crash
leaves behind and ``tidy`` removes. What works for long is synchronous, for a thread of its own.
"""

import os
import shutil
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from obstore.exceptions import BaseError
from obstore.store import LocalStore

from gateway.errors import UnavailableError

PIECE_BYTES = 512 * 1024
"""What is read, hashed, sealed or sent at a time: fresh memory for a whole segment would cost more
than all of these together."""
PART = ".part"


class SegmentFile:
    """A segment on its way to the disk."""

    def __init__(self, path: Path) -> None:
        """Begin a part. Raises UnavailableError ``disk_full``."""
        self._path = path
        with _writing():
            path.parent.mkdir(mode=0o700, exist_ok=True)
            descriptor, name = tempfile.mkstemp(PART, f"{path.name}.", path.parent)
        self._file = os.fdopen(descriptor, "wb", buffering=0)
        self._part = Path(name)
        self._lock = threading.Lock()  # an act that was given up may still run in its thread

    def write(self, piece: bytes | bytearray | memoryview) -> None:
        """Append to the part. Raises UnavailableError ``disk_full``."""
        view = memoryview(piece)
        with self._lock, _writing():
            while view:
                view = view[self._file.write(view) :]

    def keep(self) -> None:
        """Give the part its name, durable on return. Raises UnavailableError ``disk_full``."""
        with self._lock, _writing(), self._file:
            os.fsync(self._file.fileno())
            self._part.replace(self._path)
            _sync(self._path.parent)
            if int(self._path.name) == 0:
                _sync(self._path.parent.parent)

    def drop(self) -> None:
        """Delete the part; what was kept stays."""
        with self._lock:
            self._file.close()
            self._part.unlink(missing_ok=True)


class BlobStore:
    """A folder of sealed attachments, each under its random location."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder = folder
        self._store = LocalStore(prefix=folder)

    def begin(self, location: str, number: int) -> SegmentFile:
        """Begin to write one segment. Raises UnavailableError ``disk_full``."""
        return SegmentFile(self._folder / _path(location, number))

    def read(self, location: str, number: int, start: int, end: int) -> memoryview:
        """Return the bytes ``start`` to ``end`` (exclusive) of a segment.

        Raises UnavailableError ``blob_missing``.
        """
        missing = UnavailableError(
            "blob_missing", "a sealed attachment is missing or damaged on this node's disk"
        )
        try:
            piece = memoryview(self._store.get_range(_path(location, number), start=start, end=end))
        except (BaseError, OSError) as fault:
            raise missing from fault
        if len(piece) != end - start:
            raise missing
        return piece

    def tidy(self, location: str) -> None:
        """Remove the parts that crashes left beside the segments of a whole blob."""
        for part in (self._folder / location).glob(f"*{PART}"):
            part.unlink(missing_ok=True)

    def delete(self, location: str) -> None:
        """Delete all segments at a location."""
        shutil.rmtree(self._folder / location, ignore_errors=True)

    def free_bytes(self) -> int:
        """Return how many bytes are free on the disk."""
        return shutil.disk_usage(self._folder).free


@contextmanager
def _writing() -> Iterator[None]:
    try:
        yield
    except OSError as fault:
        raise UnavailableError(
            "disk_full",
            "a sealed attachment cannot be stored: the disk is full or fails; free some space",
            retry_after_s=30,
        ) from fault


def _path(location: str, number: int) -> str:
    return f"{location}/{number:05d}"


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
