"""The keystore's file: what opens it, and what a damaged, open or foreign one says."""

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keys.errors import LiaisonError, RejectedError
from keys.keyfile import Unlocked, create, unlock
from keys.rootfile import draw, read
from keys.slot import Cost
from tests.mutation import mutated
from tests.outcome import outcome

CHEAP = Cost(memory_kib=8, passes=1)


def made(folder: Path, body: bytes = b"the keyring") -> Path:
    """Return a new keystore that "open sesame" unlocks."""
    path = folder / "keystore"
    path.unlink(missing_ok=True)
    create(path, body, b"open sesame", cost=CHEAP, entropy=os.urandom)
    return path


def refusal(path: Path, passphrase: bytes = b"open sesame") -> LiaisonError:
    """Return why a keystore does not open."""
    fault = outcome(lambda: unlock(path, passphrase, entropy=os.urandom))
    assert isinstance(fault, LiaisonError)
    assert str(path) in fault.detail
    return fault


def test_keystore_opens_with_its_passphrase_alone(tmp_path: Path) -> None:
    """A wrong passphrase is told apart from a damaged file."""
    path = made(tmp_path)
    opened = unlock(path, b"open sesame", entropy=os.urandom)
    assert (opened.body, opened.path) == (b"the keyring", path)
    assert [slot.cost for slot in opened.slots] == [CHEAP]
    assert repr(opened) == f"Unlocked({path})"
    assert path.stat().st_mode & 0o777 == 0o600
    for wrong in (b"", b"open sesam", b"open sesame\n"):
        assert refusal(path, wrong).code == "passphrase_wrong"
    with pytest.raises(FileExistsError):
        create(path, b"", b"x", cost=CHEAP, entropy=os.urandom)


def test_saving_needs_no_passphrase_and_leaves_no_trace(tmp_path: Path) -> None:
    """A rotation writes the keystore again; the old body is gone and the passphrase stays."""
    opened = unlock(made(tmp_path), b"open sesame", entropy=os.urandom)
    opened.change(lambda _: b"a longer keyring with more in it")
    again = unlock(opened.path, b"open sesame", entropy=os.urandom)
    assert again.body == opened.body == b"a longer keyring with more in it"
    assert [item.name for item in tmp_path.iterdir()] == ["keystore"]
    assert b"keyring with more" not in opened.path.read_bytes()


def test_processes_that_share_a_keystore_keep_what_the_other_added(tmp_path: Path) -> None:
    """Each change is made to the newest body, whoever wrote it; who was passed by can tell."""
    path = made(tmp_path, b"keys")
    one, other = (unlock(path, b"open sesame", entropy=os.urandom) for _ in range(2))
    assert one.change(lambda body: body + b", one") == b"keys, one"
    assert (one.is_newest, other.is_newest) == (True, False)
    assert other.change(lambda body: body + b", other") == b"keys, one, other"
    assert (one.is_newest, other.is_newest) == (False, True)
    assert one.reread() == b"keys, one, other"
    assert one.is_newest
    assert [item.name for item in tmp_path.iterdir()] == ["keystore"]


def test_keystore_that_became_another_is_not_taken_over(tmp_path: Path) -> None:
    """A file under other secrets, or none: what was unlocked stays as it was."""
    opened = unlock(made(tmp_path), b"open sesame", entropy=os.urandom)
    for replace, code in ((made, "keyfile_rekeyed"), (_removed, "keyfile_missing")):
        replace(tmp_path)
        fault = outcome(lambda: opened.change(lambda _: b"never"))
        assert fault.code == code
        assert opened.body == b"the keyring"
        assert not opened.is_newest


def _removed(folder: Path) -> None:
    (folder / "keystore").unlink()


def test_keystore_cut_short_anywhere_is_called_damaged(tmp_path: Path) -> None:
    """Every length but the whole one."""
    path = made(tmp_path)
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        assert refusal(path).code in ("keyfile_malformed", "passphrase_wrong"), length
    path.write_bytes(whole + b"x")
    assert refusal(path).code == "keyfile_malformed"


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_no_altered_keystore_opens(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """A flipped, dropped or added byte is found; nothing else is ever the body."""
    path = made(tmp_path_factory.mktemp("altered"))
    whole = path.read_bytes()
    content = mutated(data, whole)
    if content.startswith(b"liaison keyfile 1\nslot argon2id 8 1 "):
        path.write_bytes(content)
        opened = outcome(lambda: unlock(path, b"open sesame", entropy=os.urandom))
        assert isinstance(opened, RejectedError) or (
            isinstance(opened, Unlocked) and content == whole
        )


@pytest.mark.parametrize(
    "slot",
    [
        "slot argon2i 8 1 {salt} {key}",
        "lock argon2id 8 1 {salt} {key}",
        "slot argon2id 7 1 {salt} {key}",
        "slot argon2id 8 0 {salt} {key}",
        "slot argon2id 8 65 {salt} {key}",
        "slot argon2id 99999999 1 {salt} {key}",
        "slot argon2id eight 1 {salt} {key}",
        "slot argon2id 8 1 AAAA {key}",
        "slot argon2id 8 1 {salt} =",
        "slot argon2id 8 1 {salt} AB==",
        "slot argon2id 8 1 {salt}",
        "slot argon2id 08 1 {salt} {key}",
        "slot argon2id 8 1 {salt} {key} Label",
        "slot argon2id 8 1 {salt} {key} one two",
        "slot argon2id 8 1 {salt} {key} ",
        "slot secret {key} {key}",
        "slot secret {salt}",
        "body",
    ],
)
def test_slot_has_one_form(tmp_path: Path, slot: str) -> None:
    """A slot that would cost the machine its memory is refused before it is tried."""
    path = made(tmp_path)
    magic, line, *rest = path.read_text("ascii").split("\n")
    *_, salt, key = line.split(" ")
    path.write_text("\n".join([magic, slot.format(salt=salt, key=key), *rest]))
    assert refusal(path).code == "keyfile_malformed"


@pytest.mark.parametrize("count", [0, 17])
def test_keyfile_has_one_to_sixteen_slots(tmp_path: Path, count: int) -> None:
    """With more of them a wrong passphrase would cost the machine its time."""
    path = made(tmp_path)
    magic, line, *rest = path.read_text("ascii").split("\n")
    path.write_text("\n".join([magic, *[line] * count, *rest]))
    assert refusal(path).code == "keyfile_malformed"


def test_any_slot_opens_and_a_swapped_body_does_not(tmp_path: Path) -> None:
    """Slots are tried in turn; a slot and a body of two files do not go together."""
    path = made(tmp_path)
    first = path.read_text("ascii").split("\n")
    create(tmp_path / "other", b"x", b"other", cost=CHEAP, entropy=os.urandom)
    other = (tmp_path / "other").read_text("ascii").split("\n")
    path.write_text("\n".join([first[0], other[1], *first[1:]]))
    assert unlock(path, b"open sesame", entropy=os.urandom).body == b"the keyring"
    path.write_text("\n".join([*first[:2], *other[2:]]))
    assert refusal(path).code == "keyfile_malformed"


def test_root_keys_have_files_of_their_own(tmp_path: Path) -> None:
    """A root is two keys in a keystore of its own; another file is no root key."""
    path = tmp_path / "root.key"
    root = draw(path, "mutual.example/XA/root", b"pass", cost=CHEAP, entropy=os.urandom)
    again = read(path, b"pass", entropy=os.urandom)
    assert again.name == root.name == "mutual.example/XA/root"
    assert again.classical.public_key == root.classical.public_key
    assert again.post_quantum.public_key == root.post_quantum.public_key
    assert outcome(lambda: read(path, b"wrong", entropy=os.urandom)).code == "passphrase_wrong"
    for body in (
        b"the keyring",
        b"\x94\x02\xa1x\xc4\x00\xc4\x00",
        b"\x94\x01\xa1x\xc4\x00\xc4\x00",
    ):
        store = made(tmp_path, body)
        fault = outcome(lambda file=store: read(file, b"open sesame", entropy=os.urandom))
        assert fault.code == "rootfile_malformed"
