"""What ``liaison status`` and ``doctor`` say of a node that runs, in English and French. Pure."""

from collections.abc import Mapping
from typing import Any, Final

from gateway.cases.fields.labels import Label
from gateway.cli.casework.message_words import STATES
from gateway.cli.terminal.console import when
from gateway.cli.terminal.told import filled, joined

WORDS: Final[Mapping[str, Label]] = {
    "suspended": Label("suspended", "suspendu"),
    "not_admitted": Label("not admitted yet", "pas encore admis"),
    "registry": Label(
        "{registry_size} statements, confirmed {at}",
        "{registry_size} déclarations, confirmées le {at}",
    ),
    "no_quorum": Label("by no quorum of witnesses", "par aucun quorum de témoins"),
    "split_views": Label(
        "{split_views} proven, {registry_alarms} alarms about the registry, {log_alarms} about "
        "audit logs",
        "{split_views} prouvées, {registry_alarms} alertes sur le registre, {log_alarms} sur des "
        "journaux d'audit",
    ),
    "messages": Label("{received} received, {sent} sent", "{received} reçus, {sent} envoyés"),
    "outbox": Label("{count} {state}", "{count} {state}"),
    "empty": Label("empty", "vide"),
    "audit_log": Label(
        "{audit_size} entries, {audit_waiting} waiting",
        "{audit_size} entrées, {audit_waiting} en attente",
    ),
    "sign_key": Label("good until {at}", "valable jusqu'au {at}"),
    "free": Label("{mib} MiB free", "{mib} Mio libres"),
    "none": Label("none", "aucun"),
    "unacknowledged": Label(
        "{unacknowledged} never acknowledged", "{unacknowledged} jamais pris en charge"
    ),
    "limited": Label("{name} {count} times", "{name} {count} fois"),
    "nobody": Label("nobody", "personne"),
    "witnessed": Label(
        "{witnessed_size} of {size} entries of {shard}",
        "{witnessed_size} sur {size} entrées de {shard}",
    ),
    "no_shard": Label(
        "{witnessed_size} of {size} entries of no shard yet",
        "{witnessed_size} sur {size} entrées, sans partie encore",
    ),
    "ago": Label(", {age_s} s ago", ", il y a {age_s} s"),
    "unwitnessed": Label(
        "; the others wait for a quorum since {unwitnessed_s} s",
        " ; les autres attendent un quorum depuis {unwitnessed_s} s",
    ),
    "anew": Label(
        "; begun anew {at}, after entries were lost",
        " ; recommencé le {at}, après des entrées perdues",
    ),
    "also": Label("; {told}", " ; {told}"),
    "nothing_due": Label("nothing is due", "rien n'est dû"),
    "due": Label(
        "{due} due in time, {due_soon} of them soon", "{due} à faire à temps, dont {due_soon} sous "
        "peu",
    ),
    "overdue": Label(
        "; {overdue} overdue, {overdue_here} of them here",
        " ; {overdue} en retard, dont {overdue_here} ici",
    ),
    "lapsed": Label("; {lapsed} lapsed", " ; {lapsed} restés sans réponse"),
    "first_key": Label(
        "the first to end is {use}, {at}", "la première à finir est {use}, le {at}"
    ),
    "key_late": Label(
        "; not replaced since {at}, {why}", " ; non remplacée depuis le {at}, {why}"
    ),
    "took_all": Label("{origin} took every event", "{origin} a pris tous les événements"),
    "takes": Label(
        "{origin} has {waiting} events to take", "{origin} a {waiting} événements à prendre"
    ),
    "failing": Label(
        "{origin} failed {failures} times in a row ({code}), {waiting} events wait; again {at}",
        "{origin} a échoué {failures} fois de suite ({code}), {waiting} événements attendent ; "
        "nouvel essai le {at}",
    ),
}  # fmt: skip
MARKED: Final = Label(" ({mark})", " ({mark})")
SEMICOLON: Final = Label("; ", " ; ")
MIB: Final = 1024**2


def word(name: str, /, **values: object) -> Label:
    """Return what is said, with its values."""
    return filled(WORDS[name], **values)


def status_fields(shown: Mapping[str, Any]) -> dict[str, object]:
    """Return a node in numbers, by the name of the line."""
    witnessed_at, messages = shown["registry_witnessed_at"], shown["messages"]
    waiting = {state: count for state, count in shown["outbox"].items() if count}
    outbox = (word("outbox", count=waiting[name], state=STATES[name]) for name in waiting)
    limited = (word("limited", name=name, count=count) for name, count in shown["limited"].items())
    return {
        "member": member_line(shown),
        "version": shown["version"],
        "started": when(shown["started_at"]),
        "registry": word("registry", **shown, at=when(shown["registry_checked_at"])),
        "cosigned": when(witnessed_at) if witnessed_at else word("no_quorum"),
        "split views": word("split_views", **shown),
        "messages": word("messages", received=messages.get("in", 0), sent=messages.get("out", 0)),
        "outbox": joined(outbox, ", ") if waiting else word("empty"),
        "audit log": word("audit_log", **shown),
        "witnessed": witnessed_line(shown),
        "sign key": word("sign_key", at=when(shown["sign_key_until"])),
        "keys": keys_line(shown),
        "disk": word("free", mib=shown["disk_free_bytes"] // MIB),
        "cases": cases_line(shown),
        "webhooks": webhooks_line(shown) or word("none"),
        "past retention": word("unacknowledged", **shown),
        "limited": joined(limited, ", ") if shown["limited"] else word("nobody"),
    }


def member_line(shown: Mapping[str, Any]) -> Label:
    """Say who it is, and what keeps it from exchanging."""
    marks = [word("suspended")] if shown["suspended"] else []
    marks += [] if shown["admitted"] else [word("not_admitted")]
    name = shown["member"]
    return joined([Label(name, name), *(filled(MARKED, mark=one) for one in marks)])


def witnessed_line(shown: Mapping[str, Any]) -> Label:
    """Say how far the audit log is witnessed, and what is wrong with it."""
    log = shown["audit_log"]
    parts = [word("witnessed" if log["shard"] else "no_shard", **log)]
    if log["witnessed_at"]:
        parts.append(word("ago", age_s=shown["now"] - log["witnessed_at"]))
    if log["unwitnessed_s"]:
        parts.append(word("unwitnessed", **log))
    if log["restarted_at"]:
        parts.append(word("anew", at=when(log["restarted_at"])))
    wrong = [*log["refused_by"], *([log["trouble"]] if log["trouble"] else [])]
    return joined([*parts, *(word("also", told=one) for one in wrong)])


def cases_line(shown: Mapping[str, Any]) -> Label:
    """Say what is due, and what is late."""
    cases = shown["cases"]
    if not cases["due"] + cases["overdue"]:
        return word("nothing_due")
    parts = [word("due", **cases)]
    parts += [word("overdue", **cases)] if cases["overdue"] else []
    parts += [word("lapsed", **cases)] if cases["lapsed"] else []
    return joined(parts)


def keys_line(shown: Mapping[str, Any]) -> Label:
    """Say which key ends first, and whether it could be replaced."""
    use, until = min(shown["keys_until"].items(), key=lambda item: item[1])
    parts = [word("first_key", use=use, at=when(until))]
    if since := shown["rotation_late_since"]:
        parts.append(word("key_late", at=when(since), why=shown["rotation_late"]))
    return joined(parts)


def webhook_line(hook: Mapping[str, Any]) -> Label:
    """Say how far one endpoint is."""
    if not hook["failures"]:
        return word("takes" if hook["waiting"] else "took_all", **hook)
    return word("failing", **hook, at=when(hook["retry_at"]))


def webhooks_line(shown: Mapping[str, Any]) -> Label | None:
    """Say how far every endpoint is; nothing where none is named."""
    hooks = shown["webhooks"]
    return joined(map(webhook_line, hooks), SEMICOLON) if hooks else None
