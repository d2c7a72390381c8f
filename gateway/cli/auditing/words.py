"""Findings of the check and entries of the audit log, in words. Pure."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from gateway.cli.auditing.phrases import (
    AS_ROLE,
    ERASED,
    FOUND,
    KINDS,
    MADE,
    MEANS,
    READ_ATTACHMENT,
    READS,
    SAID,
    SHOWN_BY,
    SIGNED,
    WHERE,
)
from gateway.cli.ceremonies.words import visible
from gateway.cli.terminal.console import when
from gateway.protocol.audit import EntryKind
from gateway.services.auditing.findings import AuditReport, Compared, Finding, FindingCode

_OF_HEADS = (
    FindingCode.HEAD_INVALID,
    FindingCode.FRONTIER_ALTERED,
    FindingCode.QUORUM_UNPROVEN,
)


def where(finding: Finding, language: str) -> str:
    """Return where a finding is: an entry, some of them, a head, a message."""
    first, last = number(finding.first, language), number(finding.last, language)
    place = WHERE[_place(finding)].text(language)
    return visible(
        place.format(shard=finding.shard, first=first, last=last, subject=finding.subject)
    )


def what(finding: Finding, language: str) -> str:
    """Return what is wrong there."""
    return visible(FOUND[finding.code].text(language).format(detail=finding.detail))


def told(finding: Finding, language: str) -> str:
    """Return a finding in one line: where, what, and what of it can still be read."""
    sides = [item for item in (finding.kind, *_sides(finding, language)) if item]
    known = f" ({visible(', '.join(sides))})" if sides else ""
    colon = " :" if language == "fr" else ":"
    return f"{where(finding, language)}{colon} {what(finding, language)}{known}"


def meaning(finding: Finding, language: str) -> str:
    """Return what follows from a finding; empty where it says so itself."""
    means = MEANS.get(finding.code)
    return "" if means is None else means.text(language)


def counted(report: AuditReport, language: str) -> str:
    """Return what was checked, and the verdict."""
    sentence = SAID["counted"].text(language).format(
        entries=number(report.entries, language),
        erased=report.erased,
        waiting=report.waiting,
        checkpoints=number(report.checkpoints, language),
        messages=number(report.messages, language),
    )  # fmt: skip
    verdict = SAID["not_verified" if report.findings else "verified"].text(language)
    colon = " :" if language == "fr" else ":"
    return f"{sentence}{colon} {verdict}"


def comparison(item: Compared, language: str) -> str:
    """Return what became of a head that a witness showed."""
    sentence = SAID[item.verdict].text(language)
    return sentence.format(by=item.by, shard=item.shard, size=number(item.size, language))


def cells(
    entry: Mapping[str, Any], language: str, login: Callable[[str], str] = str
) -> Iterator[str]:
    """Yield an entry's place, when, what, who, which message, and why."""
    yield f"{entry['shard']} {entry['index']}"
    yield when(entry["at"])
    yield _act(entry, language)
    yield visible(login(entry["peer"])) or "-"
    yield visible(_message(entry)) or "-"
    yield visible(_why(entry["code"], language)) or "-"


def _act(entry: Mapping[str, Any], language: str) -> str:
    """Return what an entry records; an erased one says that alone."""
    if not entry["kind"]:
        return ERASED.text(language)
    if entry["kind"] == EntryKind.MESSAGE_READ and len(entry["digests"]) > 1:
        return READ_ATTACHMENT.text(language)
    return KINDS[EntryKind(entry["kind"])].text(language)


def _message(entry: Mapping[str, Any]) -> str:
    """Return the message that an entry is about by its name, or else what it names by digest."""
    digests = entry["digests"]
    return entry["message"] or (f"sha256:{digests[0][:16]}" if digests else "")


def _why(code: str, language: str) -> str:
    role = AS_ROLE.get(code)
    return code if role is None else role.text(language)


def number(value: int | None, language: str) -> str:
    """Return a number as people write it."""
    if value is None:
        return ""
    return f"{value:,}".replace(",", " ") if language == "fr" else f"{value:,}"


def _place(finding: Finding) -> str:
    match finding.code:
        case FindingCode.MESSAGE_ALTERED | FindingCode.MESSAGE_UNRECORDED:
            return "message"
        case FindingCode.REGISTRY_ALTERED:
            return "registry"
        case FindingCode.SHARD_MISFIT:
            return "shard"
        case code if code in _OF_HEADS:
            return "head"
    if finding.first is None:
        return "waiting"
    return "entry" if finding.last in (None, finding.first) else "entries"


def _sides(finding: Finding, language: str) -> Iterator[str]:
    if finding.at:
        sentence = MADE if finding.kind else SIGNED
        if finding.code is FindingCode.ENTRY_ALTERED:  # whatever was altered, it may be this
            sentence = READS
        if not finding.code.startswith("message"):
            yield sentence.text(language).format(when=when(finding.at))
    if finding.subject and not finding.code.startswith("message"):
        yield SHOWN_BY.text(language).format(subject=finding.subject)
