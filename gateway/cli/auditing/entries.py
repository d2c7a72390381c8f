"""``liaison audit show`` and ``erase``: single entries, in words."""

import pwd
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlencode

import typer

from gateway.cli.auditing import words as audit_words
from gateway.cli.auditing.phrases import COLUMNS, SAID
from gateway.cli.terminal.asking import assent
from gateway.cli.terminal.console import language, note, say, show_json, show_table
from gateway.cli.terminal.moment import parse_moment
from gateway.cli.terminal.naming import case_named, message_named
from gateway.cli.terminal.options import DEFAULT_FOLDER, AsJson, Folder, Yes, daemon_of

PER_CALL = 1000


def show(
    folder: Folder = DEFAULT_FOLDER,
    case: Annotated[str | None, typer.Option(help="Of all messages of a case.")] = None,
    message: Annotated[str | None, typer.Option(help="Of a message, by its name.")] = None,
    member: Annotated[
        str | None, typer.Option(help="That name a member, or a caller such as uid:1000.")
    ] = None,
    kind: Annotated[str | None, typer.Option(help="Of a kind, such as message.read.")] = None,
    since: Annotated[str | None, typer.Option(help="From a time on, UTC.")] = None,
    until: Annotated[str | None, typer.Option(help="Up to a time, UTC.")] = None,
    shard: Annotated[str | None, typer.Option(help="Of one shard, such as 2026.")] = None,
    oldest: Annotated[bool, typer.Option("--oldest", help="The oldest first.")] = False,
    limit: Annotated[int, typer.Option(help="At most so many.", min=1)] = 50,
    cursor: Annotated[str | None, typer.Option("--next", help="Go on where a page ended.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show entries of the audit log: who did what, to which message, and why."""
    daemon = daemon_of(folder)
    asked = {
        "case": None if case is None else case_named(daemon, case),
        "message": None if message is None else message_named(daemon, message),
        "member": member,
        "kind": kind,
        "since": None if since is None else str(parse_moment(since)),
        "until": None if until is None else str(parse_moment(until)),
        "shard": shard,
        "order": "oldest" if oldest else "newest",
    }
    wanted = {name: value for name, value in asked.items() if value is not None}
    entries, following = _found(folder, wanted, limit, cursor)
    if as_json:
        show_json({"entries": entries, "next": following})
        return
    _show(entries)
    if following is not None:
        note(SAID["more"].text(language()).format(cursor=following))


def erase(
    shard: Annotated[str, typer.Argument(help="The shard, such as 2026.")],
    number: Annotated[int, typer.Argument(help="The entry's number in it.", min=0)],
    reason: Annotated[
        str, typer.Option(help="requested, ordered, retention or mistaken: it is recorded.")
    ],
    folder: Folder = DEFAULT_FOLDER,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Erase what an entry says of a person; its leaf stays, and that it was erased is recorded."""
    tongue = language()
    if not yes:
        query = {"shard": shard, "order": "oldest", "cursor": f"{shard}-{number}", "limit": "1"}
        _show(_page(folder, query)["entries"][:1])
        assent(SAID["erase"])
    body = {"shard": shard, "index": number, "reason": reason}
    erased = daemon_of(folder).call("POST", "/v1/audit/entries/erase", body)
    if as_json:
        show_json(erased)
        return
    say(f"{erased['shard']} {erased['index']}: {erased['kind']}, {erased['leaf']}")
    say(SAID["erased"].text(tongue))


def _found(
    folder: Path, wanted: dict[str, str], limit: int, cursor: str | None
) -> tuple[list[Any], str | None]:
    """Return so many entries, from as many pages as it takes, and where to go on."""
    entries: list[Any] = []
    following = cursor
    while True:
        query = wanted | {"limit": str(min(PER_CALL, limit - len(entries)))}
        page = _page(folder, query if following is None else query | {"cursor": following})
        entries += page["entries"]
        following = page["next"]
        if following is None or len(entries) >= limit:
            return entries, following


def _page(folder: Path, query: dict[str, str]) -> Any:
    return daemon_of(folder).call("GET", f"/v1/audit/entries?{urlencode(query)}")


def _show(entries: list[Any]) -> None:
    tongue = language()
    columns = ("entry", "when", "what", "who", "message", "why")
    show_table(
        [COLUMNS[name] if tongue == "fr" else name for name in columns],
        [tuple(audit_words.cells(item, tongue, _login)) for item in entries],
    )


def _login(caller: str) -> str:
    """Return a caller of the house with the name by which people know it."""
    number = caller.removeprefix("uid:")
    if number == caller or not number.isdecimal():
        return caller
    try:
        return f"{caller} ({pwd.getpwuid(int(number)).pw_name})"
    except (KeyError, OverflowError):
        return caller
