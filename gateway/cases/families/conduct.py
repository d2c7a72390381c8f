"""The conduct of a case: what the administration asked, and the one that asked, tell each other."""

from functools import partial
from typing import Annotated

from gateway.cases.families.grounds import PostponementGround, RefusalGround
from gateway.cases.families.parts import Contact, HsEdition, Links, Person
from gateway.cases.families.replies import PartialReply, Reply
from gateway.cases.fields.labels import Code, Label
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
from gateway.cases.handling import CUSTOMS_ONLY, Handling
from gateway.cases.kind import Family, Kind


class Said(Content, frozen=True, kw_only=True):
    """What is said in a case, in one language."""

    language: Annotated[Language, labelled("Language of the text", "Langue du texte")]
    handling: Annotated[Handling, labelled("Handling", "Traitement")]
    own_reference: Annotated[Line | None, labelled("Own reference", "Référence propre")] = None


class Remark(Said, frozen=True, kw_only=True):
    """A step in a case that says all by its kind; words may be added."""

    remark: Annotated[Passage | None, labelled("Remark", "Observation")] = None


class Acknowledge(Said, frozen=True, kw_only=True):
    """The request came, and has its reference."""

    own_reference: Annotated[Line, labelled("Own reference", "Référence propre")]
    contact: Annotated[Contact | None, labelled("Contact point", "Point de contact")] = None
    due_on: Annotated[ComingDay | None, labelled("Answer expected on", "Réponse prévue le")] = None
    remark: Annotated[Passage | None, labelled("Remark", "Observation")] = None


class Clarify(Said, frozen=True, kw_only=True):
    """The request is not complete."""

    questions: Annotated[Passage, labelled("What is missing or unclear", "Ce qui manque")]
    fields: Annotated[
        tuple[Line, ...],
        labelled("Fields concerned", "Champs concernés", max_length=50),
    ] = ()
    due_on: Annotated[ComingDay | None, labelled("Answer wished by", "Réponse avant le")] = None


class Supplement(Said, frozen=True, kw_only=True):
    """What was missing."""

    text: Annotated[Passage, labelled("Text", "Texte")]
    persons: Annotated[
        tuple[Person, ...],
        labelled("Persons concerned", "Personnes concernées", personal=True, max_length=50),
    ] = ()
    links: Annotated[Links | None, labelled("Links", "Liens")] = None
    hs_edition: HsEdition = None


class Transfer(Said, frozen=True, kw_only=True):
    """Another authority is competent, and has it."""

    authority: Annotated[Line, labelled("Competent authority", "Autorité compétente")]
    reason: Annotated[Passage, labelled("Reason", "Motif")]
    contact: Annotated[Contact | None, labelled("Contact point", "Point de contact")] = None


class Conditions(Said, frozen=True, kw_only=True):
    """The answer is given on conditions."""

    conditions: Annotated[Passage, labelled("Conditions", "Conditions")]
    legal_basis: Annotated[Line | None, labelled("Legal basis", "Base juridique")] = None
    due_on: Annotated[ComingDay | None, labelled("Answer wished by", "Réponse avant le")] = None


class DeclineConditions(Said, frozen=True, kw_only=True):
    """The conditions cannot be kept."""

    reason: Annotated[Passage, labelled("Reason", "Motif")]


class Interim(Said, frozen=True, kw_only=True):
    """How far it is."""

    progress: Annotated[Passage, labelled("Progress", "Avancement")]
    due_on: Annotated[ComingDay | None, labelled("Answer expected on", "Réponse prévue le")] = None


class Refuse(Said, frozen=True, kw_only=True):
    """Assistance is refused, in whole or in part."""

    reason: Annotated[RefusalGround, labelled("Reason", "Motif")]
    explanation: Annotated[Passage, labelled("Explanation", "Explication")]
    part: Annotated[bool, labelled("A part only", "Une partie seulement")] = False


class Postpone(Said, frozen=True, kw_only=True):
    """The answer would disturb something now."""

    reason: Annotated[PostponementGround, labelled("Reason", "Motif")]
    review_on: Annotated[ComingDay, labelled("To be reviewed on", "Réexamen le")]
    terms: Annotated[Passage | None, labelled("Terms proposed", "Conditions proposées")] = None


class Extend(Said, frozen=True, kw_only=True):
    """The date cannot be met: a new one."""

    due_on: Annotated[ComingDay, labelled("New date", "Nouvelle date")]
    reason: Annotated[Passage, labelled("Reason", "Motif")]


class Reason(Said, frozen=True, kw_only=True):
    """A step that gives its reason."""

    reason: Annotated[Passage, labelled("Reason", "Motif")]


class Usefulness(Code):
    """Of what use an answer was."""

    DECISIVE = "decisive", "Decisive", "Décisive"
    USEFUL = "useful", "Useful", "Utile"
    OF_NO_USE = "of_no_use", "Of no use", "Sans utilité"
    TOO_LATE = "too_late", "Too late", "Trop tardive"


class Feedback(Said, frozen=True, kw_only=True):
    """What became of the answer."""

    usefulness: Annotated[Usefulness, labelled("Usefulness", "Utilité")]
    result: Annotated[Passage | None, labelled("Result", "Résultat")] = None
    recovered: Annotated[Amount | None, labelled("Amount recovered", "Montant recouvré")] = None
    currency: Annotated[Currency | None, labelled("Currency", "Monnaie")] = None


class CaseOutcome(Code):
    """How a case ended."""

    OFFENCE = "offence", "An offence was found", "Infraction constatée"
    NO_OFFENCE = "no_offence", "No offence was found", "Aucune infraction constatée"
    SETTLED = "settled", "Settled", "Transaction"
    DROPPED = "dropped", "Not pursued", "Sans suite"


class Close(Said, frozen=True, kw_only=True):
    """The case is over for who asked."""

    outcome: Annotated[CaseOutcome, labelled("Outcome", "Issue")]
    remark: Annotated[Passage | None, labelled("Remark", "Observation")] = None


_kind = partial(Kind, family=Family.CONDUCT, handling=CUSTOMS_ONLY)
KINDS = (
    _kind(
        name="case.acknowledge",
        content=Acknowledge,
        label=Label("Acknowledgement of a request", "Accusé de réception"),
    ),
    _kind(
        name="case.clarify",
        content=Clarify,
        label=Label("Question about a request", "Demande de précisions"),
    ),
    _kind(
        name="case.supplement",
        content=Supplement,
        label=Label("Supplement to a request", "Complément à la demande"),
    ),
    _kind(
        name="case.transfer",
        content=Transfer,
        label=Label("Transfer to the competent authority", "Transmission à l'autorité compétente"),
    ),
    _kind(
        name="case.conditions",
        content=Conditions,
        label=Label("Conditions of an answer", "Conditions de la réponse"),
    ),
    _kind(
        name="case.accept_conditions",
        content=Remark,
        label=Label("Acceptance of the conditions", "Acceptation des conditions"),
    ),
    _kind(
        name="case.decline_conditions",
        content=DeclineConditions,
        label=Label("Conditions declined", "Refus des conditions"),
    ),
    _kind(
        name="case.interim", content=Interim, label=Label("Interim report", "Rapport intermédiaire")
    ),
    _kind(
        name="case.partial_reply",
        content=PartialReply,
        label=Label("Partial reply", "Réponse partielle"),
    ),
    _kind(name="case.reply", content=Reply, label=Label("Reply", "Réponse")),
    _kind(name="case.refuse", content=Refuse, label=Label("Refusal", "Refus")),
    _kind(name="case.postpone", content=Postpone, label=Label("Postponement", "Report")),
    _kind(name="case.resume", content=Remark, label=Label("Resumption", "Reprise")),
    _kind(name="case.extend", content=Extend, label=Label("New date", "Nouvelle échéance")),
    _kind(name="case.remind", content=Remark, label=Label("Reminder", "Rappel")),
    _kind(
        name="case.withdraw",
        content=Remark,
        label=Label("Withdrawal of a request", "Retrait de la demande"),
    ),
    _kind(name="case.feedback", content=Feedback, label=Label("Feedback", "Retour d'information")),
    _kind(name="case.close", content=Close, label=Label("Closing", "Clôture")),
    _kind(name="case.reopen", content=Reason, label=Label("Reopening", "Réouverture")),
)
