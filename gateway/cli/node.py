"""``liaison init`` and ``migrate``: a node's folder."""

from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.ceremonies.competences import competences_of
from gateway.cli.ceremonies.drawn_roots import given_roots
from gateway.cli.ceremonies.founding import (
    Founding,
    check_free,
    found_again,
    found_member,
    with_anchor,
)
from gateway.cli.ceremonies.rootkeys import MOST_ROOTS, OFFLINE, RootPlan
from gateway.cli.terminal.console import say, show_json
from gateway.cli.terminal.options import (
    DEFAULT_FOLDER,
    AsJson,
    Folder,
    PassphraseFile,
    Store,
    passphrase,
    settings_of,
    store_settings,
)
from gateway.clock import SystemClock
from gateway.errors import RejectedError, UnavailableError
from gateway.settings import (
    KeysSettings,
    NodeSettings,
    PeerApiSettings,
    Settings,
    StoreSettings,
)
from gateway.store.lock import FolderLock
from keys.registry.draft import parse_fingerprint
from keys.registry.statement import MemberRole
from keys.slot import DEMO, STANDARD
from keys.suite import parse_member_id


def init(
    member: Annotated[str, typer.Option(help="The member's short name, such as XB.")],
    anchor: Annotated[str, typer.Option(help="The registry's fingerprint, given out of band.")],
    registry: Annotated[
        str, typer.Option(help="The registrar's gateway: https://host:port.", metavar="URL")
    ],
    name: Annotated[str, typer.Option(help="The member's name in English.")] = "",
    endpoint: Annotated[
        str, typer.Option(help="Where peers reach it: https://host:port; none behind a relay.")
    ] = "",
    via: Annotated[
        list[str] | None, typer.Option(help="A relay that keeps its mailbox; may be repeated.")
    ] = None,
    folder: Folder = DEFAULT_FOLDER,
    name_fr: Annotated[str, typer.Option(help="The member's name in French.")] = "",
    role: Annotated[MemberRole, typer.Option(help="What it is.")] = MemberRole.ADMINISTRATION,
    state: Annotated[
        list[str] | None, typer.Option(help="A member that a union acts for; may be repeated.")
    ] = None,
    competence: Annotated[
        list[str] | None,
        typer.Option(help="A kind of message, or its first part: in what; may be repeated."),
    ] = None,
    succeeds: Annotated[
        str, typer.Option(help="The suspended member whose place this one takes.")
    ] = "",
    recover: Annotated[
        bool, typer.Option("--recover", help="A new node of a member that lost every key.")
    ] = False,
    root_keys: Annotated[
        int, typer.Option(help="How many root keys to draw.", min=1, max=MOST_ROOTS)
    ] = 1,
    root_threshold: Annotated[
        int, typer.Option(help="How many of them must sign.", min=1, max=MOST_ROOTS)
    ] = 1,
    root_set: Annotated[
        Path | None, typer.Option(help="The public file of root keys that were drawn elsewhere.")
    ] = None,
    next_set: Annotated[
        Path | None, typer.Option(help="The public file of the set that comes after them.")
    ] = None,
    listen: Annotated[str, typer.Option(help="The address to listen on; empty for all.")] = "",
    port: Annotated[int, typer.Option(help="The port to listen on.", min=1, max=65535)] = 8470,
    store: Store = StoreSettings().url,
    passphrase_file: PassphraseFile = None,
    weak_keystore: Annotated[
        bool, typer.Option(help="Spare memory at unlocking: for demonstrations alone.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Make a node: keys, settings, database, and the join file for the registrar."""
    from gateway.cli.ceremonies.stranger import (  # noqa: PLC0415 - an HTTP client, which --help does without
        read_genesis,
        read_registry,
    )

    if role is MemberRole.REGISTRAR:
        raise RejectedError("role_wrong", "a registrar is made by liaison registry init")
    if not name and not recover:
        raise RejectedError("name_missing", "a member has an English name: --name")
    competences = competences_of(role, state or (), competence or ())
    relays = [parse_member_id(relay) for relay in via or ()]
    if not endpoint and not relays:
        raise RejectedError("route_missing", "name --endpoint, or --via a relay, or both")
    plan = RootPlan(count=root_keys, threshold=root_threshold)
    roots = given_roots(root_set, next_set) or plan
    check_free(folder)
    anchored, url = parse_fingerprint(anchor), registry.rstrip("/")
    view = read_registry(url, anchored) if recover else read_genesis(url, anchored)
    settings = Settings(
        node=NodeSettings(member=parse_member_id(member), data_dir=str(folder.absolute())),
        keys=KeysSettings(
            passphrase_file="" if passphrase_file is None else str(passphrase_file.absolute())
        ),
        peer_api=PeerApiSettings(host=listen, port=port),
        store=store_settings(store),
    )
    founding = Founding(
        folder=folder,
        passphrase=passphrase(passphrase_file, fresh=True),
        cost=DEMO if weak_keystore else STANDARD,
        now=SystemClock().now(),
    )
    settings = with_anchor(settings, anchor, url)
    if recover:
        asks = found_again(
            founding,
            view,
            parse_member_id(member),
            endpoint=endpoint.rstrip("/") or None,
            via=relays,
            settings=settings,
            roots=roots,
        )
    else:
        asks = found_member(
            founding,
            view.federation,
            parse_member_id(member),
            anchor=anchored,
            names=[("en", name)] + ([("fr", name_fr)] if name_fr else []),
            role=role,
            competences=competences,
            succeeds=parse_member_id(succeeds) if succeeds else None,
            endpoint=endpoint.rstrip("/") or None,
            via=relays,
            settings=settings,
            roots=roots,
        )
    drawn = roots is plan
    if as_json:
        offline = str(folder / OFFLINE) if drawn else None
        show_json({"member": member, "dir": str(folder), "file": str(asks), "offline": offline})
        return
    say(f"{member} of {view.federation}: the node is in {folder}")
    if not drawn:
        say(f"  let its roots sign first: liaison statement sign {asks} --root-key KEY")
    say(f"  give to the registrar:    {asks}")
    if drawn:
        say(f"  move to offline media:    {folder / OFFLINE} (root keys: now, and the next set)")
    say(f"  then start it:            liaison serve --dir {folder}")


def migrate(folder: Folder = DEFAULT_FOLDER) -> None:
    """Bring the database of a stopped node to this version's schema."""
    from gateway.store.migrate import upgrade  # noqa: PLC0415 - loaded when it is needed
    from gateway.store.schema import REVISION  # noqa: PLC0415 - the same

    settings = settings_of(folder)
    path = settings.database_path
    if path is not None and not path.exists():
        raise UnavailableError("database_missing", f"there is no database at {path}")
    with FolderLock(settings.data_dir):
        upgrade(settings.database_url)
    say(f"{settings.database_url} has the schema {REVISION}")
