"""Kill real nodes under load, again and again, then account for every message.

``python -m tests.system.campaign --kills 200 --messages 100000 --database postgresql``: a sender,
a relay, a member with an address and one behind the relay; SIGKILL at random moments to each in
turn (and to the database server, where there is one). Prints accepted, delivered, lost, doubled.
"""

import argparse
import asyncio
import contextlib
import json
import signal
import tempfile
import threading
import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
from random import Random  # noqa: TID251 - reproducible moments

import aiohttp
import msgspec

from gateway.cli.story import request
from gateway.errors import LiaisonError
from tests import postgres
from tests.system.nodes import Nodes, done, nodes

MEMBERS = ("XA", "RO", "XB", "XC@RO")
RECIPIENTS = ("XB", "XC")
LINES = 64
OPEN = ("queued", "sending", "in_custody")
SETTLE_S = 900.0


@dataclass
class Account:
    """What came of a campaign."""

    database: str
    kills: int = 0
    server_kills: int = 0
    accepted: int = 0
    """Messages whose acceptance was answered: these are promised."""
    unanswered: int = 0
    """Messages that arrived though the answer was lost with the process: allowed, and single."""
    copies: int = 0
    delivered: int = 0
    waiting: int = 0
    """Copies still visibly under way when the time to settle was over."""
    lost: int = 0
    doubled: int = 0
    logs_verified: int = 0
    seconds: float = 0.0


@dataclass
class _Traffic:
    """Posts batches to XA until told to stop, and remembers what was accepted."""

    socket: str
    target: int
    allowed: int
    """How many may be accepted by now: so that there is traffic until the last kill."""
    accepted: dict[str, list[str]] = field(default_factory=dict)
    halt: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        asyncio.run(self._run())

    async def _run(self) -> None:
        number = 0
        while not self.halt.is_set() and len(self.accepted) < self.target:
            try:
                async with aiohttp.ClientSession(
                    "http://liaison",
                    connector=aiohttp.UnixConnector(self.socket),
                    timeout=aiohttp.ClientTimeout(total=30),
                ) as session:
                    while not self.halt.is_set() and len(self.accepted) < self.target:
                        if len(self.accepted) >= self.allowed:
                            await asyncio.sleep(0.01)
                            continue
                        if len(self.accepted) >= self.allowed:
                            await asyncio.sleep(0.01)
                            continue
                        number += 1
                        await self._post(session, number)
            except (aiohttp.ClientError, OSError, TimeoutError):
                await asyncio.sleep(0.05)

    async def _post(self, session: aiohttp.ClientSession, number: int) -> None:
        to = (["XB"], ["XC"], ["XB", "XC"])[number % 3]
        line = msgspec.json.encode(request([]) | {"to": to})
        async with session.post("/v1/messages:batch", data=b"\n".join([line] * LINES)) as answer:
            body = await answer.read()
            if answer.status != 200:
                await asyncio.sleep(0.05)
                return
        for told in body.splitlines():
            one = json.loads(told)
            if "id" in one:
                self.accepted[one["id"]] = to
            else:
                await asyncio.sleep(0.01)


def run(
    place: Path,
    *,
    kills: int,
    messages: int,
    database: str = "sqlite",
    seed: int = 1,
    server: postgres.Server | None = None,
) -> Account:
    """Play one campaign and return its account."""
    account = Account(database=database)
    started = time.monotonic()
    store_url = None if server is None else lambda: server.url(server.create())
    with nodes(place, *MEMBERS, store_url=store_url) as made:
        names = [item.partition("@")[0] for item in MEMBERS]
        share = messages // max(1, kills)
        traffic = _Traffic(str(made.folder("XA") / "api.sock"), messages, share)
        thread = threading.Thread(target=traffic.run)
        thread.start()
        moments = Random(seed)  # noqa: S311 - the same
        try:
            for _ in range(kills):
                _kill(made, account, names, moments, server)
                traffic.allowed += share
            traffic.allowed = messages
            while thread.is_alive() and len(traffic.accepted) < messages:
                time.sleep(0.2)
        finally:
            traffic.halt.set()
            thread.join()
        _count(made, account, traffic.accepted)
        for name in names:
            if made.stop(name) == 0:
                told = done("audit", "verify", "--dir", str(made.folder(name)), "--json").json
                account.logs_verified += told["findings"] == []
    account.seconds = round(time.monotonic() - started, 1)
    return account


def _kill(
    made: Nodes, account: Account, names: list[str], moments: Random, server: postgres.Server | None
) -> None:
    """Kill one node in the midst of its work, now and then the database server before it."""
    time.sleep(moments.uniform(0.05, 0.8))
    if server is not None and account.kills % 10 == 9:
        server.stop(signal.SIGQUIT)  # it recovers from its log at the next start
        server.start()
        account.server_kills += 1
    victim = moments.choice(names)
    made.kill(victim)
    time.sleep(moments.uniform(0.0, 0.3))
    made.start(victim)
    account.kills += 1


def _count(made: Nodes, account: Account, accepted: dict[str, list[str]]) -> None:
    """Wait until everything is delivered or has ended, then look into every inbox."""
    account.accepted = len(accepted)
    account.copies = sum(len(to) for to in accepted.values())
    with contextlib.suppress(AssertionError):
        made.until(lambda: _is_settled(made), SETTLE_S)
    outbox = made.call("XA", "GET", "/v1/status")["outbox"]
    account.waiting = sum(outbox[state] for state in OPEN)
    inboxes = {name: Counter(made.inbox(name)) for name in RECIPIENTS}
    for name, inbox in inboxes.items():
        promised = {message for message, to in accepted.items() if name in to}
        account.delivered += len(promised & set(inbox))
        account.lost += len(promised - set(inbox))
        account.doubled += sum(count - 1 for count in inbox.values())
        account.unanswered += len(set(inbox) - promised)
    account.lost -= account.waiting


def _is_settled(made: Nodes) -> bool:
    try:
        outbox = made.call("XA", "GET", "/v1/status")["outbox"]
    except LiaisonError:
        return False
    time.sleep(0.5)
    return not sum(outbox[state] for state in OPEN)


def main() -> None:
    """Play a campaign from the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--messages", type=int, default=100_000)
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    with contextlib.ExitStack() as stack:
        place = stack.enter_context(tempfile.TemporaryDirectory(prefix="liaison-campaign-"))
        server = None
        if asked.database == "postgresql":
            server = stack.enter_context(postgres.server())
        account = run(
            Path(place), kills=asked.kills, messages=asked.messages, database=asked.database,
            seed=asked.seed, server=server,
        )  # fmt: skip
    print(json.dumps(asdict(account), indent=1))  # noqa: T201


if __name__ == "__main__":
    main()
