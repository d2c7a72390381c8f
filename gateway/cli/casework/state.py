"""Where a thread stands, and who may say what next, in the caller's words."""

from collections.abc import Iterable, Sequence
from typing import Any

from gateway.cases.families.conduct import KINDS
from gateway.cases.fields.labels import Label
from gateway.cases.threads.event import Side
from gateway.cases.threads.retention import Standing
from gateway.cases.threads.thread import REOPEN, TABLE, State, possible
from gateway.cases.threads.wording import STANDS
from gateway.cli.casework.words import NO_THREAD, NOT_NOW, NOT_OURS, WHICH_THREAD, word
from gateway.cli.terminal.told import SpokenError
from gateway.clock import SystemClock

LABELS = {kind.name: kind.label for kind in KINDS}
_CLOSED = {
    Standing.RESTRICTED: Label("the case is restricted", "le dossier est restreint"),
    Standing.PURGED: Label("the case was purged", "le dossier a été purgé"),
}


def command_of(kind: str) -> str:
    """Return what to type for a kind of the conduct, as in ``partial-reply``."""
    return kind.removeprefix("case.").replace("_", "-")


def possible_lines(thread: dict[str, Any], language: str) -> list[str]:
    """Say what each side may say now, with what to type for it."""
    said = []
    for side in (Side.ASKED, Side.ASKER):
        moves = ", ".join(
            f"{command_of(name)} ({LABELS[name].text(language)})" for name in _open(thread, side)
        )
        if moves:
            said.append(word("for", language, member=thread[side], moves=moves))
    return said or [word("nobody", language)]


def thread_for(
    detail: dict[str, Any], kind: str, speakers: Sequence[str], to: str | None
) -> dict[str, Any]:
    """Return the thread of a case in which one of ``speakers`` may say something now.

    Raises SpokenError ``not_in_this_state``, or ``thread_unclear`` where several would do.
    """
    case = detail["case"]
    threads: list[dict[str, Any]] = detail["threads"]
    between = [
        thread
        for thread in threads
        if (side := side_of(thread, speakers)) is not None and to in (None, _other(thread, side))
    ]
    if not between:
        others = to or ", ".join(sorted(_members(threads) - set(speakers))) or "-"
        raise SpokenError("not_in_this_state", NO_THREAD, case=case, me=speakers[0], others=others)
    able = [thread for thread in between if kind in _open(thread, side_of(thread, speakers))]
    if not able:
        raise _not_now(between[0], kind, speakers)
    if len(able) > 1:
        others = ", ".join(_other(thread, side_of(thread, speakers)) for thread in able)
        raise SpokenError("thread_unclear", WHICH_THREAD, case=case, others=others)
    return able[0]


def side_of(thread: dict[str, Any], speakers: Iterable[str]) -> Side | None:
    """Return on which side of a thread one of ``speakers`` is."""
    sides = {thread["asker"]: Side.ASKER, thread["asked"]: Side.ASKED}
    return next((sides[name] for name in speakers if name in sides), None)


def other_side(thread: dict[str, Any], speakers: Iterable[str]) -> str:
    """Return whom the other side of a thread is."""
    return _other(thread, side_of(thread, speakers))


def _not_now(thread: dict[str, Any], kind: str, speakers: Sequence[str]) -> SpokenError:
    side = side_of(thread, speakers)
    ours = side is not None and (kind, side) in TABLE
    return SpokenError(
        "not_in_this_state",
        NOT_NOW if ours else NOT_OURS,
        kind=LABELS[kind],
        me=speakers[0],
        other=_other(thread, side),
        stands=Label(_stands(thread, "en"), _stands(thread, "fr")),
        possible=Label(_possible(thread, "en"), _possible(thread, "fr")),
    )


def _possible(thread: dict[str, Any], language: str) -> str:
    return f"{word('now', language)} {'; '.join(possible_lines(thread, language))}"


def _stands(thread: dict[str, Any], language: str) -> str:
    state = thread["state"]
    if state in _CLOSED:
        return _CLOSED[Standing(state)].text(language)
    stands = STANDS[State(state)].text(language)
    return stands.format(asker=thread["asker"], asked=thread["asked"])


def _open(thread: dict[str, Any], side: Side | None) -> list[str]:
    """Return what a side may say; a thread that was closed long ago is not opened again."""
    if side is None:
        return []
    state, until = thread["state"], thread["reopenable_until"] or 0
    if state == Standing.PURGED:
        return []
    stands = State.CLOSED if state == Standing.RESTRICTED else State(state)
    return [
        name for name in possible(stands, side) if name != REOPEN or SystemClock().now() <= until
    ]


def _other(thread: dict[str, Any], side: Side | None) -> str:
    return str(thread["asked"] if side is Side.ASKER else thread["asker"])


def _members(threads: Iterable[dict[str, Any]]) -> set[str]:
    return {thread[side] for thread in threads for side in ("asker", "asked")}
