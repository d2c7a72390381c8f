"""Drafts at two daemons of one member: whatever is decided at once, each ends once."""

import os
from collections import Counter
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

from gateway.cli.demo.story import request
from gateway.errors import LiaisonError
from gateway.services.caller import Caller
from gateway.services.sending.releasing import Declining
from gateway.services.sending.submission import Submission, Submitted
from gateway.store import drafts, messages
from gateway.store.drafts import DraftFilter, DraftState, StoredDraft
from gateway.store.migrate import upgrade
from gateway.wiring.node import Node
from keys.suite import digest
from tests import postgres
from tests.outcome import outcome_of
from tests.scenarios.federation import Federation, federation, recorded
from tests.scenarios.releasing import DRAFTER, RELEASE_KINDS, SECOND, THIRD, XA, XB, asks
from tests.scenarios.test_events import happened
from tests.store.stored import all_of

WITHIN_S: Final = 300
ACTS: Final = ("draft", "draft", "release", "release", "decline", "withdraw", "pass")
CALLERS: Final = (DRAFTER, SECOND, THIRD)
NOT_NOW: Final = {
    "nothing_to_release", "draft_expired", "released_by_drafter", "role_missing",
    "idempotency_key_busy",
}  # fmt: skip
"""How somebody is refused: by who they are, or by what somebody else does or did."""
ENDS: Final = {
    DraftState.RELEASED: ("message.released", "message.released"),
    DraftState.DECLINED: ("message.declined", "release.declined"),
    DraftState.WITHDRAWN: ("message.withdrawn", "draft.ended"),
    DraftState.EXPIRED: ("message.expired", "draft.ended"),
}
"""The event and the entry of each end."""


@dataclass
class Draws:
    """Choices that follow from a seed."""

    seed: int
    count: int = 0

    def of(self, choices: Sequence[Any]) -> Any:
        """Return one of some choices."""
        self.count += 1
        drawn = digest(b"draws", f"{self.seed} {self.count}".encode())
        return choices[int.from_bytes(drawn[:4], "big") % len(choices)]


@dataclass
class Play:
    """Two daemons, what was drafted at them, and how it ended as far as was seen."""

    fed: Federation
    daemons: tuple[Node, Node]
    draws: Draws
    drafted: list[str] = field(default_factory=list)
    ended: dict[str, StoredDraft] = field(default_factory=dict)
    keys: int = 0

    async def step(self) -> None:
        """Do one to four things at once, and look at what became of everything."""
        acts: list[tuple[str, Awaitable[Any]]] = []
        for _ in range(self.draws.of((1, 2, 3, 4))):
            acts += self._act(self.draws.of(ACTS))
        answers = await all_of(*(outcome_of(act) for _, act in acts))
        after = await self.look()
        for (name, _), answer in zip(acts, answers, strict=True):
            _check(name, answer, after)
        made = [item.id for item in answers if isinstance(item, Submitted)]
        self.drafted += [ref for ref in dict.fromkeys(made) if ref not in self.drafted]

    def _act(self, act: str) -> list[tuple[str, Awaitable[Any]]]:
        """Return what is done: at a daemon, by somebody, to one of the latest drafts."""
        node, by = self.draws.of(self.daemons), self.draws.of(CALLERS)
        if act == "draft":
            return self._draft(self.draws.of((DRAFTER, THIRD)))
        if act == "pass":
            return [("pass", self._pass(node))] if self.draws.of((True, False, False)) else []
        if not self.drafted:
            return []
        ref = self.draws.of(self.drafted[-4:])
        releasing = node.rooms.releasing
        calls = {
            "release": lambda: releasing.release(ref, by),
            "decline": lambda: releasing.decline(ref, Declining(reason="No."), by),
            "withdraw": lambda: releasing.withdraw(ref, by, None),
        }
        return [(f"{act} {ref}", calls[act]())]

    def _draft(self, by: Caller) -> list[tuple[str, Awaitable[Any]]]:
        """Draft one thing, now and then at both daemons under one key."""
        self.keys += 1
        ask, key = msgspec.convert(request([]), Submission), f"k{self.keys}"
        at = self.daemons if self.draws.of((True, False)) else [self.draws.of(self.daemons)]
        return [(f"draft {key}", _drafted(node, ask, by, key)) for node in at]

    async def _pass(self, node: Node) -> None:
        """Let the time of what waits be over, and a daemon see it."""
        for name in self.fed.clocks:
            self.fed.clocks[name].ahead_s += WITHIN_S + 1
        await node.workers.sweep()

    async def look(self) -> dict[str, StoredDraft]:
        """Return all drafts as one of the daemons sees them; what had ended stands as it did."""
        seen = await self.draws.of(self.daemons).database.read(_all)
        assert {ref: seen.get(ref) for ref in self.ended} == self.ended
        self.ended = {ref: item for ref, item in seen.items() if item.state in ENDS}
        return dict(seen)


def _all(tx: Any) -> dict[str, StoredDraft]:
    found = drafts.page(tx, DraftFilter(states=tuple(DraftState)), after=0, limit=100_000)
    return {f"XA-{item.message_id.hex()}": item for item in found}


async def _drafted(node: Node, ask: Submission, by: Caller, key: str) -> Any:
    (answer,) = await node.rooms.exchange.submit([ask], by, idempotency_key=key)
    return answer


def _check(name: str, answer: Any, after: dict[str, StoredDraft]) -> None:
    """Assert that what somebody was told is so."""
    act, _, ref = name.partition(" ")
    if isinstance(answer, LiaisonError):
        assert answer.code in NOT_NOW, (name, answer)
        return
    assert not isinstance(answer, BaseException), (name, answer)
    if act == "draft":
        assert answer.id in after
    elif act == "withdraw":
        assert after[ref].state == ("released" if answer is None else "withdrawn"), name
    elif act in ("release", "decline"):
        assert (after[ref].state, after[ref].decided_by) == (f"{act}d", answer.decided_by), name
        assert after[ref].decided_by != after[ref].drafter


async def play(place: Path, server: postgres.Server, seed: int, steps: int) -> Counter[DraftState]:
    """Play a history at two daemons on one database; return how its drafts ended, all accounted."""
    url = server.url(server.create())
    upgrade(url)
    changes = asks(release_within_s=WITHIN_S)
    changes["XA"] |= {"store": {"url": url}, "events": {"kept_days": 366}}
    for name in ("XA", "XB"):
        changes.setdefault(name, {})["registry"] = {"refuse_after_s": 400 * 86_400}
    async with federation(place, "XA", "XB", changes=changes, anew=True) as fed:
        first = fed.nodes[XA]
        second = await fed.start("XA", run=False)
        fed.nodes[XA] = first
        try:
            for node in (first, second):
                await node.workers.following.follow()
                await node.workers.chronicle.look()
            game = Play(fed, (first, second), Draws(seed))
            for _ in range(steps):
                await game.step()
            return await _account(game)
        except AssertionError as fault:
            fault.add_note(f"seed {seed}")
            raise
        finally:
            second.database.close()


async def _account(game: Play) -> Counter[DraftState]:
    """Assert that each draft ended once, in the store, at the recipient, in the log, as events."""
    fed, (first, second) = game.fed, game.daemons
    await game._pass(second)
    after = await game.look()
    assert set(after) == set(game.drafted)
    states = Counter(item.state for item in after.values())
    assert not states[DraftState.AWAITING_RELEASE]
    assert all(
        (item.record is None) is (item.state is DraftState.RELEASED) for item in after.values()
    )
    sent = {ref for ref, item in after.items() if item.state is DraftState.RELEASED}

    async def arrived() -> bool:
        held = await fed.nodes[XB].database.read(messages.counts)
        return held.get("in", 0) >= len(sent)

    await fed.until(arrived)
    counted = await first.database.read(messages.counts)
    assert counted.get("out", 0) == len(sent)
    for ref in sent:
        assert (await fed.read("XB", ref)).id == ref
    said = Counter(
        entry.kind.value
        for entry in await recorded(first)
        if entry.kind.value.startswith(RELEASE_KINDS) and entry.kind.value != "release.refused"
    )
    wanted = Counter({"message.drafted": len(after)})
    for state, (_, entry) in ENDS.items():
        wanted[entry] += states[state]
    assert said == +wanted
    await all_of(*(node.workers.chronicle.look() for node in game.daemons))
    kinds = ",".join({event for event, _ in ENDS.values()})
    told = Counter((item.type.value, item.message) for item in await happened(fed, XA, kinds))
    assert told == Counter((ENDS[item.state][0], ref) for ref, item in after.items())
    return states


@pytest.mark.parametrize("seed", range(2))
async def test_drafts_end_once_whoever_decides_where(
    tmp_path: Path, postgres_server: postgres.Server, seed: int
) -> None:
    """A slice: the same choices in every run, at once wherever a history says so."""
    assert await play(tmp_path, postgres_server, seed, 12)


@pytest.mark.campaign
@pytest.mark.timeout(14_400)
async def test_long_histories_of_drafts(tmp_path: Path, postgres_server: postgres.Server) -> None:
    """As many steps as ``LIAISON_TEST_HISTORIES`` says, of seeds that differ in every run."""
    steps = int(os.environ.get("LIAISON_TEST_HISTORIES", "1000"))
    seed = int.from_bytes(os.urandom(4), "big")
    assert set(await play(tmp_path, postgres_server, seed, steps)) == set(ENDS)
