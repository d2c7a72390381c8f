"""French help of the commands that officers use, by the English that stands in the code."""

from typing import Any

from gateway.cases.fields.labels import Label

HELP: dict[str, str] = {
    "A CSV file with the columns hscode, description.": (
        "Un fichier CSV aux colonnes hscode, description."
    ),
    "A JSON file with the content; - for stdin.": (
        "Un fichier JSON avec le contenu ; - pour l'entrée standard."
    ),
    "A file to attach; may be repeated.": "Un fichier à joindre ; peut se répéter.",
    "A file (mode 0600) with the token to show to the node.": (
        "Un fichier (mode 0600) avec le jeton à montrer au nœud."
    ),
    "A filled template, or JSON (.json).": "Un formulaire rempli, ou du JSON (.json).",
    "A handling code; may be repeated.": "Un code de traitement ; peut se répéter.",
    "A message whose content it passes on; may be repeated.": (
        "Un message dont il communique le contenu ; peut se répéter."
    ),
    "A recipient; may be repeated.": "Un destinataire ; peut se répéter.",
    "Ask something of another member: by questions, or with a file that --template wrote.": (
        "Demander à un autre membre : par questions, ou par un fichier écrit par --template."
    ),
    "At most so many.": "Au plus ce nombre.",
    "Attachments.": "Pièces jointes.",
    "Cases: what is asked and due.": "Dossiers : ce qui est demandé et dû.",
    "Code lists.": "Listes de codes.",
    "Follow what happens, one event a line, until interrupted.": (
        "Suivre ce qui se passe, un événement par ligne, jusqu'à interruption."
    ),
    "Of these types alone, such as case.overdue; may be repeated.": (
        "De ces types seulement, par exemple case.overdue ; peut se répéter."
    ),
    "After this event; without it, from now on.": (
        "Après cet événement ; sans cela, à partir de maintenant."
    ),
    "End after so many seconds; 0 for what there is by now.": (
        "Terminer après tant de secondes ; 0 pour ce qui est déjà là."
    ),
    "Print one JSON document a line.": "Afficher un document JSON par ligne.",
    "Each kind on a line.": "Chaque type sur une ligne.",
    "Show what was exchanged with whom by months, how large, and how fast answers came.": (
        "Montrer ce qui a été échangé avec qui, par mois, le volume et les délais de réponse."
    ),
    "For a union: the state for which it speaks.": (
        "Pour une union : l'État au nom duquel elle parle."
    ),
    "For what it is passed on, such as assessment.": (
        "À quelle fin il est communiqué, par exemple assessment."
    ),
    "In this state alone.": "Dans cet état seulement.",
    "Its id, as message show prints it.": "Son identifiant, tel que message show l'affiche.",
    "Let an attachment come now that is not here yet; say how far it is.": (
        "Faire venir maintenant une pièce jointe absente ; dire où elle en est."
    ),
    "List messages, the oldest first.": "Lister les messages, les plus anciens d'abord.",
    "List the code lists, or the codes of one.": (
        "Lister les listes de codes, ou les codes de l'une d'elles."
    ),
    "List the kinds of message, or show what one must contain. Needs no running daemon.": (
        "Lister les types de message, ou montrer ce que l'un doit contenir. Sans nœud en marche."
    ),
    "List what was asked of whom, what is due first.": (
        "Lister ce qui a été demandé et à qui, les échéances d'abord."
    ),
    "List what was received, the oldest first.": (
        "Lister ce qui a été reçu, le plus ancien d'abord."
    ),
    "Load a nomenclature: from here on HS codes are held against it when a message is sent.": (
        "Charger une nomenclature : les codes SH envoyés y sont désormais comparés."
    ),
    "Messages, sent and received.": "Messages, envoyés et reçus.",
    "Of this case alone.": "De ce dossier seulement.",
    "Only codes that begin so.": "Seulement les codes qui commencent ainsi.",
    "Open a message. Reading is recorded.": "Ouvrir un message. La lecture est consignée.",
    "Open an attachment into a file. Reading is recorded.": (
        "Ouvrir une pièce jointe dans un fichier. La lecture est consignée."
    ),
    "Open no message, so that no reading is recorded.": (
        "N'ouvrir aucun message : aucune lecture n'est consignée."
    ),
    "Print a content of the kind, as a file to fill.": (
        "Afficher un contenu de ce type, comme modèle."
    ),
    "Print one JSON document.": "Afficher un document JSON.",
    "Send a message: it is accepted when this returns, and ends visibly whatever happens.": (
        "Envoyer un message : il est accepté au retour, et son issue se verra quoi qu'il arrive."
    ),
    "Show this kind and its fields.": "Montrer ce type et ses champs.",
    "Show this list.": "Montrer cette liste.",
    "Show where a case stands, all that was said, and who may say what next.\n\nReading is "
    "recorded. With --json, the outline.": (
        "Montrer où en est un dossier, tout ce qui a été dit, et qui peut dire quoi.\n\nLa "
        "lecture est consignée. Avec --json, le plan seulement."
    ),
    "Take a message: an official has it.": "Prendre un message en charge : un agent l'a.",
    "Take what a file brings as if it had come over the line; doing so twice changes nothing.": (
        "Recevoir ce qu'apporte un fichier comme par la ligne ; le refaire ne change rien."
    ),
    "The case it belongs to.": "Le dossier dont il fait partie.",
    "The case.": "Le dossier.",
    "What is over, and to be reviewed.": "Ce qui est terminé, et à réexaminer.",
    "Why.": "Pour quel motif.",
    "A file number by which the reason is found elsewhere.": (
        "Un numéro de dossier où ce motif se retrouve."
    ),
    "The last day on which it is needed, as 2027-12-31.": (
        "Le dernier jour où il est nécessaire, comme 2027-12-31."
    ),
    "A legal hold: keep it without end.": "Un gel légal : le conserver sans terme.",
    "Do not ask.": "Ne pas demander.",
    "Keep a case until a day, or on a legal hold, which a releaser alone ends. Recorded.": (
        "Conserver un dossier jusqu'à un jour, ou par un gel que seul un réviseur lève. Consigné."
    ),
    "Close what was said in a case that is over: a releaser alone opens it, with a reason.": (
        "Fermer ce qui a été dit dans un dossier terminé : seul un réviseur l'ouvre, avec un motif."
    ),
    "Open a restricted case to its unit again, as a releaser. Recorded.": (
        "Rouvrir un dossier restreint à son unité, comme réviseur. Consigné."
    ),
    "Destroy what was said in a restricted case, as a releaser who did not restrict it.\n\nIts "
    "tombstone stays: who, when, which kinds, digests and receipts. Recorded.": (
        "Détruire ce qui a été dit dans un dossier restreint, comme réviseur qui ne l'a pas "
        "restreint.\n\nSa trace reste : qui, quand, quels types, empreintes et récépissés. "
        "Consigné."
    ),
    "The file that another member exported.": "Le fichier qu'un autre membre a exporté.",
    "The file to write; it must not exist.": "Le fichier à écrire ; il ne doit pas exister.",
    "The file.": "Le fichier.",
    "The kind, such as request.verify_value.": "Le type, par exemple request.verify_value.",
    "The message it answers.": "Le message auquel il répond.",
    "The message's id.": "L'identifiant du message.",
    "The node's folder.": "Le répertoire du nœud.",
    "The year of the edition, such as 2022.": "L'année de l'édition, par exemple 2022.",
    "To whom, in a case of several.": "À qui, dans un dossier à plusieurs.",
    "Traffic light of the content.": "Feu de signalisation du contenu.",
    "Upload a file, to be named by a message within a day.": (
        "Déposer un fichier, qu'un message doit nommer dans la journée."
    ),
    "Wait so many seconds for the first.": "Attendre le premier tant de secondes.",
    "Wait so many seconds for the receipts; 0 for not.": (
        "Attendre les récépissés tant de secondes ; 0 pour ne pas attendre."
    ),
    "What is asked, such as request.verify_value.": (
        "Ce qui est demandé, par exemple request.verify_value."
    ),
    "What is finished, too.": "Aussi ce qui est achevé.",
    "What is late.": "Ce qui est en retard.",
    "What nobody took yet.": "Ce que personne n'a encore pris en charge.",
    "What was received.": "Ce qui a été reçu.",
    "Where we ask, or are asked.": "Où nous demandons, ou sommes requis.",
    "Whom to ask; may be repeated.": "À qui demander ; peut se répéter.",
    "Write a file to fill in here, and send nothing.": (
        "Écrire ici un formulaire à remplir, sans rien envoyer."
    ),
    "How many members the federation has.": "Combien de membres a la fédération.",
    "Keep the nodes' folders here.": "Garder ici les dossiers des nœuds.",
    "Play a whole case in a federation of real nodes on this machine, and check every step.": (
        "Jouer tout un dossier dans une fédération de vrais nœuds sur cette machine, et contrôler "
        "chaque étape."
    ),
    "hs, the nomenclature of the Harmonized System.": "hs, la nomenclature du Système harmonisé.",
    "in, out or draft.": "in (reçus), out (envoyés) ou draft (projets à valider).",
    "Let a message go that another person drafted. It is held against everything once more.": (
        "Valider un message rédigé par une autre personne. Tout y est vérifié une fois encore."
    ),
    "Turn down a message that another person drafted: it is not sent.": (
        "Refuser de valider un message rédigé par une autre personne : il n'est pas envoyé."
    ),
    "Why: who drafted it reads it.": "Le motif, que lira la personne qui l'a rédigé.",
    "Take back a message that waits: for its release, or to be delivered.": (
        "Retirer un message qui attend d'être validé, ou d'être remis."
    ),
    "A JSON file with the alert; - for stdin.": (
        "Un fichier JSON avec l'alerte ; - pour l'entrée standard."
    ),
    "A liaison office; may be repeated.": "Un bureau de liaison ; peut se répéter.",
    "Circulate an alert to a region, as its liaison office: one message to all members of it.": (
        "Diffuser une alerte à une région, comme son bureau : un message à tous."
    ),
    "List operations, the oldest first.": "Lister les opérations, les plus anciennes d'abord.",
    "List the regions that the settings name.": "Lister les régions de la configuration.",
    "Look at so many at most.": "En regarder au plus ce nombre.",
    "Operations: closed groups until a day.": "Opérations : groupes fermés jusqu'à un jour dit.",
    "Print CSV.": "Afficher en CSV.",
    "Regions of liaison offices.": "Régions des bureaux de liaison.",
    "Send a liaison office a copy that the node makes, without what tells of persons.": (
        "Envoyer à un bureau de liaison une copie faite par le nœud, sans les personnes."
    ),
    "Show an operation, and every message in its place.": (
        "Montrer une opération, chaque message à sa place."
    ),
    "Show trends of what this node holds, by months; nothing of any person.": (
        "Montrer les tendances de ce que ce nœud détient, par mois ; rien sur une personne."
    ),
    "The first month, as 2026-01.": "Le premier mois, comme 2026-01.",
    "The last month.": "Le dernier mois.",
    "The message that opened it.": "Le message qui l'a ouverte.",
    "The region.": "La région.",
    "What is over, too.": "Aussi ce qui est terminé.",
    "Why a releaser opens what was recalled: review, court and others.": (
        "Pourquoi un réviseur ouvre ce qui a été rappelé : review, court et autres."
    ),
    "A field that is wrong, as a JSON pointer; may be repeated.": (
        "Un champ inexact, par son pointeur JSON ; peut se répéter."
    ),
    "Correct a message that was sent, wherever it went.": (
        "Rectifier un message envoyé, partout où il est allé."
    ),
    "Only this attachment, by its number or name; may be repeated.": (
        "Cette pièce jointe seule, par son numéro ou son nom ; peut se répéter."
    ),
    "Take back a message that was sent, or some of its attachments, wherever they went.": (
        "Rappeler un message envoyé, ou des pièces jointes, partout où ils sont allés."
    ),
    "What is right; one for each field.": "La valeur exacte ; une par champ.",
    "Why it is taken back.": "Motif du rappel.",
    "Why, in words.": "Explication en toutes lettres.",
}
"""What commands are made of adds its own."""


def bilingual(label: Label) -> str:
    """Return the English of a help text, whose French is shown where the locale is."""
    HELP[label.en] = label.fr
    return label.en


def speak_french(command: Any) -> None:
    """Put the help of a command and of all that is under it into French."""
    command.help = HELP.get(command.help, command.help)
    for parameter in command.params:
        if getattr(parameter, "help", None):
            parameter.help = HELP.get(parameter.help, parameter.help)
    for inner in getattr(command, "commands", {}).values():
        speak_french(inner)
