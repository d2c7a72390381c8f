"""``liaison case``: what was asked of whom, what is due first, what was said, and what to say."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from gateway.cases.forms import form_of
from gateway.cases.kind import Kind
from gateway.cases.kinds import kind_named
from gateway.cases.threads.clocks import Task
from gateway.cases.threads.event import Side
from gateway.cases.threads.retention import CaseState
from gateway.cases.threads.wording import FLAGS, TASKS
from gateway.cli.casework.message_lines import attachment_line, mark_line, speaker
from gateway.cli.casework.message_words import state
from gateway.cli.casework.moves import (
    Attach,
    CodesOption,
    Filled,
    Forwarding,
    OnBehalfOf,
    Purpose,
    Template,
    TlpOption,
    Wait,
    add_moves,
    handling_of,
)
from gateway.cli.casework.retention import add_retention, retention_lines, tombstone_lines
from gateway.cli.casework.saying import Wish, say_it
from gateway.cli.casework.state import LABELS, command_of, possible_lines
from gateway.cli.casework.words import COLUMNS, NO_OPENING, NOT_OPENING, word
from gateway.cli.forms.known import known_kinds
from gateway.cli.forms.opened import opened_lines
from gateway.cli.terminal.client import Daemon
from gateway.cli.terminal.console import language, say, show_json, show_table, told, when
from gateway.cli.terminal.naming import case_named, messages_named
from gateway.cli.terminal.options import DEFAULT_FOLDER, AsJson, Folder, daemon_of, settings_of
from gateway.cli.terminal.told import SpokenError, ToldError
from gateway.errors import UnavailableError

app = typer.Typer(help="Cases: what is asked and due.", no_args_is_help=True)


@app.command("list")
def list_cases(
    folder: Folder = DEFAULT_FOLDER,
    overdue: Annotated[bool, typer.Option("--overdue", help="What is late.")] = False,
    for_review: Annotated[
        bool, typer.Option("--for-review", help="What is over, and to be reviewed.")
    ] = False,
    every: Annotated[bool, typer.Option("--all", help="What is finished, too.")] = False,
    state: Annotated[CaseState | None, typer.Option(help="In this state alone.")] = None,
    role: Annotated[Side | None, typer.Option(help="Where we ask, or are asked.")] = None,
    limit: Annotated[int, typer.Option(help="At most so many.", min=1, max=500)] = 50,
    as_json: AsJson = False,
) -> None:
    """List what was asked of whom, what is due first."""
    show = "overdue" if overdue else "all" if every else "open"
    review = "due" if for_review else None
    asked = {"show": show, "state": state, "review": review, "role": role, "limit": limit}
    query = "&".join(f"{name}={value}" for name, value in asked.items() if value is not None)
    shown = daemon_of(folder).call("GET", f"/v1/cases?{query}")
    if as_json:
        show_json(shown)
        return
    show_table(
        _named("case", "asked", "kind", "state", "due", "remarks"),
        [
            (
                item["case"],
                _asked(item),
                item["label"],
                item["state_label"],
                due_line(item["due"]),
                _remarks(item),
            )
            for item in shown["threads"]
        ],
    )
    show_drafts(shown["drafts"])


@app.command()
def show(
    case: Annotated[str, typer.Argument(help="The case.")],
    folder: Folder = DEFAULT_FOLDER,
    outline: Annotated[
        bool, typer.Option("--outline", help="Open no message, so that no reading is recorded.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show where a case stands, all that was said, and who may say what next.

    Reading is recorded. With --json, the outline.
    """
    daemon = daemon_of(folder)
    shown = daemon.call("GET", f"/v1/cases/{case_named(daemon, case)}")
    if as_json:
        show_json(shown)
        return
    for line in retention_lines(shown):
        say(line)
    left = {item["id"]: item for item in shown["tombstones"]}
    for thread in shown["threads"]:
        say(f"{_asked(thread)}: {thread['label']} ({thread['kind']})")
        remarks = _remarks(thread)
        say(f"  {thread['state_label']}" + (f"; {remarks}" if remarks else ""))
        say(f"  {due_line(thread['due'])}")
        if thread["correctable_until"] is not None:
            say(f"  {word('correctable', language())} {when(thread['correctable_until'])}")
        for item in thread["reminders"]:
            task = TASKS[Task(item["task"])].text(language())
            told_to = word("reminder", language(), member=item["to"], task=task)
            say(f"  {when(item['at'])}  {told_to}")
        say("")
        _show_messages(daemon, folder, thread["messages"], thread["recalled"], left, outline)
        say(word("now", language()))
        for line in possible_lines(thread, language()):
            say(f"  {line}")
        say("")
    show_drafts(shown["drafts"])
    if shown["others"]:
        say(word("beside", language()))
        _show_messages(daemon, folder, shown["others"], (), left, outline)


@app.command("open")
def open_case(
    kind: Annotated[str, typer.Argument(help="What is asked, such as request.verify_value.")],
    to: Annotated[list[str], typer.Option(help="Whom to ask; may be repeated.")],
    folder: Folder = DEFAULT_FOLDER,
    file: Filled = None,
    template: Template = None,
    attach: Attach = None,
    on_behalf_of: OnBehalfOf = None,
    forwarding: Forwarding = None,
    purpose: Purpose = None,
    tlp: TlpOption = None,
    handling: CodesOption = None,
    wait: Wait = 0,
    as_json: AsJson = False,
) -> int:
    """Ask something of another member: by questions, or with a file that --template wrote."""
    known = _opening(kind_named(kind, known_kinds(folder)))
    daemon = daemon_of(folder)
    return say_it(
        daemon,
        Wish(
            kind=known,
            to=to,
            command=f"liaison case open {kind} {' '.join(f'--to {name}' for name in to)}",
            file=file,
            template=template,
            attach=attach or (),
            on_behalf_of=on_behalf_of,
            forwards=messages_named(daemon, forwarding or ()),
            purpose=purpose,
            known={"language": language()} | _names(daemon, folder, known, to),
            given=handling_of(tlp, handling),
            wait_s=wait,
            as_json=as_json,
        ),
    )


add_moves(app)
add_retention(app)


def show_drafts(drafts: list[dict[str, Any]]) -> None:
    """Print what waits for a second person; neither side goes by it yet."""
    if drafts:
        say(word("waiting", language()))
    for item in drafts:
        draft = word("draft", language(), kind=item["label"], to=", ".join(item["to"]))
        say(f"  {item['case']}  {draft}")
        until = when(item["until"])
        told = word("drafted", language(), name=item["drafted_by"], until=until, rule=item["rule"])
        begins = f"; {word('opens', language())}" if item["opens"] else ""
        say(f"    {item['id']}  {told}{begins}")


def due_line(due: dict[str, Any] | None) -> str:
    """Say by when who has to do what."""
    if due is None:
        return word("nothing", language())
    said = word("due_by", language(), by=due["by"], task=due["label"])
    return f"{when(due['at'])}  {said}"


def _opening(kind: Kind) -> Kind:
    """Let a kind that begins a case pass. Raises SpokenError ``kind_opens_no_case``."""
    if kind.opens_case:
        return kind
    label = NOT_OPENING if kind.name in LABELS else NO_OPENING
    raise SpokenError("kind_opens_no_case", label, name=kind.name, command=command_of(kind.name))


def _names(daemon: Daemon, folder: Path, kind: Kind, to: list[str]) -> dict[str, str]:
    """Return who asks and who is asked by their registered names, where a kind says it."""
    if not {"asking", "asked"} <= {field.name for field in form_of(kind)}:
        return {}
    listed = daemon.call("GET", "/v1/members")["members"]
    spoken = language()
    names = {item["member"]: item["names"].get(spoken, item["names"]["en"]) for item in listed}
    me = settings_of(folder).node.member
    asked = ", ".join(names.get(name, name) for name in to)
    return {"asking": names.get(me, me)[:200], "asked": asked[:200]}


def _show_messages(
    daemon: Daemon,
    folder: Path,
    messages: list[dict[str, Any]],
    recalled: Collection[str],
    left: Mapping[str, dict[str, Any]],
    outline: bool,
) -> None:
    """Print messages in their order, with what each made of the thread, and what it says.

    ``left`` are tombstones by the message's name.
    """
    for item in messages:
        far = word("unmoved", language()) if item["out_of_order"] else item["state_label"]
        back = [word("recalled", language())] if item["id"] in recalled else []
        back += [
            state(mark, language()) for mark in item["marks"] if mark != "recalled" or not back
        ]
        remarks = ", ".join([far, *back] if far else back)
        shown = f"  [{remarks}]" if remarks else ""
        say(f"{when(item['created_at'])}  {speaker(item)}: {item['label']}{shown}")
        say(f"  {item['id']}")
        if item["id"] in left:
            for line in tombstone_lines(left[item["id"]]):
                say(f"  {line}")
        elif not outline:
            _show_content(daemon, folder, item["id"])
        say("")


def _show_content(daemon: Daemon, folder: Path, message: str) -> None:
    try:
        opened = daemon.call("GET", f"/v1/messages/{message}")
    except (
        ToldError,
        UnavailableError,
    ) as fault:  # of another unit, or its key is gone: the rest is shown
        say(f"  {word('closed', language(), why=told(fault))}")
        return
    for mark in opened["marked"]:
        say(f"  {mark_line(mark)}")
    for line in opened_lines(folder, opened, language()):
        say(f"  {line}")
    for item in opened["attachments"]:
        say(f"  + {attachment_line(item)}")


def _named(*columns: str) -> list[str]:
    return [COLUMNS[name].text(language()) for name in columns]


def _asked(thread: dict[str, Any]) -> str:
    return f"{thread['asker']} → {thread['asked']}"


def _remarks(thread: dict[str, Any]) -> str:
    said = [FLAGS[flag].text(language()) for flag in thread["flags"]]
    if thread["out_of_order"]:
        said.append(word("out_of_order", language(), count=thread["out_of_order"]))
    return ", ".join(said)
