"""Strike real nodes under load, again and again, then account for every message.

``python -m tests.system.campaign --kills 200 --messages 100000``: a sender, a relay, a member with
an address and one behind the relay; SIGKILL at random moments to any of them. ``--database
postgresql`` keeps their stores on a server, which is killed and restarted now and then too;
``--shared`` gives sender and recipient two daemons each on one database; ``--fillings 30`` fills
their disks, for a while each. Prints the account as JSON and as a sentence; exit code 1 if it shows
that a promise was broken.
"""

import argparse
import contextlib
import json
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from random import Random  # noqa: TID251 - reproducible moments

from gateway.errors import LiaisonError
from tests import postgres
from tests.system.balancer import balanced
from tests.system.disks import Disk, mounted, move
from tests.system.inventory import Count, counted, log_verifies, received_by, sent_by
from tests.system.nodes import QUICK, Nodes, free_ports, nodes
from tests.system.traffic import RECIPIENTS, Traffic

MEMBERS = ("XA", "RO", "XB", "XC@RO")
NAMES = ("XA", "RO", "XB", "XC")
TWINS = {"XA": "XA2", "XB": "XB2"}
OPEN = ("queued", "sending", "in_custody")
PASSPHRASE = b"open sesame"
STALL_S = 180.0
"""When nothing moved for so long, what is still under way is called waiting."""
TELL_S = 15.0
MIN_FREE_BYTES = 16 * 1024**2
DISK_BYTES = 192 * 1024**2
MESSAGE_BYTES = 24 * 1024
"""How much a small disk has for each message."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a campaign does."""

    kills: int
    messages: int
    restarts: int = 0
    """How often the database server is killed or restarted."""
    fillings: int = 0
    """How often a node's disk is filled, and cleared again."""
    shared: bool = False
    """Whether sender and recipient have two daemons each on one database."""
    seed: int = 1

    @property
    def blows(self) -> list[str]:
        """All that strikes, in an order of the seed."""
        blows = ["kill"] * self.kills + ["restart"] * self.restarts + ["fill"] * self.fillings
        Random(self.seed).shuffle(blows)  # noqa: S311 - the same in every run
        return blows


@dataclass(kw_only=True)
class Account:
    """What came of a campaign."""

    database: str
    shared: bool
    kills: int = 0
    server_restarts: int = 0
    fillings: int = 0
    accepted: int = 0
    """Messages whose acceptance was answered: these are promised, to each recipient."""
    copies: int = 0
    """One for each recipient of an accepted message."""
    count: Count = field(default_factory=Count)
    repeated: int = 0
    """Requests that were repeated under their key, since the answer was lost."""
    refusals: dict[str, int] = field(default_factory=dict)
    """What was refused when it was handed in, by code: nothing of it was promised."""
    nodes: int = 0
    logs_verified: int = 0
    seconds: float = 0.0

    @property
    def is_held(self) -> bool:
        """Tell whether the promise was held, and every audit log with it."""
        count = self.count
        broken = count.lost + count.doubled + count.unproven + count.waiting
        ended = sum(count.ended.values())
        return (
            not broken
            and count.delivered + ended == self.copies
            and self.logs_verified == self.nodes
        )

    @property
    def sentence(self) -> str:
        """Say it plainly."""
        count = self.count
        blows = [f"{self.kills} kills"]
        blows += [f"{self.server_restarts} restarts of the server"] * bool(self.server_restarts)
        blows += [f"{self.fillings} full disks"] * bool(self.fillings)
        return (
            f"{', '.join(blows)}: {self.accepted} messages accepted for {self.copies} recipients, "
            f"{count.delivered} delivered once with a receipt that verifies, "
            f"{sum(count.ended.values())} ended visibly, {count.waiting} waiting, "
            f"{count.lost} lost, {count.doubled} doubled, {count.unproven} unproven; "
            f"{self.logs_verified} of {self.nodes} audit logs verify."
        )


def run(place: Path, plan: Plan, server: postgres.Server | None = None) -> Account:
    """Play one campaign and return its account."""
    account = Account(database="sqlite" if server is None else "postgresql", shared=plan.shared)
    started = time.monotonic()
    store_url = None if server is None else lambda: server.url(server.create())
    settings = {**QUICK, "LIAISON_BLOBS__MIN_FREE_BYTES": str(MIN_FREE_BYTES)}
    with contextlib.ExitStack() as stack:
        disks = stack.enter_context(mounted())
        made = stack.enter_context(nodes(place, *MEMBERS, store_url=store_url, settings=settings))
        if plan.shared:
            stack.enter_context(_paired(made))
        if plan.fillings:
            size_bytes = DISK_BYTES + plan.messages * MESSAGE_BYTES
            disks += [move(made, name, size_bytes) for name in NAMES]
        battle = Field(made, disks, server, Random(plan.seed))  # noqa: S311 - the same
        traffic = _play(battle, plan, account)
        account.accepted = len(traffic.accepted)
        account.copies = sum(len(item.to) for item in traffic.accepted.values())
        account.repeated, account.refusals = traffic.repeated, dict(traffic.refusals)
        _settle(made)
        for name in list(made.running):
            made.stop(name)
        _tell("the nodes are stopped; counting")
        inboxes = {name: received_by(made.folder(name), PASSPHRASE) for name in RECIPIENTS}
        account.count = counted(traffic.accepted, sent_by(made.folder("XA")), inboxes)
        account.nodes = len(NAMES)
        account.logs_verified = sum(log_verifies(made.folder(name)) for name in NAMES)
    account.seconds = round(time.monotonic() - started, 1)
    return account


@contextlib.contextmanager
def _paired(made: Nodes) -> Iterator[None]:
    """Give sender and recipient a second daemon each; XB's address stands for both of its."""
    for member, name in TWINS.items():
        made.twin(member, name)
    (port,) = free_ports(1)
    made.stop("XB")
    made.start("XB", LIAISON_PEER_API__PORT=str(port))
    other = int(made.environs["XB2"]["LIAISON_PEER_API__PORT"])
    with balanced(made.ports["XB"], [port, other]):
        yield


@dataclass
class Field:
    """Where the campaign is fought: each kind of blow is a method."""

    made: Nodes
    disks: list[Disk]
    server: postgres.Server | None
    moments: Random

    @property
    def victims(self) -> list[str]:
        """Every daemon but the registrar's."""
        twins = [name for name in TWINS.values() if name in self.made.environs]
        return [*NAMES, *twins]

    def kill(self, account: Account) -> None:
        """Kill a daemon in the midst of its work."""
        victim = self.moments.choice(self.victims)
        self.made.kill(victim)
        time.sleep(self.moments.uniform(0.0, 0.3))
        self.made.start(victim)
        account.kills += 1

    def restart(self, account: Account) -> None:
        """Let the database server recover from its log, or shut it down while all is under way."""
        assert self.server is not None
        self.server.stop(self.moments.choice([signal.SIGQUIT, signal.SIGINT]))
        time.sleep(self.moments.uniform(0.0, 2.0))
        self.server.start()
        account.server_restarts += 1

    def fill(self, account: Account) -> None:
        """Fill a disk, wholly or nearly; now and then its node dies meanwhile."""
        disk = self.moments.choice(self.disks)
        disk.fill(self.moments.choice([0, 0, MIN_FREE_BYTES // 2]))
        time.sleep(self.moments.uniform(0.3, 2.0))
        dies = self.moments.random() < 0.25
        if dies:
            self.made.kill(disk.folder.name)
            account.kills += 1
        disk.clear()
        if dies:
            self.made.start(disk.folder.name)
        account.fillings += 1


def _play(place: Field, plan: Plan, account: Account) -> Traffic:
    """Let the house write while blow follows blow; return what it was answered."""
    made, blows = place.made, plan.blows
    share = -(-plan.messages // max(1, 2 * len(blows)))
    senders = [name for name in place.victims if name.startswith("XA")]
    sockets = [made.folder(name) / "api.sock" for name in senders]
    traffic = Traffic(sockets, plan.messages, share)
    thread = threading.Thread(target=traffic.run)
    thread.start()
    told = _Teller(lambda: f"{account.kills} kills, {len(traffic.accepted)} accepted")
    try:
        for blow in blows:
            time.sleep(place.moments.uniform(0.05, 0.8))
            traffic.allowed += share  # something comes while it strikes, and something before
            getattr(place, blow)(account)
            traffic.allowed += share
            told.tell()
        traffic.allowed = plan.messages
        while thread.is_alive() and not traffic.is_done:
            time.sleep(0.2)
            told.tell()
    finally:
        traffic.halt.set()
        thread.join()
    return traffic


def _settle(made: Nodes) -> None:
    """Wait until everything is delivered or has ended, for as long as anything moves."""
    left, moved_at = -1, time.monotonic()
    told = _Teller(lambda: f"{left} copies under way")
    while left and time.monotonic() - moved_at < STALL_S:
        with contextlib.suppress(LiaisonError):
            outbox = made.call("XA", "GET", "/v1/status")["outbox"]
            found = sum(outbox[state] for state in OPEN)
            if found != left:
                left, moved_at = found, time.monotonic()
        told.tell()
        time.sleep(0.2)


@dataclass
class _Teller:
    """Says now and then how far it is."""

    words: Callable[[], str]
    told_at: float = 0.0

    def tell(self) -> None:
        if time.monotonic() - self.told_at >= TELL_S:
            _tell(self.words())
            self.told_at = time.monotonic()


def _tell(words: str) -> None:
    print(time.strftime("%H:%M:%S"), words, file=sys.stderr, flush=True)  # noqa: T201


def main() -> int:
    """Play a campaign from the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--messages", type=int, default=100_000)
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument(
        "--restarts", type=int, help="of the database server; default: one for ten kills"
    )
    parser.add_argument("--fillings", type=int, default=0, help="of a node's disk; needs root")
    parser.add_argument("--shared", action="store_true", help="two daemons on one database")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    server_wanted = asked.shared or asked.database == "postgresql"
    restarts = asked.kills // 10 if asked.restarts is None else asked.restarts
    plan = Plan(
        kills=asked.kills, messages=asked.messages, restarts=restarts if server_wanted else 0,
        fillings=asked.fillings, shared=asked.shared, seed=asked.seed,
    )  # fmt: skip
    with contextlib.ExitStack() as stack:
        place = stack.enter_context(tempfile.TemporaryDirectory(prefix="liaison-campaign-"))
        server = stack.enter_context(postgres.server()) if server_wanted else None
        account = run(Path(place), plan, server)
    print(json.dumps(asdict(account), indent=1))  # noqa: T201
    print(account.sentence)  # noqa: T201
    return 0 if account.is_held else 1


if __name__ == "__main__":
    sys.exit(main())
