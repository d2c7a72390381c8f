"""The stage: the federation, the story that is told of it, and what one act leaves to the next."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from gateway.cases.fields.labels import Label
from gateway.cli.demo.cast import OFFICE
from gateway.cli.demo.commands import Ran
from gateway.cli.demo.federation import Federation
from gateway.cli.demo.poor_line import PoorLine
from gateway.cli.demo.telling import Story

RECEIPT_S = 30


@dataclass(slots=True, kw_only=True)
class Stage:
    """What the acts play on."""

    federation: Federation
    story: Story
    desks: Path
    """What people have on their desks: no part of any node."""
    case: str = ""
    request: str = ""
    partial: str = ""
    final: str = ""
    operation: str = ""
    envelope: bytes = b""
    """XA's request as somebody copied it: sealed."""
    files: dict[str, str] = field(default_factory=dict)
    """The SHA-256 of files by their names."""
    facts: dict[str, Any] = field(default_factory=dict)

    def run(self, member: str, *arguments: str, expected: int = 0, text: bytes = b"") -> Ran:
        """Run a command as a member's people type it."""
        return self.federation.command(member, *arguments, expected=expected, text=text)

    def document(self, member: str, *arguments: str) -> Any:
        """Return what a command prints for programs."""
        return self.run(member, *arguments, "--json").json

    def call(self, member: str, path: str, method: str = "GET", body: object = None) -> Any:
        """Ask a member's node by its socket, in the language of its people."""
        language = next(item.language for item in self.federation.cast if item.code == member)
        headers = {"Accept-Language": language}
        return self.federation.call(member, method, path, body, **headers)

    def token(self, member: str, label: str, *roles: str) -> None:
        """Let a member's operator make a token for somebody of its house."""
        file = self.desks / member / f"{label}.token"
        given = [item for role in roles for item in ("--role", role)]
        self.run(member, "token", "create", label, *given, "--out", str(file))

    def shows(self, member: str, label: str) -> tuple[str, str]:
        """Return how a command shows a token."""
        return "--token-file", str(self.desks / member / f"{label}.token")

    def events(self, member: str, after: str) -> tuple[str, list[str]]:
        """Return what a member's systems were told since: the last event's id, and the types."""
        told = self.federation.daemon(member).text(f"/v1/events?after={after}&for_s=0")
        lines = [line.partition(": ") for line in told.splitlines()]
        ids = [value for name, _, value in lines if name == "id"]
        return ids[-1], [value for name, _, value in lines if name == "event"]

    def move(self, member: str, move: str, *arguments: str) -> str:
        """Say something in the case, and see it arrive; return the message's name."""
        wait = ("--wait", str(RECEIPT_S), "--json")
        said: str = self.run(member, "case", move, self.case, *arguments, *wait).json["id"]
        return said

    def send(
        self, member: str, to: str | list[str], kind: str, content: object, *arguments: str
    ) -> Any:
        """Send a message, and see it arrive everywhere; return what was answered."""
        names = [to] if isinstance(to, str) else to
        addressed = [item for name in names for item in ("--to", name)]
        return self.run(
            member, "message", "send", *addressed, "--kind", kind, "--content", "-", *arguments,
            "--wait", str(RECEIPT_S), "--json", text=msgspec.json.encode(content),
        ).json  # fmt: skip

    def refused(self, member: str, to: str, kind: str, content: object, *arguments: str) -> Ran:
        """Try to send a message that is not let out."""
        return self.run(
            member, "message", "send", "--to", to, "--kind", kind, "--content", "-", *arguments,
            expected=1, text=msgspec.json.encode(content),
        )  # fmt: skip

    def opened(self, member: str, message: str) -> Any:
        """Open a message as a member's system does; that reading is recorded."""
        return self.call(member, f"/v1/messages/{message}")

    def thread(self, member: str, case: str = "") -> Any:
        """Return the thread of the case as a member's node has it."""
        return self.call(member, f"/v1/cases/{case or self.case}")["threads"][0]

    def arrived(self, member: str, kind: str) -> Any:
        """Wait for a message of a kind to arrive at a member; return the newest."""

        def look() -> Any:
            page = self.call(member, f"/v1/messages?direction=in&limit=500&kind={kind}")
            return page["messages"][-1:]

        what = Label(f"{kind} to reach {member}", f"{kind} pour {member}")
        return self.until(what, look)[0]

    def recorded(self, member: str, kind: str) -> list[Any]:
        """Return the entries of a kind in a member's audit log."""
        found = self.call(member, f"/v1/audit/entries?kind={kind}&limit=1000")
        entries: list[Any] = found["entries"]
        return entries

    def entry(self, member: str, kind: str, **wanted: str) -> Any:
        """Wait for an entry with these values in a member's audit log, and return it."""

        def look() -> list[Any]:
            return [
                entry
                for entry in self.recorded(member, kind)
                if all(value == entry[name] for name, value in wanted.items())
            ]

        return self.until(Label(f"{kind} at {member}", f"{kind} à {member}"), look)[0]

    def until(self, what: Label, condition: Callable[[], Any]) -> Any:
        """Wait until something holds."""
        return self.federation.until(what, condition)

    def desk(self, member: str, name: str, content: bytes | Mapping[str, Any]) -> Path:
        """Put a file on somebody's desk; a mapping is written as JSON."""
        folder = self.desks / member
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / name
        file.write_bytes(
            content if isinstance(content, bytes) else msgspec.json.encode(dict(content))
        )
        return file

    @property
    def line(self) -> PoorLine:
        """The line between XB's node and everybody else."""
        if self.federation.line is None:
            raise RuntimeError("there is no line before the nodes run")
        return self.federation.line

    @property
    def audience(self) -> list[str]:
        """Who is there beside the registrar."""
        return [*self.federation.members]

    @property
    def region(self) -> list[str]:
        """The members of the liaison office's region, as its node names them."""
        shown = self.call(OFFICE, "/v1/regions")["regions"]
        return list(shown[0]["members"])
