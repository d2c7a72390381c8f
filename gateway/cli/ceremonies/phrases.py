"""The sentences of ``gateway.cli.ceremonies.words``, in English and French."""

from collections.abc import Mapping
from typing import Final

from gateway.cases.fields.labels import Label
from keys.registry.statement import Chain, Kind
from keys.suite import KeyUse

TITLES: Final[Mapping[tuple[Kind, Chain | None], Label]] = {
    (Kind.GENESIS, None): Label(
        "Founds the federation {federation}", "Fonde la fédération {federation}"
    ),
    (Kind.ADMIT, None): Label("Admits {member}", "Admet {member}"),
    (Kind.KEYS, Chain.NODE): Label(
        "Changes keys or routes of {member}, by its node",
        "Change des clés ou des voies de {member}, par son nœud",
    ),
    (Kind.KEYS, None): Label(
        "Changes keys or routes of {member}, by its roots",
        "Change des clés ou des voies de {member}, par ses racines",
    ),
    (Kind.ROTATE, None): Label(
        "Replaces the roots of {member}", "Remplace les racines de {member}"
    ),
    (Kind.SUSPEND, Chain.ROOT): Label(
        "Suspends {member}, by one of its own roots",
        "Suspend {member}, par une de ses propres racines",
    ),
    (Kind.SUSPEND, None): Label(
        "Suspends {member}, by the registrars", "Suspend {member}, par les responsables du registre"
    ),
    (Kind.RESUME, Chain.ROOT): Label(
        "Lifts the suspension of {member} by its own root",
        "Lève la suspension de {member} par sa propre racine",
    ),
    (Kind.RESUME, None): Label(
        "Lifts the suspension of {member} by the registrars",
        "Lève la suspension de {member} par les responsables du registre",
    ),
    (Kind.RECOVER, None): Label(
        "Begins the recovery of {member}", "Engage le rétablissement de {member}"
    ),
    (Kind.RECOVERED, None): Label(
        "Completes the recovery of {member}", "Achève le rétablissement de {member}"
    ),
    (Kind.VETO, None): Label(
        "Stops the recovery of {member}", "Arrête le rétablissement de {member}"
    ),
    (Kind.ROLE, None): Label("Says what {member} is", "Dit ce qu'est {member}"),
    (Kind.WITNESSES, None): Label("Names the witnesses", "Nomme les témoins"),
}
"""What a statement of each kind does, by the chain where that makes a difference."""
LABELS: Final[Mapping[str, Label]] = {
    "place": Label("place", "place"),
    "dated": Label("dated", "daté"),
    "name": Label("name", "nom"),
    "role": Label("role", "rôle"),
    "states": Label("acts for", "agit pour"),
    "competences": Label("in", "pour"),
    "succeeds": Label("takes the place of", "prend la place de"),
    "roots": Label("roots", "racines"),
    "next": Label("next roots", "racines suivantes"),
    "new": Label("new key", "nouvelle clé"),
    "ended": Label("key ends", "fin de clé"),
    "revoked": Label("key revoked", "clé révoquée"),
    "void": Label("void with it", "nulle avec elle"),
    "endpoint": Label("endpoint", "adresse"),
    "relays": Label("relays", "relais"),
    "witnesses": Label("witnesses", "témoins"),
    "heads": Label("heads", "têtes"),
    "then": Label("then", "ensuite"),
    "compared": Label("compared with", "comparé à"),
}
"""What a line is about."""
PHRASES: Final[Mapping[str, Label]] = {
    "place": Label(
        "number {seq} of the chain {chain} of {member}",
        "numéro {seq} de la chaîne {chain} de {member}",
    ),
    "nothing": Label(
        "nothing: no registry is at hand, so what stands there now is not shown",
        "rien : aucun registre sous la main, l'état actuel n'est pas montré",
    ),
    "unknown": Label("not known here", "inconnu ici"),
    "none": Label("none", "aucun"),
    "span": Label("from {start} to {end}", "du {start} au {end}"),
    "ends": Label("{key} at {after}, not {before}", "{key} le {after}, et non le {before}"),
    "since": Label("{key}, from {since} on", "{key}, à partir du {since}"),
    "of": Label("{k} of {n}: {shown}", "{k} sur {n} : {shown}"),
    "suspended": Label(
        "nothing is taken from {member} or given to it; it keeps its keys, its rotation and its "
        "veto",
        "rien n'est pris de {member} ni remis à lui ; il garde ses clés, leur rotation et son veto",
    ),
    "resumed": Label(
        "{member} exchanges with everybody again", "{member} échange de nouveau avec tous"
    ),
    "still": Label(
        "{member} stays suspended: another authority suspended it too",
        "{member} reste suspendu : une autre autorité l'a suspendu aussi",
    ),
    "relay": Label(
        "{others} are not reached through the relay {member}",
        "{others} ne sont plus joints par le relais {member}",
    ),
    "witness": Label("{member} stays one of the witnesses", "{member} reste l'un des témoins"),
    "powerless": Label(
        "the roots in force until then have no say any more: {shown}",
        "les racines jusque-là en vigueur n'ont plus voix : {shown}",
    ),
    "stopped": Label(
        "the recovery of {member} that is under way is stopped",
        "le rétablissement de {member} en cours est arrêté",
    ),
    "keyless": Label(
        "{member} has no {use} key that is good: it cannot {can} until it brings one",
        "{member} n'a plus de clé {use} valable : il ne peut plus {can} avant d'en produire une",
    ),
    "untrusted": Label(
        "what a revoked key signed is refused when it arrives, whatever date it bears",
        "ce qu'une clé révoquée a signé est refusé à l'arrivée, quelle que soit la date",
    ),
    "waiting": Label(
        "nothing changes for 30 witnessed days; who holds a root of {member} stops it with: "
        "liaison member veto {member}",
        "rien ne change pendant 30 jours attestés ; qui tient une racine de {member} l'arrête "
        "par : liaison member veto {member}",
    ),
    "anew": Label(
        "a recovery is under way already: this one takes its place, and its days begin anew",
        "un rétablissement est déjà en cours : celui-ci le remplace, et ses jours recommencent",
    ),
    "gone": Label(
        "every key that {member} has now is revoked: {shown}",
        "toute clé que {member} a aujourd'hui est révoquée : {shown}",
    ),
    "consent": Label(
        "{needed} of the present witnesses must agree: {shown}",
        "{needed} des témoins actuels doivent consentir : {shown}",
    ),
    "quorum": Label("{quorum} of {count}: {shown}", "{quorum} sur {count} : {shown}"),
}
"""What a line says."""
CAN: Final[Mapping[KeyUse, Label]] = {
    KeyUse.SIGN: Label("send or receipt anything", "rien envoyer ni attester"),
    KeyUse.LOG: Label("sign its audit log", "signer son journal d'audit"),
    KeyUse.WITNESS: Label("cosign", "cosigner"),
    KeyUse.TLS: Label("connect", "se connecter"),
}
"""What a key of each use lets a member do."""
TALLY: Final[Mapping[str, Label]] = {
    "roots": Label(
        "roots of {member}: {count} of {needed} signed{shown}",
        "racines de {member} : {count} sur {needed} ont signé{shown}",
    ),
    "missing": Label("; missing {count} of: {shown}", " ; manque {count} parmi : {shown}"),
    "registry": Label(
        "roots of {member}: which and how many, the registry tells",
        "racines de {member} : lesquelles et combien, le registre le dit",
    ),
    "proven": Label("new keys: all prove themselves", "nouvelles clés : toutes font leur preuve"),
    "unproven": Label(
        "new keys that do not prove themselves: {shown}",
        "nouvelles clés sans preuve : {shown}",
    ),
    "spoken": Label("the node has signed", "le nœud a signé"),
    "unspoken": Label("the node has not signed", "le nœud n'a pas signé"),
    "agreed": Label(
        "witnesses: {count} of {needed} agree{shown}",
        "témoins : {count} sur {needed} consentent{shown}",
    ),
    "strangers": Label(
        "{count} signature lines that nothing at hand can check",
        "{count} signatures que rien ne permet de vérifier ici",
    ),
}
"""Who signed, and who still must."""
