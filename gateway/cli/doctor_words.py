"""What ``liaison doctor`` says, in English and French. Pure."""

from collections.abc import Mapping
from typing import Final

from gateway.cases.fields.labels import Label
from gateway.cli.terminal.told import filled

CHECKS: Final[Mapping[str, Label]] = {
    "settings": Label("settings", "réglages"),
    "keystore": Label("keystore", "fichier des clés"),
    "daemon": Label("daemon", "nœud"),
    "port": Label("port", "port"),
    "registry": Label("registry", "registre"),
    "witnesses": Label("witnesses", "témoins"),
    "admission": Label("admission", "admission"),
    "standing": Label("standing", "situation"),
    "keys": Label("keys", "clés"),
    "disk": Label("disk", "disque"),
    "audit_log": Label("audit log", "journal d'audit"),
    "cases": Label("cases", "dossiers"),
    "release": Label("release", "validation"),
    "webhooks": Label("webhooks", "webhooks"),
    "one_registry": Label("one registry", "registre unique"),
    "logs": Label("audit logs of others", "journaux d'audit des autres"),
    "line": Label("line to {member}", "ligne vers {member}"),
    "clock": Label("clock", "horloge"),
    "exchange": Label("exchange with {member}", "échange avec {member}"),
}
"""What is looked at."""
RESULTS: Final = {True: Label("ok", "ok"), False: Label("WRONG", "DÉFAUT")}
WORDS: Final[Mapping[str, Label]] = {
    "keystore": Label(
        "there, and private; opened by {by}", "présent, et privé ; ouvert par {by}"
    ),
    "one_slot": Label("one slot", "un emplacement"),
    "slots": Label("any of {count} slots", "l'un de {count} emplacements"),
    "running": Label("running since {at}", "en marche depuis le {at}"),
    "port_dead": Label("nothing listens on {host}:{port}", "rien n'écoute sur {host}:{port}"),
    "port": Label("{host}:{port} answers", "{host}:{port} répond"),
    "not_admitted": Label(
        "the registry lists no key of this node: give the join file to the registrar; a recovery "
        "is complete after 30 witnessed days",
        "le registre n'a aucune clé de ce nœud : remettre le fichier d'adhésion au responsable du "
        "registre ; un rétablissement est achevé après 30 jours attestés",
    ),
    "admitted": Label("{member} is a member", "{member} est membre"),
    "disk_full": Label("{mib} MiB free: make room", "{mib} Mio libres : faire de la place"),
    "disk": Label("{mib} MiB free", "{mib} Mio libres"),
    "never_reached": Label(
        "never reached: check {url}", "jamais joint : vérifier {url}"
    ),
    "unconfirmed": Label(
        "not confirmed for {age_s} s: are its witnesses and the registrar reachable?",
        "non confirmé depuis {age_s} s : ses témoins et le responsable du registre sont-ils "
        "joignables ?",
    ),
    "registry": Label(
        "{size} statements, confirmed {age_s} s ago",
        "{size} déclarations, confirmées il y a {age_s} s",
    ),
    "no_quorum_for": Label(
        "no quorum has cosigned the registry for {late_s} s: the registrar's log says who is "
        "missing (cosignature.missing)",
        "aucun quorum n'a cosigné le registre depuis {late_s} s : le journal du responsable du "
        "registre dit qui manque (cosignature.missing)",
    ),
    "no_witnesses": Label("the registry names none yet", "le registre n'en nomme pas encore"),
    "cosigned": Label("a quorum cosigned it {at}", "un quorum l'a cosigné le {at}"),
    "no_quorum": Label("no quorum has cosigned it", "aucun quorum ne l'a cosigné"),
    "recovering": Label(
        "somebody is recovering {name}, to give it other keys in 30 days: if that is not you, stop "
        "it with liaison member veto",
        "quelqu'un rétablit {name}, pour lui donner d'autres clés dans 30 jours : si ce n'est pas "
        "vous, l'arrêter par liaison member veto",
    ),
    "suspended": Label(
        "{name} is suspended by {by}: nothing is taken from it or given to it",
        "{name} est suspendu par {by} : rien n'est pris de lui ni ne lui est remis",
    ),
    "key_late": Label(
        "the {use} key ends in {days} days, and since {at} it could not be replaced: {why}",
        "la clé {use} finit dans {days} jours, et depuis le {at} n'a pu être remplacée : {why}",
    ),
    "key_ends": Label(
        "the {use} key ends in {days} days: liaison key rotate all",
        "la clé {use} finit dans {days} jours : liaison key rotate all",
    ),
    "keys": Label(
        "the first to end is the {use} key, in {days} days",
        "la première à finir est la clé {use}, dans {days} jours",
    ),
    "log_stuck": Label(
        "entries wait for their place: {trouble}", "des entrées attendent leur place : {trouble}"
    ),
    "log_refused": Label(
        "{by}: this node went back, or its log was rewritten",
        "{by} : ce nœud est revenu en arrière, ou son journal a été réécrit",
    ),
    "log_unwitnessed": Label(
        "no quorum has cosigned its newest entries for {late_s} s: the log says who is missing "
        "(audit_cosignature.missing)",
        "aucun quorum n'a cosigné ses dernières entrées depuis {late_s} s : le journal dit qui "
        "manque (audit_cosignature.missing)",
    ),
    "overdue_hint": Label(": liaison case list --overdue", " : liaison case list --overdue"),
    "no_release": Label(
        "nothing waits for a second person", "rien n'attend une deuxième personne"
    ),
    "release": Label(
        "{count} waiting for a second person, the first of them {first}, drafted {at}",
        "{count} en attente d'une deuxième personne, la première {first}, rédigée le {at}",
    ),
    "release_late": Label(
        "{told}: let somebody decide, by liaison outbox list --awaiting-release",
        "{told} : faire décider quelqu'un, par liaison outbox list --awaiting-release",
    ),
    "hook_down": Label(
        "{told}: is that system up, and its address right?",
        "{told} : ce système tourne-t-il, et son adresse est-elle juste ?",
    ),
    "no_hooks": Label("none are named", "aucun n'est nommé"),
    "registry_alarms": Label(
        "{count} alarms: liaison registry status says which",
        "{count} alertes : liaison registry status dit lesquelles",
    ),
    "one_registry": Label(
        "nobody named or showed another than ours", "nul n'en a nommé ni montré un autre"
    ),
    "log_alarms": Label(
        "{count} alarms: liaison audit peers says which",
        "{count} alertes : liaison audit peers dit lesquelles",
    ),
    "logs": Label(
        "none is known to have changed what it had shown",
        "aucun n'est connu pour avoir changé ce qu'il avait montré",
    ),
    "clock_off": Label(
        "this clock and {name}'s differ by {off_s} s: check NTP on both",
        "cette horloge et celle de {name} diffèrent de {off_s} s : vérifier NTP des deux côtés",
    ),
    "clock": Label("{off_s} s from {name}'s", "à {off_s} s de celle de {name}"),
    "line": Label("{ms} ms", "{ms} ms"),
    "not_through": Label("{state}: {why}", "{state} : {why}"),
    "no_receipt": Label("no receipt yet", "pas encore de récépissé"),
    "exchanged": Label(
        "opened and receipted after {after_s} s", "ouvert et attesté après {after_s} s"
    ),
}  # fmt: skip
"""What is found, and what to do about what is wrong."""


def check(name: str, /, **values: object) -> Label:
    """Return what is looked at."""
    return filled(CHECKS[name], **values)


def word(name: str, /, **values: object) -> Label:
    """Return what is said, with its values."""
    return filled(WORDS[name], **values)
