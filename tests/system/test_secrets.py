"""Real daemons whose keys change and whose keystore fails: no secret is seen from outside."""

import base64
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.cli.demo.story import request
from keys.keyfile import unlock
from keys.keyring import Keyring
from keys.private import write_private
from keys.suite import KeyUse
from tests.system.nodes import Nodes, done, liaison, nodes
from tests.tokens import PIN, SO_PIN, SoftHsm

pytestmark = [pytest.mark.system, pytest.mark.timeout(240)]

PASSPHRASES = {"passphrase": b"open sesame", "second": b"a second word", "wrong": b"no such word"}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nodes]:
    """Yield two members and their registrar."""
    with nodes(tmp_path_factory.mktemp("secrets"), "XA", "XB") as made:
        for name, passphrase in PASSPHRASES.items():
            write_private(made.place / name, passphrase + b"\n")
        yield made


def seeds(folder: Path, passphrase: bytes) -> set[bytes]:
    """Return every seed in a keystore."""
    body = unlock(folder / "keystore", passphrase, entropy=os.urandom).body
    ring = Keyring.parse(body)
    return {record.seed for use in KeyUse for record in ring.records(use) if record.seed}


def forms(secret: bytes) -> set[bytes]:
    """Return a secret as programs and people write it."""
    return {
        secret, secret.hex().encode(), secret.hex().upper().encode(), base64.b64encode(secret),
        base64.urlsafe_b64encode(secret), repr(secret).encode(),
    }  # fmt: skip


def surfaces(made: Nodes, member: str) -> dict[str, bytes]:
    """Return all that can be seen of a node: its folder, its log, its entries of the system."""
    shown = {f"{made.place}/{member}.log": (made.place / f"{member}.log").read_bytes()}
    for file in made.folder(member).rglob("*"):
        if file.is_file():
            shown[str(file)] = file.read_bytes()
    if member in made.running:
        of = Path(f"/proc/{made.running[member].pid}")
        shown |= {str(of / name): (of / name).read_bytes() for name in ("cmdline", "environ")}
    return shown


def fails(code: str, *command: str, **environ: str) -> bytes:
    """Let a command fail with a code; return all that it printed."""
    ran = liaison(*command, **environ)
    assert ran.code != 0
    assert f"[{code}]" in ran.err, ran.err
    return (ran.out + ran.err).encode()


def changed(folder: Path, second: Path) -> Iterator[bytes]:
    """Change keys and slots of a running node; yield what the commands print."""
    new = ("--new-passphrase-file", str(second), "--weak-keystore")
    for command in (
        ("key", "rotate", "sign"), ("key", "rotate", "tls"), ("key", "rotate", "seal"),
        ("keystore", "add", "--label", "deputy", *new), ("keystore", "list"), ("key", "list"),
        ("key", "rotate", "seal"),
    ):  # fmt: skip
        yield done(*command, "--dir", str(folder)).out.encode()


def mishaps(folder: Path, copy: Path, words: Path) -> Iterator[bytes]:
    """Let everything go wrong with a keystore, and with a copy; yield what the commands print."""
    blocked = folder / ".keystore.new"
    blocked.mkdir()  # what is written first cannot be written
    yield fails("keyfile_unwritable", "key", "rotate", "seal", "--dir", str(folder))
    blocked.rmdir()
    shutil.copytree(folder, copy, ignore=shutil.ignore_patterns("*.sock"))
    whole = (copy / "keystore").read_bytes()
    for content, word, code in (
        (whole, "wrong", "passphrase_wrong"),
        (whole[:-100], "passphrase", "keyfile_malformed"),
    ):
        (copy / "keystore").write_bytes(content)
        environ = {
            "LIAISON_NODE__DATA_DIR": str(copy),
            "LIAISON_KEYS__PASSPHRASE_FILE": str(words / word),
        }
        yield fails(code, "serve", "--dir", str(copy), **environ)
        change = ("keystore", "change", "--new-passphrase-file", str(words / "second"))
        yield fails(code, *change, "--dir", str(copy), **environ)


def test_no_secret_is_seen_from_outside(home: Nodes, tmp_path: Path) -> None:
    """Keys are rotated, slots changed, and everything about the keystore goes wrong once."""
    folder, second = home.folder("XA"), home.place / "second"
    secrets = seeds(folder, b"open sesame")
    printed = list(changed(folder, second))
    secrets |= seeds(folder, b"a second word")
    printed += mishaps(folder, tmp_path / "XA", home.place)
    done("keystore", "rekey", "--passphrase-file", str(second), "--dir", str(folder))
    report = home.call("XA", "GET", "/health/ready")
    assert not report["ready"]
    assert "start this anew" in str(report)
    printed.append(fails("keyfile_rekeyed", "key", "rotate", "seal", "--dir", str(folder)))
    seen = surfaces(home, "XA") | {f"output {at}": text for at, text in enumerate(printed)}
    limits = Path(f"/proc/{home.running['XA'].pid}/limits").read_text()
    assert re.search(r"Max core file size +0 +0 ", limits)
    wanted = {form for secret in secrets | set(PASSPHRASES.values()) for form in forms(secret)}
    assert len(secrets) > 70, "three times 35 epochs, and the others"
    for place, content in seen.items():
        for form in wanted:
            assert form not in content, place
    assert home.stop("XA") == 0
    home.start("XA", LIAISON_KEYS__PASSPHRASE_FILE=str(second))
    home.until(lambda: home.call("XA", "GET", "/health/ready")["ready"])
    done("key", "rotate", "seal", "--dir", str(folder))


def test_daemon_signs_with_a_token_and_shows_no_pin(home: Nodes, softhsm: SoftHsm) -> None:
    """Rotated into it, restarted, pulled out and put back, with a message after each."""
    slot = softhsm.slot()
    pin = home.place / "pin"
    settings = {
        "LIAISON_KEYS__PKCS11_MODULE": str(softhsm.module),
        "LIAISON_KEYS__PKCS11_TOKEN": slot.token.label,
        "LIAISON_KEYS__PKCS11_PIN_FILE": str(pin),
        **softhsm.environ,
    }
    folder = str(home.folder("XB"))
    assert home.stop("XB") == 0
    for content, code in ((None, "pin_missing"), (SO_PIN, "pin_wrong")):
        if content is not None:
            write_private(pin, content + b"\n")
        assert SO_PIN not in fails(code, "serve", "--dir", folder, **settings)
    write_private(pin, PIN + b"\n")
    slot.pull()
    fails("token_missing", "serve", "--dir", folder, **settings)
    slot.push()
    home.start("XB", **settings)
    rotated = done("key", "rotate", "sign", "--dir", folder, "--json").json
    assert rotated["keys"][0]["token"] == slot.token.label
    home.delivered("XB", [send(home)])
    assert home.stop("XB") == 0
    home.start("XB")
    home.delivered("XB", [send(home)])
    slot.pull()
    home.until(lambda: not home.call("XB", "GET", "/health/ready")["ready"])
    slot.push()
    home.until(lambda: home.call("XB", "GET", "/health/ready")["ready"])
    home.delivered("XB", [send(home)])
    assert slot.token.label in done("key", "list", "--dir", folder).out
    for place, content in surfaces(home, "XB").items():
        for form in forms(PIN):
            assert form not in content, place


def send(made: Nodes) -> str:
    """Send a message from XB to XA."""
    return str(made.call("XB", "POST", "/v1/messages", request([]) | {"to": ["XA"]})["id"])
