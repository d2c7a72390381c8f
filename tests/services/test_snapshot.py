"""The kept view of the registry: used where it is sound, left aside where anything is not."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.clock import SystemClock
from gateway.services.federation import snapshot
from gateway.services.federation.snapshot import FILE, Snapshot
from gateway.services.keys import NodeKeys
from keys.keyfile import create
from keys.keyring import Keyring, new_record
from keys.slot import Cost
from keys.suite import KeyUse, MemberId
from keys.tlog.history import TreeHistory
from keys.tlog.merkle import leaf_hash
from tests.world import World, admitted, party, world


@pytest.fixture
def keys(tmp_path: Path) -> NodeKeys:
    """Return a node's keys with a storage key."""
    month = new_record(KeyUse.STORAGE, start=0, end=2**40, entropy=os.urandom)
    cost = Cost(memory_kib=8, passes=1)
    body = Keyring([month]).encode()
    opened = create(tmp_path / "keystore", body, b"pass", cost=cost, entropy=os.urandom)
    return NodeKeys(opened, MemberId("XA"), os.urandom)


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Keep a view after every second statement."""
    monkeypatch.setattr(snapshot, "KEPT_EVERY", 2)
    return


def history(notes: list[bytes]) -> TreeHistory:
    """Return the roots that a registry of these statements had."""
    return TreeHistory().extend([leaf_hash(note) for note in notes])


def kept(folder: Path, keys: NodeKeys, made: World) -> Snapshot:
    """Return a snapshot that holds the view of a world."""
    one = Snapshot(folder, keys, SystemClock())
    one.keep(made.view)
    return one


def test_view_is_kept_and_taken_up_with_what_has_come_since(tmp_path: Path, keys: NodeKeys) -> None:
    """After a restart the view is there without a signature being looked at."""
    made = world(party("XA"), party("XB"))
    kept(tmp_path, keys, made)
    view = made.view
    made.append(admitted(made.registrar, party("XC"), made.anchor))
    assert Snapshot(tmp_path, keys, SystemClock()).load(history(made.notes), made.anchor) == view
    assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o600
    assert b"mutual.example" not in (tmp_path / FILE).read_bytes()


def test_view_is_not_written_for_every_statement(tmp_path: Path, keys: NodeKeys) -> None:
    """Only when enough has come since."""
    made = world(party("XA"))
    one = kept(tmp_path, keys, made)
    before = (tmp_path / FILE).read_bytes()
    made.append(admitted(made.registrar, party("XB"), made.anchor))
    one.keep(made.view)
    assert (tmp_path / FILE).read_bytes() == before
    made.append(admitted(made.registrar, party("XC"), made.anchor))
    one.keep(made.view)
    assert (tmp_path / FILE).read_bytes() != before


def test_view_that_does_not_follow_from_the_mirror_is_left_aside(
    tmp_path: Path, keys: NodeKeys
) -> None:
    """Of another anchor, longer than the mirror, of other statements, or none at all."""
    made = world(party("XA"), party("XB"))
    again = Snapshot(tmp_path, keys, SystemClock())
    assert again.load(history(made.notes), made.anchor) is None
    kept(tmp_path, keys, made)
    assert again.load(history(made.notes), bytes(32)) is None
    assert again.load(history(made.notes[:2]), made.anchor) is None
    assert again.load(history([*made.notes[:2], made.notes[1]]), made.anchor) is None
    assert again.load(history(made.notes), made.anchor) == made.view


def test_forged_view_is_left_aside(tmp_path: Path, keys: NodeKeys) -> None:
    """Whoever writes to the folder lacks the storage key, and damage is found."""
    made = world(party("XA"), party("XB"))
    kept(tmp_path, keys, made)
    path = tmp_path / FILE
    good = path.read_bytes()
    stranger = new_record(KeyUse.STORAGE, start=0, end=2**40, entropy=os.urandom)
    foreign = stranger.key_id + good[32:]
    flipped = bytes([*good[:-1], good[-1] ^ 1])
    for wrong in (b"", good[:40], flipped, foreign):
        path.write_bytes(wrong)
        assert (
            Snapshot(tmp_path, keys, SystemClock()).load(history(made.notes), made.anchor) is None
        )
    path.write_bytes(good)
    assert (
        Snapshot(tmp_path, keys, SystemClock()).load(history(made.notes), made.anchor) == made.view
    )


def test_folder_that_cannot_be_written_costs_a_replay_only(tmp_path: Path, keys: NodeKeys) -> None:
    """Keeping a view is no duty."""
    made = world(party("XA"), party("XB"))
    one = Snapshot(tmp_path / "nowhere", keys, SystemClock())
    one.keep(made.view)
    assert one.load(history(made.notes), made.anchor) is None
