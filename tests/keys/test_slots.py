"""Slots of a keystore: who opens it, who no longer does, what a process beside it makes of it."""

import os
import re
from pathlib import Path

import pytest

from keys.errors import ConflictError, RejectedError
from keys.keyfile import Unlocked, create, read_slots, unlock
from keys.rootfile import draw, read
from keys.slot import MOST_SLOTS, Cost, draw_secret
from tests.outcome import outcome

CHEAP = Cost(memory_kib=8, passes=1)
DEARER = Cost(memory_kib=16, passes=2)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return a keystore that "first" opens."""
    create(tmp_path / "keystore", b"keys", b"first", cost=CHEAP, entropy=os.urandom)
    return tmp_path / "keystore"


def opened(path: Path, secret: bytes = b"first") -> Unlocked:
    """Open a keystore."""
    return unlock(path, secret, entropy=os.urandom)


def opens(path: Path, secret: bytes) -> bool:
    """Tell whether a secret opens a keystore; any fault but that it is wrong is a failure."""
    found = outcome(lambda: opened(path, secret))
    if isinstance(found, Unlocked):
        return found.body == b"keys"
    assert (type(found), found.code) == (RejectedError, "passphrase_wrong")
    return False


def refused(path: Path, act: object, code: str) -> None:
    """Let an act be refused, and nothing changed by it."""
    before = path.read_bytes()
    assert outcome(act).code == code
    assert path.read_bytes() == before
    assert [item.name for item in path.parent.iterdir()] == [path.name]


def test_each_slot_opens_by_its_own_secret(path: Path) -> None:
    """A second passphrase at another cost, and a secret that was drawn, which costs nothing."""
    secret = draw_secret(os.urandom)
    store = opened(path)
    second = store.add_slot(b"second", cost=DEARER, label="deputy")
    drawn = store.add_slot(secret, cost=None, label="systemd")
    assert all(opens(path, item) for item in (b"first", b"second", secret))
    assert not opens(path, b"third")
    assert read_slots(path) == store.slots == (store.opened, second, drawn)
    assert [(slot.kind, slot.cost, slot.label) for slot in store.slots] == [
        ("passphrase", CHEAP, ""),
        ("passphrase", DEARER, "deputy"),
        ("secret", None, "systemd"),
    ]
    assert opened(path, secret).opened == drawn
    lines = path.read_text("ascii").split("\n")
    assert re.fullmatch(r"slot argon2id 16 2 \S+ \S+ deputy", lines[2])
    assert re.fullmatch(r"slot secret \S+ \S+ systemd", lines[3])


def test_removed_secret_opens_the_file_no_more(path: Path) -> None:
    """Though a copy that was made before still opens by it, as the manual says."""
    store = opened(path)
    store.add_slot(b"second", cost=CHEAP)
    copy = path.read_bytes()
    opened(path, b"second").remove_slot(store.slots[0])
    assert (opens(path, b"first"), opens(path, b"second")) == (False, True)
    path.write_bytes(copy)
    assert opens(path, b"first")


def test_no_slot_is_removed_that_nobody_might_open_after(path: Path) -> None:
    """The last one, the one it was opened with, one that is gone, and what another left alone."""
    store = opened(path)
    (first,) = store.slots
    refused(path, lambda: store.remove_slot(first), "slot_in_use")
    other = opened(path)
    second = other.add_slot(b"second", cost=CHEAP)
    refused(path, lambda: store.remove_slot(first), "slot_in_use")
    store.remove_slot(second)
    refused(path, lambda: store.remove_slot(second), "slot_gone")
    refused(path, lambda: store.replace_slot(second, b"third", cost=CHEAP), "slot_gone")
    replaced = other.replace_slot(first, b"new first", cost=CHEAP)
    refused(path, lambda: store.remove_slot(replaced), "slot_in_use")
    assert opens(path, b"new first")


def test_changed_passphrase_is_one_write(path: Path) -> None:
    """The old opens until it and the new from then on; label and place stay."""
    store = opened(path)
    store.add_slot(b"second", cost=CHEAP, label="deputy")
    deputy = opened(path, b"second")
    new = deputy.replace_slot(deputy.opened, b"secret word", cost=DEARER)
    assert deputy.opened == new == read_slots(path)[1]
    assert (new.label, new.cost) == ("deputy", DEARER)
    assert [opens(path, item) for item in (b"first", b"second", b"secret word")] == [
        True, False, True,
    ]  # fmt: skip
    store.replace_slot(new, b"another", cost=CHEAP)
    assert store.opened == store.slots[0]


def test_slots_are_few_and_their_labels_differ(path: Path) -> None:
    """A label is short and said once; an unstretched secret is one that a machine drew."""
    store = opened(path)
    store.add_slot(b"second", cost=CHEAP, label="deputy")
    for label in ("Deputy", "-", "a" * 33, "one two", "é"):
        refused(
            path,
            lambda label=label: store.add_slot(b"x", cost=CHEAP, label=label),
            "slot_label_malformed",
        )
    refused(path, lambda: store.add_slot(b"x", cost=CHEAP, label="deputy"), "slot_label_taken")
    for guessable in (b"", b"password", draw_secret(os.urandom)[:-1]):
        refused(
            path,
            lambda secret=guessable: store.add_slot(secret, cost=None),
            "secret_guessable",
        )
    for number in range(MOST_SLOTS - 2):
        store.add_slot(draw_secret(os.urandom), cost=None, label=f"drawn-{number}")
    with pytest.raises(ConflictError) as caught:
        store.add_slot(b"one too many", cost=CHEAP)
    assert caught.value.code == "slots_full"
    assert len(read_slots(path)) == MOST_SLOTS


def test_altered_label_opens_nothing(path: Path) -> None:
    """Or a thief's slot could take the name of the operator's, who would remove his own."""
    store = opened(path)
    store.add_slot(b"second", cost=CHEAP, label="deputy")
    path.write_text(path.read_text("ascii").replace(" deputy\n", " chief\n"))
    assert (opens(path, b"first"), opens(path, b"second")) == (True, False)


def test_process_beside_it_neither_loses_nor_revives_a_slot(path: Path) -> None:
    """A daemon that opened the file before saves its keys after; the slots are those of now."""
    daemon = opened(path)
    operator = opened(path)
    operator.add_slot(b"second", cost=CHEAP)
    assert daemon.change(lambda body: body + b"!") == b"keys!"
    daemon.change(lambda body: body.removesuffix(b"!"))
    assert opens(path, b"second")
    opened(path, b"second").remove_slot(operator.opened)
    assert not daemon.is_newest
    daemon.change(lambda body: body)
    assert daemon.is_newest
    assert (opens(path, b"first"), opens(path, b"second")) == (False, True)


def test_rekeyed_file_is_closed_to_all_who_are_not_named(path: Path) -> None:
    """A thief with an old copy and its passphrase, the old file key in hand, is shut out."""
    store = opened(path)
    store.add_slot(b"stolen", cost=CHEAP, label="stolen")
    third = draw_secret(os.urandom)
    store.add_slot(third, cost=None, label="systemd")
    thief = opened(path, b"stolen")
    refused(path, lambda: store.rekey([b"unknown"]), "passphrase_wrong")
    dropped = store.rekey([third, b"first", b"unknown"])
    assert [slot.label for slot in dropped] == ["stolen"]
    assert [slot.label for slot in read_slots(path)] == ["", "systemd"]
    assert [opens(path, item) for item in (b"first", b"stolen", third)] == [True, False, True]
    refused(path, thief.reread, "keyfile_rekeyed")
    assert thief.body == b"keys"
    assert store.change(lambda body: body) == b"keys"
    store.remove_slot(store.slots[1])
    assert len(read_slots(path)) == 1


def test_process_that_held_a_rekeyed_file_says_so_and_writes_nothing(path: Path) -> None:
    """A running daemon must not put the old file key back; it is told to start anew."""
    daemon = opened(path)
    opened(path).rekey([b"first"])
    refused(path, lambda: daemon.change(lambda _: b"never"), "keyfile_rekeyed")
    refused(path, lambda: daemon.add_slot(b"x", cost=CHEAP), "keyfile_rekeyed")
    fault = outcome(daemon.reread)
    assert "start this anew" in fault.detail
    assert daemon.body == b"keys"
    damaged = path.read_bytes()
    fresh = opened(path)
    path.write_bytes(damaged[:-9] + b"AAAAAAA=\n")
    refused(path, fresh.reread, "keyfile_malformed")


def test_root_file_has_slots_too(tmp_path: Path) -> None:
    """So that the passphrase of a root key can change without a change of root."""
    path = tmp_path / "root.key"
    root = draw(path, "mutual.example/XA/root", b"pass", cost=CHEAP, entropy=os.urandom)
    store = opened(path, b"pass")
    store.replace_slot(store.opened, b"word", cost=CHEAP)
    again = read(path, b"word", entropy=os.urandom)
    assert again.classical.public_key == root.classical.public_key
    assert outcome(lambda: read(path, b"pass", entropy=os.urandom)).code == "passphrase_wrong"
