"""Kill a writer at every step: run as a program, which prints how often and what was left.

A fresh child for each death, which kills itself before the Nth of its steps. A step is a system
call of ``keys.private.write_private``, and a byte that it writes.
"""

import itertools
import json
import os
import signal
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from keys import rootfile
from keys.keyfile import create, unlock
from keys.slot import Cost

OLD, NEW = "old", "new"
STEPS = ("open", "write", "fsync", "replace", "unlink", "close")
CHEAP = Cost(memory_kib=8, passes=1)
ROOT_NAME = "mutual.example/XA/root"


def main(what: str, folder: Path) -> None:
    """Kill until a child comes through; print the account."""
    path = folder / "file"
    prepare, write, found = {
        "keystore": (_make, _save, _body),
        "slots": (_make, _add_slot, _slots),
        "root": (_clear, _draw, _root),
    }[what]
    prepare(path)
    account: Counter[str] = Counter()
    for step in itertools.count(1):
        killed = _child(step, lambda: write(path))
        left = found(path)
        account[left] += 1
        account["points"] += 1
        for item in folder.iterdir():
            if item.stat().st_mode & 0o077:
                raise SystemExit(f"{item} is open to others after step {step}")
            if item.name not in ("file", ".file.new"):
                raise SystemExit(f"{item} was left after step {step}")
        if not killed:
            break
        if left == NEW:
            prepare(path)
    if left != NEW or [item.name for item in folder.iterdir()] != ["file"]:
        raise SystemExit("who came through left something else")
    print(json.dumps(account))  # noqa: T201 - the answer


def _child(step: int, write: Callable[[], None]) -> bool:
    """Let a child write until its Nth step; tell whether that killed it."""
    child = os.fork()
    if child == 0:
        _arm(step)
        write()
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL:
        return True
    if status:
        raise SystemExit(f"the writer failed at step {step}: {status}")
    return False


def _arm(step: int) -> None:
    """Count system calls and bytes; die before the Nth."""
    left = itertools.count(1)

    def reached() -> None:
        if next(left) == step:
            os.kill(os.getpid(), signal.SIGKILL)

    def counted(genuine: Callable[..., object]) -> Callable[..., object]:
        def call(*arguments: object, **named: object) -> object:
            reached()
            return genuine(*arguments, **named)

        return call

    genuine_write = os.write

    def write(descriptor: int, content: bytes) -> int:
        reached()
        return genuine_write(descriptor, content[:1])

    for name in STEPS:
        setattr(os, name, write if name == "write" else counted(getattr(os, name)))


def _make(path: Path) -> None:
    path.unlink(missing_ok=True)
    create(path, b"old", b"pass", cost=CHEAP, entropy=os.urandom)


def _save(path: Path) -> None:
    unlock(path, b"pass", entropy=os.urandom).change(lambda _: b"new")


def _body(path: Path) -> str:
    return unlock(path, b"pass", entropy=os.urandom).body.decode()


def _add_slot(path: Path) -> None:
    unlock(path, b"pass", entropy=os.urandom).add_slot(b"word", cost=CHEAP)


def _slots(path: Path) -> str:
    opened = unlock(path, b"pass", entropy=os.urandom)
    if len(opened.slots) == 1:
        return OLD
    return NEW if unlock(path, b"word", entropy=os.urandom).body == b"old" else "half"


def _clear(path: Path) -> None:
    path.unlink(missing_ok=True)


def _draw(path: Path) -> None:
    rootfile.draw(path, ROOT_NAME, b"pass", cost=CHEAP, entropy=os.urandom)


def _root(path: Path) -> str:
    if not path.exists():
        return OLD
    name = rootfile.read(path, b"pass", entropy=os.urandom).name
    return NEW if name == ROOT_NAME else "half"


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
