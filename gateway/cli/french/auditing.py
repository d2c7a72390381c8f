"""Help of the audit log and of evidence."""

from collections.abc import Mapping
from typing import Final

HELP: Final[Mapping[str, str]] = {
    "A folder: a new one, or one exported before.": (
        "Un répertoire : un nouveau, ou celui d'un export antérieur."
    ),
    "A newer registry, as registry export writes it.": (
        "Un registre plus récent, tel que registry export l'écrit."
    ),
    "A proof, or the first of two files.": "Une preuve, ou le premier de deux fichiers.",
    "Ask no witness what it holds of this log.": (
        "Ne demander à aucun témoin ce qu'il détient de ce journal."
    ),
    "Check every entry, hash, signature and stored message, and ask the witnesses.\n\nWorks "
    "beside a running daemon, or without one.": (
        "Vérifier chaque entrée, empreinte, signature et message conservé, et interroger les "
        "témoins.\n\nAvec ou sans nœud en marche."
    ),
    "Check what is held of this member's log instead.": (
        "Vérifier plutôt ce qui est détenu du journal de ce membre."
    ),
    "Erase what an entry says of a person; its leaf stays, and that it was erased is recorded.": (
        "Effacer ce qu'une entrée dit d'une personne ; sa feuille reste, et l'effacement est "
        "consigné."
    ),
    "Evidence that stands alone.": "Preuves qui se suffisent.",
    "For what the content is used; H0 and H1 limit it, and it is recorded.": (
        "À quoi sert le contenu ; H0 et H1 le limitent, et c'est consigné."
    ),
    "From a time on, UTC.": "À partir d'une date, UTC.",
    "Go on where a page ended.": "Reprendre où une page s'est arrêtée.",
    "Judge a file: 0 valid, 4 valid but later disputed, 5 signed only, 1 invalid.\n\nWithout a "
    "newer registry the verdict is as of the one in the file.": (
        "Juger un fichier : 0 valable, 4 valable mais contesté depuis, 5 signé seulement, 1 non "
        "valable.\n\nSans registre plus récent, le verdict s'en tient à celui du fichier."
    ),
    "Leave the content out; its digest stays.": "Omettre le contenu ; son empreinte reste.",
    "Of a kind, such as message.read.": "D'un type, par exemple message.read.",
    "Of a message, by its name.": "D'un message, par son nom.",
    "Of all messages of a case.": "De tous les messages d'un dossier.",
    "Of one shard, such as 2026.": "D'une seule partie, par exemple 2026.",
    "Prove that a log was shown in two ways: by one file, or by two that contradict each "
    "other.\n\nThe keys are those of the registry; evidence brings one along.": (
        "Prouver qu'un journal a été montré de deux façons : par un fichier, ou par deux qui se "
        "contredisent.\n\nLes clés sont celles du registre ; une preuve en apporte un."
    ),
    "requested, ordered, retention or mistaken: it is recorded.": (
        "requested (demandé), ordered (ordonné), retention (conservation échue) ou mistaken "
        "(erreur) : il est consigné."
    ),
    "Show entries of the audit log: who did what, to which message, and why.": (
        "Montrer des entrées du journal d'audit : qui a fait quoi, à quel message, et pourquoi."
    ),
    "Show what this node holds of other members' audit logs, and what is wrong with them.": (
        "Montrer ce que ce nœud détient des journaux d'audit des autres membres, et ce qui n'y "
        "va pas."
    ),
    "That name a member, or a caller such as uid:1000.": (
        "Qui nomment un membre, ou un appelant comme uid:1000."
    ),
    "The audit log.": "Le journal d'audit.",
    "The entries too, not their hashes alone.": "Les entrées aussi, non leurs seules empreintes.",
    "The entry's number in it.": "Le numéro de l'entrée dans la partie.",
    "The fingerprint of the federation's registry, from whom you trust.": (
        "L'empreinte du registre de la fédération, tenue de qui a votre confiance."
    ),
    "The oldest first.": "Les plus anciennes d'abord.",
    "The payload of a closed file, as the sender has it.": (
        "Le contenu d'un fichier fermé, tel que l'expéditeur le détient."
    ),
    "The recipient to speak of; all of them by default.": (
        "Le destinataire dont il s'agit ; tous par défaut."
    ),
    "The second: evidence, a proof of an entry, or a head.": (
        "Le second : une preuve, celle d'une entrée, ou une tête."
    ),
    "The shard, such as 2026.": "La partie, par exemple 2026.",
    "Up to a time, UTC.": "Jusqu'à une date, UTC.",
    "Write a file that shows who signed a message for whom, and who received it when.": (
        "Écrire un fichier qui montre qui a signé un message pour qui, et qui l'a reçu quand."
    ),
    "Write the audit log as static files (c2sp.org/tlog-tiles); again, what is missing of it.": (
        "Écrire le journal d'audit en fichiers statiques (c2sp.org/tlog-tiles) ; à nouveau, ce "
        "qui y manque."
    ),
}
