"""What ``liaison audit`` says, in English and French."""

from collections.abc import Mapping
from typing import Final

from gateway.cases.fields.labels import Label
from gateway.protocol.audit import EntryKind
from gateway.services.auditing.findings import FindingCode

KINDS: Final[Mapping[EntryKind, Label]] = {
    EntryKind.MESSAGE_ACCEPTED: Label("accepted from the house", "accepté de la maison"),
    EntryKind.MESSAGE_DRAFTED: Label("drafted, to be released", "rédigé, à valider"),
    EntryKind.MESSAGE_RELEASED: Label("released", "validé"),
    EntryKind.RELEASE_DECLINED: Label("a draft was turned down", "projet non validé"),
    EntryKind.RELEASE_REFUSED: Label("a release was refused", "validation refusée"),
    EntryKind.DRAFT_ENDED: Label("a draft ended unsent", "projet resté sans envoi"),
    EntryKind.MESSAGE_SIGNED_AGAIN: Label("signed again by a new key", "signé par une autre clé"),
    EntryKind.MESSAGE_SENT: Label("sent", "envoyé"),
    EntryKind.MESSAGE_RECEIVED: Label("received", "reçu"),
    EntryKind.MESSAGE_REFUSED: Label("refused", "refusé"),
    EntryKind.MESSAGE_FAILED: Label("delivery failed", "échec de la remise"),
    EntryKind.MESSAGE_READ: Label("read", "lu"),
    EntryKind.READ_REFUSED: Label("reading was refused", "lecture refusée"),
    EntryKind.MESSAGE_ACKNOWLEDGED: Label("taken by an official", "pris en charge"),
    EntryKind.ATTACHMENT_RECEIVED: Label("attachment received", "pièce jointe reçue"),
    EntryKind.ATTACHMENT_LOST: Label("attachment lost", "pièce jointe perdue"),
    EntryKind.CUSTODY_TAKEN: Label("taken over to be passed on", "pris en dépôt pour autrui"),
    EntryKind.RECEIPT_HELD: Label("delivered: its receipt is held", "remis : accusé détenu"),
    EntryKind.RECEIPT_REFUSED: Label("receipt refused", "accusé refusé"),
    EntryKind.MESSAGE_FORWARDED: Label("passed on", "transmis à un tiers"),
    EntryKind.FORWARD_REFUSED: Label("passing on was refused", "transmission refusée"),
    EntryKind.MESSAGE_RECALLED: Label("recalled", "rappelé"),
    EntryKind.CASE_REVIEWED: Label("its retention was decided", "conservation décidée"),
    EntryKind.CASE_RESTRICTED: Label("its case was restricted", "dossier restreint"),
    EntryKind.CASE_LIFTED: Label("a restriction was lifted", "restriction levée"),
    EntryKind.CASE_PURGED: Label("purged", "purgé"),
    EntryKind.SHARD_OPENED: Label("a shard of this log began", "une partie du journal commence"),
    EntryKind.LOG_WITNESSED: Label("this log was witnessed", "ce journal a été attesté"),
    EntryKind.LOG_RESTARTED: Label("a member's log began anew", "un journal a recommencé"),
    EntryKind.LOG_DOUBTED: Label(
        "a member's log contradicts itself", "un journal se contredit"
    ),
    EntryKind.ENTRY_ERASED: Label("an entry's text was erased", "texte d'une entrée effacé"),
    EntryKind.EVIDENCE_EXPORTED: Label("evidence was exported", "preuve exportée"),
    EntryKind.KEY_USED: Label("a key was put to use", "clé mise en service"),
    EntryKind.KEY_ROTATED: Label("a new key", "nouvelle clé"),
    EntryKind.KEY_REVOKED: Label("a key was revoked", "clé révoquée"),
    EntryKind.KEY_CARD_ISSUED: Label("a key card was issued", "carte de clés émise"),
    EntryKind.REGISTRY_ADVANCED: Label("the registry grew", "le registre a grandi"),
    EntryKind.SPLIT_VIEW_SEEN: Label("two registries were shown", "deux registres montrés"),
    EntryKind.VETO_TAKEN: Label("a veto was taken", "veto reçu"),
    EntryKind.CONFIGURATION_CHANGED: Label("the settings changed", "réglages modifiés"),
    EntryKind.ADMINISTRATOR_ACTED: Label("an operator acted", "acte d'un exploitant"),
    EntryKind.TOKEN_CREATED: Label("a token was made", "jeton créé"),
    EntryKind.TOKEN_REVOKED: Label("a token was revoked", "jeton révoqué"),
    EntryKind.TOKEN_REFUSED: Label("a token was refused", "jeton refusé"),
}  # fmt: skip
"""What each kind of entry records."""
ERASED: Final = Label("(erased)", "(effacé)")
READ_ATTACHMENT: Final = Label("attachment read", "pièce jointe lue")
AS_ROLE: Final[Mapping[str, Label]] = {
    "officer": Label("as officer", "comme agent"),
    "operator": Label("as operator", "comme exploitant"),
    "auditor": Label("as auditor", "comme auditeur"),
    "releaser": Label("as releaser", "comme valideur"),
}
"""Through which role something was done."""

FOUND: Final[Mapping[FindingCode, Label]] = {
    FindingCode.ENTRY_ALTERED: Label(
        "its bytes are not what was recorded", "ses octets ne sont pas ceux qui ont été inscrits"
    ),
    FindingCode.ENTRY_MALFORMED: Label("it is no entry", "ce n'est pas une entrée"),
    FindingCode.ENTRY_MISSING: Label("missing", "absent"),
    FindingCode.ENTRY_UNCOVERED: Label(
        "in a place that no signed head gave", "à une place que nulle tête signée n'a donnée"
    ),
    FindingCode.ERASURE_UNRECORDED: Label(
        "its text is gone, and nothing says who erased it",
        "son texte a disparu, et rien ne dit qui l'a effacé",
    ),
    FindingCode.ENTRIES_ALTERED: Label(
        "they do not add up to what was signed: edited, inserted, exchanged or taken out",
        "leur somme n'est pas ce qui a été signé : modifiées, ajoutées, permutées ou ôtées",
    ),
    FindingCode.HASHES_ALTERED: Label(
        "the hash stored over them is not theirs; the entries are as signed",
        "l'empreinte conservée n'est pas la leur ; les entrées sont telles que signées",
    ),
    FindingCode.HISTORY_RESIGNED: Label(
        "this node's own log key signed another history than it had shown before",
        "la clé de journal de ce nœud a signé une autre histoire que celle déjà montrée",
    ),
    FindingCode.HISTORY_CUT: Label(
        "cut off: a signed head covers them", "coupées : une tête signée les couvre"
    ),
    FindingCode.HEAD_INVALID: Label(
        "the signature does not hold ({detail})", "la signature ne tient pas ({detail})"
    ),
    FindingCode.FRONTIER_ALTERED: Label(
        "what the log grows from is not what was signed",
        "la base de croissance du journal n'est pas ce qui a été signé",
    ),
    FindingCode.QUORUM_UNPROVEN: Label(
        "kept as witnessed, without the cosignatures of a quorum",
        "conservée comme attestée, sans les cosignatures d'un quorum",
    ),
    FindingCode.SHARD_MISFIT: Label(
        "it does not name the end of the shard before it",
        "elle ne nomme pas la fin de la partie précédente",
    ),
    FindingCode.MESSAGE_ALTERED: Label(
        "its stored bytes were altered", "ses octets conservés ont été modifiés"
    ),
    FindingCode.MESSAGE_UNRECORDED: Label(
        "the audit log knows nothing of it", "le journal d'audit n'en sait rien"
    ),
    FindingCode.REGISTRY_ALTERED: Label(
        "it does not verify ({detail})", "elle ne se vérifie pas ({detail})"
    ),
}
"""What is wrong."""
MEANS: Final[Mapping[FindingCode, Label]] = {
    FindingCode.ENTRY_ALTERED: Label(
        "somebody edited this entry in the database; its leaf still says that it was another",
        "quelqu'un a modifié cette entrée dans la base ; sa feuille atteste qu'elle était autre",
    ),
    FindingCode.ENTRY_MISSING: Label(
        "somebody deleted entries from the database", "quelqu'un a supprimé des entrées de la base"
    ),
    FindingCode.ENTRY_UNCOVERED: Label(
        "somebody added entries to the database by hand, or deleted the head over them",
        "quelqu'un a ajouté des entrées dans la base, ou supprimé la tête qui les couvrait",
    ),
    FindingCode.ENTRIES_ALTERED: Label(
        "somebody rewrote the database and its hashes, without the key that signs them",
        "quelqu'un a réécrit la base et ses empreintes, sans la clé qui les signe",
    ),
    FindingCode.HISTORY_RESIGNED: Label(
        "who rewrote the log held its key: take it for stolen, and keep both heads as proof",
        "qui a réécrit le journal tenait sa clé : tenez-la pour volée, gardez les deux têtes",
    ),
    FindingCode.HISTORY_CUT: Label(
        "newer entries were taken away, or an older database was put in place",
        "des entrées récentes ont été ôtées, ou une base plus ancienne mise en place",
    ),
    FindingCode.HASHES_ALTERED: Label(
        "no record is lost; proofs made from these hashes would not verify",
        "rien n'est perdu ; les preuves faites de ces empreintes ne se vérifieraient pas",
    ),
}
"""What follows from it, where that is not the same sentence."""

WHERE: Final[Mapping[str, Label]] = {
    "entry": Label("audit entry {first} of {shard}", "entrée d'audit {first} de {shard}"),
    "entries": Label(
        "audit entries {first} to {last} of {shard}", "entrées d'audit {first} à {last} de {shard}"
    ),
    "head": Label(
        "the checkpoint at {first} entries of {shard}", "la tête à {first} entrées de {shard}"
    ),
    "waiting": Label(
        "an audit entry that waits for its place", "une entrée d'audit en attente de sa place"
    ),
    "shard": Label("the shard {shard}", "la partie {shard}"),
    "message": Label("message {subject}", "message {subject}"),
    "registry": Label("the registry mirror", "la copie du registre"),
}
"""Where it is."""
SIGNED: Final = Label("signed at {when}", "signée le {when}")
MADE: Final = Label("made at {when}", "faite le {when}")
READS: Final = Label("now said to be made at {when}", "qui se dit à présent du {when}")
SHOWN_BY: Final = Label("held by {subject}", "détenue par {subject}")

SAID: Final[Mapping[str, Label]] = {
    "more": Label("there are more: --next {cursor}", "la suite : --next {cursor}"),
    "erase": Label(
        "Erase this for good? Its leaf and its place stay.",
        "Effacer ceci pour toujours ? La feuille et la place restent.",
    ),
    "erased": Label(
        "backups made before still hold the text, until they are deleted",
        "les sauvegardes antérieures gardent le texte jusqu'à leur suppression",
    ),
    "exported": Label(
        "{folder}: {shards} shards, {entries} entries, {files} new files",
        "{folder} : {shards} parties, {entries} entrées, {files} fichiers nouveaux",
    ),
    "altered": Label("ALTERED", "MODIFIÉ"),
    "verified": Label("verified", "vérifié"),
    "not_verified": Label("NOT VERIFIED", "NON VÉRIFIÉ"),
    "counted": Label(
        "{entries} entries ({erased} erased, {waiting} waiting), {checkpoints} checkpoints, "
        "{messages} messages",
        "{entries} entrées ({erased} effacées, {waiting} en attente), {checkpoints} têtes, "
        "{messages} messages",
    ),
    "do": Label(
        'What to do: OPERATIONS, "When the log is altered". Stop nothing yet; copy the database.',
        "Que faire : OPERATIONS, « When the log is altered ». N'arrêtez rien ; copiez la base.",
    ),
    "offline": Label(
        "no witness was asked (--offline): who holds the log key could still have rewritten it all",
        "aucun témoin interrogé (--offline) : qui tient la clé a pu tout réécrire",
    ),
    "nobody": Label(
        "no witness was asked: the registry names none that has an address",
        "aucun témoin interrogé : le registre n'en nomme aucun qui ait une adresse",
    ),
    "unheard": Label(
        "NO WITNESS ANSWERED: who holds the log key could still have rewritten it all",
        "AUCUN TÉMOIN N'A RÉPONDU : qui tient la clé a pu tout réécrire",
    ),
    "silent": Label("{by} did not answer ({code})", "{by} n'a pas répondu ({code})"),
    "knows_none": Label("{by} knows no head of this log", "{by} ne connaît aucune tête"),
    "agrees": Label(
        "{by} holds {shard} at {size} entries: it agrees",
        "{by} détient {shard} à {size} entrées : conforme",
    ),
    "differs": Label(
        "{by} holds {shard} at {size} entries: IT IS ANOTHER HISTORY",
        "{by} détient {shard} à {size} entrées : C'EST UNE AUTRE HISTOIRE",
    ),
    "restarted": Label(
        "{by} holds {shard} at {size} entries: lost by a restore, and the log says so",
        "{by} détient {shard} à {size} entrées : perdues par une restauration, qui est inscrite",
    ),
    "unsigned": Label(
        "{by} showed a head of {shard} that our key did not sign: it says nothing",
        "{by} a montré une tête de {shard} que notre clé n'a pas signée : sans valeur",
    ),
}  # fmt: skip
"""What the check says at its end."""
COLUMNS: Final[Mapping[str, str]] = {
    "entry": "entrée", "when": "quand", "what": "quoi", "who": "qui", "why": "motif",
    "message": "message",
}  # fmt: skip
