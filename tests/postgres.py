"""A PostgreSQL server of the tests' own: real, private, on a Unix socket, gone afterwards."""

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from itertools import count
from pathlib import Path

import psycopg

START_S = 30.0
_USER = "liaison"


def programs() -> Path | None:
    """Return the folder of the server's programs, if one is installed."""
    found = shutil.which("initdb")
    places = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if found is not None and Path(found).resolve().parent.joinpath("postgres").exists():
        return Path(found).resolve().parent
    return places[-1].parent if places else None


def missing() -> str:
    """Return why no server can be started here; empty if one can."""
    return "" if programs() else "no PostgreSQL server is installed (apt-get install postgresql)"


@dataclass
class Server:
    """A running server; its databases are made from one that is migrated already."""

    place: Path
    process: subprocess.Popen[bytes] | None = None
    numbers: Iterator[int] = field(default_factory=count)

    def start(self) -> None:
        """Start, and wait until it answers."""
        bin_dir = programs()
        assert bin_dir is not None
        with (self.place / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [*_as_user(), str(bin_dir / "postgres"), "-D", str(self.place / "data"),
                 "-c", "listen_addresses=", "-c", f"unix_socket_directories={self.place}"],
                stdout=log, stderr=log,
            )  # fmt: skip
        deadline = time.monotonic() + START_S
        while True:
            try:
                psycopg.connect(self.url("postgres")).close()
            except psycopg.OperationalError:
                if time.monotonic() > deadline or self.process.poll() is not None:
                    raise AssertionError((self.place / "log").read_text()[-3000:]) from None
                time.sleep(0.05)
            else:
                return

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """End it: SIGINT is its fast shutdown, SIGQUIT leaves it to recover at the next start."""
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait(30)
            self.process = None

    def url(self, database: str) -> str:
        """Return the url of a database."""
        return f"postgresql://{_USER}@/{database}?host={self.place}"

    def create(self, template: str = "template1") -> str:
        """Make a database; return its name."""
        name = f"liaison_{next(self.numbers)}"
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")  # type: ignore[arg-type]
        return name


@contextlib.contextmanager
def server() -> Iterator[Server]:
    """Yield a running server in a folder of its own."""
    bin_dir = programs()
    assert bin_dir is not None
    place = Path(tempfile.mkdtemp(prefix="liaison-pg-"))
    made = Server(place)
    try:
        owner = _owner()
        os.chown(place, owner.pw_uid, owner.pw_gid)
        initialise = [str(bin_dir / "initdb"), "-D", str(place / "data"), "-U", _USER]
        initialise += ["--auth=trust", "--no-sync", "--encoding=UTF8", "--locale=C"]
        ran = subprocess.run(
            [*_as_user(), *initialise], capture_output=True, text=True, check=False, timeout=120,
            cwd="/",
        )  # fmt: skip
        assert ran.returncode == 0, ran.stdout + ran.stderr
        made.start()
        yield made
    finally:
        made.stop(signal.SIGQUIT)
        shutil.rmtree(place, ignore_errors=True)


@cache
def _owner() -> pwd.struct_passwd:
    """Return who runs the server: it refuses to run as root."""
    if os.getuid() != 0:
        return pwd.getpwuid(os.getuid())
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise AssertionError("there is no user to run the server as")


def _as_user() -> list[str]:
    owner = _owner()
    if os.getuid() == owner.pw_uid:
        return []
    ids = [f"--reuid={owner.pw_uid}", f"--regid={owner.pw_gid}", "--clear-groups"]
    return ["setpriv", *ids, "--"]
