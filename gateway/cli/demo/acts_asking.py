"""Steps 1 and 2: a telephone call, and the written request."""

import hashlib
from pathlib import Path

from gateway.cases.fields.labels import Label
from gateway.cases.kinds import kind_named
from gateway.cli.demo import content
from gateway.cli.demo.cast import XA, XB
from gateway.cli.demo.stage import Stage
from gateway.cli.forms.template import write_template

KIND = "request.verify_value"
DRAFTER, DEPUTY = "valuation", "deputy"


def telephone(stage: Stage) -> None:
    """XA's officer writes down what was asked by telephone; nothing leaves the house."""
    story = stage.story
    story.tell(
        XA,
        Label(
            "An officer telephones Berenia: shoes at 3 dollars a pair. What was asked is written "
            "down at once, into the form of the written request:",
            "Un agent téléphone à la Bérénie : des chaussures à 3 dollars la paire. Ce qui est "
            "demandé est noté aussitôt, dans le formulaire de la demande écrite :",
        ),
    )
    form = stage.desks / XA / "request.toml"
    form.parent.mkdir(parents=True)
    stage.run(XA, "case", "open", KIND, "--to", XB, "--template", str(form))
    given = form.read_text(encoding="utf-8")
    names = [stage.federation.name_of(code).en for code in (XA, XB)]
    story.typed(f"case open {KIND} --to {XB} --template request.toml")
    story.check(
        XA,
        Label(
            "the form knows both administrations by their registered names, and says of each of "
            "{count} fields what it may hold",
            "le formulaire connaît les deux administrations par leur nom au registre, et dit de "
            "chacun des {count} champs ce qu'il peut contenir",
        ),
        all(name in given for name in names),
        given.count(" = "),
        count=given.count(" = "),
    )
    _fill(stage, form, content.asked_by_telephone())
    filled = form.read_text(encoding="utf-8")
    story.check(
        XA,
        Label(
            "the note says: made orally first, own reference {reference}; nothing is sent yet",
            "la note dit : formulée d'abord oralement, référence {reference} ; rien n'est envoyé",
        ),
        "made_orally = true" in filled and not _sent(stage),
        reference=content.OWN_REFERENCE,
    )


def written(stage: Stage) -> None:
    """Write the request: with a mistyped container, two files, and a second officer."""
    story = stage.story
    stage.line.cut()
    form = stage.desks / XA / "request.toml"
    _fill(stage, form, content.written_request(content.MISTYPED))
    attached = _attached(stage)
    say = ("case", "open", KIND, "--to", XB, "--file", str(form), *attached)
    refused = stage.run(XA, *say, expected=1)
    named = [text.strip() for text in refused.err.splitlines()[1:]]
    story.tell(
        XA,
        Label(
            "The valuation office fills the form in, and mistypes the container: {mistyped}",
            "Le bureau de la valeur remplit le formulaire, et se trompe de conteneur : {mistyped}",
        ),
        mistyped=content.MISTYPED,
    )
    story.quote(*named)
    story.check(
        XA,
        Label(
            "it is refused at once, with the field and the line of the form; nothing was stored",
            "elle est refusée aussitôt, avec le champ et la ligne du formulaire ; rien n'est "
            "enregistré",
        ),
        len(named) == 1 and "Containers 1" in named[0] and not _sent(stage),
        named,
    )
    _fill(stage, form, content.written_request())
    drafter, deputy = _two_officers(stage)
    drafted = stage.document(XA, *say, *drafter)
    stage.request, stage.case = drafted["id"], drafted["case"]
    story.tell(
        XA,
        Label(
            "Corrected, it is for Berenia: {quantity} pairs, HS 640399, declaration 25XA0000417, "
            "invoice BX-2291",
            "Corrigée, elle est pour la Bérénie : {quantity} paires, SH 640399, déclaration "
            "25XA0000417, facture BX-2291",
        ),
        quantity=content.QUANTITY,
    )
    _figures(stage, content.DECLARED, content.DECLARED_TOTAL)
    waiting = stage.document(XA, "outbox", "list", "--awaiting-release")["messages"]
    early = stage.run(XA, "message", "release", stage.request, *drafter, expected=1)
    story.check(
        XA,
        Label(
            "it names persons, so that it waits for a second officer ({rule}); who drafted it may "
            "not release it ({code})",
            "elle nomme des personnes : elle attend donc un second agent ({rule}) ; qui l'a "
            "rédigée ne peut la valider ({code})",
        ),
        [item["id"] for item in waiting] == [stage.request]
        and "[released_by_drafter]" in early.err,
        drafted["recipients"],
        rule=drafted["release"]["rule"],
        code="released_by_drafter",
    )
    released = stage.document(XA, "message", "release", stage.request, *deputy)
    story.check(
        XA,
        Label(
            "{second} releases what {first} drafted",
            "{second} valide ce que {first} a rédigé",
        ),
        (released["drafted_by"], released["decided_by"]) == (f"token:{DRAFTER}", f"token:{DEPUTY}"),
        released["state"],
        first=DRAFTER,
        second=DEPUTY,
    )
    shown = stage.opened(XA, stage.request)
    sizes = sum(item["size"] for item in shown["attachments"])
    story.check(
        XA,
        Label(
            "accepted: sealed and on disk, TLP:{tlp} {codes}, with two files of {mib} MiB",
            "acceptée : scellée et sur disque, TLP:{tlp} {codes}, avec deux fichiers de {mib} Mio",
        ),
        all(shown["content"]["handling"][name] == held for name, held in content.HANDLING.items())
        and len(shown["attachments"]) == len(stage.files),
        stage.request,
        tlp=content.HANDLING["tlp"],
        codes=" ".join(content.HANDLING["codes"]),
        mib=sizes // 1024**2,
    )
    story.check(
        XA,
        Label(
            "its list of cases says: made orally, to be confirmed",
            "sa liste des dossiers indique : orale, à confirmer",
        ),
        "oral_to_be_confirmed" in stage.thread(XA)["flags"],
        stage.thread(XA)["flags"],
    )


def _two_officers(stage: Stage) -> tuple[tuple[str, str], tuple[str, str]]:
    """Give the valuation office and its deputy a token each; return how a command shows it."""
    stage.token(XA, DRAFTER, "officer", "releaser")
    stage.token(XA, DEPUTY, "releaser")
    return stage.shows(XA, DRAFTER), stage.shows(XA, DEPUTY)


def _sent(stage: Stage) -> list[object]:
    """Return what XA's node has of such requests."""
    found: list[object] = stage.call(XA, f"/v1/messages?kind={KIND}")["messages"]
    return found


def _fill(stage: Stage, form: Path, known: dict[str, object]) -> None:
    """Fill a form in, as an officer does with an editor."""
    names = {
        "asking": stage.federation.name_of(XA).en, "asked": stage.federation.name_of(XB).en,
        "language": "en",
    }  # fmt: skip
    command = f"liaison case open {KIND} --to {XB} --file {form}"
    form.write_text(
        write_template(kind_named(KIND), names | known, command, "en"), encoding="utf-8"
    )


def _attached(stage: Stage) -> tuple[str, ...]:
    """Put the two files on the officer's desk; return how a command attaches them."""
    options: list[str] = []
    files = {"invoice BX-2291.pdf": content.invoice(), "contract.pdf": content.contract()}
    for name, held in files.items():
        stage.files[name] = hashlib.sha256(held).hexdigest()
        options += ["--attach", str(stage.desk(XA, name, held))]
    return tuple(options)


def _figures(stage: Stage, unit: str, total: int) -> None:
    """Show a price and a value, aligned."""
    story = stage.story
    said = Label(
        "{quantity} pairs at USD {unit}  =  USD {total}",
        "{quantity} paires à {unit} USD  =  {total} USD",
    )
    story.quote(
        said.text(story.language).format(
            quantity=story.figure(content.QUANTITY),
            unit=f"{story.figure(unit, 2):>6}",
            total=f"{story.figure(total):>7}",
        )
    )
