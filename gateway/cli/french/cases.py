"""Help of cases, kinds and code lists."""

from collections.abc import Mapping
from typing import Final

HELP: Final[Mapping[str, str]] = {
    "A CSV file with the columns hscode, description.": (
        "Un fichier CSV aux colonnes hscode, description."
    ),
    "A file number by which the reason is found elsewhere.": (
        "Un numéro de dossier où ce motif se retrouve."
    ),
    "A filled template, or JSON (.json).": "Un formulaire rempli, ou du JSON (.json).",
    "A handling code; may be repeated.": "Un code de traitement ; peut se répéter.",
    "A legal hold: keep it without end.": "Un gel légal : le conserver sans terme.",
    "Ask something of another member: by questions, or with a file that --template wrote.": (
        "Demander à un autre membre : par questions, ou par un fichier écrit par --template."
    ),
    "Cases: what is asked and due.": "Dossiers : ce qui est demandé et dû.",
    "Close what was said in a case that is over: a releaser alone opens it, with a reason.": (
        "Fermer ce qui a été dit dans un dossier terminé : seul un réviseur l'ouvre, avec un motif."
    ),
    "Code lists.": "Listes de codes.",
    "Destroy what was said in a restricted case, as a releaser who did not restrict it.\n\nIts "
    "tombstone stays: who, when, which kinds, digests and receipts. Recorded.": (
        "Détruire ce qui a été dit dans un dossier restreint, comme réviseur qui ne l'a pas "
        "restreint.\n\nSa trace reste : qui, quand, quels types, empreintes et récépissés. "
        "Consigné."
    ),
    "hs, the nomenclature of the Harmonized System.": "hs, la nomenclature du Système harmonisé.",
    "Keep a case until a day, or on a legal hold, which a releaser alone ends. Recorded.": (
        "Conserver un dossier jusqu'à un jour, ou par un gel que seul un réviseur lève. Consigné."
    ),
    "List the code lists, or the codes of one.": (
        "Lister les listes de codes, ou les codes de l'une d'elles."
    ),
    "List the kinds of message, or show what one must contain. Needs no running daemon.": (
        "Lister les types de message, ou montrer ce que l'un doit contenir. Sans nœud en marche."
    ),
    "List what was asked of whom, what is due first.": (
        "Lister ce qui a été demandé et à qui, les échéances d'abord."
    ),
    "Load a nomenclature: from here on HS codes are held against it when a message is sent.": (
        "Charger une nomenclature : les codes SH envoyés y sont désormais comparés."
    ),
    "Only codes that begin so.": "Seulement les codes qui commencent ainsi.",
    "Open a restricted case to its unit again, as a releaser. Recorded.": (
        "Rouvrir un dossier restreint à son unité, comme réviseur. Consigné."
    ),
    "Open no message, so that no reading is recorded.": (
        "N'ouvrir aucun message : aucune lecture n'est consignée."
    ),
    "Print a content of the kind, as a file to fill.": (
        "Afficher un contenu de ce type, comme modèle."
    ),
    "Show this kind and its fields.": "Montrer ce type et ses champs.",
    "Show this list.": "Montrer cette liste.",
    "Show where a case stands, all that was said, and who may say what next.\n\nReading is "
    "recorded. With --json, the outline.": (
        "Montrer où en est un dossier, tout ce qui a été dit, et qui peut dire quoi.\n\nLa "
        "lecture est consignée. Avec --json, le plan seulement."
    ),
    "The case.": "Le dossier.",
    "The last day on which it is needed, as 2027-12-31.": (
        "Le dernier jour où il est nécessaire, comme 2027-12-31."
    ),
    "The year of the edition, such as 2022.": "L'année de l'édition, par exemple 2022.",
    "To whom, in a case of several.": "À qui, dans un dossier à plusieurs.",
    "Traffic light of the content.": "Feu de signalisation du contenu.",
    "What is asked, such as request.verify_value.": (
        "Ce qui est demandé, par exemple request.verify_value."
    ),
    "What is finished, too.": "Aussi ce qui est achevé.",
    "What is late.": "Ce qui est en retard.",
    "What is over, and to be reviewed.": "Ce qui est terminé, et à réexaminer.",
    "Where we ask, or are asked.": "Où nous demandons, ou sommes requis.",
    "Whom to ask; may be repeated.": "À qui demander ; peut se répéter.",
    "Why.": "Pour quel motif.",
    "Write a file to fill in here, and send nothing.": (
        "Écrire ici un formulaire à remplir, sans rien envoyer."
    ),
}
