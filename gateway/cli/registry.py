"""``liaison registry``: found a federation, look at its registry, keep and check split views."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli import registrar
from gateway.cli.console import REFUSED, say, show_fields, show_json, show_table, when
from gateway.cli.founding import Founding, found_federation, given_roots, prepare_federation
from gateway.cli.options import (
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
from gateway.cli.rootkeys import MOST_ROOTS, OFFLINE, RootPlan
from gateway.clock import SystemClock
from gateway.errors import RejectedError
from gateway.settings import (
    KeysSettings,
    NodeSettings,
    PeerApiSettings,
    Settings,
    StoreSettings,
)
from keys.registry.draft import parse_fingerprint
from keys.registry.origins import registered_log_keys
from keys.registry.statement import REGISTRY
from keys.registry.view import View, advance, found
from keys.slot import DEMO, STANDARD
from keys.tlog.checkpoint import parse_checkpoint
from keys.tlog.note import VerifierKey
from keys.tlog.split_view import encode_split_view, parse_split_view, verify_split_view

if TYPE_CHECKING:
    from gateway.services.registry_check import RegistryReport
    from gateway.store.database import Database
    from gateway.store.split_views import SplitView
    from keys.tlog.split_view import SplitView as ProvenSplitView

app = typer.Typer(help="The federation's registry.", no_args_is_help=True)
proofs = typer.Typer(help="Proofs that the registry was shown in two ways.", no_args_is_help=True)
app.add_typer(proofs, name="split-view")
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


@proofs.command("list")
def list_proofs(folder: Folder = DEFAULT_FOLDER, as_json: AsJson = False) -> None:
    """List the proofs kept; works beside a running daemon or without one."""
    kept = list(enumerate(_kept(settings_of(folder)), 1))
    if as_json:
        show_json({"split_views": [_shown(number, item) for number, item in kept]})
        return
    show_table(
        ["number", "sizes", "seen", "shown by", "stands alone"],
        [
            (
                number,
                " and ".join(str(size) for size in _sizes(item)),
                when(item.seen_at),
                item.found_by,
                "yes" if _portable(item) else "no",
            )
            for number, item in kept
        ],
    )


@proofs.command()
def export(
    number: Annotated[int, typer.Argument(help="Its number in the list.", min=1)],
    file: Annotated[Path, typer.Argument(help="Where to write it.")],
    folder: Folder = DEFAULT_FOLDER,
) -> None:
    """Write a proof as a text file that others can check without this node."""
    kept = _kept(settings_of(folder))
    if number > len(kept):
        raise RejectedError("split_view_unknown", f"{len(kept)} proofs are kept here")
    item = kept[number - 1]
    shown = _portable(item)
    if shown is None:
        raise RejectedError(
            "split_view_unproven", "two heads of different sizes, kept without what lies between"
        )
    file.write_bytes(encode_split_view(shown))
    say(f"{file}: two heads of {item.origin}, of {parse_checkpoint(shown.smaller).size} and")
    say(f"{item.size} statements; to be checked: liaison registry split-view verify {file}")


@proofs.command("verify")
def verify_proof(
    file: Annotated[Path, typer.Argument(help="The proof.", exists=True)],
    folder: Folder = DEFAULT_FOLDER,
    log_key: Annotated[
        list[str] | None,
        typer.Option(help="A registrars' log key as a vkey, instead of a node's folder."),
    ] = None,
) -> None:
    """Check a proof with the registrars' log keys: those of a node's registry, or those named."""
    shown = parse_split_view(file.read_bytes())
    origin, keys = (
        parse_checkpoint(shown.larger).origin,
        [VerifierKey.parse(k) for k in log_key or ()],
    )
    if not keys:
        view = _view(settings_of(folder))
        origin = view.origin
        keys = list(registered_log_keys(view, view.origin))
    smaller, larger = verify_split_view(shown, origin, keys)
    say(f"proven: a key of the registrars of {origin} signed two histories")
    say(f"  of {smaller.size} statements  {smaller.root.hex()}")
    say(f"  of {larger.size} statements  {larger.root.hex()}")
    if smaller.size != larger.size:
        say(f"  which had been       {shown.root.hex()} at {smaller.size}")


def _say_prepared(federation: str, folder: Path, file: Path, as_json: bool) -> None:
    if as_json:
        show_json({"federation": federation, "dir": str(folder), "file": str(file)})
        return
    say(f"{federation}: the registrar's node is in {folder}")
    say(f"  every root signs:  liaison statement sign {file} --root-key KEY")
    say(f"  then:              liaison registry found {file} --dir {folder}")


def _shown(number: int, item: "SplitView") -> dict[str, object]:
    return {
        "number": number,
        "sizes": _sizes(item),
        "seen_at": item.seen_at,
        "found_by": item.found_by,
        "portable": _portable(item) is not None,
    }


def _sizes(item: "SplitView") -> list[int]:
    return [parse_checkpoint(head).size for head in (item.head_a, item.head_b)]


def _portable(item: "SplitView") -> "ProvenSplitView | None":
    from gateway.services.registry_check import portable  # noqa: PLC0415 - most of a daemon

    return portable(item.head_a, item.head_b, item.proof)


def examine(settings: Settings) -> "RegistryReport":
    """Replay the registry of a node's folder. Raises LiaisonError when it cannot be read."""
    from gateway.services.registry_check import check_registry  # noqa: PLC0415 - most of a daemon

    notes, head = _stored(settings)
    return check_registry(notes, head, parse_fingerprint(settings.registry.anchor))


def _view(settings: Settings) -> View:
    notes, _ = _stored(settings)
    if not notes:
        raise RejectedError("registry_unknown", "nothing of the registry is mirrored")
    return advance(found(notes[0], parse_fingerprint(settings.registry.anchor)), notes[1:])


def _stored(settings: Settings) -> tuple[Sequence[bytes], bytes]:
    from gateway.store import registry as mirror  # noqa: PLC0415 - loaded when a folder is read

    database = _database(settings)
    try:
        return database.read_now(lambda tx: (mirror.all_statements(tx), mirror.head(tx) or b""))
    finally:
        database.close()


def _kept(settings: Settings) -> "Sequence[SplitView]":
    from gateway.store import split_views  # noqa: PLC0415 - loaded when a folder is read

    database = _database(settings)
    try:
        return database.read_now(split_views.listing)
    finally:
        database.close()


def _database(settings: Settings) -> "Database":
    from gateway.daemon import open_database  # noqa: PLC0415 - loaded when a folder is read

    return open_database(settings)
