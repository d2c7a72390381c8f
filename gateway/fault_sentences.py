"""What a person is told of each fault, by its code: in English and in French."""

from collections.abc import Mapping

SENTENCES: Mapping[str, tuple[str, str]] = {
    "missing": ("This field is required.", "Ce champ est obligatoire."),
    "unknown_field": ("There is no such field here.", "Ce champ n'existe pas ici."),
    "not_text": ("This must be text.", "Une chaîne de caractères est attendue."),
    "not_a_number": ("This must be a whole number.", "Un nombre entier est attendu."),
    "not_a_flag": ("This must be true or false.", "La valeur doit être true ou false."),
    "not_an_object": ("This must be an object.", "Un objet est attendu."),
    "not_a_list": ("This must be a list.", "Une liste est attendue."),
    "not_empty_value": ("This must be null.", "La valeur doit être null."),
    "too_short": ("This has fewer than {limit} characters.", "Moins de {limit} caractères."),
    "too_long": ("This has more than {limit} characters.", "Plus de {limit} caractères."),
    "too_few": ("At least {limit} are needed.", "Il en faut au moins {limit}."),
    "too_many": ("At most {limit} are allowed.", "Pas plus de {limit} sont admis."),
    "too_small": ("This must be at least {limit}.", "La valeur minimale est {limit}."),
    "too_large": ("This must be at most {limit}.", "La valeur maximale est {limit}."),
    "wrong_form": ("This does not have the form it must have.", "La forme n'est pas valable."),
    "not_one_of": ("This must be one of: {limit}.", "Une de ces valeurs est attendue : {limit}."),
    "wrong_type": ("This is not of the type it must be.", "Le type n'est pas valable."),
    "check_digit": (
        "The check digit is wrong: a character was mistyped.",
        "Le chiffre de contrôle est faux : un caractère est mal saisi.",
    ),
    "code_unknown": (
        "The code list {limit} has no such code.",
        "La liste de codes {limit} ne contient pas ce code.",
    ),
    "not_a_date": (
        "This must be a date that exists, as YYYY-MM-DD.",
        "Une date réelle est attendue, sous la forme AAAA-MM-JJ.",
    ),
    "year_unlikely": (
        "The year must lie between 1850 and 2200 of the common (Gregorian) calendar.",
        "L'année doit être comprise entre 1850 et 2200 du calendrier grégorien.",
    ),
    "day_past": (
        "This day is over; a coming one is needed.",
        "Ce jour est passé ; une date à venir est attendue.",
    ),
    "day_to_come": (
        "This day is still to come; a past one is needed.",
        "Ce jour est à venir ; une date passée est attendue.",
    ),
    "ends_early": ("This is before {limit}.", "Cette date précède {limit}."),
    "conditions_missing": (
        "The handling code H3 needs its conditions in words.",
        "Le code de traitement H3 exige des conditions en toutes lettres.",
    ),
    "not_in_force": (
        "No agreement in force with the recipient begins so; there are: {limit}.",
        "Aucun accord en vigueur avec le destinataire ne commence ainsi ; il y a : {limit}.",
    ),
    "control_character": (
        "There is a character in this text that cannot be shown.",
        "Ce texte contient un caractère qui ne s'affiche pas.",
    ),
    "edition_unknown": (
        "This node holds no edition {limit} of the Harmonized System.",
        "Ce nœud ne détient pas l'édition {limit} du Système harmonisé.",
    ),
    "not_toml": ("This file is no TOML.", "Ce fichier n'est pas du TOML."),
    "name_taken": ("This name stands for something else.", "Ce nom est déjà pris."),
    "choices_wrong": (
        "A choice, and no other field, has choices, each with a code of its own.",
        "Un choix, et lui seul, a des choix, chacun avec son propre code.",
    ),
    "not_attached": (
        "The message concerned has no attachment with this SHA-256.",
        "Le message concerné n'a pas de pièce jointe avec ce SHA-256.",
    ),
    "not_an_amount": (
        "This must be a decimal amount such as 13020.00.",
        "Un montant décimal est attendu, par exemple 13020.00.",
    ),
    "conflict": ("This contradicts {limit}.", "Ceci contredit {limit}."),
    "not_a_union": (
        "Only a union speaks on behalf of another member.",
        "Seule une union parle au nom d'un autre membre.",
    ),
    "on_behalf_missing": (
        "A union says on behalf of which of its states it speaks.",
        "Une union indique au nom duquel de ses États elle parle.",
    ),
    "state_not_represented": (
        "The registry does not name {limit} among the states of this union.",
        "Le registre ne nomme pas {limit} parmi les États de cette union.",
    ),
    "state_suspended": (
        "{limit} is suspended: nobody speaks on its behalf.",
        "{limit} est suspendu : nul ne parle en son nom.",
    ),
    "outside_competence": (
        "The competences of this union do not cover {limit}.",
        "Les compétences de cette union ne couvrent pas {limit}.",
    ),
    "no_case_powers": (
        "A liaison office neither opens a case nor takes part in one.",
        "Un bureau de liaison n'ouvre pas de dossier et n'y prend pas part.",
    ),
    "observer_sends_nothing": (
        "An observer receives, and sends nothing.",
        "Un observateur reçoit et n'envoie rien.",
    ),
    "registrar_sends_nothing": (
        "The registrars keep the registry, and send no messages.",
        "Les teneurs du registre n'envoient pas de messages.",
    ),
    "recipient_has_no_powers": (
        "{limit} has no case powers: nobody can ask it to act.",
        "{limit} n'a pas de pouvoirs dans les dossiers : on ne peut rien lui demander.",
    ),
    "not_invited": (
        "{limit} is not among the members invited.",
        "{limit} n'est pas parmi les membres invités.",
    ),
    "invited_unasked": (
        "{limit} is invited, but this does not go to it.",
        "{limit} est invité, mais ceci ne lui est pas adressé.",
    ),
    "template_lacks": (
        "Every report of this operation states: {limit}.",
        "Chaque rapport de cette opération indique : {limit}.",
    ),
    "not_a_liaison_office": (
        "{limit} is no liaison office.",
        "{limit} n'est pas un bureau de liaison.",
    ),
    "recipient_sees_copies": (
        "{limit} has no case powers: it gets copies that name nobody, not this.",
        "{limit} n'a pas de pouvoirs dans les dossiers : il reçoit des copies sans noms, pas ceci.",
    ),
}
