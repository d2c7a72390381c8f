"""Steps 9 and 11: what is taken back, and what may be passed on."""

from gateway.cases.fields.labels import Label
from gateway.cli.casework.message_words import STATES
from gateway.cli.demo import content
from gateway.cli.demo.acts_asking import DEPUTY
from gateway.cli.demo.cast import TAX, XA, XB, XC
from gateway.cli.demo.stage import Stage

PASSED_ON = "information.spontaneous"


def recalled(stage: Stage) -> None:
    """XB takes back a file that was attached by mistake."""
    story = stage.story
    files = stage.opened(XA, stage.partial)["attachments"]
    note = next(item for item in files if item["sha256"] == stage.files["note interne.pdf"])
    other = next(item for item in files if item is not note)
    stage.run(
        XB, "message", "recall", stage.partial, "--only", note["name"], "--reason",
        "sent_by_mistake", "--explanation", content.MISTAKE, "--wait", "30",
    )  # fmt: skip
    story.tell(
        XB,
        Label(
            "Berenia takes a file back, which is known by its SHA-256:",
            "La Bérénie rappelle un fichier, que son SHA-256 désigne :",
        ),
    )
    story.typed(f"message recall {stage.partial} --only '{note['name']}' --reason sent_by_mistake")
    story.quote(f"{note['name']}  {note['sha256'][:16]}…", f"« {content.MISTAKE} »")
    target = str(stage.desks / XA / "again.pdf")
    refused = stage.run(XA, "attachment", "get", note["id"], target, expected=1)
    story.check(
        XA,
        Label(
            "in Aldria it is closed at once ({code}), and kept: nobody destroys anything from afar",
            "en Aldrie, il est fermé aussitôt ({code}), et conservé : personne ne détruit rien à "
            "distance",
        ),
        "[information_recalled]" in refused.err,
        refused.err.strip(),
        code="information_recalled",
    )
    copy = str(stage.desks / XA / "reviewed.pdf")
    stage.run(
        XA, "attachment", "get", note["id"], copy, "--reason", "review", *stage.shows(XA, DEPUTY)
    )
    read = stage.entry(XA, "message.read", peer=f"token:{DEPUTY}")
    story.check(
        XA,
        Label(
            "only a releaser opens it, with a reason, and that is recorded: {who}, entry {number}",
            "seul un réviseur l'ouvre, avec un motif, et c'est consigné : {who}, entrée {number}",
        ),
        read["code"] != "",
        read["code"],
        who=DEPUTY,
        number=read["index"],
    )
    stage.run(XA, "attachment", "get", other["id"], str(stage.desks / XA / "still.pdf"))
    story.check(
        XA,
        Label(
            "the other file of the message still opens: {name}",
            "l'autre fichier du message s'ouvre toujours : {name}",
        ),
        other["state"] == "whole",
        name=other["name"],
    )
    report = stage.opened(XB, stage.arrived(XB, "information.recall_report")["id"])["content"]
    story.check(
        XB,
        Label(
            "Aldria's node reports by itself: {verdict}; {readers} of its callers had read it",
            "le nœud de l'Aldrie en rend compte de lui-même : {verdict} ; {readers} de ses "
            "appelants l'avait lu",
        ),
        report["verdict"] == "complied" and report["readers"] == 1,
        report["verdict"],
        verdict=STATES[report["verdict"]],
        readers=report["readers"],
    )


def consented(stage: Stage) -> None:
    """XA passes the answer on to its tax authority with consent, and to XC not at all."""
    story = stage.story
    passing = ("--forwarding", stage.final, "--purpose", "assessment")
    early = stage.refused(XA, TAX, PASSED_ON, content.passed_on(), *passing)
    story.tell(
        XA,
        Label(
            "Aldria wants its tax authority to know. The reply came under H2: no dissemination "
            "without consent.",
            "L'Aldrie veut en aviser son administration fiscale. La réponse est sous H2 : pas de "
            "diffusion sans consentement.",
        ),
    )
    story.check(
        XA,
        Label(
            "without consent its own node lets nothing out ({code})",
            "sans consentement, son propre nœud ne laisse rien sortir ({code})",
        ),
        "[consent_missing]" in early.err,
        early.err.strip(),
        code="consent_missing",
    )
    name = stage.federation.name_of(TAX).en
    in_case = ("--case", stage.case, "--reply-to", stage.final)
    stage.send(
        XA, XB, "consent.request",
        content.consent(stage.final, TAX, name, "en", reason="Value added tax depends on it."),
        *in_case,
    )  # fmt: skip
    asked = stage.arrived(XB, "consent.request")["id"]
    stage.send(
        XB, XA, "consent.grant",
        content.consent(
            stage.final, TAX, name, "fr", notice=True, valid_until=content.in_days(365)
        ),
        "--case", stage.case, "--reply-to", asked,
    )  # fmt: skip
    story.tell(
        XB,
        Label(
            "Berenia consents: to {name}, for the assessment of duties, and wants to be told.",
            "La Bérénie consent : pour {name}, à des fins de taxation, et veut en être avisée.",
        ),
        name=stage.federation.name_of(TAX),
    )
    passed = stage.send(XA, TAX, PASSED_ON, content.passed_on(), *passing)
    story.check(
        TAX,
        Label(
            "now it goes, and arrives: “{subject}”",
            "à présent elle part, et arrive : « {subject} »",
        ),
        stage.opened(TAX, passed["id"])["signature"] == "valid",
        passed["id"],
        subject=content.passed_on()["subject"],
    )
    tried = stage.refused(XA, XC, PASSED_ON, content.passed_on(), *passing)
    story.tell(
        XA,
        Label(
            "Somebody in Aldria tries to forward the same to Cadria.",
            "Quelqu'un en Aldrie tente de le transmettre aussi à la Cadrie.",
        ),
    )
    story.check(
        XA,
        Label(
            "H2 holds: the consent names {member}, and nobody else ({code})",
            "H2 tient : le consentement nomme {member}, et personne d'autre ({code})",
        ),
        "[consent_missing]" in tried.err,
        tried.err.strip(),
        member=TAX,
        code="consent_missing",
    )
    entry = stage.entry(XA, "forward.refused", code=f"consent_missing {XC}")
    reached = stage.call(XC, f"/v1/messages?direction=in&kind={PASSED_ON}")["messages"]
    story.check(
        XA,
        Label(
            "the attempt is in Aldria's audit log (entry {number}), and nothing in Cadria's inbox",
            "la tentative est dans le journal d'audit de l'Aldrie (entrée {number}), et rien dans "
            "la boîte de la Cadrie",
        ),
        entry["message"] == stage.final and not reached,
        entry,
        number=entry["index"],
    )
    told = stage.opened(XB, stage.arrived(XB, "disclosure.notice")["id"])["content"]
    story.check(
        XB,
        Label(
            "Berenia is told by Aldria's node: passed on to {member}, for {purpose}",
            "la Bérénie en est avisée par le nœud de l'Aldrie : communiqué à {member}, {purpose}",
        ),
        (told["message"], told["member"]) == (stage.final, TAX),
        told["member"],
        member=told["member"],
        purpose=Label("the assessment of duties", "à des fins de taxation"),
    )
