"""Steps 12 and 13: the region's alert and operation, and a union that acts for a member."""

import msgspec

from gateway.cases.fields.labels import Label
from gateway.cli.demo import content
from gateway.cli.demo.cast import OFFICE, REGION, UNION, XA, XB, XC, others_in
from gateway.cli.demo.stage import Stage

CONTROLS = {XA: (41, 1), XB: (26, 0)}


def operation(stage: Stage) -> None:
    """Circulate an alert, and open an operation that members join and report to."""
    story, others = stage.story, others_in(stage.federation.cast)
    text = msgspec.json.encode(content.alert())
    stage.run(OFFICE, "region", "alert", REGION, "--content", "-", text=text)
    heard = [stage.opened(code, stage.arrived(code, "intelligence.alert")["id"])
             for code in stage.region]  # fmt: skip
    story.tell(
        OFFICE,
        Label(
            "The liaison office circulates an alert to its region:",
            "Le bureau de liaison diffuse une alerte à sa région :",
        ),
    )
    story.quote(f"“{content.ALERT}”")
    story.check(
        "",
        Label(
            "{count} members have it: {names}",
            "{count} membres l'ont : {names}",
        ),
        all(item["signature"] == "valid" for item in heard),
        len(heard),
        count=len(heard),
        names=", ".join(stage.region),
    )
    invited = [XA, XB, *others]
    stage.operation = stage.send(OFFICE, invited, "operation.open", content.opening(invited))["id"]
    story.tell(
        OFFICE,
        Label(
            "It opens operation SOLE, from today until {day}, for {count} members:",
            "Il ouvre l'opération SOLE, d'aujourd'hui au {day}, pour {count} membres :",
        ),
        day=content.in_days(10),
        count=len(invited),
    )
    story.quote(f"“{content.AIM}”")
    for number, code in enumerate(invited):
        stage.arrived(code, "operation.open")
        spoken = "fr" if code == XB else "en"
        group = [name for name in (OFFICE, *invited) if name != code]
        joins = content.joining(f"Operations {code}", spoken)
        tells = content.report(*CONTROLS.get(code, (10 + number, number % 2)), spoken)
        for to, kind, said in (
            (group, "operation.join", joins),
            ([OFFICE], "operation.report", tells),
        ):
            body = {"to": to, "kind": kind, "content": said, "in_reply_to": stage.operation}
            stage.call(code, "/v1/messages", "POST", body)
    shown = stage.until(
        Label("all reports", "tous les rapports"), lambda: _whole(stage, len(invited))
    )
    listed = stage.run(OFFICE, "operation", "show", stage.operation).out.splitlines()
    story.quote(*listed[1 : _ROWS + min(_MOST, len(invited))])
    counted = {item["member"]: item["controls"] for item in shown["counted"]}
    story.check(
        OFFICE,
        Label(
            "{count} take part and reported: {controls} controls, by the template",
            "{count} participent et ont rendu compte : {controls} contrôles, selon le modèle",
        ),
        counted[XA] == CONTROLS[XA][0] and counted[XB] == CONTROLS[XB][0],
        sum(counted.values()),
        count=len(invited),
        controls=sum(counted.values()),
    )
    seen = stage.call(XC, "/v1/operations?show=all")["operations"]
    story.check(
        XC,
        Label(
            "Cadria was not invited, and sees nothing of it",
            "la Cadrie n'a pas été invitée, et n'en voit rien",
        ),
        not seen,
        len(seen),
    )


_ROWS, _MOST = 4, 6
"""Lines of an operation before those of its members, and how many of these are shown."""


def union(stage: Stage) -> None:
    """Let the union answer for a member: in what it is competent for, and not beyond."""
    story = stage.story
    wait = ("--wait", "30", "--json")
    cases = {}
    for kind in ("request.verify_value", "request.verify_origin"):
        asked = stage.desk(XA, f"{kind}.json", content.asked_of_union(kind))
        opened = stage.run(XA, "case", "open", kind, "--to", UNION, "--file", str(asked), *wait)
        cases[kind] = opened.json["case"]
    story.tell(
        UNION,
        Label(
            "The union acts for Berenia, and the registry says in what: origin. Aldria asks it "
            "about the value, and about the origin.",
            "L'union agit pour la Bérénie, et le registre dit en quoi : l'origine. L'Aldrie "
            "l'interroge sur la valeur, et sur l'origine.",
        ),
    )
    answer = stage.desk(UNION, "answer.json", content.answered_by_union())
    reply = ("--file", str(answer), "--on-behalf-of", XB)
    beyond = stage.run(UNION, "case", "reply", cases["request.verify_value"], *reply, expected=1)
    story.check(
        UNION,
        Label(
            "about the value it may not answer: {code}",
            "sur la valeur, elle ne peut répondre : {code}",
        ),
        "[outside_competence]" in beyond.err,
        beyond.err.strip(),
        code="outside_competence",
    )
    said = stage.run(UNION, "case", "reply", cases["request.verify_origin"], *reply, *wait).json
    read = stage.opened(XA, said["id"])
    story.tell(UNION, Label("About the origin it does:", "Sur l'origine, elle répond :"))
    story.quote(f"« {read['content']['findings']} »")
    thread = stage.thread(XA, cases["request.verify_origin"])
    story.check(
        XA,
        Label(
            "accepted: {union} speaks for {member}; that case is answered",
            "accepté : {union} parle pour {member} ; ce dossier a sa réponse",
        ),
        read["on_behalf_of"] == XB and read["from"] == UNION and thread["state"] == "answered",
        read["on_behalf_of"],
        union=UNION,
        member=XB,
    )


def _whole(stage: Stage, members: int) -> dict[str, list[dict[str, int]]] | None:
    """Return the operation as the office has it, once everybody reported."""
    shown: dict[str, list[dict[str, int]]] = stage.call(OFFICE, f"/v1/operations/{stage.operation}")
    reported = [item for item in shown["counted"] if item["reports"]]
    return shown if len(reported) == members else None
