"""How what was received may be used: TLP, the handling codes, and how sure it is.

Source: FIRST TLP 2.0; the design's handling and evaluation codes.
"""

from typing import Annotated

import msgspec

from gateway.cases.fields.labels import Code
from gateway.cases.fields.schema import Content, Words, labelled


class Tlp(Code):
    """Traffic Light Protocol 2.0."""

    CLEAR = "CLEAR", "No limit on disclosure", "Divulgation sans limite"
    GREEN = "GREEN", "The community only", "La communauté uniquement"
    AMBER = (
        "AMBER",
        "The organisation and its clients, need to know",
        "L'organisation et ses clients, au besoin",
    )
    AMBER_STRICT = (
        "AMBER+STRICT",
        "The organisation only, need to know",
        "L'organisation seule, au besoin",
    )
    RED = "RED", "The named recipients only", "Les destinataires nommés uniquement"


class HandlingCode(Code):
    """What the sender demands of the recipient."""

    CUSTOMS_ONLY = "H0", "Customs purposes only", "À des fins douanières uniquement"
    NO_JUDICIAL_USE = (
        "H1",
        "No judicial use without consent",
        "Pas d'usage judiciaire sans consentement",
    )
    NO_DISSEMINATION = (
        "H2",
        "No dissemination without consent",
        "Pas de diffusion sans consentement",
    )
    OTHER = "H3", "Other conditions, in words", "Autres conditions, en toutes lettres"


class Handling(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The handling that travels with a message's content."""

    tlp: Annotated[Tlp, labelled("Traffic light", "Feu de signalisation")] = Tlp.AMBER_STRICT
    codes: Annotated[
        tuple[HandlingCode, ...],
        labelled("Handling codes", "Codes de traitement", max_length=4),
    ] = ()
    conditions: Annotated[
        Words,
        labelled("Conditions, which H3 refers to", "Conditions visées par H3"),
    ] = ""


class SourceEvaluation(Code):
    """How reliable the source is."""

    A = "A", "Reliable without doubt", "Fiable sans aucun doute"
    B = "B", "Reliable in most cases", "Fiable dans la plupart des cas"
    C = "C", "Unreliable in most cases", "Peu fiable dans la plupart des cas"
    X = "X", "Reliability cannot be judged", "Fiabilité impossible à juger"


class InformationEvaluation(Code):
    """How sure the information is."""

    KNOWN_TRUE = "1", "Known to be true", "Connue comme vraie"
    KNOWN_TO_SOURCE = (
        "2",
        "Known to the source, not to who passes it on",
        "Connue de la source, non de qui la transmet",
    )
    CORROBORATED = (
        "3",
        "Not known to the source, corroborated elsewhere",
        "Inconnue de la source, confirmée par ailleurs",
    )
    NOT_JUDGED = "4", "Cannot be judged", "Impossible à juger"


class Evaluation(Content, frozen=True, kw_only=True):
    """The evaluation of what is reported."""

    source: Annotated[SourceEvaluation, labelled("Source", "Source")]
    information: Annotated[InformationEvaluation, labelled("Information", "Information")]


CUSTOMS_ONLY = Handling(tlp=Tlp.AMBER_STRICT, codes=(HandlingCode.CUSTOMS_ONLY,))
"""Of what one administration asks or tells another."""
CUSTOMS_ONLY_KEPT = Handling(
    tlp=Tlp.AMBER_STRICT, codes=(HandlingCode.CUSTOMS_ONLY, HandlingCode.NO_DISSEMINATION)
)
"""Of information and intelligence: nobody else gets it without consent."""
COMMUNITY = Handling(tlp=Tlp.GREEN, codes=(HandlingCode.CUSTOMS_ONLY,))
"""Of what many learn from."""
OPEN = Handling(tlp=Tlp.CLEAR)
"""Of what anybody may know."""
