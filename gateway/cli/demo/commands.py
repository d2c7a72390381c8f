"""Commands of the play, as people type them: each in a process of its own.

It is forked off with the code loaded, because starting Python a hundred times would be most of the
play. So nothing here may leave a thread running.
"""

import os
import sys
import tempfile
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import msgspec

BROKEN = 70
"""The exit code of a command that ended by a bug. Source: sysexits.h."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandLine:
    """``liaison`` itself, as far as the play needs it."""

    run: Callable[[list[str]], int]
    """Runs a command and returns its exit code."""
    prepare: Callable[[], object]
    """Makes all commands, which takes longer than most of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """What a command came to."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The document that it printed."""
        return msgspec.json.decode(self.out)

    def lines(self, *needles: str) -> list[str]:
        """Return the printed lines that hold one of ``needles``, without the space around them."""
        return [
            line.strip() for line in self.out.splitlines() if any(one in line for one in needles)
        ]


class Command:
    """A command that runs."""

    def __init__(
        self,
        line: CommandLine,
        arguments: Sequence[str],
        environ: Mapping[str, str],
        *,
        text: bytes = b"",
        place: Path | None = None,
    ) -> None:
        """Start it in the folder ``place``; ``text`` is its input."""
        self._files = [tempfile.TemporaryFile() for _ in range(3)]  # noqa: SIM115 - closed in wait
        self._files[0].write(text)
        self._files[0].seek(0)
        sys.stdout.flush()
        sys.stderr.flush()
        self._process = os.fork()
        if not self._process:
            _become(lambda: line.run(list(arguments)), environ, self._files, place)

    def wait(self) -> Ran:
        """Return what it came to, once it has ended."""
        _, status = os.waitpid(self._process, 0)
        out, err = (_text(file) for file in self._files[1:])
        self._files[0].close()
        return Ran(code=os.waitstatus_to_exitcode(status), out=out, err=err)


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    with file:
        return file.read().decode(errors="replace")


def _become(
    run: Callable[[], int],
    environ: Mapping[str, str],
    files: Sequence[IO[bytes]],
    place: Path | None,
) -> None:
    """Be the command, and end with its code."""
    code = BROKEN
    try:
        for number, file in enumerate(files):
            os.dup2(file.fileno(), number)
        sys.stdin, sys.stdout, sys.stderr = (
            os.fdopen(number, mode, encoding="utf-8") for number, mode in enumerate("rww")
        )
        os.environ.clear()
        os.environ.update(environ)
        if place is not None:
            os.chdir(place)
        code = run()
        sys.stdout.flush()
        sys.stderr.flush()
    except BaseException:  # noqa: BLE001 - told by the exit code and on its standard error
        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(code)
