"""What the value of an option or an argument is called in help and errors: a word, no type.

What the code says with ``metavar`` goes first, then what a value of that name is, then its type.
"""

from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import Any, Final, get_args

from gateway.cases.fields.labels import Label

WORDS: Final[Mapping[Label, tuple[str, ...]]] = {
    Label("ADDRESS", "ADRESSE"): ("listen",),
    Label("AMOUNT", "MONTANT"): ("recovered",),
    Label("ATTACHMENT", "PIÈCE"): ("attachment", "only"),
    Label("CASE", "DOSSIER"): ("case",),
    Label("CODE", "CODE"): ("currency", "language", "outcome", "purpose", "usefulness"),
    Label("COUNT", "NOMBRE"): (),
    Label("DATE", "DATE"): ("due_on", "keep_until", "review_on", "since", "until"),
    Label("DAYS", "JOURS"): ("expires_in_days",),
    Label("EVENT", "ÉVÉNEMENT"): ("after", "types"),
    Label("FILE", "FICHIER"): ("content", "token_file"),
    Label("FINGERPRINT", "EMPREINTE"): ("anchor",),
    Label("FOLDER", "RÉPERTOIRE"): ("folder", "source", "target"),
    Label("KEY", "CLÉ"): ("key", "log_key"),
    Label("KEY@SINCE", "CLÉ@DEPUIS"): ("revoke",),
    Label("KIND", "TYPE"): ("competence", "kind"),
    Label("LABEL", "LIBELLÉ"): ("label",),
    Label("LIST", "LISTE"): (),
    Label("MEMBER", "MEMBRE"): (
        "member", "members", "on_behalf_of", "peer", "succeeds", "to", "via",
    ),
    Label("MESSAGE", "MESSAGE"): ("forwarding", "message", "reply_to"),
    Label("NAME", "NOM"): ("authority", "federation", "name", "name_fr"),
    Label("NUMBER", "NUMÉRO"): ("generation", "number"),
    Label("OPERATION", "OPÉRATION"): ("operation",),
    Label("PLACE", "PLACE"): ("cursor",),
    Label("POINTER", "POINTEUR"): ("field",),
    Label("PORT", "PORT"): ("port",),
    Label("REGION", "RÉGION"): ("region",),
    Label("SECONDS", "SECONDES"): ("for_s", "wait"),
    Label("SHARD", "PARTIE"): ("shard",),
    Label("STATE", "ÉTAT"): ("state",),
    Label("TEXT", "TEXTE"): (),
    Label("UNIT", "UNITÉ"): ("unit",),
    Label("URL", "URL"): ("endpoint", "store"),
    Label("USE", "USAGE"): ("uses",),
    Label("YEAR", "ANNÉE"): ("edition",),
}  # fmt: skip
"""Every word, with the names of parameters whose value it is."""
TYPES: Final[Mapping[type, str]] = {int: "COUNT", Path: "FILE"}
OTHER: Final = "TEXT"
_LABELS: Final = {label.en: label for label in WORDS}
_NAMED: Final = {name: label.en for label, names in WORDS.items() for name in names}


def value_name(parameter: Any, spoken: str) -> str:
    """Return what stands for a parameter's value: a word, or all that it may be."""
    return "|".join(choices_of(parameter)) or word(parameter, spoken)


def word(parameter: Any, spoken: str) -> str:
    """Return the word for a parameter's value, whatever it may be."""
    named: str | None = parameter.metavar or _NAMED.get(parameter.name)
    english = named or TYPES.get(type_of(parameter), OTHER)
    return _LABELS[english].text(spoken)


def choices_of(parameter: Any) -> list[str]:
    """Return all that a parameter may be, where that is a list."""
    choices = parameter.type_descriptor.choices or ()
    return [str(one.value if isinstance(one, Enum) else one) for one in choices]


def type_of(parameter: Any) -> type:
    """Return the type of one value, also where there may be several."""
    held = parameter.type_descriptor.annotation
    return next(iter(get_args(held)), held)  # type: ignore[no-any-return]
