"""What a running node adds to a statement that people pass from hand to hand.

The roots are elsewhere: the node agrees with its ``sign`` key where a witness must, proves the new
keys that its roots are to bring, says itself where it is reached, and keeps the time at which a
recovery began.
"""

import asyncio
from dataclasses import replace

import msgspec

from gateway.clock import Clock
from gateway.errors import ConflictError, RejectedError
from gateway.protocol.audit import EntryKind
from gateway.services.caller import Caller, require
from gateway.services.federation.registrar import Registrar
from gateway.services.federation.registry import RegistryMirror
from gateway.services.keys import NodeKeys
from gateway.services.ledger import Ledger
from gateway.settings import PolicySettings, Role
from gateway.store import audit, recoveries
from gateway.store import registry as mirrored
from gateway.store.database import Database
from keys.keyring import NODE_USES, KeyRecord
from keys.registry.ceremony import add_to_draft, parse_draft
from keys.registry.draft import follow, use_line
from keys.registry.grammar import parse_endpoint, parse_statement
from keys.registry.member import Member
from keys.registry.statement import Chain, Kind, Statement, UseLine
from keys.registry.view import View
from keys.registry.witnessed import classical_time
from keys.suite import KeyUse, MemberId, digest, parse_member_id
from keys.tlog.checkpoint import parse_checkpoint
from keys.tlog.note import sign_note


class RouteChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a node is to be reached from now on; what is left out stays."""

    endpoint: str | None = None
    """https://host:port; empty for none."""
    via: list[str] | None = None
    """Its relays; empty for none."""


class RouteView(msgspec.Struct, frozen=True, kw_only=True):
    """Where the registry says that a node is reached, and by which statement."""

    member: str
    endpoint: str | None
    via: list[str]
    index: int


class Ceremony:
    """This node's part in statements."""

    def __init__(
        self,
        database: Database,
        keys: NodeKeys,
        mirror: RegistryMirror,
        registrar: Registrar,
        *,
        ledger: Ledger,
        clock: Clock,
        policy: PolicySettings,
    ) -> None:
        self._database = database
        self._keys = keys
        self._mirror = mirror
        self._registrar = registrar
        self._ledger = ledger
        self._clock = clock
        self._policy = policy

    async def agree(self, note: bytes, caller: Caller) -> bytes:
        """Return a naming of witnesses to which this node, a present witness, agrees.

        Raises ForbiddenError ``role_missing``; RejectedError ``statement_misfit`` or ``no_say``;
        ConflictError ``statement_stale``.
        """
        require(caller, Role.OPERATOR)
        signed, view = parse_draft(note), self._mirror.view
        said = signed.statement
        if said.kind is not Kind.WITNESSES or said.federation != view.federation:
            raise RejectedError(
                "statement_misfit", "a node signs only who the witnesses of its federation are"
            )
        if self._keys.member not in view.witnesses.members:
            raise RejectedError("no_say", f"{self._keys.member} is none of the present witnesses")
        _check_place(view, said)
        signers = [self._keys.note_signer(KeyUse.SIGN, view, self._clock.now())]
        agreed = await asyncio.to_thread(add_to_draft, signed, signers)
        await self._record(caller, said, "statement.agreed")
        return agreed.encoded

    async def bring_keys(self, note: bytes, caller: Caller) -> bytes:
        """Return a statement that brings a new key of each use, durable here and proven.

        Keys that it does not revoke end after their overlap. Its roots sign it after that.
        Raises ForbiddenError ``role_missing``; RejectedError ``statement_misfit``; ConflictError
        ``statement_stale``; what a token says that is to draw one.
        """
        require(caller, Role.OPERATOR)
        signed, view = parse_draft(note), self._mirror.view
        said = signed.statement
        if (
            (said.member, said.federation) != (self._keys.member, view.federation)
            or said.kind not in (Kind.KEYS, Kind.ROTATE)
            or said.chain is Chain.NODE
            or said.uses
            or signed.note.signatures
        ):
            raise RejectedError(
                "statement_misfit",
                "new keys are brought into a statement of this member's roots that nobody signed "
                "yet and that names no keys",
            )
        _check_place(view, said)
        member = view.member(said.member)
        records = [await self._drawn(view, use, said.at) for use in NODE_USES if _has(member, use)]
        await self._keys.add(records)
        lines = [use_line(view.federation, said.member, record) for record in records]
        ended = self._ended(member, said)
        text = replace(said, uses=(*lines, *ended)).text()
        signers = [
            prover for record in records for prover in self._keys.provers(view.federation, record)
        ]
        await self._record(caller, said, "keys.drawn")
        return await asyncio.to_thread(sign_note, text, signers)

    async def hand_in(self, note: bytes, caller: Caller) -> int:
        """Get a statement into the registry; return its number at most. That it was is recorded.

        Raises ForbiddenError ``role_missing``, or what the registry says against it.
        """
        require(caller, Role.OPERATOR)
        await self._record(caller, parse_statement(note).statement, "statement.handed_in")
        return await self._registrar.submit(note)

    async def route(self, change: RouteChange, caller: Caller) -> RouteView:
        """Tell the federation where this node is reached from now on.

        Raises ForbiddenError ``role_missing``, RejectedError ``statement_malformed`` or what the
        registry says against it.
        """
        require(caller, Role.OPERATOR)
        now, view, me = self._clock.now(), self._mirror.view, self._keys.member
        relays = None if change.via is None else tuple(parse_member_id(item) for item in change.via)
        placed = follow(view, Kind.KEYS, me, Chain.NODE, at=now)
        endpoint = parse_endpoint(change.endpoint) if change.endpoint else change.endpoint
        said = replace(placed, endpoint=endpoint, via=relays)
        signers = [self._keys.note_signer(KeyUse.SIGN, view, now)]
        note = await asyncio.to_thread(sign_note, said.text(), signers)
        parse_statement(note)
        await self._record(caller, said, "route.changed")
        index = await self._registrar.submit(note)
        member = self._mirror.view.member(me)
        return RouteView(member=me, endpoint=member.endpoint, via=list(member.via), index=index)

    async def keep_first_heads(self) -> None:
        """Keep, for each recovery under way, the first head over it that the witnesses cosigned.

        Thirty days are counted from its time, and a later head of the same size has a later one.
        """
        view = self._mirror.known
        pending = [] if view is None else [item for item in view.members.values() if _pends(item)]
        if view is None or not pending:
            return
        head, held = await self._database.read(
            lambda tx: (mirrored.head(tx), recoveries.first_heads(tx))
        )
        for member in pending:
            recovery = member.recovery
            if recovery is None or head is None or held.get((member.member, recovery.proposal)):
                continue
            witnesses = [view.members[name] for name in recovery.witnesses.members]
            time = classical_time(head, witnesses, recovery.witnesses.quorum)
            if time is not None and parse_checkpoint(head).size >= recovery.size:
                await self._keep(member.member, recovery.proposal, head)

    async def _keep(self, member: MemberId, proposal: bytes, head: bytes) -> None:
        await self._database.write(lambda tx: recoveries.keep_first(tx, member, proposal, head))

    async def _drawn(self, view: View, use: KeyUse, at: int) -> KeyRecord:
        end = at + self._policy.key_lifetime_s
        record = await self._keys.fresh(use, view.federation, start=at, end=end)
        return msgspec.structs.replace(record, reserved=True)

    def _ended(self, member: Member, said: Statement) -> list[UseLine]:
        """Return the keys that were good until now, with the end that a new one gives them."""
        end = said.at + self._policy.sign_overlap_s
        gone = {item.key_id for item in said.revocations}
        return [
            UseLine(key.use, key.verifier, key.start, end, key.certificate, key.post_quantum)
            for key in member.keys
            if key.end > end > key.start and key.revoked_since is None and key.key_id not in gone
        ]

    async def _record(self, caller: Caller, said: Statement, code: str) -> None:
        entry = self._ledger.entry(
            EntryKind.ADMINISTRATOR_ACTED,
            peer=caller.name,
            digests=(digest(said.text()),),
            code=code,
        )
        await self._database.write(lambda tx: audit.append(tx, [entry]))


def _check_place(view: View, said: Statement) -> None:
    """Let a statement pass that follows in its chain. Raises ConflictError ``statement_stale``."""
    head = view.chain_head(said.member, said.chain)
    if (said.seq, said.prev) != (head.seq + 1, head.digest):
        raise ConflictError(
            "statement_stale",
            f"the chain {said.chain} of {said.member} is at number {head.seq} here, and statement "
            f"{said.seq} does not follow it: write it anew",
        )


def _has(member: Member, use: KeyUse) -> bool:
    return bool(member.keys_for(use))


def _pends(member: Member) -> bool:
    return member.recovery is not None and not member.recovery.vetoed
