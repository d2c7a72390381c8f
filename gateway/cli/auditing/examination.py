"""The audit log of a node's folder, checked whole: beside the running daemon, or without one.

Who holds the log's key can sign a whole other history. So the witnesses are asked what they hold of
ours, without a certificate: what they show verifies itself.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateway.errors import LiaisonError, RejectedError
from gateway.services.auditing.findings import AuditReport, Finding, FindingCode, HeldHead
from gateway.settings import Settings
from keys.registry.draft import parse_fingerprint
from keys.registry.origins import AuditOrigin, Shard
from keys.registry.view import View, advance, found
from keys.suite import MemberId, parse_member_id

if TYPE_CHECKING:
    from gateway.store.audit import AuditShard
    from gateway.store.database import Database

Progress = Callable[[int, int], None]
"""Told how much of how many entries and messages was looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Which witnesses were asked, and what they said."""

    witnesses: tuple[MemberId, ...] = ()
    held: tuple[HeldHead, ...] = ()
    silent: tuple[tuple[str, str], ...] = ()
    """Who did not answer, and why."""

    @property
    def know_none(self) -> list[MemberId]:
        """Who answered that it knows no head of this log."""
        said = {item.by for item in self.held} | {name for name, _ in self.silent}
        return [name for name in self.witnesses if name not in said]


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """What a whole check found."""

    report: AuditReport
    asked: Asked | None
    """None where nobody was to be asked."""


def examine(
    settings: Settings, *, offline: bool = True, progress: Progress = lambda _, __: None
) -> Examined:
    """Check the audit log of a node's folder. Raises LiaisonError when it cannot be read."""
    # What follows is loaded when a log is examined: it is most of a daemon.
    from gateway.daemon import open_database  # noqa: PLC0415
    from gateway.services.auditing.check import check_audit_log, total  # noqa: PLC0415

    database = open_database(settings)
    try:
        try:
            view = _mirrored(database, settings)
        except LiaisonError as fault:
            if fault.code == "registry_unknown":
                raise
            altered = Finding(code=FindingCode.REGISTRY_ALTERED, detail=fault.code)
            return Examined(report=AuditReport(findings=(altered,)), asked=None)
        member = parse_member_id(settings.node.member)
        asked = None if offline else _ask(database, view, member)
        held = () if asked is None else asked.held
        most, done = database.read_now(total), 0

        def looked(count: int) -> None:
            nonlocal done
            done += count
            progress(done, max(most, done))

        report = database.read_now(
            lambda tx: check_audit_log(tx, view, member, held=held, progress=looked)
        )
        return Examined(report=report, asked=asked)
    finally:
        database.close()


def _mirrored(database: "Database", settings: Settings) -> View:
    """Return the registry as the folder mirrors it, replayed. Raises LiaisonError."""
    from gateway.store import registry  # noqa: PLC0415 - as above

    notes = database.read_now(registry.all_statements)
    if not notes:
        raise RejectedError("registry_unknown", "nothing of the registry is mirrored")
    return advance(found(notes[0], parse_fingerprint(settings.registry.anchor)), notes[1:])


def _ask(database: "Database", view: View, member: MemberId) -> Asked:
    """Ask every witness but ourselves for the newest heads that it holds of our log."""
    from gateway.cli.ceremonies.stranger import read_heads  # noqa: PLC0415 - an HTTP client
    from gateway.store import audit  # noqa: PLC0415 - as above

    others = [item for item in view.witnessing() if item.member != member]
    reached = {item.member: item.endpoint for item in others if item.endpoint is not None}
    origins = _origins(view, member, database.read_now(audit.shards))
    held, silent = read_heads(reached, origins)
    silent += [(item.member, "no_address") for item in others if item.endpoint is None]
    return Asked(
        witnesses=tuple(item.member for item in others), held=tuple(held), silent=tuple(silent)
    )


def _origins(view: View, member: MemberId, shards: Sequence["AuditShard"]) -> list[str]:
    """Return the names of our shards, and of the one after the newest, which may be lost."""
    named = [item.origin for item in shards]
    try:
        newest = AuditOrigin.parse(named[-1]).shard if named else None
    except LiaisonError:  # told by the check
        newest = None
    if newest is not None:
        following = (Shard(newest.year, newest.restart + 1), Shard(newest.year + 1))
        named += [str(AuditOrigin(view.federation, member, shard)) for shard in following]
    return named
