"""Help of keys, root keys, and the file that they are in."""

from collections.abc import Mapping
from typing import Final

HELP: Final[Mapping[str, str]] = {
    "A file (mode 0600) with the new passphrase; else a prompt.": (
        "Un fichier (mode 0600) avec la nouvelle phrase secrète ; sinon une question."
    ),
    "A file (mode 0600) with what opens a slot that is to stay; may be repeated.": (
        "Un fichier (mode 0600) avec ce qui ouvre un emplacement à garder ; peut se répéter."
    ),
    "A file (mode 0600) with what opens it now; else the node's own, or a prompt.": (
        "Un fichier (mode 0600) avec ce qui l'ouvre à présent ; sinon celui du nœud, ou une "
        "question."
    ),
    "A use, for the key in use, or the first digits of an id.": (
        "Un usage, pour la clé en service, ou les premiers chiffres d'un identifiant."
    ),
    "Another file with keys, such as a root key's; none for the node's.": (
        "Un autre fichier de clés, par exemple d'une clé racine ; rien pour celui du nœud."
    ),
    "Bring new node keys, drawn by the running daemon.": (
        "Apporter de nouvelles clés de nœud, tirées par le nœud en marche."
    ),
    "Draw a new file key: for when a passphrase became known to somebody who has a copy.\n\nEvery "
    "slot goes whose passphrase is not given. The daemon must be started anew. What the old\n"
    "copy shows is known all the same: rotate the keys after it.": (
        "Tirer une nouvelle clé du fichier : quand qui a une copie a appris une phrase "
        "secrète.\n\nTout emplacement dont la phrase n'est pas donnée disparaît. Le nœud doit "
        "être relancé. Ce que montre l'ancienne copie reste connu : remplacer ensuite les clés."
    ),
    "Draw a root set: a sealed file for each key, and one public file. Needs no network.": (
        "Tirer un jeu de racines : un fichier scellé par clé, et un fichier public. Sans réseau."
    ),
    "Draw a secret of 256 bits into this new file, instead of a passphrase.": (
        "Tirer un secret de 256 bits dans ce nouveau fichier, au lieu d'une phrase secrète."
    ),
    "For the audit log of this node.": "Pour le journal d'audit de ce nœud.",
    "From when on, such as 2027-03-01T12:00:00Z; now by default.": (
        "À partir de quand, par exemple 2027-03-01T12:00:00Z ; maintenant par défaut."
    ),
    "How many.": "Combien.",
    "KEY@SINCE: a key, or a use with all its keys, and from when on.": (
        "CLÉ@DEPUIS : une clé, ou un usage avec toutes ses clés, et à partir de quand."
    ),
    "Let a slot open it no more; give the passphrase of another one, which stays.": (
        "Faire qu'un emplacement ne l'ouvre plus ; donner la phrase secrète d'un autre, qui reste."
    ),
    "Let one more passphrase, or a secret for a systemd credential, open it.": (
        "Faire qu'une phrase secrète de plus l'ouvre, ou un secret pour systemd."
    ),
    "Let the committed roots take the place of those in force: planned, or after a theft.": (
        "Mettre les racines engagées à la place de celles en vigueur : comme prévu, ou après un "
        "vol."
    ),
    "List the keys of this node, what ends when, and who still uses an old one; never a secret.": (
        "Lister les clés de ce nœud, leur fin, et qui use encore d'une ancienne ; jamais un secret."
    ),
    "List the slots; no passphrase is needed.": "Lister les emplacements ; sans phrase secrète.",
    "Make one set of those that several people drew, each at home; its keys stay with them.": (
        "Faire un jeu de ceux que plusieurs ont tirés, chacun chez soi ; les clés restent chez eux."
    ),
    "Public files of sets, one of each holder.": "Fichiers publics de jeux, un par détenteur.",
    "Put a new passphrase in the place of the one that opens it now.": (
        "Mettre une nouvelle phrase secrète à la place de celle qui l'ouvre à présent."
    ),
    "Replace keys of the running node, all in one statement; the old ones stay for their "
    "overlap.\n\nRoot keys are not on this machine: those who hold them rotate them by a file "
    "that goes round.": (
        "Remplacer des clés du nœud en marche, en une déclaration ; les anciennes restent le "
        "temps du passage.\n\nLes clés racines ne sont pas sur cette machine : leurs détenteurs "
        "les remplacent par un fichier qui circule."
    ),
    "Revoke a key from now on; one that is in use is replaced in the same statement.\n\nFrom any "
    "time before, only the member's root keys can revoke.": (
        "Révoquer une clé dès maintenant ; celle qui est en service est remplacée dans la même "
        "déclaration.\n\nÀ partir d'une date passée, seules les clés racines du membre révoquent."
    ),
    "Revoke keys of the node from any time on, by the roots in force.": (
        "Révoquer des clés du nœud à partir d'une date quelconque, par les racines en vigueur."
    ),
    "Root keys: offline, k of n.": "Clés racines : hors ligne, k sur n.",
    "sign, seal, log, witness, tls, storage, or all.": (
        "sign (signature), seal (scellement), log (journal), witness (témoin), tls, storage "
        "(stockage), ou all (toutes)."
    ),
    "The federation, such as mutual.example.": "La fédération, par exemple mutual.example.",
    "The folder to write them to.": "Le répertoire où les écrire.",
    "The number of the set; by default the next in the folder.": (
        "Le numéro du jeu ; par défaut le suivant dans le répertoire."
    ),
    "The public file of the set that was committed to.": "Le fichier public du jeu engagé.",
    "The public file of the set to commit to now.": (
        "Le fichier public du jeu à engager maintenant."
    ),
    "The public file to write; a new one.": "Le fichier public à écrire ; un nouveau.",
    "The slot, as keystore list numbers it.": "L'emplacement, tel que keystore list le numérote.",
    "This node's keys.": "Les clés de ce nœud.",
    "What opens the file with the keys.": "Ce qui ouvre le fichier des clés.",
    "Whose it is: small letters, digits, hyphens.": (
        "À qui elle est : minuscules, chiffres, tirets."
    ),
    "Whose roots: the member's short name.": "À qui sont ces racines : le nom court du membre.",
    "With storage: wrap all that is stored under the new key, then destroy the others.": (
        "Avec storage : mettre tout ce qui est conservé sous la nouvelle clé, puis détruire les "
        "autres."
    ),
}
