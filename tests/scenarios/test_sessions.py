"""Sessions: copies that go straight to a recipient share one encapsulation, relayed ones none."""

import os
from pathlib import Path

import pytest

from gateway.errors import UnavailableError
from gateway.protocol.answer import Posted
from gateway.protocol.envelope import Stanza, parse_envelope
from gateway.services.sending import sessions
from gateway.services.sending.sessions import SESSION_S, Sessions
from keys.sealing import SealKey
from keys.suite import WRAPPED_BYTES, MemberId
from tests.scenarios.federation import Clock, Federation, federation
from tests.scenarios.test_exchange import delivered

XA, XB, XC, RO = (MemberId(name) for name in ("XA", "XB", "XC", "RO"))


def stanza_of(posted: Posted) -> Stanza:
    """Return the stanza of a thin copy."""
    (stanza,) = parse_envelope(posted.envelope).stanzas
    return stanza


async def test_direct_copies_share_a_session_for_an_hour(tmp_path: Path) -> None:
    """The wrapped session key is the same in each, the rest never; then another is drawn."""
    async with federation(tmp_path, "XA", "XB") as fed:
        for ahead_s in (0, 0, 0, SESSION_S):
            fed.clocks[XA].ahead_s = fed.clocks[XB].ahead_s = ahead_s
            sent = await fed.send("XA", "XB")
            await fed.until(lambda sent=sent: delivered(fed, "XA", sent.id))
        wrapped = [stanza_of(item).wrapped for _, _, item in fed.posted]
        shared = [item[:WRAPPED_BYTES] for item in wrapped if len(item) > WRAPPED_BYTES]
        assert len(shared) >= 3  # the first may leave before XA holds the card of XB
        assert len(set(shared)) == 2
        assert len(set(wrapped)) == len(wrapped)
        assert len((await fed.inbox("XB")).messages) == 4


async def test_relayed_copies_share_nothing(tmp_path: Path) -> None:
    """A relay sees no two copies with a byte in common by which it could tell their sender."""
    async with federation(tmp_path, "XA", "RO", "XC@RO") as fed:
        for _ in range(3):
            sent = await fed.send("XA", "XC")
            await fed.until(lambda sent=sent: delivered(fed, "XA", sent.id))
        wrapped = [stanza_of(item).wrapped for _, to, item in fed.posted if to == RO]
        assert {len(item) for item in wrapped} == {WRAPPED_BYTES}
        assert len({item[:32] for item in wrapped}) == 3


async def test_shared_copy_that_must_go_through_a_relay_is_wrapped_anew(tmp_path: Path) -> None:
    """It waited for XB, and now the way leads through RO: the session does not go along."""
    async with federation(tmp_path, "XA", "XB", "RO") as fed:
        first = await fed.send("XA", "XB")
        await fed.until(lambda: delivered(fed, "XA", first.id))
        fed.cut.add((XA, XB))
        second = await fed.send("XA", "XB")
        await fed.until(lambda: len(fed.posted) > 1)
        assert stanza_of(fed.posted[-1][2]).is_shared
        await fed.until(lambda: _put_off(fed, second.id))
        await fed.stop("XA")  # or its own lane may be faster
        fed.clocks[XA].ahead_s = 60
        delivery = (await fed.start("XA", run=False)).delivery
        (load,) = await delivery.claim([XB], 64)
        assert load.stanza is not None
        assert load.stanza.is_shared
        (same,) = await delivery.prepare(XB, [load])
        assert same.stanza is not None
        assert same.stanza.is_shared
        (anew,) = await delivery.prepare(RO, [load])
        assert anew.stanza is not None
        assert not anew.stanza.is_shared
        await delivery.put_back([anew], UnavailableError("busy", "a test"), 0)
        fed.cut.clear()
        fed.clocks[XA].ahead_s = 120
        await fed.stop("XA")
        await fed.start("XA")
        await fed.until(lambda: delivered(fed, "XA", second.id))


async def _put_off(fed: Federation, message: str) -> bool:
    (recipient,) = (await fed.read("XA", message)).recipients
    return (recipient.state, recipient.code) == ("queued", "peer_unreachable")


def test_session_ends_by_count_and_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """No key wraps more copies than it may, nor after its hour, nor when the clock went back."""
    monkeypatch.setattr(sessions, "SESSION_COPIES", 3)
    monkeypatch.setattr(sessions, "SESSIONS_MOST", 2)
    clock = Clock()
    shared = Sessions(clock, os.urandom)
    keys = [SealKey(os.urandom(32)) for _ in range(3)]

    def share(at: int) -> object:
        return shared.share(keys[at].key_id, keys[at].public_key)

    drawn = [share(0) for _ in range(4)]
    assert drawn[0] is drawn[1] is drawn[2] is not drawn[3]
    clock.ahead_s = SESSION_S
    assert share(0) is not drawn[3]
    hour_later = share(0)
    clock.ahead_s = -SESSION_S
    assert share(0) is not hour_later
    kept = share(1)
    share(2)
    assert share(1) is kept
