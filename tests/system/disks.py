"""Small disks for nodes, and what fills them: a tmpfs each, and a file of ours on it."""

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.system.nodes import Nodes


def missing() -> str:
    """Return why no small disk can be made here; empty if one can."""
    return "" if os.geteuid() == 0 and shutil.which("mount") else "only root can mount a tmpfs"


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


def move(made: Nodes, member: str, size_bytes: int) -> Disk:
    """Move a node onto a small disk of its own, and start it there."""
    made.stop(member)
    folder = made.folder(member)
    kept = folder.with_name(f"{member}.kept")
    folder.rename(kept)
    folder.mkdir(mode=0o700)
    options = f"size={size_bytes},mode=0700"
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], check=True)
    shutil.copytree(kept, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.sock"))
    shutil.rmtree(kept)
    made.start(member)
    return Disk(folder)
