"""Real nodes in real processes, set up by the commands that operators type."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gateway.cli.terminal.client import Daemon
from gateway.cli.terminal.options import daemon_of
from gateway.errors import LiaisonError
from tests import forked

START_S = 90.0
QUICK = {
    "LIAISON_REGISTRY__POLL_S": "1",
    "LIAISON_AUDIT__INTERVAL_MS": "50",
    "LIAISON_DELIVERY__RETRY_MAX_S": "2",
    "LIAISON_DELIVERY__LEASE_S": "10",
    "LIAISON_DELIVERY__RESCAN_S": "1",
    "LIAISON_RELAY__ENABLED": "true",
    "LIAISON_RELAY__COLLECT_LEASE_S": "5",
    "MALLOC_ARENA_MAX": "2",  # as the unit and the image have it
}


@dataclass(frozen=True)
class Ran:
    """What a command came to."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The document that it printed."""
        return json.loads(self.out)


def command_of(*arguments: str, ahead_s: int = 0, module: str = "gateway") -> list[str]:
    """Return the command line, in a process whose clock may be ahead."""
    start = ["tests.system.ahead", str(ahead_s)] if ahead_s else [module]
    return [sys.executable, "-m", *start, *arguments]


def liaison(*arguments: str, ahead_s: int = 0, **environ: str) -> Ran:
    """Run the command line."""
    environ = {**os.environ, **environ}
    if not ahead_s:
        ran = forked.run(arguments, environ, timeout_s=90)
    else:
        ran = subprocess.run(
            command_of(*arguments, ahead_s=ahead_s), capture_output=True, text=True, check=False,
            timeout=90, stdin=subprocess.DEVNULL, env=environ,
        )  # fmt: skip
    return Ran(ran.returncode, ran.stdout, ran.stderr)


def done(*arguments: str, ahead_s: int = 0) -> Ran:
    """Run a command that must succeed."""
    ran = liaison(*arguments, ahead_s=ahead_s)
    assert ran.code == 0, f"liaison {' '.join(arguments)}\n{ran.out}{ran.err}"
    return ran


@dataclass
class Nodes:
    """A registrar and members, each a folder, and a process while it runs."""

    place: Path
    ports: dict[str, int] = field(default_factory=dict)
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    store_url: Callable[[], str] | None = None
    """Makes each member a database on a server, instead of a file."""
    settings: Mapping[str, str] = field(default_factory=lambda: QUICK)
    """What differs from the defaults, as environment variables of every node."""
    environs: dict[str, dict[str, str]] = field(default_factory=dict)
    """Settings of single nodes, kept for the next start."""
    registrars: int = 1
    """How many roots the registrars have; more than half of them must sign."""
    ahead_s: int = 0
    """How far the clocks are ahead of those who start from now on."""
    module: str = "gateway"
    """What those who start from now on run."""

    def found(self, *members: str) -> None:
        """Set everything up by hand, and start it.

        ``XC@RO`` is a member without an address, reached through its relay RO.
        """
        relays = {name: via for name, _, via in (item.partition("@") for item in members)}
        members = tuple(relays)
        self.write_passphrase()
        names = ("REGISTRY", *members)
        self.ports = dict(zip(names, free_ports(len(names)), strict=True))
        anchor = done(
            "registry", "init", "--federation", "mutual.example", "--endpoint",
            self.url("REGISTRY"), *self.common("REGISTRY"), "--json",
            "--registrars", str(self.registrars), "--threshold", str(self.threshold),
        ).json["anchor"]  # fmt: skip
        self.start("REGISTRY")
        for member in members:
            route = ["--endpoint", self.url(member)]
            if relays[member]:
                route = ["--via", relays[member]]
            if self.store_url is not None:
                route += ["--store", self.store_url()]
            done(
                "init", "--member", member, "--name", f"Customs of {member}", "--anchor", anchor,
                "--registry", self.url("REGISTRY"), *route, *self.common(member),
            )  # fmt: skip
            join = self.folder(member) / f"join.{member}"
            done("member", "admit", str(join), *self.by_registrars())
            self.start(member)
        for member in members:
            self.until(lambda m=member: self.sees(m) >= set(members))

    def write_passphrase(self) -> None:
        """Write the passphrase of everything."""
        (self.place / "passphrase").touch(mode=0o600)
        (self.place / "passphrase").write_text("open sesame\n")

    @property
    def threshold(self) -> int:
        """How many of the registrars must sign."""
        return self.registrars // 2 + 1

    def by_registrars(self, generation: int = 1) -> list[str]:
        """Return how enough of the registrars sign at their node."""
        offline = self.folder("REGISTRY") / "offline"
        named = [
            f"{offline}/REGISTRY.root-{generation}-{number}.key"
            for number in range(1, self.threshold + 1)
        ]
        keys = [item for name in named for item in ("--root-key", name)]
        return [*keys, *self.signing("REGISTRY")]

    def signing(self, member: str) -> list[str]:
        """Return how a command signs at a node without asking."""
        secret = str(self.place / "passphrase")
        return ["--passphrase-file", secret, "--dir", str(self.folder(member)), "--yes"]

    def twin(self, member: str, name: str) -> None:
        """Give a member a second daemon: a folder and port of its own, the rest is shared."""
        first, other = self.folder(member), self.folder(name)
        other.mkdir(mode=0o700)
        text = (first / "gateway.toml").read_text()
        text = text.replace(f'data_dir = "{first}"', f'data_dir = "{other}"')
        text = text.replace('file = "keystore"', f'file = "{first / "keystore"}"')
        text = text.replace('url = "file:blobs"', f'url = "file:{first / "blobs"}"')
        (other / "gateway.toml").write_text(text)
        (port,) = free_ports(1)
        self.start(name, LIAISON_PEER_API__PORT=str(port))
        self.until(lambda: self.sees(name) >= self.sees(member))

    def start(self, member: str, **environ: str) -> None:
        """Start a node, and wait until it answers; what is set for it stays set."""
        own = self.environs.setdefault(member, {})
        own.update(environ)
        with (self.place / f"{member}.log").open("ab") as log:
            self.running[member] = subprocess.Popen(
                command_of(
                    "serve", "--dir", str(self.folder(member)),
                    ahead_s=self.ahead_s, module=self.module,
                ),
                stdout=log, stderr=log, env={**os.environ, **self.settings, **own},
            )  # fmt: skip
        self.until(lambda: self.call(member, "GET", "/health/live"))

    def kill(self, member: str) -> None:
        """End a node's process in the middle of whatever it does."""
        process = self.running.pop(member)
        process.kill()
        process.wait()

    def stop(self, member: str) -> int:
        """Tell a node to stop; return its exit code."""
        process = self.running.pop(member)
        process.send_signal(signal.SIGTERM)
        try:
            return process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise

    def folder(self, member: str) -> Path:
        """Return a node's folder."""
        return self.place / member

    def url(self, member: str) -> str:
        """Return where peers reach a node."""
        return f"https://127.0.0.1:{self.ports[member]}"

    def daemon(self, member: str) -> Daemon:
        """Return the way to a running node."""
        return daemon_of(self.folder(member))

    def call(self, member: str, method: str, path: str, body: object = None) -> Any:
        """Ask a running node."""
        return self.daemon(member).call(method, path, body)

    def sees(self, member: str) -> set[str]:
        """Return the members that a node knows of, once it is ready."""
        if not self.call(member, "GET", "/health/ready")["ready"]:
            return set()
        listed = self.call(member, "GET", "/v1/members")["members"]
        return {item["member"] for item in listed}

    def inbox(self, member: str) -> list[str]:
        """Return the names of all messages that a node received."""
        found: list[str] = []
        path = "/v1/messages?direction=in&limit=200"
        while True:
            page = self.call(member, "GET", path)
            found += [item["id"] for item in page["messages"]]
            if not page["messages"]:
                return found
            path = f"/v1/messages?direction=in&limit=200&cursor={page['cursor']}"

    def shown(self, member: str, message: str) -> Any:
        """Open a message."""
        return self.call(member, "GET", f"/v1/messages/{message}")

    def until(self, condition: Callable[[], Any], seconds: float = START_S) -> Any:
        """Wait until something holds; a node that does not answer yet is asked again."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            with contextlib.suppress(LiaisonError):
                if value := condition():
                    return value
            time.sleep(0.05)
        logs = [file.read_text()[-1500:] for file in self.place.glob("*.log")]
        raise AssertionError("\n".join(["it did not come to pass in time", *logs]))

    def delivered(self, member: str, messages: list[str], seconds: float = 60.0) -> None:
        """Wait until all these messages of a sender are delivered."""
        self.until(
            lambda: all(self.shown(member, item)["state"] == "delivered" for item in messages),
            seconds,
        )

    def peak_bytes(self, member: str) -> int:
        """Return the most memory that a node's process ever held."""
        status = Path(f"/proc/{self.running[member].pid}/status").read_text()
        line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024

    def common(self, member: str) -> list[str]:
        """Return the options that every new node has."""
        return [
            "--listen", "127.0.0.1", "--port", str(self.ports[member]),
            "--dir", str(self.folder(member)), "--weak-keystore",
            "--passphrase-file", str(self.place / "passphrase"),
        ]  # fmt: skip


@contextlib.contextmanager
def nodes(
    place: Path,
    *members: str,
    store_url: Callable[[], str] | None = None,
    settings: Mapping[str, str] = QUICK,
) -> Iterator[Nodes]:
    """Yield a running federation, or none yet; what still runs at the end is ended."""
    made = Nodes(place, store_url=store_url, settings=settings)
    try:
        if members:
            made.found(*members)
        yield made
    finally:
        for process in made.running.values():
            process.kill()
            process.wait()


def free_ports(count: int) -> list[int]:
    """Return ports on which nothing listens now."""
    with contextlib.ExitStack() as held:
        probes = [held.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]
