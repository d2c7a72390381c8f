"""Nothing that holds a secret shows it: printed, or in a traceback with its locals."""

import base64
import io
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

import msgspec
import pytest
import rich.console
import rich.pretty
import rich.traceback
import structlog

from gateway import logs
from gateway.cli.ceremonies.founding import Founding
from keys import keyfile, rootfile
from keys.keyring import KeyRecord, Keyring, new_record
from keys.pkcs11 import Pkcs11Token
from keys.postquantum import PostQuantumSigningKey
from keys.rootfile import RootKey
from keys.sealing import SealKey, Session
from keys.signing import SigningKey
from keys.slot import Cost, close_slot
from keys.storage import StorageKey
from keys.suite import KeyUse
from keys.tlog.cosignature import CosigningKey
from keys.tlog.note import ClassicalSigner, PostQuantumSigner
from keys.token import TokenKey

SECRET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdef"
"""32 bytes that are a seed, a file key, a passphrase and a PIN, and text as well."""


def records() -> list[KeyRecord]:
    """Return a key of each use with the secret for its seed."""
    fresh = [
        new_record(use, start=0, end=9, entropy=bytes, common_name="x")
        for use in KeyUse
        if use is not KeyUse.ROOT
    ]
    return [msgspec.structs.replace(record, seed=SECRET) for record in fresh]


def holders(folder: Path) -> list[object]:
    """Return one of everything that has the secret in it."""
    cost = Cost(memory_kib=8, passes=1)
    signing = SigningKey(KeyUse.SIGN, SECRET)
    post_quantum = PostQuantumSigningKey(SECRET)
    token = Pkcs11Token(Path("/m.so"), "label", SECRET)
    unlocked = keyfile.create(
        folder / "keystore", Keyring(records()).encode(), SECRET, cost=cost,
        entropy=lambda n: (SECRET * 2)[:n],
    )  # fmt: skip
    return [
        signing, post_quantum, SealKey(SECRET), StorageKey(SECRET), token, unlocked,
        Session(SealKey(SECRET).public_key, b"", lambda n: (SECRET * 2)[:n]),
        CosigningKey.from_seed("x", SECRET), ClassicalSigner("x", signing),
        PostQuantumSigner("x", post_quantum), TokenKey(KeyUse.SIGN, bytes(32), token, b"id"),
        RootKey(name="x", classical=signing, post_quantum=post_quantum),
        rootfile._Body(1, "x", SECRET, SECRET), Keyring(records()), *records(),
        close_slot(SECRET, SECRET, cost=cost, entropy=bytes),
        Founding(folder=folder, passphrase=SECRET, cost=cost, now=0),
    ]  # fmt: skip


def shows(text: str) -> bool:
    """Tell whether a text holds the secret in any form that people or programs write."""
    forms = (
        SECRET.decode(), SECRET.hex(), SECRET.hex(" "), base64.b64encode(SECRET).decode(),
        base64.b85encode(SECRET).decode(), repr(list(SECRET)), "65, 66, 67", SECRET[:8].decode(),
    )  # fmt: skip
    joined = text.replace("\n", "").replace("│", "")
    return any(form in text or form in joined for form in forms)


def test_secret_would_be_found() -> None:
    """What these tests look for is what would be printed."""
    for shown in (repr(SECRET), str(list(SECRET)), SECRET.hex(), rich.pretty.pretty_repr([SECRET])):
        assert shows(shown)


def test_no_holder_of_a_secret_shows_it(tmp_path: Path) -> None:
    """Nor in a list, formatted, or taken apart by rich, which looks into what it knows."""
    everything = holders(tmp_path)
    for item in [*everything, everything]:
        for shown in (
            repr(item), str(item), f"{item}", ascii(item), rich.pretty.pretty_repr(item),
            rich.pretty.pretty_repr(item, max_width=20, expand_all=True),
        ):  # fmt: skip
            assert not shows(shown), type(item)


def failing(everything: list[object]) -> None:
    """Fail with everything among the locals."""
    (one, *others) = everything
    for held in [one, *others]:
        everything = [held, *others]
    raise ValueError("failed")


def caught(act: Callable[[], None]) -> tuple[type[BaseException], BaseException, TracebackType]:
    """Return how an act fails."""
    try:
        act()
    except ValueError:
        kind, fault, trace = sys.exc_info()
        assert kind is not None
        assert fault is not None
        assert trace is not None
        return kind, fault, trace
    raise AssertionError("it did not fail")


def test_no_traceback_shows_a_secret(tmp_path: Path) -> None:
    """With the locals of each frame, as Python and rich print them."""
    everything = holders(tmp_path)
    fault = caught(lambda: failing(everything))
    plain = traceback.TracebackException(*fault, capture_locals=True)
    assert "SealKey" in "".join(plain.format())
    assert not shows("".join(plain.format()))
    pretty = io.StringIO()
    console = rich.console.Console(file=pretty, width=100)
    console.print(rich.traceback.Traceback.from_exception(*fault, show_locals=True))
    assert "SealKey" in pretty.getvalue()
    assert not shows(pretty.getvalue())


@pytest.mark.parametrize("form", ["json", "text"])
def test_log_shows_no_locals_at_all(form: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The bytes themselves are among the locals of whoever unlocks a key: none may be printed."""

    def unlock(passphrase: bytes) -> None:
        seed = list(passphrase)
        raise ValueError(len(seed))

    logs.configure("info", form)
    try:
        unlock(SECRET)
    except ValueError:
        logs.logger().exception("key.broke")
    finally:
        structlog.reset_defaults()  # this test's standard error is nobody else's
    shown = capsys.readouterr().err
    assert "unlock" in shown
    assert not shows(shown)
