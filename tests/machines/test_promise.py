"""The promise, against any order of sends, crashes, partitions, bad weather and hostile members."""

import os
from contextlib import ExitStack
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from keys.keyring import KeyUse
from keys.registry.statement import REGISTRY
from keys.suite import MemberId
from tests.machines.simulation import BEHIND, CRASHING, RECIPIENTS, SENDER, Stage, Weather
from tests.scenarios.federation import OFFICER

_members = st.sampled_from(CRASHING)
_nodes = st.sampled_from([*CRASHING, REGISTRY])
_shares = st.sampled_from([0.0, 0.1, 0.5])


class Promise(RuleBasedStateMachine):
    """XA sends to XB, to XC behind two relays, and to XD behind one, whatever happens."""

    stage: Stage

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()

    @initialize(seed=st.integers(0, 2**32 - 1))
    def begin(self, seed: int) -> None:
        """Start from a federation in which everybody knows everybody."""
        self.sim = self.stack.enter_context(self.stage.play(seed=seed))

    @rule(
        to=st.lists(st.sampled_from(RECIPIENTS), min_size=1, max_size=3, unique=True),
        count=st.integers(1, 3),
        lifetime_s=st.sampled_from([60, 1200, 86_400]),
        priority=st.integers(0, 2),
        attached=st.sampled_from([b"", b"", b"an invoice" * 500]),
        held=st.sampled_from([False, False, True]),
    )
    def post(
        self,
        *,
        to: list[MemberId],
        count: int,
        lifetime_s: int,
        priority: int,
        attached: bytes,
        held: bool,
    ) -> None:
        """Accept messages, or hold them for a second person; what is answered is promised."""
        asked = {"expires_in_s": lifetime_s, "priority": priority, "held": held}
        for _ in range(count):
            self.sim.play(self.sim.post(*to, attached=attached, **asked))

    @rule(data=st.data(), releases=st.booleans())
    def decide(self, data: Any, releases: bool) -> None:
        """Release a message, or turn it down."""
        if self.sim.promised and SENDER in self.sim.nodes:
            message = data.draw(st.sampled_from(sorted(self.sim.promised)))
            self.sim.play(self.sim.decide(message, releases=releases))

    @rule(seconds=st.sampled_from([0.01, 0.2, 3, 60, 1000]))
    def wait(self, seconds: float) -> None:
        """Let it all go on."""
        self.sim.play(self.sim.wait(seconds))

    @rule(member=_nodes)
    def crash(self, member: MemberId) -> None:
        """Kill a node now."""
        self.sim.strike(member)

    @rule(member=_nodes, steps=st.integers(1, 400))
    def crash_later(self, member: MemberId, steps: int) -> None:
        """Kill a node in the midst of whatever comes."""
        self.sim.loop.at_step[self.sim.loop.steps + steps] = lambda: self.sim.strike(member)

    @rule(member=_nodes)
    def start(self, member: MemberId) -> None:
        """Start a node that is down."""
        if member not in self.sim.nodes:
            self.sim.play(self.sim.start(member))

    @rule(one=_nodes, other=_nodes)
    def part(self, one: MemberId, other: MemberId) -> None:
        """Cut the line between two nodes."""
        self.sim.cut.add((one, other))

    @rule()
    def mend(self) -> None:
        """Restore every line."""
        self.sim.cut.clear()

    @rule(requests=_shares, answers=_shares, double=_shares, delay_s=st.sampled_from([0.05, 5, 90]))
    def turn(self, requests: float, answers: float, double: float, delay_s: float) -> None:
        """Change the weather."""
        self.sim.weather = Weather(requests, answers, double, delay_s)

    @rule(data=st.data(), again=st.booleans())
    def move(self, data: Any, again: bool) -> None:
        """Withdraw a message, or queue it again."""
        if self.sim.promised and SENDER in self.sim.nodes:
            message = data.draw(st.sampled_from(sorted(self.sim.promised)))
            self.sim.play(self.sim.move(message, again=again))

    @rule(member=_members, use=st.sampled_from([KeyUse.SEAL, KeyUse.SIGN]))
    def rotate(self, member: MemberId, use: KeyUse) -> None:
        """Give a node another key to sign with, or other sealing keys."""
        if member in self.sim.nodes:
            rotation = self.sim.nodes[member].rooms.rotation
            self.sim.play(self.sim.attempt(member, rotation.rotate(use, OFFICER)))

    @rule(member=_members)
    def revoke(self, member: MemberId) -> None:
        """Revoke the key that a node signed with before it rotated, whatever is under way."""
        self.sim.play(self.sim.revoke(member))

    @rule(member=_members, lift=st.booleans())
    def suspend(self, member: MemberId, lift: bool) -> None:
        """Suspend a member, or resume it."""
        self.sim.play(self.sim.suspend(member, lift=lift))

    @rule(member=_nodes, ahead_s=st.sampled_from([-600, 0, 600]))
    def shift(self, member: MemberId, ahead_s: int) -> None:
        """Set a clock wrong by ten minutes, or right."""
        self.sim.ahead_s[member] = ahead_s

    @rule(by=_members, to=_members, number=st.integers(0, 63), bent=st.booleans())
    def replay(self, by: MemberId, to: MemberId, number: int, bent: bool) -> None:
        """Let a hostile member post what it overheard, as it was or altered."""
        self.sim.play(self.sim.replay(by, to, number, bent=bent))

    def teardown(self) -> None:
        """When all is well again, every message has arrived once or ended visibly."""
        with self.stack:
            if hasattr(self, "sim"):
                self.sim.loop.at_step.clear()
                self.sim.play(self.sim.heal())
                assert self.sim.play(self.sim.account()) == []


def _hold(stage: Stage, examples: int, steps: int, **how: Any) -> None:
    """Play so many histories of so many steps."""
    machine = type("Promise", (Promise,), {"stage": stage})
    checks = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=checks,
            **how,
        ),
    )


def test_promise_holds_in_any_weather(stage: Stage) -> None:
    """A few histories, the same in every run."""
    _hold(stage, 3, 14, derandomize=True, database=None, phases=[Phase.generate])


def test_mailbox_that_was_full_takes_what_waited(stage: Stage) -> None:
    """What found no place is still the sender's, and says why; then it arrives like the rest."""
    with stage.play(seed=1) as sim:
        sim.strike(BEHIND)
        for _ in range(5):
            assert sim.play(sim.post(BEHIND))
        sim.play(sim.wait(60))
        shown = [sim.play(sim.read(SENDER, message)).recipients[0] for message in sim.promised]
        assert sorted((item.state, item.code) for item in shown) == [
            *[("in_custody", "")] * 3,
            *[("queued", "mailbox_full")] * 2,
        ]
        sim.play(sim.heal())
        assert sim.play(sim.account()) == []


@pytest.mark.campaign
@pytest.mark.timeout(14_400)
def test_promise_holds_in_a_thousand_histories(stage: Stage) -> None:
    """Others in every run (``LIAISON_TEST_HISTORIES`` of them); what fails is made small."""
    _hold(stage, int(os.environ.get("LIAISON_TEST_HISTORIES", "1000")), 40)
