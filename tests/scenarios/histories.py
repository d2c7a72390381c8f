"""Registries as nodes may show them: true, stale, forked or bent."""

import asyncio
import os
from collections.abc import Sequence
from dataclasses import dataclass

from keys.registry.draft import parse_fingerprint, root_signers
from keys.registry.statement import REGISTRY
from keys.rootfile import read
from keys.tlog.checkpoint import Checkpoint, sign_checkpoint
from keys.tlog.merkle import leaf_hash, root_of
from keys.tlog.note import NoteSigner, sign_note
from tests.scenarios.federation import FEDERATION, Federation
from tests.world import join_of, party

ORIGIN = f"{FEDERATION}/registry"


@dataclass
class History:
    """What somebody shows of the registry: statements, and a head over them that may lie."""

    notes: Sequence[bytes]
    head: bytes
    reads: int = 0

    async def registry_checkpoint(self) -> bytes:
        """Show the head."""
        return self.head

    async def registry_entries(self, start: int, end: int) -> Sequence[bytes]:
        """Show statements, at most 256."""
        self.reads += 1
        return self.notes[start : min(end, start + 256)]


class Asleep:
    """A source that takes the call and never answers."""

    async def registry_checkpoint(self) -> bytes:
        """Take for ever."""
        await asyncio.Event().wait()
        raise AssertionError

    async def registry_entries(self, start: int, end: int) -> Sequence[bytes]:
        """Take for ever."""
        await asyncio.Event().wait()
        raise AssertionError


def log_signer(fed: Federation) -> NoteSigner:
    """Return the registrars' log key, as the registrars hold it, or its thief."""
    node = fed.nodes[REGISTRY]
    return node.keys.log_signer(
        node.mirror.view.origin, node.mirror.view, fed.clocks[REGISTRY].now()
    )


def head_over(notes: Sequence[bytes], signer: NoteSigner, size: int | None = None) -> bytes:
    """Return a signed head over statements; it may claim another size than they have."""
    root = root_of([leaf_hash(note) for note in notes])
    claimed = len(notes) if size is None else size
    return sign_checkpoint(Checkpoint(ORIGIN, claimed, root), signer)


def signed(fed: Federation, notes: Sequence[bytes]) -> History:
    """Return these statements under a head that the registrars' log key signs."""
    return History(notes, head_over(notes, log_signer(fed)))


async def statements(fed: Federation) -> list[bytes]:
    """Return the registry as the registrar holds it."""
    mirror = fed.nodes[REGISTRY].mirror
    return list(await mirror.entries(0, mirror.size))


def admission(fed: Federation, name: str) -> bytes:
    """Return a complete admission of a new member, signed by the registrars; not published."""
    now = fed.clocks[REGISTRY].now()
    member = party(name, at=now)
    file = fed.place / REGISTRY / "offline" / "REGISTRY.root-1-1.key"
    registrar = root_signers(read(file, b"pass", entropy=os.urandom))
    asked = join_of(member, parse_fingerprint(fed.anchor), at=now)
    return sign_note(asked.text(), [*registrar, *member.signers])
