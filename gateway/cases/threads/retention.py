"""Retention: what stays of a case that is over, how long, and what may be said in it. Pure.

A case ends with its threads. Each side reviews it by its own terms; of what follows nothing is on
the wire. Source: SPEC "Retention".
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from gateway.cases.fields.labels import Label
from gateway.cases.kind import Family
from gateway.cases.threads.calendars import ANYWHERE, months_after
from gateway.cases.threads.thread import RECALL, REOPEN_WITHIN_S, State, Thread, is_event
from gateway.errors import ConflictError, ForbiddenError

FOREVER: Final = 2**53 - 1
"""Until when a case is kept that nobody may let go: a legal hold. UTC seconds."""
REOPEN: Final = "case.reopen"


class Standing(StrEnum):
    """How far a case is open to the house. A node's own remark, no state of a fold."""

    OPEN = "open"
    """Its unit reads it."""
    RESTRICTED = "restricted"
    """A releaser alone opens what was said in it, with a reason."""
    PURGED = "purged"
    """What was said is destroyed; who, when, which kinds, digests and receipts stay."""


class CaseState(StrEnum):
    """States of threads, and how far a case is open."""

    SUBMITTED = State.SUBMITTED
    IN_PROGRESS = State.IN_PROGRESS
    INCOMPLETE = State.INCOMPLETE
    CONDITIONS = State.CONDITIONS
    POSTPONED = State.POSTPONED
    PARTIAL = State.PARTIAL
    ANSWERED = State.ANSWERED
    REFUSED = State.REFUSED
    WITHDRAWN = State.WITHDRAWN
    CLOSED = State.CLOSED
    RESTRICTED = Standing.RESTRICTED
    PURGED = Standing.PURGED


class RetentionReason(StrEnum):
    """Why somebody decides about a case that is over."""

    EXPIRED = "expired"
    NEEDED = "needed"
    PROCEEDINGS = "proceedings"
    ORDERED = "ordered"
    REQUESTED = "requested"
    TERMS = "terms"
    MISTAKEN = "mistaken"
    REOPENED = "reopened"


RETENTION_REASONS: Final = {
    RetentionReason.EXPIRED: Label(
        "the time for keeping it is over", "la durée de conservation est échue"
    ),
    RetentionReason.NEEDED: Label("still needed for the work", "encore nécessaire au travail"),
    RetentionReason.PROCEEDINGS: Label("proceedings or an appeal", "procédure ou recours"),
    RetentionReason.ORDERED: Label(
        "ordered by an authority or a court", "ordonné par une autorité"
    ),
    RetentionReason.REQUESTED: Label(
        "asked for by a person concerned", "demandé par une personne concernée"
    ),
    RetentionReason.TERMS: Label("terms of who gave the information", "conditions de l'auteur"),
    RetentionReason.MISTAKEN: Label("decided by mistake before", "décidé par erreur auparavant"),
    RetentionReason.REOPENED: Label("the case was opened again", "dossier rouvert"),
}
STANDINGS: Final = {
    Standing.OPEN: Label("open to its unit", "ouvert à son unité"),
    Standing.RESTRICTED: Label("restricted", "restreint"),
    Standing.PURGED: Label("purged", "purgé"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """For how long cases are kept, by what is asked in them."""

    kinds: frozenset[str] = frozenset()
    """Names of requests, or what they begin with; none for all."""
    members: frozenset[str] = frozenset()
    """Who is on the other side; none for anybody."""
    instrument: str = ""
    """As the legal basis begins; empty for any."""
    review_months: int
    """From the end of a case to its review."""
    unclosed_months: int
    """After which what was answered or refused counts as ended without a word; 0 for never."""
    restricts: bool
    """Whether it is restricted by itself when its review is due."""
    purge_months: int
    """From its restriction until it is purged by itself; 0 for never."""
    reviewer: str
    """Which role decides that it is kept."""


UNCLOSED_MONTHS: Final = 12
"""Where no rule says otherwise."""


def rule_of(rules: Iterable[Rule], thread: Thread, me: str) -> Rule | None:
    """Return the first rule that is about a thread of ``me``; None where none is."""
    other = thread.pair.asked if thread.pair.asker == me else thread.pair.asker
    named = {thread.kind, thread.kind.partition(".")[0]}
    for rule in rules:
        if (
            (not rule.kinds or not named.isdisjoint(rule.kinds))
            and (not rule.members or other in rule.members)
            and thread.legal_basis.casefold().startswith(rule.instrument.casefold())
        ):
            return rule
    return None


def ended_at(thread: Thread, rule: Rule | None) -> int:
    """Return when a thread ended, or will have if nothing more is said; FOREVER while it runs."""
    if thread.state in (State.CLOSED, State.WITHDRAWN):
        return thread.entered_at
    unclosed_months = UNCLOSED_MONTHS if rule is None else rule.unclosed_months
    if thread.state in (State.ANSWERED, State.REFUSED) and unclosed_months:
        return later(thread.entered_at, unclosed_months)
    return FOREVER


def reopens_until(thread: Thread) -> int:
    """Return until when a thread may be opened again; 0 where it never can be."""
    return thread.entered_at + REOPEN_WITHIN_S if thread.state is State.CLOSED else 0


def review_at(thread: Thread, rule: Rule | None, heard_at: int) -> int:
    """Return when a thread is to be reviewed; FOREVER for not, or not yet.

    ``heard_at`` is when the last word of its case was stored: a closing that is dated back does not
    let it go sooner.
    """
    end = ended_at(thread, rule)
    if rule is None or end == FOREVER:
        return FOREVER
    return later(max(end, heard_at), rule.review_months)


def later(at: int, months: int) -> int:
    """Return the end of the day (UTC) that is so many months after ``at``, UTC seconds."""
    return min(ANYWHERE.end_of(months_after(ANYWHERE.day_of(at), months)), FOREVER)


def is_conduct(kind: str) -> bool:
    """Tell whether a message of a kind makes its case one in which something was asked."""
    return is_event(kind) and kind != RECALL


_AFTER_PURGE: Final = frozenset(
    {
        RECALL,
        "information.rectify",
        "information.recall_report",
        "consent.deny",
        "disclosure.notice",
        "breach.notice",
    }
)


def may_say(standing: Standing, kind: str, family: Family) -> bool:
    """Tell whether a kind may be said in a case: at its end, what becomes of what was sent.

    A restricted one may be opened again, which lifts the restriction.
    """
    match standing:
        case Standing.RESTRICTED:
            return kind == REOPEN or family is Family.CONTROL
        case Standing.PURGED:
            return kind in _AFTER_PURGE
        case _:
            return True


def check_may_say(standing: Standing, kind: str, family: Family) -> None:
    """Let pass what may be said in a case.

    Raises ForbiddenError ``case_restricted``, ConflictError ``case_purged``.
    """
    if may_say(standing, kind, family):
        return
    if standing is Standing.RESTRICTED:
        raise ForbiddenError(
            "case_restricted",
            f"this case is restricted: {kind} cannot be said in it, unless it is opened again "
            f"({REOPEN}) or a releaser lifts the restriction",
        )
    raise ConflictError(
        "case_purged", f"this case was purged: {kind} cannot be said in it; open another"
    )
