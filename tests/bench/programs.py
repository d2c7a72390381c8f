"""The peers that are command-line programs: every step of a message is a process of its own."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

from tests.bench.report import Absent, Result, figure, size
from tests.bench.timing import Effort, time_in_turn

STEP_TIMEOUT_S = 10.0
SETUP_TIMEOUT_S = 30.0


class ProgramError(Exception):
    """A program that did not do what it should; says so in one sentence."""


def openssl_cms(effort: Effort, sizes: tuple[int, ...]) -> list[Result]:
    """Measure ``openssl cms``: RSA-2048, SHA-256, AES-256-CBC; one process signs, one encrypts."""
    return _measured("openssl", "openssl cms", _openssl_rates, effort, sizes)


def gnupg(effort: Effort, sizes: tuple[int, ...]) -> list[Result]:
    """Measure GnuPG: Ed25519 and Curve25519 keys; one process signs and encrypts."""
    return _measured("gpg", "GnuPG", _gnupg_rates, effort, sizes)


_Rates = Callable[[str, Path, Effort, tuple[int, ...]], list[Result]]


def _measured(
    program: str, name: str, rates: _Rates, effort: Effort, sizes: tuple[int, ...]
) -> list[Result]:
    """Return the figures of a program, or why there are none."""
    if shutil.which(program) is None:
        return [Absent(name=name, reason="not present")]
    try:
        # Its agent may still remove its sockets while the folder goes.
        with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as place:
            return rates(name, Path(place), effort, sizes)
    except ProgramError as fault:
        return [Absent(name=name, reason=str(fault))]


def _openssl_rates(name: str, place: Path, effort: Effort, sizes: tuple[int, ...]) -> list[Result]:
    version = _run(["openssl", "version"]).decode().split()[1]
    for who in ("sender", "receiver"):
        _run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-sha256", "-days", "2",
             "-subj", f"/CN={who}", "-keyout", f"{place}/{who}.key", "-out", f"{place}/{who}.pem"],
            timeout_s=SETUP_TIMEOUT_S,
        )  # fmt: skip
    sign = [
        "openssl", "cms", "-sign", "-binary", "-nodetach", "-outform", "DER", "-md", "sha256",
        "-signer", f"{place}/sender.pem", "-inkey", f"{place}/sender.key",
    ]  # fmt: skip
    encrypt = [
        "openssl", "cms", "-encrypt", "-binary", "-outform", "DER", "-aes-256-cbc",
        f"{place}/receiver.pem",
    ]  # fmt: skip
    decrypt = [
        "openssl", "cms", "-decrypt", "-binary", "-inform", "DER",
        "-recip", f"{place}/receiver.pem", "-inkey", f"{place}/receiver.key",
    ]  # fmt: skip
    verify = [
        "openssl", "cms", "-verify", "-binary", "-inform", "DER", "-purpose", "any",
        "-CAfile", f"{place}/sender.pem",
    ]  # fmt: skip

    def protect(content: bytes) -> bytes:
        return _run(encrypt, _run(sign, content))

    def recover(protected: bytes) -> bytes:
        return _run(verify, _run(decrypt, protected))

    return _both_ways(f"{name} {version}", protect, recover, effort, sizes)


def _gnupg_rates(name: str, place: Path, effort: Effort, sizes: tuple[int, ...]) -> list[Result]:
    with _gnupg_home(place) as gpg:
        version = gpg(["--version"]).decode().split("\n", 1)[0].split()[-1]
        prints = {who: _new_gnupg_key(gpg, who) for who in ("sender", "receiver")}
        protect = partial(
            gpg,
            ["--sign", "--encrypt", "--local-user", prints["sender"], "--compress-algo", "none",
             "--recipient", prints["receiver"]],
        )  # fmt: skip
        recover = partial(gpg, ["--decrypt"])
        told = gpg(["--status-fd", "1", "--decrypt"], protect(b"signed?"))
        if b"] VALIDSIG " + prints["sender"].encode() not in told:
            raise ProgramError("it did not verify the signature")
        return _both_ways(f"{name} {version}", protect, recover, effort, sizes)


@contextmanager
def _gnupg_home(place: Path) -> Iterator[Callable[..., bytes]]:
    """Yield gpg with a home of its own, whose agent ends with the block."""
    environ = {**os.environ, "GNUPGHOME": str(place)}
    always = ["gpg", "--batch", "--no-tty", "--quiet", "--yes", "--trust-model", "always",
              "--pinentry-mode", "loopback", "--passphrase", ""]  # fmt: skip

    def gpg(arguments: list[str], given: bytes = b"", timeout_s: float = STEP_TIMEOUT_S) -> bytes:
        return _run([*always, *arguments], given, environ=environ, timeout_s=timeout_s)

    try:
        yield gpg
    finally:
        with suppress(ProgramError):  # an agent whose home is gone ends by itself
            _run(["gpgconf", "--kill", "all"], environ=environ)


def _new_gnupg_key(gpg: Callable[..., bytes], who: str) -> str:
    """Make a signing key with an encryption subkey; return its fingerprint."""
    make = ["--quick-generate-key", f"{who}@bench.example", "ed25519", "sign", "1d"]
    gpg(make, timeout_s=SETUP_TIMEOUT_S)
    listed = gpg(["--with-colons", "--list-keys", f"{who}@bench.example"]).decode().split("\n")
    fingerprint = next((line.split(":")[9] for line in listed if line.startswith("fpr:")), "")
    if not fingerprint:
        raise ProgramError("gpg made no key")
    gpg(["--quick-add-key", fingerprint, "cv25519", "encr", "1d"], timeout_s=SETUP_TIMEOUT_S)
    return fingerprint


def _both_ways(
    name: str,
    protect: Callable[[bytes], bytes],
    recover: Callable[[bytes], bytes],
    effort: Effort,
    sizes: tuple[int, ...],
) -> list[Result]:
    """Time both directions at each size, after a check that one undoes the other."""
    results: list[Result] = []
    for count in sizes:
        content = os.urandom(count)
        protected = protect(content)
        if recover(protected) != content:
            raise ProgramError("what it opened is not what it sealed")
        timings = time_in_turn([partial(protect, content), partial(recover, protected)], effort)
        results += [
            figure(f"{name}: {what}, {size(count)}", "/s", timing.rates())
            for what, timing in zip(("sign, encrypt", "decrypt, verify"), timings, strict=True)
        ]
    return results


def _run(
    command: list[str],
    given: bytes = b"",
    *,
    environ: Mapping[str, str] | None = None,
    timeout_s: float = STEP_TIMEOUT_S,
) -> bytes:
    """Run a program and return its output. Raises ProgramError."""
    try:
        ran = subprocess.run(
            command, input=given, capture_output=True, check=False, timeout=timeout_s, env=environ
        )
    except (OSError, subprocess.TimeoutExpired) as fault:
        raise ProgramError(f"{command[0]} did not run: {type(fault).__name__}") from fault
    if ran.returncode != 0:
        last = ran.stderr.decode(errors="replace").strip().rpartition("\n")[2]
        raise ProgramError(f"{command[0]} failed: {last or ran.returncode}")
    return ran.stdout
