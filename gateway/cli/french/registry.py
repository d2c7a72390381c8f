"""Help of the registry, its members and its statements."""

from collections.abc import Mapping
from typing import Final

HELP: Final[Mapping[str, str]] = {
    "A key of the log as a vkey, instead of a node's folder.": (
        "Une clé du journal comme vkey, au lieu du répertoire d'un nœud."
    ),
    "A node's folder whose registry is compared with.": (
        "Le répertoire d'un nœud, au registre duquel comparer."
    ),
    "A relay that keeps its mailbox, or none; may be repeated.": (
        "Un relais qui tient sa boîte aux lettres, ou none pour aucun ; peut se répéter."
    ),
    "Add signatures of root keys; needs no network, no node and no registry.": (
        "Ajouter des signatures de clés racines ; sans réseau, sans nœud et sans registre."
    ),
    "Begin the recovery of a member that lost every key, or complete it 30 days later.": (
        "Engager le rétablissement d'un membre qui a perdu toutes ses clés, ou l'achever 30 "
        "jours après."
    ),
    "Change the address or the relays of this node; its daemon says so itself.": (
        "Changer l'adresse ou les relais de ce nœud, qui le déclare lui-même."
    ),
    "Check a proof with the log's keys: those of a node's registry, or those named.": (
        "Vérifier une preuve avec les clés du journal : celles du registre d'un nœud, ou celles "
        "nommées."
    ),
    "Copy the registry into a file, for a machine that never sees the network.": (
        "Copier le registre dans un fichier, pour une machine qui ne voit jamais le réseau."
    ),
    "End it: 30 witnessed days are over.": "L'achever : 30 jours attestés sont passés.",
    "Hand a statement in that enough have signed.": (
        "Remettre au registre une déclaration qu'assez ont signée."
    ),
    "How many make a head witnessed.": "Combien suffisent pour qu'une tête soit attestée.",
    "How many root keys.": "Combien de clés racines.",
    "Its name, such as mutual.example.": "Son nom, par exemple mutual.example.",
    "Its number in the list.": "Son numéro dans la liste.",
    "Let nothing be taken from a member or given to it, until it is resumed.": (
        "Ne plus rien prendre d'un membre ni lui remettre, jusqu'à la levée."
    ),
    "Let the registry begin with a statement that every first registrar's root signed.": (
        "Ouvrir le registre par une déclaration que toutes les premières racines du responsable "
        "ont signée."
    ),
    "Let the running daemon agree, with its sign key.": (
        "Faire consentir le nœud en marche, par sa clé de signature."
    ),
    "Lift a suspension: the registrars theirs, the member's roots their own.": (
        "Lever une suspension : le responsable du registre la sienne, les racines du membre la "
        "leur."
    ),
    "List the members.": "Lister les membres.",
    "List the proofs kept, of all logs; works beside a running daemon or without one.": (
        "Lister les preuves gardées, de tous les journaux ; avec ou sans nœud en marche."
    ),
    "Make the registrar's node and the registry's first statement; print the anchor.\n\nWhere the "
    "root keys were drawn elsewhere, every one of them signs that statement first.": (
        "Créer le nœud du responsable du registre et la première déclaration ; afficher "
        "l'empreinte.\n\nSi les clés racines ont été tirées ailleurs, chacune signe d'abord cette "
        "déclaration."
    ),
    "Members of the federation.": "Membres de la fédération.",
    "Name the federation's witnesses; enough of the present ones must agree.\n\nEach of them does "
    "so with: liaison statement sign FILE --node": (
        "Nommer les témoins de la fédération ; assez des témoins actuels doivent consentir.\n\n"
        "Chacun d'eux le fait par : liaison statement sign FICHIER --node"
    ),
    "Proofs that a log was shown in two ways.": (
        "Preuves qu'un journal a été montré de deux façons."
    ),
    "Replay the stored registry from its anchor; works beside a running daemon or without one.": (
        "Rejouer le registre conservé depuis son empreinte ; avec ou sans nœud en marche."
    ),
    "Say what a member is, and for whom and in what a union acts.": (
        "Dire ce qu'est un membre, et pour qui et pour quoi une union agit."
    ),
    "Show a member and its keys.": "Montrer un membre et ses clés.",
    "Show how far this node's registry goes, who was asked for it, and what is wrong with it.": (
        "Montrer jusqu'où va le registre de ce nœud, qui a été interrogé, et ce qui ne va pas."
    ),
    "Show in words what a statement changes, who signed it, and whether it would stand now.": (
        "Montrer en mots ce qu'une déclaration change, qui l'a signée, et si elle tiendrait "
        "aujourd'hui."
    ),
    "Sign a join file with the registrars' root keys; the last of them publishes it.\n\nKeys that "
    "still lie in the node's folder are found without being named.": (
        "Signer un fichier d'adhésion avec les clés racines du responsable du registre ; la "
        "dernière le publie.\n\nLes clés encore dans le répertoire du nœud se trouvent sans être "
        "nommées."
    ),
    "Statements of the registry, as files.": "Déclarations du registre, en fichiers.",
    "Stop a recovery: by the member's roots in force, or by its next ones alone.": (
        "Arrêter un rétablissement : par les racines en vigueur du membre, ou par les suivantes "
        "seules."
    ),
    "Straight to this gateway, https://host:port: the own node is gone.": (
        "Droit à cette passerelle, https://hôte:port : le nœud propre n'est plus."
    ),
    "The federation's registry.": "Le registre de la fédération.",
    "The first statement, signed by every root.": (
        "La première déclaration, signée par toutes les racines."
    ),
    "The member's join file.": "Le fichier d'adhésion du membre.",
    "The member.": "Le membre.",
    "The members that are to be witnesses.": "Les membres qui seront témoins.",
    "The name in French.": "Le nom en français.",
    "The proof.": "La preuve.",
    "The public file of the committed next roots, if they sign.": (
        "Le fichier public des racines suivantes engagées, si elles signent."
    ),
    "The registrar's name in English.": "Le nom du responsable du registre en anglais.",
    "The statement.": "La déclaration.",
    "This member itself, by its own root, not the registrars.": (
        "Ce membre lui-même, par sa propre racine, et non le responsable du registre."
    ),
    "What liaison init --recover wrote.": "Ce que liaison init --recover a écrit.",
    "Where members reach it: https://host:port.": "Où les membres le joignent : https://hôte:port.",
    "Where peers reach this node: https://host:port, or none.": (
        "Où les autres joignent ce nœud : https://hôte:port, ou none pour nulle part."
    ),
    "Where to write it.": "Où l'écrire.",
    "Write a proof as a text file that others can check without this node.": (
        "Écrire une preuve dans un fichier texte que d'autres vérifient sans ce nœud."
    ),
}
