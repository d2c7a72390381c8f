"""What others reach: ``python -m tests.bench.peers [--quick] [--json] [--cache FOLDER]``.

The libraries run in one process, without network or disk, each in a virtual environment of its own
that the first run installs, for their pins conflict with ours. A peer that cannot be measured is a
line that says why, never a failure.
"""

import argparse
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

from tests.bench.programs import gnupg, openssl_cms
from tests.bench.report import KIB, MIB, Absent, Result, parse_json, show
from tests.bench.timing import Effort

SIZES = (KIB, 64 * KIB, MIB)
CACHE = Path("~/.cache/liaison-bench")

LIBRARY_FULL = Effort(rounds=5, round_s=0.5)
LIBRARY_QUICK = Effort(rounds=3, round_s=0.1)
PROGRAM_FULL = Effort(rounds=5, round_s=0.25)
PROGRAM_QUICK = Effort(rounds=3, round_s=0.06)

INSTALL_TIMEOUT_S = 300.0
RUN_TIMEOUT_S = 60.0
_ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Library:
    """A peer in Python: the module that measures it, and every package that it needs."""

    name: str
    module: str
    pins: tuple[str, ...]


class UnavailableLibraryError(Exception):
    """A library that cannot be measured here; says why in one sentence."""


LIBRARIES = (
    Library(
        name="pyas2lib 1.4.4",
        module="tests.bench.peer_scripts.as2_exchange",
        pins=(
            "pyas2lib==1.4.4",
            "asn1crypto==1.5.1",
            "cffi==2.1.1",
            "cryptography==50.0.2",
            "oscrypto==1.3.0",
            "pycparser==3.12",
            "pyopenssl==26.4.0",
            "typing-extensions==4.16.0",
        ),
    ),
    Library(
        name="as4 0.2.0",
        module="tests.bench.peer_scripts.as4_exchange",
        pins=(
            "as4==0.2.0",
            "annotated-types==0.8.0",
            "cffi==2.1.1",
            "cryptography==46.0.7",
            "lxml==6.1.3",
            "pycparser==3.12",
            "pydantic==2.14.4",
            "pydantic-core==2.50.5",
            "typing-extensions==4.16.0",
            "typing-inspection==0.4.5",
            "urllib3==2.8.0",
        ),
    ),
)


def main() -> None:
    """Print what the peers reach on this machine."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.peers", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer and shorter rounds")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument(
        "--cache", type=Path, default=CACHE, help="where the peers' environments are kept"
    )
    chosen = parser.parse_args()
    show(run(quick=chosen.quick, cache=chosen.cache), as_json=chosen.json)


def run(*, quick: bool = False, cache: Path = CACHE) -> list[Result]:
    """Measure every peer: some 45 seconds after the first set-up, or 10 when ``quick``."""
    results: list[Result] = []
    for library in LIBRARIES:
        results += measure_library(
            library, LIBRARY_QUICK if quick else LIBRARY_FULL, cache.expanduser().resolve()
        )
    effort = PROGRAM_QUICK if quick else PROGRAM_FULL
    return results + openssl_cms(effort, SIZES) + gnupg(effort, SIZES)


def measure_library(library: Library, effort: Effort, cache: Path) -> list[Result]:
    """Return a library's figures, or why there are none."""
    try:
        python = _environment(library, cache)
        printed = _run(
            [str(python), "-m", library.module, "--rounds", str(effort.rounds),
             "--round-s", str(effort.round_s), "--sizes", *map(str, SIZES)],
            RUN_TIMEOUT_S,
        )  # fmt: skip
        found = parse_json(printed)
    except (UnavailableLibraryError, ValueError, TypeError, KeyError) as fault:
        return [Absent(name=library.name, reason=f"not measured: {fault}")]
    return [replace(result, name=f"{library.name}: {result.name}") for result in found]


def _environment(library: Library, cache: Path) -> Path:
    """Return the Python of a library's environment, made now unless an earlier run made it.

    The list of pins is written last, so that an environment left half made is made again.
    Raises UnavailableLibraryError.
    """
    place = cache / library.name.replace(" ", "-")
    python, stamp = place / "bin" / "python", place / "installed.txt"
    wanted = f"{sys.version}\n" + "\n".join(library.pins) + "\n"
    try:
        if stamp.exists() and stamp.read_text() == wanted and python.exists():
            return python
        shutil.rmtree(place, ignore_errors=True)
        place.parent.mkdir(parents=True, exist_ok=True)
        _run([sys.executable, "-m", "venv", str(place)], INSTALL_TIMEOUT_S)
        _run(
            [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
             "--no-input", "--no-deps", "--only-binary", ":all:", "--retries", "1",
             "--timeout", "15", *library.pins],
            INSTALL_TIMEOUT_S,
        )  # fmt: skip
        stamp.write_text(wanted)
    except OSError as fault:
        raise UnavailableLibraryError(f"{place} cannot be written ({fault.strerror})") from fault
    except UnavailableLibraryError as fault:
        raise UnavailableLibraryError(f"its packages could not be installed ({fault})") from fault
    return python


def _run(command: list[str], timeout_s: float) -> str:
    """Run a command at the root of this repository; return what it printed.

    Raises UnavailableLibraryError with the last line of what it complained of.
    """
    ours = {"PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV"}
    environ = {name: value for name, value in os.environ.items() if name not in ours}
    try:
        ran = subprocess.run(
            command, cwd=_ROOT, env=environ, stdin=subprocess.DEVNULL, capture_output=True,
            text=True, check=False, timeout=timeout_s,
        )  # fmt: skip
    except subprocess.TimeoutExpired as fault:
        raise UnavailableLibraryError(f"it took more than {timeout_s:.0f} seconds") from fault
    if ran.returncode != 0:
        last = ran.stderr.strip().rpartition("\n")[2]
        raise UnavailableLibraryError(
            last.removeprefix("ERROR: ") or f"it ended with code {ran.returncode}"
        )
    return ran.stdout


if __name__ == "__main__":
    main()
