"""Steps 5 to 8 and 10: what the two administrations say to each other in the case."""

import hashlib
from functools import partial
from typing import Any

from gateway.cases.fields.labels import Label
from gateway.cases.threads.thread import State
from gateway.cases.threads.wording import STATES
from gateway.cli.demo import content
from gateway.cli.demo.cast import OFFICE, XA, XB
from gateway.cli.demo.stage import Stage

LIAISON_COPY = "intelligence.liaison_copy"


def acknowledged(stage: Stage) -> None:
    """XB reads in French and acknowledges; XA reads the same in English."""
    story = stage.story
    before = stage.thread(XB)["flags"]
    shown = stage.run(XB, "message", "show", stage.request)
    story.tell(
        XB,
        Label(
            "An officer in Berenia opens the request. The labels and codes are in French, the "
            "text is as it was written:",
            "Un agent de la Bérénie ouvre la demande. Les intitulés et les codes sont en français, "
            "le texte est tel qu'il a été écrit :",
        ),
    )
    french = shown.lines("Mesure demandée", "Usage prévu", "Exposé sommaire", "Traitement")
    story.quote(*french)
    stage.run(XB, "inbox", "acknowledge", stage.request)
    stage.move(
        XB, "acknowledge", "--own-reference", content.THEIR_REFERENCE, "--remark",
        "Nous vérifions auprès de l'exportateur.", "--due-on", content.in_days(60),
    )  # fmt: skip
    english = stage.run(XA, "message", "show", stage.request).lines(
        "Measure asked", "Intended use", "Handling"
    )
    story.tell(
        XA, Label("Aldria reads the same in English:", "L'Aldrie lit la même chose en anglais :")
    )
    story.quote(*english)
    story.check(
        "",
        Label(
            "each side reads the codes in its own language: {french} is {english}",
            "chacun lit les codes dans sa langue : {french} est {english}",
        ),
        "Vérification (verification)" in french[0] and "Verification (verification)" in english[0],
        french="Vérification",
        english="Verification",
    )
    _stands(stage, "in_progress")
    story.check(
        XA,
        Label(
            "Berenia's reference is {reference}; what was made orally is confirmed",
            "la référence de la Bérénie est {reference} ; ce qui était oral est confirmé",
        ),
        "oral_to_be_confirmed" in before
        and "oral_to_be_confirmed" not in stage.thread(XA)["flags"],
        reference=content.THEIR_REFERENCE,
    )


def sanitised(stage: Stage) -> None:
    """Let the liaison office have a copy without persons."""
    story = stage.story
    stage.run(XA, "message", "liaison-copy", stage.request, "--to", OFFICE)
    name = stage.arrived(OFFICE, LIAISON_COPY)["id"]
    read = stage.run(OFFICE, "message", "show", name)
    opened = stage.opened(OFFICE, name)
    fields = {item["field"]: item["value"] for item in opened["content"]["fields"]}
    story.tell(
        OFFICE,
        Label(
            "The liaison office gets a copy that Aldria's node makes by the schema. What it reads:",
            "Le bureau de liaison reçoit une copie que le nœud de l'Aldrie fait d'après le schéma. "
            "Ce qu'il lit :",
        ),
    )
    story.quote(
        *read.lines("HS code:", "Containers", "Vessels", "Quantity", "Currency", "Declared value")
    )
    whole = f"{read.out}{opened}"
    persons = [value for item in content.PERSONS for value in item.values() if len(value) > 2]  # noqa: PLR2004 - a country is no person
    found = [value for value in persons if value in whole]
    story.check(
        OFFICE,
        Label(
            "{count} fields; no name of a person, no address, no text of anybody, no file",
            "{count} champs ; aucun nom de personne, aucune adresse, aucun texte, aucun fichier",
        ),
        not found and content.SUSPECT not in whole and not opened["attachments"] and fields,
        len(fields),
        count=len(fields),
    )
    cases = stage.call(OFFICE, "/v1/cases?show=all")["threads"]
    story.check(
        OFFICE,
        Label(
            "it holds no case powers, and is no side of the case",
            "il n'a aucun pouvoir dans l'affaire, et n'y est pas partie",
        ),
        not cases,
        len(cases),
    )


def conditions(stage: Stage) -> None:
    """XB asks for more, gets it, sets conditions, and has them accepted."""
    story = stage.story
    stage.move(XB, "clarify", "--questions", content.ASKED_MORE)
    story.tell(XB, Label("Berenia asks:", "La Bérénie demande :"))
    story.quote(f"« {content.ASKED_MORE} »")
    _stands(stage, "incomplete")
    stage.move(XA, "supplement", "--text", content.SUPPLEMENT)
    story.tell(XA, Label("Aldria supplements:", "L'Aldrie complète :"))
    story.quote(f"“{content.SUPPLEMENT}”")
    _stands(stage, "in_progress")
    stage.move(XB, "conditions", "--conditions", content.CONDITIONS)
    story.tell(XB, Label("Berenia answers on a condition:", "La Bérénie pose une condition :"))
    story.quote(f"« {content.CONDITIONS} »")
    _stands(stage, "conditions")
    early = stage.run(
        XB, "case", "reply", stage.case, "--own-reference", "-", "--findings", "-", expected=1
    )
    story.check(
        XB,
        Label(
            "until Aldria has decided, nothing else can be said: {refusal}",
            "tant que l'Aldrie n'a pas décidé, rien d'autre ne peut être dit : {refusal}",
        ),
        "[not_in_this_state]" in early.err,
        early.err.strip(),
        refusal="not_in_this_state",
    )
    stage.move(XA, "accept-conditions")
    story.tell(XA, Label("Aldria accepts.", "L'Aldrie accepte."))
    _stands(stage, "in_progress")


def partly_answered(stage: Stage) -> None:
    """XB tells the price, with two files, and postpones the rest."""
    story = stage.story
    partial = stage.desk(XB, "partial.json", content.partial_reply())
    files = {
        "export declaration.pdf": content.page("Export declaration 25XB0088102: 14.80 a pair"),
        "note interne.pdf": content.page(content.NOTE_INSIDE),
    }
    stage.files |= {name: _digest(held) for name, held in files.items()}
    attached: list[str] = []
    for name, held in files.items():
        attached += ["--attach", str(stage.desk(XB, name, held))]
    stage.partial = stage.move(XB, "partial-reply", "--file", str(partial), *attached)
    story.tell(XB, Label("Berenia answers in part:", "La Bérénie répond en partie :"))
    story.quote(f"« {content.PARTIAL} »")
    read = stage.opened(XA, stage.partial)["content"]["verified_value"]
    _value(stage, Label("declared", "déclaré"), content.DECLARED, content.DECLARED_TOTAL)
    _value(stage, Label("exported at", "exporté à"), read["unit_value"], read["total_value"])
    worked_out = round(float(read["unit_value"]) * content.QUANTITY)
    story.check(
        XA,
        Label(
            "{unit} a pair for {quantity} pairs is {total} dollars: the reply agrees with itself",
            "{unit} la paire pour {quantity} paires font {total} dollars : la réponse se tient",
        ),
        worked_out == int(read["total_value"]) == content.FOUND_TOTAL,
        worked_out,
        unit=story.figure(read["unit_value"], 2),
        quantity=content.QUANTITY,
        total=worked_out,
    )
    for number in range(2):
        copy = stage.desks / XA / f"from-berenia-{number}.pdf"
        stage.run(XA, "attachment", "get", f"{stage.partial}.{number}", str(copy))
    _stands(stage, "partial")
    stage.move(
        XB, "postpone", "--reason", "investigation", "--review-on", content.in_days(21),
        "--terms", content.OUTSTANDING,
    )  # fmt: skip
    story.tell(
        XB,
        Label(
            "The bank's proof is postponed: an investigation is under way there.",
            "La preuve de la banque est différée : une enquête y est en cours.",
        ),
    )
    _stands(stage, "postponed")
    due = stage.thread(XA)["due"]
    story.check(
        XA,
        Label(
            "both sides know what is due: Berenia reviews it by {day}",
            "les deux côtés savent ce qui est dû : la Bérénie réexamine avant le {day}",
        ),
        due == stage.thread(XB)["due"] | {"label": due["label"]} and due["by"] == XB,
        due["task"],
        day=content.in_days(21),
    )


def answered(stage: Stage) -> None:
    """XB resumes, and answers all of it."""
    story = stage.story
    stage.move(XB, "resume")
    final = stage.desk(XB, "final.json", content.final_reply())
    stage.final = stage.move(XB, "reply", "--file", str(final))
    story.tell(XB, Label("The final reply:", "La réponse définitive :"))
    story.quote(f"« {content.FINAL} »")
    shown = stage.run(XA, "message", "show", stage.final)
    read = stage.opened(XA, stage.final)
    value, grade = read["content"]["verified_value"], read["content"]["evaluation"]
    _value(stage, Label("value", "valeur"), value["unit_value"], value["total_value"])
    _value(stage, Label("declared", "déclaré"), content.DECLARED, content.DECLARED_TOTAL)
    _value(stage, Label("undeclared", "non déclaré"), "", value["undeclared_value"])
    gap = int(value["total_value"]) - content.DECLARED_TOTAL
    story.check(
        XA,
        Label(
            "the undeclared value is USD {gap}, as the two figures say",
            "la valeur non déclarée est de {gap} USD, comme le disent les deux chiffres",
        ),
        gap == int(value["undeclared_value"]) == content.UNDECLARED,
        gap,
        gap=gap,
    )
    story.quote(*shown.lines("Reliable", "Known to be true"))
    story.check(
        XA,
        Label(
            "evaluated {grade}, and signed by a key that the registry lists as Berenia's",
            "évalué {grade}, et signé par une clé que le registre donne pour celle de la Bérénie",
        ),
        read["signature"] == "valid" and (grade["source"], grade["information"]) == ("A", "1"),
        f"{grade['source']}{grade['information']}",
        grade=f"{grade['source']}{grade['information']}",
    )
    _stands(stage, "answered")


def _stands(stage: Stage, state: str) -> None:
    """Check that both sides fold the case into the same state."""
    ours, theirs = (
        stage.until(
            Label(f"{code} to see {state}", f"{code} : état {state}"),
            partial(_at, stage, code, state),
        )
        for code in (XA, XB)
    )
    stage.story.check(
        "",
        Label("the case is {state}, on both sides", "la demande est {state}, des deux côtés"),
        ours["state"] == theirs["state"],
        state,
        state=_state_label(state),
    )


def _at(stage: Stage, code: str, state: str) -> Any:
    thread = stage.thread(code)
    return thread if thread["state"] == state else None


def _state_label(state: str) -> Label:
    return STATES[State(state)]


def _value(stage: Stage, name: Label, unit: str, total: str | int) -> None:
    """Show a price a pair and a value, aligned."""
    story = stage.story
    said = _IN_DOLLARS.text(story.language)
    story.quote(
        said.format(
            name=name.text(story.language),
            price=story.figure(unit, 2) if unit else "",
            total=story.figure(total),
        )
    )


_IN_DOLLARS = Label(
    "{name:<12} {price:>6}   USD {total:>7}", "{name:<12} {price:>6}   {total:>7} USD"
)


def _digest(held: bytes) -> str:
    return hashlib.sha256(held).hexdigest()
