"""Tokens for tests: one made of Python, and SoftHSM's where that is installed."""

import contextlib
import itertools
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import pkcs11
import pytest
from pkcs11 import Attribute, TokenFlag

from keys.pkcs11 import Pkcs11Token
from keys.signing import SigningKey
from keys.suite import KeyUse

PIN = b"5678-pin-of-a-token"
SO_PIN = b"1234-pin-of-an-officer"
KINDS = ("python", "softhsm")


class Slot(Protocol):
    """A token that a test can pull out and put back."""

    token: Pkcs11Token

    def pull(self) -> None:
        """Take it away, with all its keys."""

    def push(self) -> None:
        """Put it back."""


class FakeKey(pkcs11.SignMixin):
    """A private key that a fake token shows to a session."""

    def __init__(self, session: "FakeSession", seed: bytes) -> None:
        self._session = session
        self._key = SigningKey(KeyUse.SIGN, seed)

    def sign(self, data: Any, **_: Any) -> bytes:
        """Sign, as long as the session lives."""
        self._session.check()
        return self._key._sign_bytes(data)


@dataclass
class FakeSession:
    """A session, which dies with its token."""

    of: "FakeToken"
    dead: bool = False

    def check(self) -> None:
        """Raise what a module says of a dead session."""
        if self.dead:
            raise pkcs11.SessionHandleInvalid
        if self.of.fault is not None:
            raise self.of.fault

    def create_domain_parameters(self, *_: Any, **__: Any) -> "FakeSession":
        """Stand in for the parameters too."""
        return self

    def generate_keypair(self, **asked: Any) -> tuple[dict[Attribute, bytes], None]:
        """Draw a key."""
        self.check()
        seed = os.urandom(32)
        self.of.keys[asked["id"]] = seed
        point = self.of.point or SigningKey(KeyUse.SIGN, seed).public_key
        return {Attribute.EC_POINT: b"\x04\x20" + point}, None

    def get_key(self, **asked: Any) -> object:
        """Find a key by its id."""
        self.check()
        if asked["id"] not in self.of.keys:
            raise pkcs11.NoSuchKey
        seed = self.of.keys[asked["id"]]
        return FakeKey(self, seed) if seed else object()

    def close(self) -> None:
        """Close it; a dead one is not there to be closed."""
        self.of.logged_in = False
        if self.dead:
            raise pkcs11.SessionHandleInvalid


@dataclass
class FakeToken:
    """A token made of Python."""

    pin: str = PIN.decode()
    flags: TokenFlag = TokenFlag.RNG
    keys: dict[bytes, bytes] = field(default_factory=dict)
    sessions: list[FakeSession] = field(default_factory=list)
    logged_in: bool = False
    logins: int = 0
    fault: Exception | None = None
    """What it answers instead of working."""
    point: bytes = b""
    """What it says that a key's public half is."""

    def open(self, *, rw: bool, user_pin: str | None = None) -> FakeSession:
        """Open a session; the first one logs in."""
        assert rw
        if user_pin is not None:
            if self.logged_in:
                raise pkcs11.UserAlreadyLoggedIn
            self.logins += 1
            if user_pin != self.pin:
                raise pkcs11.PinIncorrect
        self.logged_in = True
        self.sessions.append(FakeSession(self))
        return self.sessions[-1]


@dataclass
class FakeModule:
    """A shared library made of Python: what it sees is refreshed when it begins anew."""

    there: dict[str, FakeToken] = field(default_factory=dict)
    seen: dict[str, FakeToken] = field(default_factory=dict)
    begun: int = 0

    def get_token(self, *, token_label: str) -> FakeToken:
        """Find a token as it was seen last."""
        if token_label not in self.seen:
            raise pkcs11.NoSuchToken
        if token_label not in self.there:
            raise pkcs11.GeneralError
        return self.seen[token_label]

    def reinitialize(self) -> None:
        """Look anew."""
        self.begun += 1
        self.seen = dict(self.there)


class FakeSlot:
    """A slot of a fake module, with one token in it."""

    def __init__(self, module: FakeModule, label: str) -> None:
        self.module, self.label, self.inside = module, label, FakeToken()
        self.token = Pkcs11Token(Path("/fake/module.so"), label, PIN)
        self.push()
        module.seen = dict(module.there)

    def pull(self) -> None:
        """Take it away: whatever session it had is dead."""
        del self.module.there[self.label]
        self.inside.logged_in = False
        for session in self.inside.sessions:
            session.dead = True

    def push(self) -> None:
        """Put it back."""
        self.module.there[self.label] = self.inside


class SoftSlot:
    """A token of SoftHSM, which is a folder."""

    def __init__(self, module: Path, label: str, place: Path) -> None:
        self.module = module
        self.token = Pkcs11Token(module, label, PIN)
        self._place = place
        self._away = place.parents[1] / place.name

    def pull(self) -> None:
        """Take it away."""
        self._place.rename(self._away)

    def push(self) -> None:
        """Put it back."""
        self._away.rename(self._place)


class SoftHsm:
    """SoftHSM with tokens of its own; the module finds them by an environment variable."""

    def __init__(self, place: Path) -> None:
        self.module = _module()
        self.environ = {"SOFTHSM2_CONF": str(place / "softhsm2.conf")}
        self._tokens = place / "tokens"
        self._tokens.mkdir()
        (place / "softhsm2.conf").write_text(
            f"directories.tokendir = {self._tokens}\nlog.level = ERROR\n"
        )
        self._numbers = itertools.count(1)

    def slot(self) -> SoftSlot:
        """Make a token."""
        label = f"liaison-{next(self._numbers)}"
        before = set(self._tokens.iterdir())
        subprocess.run(
            ["softhsm2-util", "--init-token", "--free", "--label", label,
             "--so-pin", SO_PIN.decode(), "--pin", PIN.decode()],
            check=True, capture_output=True, env={**os.environ, **self.environ},
        )  # fmt: skip
        (made,) = set(self._tokens.iterdir()) - before
        return SoftSlot(self.module, label, made)


def missing() -> str:
    """Return why there is no SoftHSM; empty where there is one."""
    if shutil.which("softhsm2-util") is None or not _modules():
        return "SoftHSM is not installed (Debian: softhsm2)"
    return ""


@contextlib.contextmanager
def softhsm(place: Path) -> Iterator[SoftHsm]:
    """Yield a SoftHSM for this process."""
    made = SoftHsm(place)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in made.environ.items():
            patch.setenv(name, value)
        yield made


def _modules() -> list[Path]:
    return [*Path("/usr/lib").glob("**/softhsm/libsofthsm2.so")]


def _module() -> Path:
    return _modules()[0]
