"""A statement in a file that passes from hand to hand: shown, signed, written, handed in.

Nobody signs what was not shown in words, and nothing is handed in before enough have signed.
"""

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from gateway.cases.fields.labels import Label
from gateway.cli.ceremonies.mirror import Held
from gateway.cli.ceremonies.rootkeys import unlock_roots
from gateway.cli.ceremonies.words import short, tell, tell_tally, visible
from gateway.cli.terminal.asking import assent
from gateway.cli.terminal.client import Daemon
from gateway.cli.terminal.console import language, note, say, show_json
from gateway.cli.terminal.options import daemon_of
from gateway.errors import ConflictError, LiaisonError, RejectedError
from keys.private import write_private
from keys.registry.ceremony import (
    Tally,
    add_to_draft,
    check,
    encode_draft,
    needs,
    parse_draft,
    tally,
)
from keys.registry.draft import root_name, root_pair, root_signers
from keys.registry.statement import MAX_STATEMENT_BYTES, Kind, SignedStatement, Statement
from keys.registry.view import View, found
from keys.rootfile import RootKey
from keys.suite import digest

_UNSIGNED = ("threshold_not_met", "signature_missing", "consent_missing")


class State(StrEnum):
    """How far a statement is."""

    READY = "ready"
    FOUNDS = "founds"
    INCOMPLETE = "incomplete"
    PUBLISHED = "published"
    STALE = "stale"
    AHEAD = "ahead"
    REFUSED = "refused"
    UNKNOWN = "unknown"


_STATES = {
    State.READY: Label(
        "complete: the registry takes it now (liaison statement publish {file})",
        "complète : le registre l'accepte (liaison statement publish {file})",
    ),
    State.FOUNDS: Label(
        "complete: the registry can begin with it (liaison registry found {file})",
        "complète : le registre peut commencer par elle (liaison registry found {file})",
    ),
    State.INCOMPLETE: Label(
        "not complete: pass the file on to who must still sign "
        "(liaison statement sign {file} --root-key KEY)",
        "incomplète : passez le fichier à qui doit encore signer "
        "(liaison statement sign {file} --root-key CLÉ)",
    ),
    State.PUBLISHED: Label(
        "in the registry already: statement {index}",
        "déjà au registre : déclaration {index}",
    ),
    State.STALE: Label(
        "stale: another statement took its place in the chain since it was written. Write it anew "
        "with the command that wrote it; what was signed here is void",
        "périmée : une autre déclaration a pris sa place dans la chaîne. Récrivez-la par la "
        "commande qui l'a écrite ; ce qui est signé ici est nul",
    ),
    State.AHEAD: Label(
        "the registry held here ends before what this statement follows: let the node catch up",
        "le registre tenu ici s'arrête avant ce que cette déclaration suit : laissez le nœud "
        "rattraper son retard",
    ),
    State.REFUSED: Label(
        "the registry would refuse it: {detail} [{code}]",
        "le registre la refuserait : {detail} [{code}]",
    ),
    State.UNKNOWN: Label(
        "whether the registry would take it shows where one is at hand (--dir or --registry)",
        "pour savoir si le registre l'accepterait, il en faut un sous la main (--dir ou "
        "--registry)",
    ),
}
_DONE = Label(
    "{title}: statement {index} of the registry", "{title} : déclaration {index} du registre"
)
SIGN = Label("Sign?", "Signer ?")
_SIGNS = Label("{root} signs, as {name}", "{root} signe, comme {name}")
_SIGNED = Label("signed", "signatures")
_NOW = Label("now", "maintenant")


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What would become of a statement that was handed in now."""

    state: State
    code: str = ""
    detail: str = ""
    index: int | None = None

    def sentence(self, file: Path) -> str:
        """Return it in words, with what to do."""
        text = _STATES[self.state].text(language())
        return visible(text.format(file=file, index=self.index, detail=self.detail, code=self.code))

    def check(self, file: Path) -> None:
        """Let a statement pass that can still get into the registry.

        Raises ConflictError ``statement_published``, ``statement_stale`` or ``registry_behind``;
        RejectedError as the fold judged.
        """
        match self.state:
            case State.REFUSED:
                raise RejectedError(self.code, self.detail)
            case State.PUBLISHED:
                raise ConflictError("statement_published", f"{file} is {self.sentence(file)}")
            case State.STALE:
                raise ConflictError("statement_stale", f"{file} is {self.sentence(file)}")
            case State.AHEAD:
                raise ConflictError("registry_behind", self.sentence(file))
            case _:
                return


@dataclass(frozen=True, slots=True, kw_only=True)
class Signing:
    """With which root keys somebody signs, and whether anything is asked first."""

    root_keys: Sequence[Path] = ()
    passphrase_files: Sequence[Path] = ()
    yes: bool = False

    @classmethod
    def given(
        cls, root_keys: list[Path] | None, passphrase_files: list[Path] | None, *, yes: bool
    ) -> "Signing":
        """Return what the options of a command say."""
        return cls(root_keys=root_keys or (), passphrase_files=passphrase_files or (), yes=yes)


def read_draft(file: Path) -> SignedStatement:
    """Read a statement from a file. Raises as ``parse_draft``."""
    with file.open("rb") as opened:
        return parse_draft(opened.read(MAX_STATEMENT_BYTES + 1))


def judge(signed: SignedStatement, held: Held | None) -> Verdict:
    """Say what would become of a statement now, by the registry held."""
    if held is None:
        if signed.statement.kind is not Kind.GENESIS:
            return Verdict(state=State.UNKNOWN)
        return _verdict(State.FOUNDS, lambda: found(signed.encoded, digest(signed.encoded)))
    index = held.number(signed.encoded)
    if index is not None:
        return Verdict(state=State.PUBLISHED, index=index)
    said = signed.statement
    if said.member in held.view.members and said.kind not in (Kind.GENESIS, Kind.ADMIT):
        head = held.view.chain_head(said.member, said.chain)
        if said.seq <= head.seq or (said.seq == head.seq + 1 and said.prev != head.digest):
            return Verdict(state=State.STALE)
        if said.seq > head.seq + 1:
            return Verdict(state=State.AHEAD)
    return _verdict(State.READY, lambda: check(held.view, signed))


def counted(signed: SignedStatement, held: Held | None) -> Tally:
    """Count who signed and who still must, as far as the registry at hand tells."""
    return tally(signed.note, needs(signed.statement, _view_before(signed, held)))


def show(file: Path, signed: SignedStatement, held: Held | None) -> None:
    """Tell a person what a statement changes, who signed, and what would become of it."""
    show_change(signed, held)
    show_state(file, signed, held)


def show_change(signed: SignedStatement, held: Held | None) -> None:
    """Tell a person what a statement changes."""
    told = tell(signed.statement, _view_before(signed, held), language())
    say(told.title)
    wide = max(len(label) for label, _ in told.lines)
    for label, text in told.lines:
        say(f"  {label:<{wide}}  {text}")


def show_state(file: Path, signed: SignedStatement, held: Held | None) -> None:
    """Tell a person who signed a statement, and what would become of it."""
    say(_SIGNED.text(language()))
    for line in tell_tally(counted(signed, held), language()):
        say(f"  {line}")
    say(_NOW.text(language()))
    say(f"  {judge(signed, held).sentence(file)}")


def shown(file: Path, signed: SignedStatement, held: Held | None) -> dict[str, Any]:
    """Return the same for programs."""
    said, verdict, count = signed.statement, judge(signed, held), counted(signed, held)
    told = tell(said, _view_before(signed, held), language())
    return {
        "file": str(file),
        "kind": said.kind.value,
        "member": said.member,
        "chain": said.chain.value,
        "seq": said.seq,
        "title": told.title,
        "lines": [{"label": label, "text": text} for label, text in told.lines],
        "roots": [
            {
                "member": need.member,
                "needed": need.needed,
                "signed": [short(pair) for pair in count.roots(need)],
                "missing": count.missing(need),
            }
            for need in count.needs.roots
        ],
        "witnesses": {"needed": count.needs.agreeing, "agreed": list(count.agreed)},
        "state": verdict.state.value,
        "code": verdict.code,
        "detail": visible(verdict.detail),
        "index": verdict.index,
    }


def sign(signed: SignedStatement, roots: Sequence[RootKey], held: Held | None) -> SignedStatement:
    """Return a statement with both signatures of each root.

    Raises RejectedError ``root_has_no_say`` for a root that has none, where that can be told.
    """
    for root in roots:
        _check_say(signed.statement, root, held)
        name = short(root_pair(root))
        note(_SIGNS.text(language()).format(root=name, name=root.name))
        signed = add_to_draft(signed, root_signers(root))
    counted(signed, held)  # what stands there and does not verify is found now, not at the end
    return signed


def propose(
    statement: Statement,
    folder: Path | None,
    held: Held,
    signing: Signing,
    *,
    out: Path | None,
    as_json: bool,
    signed: SignedStatement | None = None,
) -> None:
    """Write a new statement into a file, and go on with it as ``carry_on`` does.

    ``signed`` is the same with keys that prove themselves.
    """
    file = out or Path(f"{statement.kind}.{statement.member}")
    if file.exists():
        raise FileExistsError(17, "File exists", str(file))
    draft = signed or parse_draft(encode_draft(statement))
    carry_on(file, draft, folder, held, signing, as_json=as_json)


def carry_on(
    file: Path,
    signed: SignedStatement,
    folder: Path | None,
    held: Held,
    signing: Signing,
    *,
    as_json: bool,
) -> None:
    """Show a statement, sign it where keys are named, write it; the last to sign hands it in.

    ``folder`` is that of the node that hands it in, where there is one. Raises before anything is
    written when the registry would not take it.
    """
    judge(signed, held).check(file)
    if not as_json:
        show_change(signed, held)
    if signing.root_keys:
        if not signing.yes:
            assent(SIGN)
        roots = unlock_roots(signing.root_keys, signing.passphrase_files)
        signed = sign(signed, roots, held)
        judge(signed, held).check(file)
    if not file.exists() or signing.root_keys:
        write_private(file, signed.encoded)
    index = None
    ready = judge(signed, held).state is State.READY
    if signing.root_keys and ready and folder is not None:
        index = hand_in(daemon_of(folder), signed)
    if as_json:
        show_json({**shown(file, signed, held), "published": index})
    elif index is None:
        show_state(file, signed, held)
    else:
        say_published(signed, index)


def hand_in(daemon: Daemon, signed: SignedStatement) -> int:
    """Hand a statement to the running daemon; return its number in the registry."""
    body = {"note": base64.b64encode(signed.encoded).decode()}
    published: dict[str, int] = daemon.call("POST", "/v1/registry/statements", body)
    return published["index"]


def say_published(signed: SignedStatement, index: int) -> None:
    """Tell a person that a statement is in the registry."""
    told = tell(signed.statement, None, language())
    say(_DONE.text(language()).format(title=told.title, index=index))


def _verdict(good: State, judged: Callable[[], object]) -> Verdict:
    try:
        judged()
    except LiaisonError as fault:
        state = State.INCOMPLETE if fault.code in _UNSIGNED else State.REFUSED
        return Verdict(state=state, code=fault.code, detail=fault.detail)
    return Verdict(state=good)


def _view_before(signed: SignedStatement, held: Held | None) -> View | None:
    before = None if held is None else held.before(signed.encoded)
    return None if before is None else before.view


def _check_say(statement: Statement, root: RootKey, held: Held | None) -> None:
    """Let a root sign that has a say in a statement. Raises RejectedError ``root_has_no_say``."""
    pair = root_pair(root)
    needed = needs(statement, None if held is None else held.view).roots
    for need in needed:
        known = need.pairs is None or pair in need.pairs
        if known and root.name == root_name(statement.federation, need.member):
            return
    asked = ", ".join(need.member for need in needed) or "nobody's root"
    raise RejectedError(
        "root_has_no_say",
        f"the root {short(pair)} of {root.name} has no say in this statement: it is signed by "
        f"{asked}, with the roots in force",
    )
