"""Every key's life under traffic that never pauses, then an account of every message.

``python -m tests.system.lives --rate 32``: three members and two of three registrars, real
daemons, and the commands that operators type. Every key of everybody is replaced twice, roots too;
a node is killed in the midst of it; one member is suspended and resumed; one whose roots and node
keys were stolen takes them back, and the thief tries what he can; one that lost everything is
recovered, the clocks thirty-one days ahead. Exit code 1 if a message was lost, doubled or
wrongly refused, or if anything of the thief's got through.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from random import Random  # noqa: TID251 - reproducible moments

from gateway.errors import LiaisonError
from tests.system.inventory import Count, Received, Sent, counted, log_verifies
from tests.system.inventory import received_by as inbox_of
from tests.system.inventory import sent_by as outbox_of
from tests.system.nodes import QUICK, Nodes, command_of, done
from tests.system.thief import Thief, accomplice
from tests.system.traffic import Promised, Traffic

MEMBERS = ("XA", "XB", "XC")
EVERYBODY = ("REGISTRY", *MEMBERS)
USES = ("sign", "seal", "log", "witness", "tls", "storage")
PASSPHRASE = b"open sesame"
OPEN = ("queued", "sending", "in_custody")
MONTH_S = 31 * 86_400
PACE_S = 0.5
AFTERWARDS_S = 10.0
"""How long they write when all of it is over."""
MOST = 10**6
SETTINGS = {
    **QUICK,
    "LIAISON_POLICY__TLS_LEAD_S": "2",
    "LIAISON_REGISTRY__COSIGN_S": "1",
}
LAWFUL = frozenset({"member_suspended", "rate_limited", "quota_exceeded", "busy"})
"""Why something is refused that is handed in: nothing of it was promised."""


@dataclass(kw_only=True)
class Account:
    """What came of it."""

    rotations: dict[str, int] = field(default_factory=dict)
    """How often a key of each use was replaced, of all members and the registrars."""
    kills: int = 0
    accepted: int = 0
    copies: int = 0
    count: Count = field(default_factory=Count)
    refusals: dict[str, int] = field(default_factory=dict)
    """What was refused when it was handed in, by code: nothing of it was promised."""
    suspended_for_s: float = 0.0
    while_suspended: int = 0
    """What came from or to the suspended member meanwhile."""
    thief: dict[str, int] = field(default_factory=dict)
    """What the thief tried after the revocation, by the code that refused it; "" got through."""
    recovered_after_days: int = 0
    statements: int = 0
    logs_verified: int = 0
    seconds: float = 0.0

    @property
    def is_held(self) -> bool:
        """Tell whether every promise was held."""
        count = self.count
        broken = count.lost + count.doubled + count.unproven + count.waiting
        return (
            not broken
            and not count.ended
            and count.delivered == self.copies
            and not self.while_suspended
            and bool(self.thief)
            and "" not in self.thief
            and set(self.refusals) <= LAWFUL
            and self.logs_verified == len(MEMBERS) + 1
        )

    @property
    def sentence(self) -> str:
        """Say it plainly."""
        count = self.count
        replaced = ", ".join(f"{use} {number}" for use, number in self.rotations.items())
        return (
            f"keys replaced ({replaced}), {self.kills} kill, one suspension, one theft, one loss: "
            f"{self.accepted} messages accepted for {self.copies} recipients, {count.delivered} "
            f"delivered once with a receipt that verifies, {sum(count.ended.values())} wrongly "
            f"refused, {count.waiting} waiting, {count.lost} lost, {count.doubled} doubled, "
            f"{count.unproven} unproven; {self.while_suspended} came through while suspended; "
            f"{sum(self.thief.values())} attempts of the thief, {self.thief.get('', 0)} got "
            f"through; {self.statements} statements; {self.logs_verified} of {len(MEMBERS) + 1} "
            "audit logs verify."
        )


def run(place: Path, rate: int, seed: int = 1) -> Account:
    """Play it and return the account; each member writes ``rate`` messages a second."""
    started = time.monotonic()
    account = Account()
    made = Nodes(place, settings=SETTINGS, registrars=3)
    play = _Play(made, account, Random(seed))  # noqa: S311 - the same in every run
    try:
        made.found(*MEMBERS)
        play.name_witnesses()
        with play.traffic(rate) as written:
            play.rotate_everything_twice()
            play.suspend_and_resume("XC")
            play.rob_and_take_back("XB")
        play.settle()
        play.stop()
        play.count(written, {name: [made.folder(name)] for name in MEMBERS})
        play.lose_and_recover("XC")
        with play.traffic(rate) as written:
            time.sleep(AFTERWARDS_S)
        play.settle()
        account.statements = made.call("XA", "GET", "/v1/registry")["size"]
        play.stop()
        play.count(written, {name: [made.folder(name)] for name in MEMBERS})
        places = [*(made.folder(name) for name in MEMBERS), made.place / "XC.lost"]
        account.logs_verified = sum(log_verifies(folder) for folder in places)
    finally:
        for process in made.running.values():
            process.kill()
            process.wait()
    account.seconds = round(time.monotonic() - started, 1)
    return account


@dataclass
class _Play:
    """The scenes, one after the other."""

    made: Nodes
    account: Account
    moments: Random
    generations: Counter[str] = field(default_factory=lambda: Counter(EVERYBODY))
    """Which root set is in force, by member."""

    @contextmanager
    def traffic(self, rate: int) -> Iterator[list[Traffic]]:
        """Let every member write to the others without pause, ``rate`` messages a second."""
        written = []
        for number, name in enumerate(MEMBERS):
            one, other = (item for item in MEMBERS if item != name)
            socket = self.made.folder(name) / "api.sock"
            desk = f"{name}-{int(self.made.ahead_s > 0)}-{number}"
            written.append(Traffic([socket], MOST, 0, recipients=(one, other), desk=desk))
        threads = [threading.Thread(target=item.run) for item in written]
        pace = threading.Thread(target=_pace, args=(written, int(rate * PACE_S)))
        for thread in (*threads, pace):
            thread.start()
        try:
            yield written
            _tell("the traffic ends")
        finally:
            for item in written:
                item.target = 0  # what was posted under a key is still posted to its end
            self.wait_for(lambda: all(item.is_done for item in written), 60.0)
            for item in written:
                item.halt.set()
            for thread in (*threads, pace):
                thread.join()

    def name_witnesses(self) -> None:
        """Let all three members witness the registry, two of them being enough."""
        _tell("the registry names its witnesses")
        out = str(self.made.place / "witnesses.statement")
        done(
            "registry", "witnesses", *MEMBERS, "--quorum", "2", "--out", out,
            *self.made.by_registrars(),
        )  # fmt: skip
        self.seen()

    def rotate_everything_twice(self) -> None:
        """Replace each key of everybody, twice, roots last; once a node is killed meanwhile."""
        for is_second in (False, True):
            for name in EVERYBODY:
                if is_second and name == "XB":
                    self.kill_in_the_midst(name)
                self.rotate_keys(name)
            for name in EVERYBODY:
                self.rotate_roots(name)
            self.seen()

    def rotate_keys(self, name: str) -> None:
        """Replace every key of a running node in one statement."""
        _tell(f"{name} replaces its keys")
        uses = [use for use in USES if name != "REGISTRY" or use != "seal"]
        done("key", "rotate", *uses, "--dir", str(self.made.folder(name)))
        for use in uses:
            self._rotated(use)

    def rotate_roots(self, name: str, *more: str) -> None:
        """Let the committed roots of a member take over, and commit to the ones after."""
        _tell(f"{name} replaces its roots")
        now = self.generations[name]
        offline = self.made.folder(name) / "offline"
        count = self.made.registrars if name == "REGISTRY" else 1
        needed = self.made.threshold if name == "REGISTRY" else 1
        secret = str(self.made.place / "passphrase")
        done(
            "key", "root", "new", "--member", name, "--federation", "mutual.example",
            "--keys", str(count), "--threshold", str(needed), "--generation", str(now + 2),
            "--out", str(offline), "--passphrase-file", secret, "--weak-keystore",
        )  # fmt: skip
        keys = [f"{offline}/{name}.root-{now + 1}-{number + 1}.key" for number in range(needed)]
        done(
            "key", "root", "rotate", "--reveal", f"{offline}/{name}.root-{now + 1}.pub",
            "--next", f"{offline}/{name}.root-{now + 2}.pub", *more,
            *(item for key in keys for item in ("--root-key", key)),
            "--out", str(self.made.place / f"rotate-{name}-{now + 1}.statement"),
            *self.made.signing(name),
        )  # fmt: skip
        self.generations[name] = now + 1
        self._rotated("root")

    def kill_in_the_midst(self, name: str) -> None:
        """Kill a daemon while it replaces all its keys; what it began, the next command ends."""
        _tell(f"{name} is killed while it replaces its keys")
        folder = str(self.made.folder(name))
        typed = subprocess.Popen(
            command_of("key", "rotate", *USES, "--dir", folder),
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        time.sleep(self.moments.uniform(0.8, 1.6))
        self.made.kill(name)
        typed.wait()
        self.account.kills += 1
        self.made.start(name)
        self.made.until(lambda: self.made.call(name, "GET", "/health/ready")["ready"])

    def suspend_and_resume(self, name: str) -> None:
        """Suspend a member, see that nothing passes, and let it come back."""
        _tell(f"{name} is suspended")
        by = self.made.by_registrars(self.generations["REGISTRY"])
        out = self.made.place / "suspend.statement"
        done("member", "suspend", name, "--out", str(out), *by)
        self.seen()
        others = [member for member in MEMBERS if member != name]
        time.sleep(1.0)
        began, before = time.monotonic(), self._arrived(name, others)
        time.sleep(4.0)
        self.account.while_suspended = self._arrived(name, others) - before
        self.account.suspended_for_s = round(time.monotonic() - began, 1)
        out = self.made.place / "resume.statement"
        done("member", "resume", name, "--out", str(out), *by)
        self.seen()
        _tell(f"{name} is resumed")

    def rob_and_take_back(self, name: str) -> None:
        """Let a thief copy a member's folder and act, then take everything away from him."""
        _tell(f"{name} is robbed of roots and node keys")
        made = self.made
        stolen_at = int(time.time())  # noqa: TID251 - a person looks at his watch
        thief = Thief.break_in(made.folder(name), made.place / "thief", PASSPHRASE)
        brought = thief.bring_a_key()
        assert brought == "", brought
        assert thief.rotate_the_roots() == "next_not_committed"
        revoked = [f"{use}@{stolen_at}" for use in ("sign", "log", "witness", "tls")]
        named = [item for key in revoked for item in ("--revoke", key)]
        self.rotate_roots(name, "--fresh-keys", *named)
        for use in ("sign", "log", "witness", "tls"):
            self._rotated(use)
        self.seen()
        _tell("the thief tries what he can")
        tried = [
            *(thief.send(to, own=own) for to in ("XA", "XC") for own in (False, True)),
            thief.speak_again(),
            thief.rotate_the_roots(),
        ]
        with accomplice(made.folder("XC"), PASSPHRASE, "XC") as keys:
            tried += [thief.send("XA", through=keys, own=own) for own in (False, True)]
        self.account.thief = dict(Counter(tried))

    def lose_and_recover(self, name: str) -> None:
        """Let a member lose every key and file, and come back after thirty witnessed days."""
        _tell(f"{name} loses everything")
        made = self.made
        made.folder(name).rename(made.place / f"{name}.lost")
        anchor = (made.folder("REGISTRY") / "anchor").read_text().strip()
        for member in ("REGISTRY", "XA", "XB"):
            made.start(member)
        done(
            "init", "--recover", "--member", name, "--anchor", anchor,
            "--registry", made.url("REGISTRY"), "--endpoint", made.url(name), *made.common(name),
        )  # fmt: skip
        by = made.by_registrars(self.generations["REGISTRY"])
        proposal = made.folder(name) / f"recover.{name}"
        done("member", "recover", name, str(proposal), *by)
        self.seen("XA", "XB")
        made.until(lambda: self._witnessed("REGISTRY"))
        for member in ("REGISTRY", "XA", "XB"):
            made.stop(member)
        made.ahead_s = MONTH_S
        _tell("a month goes by")
        for member in EVERYBODY:
            made.start(member)
        made.until(lambda: self._witnessed("REGISTRY"))
        root = str(made.folder(name) / "offline" / f"{name}.root-1-1.key")
        out = str(made.place / "recovered.statement")
        done(
            "member", "recover", name, "--complete", "--out", out, "--root-key", root, *by,
            ahead_s=made.ahead_s,
        )  # fmt: skip
        self.account.recovered_after_days = MONTH_S // 86_400
        self.seen()
        for member in MEMBERS:
            made.until(lambda m=member: made.sees(m) >= set(MEMBERS))
        _tell(f"{name} is back")

    def seen(self, *names: str) -> None:
        """Wait until every node has the registrar's registry."""
        made = self.made
        size = made.call("REGISTRY", "GET", "/v1/registry")["size"]
        for name in names or MEMBERS:
            made.until(lambda n=name: made.call(n, "GET", "/v1/registry")["size"] >= size)

    def settle(self) -> None:
        """Wait until nothing is under way any more."""
        for name in MEMBERS:
            self.wait_for(lambda n=name: not self._under_way(n))

    def wait_for(self, condition: Callable[[], bool], seconds: float = 300.0) -> None:
        """Wait until something holds; what is left then, the account shows."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and not condition():
            time.sleep(0.2)

    def stop(self) -> None:
        """Stop every daemon."""
        for name in list(self.made.running):
            self.made.stop(name)

    def count(self, written: list[Traffic], folders: dict[str, list[Path]]) -> None:
        """Put every copy that was promised where it belongs."""
        promised: dict[str, Promised] = {}
        desks = tuple(item.desk for item in written)
        for item in written:
            promised |= item.accepted
            for code, number in item.refusals.items():
                self.account.refusals[code] = self.account.refusals.get(code, 0) + number
        sent: dict[tuple[str, str], Sent] = {}
        inboxes: dict[str, dict[str, Received]] = {}
        for name, places in folders.items():
            for place in places:
                sent |= outbox_of(place)
                found = inbox_of(place, PASSPHRASE).items()
                ours = {ref: item for ref, item in found if item.token.startswith(desks)}
                inboxes[name] = {**inboxes.get(name, {}), **ours}
        count = counted(promised, sent, inboxes)
        self.account.accepted += len(promised)
        self.account.copies += sum(len(item.to) for item in promised.values())
        self.account.count = _added(self.account.count, count)

    def _arrived(self, name: str, others: list[str]) -> int:
        """Return how much a member received, and the others from it."""
        made = self.made
        from_it = sum(
            sum(item.startswith(f"{name}-") for item in made.inbox(other)) for other in others
        )
        return len(made.inbox(name)) + from_it

    def _under_way(self, name: str) -> int:
        try:
            outbox = self.made.call(name, "GET", "/v1/status")["outbox"]
        except LiaisonError:
            return 1
        return sum(outbox[state] for state in OPEN)

    def _witnessed(self, name: str) -> bool:
        """Tell whether the newest head was witnessed within a minute."""
        shown = self.made.call(name, "GET", "/v1/status")
        at = shown.get("registry_witnessed_at")
        return at is not None and shown["now"] - at < 60

    def _rotated(self, use: str) -> None:
        self.account.rotations[use] = self.account.rotations.get(use, 0) + 1


def _pace(written: list[Traffic], more: int) -> None:
    while not all(item.halt.is_set() for item in written):
        for item in written:
            item.allowed += more
        time.sleep(PACE_S)


def _added(one: Count, other: Count) -> Count:
    ended = dict(Counter(one.ended) + Counter(other.ended))
    numbers = {
        name: getattr(one, name) + getattr(other, name)
        for name in ("delivered", "waiting", "unproven", "lost", "doubled", "unanswered")
    }
    return Count(ended=ended, **numbers)


def _tell(words: str) -> None:
    print(time.strftime("%H:%M:%S"), words, file=sys.stderr, flush=True)  # noqa: T201


def main() -> int:
    """Play it from the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rate", type=int, default=32, help="messages a second of each member")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="liaison-lives-") as place:
        account = run(Path(place), asked.rate, asked.seed)
    print(json.dumps(asdict(account), indent=1))  # noqa: T201
    print(account.sentence)  # noqa: T201
    return 0 if account.is_held else 1


if __name__ == "__main__":
    sys.exit(main())
