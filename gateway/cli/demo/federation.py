"""The federation of the play: founded by the commands of operators, run as real daemons."""

import contextlib
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

from gateway.cases.fields.labels import Label
from gateway.cli.demo import cast as people
from gateway.cli.demo.cast import REGISTRY, XB, Member
from gateway.cli.demo.commands import Command, CommandLine, Ran
from gateway.cli.demo.poor_line import PoorLine
from gateway.cli.demo.telling import Story
from gateway.cli.terminal.client import Daemon
from gateway.cli.terminal.options import daemon_of
from gateway.errors import LiaisonError
from gateway.settings import load, render
from keys.private import write_private

NAME: Final = "mutual.example"
WAIT_S = 120.0
POLL_S = 0.03
STOP_S = 15.0


class Federation:
    """A registrar and members: a folder each, and a process while it runs."""

    def __init__(
        self, place: Path, cast: Sequence[Member], story: Story, line: CommandLine
    ) -> None:
        """Take over an empty ``place``."""
        self.place = place
        self.cast = cast
        self.members = [item.code for item in cast]
        self.anchor = ""
        self.line: PoorLine | None = None
        self._story = story
        self._commands = line
        line.prepare()
        self._by_code = {item.code: item for item in cast}
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._environ = _environ(len(cast))
        names = (REGISTRY, *self.members)
        ports = free_ports(len(names) + 1)
        self._ports = dict(zip(names, ports, strict=False))
        self._far_port = ports[-1]
        """Where XB's node listens; everybody else knows the near end of its line."""

    def found(self) -> None:
        """Make the registrar's node, and start it."""
        secret = self.place / "passphrase"
        write_private(secret, f"{secrets.token_hex(16)}\n".encode())
        made = self.command(
            REGISTRY, "registry", "init", "--federation", NAME, "--name", "Secretariat",
            "--name-fr", "Secrétariat", "--json", *self._made(REGISTRY),
        )  # fmt: skip
        self.anchor = made.json["anchor"]
        self.start(REGISTRY)

    def admit(self) -> None:
        """Make every member's node, let the registrar admit it, and name the witnesses."""
        self._side_by_side([self._init_line(item) for item in self.cast])
        for item in self.cast:
            self._settle(item)
            join = self.folder(item.code) / f"join.{item.code}"
            self.command(REGISTRY, "member", "admit", str(join), "--yes")
        out = str(self.place / "witnesses.statement")
        self.command(
            REGISTRY, "registry", "witnesses", *people.WITNESSES, "--quorum", str(people.QUORUM),
            "--out", out, *self.by_registrar(),
        )  # fmt: skip

    def run(self) -> None:
        """Start all nodes, a few at a time, and wait until each of them sees all."""
        self.line = PoorLine(self._ports[XB], self._far_port)
        width = 1 + max(2, os.cpu_count() or 2)
        for at, code in enumerate(self.members):
            if at >= width:
                self._await_start(self.members[at - width])
            self._launch(code)
        for code in self.members[-width:]:
            self._await_start(code)
        size = self.call(REGISTRY, "GET", "/v1/registry")["size"]
        for code in self.members:
            self.until(
                Label(f"{code} to see everybody", f"{code} doit voir tous les autres"),
                partial(self._sees_all, code, size),
            )

    def start(self, code: str) -> None:
        """Start one node, and wait until it answers."""
        self._launch(code)
        self._await_start(code)

    def stop(self) -> None:
        """Tell every node to stop, and end what does not; also what was forked."""
        if self.line is not None:
            self.line.close()
            self.line = None
        running, self._running = self._running, {}
        for process in running.values():
            process.send_signal(signal.SIGTERM)
        for process in running.values():
            try:
                process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def command(
        self, code: str, *arguments: str, language: str = "", expected: int = 0, text: bytes = b""
    ) -> Ran:
        """Run a command as a member's people do. Raises SpokenError if its exit code is another."""
        ran = self.beside(code, *arguments, language=language, text=text).wait()
        self._check(arguments, ran, expected)
        return ran

    def beside(self, code: str, *arguments: str, language: str = "", text: bytes = b"") -> Command:
        """Begin a command, to go on beside it."""
        spoken = language or (self._by_code[code].language if code in self._by_code else "en")
        place = ("--dir", str(self.folder(code)))
        environ = {**self._environ, "LC_ALL": f"{spoken}.UTF-8"}
        return Command(self._commands, (*arguments, *place), environ, text=text)

    def alone(self, place: Path, *arguments: str) -> Ran:
        """Run a command in another folder, of no node; it prints what the onlooker reads."""
        environ = {**self._environ, "LC_ALL": f"{self._story.language}.UTF-8"}
        return Command(self._commands, arguments, environ, place=place).wait()

    def call(self, code: str, method: str, path: str, body: object = None, **headers: str) -> Any:
        """Ask a running node by its socket."""
        return self.daemon(code).call(method, path, body, **headers)

    def daemon(self, code: str) -> Daemon:
        """Return the way to a node's socket."""
        return daemon_of(self.folder(code))

    def folder(self, code: str) -> Path:
        """Return a node's folder."""
        return self.place / code

    def by_registrar(self) -> tuple[str, ...]:
        """Return how the registrar signs without being asked."""
        key = self.folder(REGISTRY) / "offline" / f"{REGISTRY}.root-1-1.key"
        secret = str(self.place / "passphrase")
        return ("--root-key", str(key), "--passphrase-file", secret, "--yes")

    def name_of(self, code: str) -> Label:
        """Return a member's name."""
        return self._by_code[code].name

    def passphrase(self) -> bytes:
        """Return what opens every keystore here."""
        return (self.place / "passphrase").read_bytes().strip()

    def until(self, what: Label, condition: Callable[[], Any], seconds: float = WAIT_S) -> Any:
        """Wait until something holds; a node that does not answer yet is asked again.

        Raises SpokenError ``demo_failed`` after ``seconds``, or when a node has ended by itself.
        """
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            with contextlib.suppress(LiaisonError):
                if value := condition():
                    return value
            self._check_alive()
            time.sleep(POLL_S)
        raise self._story.late(what, seconds)

    def _check_alive(self) -> None:
        for code, process in self._running.items():
            if (ended := process.poll()) is not None:
                log = (self.folder(code) / "log").read_text(errors="replace")
                raise self._story.broke(f"liaison serve --dir {code}", ended, log.strip())

    def _side_by_side(self, lines: Sequence[tuple[str, tuple[str, ...]]]) -> None:
        """Run commands two at a time."""
        under_way: list[tuple[tuple[str, ...], Command]] = []
        for code, arguments in lines:
            under_way.append((arguments, self.beside(code, *arguments)))
            if len(under_way) == 2:  # noqa: PLR2004 - the cores that there are at least
                first = under_way.pop(0)
                self._check(first[0], first[1].wait())
        for arguments, running in under_way:
            self._check(arguments, running.wait())

    def _check(self, arguments: Sequence[str], ran: Ran, expected: int = 0) -> None:
        if ran.code != expected:
            shown = " ".join(("liaison", *arguments[:3]))
            raise self._story.broke(shown, ran.code, (ran.err or ran.out).strip())

    def _init_line(self, item: Member) -> tuple[str, tuple[str, ...]]:
        route = () if "--via" in item.options else ("--endpoint", self._url(item.code))
        return item.code, (
            "init", "--member", item.code, "--name", item.name.en, "--name-fr", item.name.fr,
            "--anchor", self.anchor, "--registry", self._url(REGISTRY), *route, *item.options,
            *self._made(item.code)[2:],
        )  # fmt: skip

    def _made(self, code: str) -> tuple[str, ...]:
        """Return the options that every new node has."""
        port = self._far_port if code == XB else self._ports[code]
        return (
            "--endpoint", self._url(code), "--listen", "127.0.0.1", "--port", str(port),
            "--weak-keystore", "--passphrase-file", str(self.place / "passphrase"),
        )  # fmt: skip

    def _settle(self, item: Member) -> None:
        """Write what a member's operator changes in its settings."""
        changes: dict[str, Mapping[str, Any]] = dict(item.settings)
        if item.code == people.OFFICE:
            changes |= people.region_of(self.cast)
        if changes:
            file = self.folder(item.code) / "gateway.toml"
            write_private(file, render(load(file, flags=changes)).encode())

    def _url(self, code: str) -> str:
        return f"https://127.0.0.1:{self._ports[code]}"

    def _launch(self, code: str) -> None:
        folder = self.folder(code)
        with (folder / "log").open("ab") as log:
            self._running[code] = subprocess.Popen(
                [sys.executable, "-m", "gateway", "serve", "--dir", str(folder)],
                env=self._environ, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip

    def _await_start(self, code: str) -> None:
        self.until(
            Label(f"{code} to start", f"{code} doit démarrer"),
            lambda: self.call(code, "GET", "/health/live")["live"],
        )

    def _sees_all(self, code: str, size: int) -> bool:
        if self.call(code, "GET", "/v1/registry")["size"] < size:
            return False
        return bool(self.call(code, "GET", "/health/ready")["ready"])


@contextlib.contextmanager
def running(federation: Federation) -> Iterator[Federation]:
    """Yield it, and stop it at the end, whatever happens."""

    def told_to_stop(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, told_to_stop)
    try:
        yield federation
    finally:
        federation.stop()
        signal.signal(signal.SIGTERM, before)


def free_ports(count: int) -> list[int]:
    """Return ports on which nothing listens now."""
    with contextlib.ExitStack() as held:
        probes = [held.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]


def _environ(members: int) -> dict[str, str]:
    """Return the environment of every node: settings that make it quick, and small."""
    is_small = members <= people.LEAST
    return {
        **{name: text for name, text in os.environ.items() if not name.startswith("LIAISON_")},
        "LIAISON_REGISTRY__POLL_S": "1" if is_small else "3",
        "LIAISON_AUDIT__INTERVAL_MS": "50",
        "LIAISON_AUDIT__WITNESS_S": "2" if is_small else "5",
        "LIAISON_DELIVERY__RETRY_MAX_S": "1",
        "LIAISON_DELIVERY__LEASE_S": "10",
        "LIAISON_DELIVERY__RESCAN_S": "1",
        "LIAISON_RELAY__COLLECT_LEASE_S": "10",
        "MALLOC_ARENA_MAX": "2",
    }
