"""A statement of every kind that would stand, with those who must sign it, by authority."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from keys.registry.ceremony import add_to_draft, encode_draft, parse_draft
from keys.registry.draft import node_signer, use_line
from keys.registry.statement import (
    REGISTRY,
    Chain,
    Competences,
    Kind,
    MemberRole,
    SignedStatement,
    Statement,
    WitnessSet,
)
from keys.suite import KeyUse, MemberId
from keys.tlog.note import NoteSigner, sign_note
from tests.world import FEDERATION, NOW, Party, World, join_of, party, world

MONTH_S = 30 * 86_400
WITNESSED = (KeyUse.SIGN, KeyUse.LOG, KeyUse.TLS, KeyUse.WITNESS)


@dataclass(frozen=True, kw_only=True)
class Case:
    """A statement before a registry, with everyone who must sign it, one group an authority."""

    world: World
    statement: Statement
    groups: Sequence[Sequence[NoteSigner]]

    @property
    def signers(self) -> list[NoteSigner]:
        """Return all of them."""
        return [signer for group in self.groups for signer in group]

    def signed(self, signers: Sequence[NoteSigner]) -> SignedStatement:
        """Return the statement with some signatures, or none."""
        draft = parse_draft(encode_draft(self.statement))
        return add_to_draft(draft, signers) if signers else draft


def federation() -> tuple[World, Party, Party]:
    """Return a federation of two of three registrars, whose member XA is the witness."""
    xa, xb = party("XA", roots=3, threshold=2, uses=WITNESSED), party("XB", roots=2, threshold=2)
    made = world(xa, xb, registrars=3, threshold=2)
    named = made.said(Kind.WITNESSES, REGISTRY, Chain.ISSUER, witnesses=WitnessSet(1, (xa.member,)))
    made.append(sign_note(named.text(), made.registrar.root_signers[:4]))
    return made, xa, xb


def two(signers: Sequence[NoteSigner]) -> Sequence[NoteSigner]:
    """Return the signers of the first two roots."""
    return signers[:4]


def admission() -> Case:
    """Return the admission of XC, of two roots."""
    made, _, _ = federation()
    xc = party("XC", roots=2, threshold=2)
    joining = join_of(xc, made.anchor)
    own = xc.signers
    return Case(
        world=made, statement=joining, groups=(two(made.registrar.root_signers), own[:4], own[4:])
    )


def keys_by_node() -> Case:
    """Return a new key that XA's node brings, with the end of an old one."""
    made, xa, _ = federation()
    fresh = xa.draw(KeyUse.LOG, NOW + 10)
    said = made.said(
        Kind.KEYS, "XA", Chain.NODE, uses=(use_line(FEDERATION, xa.member, fresh), xa.lines()[1])
    )
    old = replace(said.uses[1], end=NOW + 100)
    speaks, proves = (
        [node_signer(FEDERATION, xa.member, record)] for record in (xa.records[KeyUse.SIGN], fresh)
    )
    return Case(
        world=made, statement=replace(said, uses=(said.uses[0], old)), groups=(speaks, proves)
    )


def keys_by_root() -> Case:
    """Return a new key that XA's roots bring."""
    made, xa, _ = federation()
    fresh = xa.draw(KeyUse.LOG, NOW + 10)
    line = use_line(FEDERATION, xa.member, fresh)
    proves = [node_signer(FEDERATION, xa.member, fresh)]
    said = made.said(Kind.KEYS, "XA", Chain.ROOT, uses=(line,))
    return Case(world=made, statement=said, groups=(two(xa.root_signers), proves))


def rotation() -> Case:
    """Return the planned rotation of XA's roots."""
    made, xa, _ = federation()
    after = party("AFTER").next_set()
    said = made.said(Kind.ROTATE, "XA", Chain.NEXT, root=xa.coming_set(), next=after)
    return Case(world=made, statement=said, groups=(two(xa.coming_signers),))


def standing(kind: Kind, chain: Chain) -> Case:
    """Return a suspension of XA or its end, by the authority of a chain."""
    made, xa, _ = federation()
    if kind is Kind.RESUME:
        before = made.said(Kind.SUSPEND, "XA", chain)
        signers = xa.root_signers[:2] if chain is Chain.ROOT else two(made.registrar.root_signers)
        made.append(sign_note(before.text(), signers))
    said = made.said(kind, "XA", chain)
    own = xa.root_signers[:2] if kind is Kind.SUSPEND else two(xa.root_signers)
    group = own if chain is Chain.ROOT else two(made.registrar.root_signers)
    return Case(world=made, statement=said, groups=(group,))


def role() -> Case:
    """Return XB made a union."""
    made, _, xb = federation()
    competences = Competences((MemberId("XA"),), ("request",))
    said = made.said(
        Kind.ROLE, xb.member, Chain.ISSUER, role=MemberRole.UNION, competences=competences
    )
    return Case(world=made, statement=said, groups=(two(made.registrar.root_signers),))


def witnesses() -> Case:
    """Return the end of XA's being the witness, to which it must agree."""
    made, xa, _ = federation()
    said = made.said(Kind.WITNESSES, REGISTRY, Chain.ISSUER, witnesses=WitnessSet(0, ()))
    agrees = [node_signer(FEDERATION, xa.member, xa.records[KeyUse.SIGN])]
    return Case(world=made, statement=said, groups=(two(made.registrar.root_signers), agrees))


def recovery() -> Case:
    """Return the beginning of the recovery of XB."""
    made, _, xb = federation()
    anew = party("ANEW", roots=2, threshold=2)
    again = Party(
        xb.member, anew.entropy, party("XB-ROOTS").roots, party("XB-NEXT").coming, {}, threshold=1
    )
    again.roots = [replace(root, name=f"{FEDERATION}/XB/root") for root in again.roots]
    again.coming = [replace(root, name=f"{FEDERATION}/XB/root") for root in again.coming]
    fresh = again.draw(KeyUse.SIGN, NOW + 10)
    said = made.said(
        Kind.RECOVER, "XB", Chain.ISSUER,
        root=again.root_set(), next=again.next_set(),
        uses=(use_line(FEDERATION, xb.member, fresh),),
    )  # fmt: skip
    proves = [node_signer(FEDERATION, xb.member, fresh)]
    groups = (two(made.registrar.root_signers), again.root_signers, proves)
    return Case(world=made, statement=said, groups=groups)


def under_way() -> tuple[World, Case]:
    """Return a federation in which the recovery of XB has begun, and how."""
    began = recovery()
    began.world.append(sign_note(began.statement.text(), began.signers))
    return began.world, began


def recovered() -> Case:
    """Return the end of the recovery of XB, a month later."""
    made, began = under_way()
    xa = party("XA", roots=3, threshold=2, uses=WITNESSED)
    heads = tuple(made.head((xa.cosigner(), NOW + 20 + at)) for at in (0, MONTH_S))
    said = made.said(Kind.RECOVERED, "XB", Chain.ISSUER, checkpoints=heads)
    return Case(world=made, statement=said, groups=began.groups[:2])


def veto(chain: Chain) -> Case:
    """Return what stops the recovery of XB: by its roots, or by its next ones."""
    made, _ = under_way()
    xb = party("XB", roots=2, threshold=2)
    if chain is Chain.ROOT:
        said = made.said(Kind.VETO, "XB", chain)
        return Case(world=made, statement=said, groups=(two(xb.root_signers),))
    said = made.said(Kind.VETO, "XB", chain, root=xb.coming_set())
    return Case(world=made, statement=said, groups=(two(xb.coming_signers),))


CASES: dict[str, Callable[[], Case]] = {
    "admit": admission,
    "keys by node": keys_by_node,
    "keys by root": keys_by_root,
    "rotate": rotation,
    "suspend by registrars": lambda: standing(Kind.SUSPEND, Chain.ISSUER),
    "suspend by root": lambda: standing(Kind.SUSPEND, Chain.ROOT),
    "resume by registrars": lambda: standing(Kind.RESUME, Chain.ISSUER),
    "resume by roots": lambda: standing(Kind.RESUME, Chain.ROOT),
    "role": role,
    "witnesses": witnesses,
    "recover": recovery,
    "recovered": recovered,
    "veto by root": lambda: veto(Chain.ROOT),
    "veto by next": lambda: veto(Chain.NEXT),
}
