"""Help of messages, attachments and events."""

from collections.abc import Mapping
from typing import Final

HELP: Final[Mapping[str, str]] = {
    "A field that is wrong, as a JSON pointer; may be repeated.": (
        "Un champ inexact, par son pointeur JSON ; peut se répéter."
    ),
    "A JSON file with the content; - for stdin.": (
        "Un fichier JSON avec le contenu ; - pour l'entrée standard."
    ),
    "A liaison office; may be repeated.": "Un bureau de liaison ; peut se répéter.",
    "A recipient; may be repeated.": "Un destinataire ; peut se répéter.",
    "After this event; without it, from now on.": (
        "Après cet événement ; sans cela, à partir de maintenant."
    ),
    "Attachments.": "Pièces jointes.",
    "Correct a message that was sent, wherever it went.": (
        "Rectifier un message envoyé, partout où il est allé."
    ),
    "End after so many seconds; 0 for what there is by now.": (
        "Terminer après tant de secondes ; 0 pour ce qui est déjà là."
    ),
    "Follow what happens, one event a line, until interrupted.": (
        "Suivre ce qui se passe, un événement par ligne, jusqu'à interruption."
    ),
    "in, out or draft.": "in (reçus), out (envoyés) ou draft (projets à valider).",
    "Its id, as message show prints it.": "Son identifiant, tel que message show l'affiche.",
    "Let a message go that another person drafted. It is held against everything once more.": (
        "Valider un message rédigé par une autre personne. Tout y est vérifié une fois encore."
    ),
    "Let an attachment come now that is not here yet; say how far it is.": (
        "Faire venir maintenant une pièce jointe absente ; dire où elle en est."
    ),
    "List messages, the oldest first.": "Lister les messages, les plus anciens d'abord.",
    "List what was received, the oldest first.": (
        "Lister ce qui a été reçu, le plus ancien d'abord."
    ),
    "Messages, sent and received.": "Messages, envoyés et reçus.",
    "Of these types alone, such as case.overdue; may be repeated.": (
        "De ces types seulement, par exemple case.overdue ; peut se répéter."
    ),
    "Of this case alone.": "De ce dossier seulement.",
    "Only this attachment, by its number or name; may be repeated.": (
        "Cette pièce jointe seule, par son numéro ou son nom ; peut se répéter."
    ),
    "Open a message. Reading is recorded.": "Ouvrir un message. La lecture est consignée.",
    "Open an attachment into a file. Reading is recorded.": (
        "Ouvrir une pièce jointe dans un fichier. La lecture est consignée."
    ),
    "Print one JSON document a line.": "Afficher un document JSON par ligne.",
    "Send a liaison office a copy that the node makes, without what tells of persons.": (
        "Envoyer à un bureau de liaison une copie faite par le nœud, sans les personnes."
    ),
    "Send a message: it is accepted when this returns, and ends visibly whatever happens.": (
        "Envoyer un message : il est accepté au retour, et son issue se verra quoi qu'il arrive."
    ),
    "Take a message: an official has it.": "Prendre un message en charge : un agent l'a.",
    "Take back a message that waits: for its release, or to be delivered.": (
        "Retirer un message qui attend d'être validé, ou d'être remis."
    ),
    "Take back a message that was sent, or some of its attachments, wherever they went.": (
        "Rappeler un message envoyé, ou des pièces jointes, partout où ils sont allés."
    ),
    "Take what a file brings as if it had come over the line; doing so twice changes nothing.": (
        "Recevoir ce qu'apporte un fichier comme par la ligne ; le refaire ne change rien."
    ),
    "The case it belongs to.": "Le dossier dont il fait partie.",
    "The file that another member exported.": "Le fichier qu'un autre membre a exporté.",
    "The file to write; it must not exist.": "Le fichier à écrire ; il ne doit pas exister.",
    "The kind, such as request.verify_value.": "Le type, par exemple request.verify_value.",
    "The message it answers.": "Le message auquel il répond.",
    "Turn down a message that another person drafted: it is not sent.": (
        "Refuser de valider un message rédigé par une autre personne : il n'est pas envoyé."
    ),
    "Upload a file, to be named by a message within a day.": (
        "Déposer un fichier, qu'un message doit nommer dans la journée."
    ),
    "Wait so many seconds for the first.": "Attendre le premier tant de secondes.",
    "What is right; one for each field.": "La valeur exacte ; une par champ.",
    "What nobody took yet.": "Ce que personne n'a encore pris en charge.",
    "What was received.": "Ce qui a été reçu.",
    "Why a releaser opens what was recalled: review, court and others.": (
        "Pourquoi un réviseur ouvre ce qui a été rappelé : review, court et autres."
    ),
    "Why it is taken back.": "Motif du rappel.",
    "Why, in words.": "Explication en toutes lettres.",
    "Why: who drafted it reads it.": "Le motif, que lira la personne qui l'a rédigé.",
}
