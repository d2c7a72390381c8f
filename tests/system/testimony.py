"""The audit log among five members under traffic, until it has to convince somebody outside.

``python -m tests.system.testimony --rate 32``: real daemons, and the commands that operators type.
Each log is witnessed while mail flows; evidence is exported; one member's administrator restores an
old backup and goes on; another's rewrites an entry and signs it all anew; then the federation is
deleted, and the evidence verified by a process that knows the anchor alone. Exit code 1 if a log
was witnessed late, a rewriting went unseen, mail was lost or doubled, or evidence did not say what
it must.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from gateway.cli.demo.story import request
from gateway.errors import LiaisonError
from keys.registry.draft import fingerprint
from tests.system.nodes import QUICK, Nodes, Ran, done, liaison
from tests.system.rewriter import rewrite_thoroughly
from tests.system.traffic import Traffic

MEMBERS = ("XA", "XB", "XC", "XD", "XE")
QUORUM = 4
PASSPHRASE = b"open sesame"
WITNESSED_WITHIN_S = 15.0
OPEN = ("queued", "sending", "in_custody")
PACE_S = 0.5
MOST = 10**6
SETTINGS = {**QUICK, "LIAISON_REGISTRY__COSIGN_S": "1"}


@dataclass(kw_only=True)
class Account:
    """What came of it."""

    witnessed_after_s: dict[str, float] = field(default_factory=dict)
    """How long an entry waited, at most, until a quorum had cosigned a head over it; by member."""
    witnessed_median_s: dict[str, float] = field(default_factory=dict)
    entries: dict[str, int] = field(default_factory=dict)
    rewritten: int = 0
    """The entry that was rewritten."""
    found_by_verify: str = ""
    """What ``audit verify`` said of the rewritten log."""
    found_between: tuple[int, int] = (0, -1)
    found_by_witnesses: list[str] = field(default_factory=list)
    restarted_seen_by: list[str] = field(default_factory=list)
    lost_by_restore: int = 0
    """Messages that the restored node had receipted, and had no more."""
    came_back: int = 0
    doubled: int = 0
    verdicts: dict[str, str] = field(default_factory=dict)
    """What the bare process said of each file."""
    seconds: float = 0.0

    @property
    def is_held(self) -> bool:
        """Tell whether everything came out as it must."""
        others = len(MEMBERS) - 1
        return (
            len(self.witnessed_after_s) == len(MEMBERS)
            and max(self.witnessed_after_s.values()) <= WITNESSED_WITHIN_S
            and self.found_between[0] <= self.rewritten <= self.found_between[1]
            and len(self.found_by_witnesses) == others
            and len(self.restarted_seen_by) == others
            and 0 < self.lost_by_restore == self.came_back
            and not self.doubled
            and self.verdicts == EXPECTED
        )

    @property
    def sentence(self) -> str:
        """Say it plainly."""
        latest = max(self.witnessed_after_s.values(), default=0.0)
        said = ", ".join(f"{name} {verdict}" for name, verdict in self.verdicts.items())
        others = len(MEMBERS) - 1
        return (
            f"five logs of {sum(self.entries.values())} entries, each entry under a head of "
            f"{QUORUM} witnesses within {latest:.1f} s; a rewriting found by verify "
            f"({self.found_by_verify}) and by {len(self.found_by_witnesses)} of {others} "
            f"witnesses; after a restore, seen by {len(self.restarted_seen_by)} of {others}, "
            f"{self.came_back} of {self.lost_by_restore} messages came back, {self.doubled} "
            f"doubled; evidence without the federation: {said}."
        )


EXPECTED = {
    "open, by XA": "valid",
    "closed, by XA": "valid",
    "open, by XB": "valid",
    "one byte changed": "invalid",
    "another anchor": "invalid",
}


def run(place: Path, rate: int) -> Account:
    """Play it and return the account; each member writes ``rate`` messages a second."""
    started = time.monotonic()
    account = Account()
    made = Nodes(place / "federation", settings=SETTINGS)
    made.place.mkdir()
    play = _Play(made, account, place / "kept")
    play.kept.mkdir()
    try:
        made.found(*MEMBERS)
        play.name_witnesses()
        with play.traffic(rate):
            play.watch_heads(20.0)
            play.export_evidence()
        play.settle()
        play.restore_yesterday("XD", rate)
        play.rewrite("XC")
    finally:
        for process in made.running.values():
            process.kill()
            process.wait()
    shutil.rmtree(made.place)
    play.convince()
    account.seconds = round(time.monotonic() - started, 1)
    return account


@dataclass
class _Play:
    """The scenes, one after the other."""

    made: Nodes
    account: Account
    kept: Path
    """What stays when the federation is gone."""
    anchor: str = ""

    def name_witnesses(self) -> None:
        """Let all five witness each other's logs, four of them being enough."""
        _tell("the registry names its witnesses")
        made = self.made
        self.anchor = (made.folder("REGISTRY") / "anchor").read_text().strip()
        out = str(made.place / "witnesses.statement")
        done(
            "registry", "witnesses", *MEMBERS, "--quorum", str(QUORUM), "--out", out,
            *made.by_registrars(),
        )  # fmt: skip
        size = made.call("REGISTRY", "GET", "/v1/registry")["size"]
        for name in MEMBERS:
            made.until(lambda n=name: made.call(n, "GET", "/v1/registry")["size"] >= size)

    @contextmanager
    def traffic(self, rate: int, *names: str) -> Iterator[list[Traffic]]:
        """Let members write to the two after them without pause, ``rate`` messages a second."""
        written = []
        for name in names or MEMBERS:
            at = MEMBERS.index(name)
            one, other = (MEMBERS[(at + step) % len(MEMBERS)] for step in (1, 2))
            socket = self.made.folder(name) / "api.sock"
            desk = f"{name}-{time.monotonic_ns()}"
            written.append(Traffic([socket], MOST, 0, recipients=(one, other), desk=desk))
        threads = [threading.Thread(target=item.run) for item in written]
        pace = threading.Thread(target=_pace, args=(written, int(rate * PACE_S)))
        for thread in (*threads, pace):
            thread.start()
        try:
            yield written
        finally:
            for item in written:
                item.target = 0
            self.wait_for(lambda: all(item.is_done for item in written), 60.0)
            for item in written:
                item.halt.set()
            for thread in (*threads, pace):
                thread.join()

    def watch_heads(self, seconds: float) -> None:
        """Measure how long entries wait for a head that a quorum cosigned, at every member."""
        _tell("each log is watched while mail flows")
        seen: dict[str, list[tuple[int, float]]] = {name: [] for name in MEMBERS}
        waits: dict[str, list[float]] = {name: [] for name in MEMBERS}
        sizes = dict.fromkeys(MEMBERS, 0)
        until = time.monotonic() + seconds
        while time.monotonic() < until or any(seen.values()):
            if time.monotonic() > until + 2 * WITNESSED_WITHIN_S:
                break
            for name in MEMBERS:
                shard = self._shards(name)[-1]
                now = time.monotonic()
                known = seen[name]
                if now < until and shard["size"] > sizes[name]:
                    sizes[name] = shard["size"]
                    known.append((shard["size"], now))
                while known and known[0][0] <= shard["witnessed_size"]:
                    waits[name].append(now - known.pop(0)[1])
            time.sleep(0.2)
        for name in MEMBERS:
            late = waits[name] if waits[name] and not seen[name] else [float("inf")]
            self.account.witnessed_after_s[name] = round(max(late), 1)
            self.account.witnessed_median_s[name] = round(sorted(late)[len(late) // 2], 1)
            self.account.entries[name] = self._shards(name)[-1]["size"]

    def export_evidence(self) -> None:
        """Export what one exchange left, from both of its sides, once it is witnessed there."""
        _tell("evidence of one exchange is exported on both sides")
        made = self.made
        message = self._one_message()
        for name in ("XA", "XB"):
            size = self._shards(name)[-1]["size"]
            made.until(lambda n=name, s=size: self._shards(n)[-1]["witnessed_size"] >= s)
        for name, file, options in (
            ("XA", "open-XA", []),
            ("XA", "closed-XA", ["--closed"]),
            ("XB", "open-XB", ["--purpose", "assessment"]),
        ):
            out, folder = str(self.kept / f"{file}.zip"), str(made.folder(name))
            done("evidence", "export", message, out, *options, "--dir", folder)

    def restore_yesterday(self, name: str, rate: int) -> None:
        """Put an old copy of a member's database back, and see mail return that it had lost."""
        _tell(f"{name} is restored from an old backup")
        made = self.made
        made.stop(name)
        backup = made.place / "yesterday"
        shutil.copytree(made.folder(name), backup, ignore=shutil.ignore_patterns("*.sock"))
        made.start(name)
        with self.traffic(rate, "XB", "XC"):
            time.sleep(5.0)
        self.settle()
        before = made.inbox(name)
        size = self._shards(name)[-1]["size"]
        made.until(lambda: self._shards(name)[-1]["witnessed_size"] >= size)
        made.stop(name)
        for file in made.folder(name).glob("liaison.db*"):
            file.unlink()
        for file in backup.glob("liaison.db*"):
            shutil.copy2(file, made.folder(name))
        made.start(name)
        held = set(made.inbox(name))
        lost = [item for item in before if item not in held]
        self.account.lost_by_restore = len(lost)
        self.wait_for(lambda: set(lost) <= set(made.inbox(name)), 120.0)
        after = made.inbox(name)
        self.account.came_back = len(set(lost) & set(after))
        self.account.doubled = len(after) - len(set(after))
        made.until(lambda: len(self._shards(name)) > 1)
        self.account.restarted_seen_by = self._alarmed(name)

    def rewrite(self, name: str) -> None:
        """Let an administrator rewrite one entry thoroughly; ask his own node and the others."""
        _tell(f"the administrator of {name} rewrites an entry")
        made = self.made
        size = self._shards(name)[-1]["size"]
        made.until(lambda: self._shards(name)[-1]["witnessed_size"] >= size)
        made.stop(name)
        self.account.rewritten = size // 2
        rewrite_thoroughly(made.folder(name), PASSPHRASE, self.account.rewritten)
        made.start(name)
        with self.traffic(4, name):
            self.account.found_by_witnesses = self._alarmed(name)
        said = liaison("audit", "verify", "--dir", str(made.folder(name)), "--json")
        findings = json.loads(said.out)["findings"] if said.code else []
        if findings:
            self.account.found_by_verify = findings[0]["where"]
            self.account.found_between = findings[0]["first"], findings[0]["last"]

    def convince(self) -> None:
        """Verify the evidence where nothing is left but the anchor."""
        _tell("the federation is gone; the evidence is verified")
        changed = self.kept / "changed.zip"
        content = bytearray((self.kept / "open-XA.zip").read_bytes())
        content[len(content) // 2] ^= 1
        changed.write_bytes(content)
        for title, file, anchor in (
            ("open, by XA", "open-XA.zip", self.anchor),
            ("closed, by XA", "closed-XA.zip", self.anchor),
            ("open, by XB", "open-XB.zip", self.anchor),
            ("one byte changed", "changed.zip", self.anchor),
            ("another anchor", "open-XA.zip", fingerprint(bytes(32))),
        ):
            said = verify_bare(self.kept / file, anchor)
            assert said.out, said.err
            self.account.verdicts[title] = json.loads(said.out)["verdict"]

    def settle(self) -> None:
        """Wait until nothing is under way any more."""
        for name in MEMBERS:
            self.wait_for(lambda n=name: not self._under_way(n), 120.0)

    def wait_for(self, condition: Callable[[], bool], seconds: float) -> None:
        """Wait until something holds; what is left then, the account shows."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and not condition():
            time.sleep(0.2)

    def _one_message(self) -> str:
        """Return a message from XA to XB that is delivered, with its receipt."""
        sent = str(self.made.call("XA", "POST", "/v1/messages", request([]))["id"])
        self.made.delivered("XA", [sent])
        return sent

    def _alarmed(self, member: str) -> list[str]:
        """Return the others, once each has an alarm about a member's log, or when time is up."""
        others = [name for name in MEMBERS if name != member]
        self.wait_for(lambda: all(self._alarms(name, member) for name in others), 60.0)
        return [name for name in others if self._alarms(name, member)]

    def _alarms(self, name: str, member: str) -> int:
        peers = self.made.call(name, "GET", "/v1/audit/peers")["peers"]
        return sum(len(item["alarms"]) for item in peers if item["member"] == member)

    def _shards(self, name: str) -> list[dict]:
        return self.made.call(name, "GET", "/v1/audit/shards")["shards"]

    def _under_way(self, name: str) -> int:
        try:
            outbox = self.made.call(name, "GET", "/v1/status")["outbox"]
        except LiaisonError:
            return 1
        return sum(outbox[state] for state in OPEN)


def verify_bare(file: Path, anchor: str) -> Ran:
    """Verify evidence in a process without a network, with the file and the anchor alone."""
    command = [sys.executable, "-m", "gateway", "evidence", "verify", str(file), "--anchor", anchor]
    alone = ["unshare", "--net", "--map-root-user"]
    if subprocess.run([*alone, "true"], capture_output=True, check=False).returncode != 0:
        alone = []
    ran = subprocess.run(
        [*alone, *command, "--json"], capture_output=True, text=True, check=False, timeout=120,
        env={"PATH": os.environ["PATH"]},
    )  # fmt: skip
    return Ran(ran.returncode, ran.stdout, ran.stderr)


def _pace(written: list[Traffic], more: int) -> None:
    while not all(item.halt.is_set() for item in written):
        for item in written:
            item.allowed += more
        time.sleep(PACE_S)


def _tell(words: str) -> None:
    print(time.strftime("%H:%M:%S"), words, file=sys.stderr, flush=True)  # noqa: T201


def main() -> int:
    """Play it from the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rate", type=int, default=32, help="messages a second of each member")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="liaison-testimony-") as place:
        account = run(Path(place), asked.rate)
    print(json.dumps(asdict(account), indent=1))  # noqa: T201
    print(account.sentence)  # noqa: T201
    return 0 if account.is_held else 1


if __name__ == "__main__":
    sys.exit(main())
