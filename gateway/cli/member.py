"""``liaison member``: admit, list, show, and what changes a member's standing."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.ceremonies import ceremony
from gateway.cli.ceremonies.competences import competences_of
from gateway.cli.ceremonies.mirror import Held, held_for, held_in
from gateway.cli.ceremonies.recovery import completed
from gateway.cli.ceremonies.rootkeys import keys_at_hand, read_public
from gateway.cli.member_words import (
    NOWHERE,
    PUBLISHED,
    card_of,
    role_of,
    seen_of,
    standing_of,
    union_of,
)
from gateway.cli.terminal.console import language, say, show_fields, show_json, show_table, when
from gateway.cli.terminal.options import (
    DEFAULT_FOLDER,
    AsJson,
    Folder,
    Out,
    PassphraseFiles,
    RegistryFile,
    RootKeys,
    Yes,
    daemon_of,
    settings_of,
)
from gateway.clock import SystemClock
from gateway.errors import RejectedError
from keys.registry.draft import follow
from keys.registry.statement import Chain, Kind, MemberRole, Statement
from keys.suite import parse_member_id

app = typer.Typer(help="Members of the federation.", no_args_is_help=True)

_Member = Annotated[str, typer.Argument(help="The member.")]
_MaybeMember = Annotated[str | None, typer.Argument(help="The member.")]
_ByItself = Annotated[
    bool, typer.Option("--self", help="This member itself, by its own root, not the registrars.")
]


@app.command()
def admit(
    join: Annotated[Path, typer.Argument(help="The member's join file.", exists=True)],
    folder: Folder = DEFAULT_FOLDER,
    root_key: RootKeys = None,
    passphrase_file: PassphraseFiles = None,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Sign a join file with the registrars' root keys; the last of them publishes it.

    Keys that still lie in the node's folder are found without being named.
    """
    signed, held = ceremony.read_draft(join), held_in(folder)
    if signed.statement.kind is not Kind.ADMIT:
        raise RejectedError("statement_misfit", f"{join} does not ask for admission")
    keys, secrets = root_key or keys_at_hand(folder, held.view), passphrase_file or []
    if not keys:
        raise RejectedError("root_key_missing", "name the registrars' root keys with --root-key")
    configured = settings_of(folder).keys.passphrase_file
    if not root_key and not secrets and configured:
        secrets = [settings_of(folder).path(configured)]
    signing = ceremony.Signing(root_keys=keys, passphrase_files=secrets, yes=yes)
    ceremony.carry_on(join, signed, folder, held, signing, as_json=as_json)


@app.command()
def suspend(
    member: _MaybeMember = None,
    by_itself: _ByItself = False,
    registry: RegistryFile = None,
    out: Out = None,
    root_key: RootKeys = None,
    passphrase_file: PassphraseFiles = None,
    folder: Folder = DEFAULT_FOLDER,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Let nothing be taken from a member or given to it, until it is resumed."""
    placed = _standing(Kind.SUSPEND, member, folder, registry, by_itself=by_itself)
    signing = ceremony.Signing.given(root_key, passphrase_file, yes=yes)
    ceremony.propose(*placed, signing, out=out, as_json=as_json)


@app.command()
def resume(
    member: _MaybeMember = None,
    by_itself: _ByItself = False,
    registry: RegistryFile = None,
    out: Out = None,
    root_key: RootKeys = None,
    passphrase_file: PassphraseFiles = None,
    folder: Folder = DEFAULT_FOLDER,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Lift a suspension: the registrars theirs, the member's roots their own."""
    placed = _standing(Kind.RESUME, member, folder, registry, by_itself=by_itself)
    signing = ceremony.Signing.given(root_key, passphrase_file, yes=yes)
    ceremony.propose(*placed, signing, out=out, as_json=as_json)


@app.command()
def role(
    member: _Member,
    is_now: Annotated[MemberRole, typer.Option("--role", help="What it is.")],
    state: Annotated[
        list[str] | None, typer.Option(help="A member that a union acts for; may be repeated.")
    ] = None,
    competence: Annotated[
        list[str] | None,
        typer.Option(help="A kind of message, or its first part: in what; may be repeated."),
    ] = None,
    out: Out = None,
    root_key: RootKeys = None,
    passphrase_file: PassphraseFiles = None,
    folder: Folder = DEFAULT_FOLDER,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Say what a member is, and for whom and in what a union acts."""
    held = held_in(folder)
    placed = follow(
        held.view, Kind.ROLE, parse_member_id(member), Chain.ISSUER, at=SystemClock().now()
    )
    competences = competences_of(is_now, state or (), competence or ())
    statement = replace(placed, role=is_now, competences=competences)
    signing = ceremony.Signing.given(root_key, passphrase_file, yes=yes)
    ceremony.propose(statement, folder, held, signing, out=out, as_json=as_json)


@app.command()
def recover(
    member: _Member,
    proposal: Annotated[
        Path | None, typer.Argument(help="What liaison init --recover wrote.", exists=True)
    ] = None,
    complete: Annotated[
        bool, typer.Option("--complete", help="End it: 30 witnessed days are over.")
    ] = False,
    out: Out = None,
    root_key: RootKeys = None,
    passphrase_file: PassphraseFiles = None,
    folder: Folder = DEFAULT_FOLDER,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Begin the recovery of a member that lost every key, or complete it 30 days later."""
    if complete == (proposal is not None):
        raise RejectedError("proposal_missing", "name the member's proposal, or --complete")
    held, signing = held_in(folder), ceremony.Signing.given(root_key, passphrase_file, yes=yes)
    if proposal is None:
        statement = completed(held.view, parse_member_id(member), folder, SystemClock().now())
        ceremony.propose(statement, folder, held, signing, out=out, as_json=as_json)
        return
    signed = ceremony.read_draft(proposal)
    if (signed.statement.kind, signed.statement.member) != (Kind.RECOVER, member):
        raise RejectedError("statement_misfit", f"{proposal} does not propose to recover {member}")
    ceremony.carry_on(proposal, signed, folder, held, signing, as_json=as_json)


@app.command()
def veto(
    member: _MaybeMember = None,
    reveal: Annotated[
        Path | None,
        typer.Option(help="The public file of the committed next roots, if they sign."),
    ] = None,
    registry: RegistryFile = None,
    out: Out = None,
    root_key: RootKeys = None,
    passphrase_file: PassphraseFiles = None,
    folder: Folder = DEFAULT_FOLDER,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Stop a recovery: by the member's roots in force, or by its next ones alone."""
    held, node = held_for(folder, registry)
    named = parse_member_id(member or settings_of(folder).node.member)
    chain = Chain.ROOT if reveal is None else Chain.NEXT
    placed = follow(held.view, Kind.VETO, named, chain, at=SystemClock().now())
    statement = replace(placed, root=None if reveal is None else read_public(reveal).root)
    signing = ceremony.Signing.given(root_key, passphrase_file, yes=yes)
    ceremony.propose(statement, node, held, signing, out=out, as_json=as_json)


@app.command()
def route(
    endpoint: Annotated[
        str | None, typer.Option(help="Where peers reach this node: https://host:port, or none.")
    ] = None,
    via: Annotated[
        list[str] | None,
        typer.Option(help="A relay that keeps its mailbox, or none; may be repeated."),
    ] = None,
    folder: Folder = DEFAULT_FOLDER,
    as_json: AsJson = False,
) -> None:
    """Change the address or the relays of this node; its daemon says so itself."""
    body: dict[str, object] = {}
    if endpoint is not None:
        body["endpoint"] = "" if endpoint == "none" else endpoint.rstrip("/")
    if via:
        body["via"] = [] if via == ["none"] else via
    if not body:
        raise RejectedError("route_missing", "name --endpoint, --via, or both")
    published = daemon_of(folder).call("POST", "/v1/route", body)
    if as_json:
        show_json(published)
    else:
        spoken = language()
        say(PUBLISHED.text(spoken).format(**published))
        show_fields(
            {
                "endpoint": published["endpoint"] or NOWHERE.text(spoken),
                "relays": ", ".join(published["via"]) or NOWHERE.text(spoken),
            }
        )


@app.command("list")
def list_members(folder: Folder = DEFAULT_FOLDER, as_json: AsJson = False) -> None:
    """List the members."""
    daemon = daemon_of(folder)
    shown = daemon.call("GET", "/v1/members")
    if as_json:
        show_json(shown)
        return
    size, spoken = daemon.call("GET", "/v1/registry")["size"], language()
    show_table(
        ["member", "name", "role", "endpoint", "state", "registry"],
        [
            (
                item["member"],
                item["names"].get(spoken, item["names"]["en"]),
                role_of(item, spoken),
                item["endpoint"] or "-",
                standing_of(item, spoken),
                seen_of(item["registry_size"], size, spoken),
            )
            for item in shown["members"]
        ],
    )


@app.command()
def show(
    member: Annotated[str, typer.Argument(help="The member.")],
    folder: Folder = DEFAULT_FOLDER,
    as_json: AsJson = False,
) -> None:
    """Show a member and its keys."""
    shown = daemon_of(folder).call("GET", f"/v1/members/{member}")
    if as_json:
        show_json(shown)
        return
    spoken = language()
    show_fields(
        {
            "member": shown["member"],
            "name": " / ".join(shown["names"].values()),
            "role": role_of(shown, spoken),
            **union_of(shown, spoken),
            "standing": standing_of(shown, spoken),
            "endpoint": shown["endpoint"] or "-",
            "admitted": when(shown["admitted_at"]),
            "key card": card_of(shown, spoken),
        }
    )
    show_table(
        ["use", "key", "start", "end"],
        [
            (key["use"], key["id"][:16], when(key["start"]), when(key["end"]))
            for key in shown["keys"]
        ],
    )


def _standing(
    kind: Kind, member: str | None, folder: Path, registry: Path | None, *, by_itself: bool
) -> tuple[Statement, Path | None, Held]:
    """Return a statement of a member's standing, who hands it in, and what it was written from."""
    if member is None and not by_itself:
        raise RejectedError("member_missing", "name a member, or --self")
    named = parse_member_id(member or settings_of(folder).node.member)
    held, node = held_for(folder, registry)
    chain = Chain.ROOT if by_itself else Chain.ISSUER
    return follow(held.view, kind, named, chain, at=SystemClock().now()), node, held
