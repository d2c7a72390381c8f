"""What is said in French of the refusals that reach officers, by their code.

In English the refusal's own sentence is shown, which names what it is about. In French there is a
sentence of the code: refusals are worded once, where they are raised, for whoever runs the node.
"""

from collections.abc import Mapping
from typing import Final

REFUSALS: Final[Mapping[str, str]] = {
    "answer_malformed": "la réponse du nœud n'est pas lisible",
    "authorization_malformed": "l'en-tête Authorization n'est pas lisible : un seul, Bearer et le "
    "jeton",
    "attachment_lost": "la pièce jointe n'est pas venue et ne viendra pas",
    "attachment_name_malformed": "une pièce jointe a un nom de 1 à 255 caractères et un type de "
    "média",
    "attachment_pending": "la pièce jointe est en cours de transfert : réessayer dans un instant",
    "attachment_too_large": "la pièce jointe dépasse la taille admise par ce nœud",
    "attachment_unknown": "cette pièce jointe n'existe pas ici",
    "awaits_release": "ce dossier ou ce message attend encore sa validation : rien ne peut y faire "
    "suite",
    "blob_missing": "la pièce jointe n'est pas sur ce nœud",
    "busy": "ce nœud est trop occupé : réessayer dans un instant",
    "case_kept": "ce dossier est conservé par une décision : voir liaison case show",
    "case_not_restricted": "ce dossier n'est pas restreint",
    "case_purged": "ce dossier a été purgé : il n'en reste que la trace ; en ouvrir un autre",
    "case_restricted": "ce dossier est restreint : seul un réviseur l'ouvre, avec un motif",
    "case_runs": "ce dossier n'est pas terminé, ou peut encore être rouvert",
    "case_stands_so": "ce dossier est déjà restreint",
    "case_under_way": "un message de ce dossier est en route, non pris en charge, ou peut encore "
    "revenir",
    "case_not_found": "ce dossier n'existe pas ici",
    "case_unknown": "ce dossier n'existe pas ici",
    "consent_missing": "l'auteur n'a consenti ni à cette communication à un autre membre, ni à cet "
    "usage",
    "consent_not_own": "seul l'expéditeur d'un message consent à ce qu'il soit transmis",
    "consent_recalled": "l'auteur a retiré son consentement",
    "content_invalid": "le contenu n'est pas lisible",
    "content_too_large": "un contenu a 1 Mio au plus ; joindre des fichiers",
    "copy_of_a_copy": "ce message est déjà une copie pour un bureau de liaison",
    "daemon_unreachable": "aucun nœud ne répond : le démarrer par liaison serve, ou nommer son "
    "dossier avec --dir",
    "disk_full": "le disque est presque plein : rien n'est accepté avant qu'il y ait de la place",
    "draft_expired": "ce projet n'a pas été validé à temps : le rédiger de nouveau",
    "draft_is_whole": "un projet va à tous ses destinataires, ou à aucun",
    "draft_outdated": "selon les types et listes de codes d'aujourd'hui, ce projet ne dirait plus "
    "la même chose : le rédiger de nouveau",
    "drafts_full": "trop de projets attendent une validation : en faire valider d'abord",
    "events_gone": "ces événements ne sont pas conservés ici : parcourir les messages et les "
    "dossiers, puis reprendre à l'événement indiqué",
    "handling_forbids_copy": "TLP:RED : ce message n'est que pour ses destinataires",
    "handling_weaker": "ce qui est transmis garde au moins son TLP et tous ses codes de traitement",
    "host_not_allowed": "ce port ne répond que sous les noms de cette machine",
    "idempotency_key_busy": "cette demande est déjà en cours",
    "information_recalled": "l'expéditeur a rappelé cette information : seul un réviseur "
    "l'ouvre, avec un motif",
    "json_malformed": "ce fichier n'est pas du JSON",
    "kind_not_found": "ce type de message n'existe pas : voir liaison kinds",
    "kind_reserved": "seuls les nœuds eux-mêmes envoient des messages de ce type",
    "kind_unknown": "ce type de message n'existe pas : voir liaison kinds",
    "kinds_unreadable": "un fichier de types de message n'est pas lisible",
    "list_not_found": "cette liste de codes n'existe pas ici : voir liaison codes list",
    "media_type_wrong": "le corps de la demande doit être du JSON (application/json)",
    "member_missing": "nommer un membre, ou --self",
    "member_suspended": "un membre concerné est suspendu par le registre",
    "member_unknown": "le registre ne connaît pas un des destinataires",
    "message_is_own": "seul un message reçu se prend en charge",
    "message_purged": "ce que disait ce message a été détruit ici : voir liaison case show",
    "message_recalled": "ce message a été rappelé par son expéditeur",
    "message_ref_malformed": "un message se nomme par son expéditeur, un tiret et 32 chiffres "
    "hexadécimaux",
    "message_unknown": "ce message n'existe pas ici",
    "nobody_in_region": "aucun membre de la région ne peut rien recevoir en ce moment",
    "nomenclature_malformed": "le fichier de nomenclature n'est pas lisible",
    "not_in_this_state": "l'état du dossier ne le permet pas : voir liaison case show",
    "not_our_region": "c'est au bureau de liaison de la région de le diffuser",
    "not_the_newest": "un message plus récent est venu : répondre à celui-là, ou nommer le dossier "
    "seul",
    "nothing_to_release": "ce message n'attend pas de validation",
    "operation_not_found": "cette opération n'existe pas ici",
    "operation_unknown": "ce message n'ouvre pas d'opération lisible ici",
    "overtaken": "le dossier a évolué entre-temps : regarder, puis recommencer",
    "padding_invalid": "le message n'est pas lisible",
    "payload_invalid": "le message n'est pas lisible",
    "proposal_missing": "nommer la proposition du membre, ou --complete",
    "range_not_satisfiable": "la pièce jointe n'a pas cette partie",
    "recall_final": "un rappel est définitif : envoyer à nouveau ce qu'il a repris",
    "recall_not_own": "seul l'expéditeur d'un message le rappelle ou le rectifie",
    "recipient_not_possible": "un message va à un autre membre, ni à soi ni au registre",
    "region_not_found": "cette région n'est pas dans la configuration",
    "registry_stale": "l'état du registre connu ici est trop ancien : rien ne part avant qu'il "
    "soit renouvelé",
    "released_by_drafter": "qui a rédigé un projet ne le valide ni ne le refuse : une autre "
    "personne le fait ; pour le reprendre, le retirer",
    "role_missing": "il faut pour cela un rôle que l'appelant n'a pas",
    "root_key_missing": "il manque une clé racine : la nommer par --root-key",
    "route_missing": "nommer --endpoint, --via, ou les deux",
    "second_person_needed": "qui a restreint un dossier ne le purge pas : un autre le fait",
    "statement_misfit": "ce fichier ne porte pas la déclaration qu'il faut",
    "storage_key_missing": "la clé qui ouvrait ce message n'est plus là",
    "token_by_token": "un jeton ne crée pas de jetons : le faire en tant qu'utilisateur local",
    "token_expired": "ce jeton a expiré : en demander un autre à l'exploitant",
    "token_file_missing": "le fichier de jeton ne peut être lu",
    "token_file_permissions": "d'autres que vous peuvent lire le fichier de jeton, ou écrire dans "
    "son répertoire : le mettre en mode 0600, et changer de jeton",
    "token_malformed": "ce n'est pas un jeton de liaison token create",
    "token_not_found": "il n'y a pas ici de jeton de ce libellé",
    "token_required": "par TCP, chaque demande montre un jeton",
    "token_revoked": "ce jeton a été révoqué : en demander un autre à l'exploitant",
    "token_unknown": "ce nœud ne connaît pas ce jeton",
    "too_many_at_once": "trop de demandes à la fois : en laisser finir",
    "unit_mismatch": "ce dossier appartient à une autre unité",
}
"""By the code; a test finds those that lack one."""
