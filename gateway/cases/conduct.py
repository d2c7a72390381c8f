"""The conduct of a case: what the administration asked, and the one that asked, tell each other."""

from enum import StrEnum
from typing import Annotated

from gateway.cases.handling import Handling
from gateway.cases.schema import Amount, Content, Currency, Language, Line, Passage, labelled


class SourceEvaluation(StrEnum):
    """How reliable the source is."""

    A = "A"
    B = "B"
    C = "C"
    X = "X"


class InformationEvaluation(StrEnum):
    """How sure the information is."""

    KNOWN_TRUE = "1"
    KNOWN_TO_SOURCE = "2"
    CORROBORATED = "3"
    NOT_JUDGED = "4"


class Evaluation(Content, frozen=True, kw_only=True):
    """The evaluation of what is reported."""

    source: Annotated[SourceEvaluation, labelled("Source", "Source")]
    information: Annotated[InformationEvaluation, labelled("Information", "Information")]


class VerifiedValue(Content, frozen=True, kw_only=True):
    """A value as it was found."""

    currency: Annotated[Currency, labelled("Currency", "Monnaie")]
    unit_value: Annotated[Amount, labelled("Value a unit", "Valeur unitaire")]
    total_value: Annotated[Amount, labelled("Value", "Valeur")]
    undeclared_value: Annotated[
        Amount | None, labelled("Value not declared", "Valeur non déclarée")
    ] = None


class Reply(Content, frozen=True, kw_only=True):
    """The answer to a request."""

    own_reference: Annotated[Line, labelled("Own reference", "Référence propre")]
    language: Annotated[Language, labelled("Language of the text", "Langue du texte")]
    findings: Annotated[Passage, labelled("Findings", "Constatations")]
    handling: Annotated[Handling, labelled("Handling", "Traitement")]
    verified_value: Annotated[
        VerifiedValue | None, labelled("Verified value", "Valeur vérifiée")
    ] = None
    evaluation: Annotated[Evaluation | None, labelled("Evaluation", "Évaluation")] = None
    enquiries_made: Annotated[Passage | None, labelled("Enquiries made", "Enquêtes effectuées")] = (
        None
    )
    not_answered: Annotated[
        Passage | None, labelled("What could not be answered", "Ce qui reste sans réponse")
    ] = None
