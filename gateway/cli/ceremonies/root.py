"""``liaison key root``: root keys, made and used where no network is."""

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.ceremonies import ceremony
from gateway.cli.ceremonies.fresh import with_fresh_keys
from gateway.cli.ceremonies.mirror import Held, held_for, held_in
from gateway.cli.ceremonies.rootkeys import (
    MOST_ROOTS,
    RootPlan,
    draw_set,
    key_file,
    public_file,
    read_public,
)
from gateway.cli.ceremonies.words import short
from gateway.cli.terminal.console import note, say, show_json
from gateway.cli.terminal.moment import parse_moment
from gateway.cli.terminal.options import (
    DEFAULT_FOLDER,
    PASSPHRASE_OF,
    AsJson,
    Folder,
    Out,
    PassphraseFiles,
    RegistryFile,
    RootKeys,
    Yes,
    passphrase,
    settings_of,
)
from gateway.clock import SystemClock
from gateway.errors import RejectedError
from keys.private import write_private
from keys.registry.draft import follow
from keys.registry.member import Member, RegisteredKey
from keys.registry.statement import Chain, Kind, Revocation, RootSet, Statement
from keys.slot import DEMO, STANDARD
from keys.suite import KeyUse, MemberId, parse_member_id

app = typer.Typer(help="Root keys: offline, k of n.", no_args_is_help=True)

_Fresh = Annotated[
    bool,
    typer.Option("--fresh-keys", help="Bring new node keys, drawn by the running daemon."),
]


@app.command()
def new(
    member: Annotated[str, typer.Option(help="Whose roots: the member's short name.")],
    federation: Annotated[str, typer.Option(help="The federation, such as mutual.example.")],
    out: Annotated[
        Path, typer.Option("--out", help="The folder to write them to.", metavar="FOLDER")
    ],
    keys: Annotated[int, typer.Option(help="How many.", min=1, max=MOST_ROOTS)] = 1,
    threshold: Annotated[int, typer.Option(help="How many must sign.", min=1, max=MOST_ROOTS)] = 1,
    generation: Annotated[
        int, typer.Option(help="The number of the set; by default the next in the folder.", min=0)
    ] = 0,
    passphrase_file: PassphraseFiles = None,
    weak_keystore: Annotated[
        bool, typer.Option(help="Spare memory at unlocking: for demonstrations alone.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Draw a root set: a sealed file for each key, and one public file. Needs no network."""
    plan, owner = RootPlan(count=keys, threshold=threshold), parse_member_id(member)
    out.mkdir(mode=0o700, parents=True, exist_ok=True)
    number = generation or _next_generation(out, owner)
    secrets = _fresh_passphrases(
        [key_file(out, owner, number, item) for item in range(1, keys + 1)], passphrase_file or ()
    )
    _, public = draw_set(
        out,
        federation,
        owner,
        number,
        plan,
        passphrases=secrets,
        cost=DEMO if weak_keystore else STANDARD,
        entropy=os.urandom,
    )
    file = public_file(out, owner, number)
    names = [short(pair) for pair in public.root.pairs]
    if as_json:
        show_json({"public": str(file), "threshold": threshold, "roots": names})
        return
    say(f"{owner} of {federation}: a root set of which {threshold} of {keys} must sign")
    for item, name in enumerate(names, 1):
        say(f"  {name}  {key_file(out, owner, number, item)}")
    say(f"  what may be shown:  {file}")


@app.command()
def join(
    sets: Annotated[list[Path], typer.Argument(help="Public files of sets, one of each holder.")],
    out: Annotated[Path, typer.Option("--out", help="The public file to write; a new one.")],
    threshold: Annotated[int, typer.Option(help="How many must sign.", min=1, max=MOST_ROOTS)],
    as_json: AsJson = False,
) -> None:
    """Make one set of those that several people drew, each at home; its keys stay with them."""
    if out.exists():
        raise FileExistsError(17, "File exists", str(out))
    shown = [read_public(file) for file in sets]
    pairs = tuple(pair for one in shown for pair in one.root.pairs)
    if len({(one.federation, one.member) for one in shown}) != 1:
        raise RejectedError("root_set_of_another_member", "the sets are not all of one member")
    if not threshold <= len(set(pairs)) == len(pairs) <= MOST_ROOTS:
        raise RejectedError(
            "root_set_malformed",
            f"a set has up to {MOST_ROOTS} different roots, of which at most all must sign",
        )
    joined = replace(shown[0], root=RootSet(threshold, pairs))
    write_private(out, joined.encode())
    names = [short(pair) for pair in pairs]
    if as_json:
        show_json({"public": str(out), "threshold": threshold, "roots": names})
    else:
        say(f"{out}: {threshold} of {len(names)} must sign: {', '.join(names)}")


@app.command()
def rotate(
    reveal: Annotated[Path, typer.Option(help="The public file of the set that was committed to.")],
    following: Annotated[
        Path, typer.Option("--next", help="The public file of the set to commit to now.")
    ],
    revoke: Annotated[
        list[str] | None,
        typer.Option(help="KEY@SINCE: a key, or a use with all its keys, and from when on."),
    ] = None,
    fresh_keys: _Fresh = False,
    registry: RegistryFile = None,
    out: Out = None,
    root_key: RootKeys = None,
    passphrase_file: PassphraseFiles = None,
    folder: Folder = DEFAULT_FOLDER,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Let the committed roots take the place of those in force: planned, or after a theft."""
    held, node = held_for(folder, registry)
    coming, after = read_public(reveal), read_public(following)
    member = coming.member if node is None else _own(node)
    for shown in (coming, after):
        if (shown.federation, shown.member) != (held.view.federation, member):
            raise RejectedError(
                "root_set_of_another_member", f"a root set of {shown.member}, not of {member}"
            )
    statement = replace(
        follow(held.view, Kind.ROTATE, member, Chain.NEXT, at=SystemClock().now()),
        root=coming.root,
        next=after.coming,
        revocations=_revocations(held.view.member(member), revoke or ()),
    )
    signing = ceremony.Signing.given(root_key, passphrase_file, yes=yes)
    _propose(statement, node, held, signing, fresh_keys, out, as_json)


@app.command("revoke")
def revoke_keys(
    keys: Annotated[
        list[str],
        typer.Argument(
            help="KEY@SINCE: a key, or a use with all its keys, and from when on.",
            metavar="KEY@SINCE",
        ),
    ],
    fresh_keys: _Fresh = False,
    out: Out = None,
    root_key: RootKeys = None,
    passphrase_file: PassphraseFiles = None,
    folder: Folder = DEFAULT_FOLDER,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Revoke keys of the node from any time on, by the roots in force."""
    held, member = held_in(folder), _own(folder)
    statement = replace(
        follow(held.view, Kind.KEYS, member, Chain.ROOT, at=SystemClock().now()),
        revocations=_revocations(held.view.member(member), keys),
    )
    signing = ceremony.Signing.given(root_key, passphrase_file, yes=yes)
    _propose(statement, folder, held, signing, fresh_keys, out, as_json)


def _propose(
    statement: Statement,
    folder: Path | None,
    held: Held,
    signing: ceremony.Signing,
    fresh_keys: bool,
    out: Path | None,
    as_json: bool,
) -> None:
    signed = None
    if fresh_keys:
        if folder is None:
            raise RejectedError("daemon_missing", "--fresh-keys needs this member's running node")
        signed = with_fresh_keys(statement, folder)
    ceremony.propose(statement, folder, held, signing, out=out, as_json=as_json, signed=signed)


def _own(folder: Path) -> MemberId:
    return parse_member_id(settings_of(folder).node.member)


def _next_generation(place: Path, member: MemberId) -> int:
    number = 1
    while public_file(place, member, number).exists():
        number += 1
    return number


def _fresh_passphrases(files: Sequence[Path], secrets: Sequence[Path]) -> list[bytes]:
    if len(secrets) not in (0, 1, len(files)):
        raise RejectedError(
            "passphrases_unmatched", "name one --passphrase-file for all keys, or one for each"
        )
    if not secrets:
        note("each key gets a passphrase of its own, which its holder types unseen")
        return [
            passphrase(None, fresh=True, prompt=PASSPHRASE_OF, name=item.name) for item in files
        ]
    read = [passphrase(file) for file in secrets]
    return read if len(read) == len(files) else read * len(files)


def _revocations(member: Member, asked: Sequence[str]) -> tuple[Revocation, ...]:
    """Read ``KEY@SINCE``. Raises RejectedError ``revocation_malformed`` or ``key_unknown``."""
    found: dict[bytes, Revocation] = {}
    for text in asked:
        named, separator, moment = text.partition("@")
        if not separator or not named:
            raise RejectedError(
                "revocation_malformed",
                f"{text!r}: a revocation is KEY@SINCE, such as sign@2026-11-25",
            )
        since = parse_moment(moment)
        for key in _named(member, named):
            found[key.key_id] = Revocation(key.key_id, since)
    return tuple(found.values())


def _named(member: Member, named: str) -> list[RegisteredKey]:
    """Return the keys that a use or the beginning of a key's name stands for."""
    good = [key for key in member.keys if key.revoked_since is None]
    if named in list(KeyUse):
        found = [key for key in good if key.use == named]
    else:
        found = [key for key in good if key.key_id.hex().startswith(named.lower())]
        if len(found) > 1:
            raise RejectedError("key_ambiguous", f"{named!r} begins several keys: write more of it")
    if not found:
        raise RejectedError(
            "key_unknown", f"{member.member} has no key {named!r} that is not revoked"
        )
    return found
