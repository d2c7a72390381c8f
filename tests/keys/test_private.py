"""Private files: who else has a hand in them, and what a kill or a full disk leaves."""

import errno
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from keys.errors import LiaisonError, UnavailableError
from keys.keyfile import create, unlock
from keys.private import read_secret, write_private
from keys.slot import Cost
from tests.keys.killing import NEW, OLD, STEPS
from tests.outcome import outcome

CHEAP = Cost(memory_kib=8, passes=1)
NOBODY = 65_534


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return a keystore that "open sesame" unlocks, in a folder of its own."""
    folder = tmp_path / "node"
    folder.mkdir(mode=0o700)
    create(folder / "keystore", b"keys", b"open sesame", cost=CHEAP, entropy=os.urandom)
    return folder / "keystore"


def refusal(path: Path) -> LiaisonError:
    """Return why a keystore does not open."""
    fault = outcome(lambda: unlock(path, b"open sesame", entropy=os.urandom))
    assert isinstance(fault, LiaisonError)
    return fault


def disown(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a file belong to somebody else, or, where that takes root, let us be somebody else."""
    if os.geteuid() == 0:
        os.chown(path, NOBODY, -1)
    else:
        mine = os.geteuid()
        monkeypatch.setattr(os, "geteuid", lambda: mine + 1)


def test_keystore_that_cannot_be_read_says_why(path: Path) -> None:
    """Missing, a folder, or no file at all."""
    missing = refusal(path.parent / "nothing")
    assert (missing.code, isinstance(missing, UnavailableError)) == ("keyfile_missing", True)
    assert "liaison init" in missing.detail
    assert refusal(path.parent).code == "keyfile_missing"
    path.unlink()
    os.mkfifo(path, 0o600)
    assert refusal(path).code == "keyfile_malformed"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o601])
def test_keystore_that_others_may_read_is_refused(path: Path, mode: int) -> None:
    """Or write, or run."""
    path.chmod(mode)
    fault = refusal(path)
    assert fault.code == "keyfile_permissions"
    assert f"chmod 600 {path}" in fault.detail


@pytest.mark.parametrize("mode", [0o720, 0o702, 0o1777])
def test_folder_that_others_may_write_is_refused(path: Path, mode: int) -> None:
    """Who may write the folder may put another file in the place of this one."""
    path.parent.chmod(mode)
    fault = refusal(path)
    assert fault.code == "keyfile_permissions"
    assert f"chmod go-w {path.parent}" in fault.detail


@pytest.mark.parametrize("which", ["file", "folder"])
def test_what_belongs_to_another_user_is_refused(
    path: Path, which: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is that user's word, not ours: he can change it when he likes."""
    disown(path if which == "file" else path.parent, monkeypatch)
    fault = refusal(path)
    assert fault.code == "keyfile_permissions"
    assert "belongs to the user" in fault.detail


def test_link_in_the_place_of_a_keystore_is_refused(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A save would replace the link and part the two; one put there between look and open too."""
    other = tmp_path / "other"
    path.rename(other)
    path.symlink_to(other)
    fault = refusal(path)
    assert fault.code == "keyfile_permissions"
    assert "symbolic link" in fault.detail
    monkeypatch.setattr(Path, "is_symlink", lambda _: False)
    assert refusal(path).code == "keyfile_missing"
    assert unlock(other, b"open sesame", entropy=os.urandom).body == b"keys"


def test_link_in_the_way_of_a_write_is_not_followed(path: Path, tmp_path: Path) -> None:
    """What somebody put where the new file is written first stays untouched."""
    victim = tmp_path / "victim"
    victim.write_bytes(b"not yours")
    (path.parent / ".keystore.new").symlink_to(victim)
    write_private(path, b"content")
    assert victim.read_bytes() == b"not yours"
    assert path.read_bytes() == b"content"
    assert [item.name for item in path.parent.iterdir()] == ["keystore"]


def test_secret_comes_from_a_file_or_a_credential(tmp_path: Path) -> None:
    """One newline at the end is not part of it."""
    file = tmp_path / "passphrase"
    write_private(file, b" open sesame \n\n")
    assert read_secret(file=file, environ={}) == b" open sesame \n"
    assert read_secret(environ={}) is None
    credentials = {"CREDENTIALS_DIRECTORY": str(tmp_path)}
    assert read_secret(credential="passphrase", environ=credentials) == b" open sesame \n"
    for call, code in (
        (lambda: read_secret(credential="passphrase", environ={}), "passphrase_missing"),
        (lambda: read_secret(credential="x", environ=credentials), "passphrase_missing"),
        (lambda: read_secret(file=tmp_path / "x", environ={}), "passphrase_missing"),
        (lambda: read_secret(file=tmp_path / "x", environ={}, called="pin"), "pin_missing"),
    ):
        assert outcome(call).code == code
    write_private(file, b"\n")
    assert outcome(lambda: read_secret(file=file, environ={})).code == "passphrase_empty"


def test_secret_that_others_may_read_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is none any more; systemd guards its credentials itself."""
    file = tmp_path / "passphrase"
    write_private(file, b"open sesame\n")
    file.chmod(0o644)
    assert outcome(lambda: read_secret(file=file, environ={})).code == "passphrase_permissions"
    credentials = {"CREDENTIALS_DIRECTORY": str(tmp_path)}
    assert read_secret(credential="passphrase", environ=credentials) == b"open sesame"
    file.chmod(0o600)
    disown(file, monkeypatch)
    fault = outcome(lambda: read_secret(file=file, environ={}, called="pin"))
    assert fault.code == "pin_permissions"


@pytest.mark.parametrize("call", ["open", "write", "fsync", "replace"])
def test_keystore_on_a_broken_disk_stays_as_it_was(
    path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    """Whichever step fails, it is named, and the next change finds everything as before."""
    store = unlock(path, b"open sesame", entropy=os.urandom)
    before = path.read_bytes()
    genuine: Callable[..., object] = getattr(os, call)

    def full(*arguments: object, **named: object) -> object:
        if call != "open" or os.O_CREAT & int(str(arguments[1])):
            raise OSError(errno.ENOSPC, "No space left on device")
        return genuine(*arguments, **named)

    with monkeypatch.context() as disk:
        disk.setattr(os, call, full)
        fault = outcome(lambda: store.change(lambda _: b"never"))
    assert isinstance(fault, UnavailableError)
    assert fault.code == "keyfile_unwritable"
    assert "No space left" in fault.detail
    assert (store.body, path.read_bytes()) == (b"keys", before)
    assert store.change(lambda body: body + b", grown") == b"keys, grown"
    assert [item.name for item in path.parent.iterdir()] == ["keystore"]


@pytest.mark.parametrize("what", ["keystore", "slots", "root"])
def test_kill_at_any_byte_leaves_the_old_file_or_the_new(tmp_path: Path, what: str) -> None:
    """A child is killed before every system call and after every byte that is written.

    After each death the file is whole and opens, whatever lies beside it is private, and the next
    writer clears it away.
    """
    command = [sys.executable, "-m", "tests.keys.killing", what, str(tmp_path)]
    ran = subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=Path(__file__).parents[2]
    )
    assert ran.returncode == 0, ran.stderr
    deaths = json.loads(ran.stdout)
    assert deaths["points"] > 200
    assert deaths[OLD] > 200
    assert deaths[NEW] >= 3, "after the rename, before and after the folder is synced"


def test_power_cut_at_any_step_leaves_the_old_file_or_the_new(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a disk that keeps what was synced and nothing else; what was returned is durable."""
    old, new = path.read_bytes(), b"new content" * 400
    disk = _Disk({path.name: old})
    for step in STEPS:
        monkeypatch.setattr(os, step, disk.watched(step))
    seen: list[set[bytes | None]] = []
    disk.after_each = lambda: seen.append(disk.possible(path.name))
    write_private(path, new)
    assert all(possible <= {old, new} for possible in seen)
    assert {old} in seen
    assert {old, new} in seen
    assert seen[-1] == {new}


class _Disk:
    """What a power cut would leave: synced content, under names that may or may not be synced."""

    def __init__(self, names: dict[str, bytes]) -> None:
        self.names: list[dict[str, bytes | None]] = [dict(names)]
        """The names as last synced, and as each step since has left them."""
        self.written: dict[int, bytes] = {}
        self.paths: dict[int, str] = {}
        self.after_each: Callable[[], None] = lambda: None

    def possible(self, name: str) -> set[bytes | None]:
        """Return what may be found under a name."""
        return {names.get(name) for names in self.names}

    def watched(self, step: str) -> Callable[..., object]:
        """Return a system call that is carried out and noted."""
        genuine = getattr(os, step)

        def call(*arguments: object, **named: object) -> object:
            result = genuine(*arguments, **named)
            getattr(self, step)(result, *arguments)
            self.after_each()
            return result

        return call

    def open(self, descriptor: int, path: object, *_: object) -> None:
        """Note a name: a file that is made has no durable content yet."""
        self.paths[descriptor] = Path(str(path)).name
        if Path(str(path)).is_file():
            self.written[descriptor] = b""
            self.names.append({**self.names[-1], self.paths[descriptor]: b""})

    def write(self, count: int, descriptor: int, content: bytes) -> None:
        """Note what is written; it is not durable."""
        self.written[descriptor] += bytes(content[:count])

    def fsync(self, _: object, descriptor: int) -> None:
        """Make a file's content durable, or a folder's names."""
        if descriptor not in self.written:
            self.names = [self.names[-1]]
            return
        name = self.paths[descriptor]
        self.names.append({**self.names[-1], name: self.written[descriptor]})

    def replace(self, _: object, source: object, target: object) -> None:
        """Note a name that moved: it may be durable by now, or not."""
        names = dict(self.names[-1])
        names[Path(str(target)).name] = names.pop(Path(str(source)).name)
        self.names.append(names)

    def unlink(self, *_: object) -> None:
        """Nothing is removed in these tests that was durable."""

    def close(self, _: object, descriptor: int) -> None:
        """Forget a descriptor, whose number may come again: a closed file is no synced one."""
        self.written.pop(descriptor, None)
