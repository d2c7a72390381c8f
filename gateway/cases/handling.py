"""How what was received may be used: TLP and the handling codes.

Source: FIRST TLP 2.0; the design's handling codes.
"""

from enum import StrEnum
from typing import Annotated

import msgspec

from gateway.cases.labels import Label
from gateway.cases.schema import labelled


class Tlp(StrEnum):
    """Traffic Light Protocol 2.0."""

    CLEAR = "CLEAR"
    GREEN = "GREEN"
    AMBER = "AMBER"
    AMBER_STRICT = "AMBER+STRICT"
    RED = "RED"


class HandlingCode(StrEnum):
    """What the sender demands of the recipient."""

    CUSTOMS_ONLY = "H0"
    NO_JUDICIAL_USE = "H1"
    NO_DISSEMINATION = "H2"
    OTHER = "H3"


LABELS = {
    HandlingCode.CUSTOMS_ONLY: Label("Customs purposes only", "À des fins douanières uniquement"),
    HandlingCode.NO_JUDICIAL_USE: Label(
        "No judicial use without consent", "Pas d'usage judiciaire sans consentement"
    ),
    HandlingCode.NO_DISSEMINATION: Label(
        "No dissemination without consent", "Pas de diffusion sans consentement"
    ),
    HandlingCode.OTHER: Label("Other conditions, in words", "Autres conditions, en toutes lettres"),
    Tlp.CLEAR: Label("No limit on disclosure", "Divulgation sans limite"),
    Tlp.GREEN: Label("The community only", "La communauté uniquement"),
    Tlp.AMBER: Label(
        "The organisation and its clients, need to know", "L'organisation et ses clients, au besoin"
    ),
    Tlp.AMBER_STRICT: Label(
        "The organisation only, need to know", "L'organisation seule, au besoin"
    ),
    Tlp.RED: Label("The named recipients only", "Les destinataires nommés uniquement"),
}


class Handling(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The handling that travels with a message's content."""

    tlp: Annotated[Tlp, labelled("Traffic light", "Feu de signalisation")] = Tlp.AMBER_STRICT
    codes: Annotated[
        tuple[HandlingCode, ...],
        labelled("Handling codes", "Codes de traitement", max_length=4),
    ] = ()
    conditions: Annotated[
        str, labelled("Conditions, which H3 refers to", "Conditions visées par H3", max_length=2000)
    ] = ""
