"""``liaison demo``: a whole federation on loopback plays its main job.

Nothing in it is faked: real processes, real TLS, real files; every figure that it prints was
counted from what happened.
"""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from gateway.cli import audit_words
from gateway.cli.client import Daemon
from gateway.cli.console import REFUSED, say, show_json
from gateway.cli.examination import examine
from gateway.cli.options import AsJson, daemon_of, settings_of
from gateway.cli.story import CLARIFIED, MEMBERS, PDF, SECRETS, reply, request
from gateway.cli.told import ToldError
from gateway.clock import SystemClock
from gateway.errors import LiaisonError, UnavailableError

FEDERATION = "mutual.example"
START_S = 20.0
DELIVER_S = 20.0
POLL_S = 0.05


def demo(
    folder: Annotated[
        Path | None, typer.Option("--dir", help="Keep the nodes' folders here.")
    ] = None,
    as_json: AsJson = False,
) -> int:
    """Found a federation of three real nodes, exchange a request, and check everything."""
    with _workplace(folder) as place, contextlib.ExitStack() as running:
        story = _Story(place, quiet=as_json)
        started = time.monotonic()
        _Play(story, place, running).run()
        story.facts["seconds"] = round(time.monotonic() - started, 1)
    if as_json:
        show_json(story.facts)
    good = story.facts["audit_verified"] and story.facts["tampering_detected"]
    return 0 if good else REFUSED


class _Story:
    """Tells what happens, and keeps the figures."""

    def __init__(self, place: Path, *, quiet: bool) -> None:
        self._quiet = quiet
        self._step = 0
        self.place = place
        self.facts: dict[str, Any] = {
            "members": 0,
            "messages_accepted": 0,
            "messages_delivered": 0,
            "receipts_verified": 0,
            "faults_named": 0,
            "plaintext_found": -1,
            "audit_entries": 0,
            "audit_verified": False,
            "tampering_detected": False,
        }

    def tell(self, text: str) -> None:
        """Tell the next step."""
        self._step += 1
        if not self._quiet:
            say(f"{self._step:>2}. {text}")

    def add(self, text: str) -> None:
        """Tell more of this step."""
        if not self._quiet:
            say(f"    {text}")


class _Play:
    """The scenario, act by act."""

    def __init__(self, story: _Story, place: Path, running: contextlib.ExitStack) -> None:
        self._story = story
        self._place = place
        self._running = running
        self._daemons: dict[str, Daemon] = {}
        self._passphrase = place / "passphrase"

    def run(self) -> None:
        """Play all acts."""
        self._found()
        case, asked = self._ask()
        self._read(asked)
        answered = self._answer(asked)
        self._check(case, asked, answered)
        self._running.close()
        self._search_plaintext()
        self._alter_a_byte()

    def _found(self) -> None:
        tell, add = self._story.tell, self._story.add
        self._passphrase.touch(mode=0o600)
        self._passphrase.write_text(os.urandom(16).hex())
        ports = _free_ports(len(MEMBERS) + 1)
        url = f"https://127.0.0.1:{ports[0]}"
        anchor = _liaison(
            "registry", "init", "--federation", FEDERATION, "--name", "Secretariat",
            "--name-fr", "Secrétariat", *self._common("REGISTRY", ports[0]), "--json",
        )["anchor"]  # fmt: skip
        tell(f"The registrar founds the federation {FEDERATION}")
        add(f"its anchor, for every member to compare: {anchor}")
        self._serve("REGISTRY")
        for (member, (english, french)), port in zip(MEMBERS.items(), ports[1:], strict=True):
            _liaison(
                "init", "--member", member, "--name", english, "--name-fr", french,
                "--anchor", anchor, "--registry", url, *self._common(member, port),
            )  # fmt: skip
            join = str(self._place / member / f"join.{member}")
            _liaison("member", "admit", join, "--dir", str(self._place / "REGISTRY"), "--yes")
            self._serve(member)
            tell(f"{member} ({english}) makes its keys, is admitted, and starts on port {port}")
        for member in MEMBERS:
            _until(f"{member} to see everybody", lambda member=member: self._sees_all(member))
        listed = self._daemons["XA"].call("GET", "/v1/members")["members"]
        self._story.facts["members"] = len(listed)
        add(f"{len(listed)} members, {len(self._daemons)} processes, TLS 1.3, all pinned")

    def _ask(self) -> tuple[str, str]:
        tell, add = self._story.tell, self._story.add
        daemon, reply_by = self._daemons["XA"], _in_days(90)
        mistyped = request([], container="TCLU4829123", reply_by=reply_by)
        try:
            daemon.call("POST", "/v1/messages", mistyped)
        except ToldError as refused:
            self._story.facts["faults_named"] = len(refused.faults)
            tell("XA's official mistypes a container number, and is told so at once")
            add("; ".join(f"{item.pointer}: {item.detail}" for item in refused.faults))
        paper = self._place / "invoice BX-2291.pdf"
        paper.write_bytes(PDF)
        uploaded = daemon.upload(paper, "application/pdf", lambda _: None)
        paper.unlink()
        sent = daemon.call("POST", "/v1/messages", request([uploaded["id"]], reply_by=reply_by))
        self._story.facts["messages_accepted"] += 1
        tell("XA asks XB to verify the value of 4,200 pairs of shoes, invoice BX-2291 attached")
        add(f"accepted as {sent['id']}: sealed and on disk before this line")
        return sent["case"], sent["id"]

    def _read(self, asked: str) -> None:
        tell, add = self._story.tell, self._story.add
        daemon = self._daemons["XB"]
        page = daemon.call("GET", "/v1/messages?direction=in&state=received&wait_s=20")
        if [item["id"] for item in page["messages"]] != [asked]:
            raise UnavailableError("demo_failed", "XB's inbox does not show XA's request")
        shown = daemon.call("GET", f"/v1/messages/{asked}", **{"Accept-Language": "fr"})
        copy = self._place / "copy.pdf"
        daemon.download(shown["attachments"][0]["id"], copy, lambda _: None)
        same = copy.read_bytes() == PDF
        copy.unlink()
        tell(f"XB's official opens it in French: « {shown['label']} »")
        add(f"signature {shown['signature']}; {shown['attachments'][0]['name']} arrived "
            f"{'whole' if same else 'DAMAGED'}")  # fmt: skip
        daemon.call("POST", f"/v1/messages/{asked}/acknowledge")

    def _answer(self, asked: str) -> str:
        tell, add = self._story.tell, self._story.add
        told = self._daemons["XB"].call("POST", "/v1/keys/rotate", {"uses": ["sign"]})
        tell("XB rotates its signing key in mid-case; nothing pauses")
        add(f"the new key is {told['keys'][0]['id'][:16]}")
        sent = self._daemons["XB"].call("POST", "/v1/messages", reply(asked))
        self._story.facts["messages_accepted"] += 1
        tell("XB answers in French, signed with the new key")
        add(f"« {CLARIFIED} »")
        self._daemons["XA"].call("GET", "/v1/messages?direction=in&state=received&wait_s=20")
        shown = self._daemons["XA"].call("GET", f"/v1/messages/{sent['id']}")
        add(f"XA reads it as {shown['label']!r}, signature {shown['signature']}")
        return str(sent["id"])

    def _check(self, case: str, asked: str, answered: str) -> None:
        tell, add = self._story.tell, self._story.add
        facts = self._story.facts
        for member, message in (("XA", asked), ("XB", answered)):
            _until(f"{member}'s receipt", lambda m=member, i=message: self._state(m, i) != "open")
            shown = self._daemons[member].call("GET", f"/v1/messages/{message}")
            for recipient in shown["recipients"]:
                facts["messages_delivered"] += recipient["state"] == "delivered"
                facts["receipts_verified"] += bool((recipient["receipt"] or {}).get("verified"))
        tell(f"Both sides hold signed receipts: {facts['receipts_verified']} verified")
        add(f"case {case}")

    def _search_plaintext(self) -> None:
        files = [file for file in self._place.rglob("*") if file.is_file()]
        found = [file for file in files if any(secret in file.read_bytes() for secret in SECRETS)]
        self._story.facts["plaintext_found"] = len(found)
        self._story.tell(f"Every file of all nodes is searched for the plaintext: {len(files)}")
        self._story.add(f"{len(found)} hold any of it")

    def _alter_a_byte(self) -> None:
        tell, add = self._story.tell, self._story.add
        reports = {
            member: examine(settings_of(self._place / member)).report for member in self._daemons
        }
        facts = self._story.facts
        facts["audit_entries"] = sum(report.entries for report in reports.values())
        facts["audit_verified"] = all(
            report.entries and not report.findings and not report.waiting
            for report in reports.values()
        )
        tell("The audit logs of all three verify" if facts["audit_verified"] else "NOT VERIFIED")
        add(", ".join(f"{member} {report.entries} entries" for member, report in reports.items()))
        _flip_one_bit(self._place / "XB" / "liaison.db")
        findings = examine(settings_of(self._place / "XB")).report.findings
        facts["tampering_detected"] = bool(findings)
        tell("Somebody alters one bit of XB's stored audit log")
        for finding in findings[:1]:
            add(f"found: {audit_words.told(finding, 'en')}")

    def _common(self, member: str, port: int) -> list[str]:
        return [
            "--endpoint", f"https://127.0.0.1:{port}", "--listen", "127.0.0.1",
            "--port", str(port), "--dir", str(self._place / member),
            "--passphrase-file", str(self._passphrase), "--weak-keystore",
        ]  # fmt: skip

    def _serve(self, member: str) -> None:
        folder = self._place / member
        self._running.enter_context(_process(folder))
        daemon = daemon_of(folder)
        _until(f"{member} to start", lambda: daemon.call("GET", "/health/live")["live"])
        self._daemons[member] = daemon

    def _sees_all(self, member: str) -> bool:
        daemon = self._daemons[member]
        seen = {item["member"] for item in daemon.call("GET", "/v1/members")["members"]}
        ready = daemon.call("GET", "/health/ready")["ready"]
        return seen >= set(MEMBERS) and bool(ready)

    def _state(self, member: str, message: str) -> str:
        shown = self._daemons[member].call("GET", "/v1/messages?direction=out")
        state = next(item["state"] for item in shown["messages"] if item["id"] == message)
        return "open" if state in ("queued", "sending", "in_custody") else str(state)


@contextmanager
def _workplace(folder: Path | None) -> Iterator[Path]:
    """Yield the folder to play in; one of our own is removed at the end."""
    if folder is not None:
        folder.mkdir(parents=True)
        yield folder.absolute()
        return
    place = Path(tempfile.mkdtemp(prefix="liaison-demo-"))
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)


@contextmanager
def _process(folder: Path) -> Iterator[None]:
    """Run one daemon; it is told to stop at the end, and ended if it does not."""
    environ = {**os.environ, "LIAISON_REGISTRY__POLL_S": "1", "LIAISON_AUDIT__INTERVAL_MS": "50"}
    with (folder / "log").open("wb") as log:
        command = [sys.executable, "-m", "gateway", "serve", "--dir", str(folder)]
        daemon = subprocess.Popen(command, env=environ, stdout=log, stderr=log)
        try:
            yield
        finally:
            daemon.send_signal(signal.SIGTERM)
            try:
                daemon.wait(10)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()


def _liaison(*arguments: str) -> Any:
    """Run the command line as an operator would; return its JSON where it prints some."""
    command = [sys.executable, "-m", "gateway", *arguments]
    ran = subprocess.run(command, capture_output=True, check=False)
    if ran.returncode:
        raise UnavailableError(
            "demo_failed", f"liaison {' '.join(arguments[:2])}: {ran.stderr.decode().strip()}"
        )
    return msgspec.json.decode(ran.stdout) if "--json" in arguments else None


def _in_days(days: int) -> str:
    """Return the date of a coming day."""
    today = datetime.fromtimestamp(SystemClock().now(), UTC)
    return (today + timedelta(days=days)).date().isoformat()


def _until(what: str, condition: Any) -> None:
    """Wait until ``condition`` holds. Raises UnavailableError ``demo_failed``."""
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        with contextlib.suppress(LiaisonError):
            if condition():
                return
        time.sleep(POLL_S)
    raise UnavailableError("demo_failed", f"waited {START_S:.0f} s for {what}")


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as held:
        probes = [held.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]


def _flip_one_bit(database: Path) -> None:
    """Alter one bit of the stored entry that says what XB received."""
    content = bytearray(database.read_bytes())
    place = content.index(b"message.received") + len(b"message.received") + 3
    content[place] ^= 1
    database.write_bytes(content)
