"""``liaison token``: what systems of the house show to be known by a label, with roles."""

from pathlib import Path
from typing import Annotated
from urllib.parse import quote

import typer

from gateway.cli.terminal.console import say, show_json, show_table, when
from gateway.cli.terminal.options import DEFAULT_FOLDER, AsJson, Folder, daemon_of
from gateway.settings import Role
from keys.private import write_private

app = typer.Typer(help="Tokens of systems of the house.", no_args_is_help=True)

Label = Annotated[str, typer.Argument(help="The token's label.")]


@app.command()
def create(
    label: Label,
    role: Annotated[list[Role], typer.Option("--role", help="A role; may be repeated.")],
    out: Annotated[Path, typer.Option("--out", help="The file for its secret; a new one.")],
    unit: Annotated[str | None, typer.Option(help="The only unit whose messages it sees.")] = None,
    expires_in_days: Annotated[
        int | None, typer.Option(help="After how many days it ends.", min=1, max=3660)
    ] = None,
    folder: Folder = DEFAULT_FOLDER,
    as_json: AsJson = False,
) -> None:
    """Make a token, and write its secret to a file of mode 0600; it is shown nowhere."""
    daemon = daemon_of(folder)
    out.touch(mode=0o600, exist_ok=False)
    order = {"label": label, "roles": role, "unit": unit, "expires_in_days": expires_in_days}
    try:
        made = daemon.call("POST", "/v1/tokens", order)
    except Exception:
        out.unlink()
        raise
    try:
        write_private(out, made.pop("token").encode() + b"\n")
    except OSError:
        daemon.call("POST", f"/v1/tokens/{quote(label)}/revoke")
        raise
    if as_json:
        show_json({**made, "file": str(out)})
        return
    say(f"{label}: {', '.join(made['roles'])}, {_until(made['expires_at'])}")
    say(f"  its secret is in {out}: show it with --token-file, or Authorization: Bearer")


@app.command("list")
def list_tokens(folder: Folder = DEFAULT_FOLDER, as_json: AsJson = False) -> None:
    """List tokens by label, those that are over too."""
    shown = daemon_of(folder).call("GET", "/v1/tokens")
    if as_json:
        show_json(shown)
        return
    show_table(
        ["label", "state", "roles", "unit", "expires", "last used", "made by"],
        [
            (
                token["label"],
                token["state"],
                " ".join(token["roles"]),
                token["unit"] or "-",
                when(token["expires_at"]),
                when(token["last_used_at"]),
                token["created_by"],
            )
            for token in shown["tokens"]
        ],
    )


@app.command()
def revoke(label: Label, folder: Folder = DEFAULT_FOLDER, as_json: AsJson = False) -> None:
    """Revoke a token, at once and for good."""
    shown = daemon_of(folder).call("POST", f"/v1/tokens/{quote(label, safe='')}/revoke")
    if as_json:
        show_json(shown)
    else:
        say(f"{label}: revoked {when(shown['revoked_at'])}")


def _until(expires_at: int | None) -> str:
    return "until it is revoked" if expires_at is None else f"until {when(expires_at)}"
