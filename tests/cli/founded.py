"""A federation of folders without daemons: two of three registrars, and a member."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from gateway.cli.ceremonies.founding import Founding, found_federation, found_member, with_anchor
from gateway.cli.ceremonies.mirror import held_in
from gateway.cli.ceremonies.rootkeys import RootPlan
from gateway.settings import NodeSettings, Settings
from gateway.store import registry
from gateway.store.database import Database
from keys import rootfile
from keys.keyfile import unlock
from keys.keyring import Keyring
from keys.registry.draft import log_signer, parse_fingerprint, root_signers
from keys.registry.statement import REGISTRY, MemberRole
from keys.registry.view import advance
from keys.slot import Cost
from keys.suite import KeyUse, MemberId
from keys.tlog.checkpoint import Checkpoint, sign_checkpoint
from keys.tlog.note import add_signatures
from tests.world import FEDERATION, NOW

CHEAP = Cost(memory_kib=8, passes=1)
PASSPHRASE = b"open sesame"


@dataclass
class Founded:
    """The registrar's folder, and a member's; nothing runs."""

    place: Path

    @property
    def registrar(self) -> Path:
        """The registrar's folder."""
        return self.place / REGISTRY

    @property
    def member(self) -> Path:
        """XA's folder."""
        return self.place / "XA"

    @property
    def secret(self) -> Path:
        """The passphrase of everything."""
        return self.place / "passphrase"

    def key(self, member: str, generation: int, number: int) -> Path:
        """Return a root key's file."""
        return self.place / member / "offline" / f"{member}.root-{generation}-{number}.key"

    def public(self, member: str, generation: int) -> Path:
        """Return a root set's public file."""
        return self.place / member / "offline" / f"{member}.root-{generation}.pub"

    def roots(self, member: str, *numbers: int) -> Iterator[str]:
        """Return how roots of a member sign on the command line."""
        for number in numbers:
            yield from ("--root-key", str(self.key(member, 1, number)))
        yield from ("--passphrase-file", str(self.secret))

    def publish(self, note: bytes) -> None:
        """Let the registrar's mirror grow by a statement, as its daemon would."""
        held = held_in(self.registrar)
        self._grow(self.registrar, len(held.notes), [note])

    def publish_to_member(self) -> None:
        """Let XA's mirror follow the registrar's, as its daemon would."""
        self._grow(self.member, 0, held_in(self.registrar).notes)

    def _grow(self, folder: Path, first: int, notes: Sequence[bytes]) -> None:
        held = held_in(self.registrar)
        grown = advance(held.view, notes) if first else held.view
        body = unlock(self.registrar / "keystore", PASSPHRASE, entropy=os.urandom).body
        (log,) = Keyring.parse(body).records(KeyUse.LOG)
        shown = Checkpoint(grown.origin, grown.head.size, grown.head.root)
        head = sign_checkpoint(shown, log_signer(shown.origin, log))
        database = Database.open(f"sqlite:///{folder / 'liaison.db'}")
        try:
            database.write_now(lambda tx: registry.grow(tx, first, notes, head, NOW))
        finally:
            database.close()


def founded(place: Path) -> Founded:
    """Found a federation of which XA, two roots of two, is a member."""
    made = Founded(place)
    made.secret.touch(mode=0o600)
    made.secret.write_bytes(PASSPHRASE + b"\n")
    anchor = found_federation(
        _founding(made.registrar), FEDERATION, names=[("en", "Secretariat")],
        endpoint="https://registry.example", registrars=3, threshold=2,
        settings=_settings(made.registrar, REGISTRY),
    )  # fmt: skip
    join = found_member(
        _founding(made.member), FEDERATION, MemberId("XA"), anchor=parse_fingerprint(anchor),
        names=[("en", "Customs of XA")], role=MemberRole.ADMINISTRATION,
        endpoint="https://xa.example",
        settings=with_anchor(_settings(made.member, "XA"), anchor, "https://registry.example"),
        roots=RootPlan(count=2, threshold=2),
    )  # fmt: skip
    files = [made.key(REGISTRY, 1, number) for number in (1, 2)]
    keys = [rootfile.read(file, PASSPHRASE, entropy=os.urandom) for file in files]
    signers = [signer for key in keys for signer in root_signers(key)]
    made.publish(add_signatures(join.read_bytes(), signers))
    return made


def _founding(folder: Path) -> Founding:
    return Founding(folder=folder, passphrase=PASSPHRASE, cost=CHEAP, now=NOW)


def _settings(folder: Path, member: str) -> Settings:
    return Settings(node=NodeSettings(member=member, data_dir=str(folder)))
