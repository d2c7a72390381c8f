"""Small disks for nodes, and what fills them: a tmpfs each, and a file of ours on it."""

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.system.nodes import Nodes


@cache
def missing() -> str:
    """Return why no small disk can be made here; empty if one can."""
    if os.geteuid() != 0 or shutil.which("mount") is None:
        return "only root can mount a small disk"
    with tempfile.TemporaryDirectory() as place:
        ran = subprocess.run(["mount", "-t", "tmpfs", "tmpfs", place], check=False)
        if ran.returncode == 0:
            subprocess.run(["umount", place], check=True)
    return "" if ran.returncode == 0 else "nothing may be mounted here"


@dataclass(frozen=True)
class Disk:
    """A mounted disk."""

    folder: Path

    @property
    def free_bytes(self) -> int:
        """How much there is left."""
        return shutil.disk_usage(self.folder).free

    def fill(self, leave_bytes: int) -> None:
        """Let so much be left, and no more."""
        with (self.folder / "ballast").open("ab") as file:
            while (length := self.free_bytes - leave_bytes) > 0:
                with contextlib.suppress(OSError):  # the node took some of it meanwhile
                    os.posix_fallocate(file.fileno(), file.seek(0, os.SEEK_END), length)

    def clear(self) -> None:
        """Make room again."""
        (self.folder / "ballast").unlink()


@contextlib.contextmanager
def mounted() -> Iterator[list[Disk]]:
    """Yield a list; the disks in it are unmounted at the end."""
    disks: list[Disk] = []
    try:
        yield disks
    finally:
        for disk in disks:
            subprocess.run(["umount", "--lazy", str(disk.folder)], check=True)


def mount(folder: Path, size_bytes: int) -> Disk:
    """Put a small disk over an empty folder."""
    options = f"size={size_bytes},mode=0700"
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], check=True)
    return Disk(folder)


def move(made: Nodes, member: str, size_bytes: int) -> Disk:
    """Move a node onto a small disk of its own, and start it there."""
    made.stop(member)
    folder = made.folder(member)
    kept = folder.with_name(f"{member}.kept")
    folder.rename(kept)
    folder.mkdir(mode=0o700)
    disk = mount(folder, size_bytes)
    shutil.copytree(kept, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.sock"))
    shutil.rmtree(kept)
    made.start(member)
    return disk
