"""``liaison registry``: found a federation, look at its registry, keep and check split views."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.auditing import split_view
from gateway.cli.ceremonies import registrar
from gateway.cli.ceremonies.drawn_roots import given_roots
from gateway.cli.ceremonies.founding import (
    Founding,
    found_federation,
    prepare_federation,
)
from gateway.cli.ceremonies.rootkeys import MOST_ROOTS, OFFLINE, RootPlan
from gateway.cli.terminal.console import REFUSED, say, show_fields, show_json, show_table, when
from gateway.cli.terminal.options import (
    DEFAULT_FOLDER,
    AsJson,
    Folder,
    PassphraseFile,
    Store,
    daemon_of,
    passphrase,
    settings_of,
    store_settings,
)
from gateway.clock import SystemClock
from gateway.settings import (
    KeysSettings,
    NodeSettings,
    PeerApiSettings,
    Settings,
    StoreSettings,
)
from keys.registry.draft import parse_fingerprint
from keys.registry.statement import REGISTRY
from keys.slot import DEMO, STANDARD

if TYPE_CHECKING:
    from gateway.services.federation.check import RegistryReport
    from gateway.store.database import Database

app = typer.Typer(help="The federation's registry.", no_args_is_help=True)
app.add_typer(split_view.app, name="split-view")
app.command("found")(registrar.found_now)
app.command()(registrar.witnesses)
app.command("export")(registrar.export)


@app.callback()
def registry() -> None:
    """Found, watch and check the federation's registry."""


@app.command("init")
def init(
    federation: Annotated[str, typer.Option(help="Its name, such as mutual.example.")],
    endpoint: Annotated[str, typer.Option(help="Where members reach it: https://host:port.")],
    folder: Folder = DEFAULT_FOLDER,
    name: Annotated[str, typer.Option(help="The registrar's name in English.")] = "Registrar",
    name_fr: Annotated[str, typer.Option(help="The name in French.")] = "",
    registrars: Annotated[int, typer.Option(help="How many root keys.", min=1, max=MOST_ROOTS)] = 1,
    threshold: Annotated[int, typer.Option(help="How many must sign.", min=1, max=MOST_ROOTS)] = 1,
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
    """Make the registrar's node and the registry's first statement; print the anchor.

    Where the root keys were drawn elsewhere, every one of them signs that statement first.
    """
    RootPlan(count=registrars, threshold=threshold)
    given = given_roots(root_set, next_set)
    settings = Settings(
        node=NodeSettings(member=REGISTRY, data_dir=str(folder.absolute())),
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
    names = [("en", name)] + ([("fr", name_fr)] if name_fr else [])
    if given is not None:
        file = prepare_federation(
            founding,
            federation,
            names=names,
            endpoint=endpoint.rstrip("/"),
            settings=settings,
            roots=given,
        )
        _say_prepared(federation, folder, file, as_json)
        return
    anchor = found_federation(
        founding,
        federation,
        names=names,
        endpoint=endpoint.rstrip("/"),
        registrars=registrars,
        threshold=threshold,
        settings=settings,
    )
    if as_json:
        show_json({"federation": federation, "anchor": anchor, "dir": str(folder)})
        return
    say(f"{federation}: the registrar's node is in {folder}")
    say(f"  anchor, to give to members by another way:  {anchor}")
    say(f"  move to offline media:                      {folder / OFFLINE}")
    say(f"  then start it:                              liaison serve --dir {folder}")


@app.command()
def status(folder: Folder = DEFAULT_FOLDER, as_json: AsJson = False) -> None:
    """Show how far this node's registry goes, who was asked for it, and what is wrong with it."""
    daemon = daemon_of(folder)
    shown, node = daemon.call("GET", "/v1/registry"), daemon.call("GET", "/v1/status")
    if as_json:
        show_json({**shown, "split_views": node["split_views"]})
        return
    age_s = node["now"] - shown["checked_at"]
    confirmed = f"{when(shown['checked_at'])}, {age_s} s ago" if shown["checked_at"] else "never"
    show_fields(
        {
            "federation": shown["federation"],
            "anchor": shown["anchor"],
            "size": f"{shown['size']} statements",
            "root": shown["root"],
            "confirmed": f"{confirmed}, by the registrar" if shown["checked_at"] else confirmed,
            "fresh": "yes" if shown["fresh"] else "no: is the registrar reachable?",
            "split views": f"{node['split_views']} kept",
        }
    )
    if shown["sources"]:
        show_table(
            ["asked", "when", "outcome", "detail"],
            [
                (item["source"], when(item["at"]), item["outcome"], item["detail"])
                for item in shown["sources"]
            ],
        )
    for alarm in shown["alarms"]:
        say(f"ALARM  {when(alarm['at'])}  {alarm['verdict']}: {alarm['detail']}")


@app.command()
def verify(folder: Folder = DEFAULT_FOLDER, as_json: AsJson = False) -> int:
    """Replay the stored registry from its anchor; works beside a running daemon or without one."""
    settings = settings_of(folder)
    report = examine(settings)
    if as_json:
        show_json(
            {
                "verified": not report.fault,
                "statements": report.statements,
                "stored": report.stored,
                "kinds": report.kinds,
                "members": report.members,
                "newest_at": report.newest_at,
                "root": report.root.hex(),
                "fault": report.fault,
            }
        )
        return REFUSED if report.fault else 0
    kinds = ", ".join(f"{count} {kind}" for kind, count in report.kinds.items())
    say(f"{report.statements} of {report.stored} statements hold from the anchor on: {kinds}")
    say(f"they make {report.members} members; the newest is of {when(report.newest_at)}")
    say(f"root {report.root.hex()}")
    if report.fault:
        say(f"ALTERED  {report.fault}")
        say("NOT VERIFIED: restore the database from a backup, and find out who edits it")
        return REFUSED
    say("the registrars signed exactly this: verified")
    return 0


def _say_prepared(federation: str, folder: Path, file: Path, as_json: bool) -> None:
    if as_json:
        show_json({"federation": federation, "dir": str(folder), "file": str(file)})
        return
    say(f"{federation}: the registrar's node is in {folder}")
    say(f"  every root signs:  liaison statement sign {file} --root-key KEY")
    say(f"  then:              liaison registry found {file} --dir {folder}")


def examine(settings: Settings) -> "RegistryReport":
    """Replay the registry of a node's folder. Raises LiaisonError when it cannot be read."""
    from gateway.services.federation.check import check_registry  # noqa: PLC0415 - most of a daemon

    notes, head = _stored(settings)
    return check_registry(notes, head, parse_fingerprint(settings.registry.anchor))


def _stored(settings: Settings) -> tuple[Sequence[bytes], bytes]:
    from gateway.store import registry as mirror  # noqa: PLC0415 - loaded when a folder is read

    database = _database(settings)
    try:
        return database.read_now(lambda tx: (mirror.all_statements(tx), mirror.head(tx) or b""))
    finally:
        database.close()


def _database(settings: Settings) -> "Database":
    from gateway.daemon import open_database  # noqa: PLC0415 - loaded when a folder is read

    return open_database(settings)
