"""What a statement changes, in words: read by who is to sign it, before and after side by side.

Pure. What is shown came from others, so nothing of it reaches a terminal that could fool one.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from gateway.cli.ceremonies.phrases import CAN, LABELS, PHRASES, TALLY, TITLES
from gateway.cli.terminal.console import when
from gateway.errors import RejectedError
from keys.registry.ceremony import RootNeed, Tally
from keys.registry.member import Member, RegisteredKey
from keys.registry.rotation import revoked
from keys.registry.statement import (
    Chain,
    Kind,
    NextSet,
    RootPair,
    RootSet,
    Statement,
    UseLine,
    WitnessSet,
)
from keys.registry.view import View
from keys.suite import KeyId, KeyUse
from keys.tlog.checkpoint import parse_checkpoint

SHORT = 16
"""How many digits of a key's name people compare."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A statement in words."""

    title: str
    lines: tuple[tuple[str, str], ...]
    """What is said of, and what; in the order of the statement, then what follows from it."""


def tell(statement: Statement, view: View | None, language: str) -> Told:
    """Return what a statement changes; against ``view`` where one is at hand."""
    told = _Telling(statement, view, language)
    return Told(
        title=visible(told.title()),
        lines=tuple((LABELS[label].text(language), visible(text)) for label, text in told.lines()),
    )


def tell_tally(tally: Tally, language: str) -> list[str]:
    """Return who signed and who still must, one sentence an authority."""
    return [visible(line) for line in _tally_lines(tally, language)]


def visible(text: str) -> str:
    """Return text with every character that does not show, or moves others, spelled out."""
    return "".join(
        item if item.isprintable() else item.encode("unicode_escape").decode("ascii")
        for item in text
    )


def short(pair: RootPair) -> str:
    """Return a root's name as people compare it: the beginning of its commitment."""
    return pair.commitment.hex()[:SHORT]


class _Telling:
    """One statement being told."""

    def __init__(self, statement: Statement, view: View | None, language: str) -> None:
        self._said = statement
        self._view = view
        self._language = language
        known = None if view is None else view.members.get(statement.member)
        self._member: Member | None = known

    def title(self) -> str:
        said = self._said
        label = TITLES.get((said.kind, said.chain)) or TITLES[said.kind, None]
        return label.text(self._language).format(member=said.member, federation=said.federation)

    def lines(self) -> Iterator[tuple[str, str]]:
        said = self._said
        yield "place", self._of("place", seq=said.seq, chain=said.chain, member=said.member)
        yield "dated", when(said.at)
        if self._view is None:
            yield "compared", self._of("nothing")
        yield from self._standing()
        yield from self._roots()
        yield from self._keys()
        yield from self._routes()
        yield from self._witnesses()
        yield from (("then", text) for text in self._effects())

    def _standing(self) -> Iterator[tuple[str, str]]:
        said, member = self._said, self._member
        for language, name in said.names:
            yield "name", f"{name} ({language})"
        if said.role is not None:
            before = None if member is None else member.role.value
            yield "role", self._change(before, said.role.value)
            held = None if member is None else member.competences
            if said.competences.states or (held and held.states):
                before = None if held is None else self._list(held.states)
                yield "states", self._change(before, self._list(said.competences.states))
            if said.competences.kinds or (held and held.kinds):
                before = None if held is None else self._list(held.kinds)
                yield "competences", self._change(before, self._list(said.competences.kinds))
        if said.succeeds is not None:
            yield "succeeds", said.succeeds

    def _roots(self) -> Iterator[tuple[str, str]]:
        said, member = self._said, self._member
        recovery = None if member is None else member.recovery
        root, coming = said.root, said.next
        if said.kind is Kind.RECOVERED and recovery is not None:
            root, coming = recovery.root, recovery.next
        if root is not None:
            before = None if member is None else self._root_set(member.root)
            yield "roots", self._change(before, self._root_set(root))
        if coming is not None:
            before = None if member is None else self._next_set(member.next)
            yield "next", self._change(before, self._next_set(coming))

    def _keys(self) -> Iterator[tuple[str, str]]:
        said, member = self._said, self._member
        known = {} if member is None else {key.key_id: key for key in member.keys}
        recovery = None if member is None else member.recovery
        uses = said.uses
        if said.kind is Kind.RECOVERED and recovery is not None:
            uses = recovery.uses
        for use in uses:
            held = known.get(use.key_id)
            if held is None:
                span = self._of("span", start=when(use.start), end=when(use.end))
                yield "new", f"{_named(use)} {span}"
            else:
                yield (
                    "ended",
                    self._of("ends", key=_named(use), after=when(use.end), before=when(held.end)),
                )
        for item in said.revocations:
            key = known.get(item.key_id)
            named = item.key_id.hex()[:SHORT] if key is None else _named(key)
            yield "revoked", self._of("since", key=named, since=when(item.since))
            if key is not None:
                after = revoked(known, item.key_id, item.since, said.at)
                yield from (("void", _named(key)) for key in _voided(known, after, item.key_id))
                known = after

    def _routes(self) -> Iterator[tuple[str, str]]:
        said, member = self._said, self._member
        recovery = None if member is None else member.recovery
        endpoint, via = said.endpoint, said.via
        if said.kind is Kind.RECOVERED and recovery is not None:
            endpoint, via = recovery.endpoint, recovery.via
        if endpoint is not None:
            before = None if member is None else member.endpoint or self._of("none")
            yield "endpoint", self._change(before, endpoint or self._of("none"))
        if via is not None:
            before = None if member is None else self._list(member.via)
            yield "relays", self._change(before, self._list(via))

    def _witnesses(self) -> Iterator[tuple[str, str]]:
        said = self._said
        if said.witnesses is not None:
            before = None if self._view is None else self._witness_set(self._view.witnesses)
            yield "witnesses", self._change(before, self._witness_set(said.witnesses))
        if said.checkpoints:
            yield "heads", ", ".join(_head(note) for note in said.checkpoints)

    def _effects(self) -> Iterator[str]:
        match self._said.kind:
            case Kind.SUSPEND:
                yield self._of("suspended", member=self._said.member)
                yield from self._dependants()
            case Kind.RESUME:
                left = frozenset() if self._member is None else self._member.suspended_by
                still = bool(left - {self._said.chain})
                yield self._of("still" if still else "resumed", member=self._said.member)
            case Kind.KEYS | Kind.ROTATE:
                yield from self._taken_away()
            case Kind.RECOVER:
                if self._member is not None and self._member.recovery is not None:
                    yield self._of("anew")
                yield self._of("waiting", member=self._said.member)
            case Kind.RECOVERED if self._member is not None:
                shown = ", ".join(
                    _named(key) for key in self._member.keys if key.revoked_since is None
                )
                yield self._of("gone", member=self._said.member, shown=shown)
            case Kind.WITNESSES if self._view is not None and self._view.witnesses.quorum:
                held = self._view.witnesses
                yield self._of("consent", needed=held.blocking, shown=self._list(held.members))
            case _:
                return

    def _dependants(self) -> Iterator[str]:
        """Say who else feels a suspension."""
        if self._view is None:
            return
        me = self._said.member
        others = [name for name, member in self._view.members.items() if me in member.via]
        if others:
            yield self._of("relay", others=self._list(others), member=me)
        if me in self._view.witnesses.members:
            yield self._of("witness", member=me)

    def _taken_away(self) -> Iterator[str]:
        """Say who cannot do what any more after a change of keys."""
        said, member = self._said, self._member
        if said.revocations:
            yield self._of("untrusted")
        if member is None:
            return
        if said.kind is Kind.ROTATE:
            shown = ", ".join(short(pair) for pair in member.root.pairs)
            yield self._of("powerless", shown=shown)
        if said.chain is not Chain.NODE and member.recovery is not None:
            yield self._of("stopped", member=member.member)
        left = _good_after(member, said)
        for use, can in CAN.items():
            if _good(member.keys, use, said.at) and use not in left:
                yield self._of(
                    "keyless", member=member.member, use=use.value, can=can.text(self._language)
                )

    def _of(self, phrase: str, **parts: object) -> str:
        return PHRASES[phrase].text(self._language).format(**parts)

    def _change(self, before: str | None, after: str) -> str:
        return after if before is None or before == after else f"{before} → {after}"

    def _list(self, items: Iterable[str]) -> str:
        return ", ".join(items) or self._of("none")

    def _root_set(self, root: RootSet) -> str:
        shown = ", ".join(short(pair) for pair in root.pairs)
        return self._of("of", k=root.threshold, n=len(root.pairs), shown=shown)

    def _next_set(self, coming: NextSet) -> str:
        shown = ", ".join(item.hex()[:SHORT] for item in coming.commitments)
        return self._of("of", k=coming.threshold, n=len(coming.commitments), shown=shown)

    def _witness_set(self, witnesses: WitnessSet) -> str:
        if not witnesses.quorum:
            return self._of("none")
        shown = ", ".join(witnesses.members)
        return self._of(
            "quorum", quorum=witnesses.quorum, count=len(witnesses.members), shown=shown
        )


def _tally_lines(tally: Tally, language: str) -> Iterator[str]:
    def of(phrase: str, **parts: object) -> str:
        return TALLY[phrase].text(language).format(**parts)

    needed = tally.needs
    for need in needed.roots:
        yield _root_line(tally, need, of("registry", member=need.member), of)
    if needed.proofs:
        bare = ", ".join(_named(use) for use in tally.unproven)
        yield of("unproven", shown=bare) if bare else of("proven")
    if needed.speakers is not None:
        yield of("spoken" if tally.spoken else "unspoken")
    if needed.agreeing:
        agreed = _listed(tally.agreed)
        missing = set(needed.voices or ()) - set(tally.agreed)
        line = of("agreed", count=len(tally.agreed), needed=needed.agreeing, shown=agreed)
        left = needed.agreeing - len(tally.agreed)
        if left > 0:
            line += of("missing", count=left, shown=", ".join(sorted(missing)))
        yield line
    if tally.strangers:
        yield of("strangers", count=tally.strangers)


def _root_line(tally: Tally, need: RootNeed, unknown: str, of: Callable[..., str]) -> str:
    if need.needed is None or need.pairs is None:
        return unknown
    signed = tally.roots(need)
    line = of(
        "roots",
        member=need.member,
        count=len(signed),
        needed=need.needed,
        shown=_listed(short(pair) for pair in signed),
    )
    left = tally.missing(need)
    if left:
        open_to = [short(pair) for pair in need.pairs if pair not in signed]
        line += of("missing", count=left, shown=", ".join(open_to))
    return line


def _listed(items: Iterable[str]) -> str:
    shown = ", ".join(items)
    return f" ({shown})" if shown else ""


def _named(key: UseLine | RegisteredKey) -> str:
    return f"{key.use} {key.key_id.hex()[:SHORT]}"


def _voided(
    before: Mapping[KeyId, RegisteredKey], after: Mapping[KeyId, RegisteredKey], named: KeyId
) -> list[RegisteredKey]:
    """Return the keys that a revocation takes with it."""
    return [key for key_id, key in after.items() if key_id != named and key != before[key_id]]


def _good(keys: Iterable[RegisteredKey], use: KeyUse, at: int) -> bool:
    return any(key.use is use and key.revoked_since is None and key.end > at for key in keys)


def _head(note: bytes) -> str:
    try:
        head = parse_checkpoint(note)
    except RejectedError as fault:
        return fault.code
    return f"{head.size} ({head.root.hex()[:SHORT]})"


def _good_after(member: Member, said: Statement) -> set[KeyUse]:
    """Return the uses for which a member has a good key once a statement stands."""
    known = {key.key_id: key for key in member.keys}
    for item in said.revocations:
        if item.key_id in known:
            known = revoked(known, item.key_id, item.since, said.at)
    ends = {use.key_id: use.end for use in said.uses}
    left = {
        key.use
        for key in known.values()
        if key.revoked_since is None and ends.get(key.key_id, key.end) > said.at
    }
    gone = {item.key_id for item in said.revocations}
    return left | {
        use.use for use in said.uses if use.key_id not in known and use.key_id not in gone
    }
