"""The bytes of sealed attachments: segments in a folder (an object store, by another URL).

A segment is durable before anything says that it is there: ``obstore`` writes and renames but does
not sync, so file and folder are synced here.
"""

import asyncio
import os
import shutil
from pathlib import Path

from obstore.exceptions import BaseError
from obstore.store import LocalStore

from gateway.errors import UnavailableError


class BlobStore:
    """A folder of sealed attachments, each under its random location."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder = folder
        self._store = LocalStore(prefix=folder)

    async def write_segment(self, location: str, number: int, segment: bytes) -> None:
        """Store one segment, durable on return. Raises UnavailableError ``disk_full``."""
        await asyncio.to_thread(self._write, location, number, segment)

    async def read(self, location: str, number: int, start: int, end: int) -> bytes:
        """Return the bytes ``start`` to ``end`` (exclusive) of a segment.

        Raises UnavailableError ``blob_missing``.
        """
        try:
            piece = await self._store.get_range_async(_path(location, number), start=start, end=end)
        except (BaseError, OSError) as fault:
            raise UnavailableError(
                "blob_missing", "a sealed attachment is missing or damaged on this node's disk"
            ) from fault
        return bytes(piece)

    async def delete(self, location: str) -> None:
        """Delete all segments at a location."""
        await asyncio.to_thread(shutil.rmtree, self._folder / location, ignore_errors=True)

    def free_bytes(self) -> int:
        """Return how many bytes are free on the disk."""
        return shutil.disk_usage(self._folder).free

    def _write(self, location: str, number: int, segment: bytes) -> None:
        path = _path(location, number)
        try:
            self._store.put(path, segment)
            _sync(self._folder / path)
            _sync(self._folder / location)
            if number == 0:
                _sync(self._folder)
        except (BaseError, OSError) as fault:
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
