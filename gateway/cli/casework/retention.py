"""``liaison case review``, ``restrict``, ``lift``, ``purge``: what becomes of a case at its end."""

import sys
from typing import Annotated, Any

import typer

from gateway.cases.threads.retention import RETENTION_REASONS, STANDINGS, RetentionReason, Standing
from gateway.cli.casework.words import SURE, word
from gateway.cli.terminal.asking import assent
from gateway.cli.terminal.console import language, say, show_json, when
from gateway.cli.terminal.naming import case_named
from gateway.cli.terminal.options import DEFAULT_FOLDER, AsJson, Folder, Yes, daemon_of

Case = Annotated[str, typer.Argument(help="The case.")]
Why = Annotated[RetentionReason, typer.Option("--reason", help="Why.")]
FileNumber = Annotated[
    str, typer.Option("--reference", help="A file number by which the reason is found elsewhere.")
]


def add_retention(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (review, restrict, lift, purge):
        app.command()(command)


def review(
    case: Case,
    reason: Why,
    keep_until: Annotated[
        str | None, typer.Option(help="The last day on which it is needed, as 2027-12-31.")
    ] = None,
    hold: Annotated[
        bool, typer.Option("--hold", help="A legal hold: keep it without end.")
    ] = False,
    reference: FileNumber = "",
    folder: Folder = DEFAULT_FOLDER,
    as_json: AsJson = False,
) -> None:
    """Keep a case until a day, or on a legal hold, which a releaser alone ends. Recorded."""
    order: dict[str, Any] = {"reason": reason.value, "reference": reference, "hold": hold}
    if keep_until is not None:
        order["keep_until"] = keep_until
    _decide(case, "review", order, folder, as_json=as_json)


def restrict(
    case: Case,
    reason: Why,
    reference: FileNumber = "",
    folder: Folder = DEFAULT_FOLDER,
    as_json: AsJson = False,
) -> None:
    """Close what was said in a case that is over: a releaser alone opens it, with a reason."""
    order = {"reason": reason.value, "reference": reference}
    _decide(case, "restrict", order, folder, as_json=as_json)


def lift(
    case: Case,
    reason: Why,
    reference: FileNumber = "",
    folder: Folder = DEFAULT_FOLDER,
    as_json: AsJson = False,
) -> None:
    """Open a restricted case to its unit again, as a releaser. Recorded."""
    order = {"reason": reason.value, "reference": reference}
    _decide(case, "lift", order, folder, as_json=as_json)


def purge(
    case: Case,
    reason: Why,
    reference: FileNumber = "",
    folder: Folder = DEFAULT_FOLDER,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Destroy what was said in a restricted case, as a releaser who did not restrict it.

    Its tombstone stays: who, when, which kinds, digests and receipts. Recorded.
    """
    if not yes and sys.stdin.isatty():
        assent(SURE)
    order = {"reason": reason.value, "reference": reference}
    _decide(case, "purge", order, folder, as_json=as_json)


def retention_lines(shown: dict[str, Any]) -> list[str]:
    """Say what was decided about a case, and what its threads say of its review."""
    spoken, lines = language(), list[str]()
    due = [item["review_at"] for item in shown["threads"] if item["review_at"] is not None]
    if due:
        lines.append(word("review_at", spoken, at=when(max(due))))
    decided = shown["retention"]
    if decided is None:
        return lines
    if decided["stands_since"]:
        lines.append(
            word(
                "stands",
                spoken,
                standing=decided["standing_label"],
                at=when(decided["stands_since"]),
                by=decided["stands_by"] or word("by_itself", spoken),
                why=_why(decided["reason_label"], decided["reference"]),
            )
        )
    if decided["kept_at"]:
        why = _why(decided["kept_reason_label"], decided["kept_reference"])
        until = decided["keep_until"]
        said = word("held" if decided["held"] else "kept", spoken, at=when(until))
        lines.append(f"{said}, {word('decided', spoken, by=decided['kept_by'], why=why)}")
    return lines


def tombstone_lines(item: dict[str, Any]) -> list[str]:
    """Say what is left of a message that is purged."""
    spoken = language()
    return [
        word("tombstone", spoken, at=when(item["purged_at"]), digest=item["tbs_digest"]),
        *(
            word("receipt_left", spoken, member=one["member"], at=when(one["at"]))
            for one in item["receipts"]
        ),
    ]


def _decide(case: str, act: str, order: dict[str, Any], folder: Folder, *, as_json: bool) -> None:
    daemon = daemon_of(folder)
    done = daemon.call("POST", f"/v1/cases/{case_named(daemon, case)}/{act}", order)
    if as_json:
        show_json(done)
        return
    spoken = language()
    standing = STANDINGS[Standing(done["standing"])].text(spoken)
    say(word("now_stands", spoken, case=done["case"], standing=standing, count=done["messages"]))
    if act == "review":
        say(word("held" if done["held"] else "kept", spoken, at=when(done["keep_until"])))
    why = RETENTION_REASONS[RetentionReason(order["reason"])].text(spoken)
    say(_why(why, order["reference"]))


def _why(reason: str, reference: str) -> str:
    return f"{reason} ({reference})" if reference else reason
