"""Answers to requests, whole or in part."""

from typing import Annotated

from gateway.cases.fields.schema import (
    Amount,
    ComingDay,
    Content,
    Currency,
    Language,
    Line,
    Passage,
    labelled,
)
from gateway.cases.handling import Evaluation, Handling


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


class PartialReply(Reply, frozen=True, kw_only=True):
    """A part of the answer; the rest follows."""

    outstanding: Annotated[Passage, labelled("What is still to come", "Ce qui suivra")]
    due_on: Annotated[ComingDay | None, labelled("The rest expected on", "Suite prévue le")] = None
