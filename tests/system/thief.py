"""Who copied a member's folder: its keystore, its roots, its mirror. What he tries with them.

His view of the registry stands still at the moment of the theft, or his software would know that
the keys are good for nothing. Each attempt returns the code by which it was refused, or "" for one
that got through.
"""

import asyncio
import os
import shutil
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from gateway.cases.content import encode_content
from gateway.cases.kinds import kind_named
from gateway.cli.demo.story import request
from gateway.cli.terminal.options import settings_of
from gateway.clock import SystemClock
from gateway.daemon import open_database
from gateway.errors import LiaisonError
from gateway.network.peer_client import HttpsPeers
from gateway.peer import Peer
from gateway.protocol.answer import Accepted, Posted
from gateway.protocol.envelope import Draft, encode_envelope, seal_message, wrap_stanza
from gateway.protocol.message import Payload, draw_id
from gateway.services.keys import NodeKeys
from gateway.store import registry
from keys import rootfile
from keys.keyfile import unlock
from keys.keyring import KeyRecord, new_record
from keys.registry.card import verify_card
from keys.registry.draft import (
    follow,
    node_signer,
    parse_fingerprint,
    provers,
    root_pair,
    root_signers,
    use_line,
)
from keys.registry.statement import Chain, Kind, NextSet, RootSet, Statement
from keys.registry.view import View, advance, found
from keys.rootfile import RootKey
from keys.signing import SigningKey
from keys.slot import DEMO
from keys.suite import KeyUse, MemberId
from keys.tlog.checkpoint import parse_checkpoint
from keys.tlog.note import NoteSigner, sign_note

DAY_S = 86_400


@dataclass
class Thief:
    """He sits in a copy of his victim's folder, as it was when he took it."""

    folder: Path
    passphrase: bytes
    victim: MemberId
    view: View
    keys: NodeKeys
    roots: tuple[RootKey, ...]
    shown: View
    """What the registry says now: whoever asks is told."""
    own: KeyRecord | None = None
    """A ``sign`` key of his own that he got into the registry while he could."""

    @classmethod
    def break_in(cls, folder: Path, place: Path, passphrase: bytes) -> "Thief":
        """Copy a member's folder while its daemon runs."""
        shutil.copytree(folder, place, ignore=shutil.ignore_patterns("api.sock", "*.lock"))
        settings = settings_of(folder)
        database = open_database(settings)
        try:
            notes = database.read_now(registry.all_statements)
        finally:
            database.close()
        view = advance(found(notes[0], parse_fingerprint(settings.registry.anchor)), notes[1:])
        victim = MemberId(settings.node.member)
        unlocked = unlock(place / "keystore", passphrase, entropy=os.urandom)
        known = {pair.commitment for pair in view.members[victim].root.pairs}
        roots = [
            rootfile.read(file, passphrase, entropy=os.urandom)
            for file in sorted((place / "offline").glob("*.key"))
        ]
        in_force = tuple(root for root in roots if root_pair(root).commitment in known)
        keys = NodeKeys(unlocked, victim, os.urandom)
        return cls(place, passphrase, victim, view, keys, in_force, view)

    def bring_a_key(self) -> str:
        """Have the registry list a ``sign`` key of his own, by the stolen one."""
        now = SystemClock().now()
        record = new_record(KeyUse.SIGN, start=now, end=now + DAY_S, entropy=os.urandom)
        self.own = record
        line = use_line(self.view.federation, self.victim, record)
        statement = self._said(Kind.KEYS, Chain.NODE, uses=(line,))
        by = (self._stolen(), *provers(self.view.federation, self.victim, record))
        code = self._post(statement, by)
        if not code:
            note = sign_note(statement.text(), by)
            self.view = self.shown = advance(self.view, [note])
        return code

    def speak_again(self) -> str:
        """Say something more of the member, by the stolen ``sign`` key."""
        self._read_the_registry()
        statement = self._said(Kind.KEYS, Chain.NODE, endpoint="https://thief.example")
        return self._post(statement, [self._stolen()])

    def rotate_the_roots(self) -> str:
        """Install roots of his own by the stolen ones."""
        self._read_the_registry()
        name = self.roots[0].name
        place = self.folder / "thieves.key"
        mine = rootfile.draw(place, name, b"mine", cost=DEMO, entropy=os.urandom)
        place.unlink()
        statement = self._said(
            Kind.ROTATE,
            Chain.NEXT,
            root=RootSet(1, (root_pair(mine),)),
            next=NextSet(1, (bytes(32),)),
        )
        by = [*root_signers(mine), *(item for root in self.roots for item in root_signers(root))]
        return self._post(statement, by)

    def send(self, to: str, *, through: NodeKeys | None = None, own: bool = False) -> str:
        """Post a message in the member's name: on its stolen certificate, or on an accomplice's."""
        record = self.own if own and self.own is not None else self._sign_record()
        keys = through or self.keys
        return asyncio.run(self._send(MemberId(to), SigningKey(KeyUse.SIGN, record.seed), keys))

    async def _send(self, to: MemberId, signer: SigningKey, keys: NodeKeys) -> str:
        async def attempt(peers: HttpsPeers) -> str:
            peer = peers.member(to)
            now = SystemClock().now()
            card = verify_card(await peer.card(to), self.view, now)
            sealed = seal_message(
                self._draft(to, now), signer=signer, registry=self.view.head, entropy=os.urandom
            )
            seal_kid, public_key = card.seal_to(now)
            stanza = wrap_stanza(sealed.header, sealed.content_key, seal_kid, public_key)
            envelope = encode_envelope(sealed.header, [stanza], sealed.body)
            (answer,) = await peer.post_envelopes([Posted((), (to,), envelope)])
            return "" if isinstance(answer, Accepted) else answer.code

        return await self._attempted(attempt, keys)

    def _post(self, statement: Statement, by: Sequence[NoteSigner]) -> str:
        note = sign_note(statement.text(), by)

        async def attempt(peers: HttpsPeers) -> str:
            peer: Peer = peers.registrar(pinned=False)
            await peer.post_statement(note)
            return ""

        return asyncio.run(self._attempted(attempt, self.keys))

    async def _attempted(
        self, attempt: Callable[[HttpsPeers], Awaitable[str]], keys: NodeKeys
    ) -> str:
        settings = settings_of(self.folder)
        peers = HttpsPeers(
            keys,
            SystemClock(),
            view=lambda: self.view,
            registrar_url=settings.registry.url,
            settings=settings.peer_api,
        )
        try:
            return await attempt(peers)
        except LiaisonError as fault:
            return fault.code
        finally:
            await peers.close()

    def _draft(self, to: MemberId, now: int) -> Draft:
        kind = kind_named("request.verify_value")
        body = request([])["content"] | {"own_reference": "THIEF"}
        payload = Payload(
            kind=kind.name,
            sender=self.victim,
            unit="",
            on_behalf_of="",
            created_at=now - 60,
            salt=os.urandom(16),
            case_id=os.urandom(16),
            seq=1,
            in_reply_to="",
            content=encode_content(kind.validate(body)),
            attachments=(),
        )
        return Draft(
            payload=payload,
            message_id=draw_id(now, os.urandom),
            expires_at=now + DAY_S,
            to=(to,),
            priority=5,
        )

    def _read_the_registry(self) -> None:
        async def attempt(peers: HttpsPeers) -> str:
            registrar = peers.registrar(pinned=False)
            size = parse_checkpoint(await registrar.registry_checkpoint()).size
            notes = await registrar.registry_entries(0, size)
            self.shown = advance(found(notes[0], self.view.anchor), notes[1:])
            return ""

        asyncio.run(self._attempted(attempt, self.keys))

    def _said(self, kind: Kind, chain: Chain, **items: object) -> Statement:
        placed = follow(self.shown, kind, self.victim, chain, at=SystemClock().now())
        return replace(placed, **items)  # type: ignore[arg-type]

    def _sign_record(self) -> KeyRecord:
        return self.keys.keyring.records(KeyUse.SIGN)[-1]

    def _stolen(self) -> NoteSigner:
        return node_signer(self.view.federation, self.victim, self._sign_record())


@contextmanager
def accomplice(folder: Path, passphrase: bytes, member: str) -> Iterator[NodeKeys]:
    """Yield the keys of a member whose own operator helps the thief."""
    unlocked = unlock(folder / "keystore", passphrase, entropy=os.urandom)
    yield NodeKeys(unlocked, MemberId(member), os.urandom)
