"""Help of what a node is made, run and looked at by, and of what leaves it."""

from collections.abc import Mapping
from typing import Final

HELP: Final[Mapping[str, str]] = {
    "A folder that is not there yet.": "Un répertoire qui n'existe pas encore.",
    "A folder that liaison backup made.": "Un répertoire que liaison backup a créé.",
    "A new node of a member that lost every key.": (
        "Le nouveau nœud d'un membre qui a perdu toutes ses clés."
    ),
    "A relay that keeps its mailbox; may be repeated.": (
        "Un relais qui tient sa boîte aux lettres ; peut se répéter."
    ),
    "A role; may be repeated.": "Un rôle ; peut se répéter.",
    "A secure message-exchange gateway between customs administrations.": (
        "Une passerelle sûre d'échange de messages entre administrations des douanes."
    ),
    "After how many days it ends.": "Après combien de jours il expire.",
    "Also look at the line to this member.": "Examiner aussi la ligne vers ce membre.",
    "Ask for the passphrase.": "Demander la phrase secrète.",
    "Bring the database of a stopped node to this version's schema.": (
        "Mettre la base d'un nœud arrêté au schéma de cette version."
    ),
    "Copy a node, running or not, into a folder; destroy expired sealing seeds before.": (
        "Copier un nœud, en marche ou non, dans un répertoire ; détruire avant les secrets de "
        "scellement échus."
    ),
    "Copy the attachments too.": "Copier aussi les pièces jointes.",
    "Deliveries that are not done.": "Remises qui ne sont pas achevées.",
    "How many members the federation has.": "Combien de membres a la fédération.",
    "How many of them must sign.": "Combien d'entre elles doivent signer.",
    "How many root keys to draw.": "Combien de clés racines tirer.",
    "How often each part is timed; the median counts.": (
        "Combien de fois chaque étape est mesurée ; la médiane compte."
    ),
    "Keep the nodes' folders here.": "Garder ici les dossiers des nœuds.",
    "List deliveries that are not done, the oldest first, and drafts that were not sent.": (
        "Lister les remises inachevées, les plus anciennes d'abord, et les projets qui ne sont "
        "pas partis."
    ),
    "List tokens by label, those that are over too.": (
        "Lister les jetons par libellé, même ceux qui ne valent plus."
    ),
    "Look for what is wrong, and say what to do about the first thing found.": (
        "Chercher ce qui ne va pas, et dire que faire du premier défaut trouvé."
    ),
    "Make a node's folder from a backup; the node that it was taken of must not run any more.": (
        "Refaire le répertoire d'un nœud d'après une sauvegarde ; le nœud sauvegardé ne doit "
        "plus tourner."
    ),
    "Make a node: keys, settings, database, and the join file for the registrar.": (
        "Créer un nœud : clés, réglages, base de données, et le fichier d'adhésion pour le "
        "responsable du registre."
    ),
    "Make a token, and write its secret to a file of mode 0600; it is shown nowhere.": (
        "Créer un jeton, et écrire son secret dans un fichier de mode 0600 ; il n'est montré "
        "nulle part."
    ),
    "Only its delivery to this member.": "Seulement sa remise à ce membre.",
    "Play a whole case in a federation of real nodes on this machine, and check every step.": (
        "Jouer tout un dossier dans une fédération de vrais nœuds sur cette machine, et "
        "contrôler chaque étape."
    ),
    "Queue again what failed or was withdrawn.": (
        "Remettre en file ce qui a échoué ou a été retiré."
    ),
    "Replace a file that exists.": "Remplacer un fichier qui existe.",
    "Revoke a token, at once and for good.": "Révoquer un jeton, aussitôt et pour toujours.",
    "Run the node until it is told to stop.": "Faire tourner le nœud jusqu'à ce qu'on l'arrête.",
    "Send a sealed message the whole way: signed, opened, verified, receipted, shown to nobody.": (
        "Envoyer un message scellé jusqu'au bout : signé, ouvert, vérifié, attesté, montré à "
        "personne."
    ),
    "Show a running node in numbers.": "Montrer un nœud en marche, en chiffres.",
    "Take back what still waits of a message.": "Retirer ce qui attend encore d'un message.",
    "The file for its secret; a new one.": "Le fichier pour son secret ; un nouveau.",
    "The file to write, on the medium.": "Le fichier à écrire, sur le support.",
    "The member that it is carried to.": "Le membre à qui il est porté.",
    "The member whose node is to answer.": "Le membre dont le nœud doit répondre.",
    "The member's name in English.": "Le nom du membre en anglais.",
    "The member's name in French.": "Le nom du membre en français.",
    "The member's short name, such as XB.": "Le nom court du membre, par exemple XB.",
    "The only unit whose messages it sees.": "La seule unité dont il voit les messages.",
    "The registrar's gateway: https://host:port.": (
        "La passerelle du responsable du registre : https://hôte:port."
    ),
    "The registry's fingerprint, given out of band.": (
        "L'empreinte du registre, donnée par une autre voie."
    ),
    "The suspended member whose place this one takes.": (
        "Le membre suspendu dont celui-ci prend la place."
    ),
    "The token's label.": "Le libellé du jeton.",
    "Time what an exchange is made of on this machine, and say which part limits.": (
        "Mesurer sur cette machine ce qui compose un échange, et dire quelle étape le limite."
    ),
    "Tokens of systems of the house.": "Jetons des systèmes de la maison.",
    "Wait so many seconds.": "Attendre tant de secondes.",
    "What waits for a second person.": "Ce qui attend une deuxième personne.",
    "Where peers reach it: https://host:port; none behind a relay.": (
        "Où les autres le joignent : https://hôte:port ; rien derrière un relais."
    ),
    "Write what is open for a member, and the receipts owed to it, to a file.": (
        "Écrire dans un fichier ce qui reste à remettre à un membre, et les récépissés qui lui "
        "sont dus."
    ),
}
