"""``liaison registry``: found a federation."""

from typing import Annotated

import typer

from gateway.cli.console import say, show_json
from gateway.cli.founding import Founding, found_federation
from gateway.cli.options import (
    DEFAULT_FOLDER,
    AsJson,
    Folder,
    PassphraseFile,
    Store,
    passphrase,
    store_settings,
)
from gateway.clock import SystemClock
from gateway.errors import RejectedError
from gateway.settings import (
    KeysSettings,
    NodeSettings,
    PeerApiSettings,
    Settings,
    StoreSettings,
)
from keys.keyfile import DEMO, STANDARD
from keys.registry.statement import REGISTRY

app = typer.Typer(help="Found the federation's registry.", no_args_is_help=True)


@app.callback()
def registry() -> None:
    """Found the federation's registry."""


@app.command("init")
def init(
    federation: Annotated[str, typer.Option(help="Its name, such as mutual.example.")],
    endpoint: Annotated[str, typer.Option(help="Where members reach it: https://host:port.")],
    folder: Folder = DEFAULT_FOLDER,
    name: Annotated[str, typer.Option(help="The registrar's name in English.")] = "Registrar",
    name_fr: Annotated[str, typer.Option(help="The name in French.")] = "",
    registrars: Annotated[int, typer.Option(help="How many root keys.", min=1, max=7)] = 1,
    threshold: Annotated[int, typer.Option(help="How many must sign.", min=1, max=7)] = 1,
    listen: Annotated[str, typer.Option(help="The address to listen on; empty for all.")] = "",
    port: Annotated[int, typer.Option(help="The port to listen on.", min=1, max=65535)] = 8470,
    store: Store = StoreSettings().url,
    passphrase_file: PassphraseFile = None,
    weak_keystore: Annotated[
        bool, typer.Option(help="Spare memory at unlocking: for demonstrations alone.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Make the registrar's node and the registry's first statement; print the anchor."""
    if threshold > registrars:
        raise RejectedError("threshold_too_large", "the threshold is at most the number of keys")
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
    anchor = found_federation(
        founding,
        federation,
        names=[("en", name)] + ([("fr", name_fr)] if name_fr else []),
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
    say(f"  move to offline media:                      {folder / 'offline'}")
    say(f"  then start it:                              liaison serve --dir {folder}")
