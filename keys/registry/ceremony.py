"""A statement on its way from hand to hand: who has signed it, and who still must.

The fold judges a statement that is complete; this says what is missing from one that is not. A
statement that nobody signed yet is its text and an empty line: a note without signature lines.
Source: keys/README.md, "Who signs what" and "A ceremony".
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from keys.errors import RejectedError
from keys.registry.grammar import parse_statement
from keys.registry.member import Member
from keys.registry.statement import (
    REGISTRY,
    Chain,
    Kind,
    RootPair,
    RootSet,
    SignedStatement,
    Statement,
    UseLine,
)
from keys.registry.view import View, advance
from keys.suite import KeyUse, MemberId
from keys.tlog.note import (
    Note,
    NoteSignature,
    NoteSigner,
    VerifierKey,
    add_signatures,
    encode_note,
    sign_note,
    verify_note,
)

_NOBODY = NoteSignature("nobody", bytes(4), bytes(1))
"""Stands in while the text of a statement without signatures is read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RootNeed:
    """``needed`` of a member's roots must sign; None is what only the registry can tell."""

    member: MemberId
    needed: int | None = None
    pairs: tuple[RootPair, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """Everyone who must sign a statement."""

    roots: tuple[RootNeed, ...] = ()
    proofs: tuple[UseLine, ...] = ()
    """The keys that it brings: each proves that it is held."""
    speakers: tuple[VerifierKey, ...] | None = None
    """The ``sign`` keys of which one must sign; None where none needs to."""
    agreeing: int = 0
    """How many of ``voices`` must agree."""
    voices: Mapping[MemberId, frozenset[VerifierKey]] | None = None
    """The present witnesses and their ``sign`` keys; None without the registry."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """Who signed, of those who must."""

    needs: Needs
    signed_by: frozenset[VerifierKey]
    strangers: int
    """Signatures of keys that have no say in it, or that only the registry could name."""

    def roots(self, need: RootNeed) -> tuple[RootPair, ...]:
        """Return the roots that signed, each with both its keys."""
        return tuple(pair for pair in need.pairs or () if self._both(pair))

    def missing(self, need: RootNeed) -> int:
        """Return how many more roots must sign; 0 also where only the registry can tell."""
        return 0 if need.needed is None else max(0, need.needed - len(self.roots(need)))

    @property
    def unproven(self) -> tuple[UseLine, ...]:
        """The new keys that did not sign."""
        return tuple(use for use in self.needs.proofs if not self.signed_by.issuperset(use.proofs))

    @property
    def spoken(self) -> bool:
        """Whether the member's ``sign`` key signed, where it must."""
        speakers = self.needs.speakers
        return speakers is None or not self.signed_by.isdisjoint(speakers)

    @property
    def agreed(self) -> tuple[MemberId, ...]:
        """The present witnesses that agree."""
        voices = self.needs.voices or {}
        return tuple(
            member for member, keys in voices.items() if not self.signed_by.isdisjoint(keys)
        )

    @property
    def complete(self) -> bool:
        """Whether nobody is missing, as far as can be told."""
        roots = any(self.missing(need) for need in self.needs.roots)
        agreed = len(self.agreed) >= self.needs.agreeing
        return not roots and not self.unproven and self.spoken and agreed

    def _both(self, pair: RootPair) -> bool:
        return self.signed_by.issuperset((pair.classical, pair.post_quantum))


def encode_draft(statement: Statement) -> bytes:
    """Write a statement that nobody signed yet."""
    return encode_note(statement.text(), ())


def parse_draft(encoded: bytes) -> SignedStatement:
    """Read a statement that everybody, somebody or nobody signed yet.

    Raises what ``parse_statement`` raises.
    """
    if not encoded.endswith(b"\n\n"):
        return parse_statement(encoded)
    stood_in = parse_statement(encoded + _NOBODY.line().encode() + b"\n")
    return SignedStatement(stood_in.statement, Note(stood_in.note.text, ()), encoded)


def add_to_draft(signed: SignedStatement, signers: Sequence[NoteSigner]) -> SignedStatement:
    """Return a statement with more signatures; one that stands there already is not repeated."""
    if not signed.note.signatures:
        return parse_statement(sign_note(signed.note.text, signers))
    return parse_statement(add_signatures(signed.encoded, signers))


def check(view: View, signed: SignedStatement) -> None:
    """Let a statement pass that the registry would take now, as it stands.

    Raises RejectedError as ``advance``; of one that lacks signatures ``threshold_not_met``,
    ``signature_missing`` or ``consent_missing``, when nothing else is wrong that shows before.
    """
    encoded = signed.encoded
    if not signed.note.signatures:
        encoded += _NOBODY.line().encode() + b"\n"
    advance(view, [encoded])


def needs(statement: Statement, view: View | None) -> Needs:
    """Return everyone who must sign ``statement``, as far as it and the registry tell.

    Whether it would stand when all have signed is the fold's to judge.
    Raises RejectedError ``statement_misfit`` for a chain in which its kind does not stand.
    """
    try:
        authorities = _AUTHORITIES[statement.kind, statement.chain]
    except KeyError:
        raise RejectedError(
            "statement_misfit",
            f"a {statement.kind} statement does not stand in the chain {statement.chain}",
        ) from None
    case = _Case(statement, view)
    found = Needs(
        roots=tuple(authority(case) for authority in authorities),
        proofs=statement.uses if statement.kind in _WHOLE else _fresh(statement, case.member),
    )
    if statement.chain is Chain.NODE:
        return replace(found, speakers=_speakers(case.member, statement.at))
    if statement.kind is Kind.WITNESSES and view is not None:
        voices = {
            witness.member: frozenset(_speakers(witness, statement.at))
            for witness in view.witnessing()
        }
        return replace(found, agreeing=view.witnesses.blocking, voices=voices)
    return found


def tally(note: Note, needed: Needs) -> Tally:
    """Count who signed of those who must.

    Raises RejectedError ``signature_invalid`` when a signature of one of them does not verify.
    """
    known = set(_known(needed))
    named = {(line.name, line.key_hash) for line in note.signatures}
    signed_by: frozenset[VerifierKey] = frozenset()
    if any((key.name, key.key_hash) in named for key in known):
        signed_by = verify_note(note, known).signed_by
    return Tally(needs=needed, signed_by=signed_by, strangers=len(note.signatures) - len(signed_by))


def _known(needed: Needs) -> Iterable[VerifierKey]:
    for need in needed.roots:
        for pair in need.pairs or ():
            yield pair.classical
            yield pair.post_quantum
    for use in needed.proofs:
        yield from use.proofs
    yield from needed.speakers or ()
    for keys in (needed.voices or {}).values():
        yield from keys


@dataclass(frozen=True, slots=True)
class _Case:
    """A statement before the registry, or without it."""

    statement: Statement
    view: View | None

    @property
    def member(self) -> Member | None:
        """The member that the statement is about, where the registry knows it."""
        return None if self.view is None else self.view.members.get(self.statement.member)


def _need(member: MemberId, root: RootSet | None) -> RootNeed:
    if root is None:
        return RootNeed(member=member)
    return RootNeed(member=member, needed=root.threshold, pairs=root.pairs)


def _registrars(case: _Case) -> RootNeed:
    return _need(REGISTRY, None if case.view is None else case.view.members[REGISTRY].root)


def _shown(case: _Case) -> RootNeed:
    """Ask the roots that the statement shows."""
    return _need(case.statement.member, case.statement.root)


def _every(case: _Case) -> RootNeed:
    """Ask every root that the statement shows."""
    need = _shown(case)
    return need if need.pairs is None else replace(need, needed=len(need.pairs))


def _in_force(case: _Case) -> RootNeed:
    return _need(case.statement.member, None if case.member is None else case.member.root)


def _any_in_force(case: _Case) -> RootNeed:
    return replace(_in_force(case), needed=1)


def _proposed(case: _Case) -> RootNeed:
    """Ask the roots that the recovery under way proposes."""
    recovery = None if case.member is None else case.member.recovery
    return _need(case.statement.member, None if recovery is None else recovery.root)


_WHOLE = (Kind.GENESIS, Kind.ADMIT, Kind.RECOVER)
"""Kinds of which every key is new."""
_AUTHORITIES: Mapping[tuple[Kind, Chain], tuple[Callable[[_Case], RootNeed], ...]] = {
    (Kind.GENESIS, Chain.ISSUER): (_every,),
    (Kind.ADMIT, Chain.ISSUER): (_registrars, _shown),
    (Kind.KEYS, Chain.NODE): (),
    (Kind.KEYS, Chain.ROOT): (_in_force,),
    (Kind.ROTATE, Chain.NEXT): (_shown,),
    (Kind.SUSPEND, Chain.ISSUER): (_registrars,),
    (Kind.SUSPEND, Chain.ROOT): (_any_in_force,),
    (Kind.RESUME, Chain.ISSUER): (_registrars,),
    (Kind.RESUME, Chain.ROOT): (_in_force,),
    (Kind.ROLE, Chain.ISSUER): (_registrars,),
    (Kind.WITNESSES, Chain.ISSUER): (_registrars,),
    (Kind.RECOVER, Chain.ISSUER): (_registrars, _shown),
    (Kind.RECOVERED, Chain.ISSUER): (_registrars, _proposed),
    (Kind.VETO, Chain.ROOT): (_in_force,),
    (Kind.VETO, Chain.NEXT): (_shown,),
}


def _fresh(statement: Statement, member: Member | None) -> tuple[UseLine, ...]:
    if member is None:
        return ()
    known = {key.key_id for key in member.keys}
    return tuple(use for use in statement.uses if use.key_id not in known)


def _speakers(member: Member | None, at: int) -> tuple[VerifierKey, ...]:
    if member is None:
        return ()
    return tuple(
        key.verifier
        for key in member.keys_for(KeyUse.SIGN)
        if key.revoked_since is None and key.start <= at < key.end
    )
