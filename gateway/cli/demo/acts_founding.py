"""How the federation comes to be, before anything is asked."""

from gateway.cases.fields.labels import Label
from gateway.cli.demo import content
from gateway.cli.demo.cast import (
    BEHIND,
    LEAST,
    OFFICE,
    QUORUM,
    REGISTRY,
    RELAY,
    WITNESSES,
    XA,
    XB,
    XC,
    others_in,
)
from gateway.cli.demo.federation import NAME
from gateway.cli.demo.stage import Stage

SEIZURES = 4


def founding(stage: Stage) -> None:
    """Found the federation, start all nodes, and let everybody see everybody."""
    federation, story = stage.federation, stage.story
    federation.found()
    story.tell(
        "",
        Label(
            "The registrar founds the federation {name}. Its anchor, which members compare by "
            "another way:",
            "Le responsable du registre fonde la fédération {name}. Son ancre, que les membres "
            "comparent par une autre voie :",
        ),
        name=NAME,
    )
    story.quote(federation.anchor)
    federation.admit()
    story.tell(
        "",
        Label(
            "Each member draws its keys, and asks with a join file; the registrar admits it:",
            "Chaque membre tire ses clés et demande par un fichier d'adhésion ; le responsable du "
            "registre l'admet :",
        ),
    )
    for item in federation.cast[:LEAST]:
        story.tell(item.code, Label("{name}", "{name}"), name=item.name)
    federation.run()
    sizes = {code: stage.federation.call(code, "GET", "/v1/registry") for code in stage.audience}
    agreed = {(item["size"], item["root"]) for item in sizes.values()}
    story.check(
        "",
        Label(
            "{count} members in {processes} processes: one registry, TLS 1.3, every certificate "
            "pinned",
            "{count} membres dans {processes} processus : un seul registre, TLS 1.3, chaque "
            "certificat épinglé",
        ),
        len(agreed) == 1,
        len(sizes),
        count=len(sizes),
        processes=len(sizes) + 1,
    )
    registry = federation.call(REGISTRY, "GET", "/v1/status")
    story.check(
        "",
        Label(
            "{names} witness each other's logs; {quorum} of them are enough",
            "{names} attestent mutuellement leurs journaux ; {quorum} d'entre eux suffisent",
        ),
        registry["witnesses"] == len(WITNESSES),
        list(WITNESSES),
        names=", ".join(WITNESSES),
        quorum=QUORUM,
    )
    ping = stage.document(XA, "ping", XB)
    story.check(
        XA,
        Label(
            "a first sign of life, sealed and receipted: {member} answered",
            "premier signe de vie, scellé et avec récépissé : {member} a répondu",
        ),
        ping["state"] == "delivered",
        ping["after_s"],
        member=XB,
    )
    _chatter(stage)


def _chatter(stage: Stage) -> None:
    """Let those who are not of the story report what they seized to each other, all at once."""
    others = others_in(stage.federation.cast)
    if not others:
        return
    lines = 0
    for at, code in enumerate(others):
        near = {others[(at + step) % len(others)] for step in (1, 2, 3)} - {code}
        for number in range(1, SEIZURES + 1):
            said = {
                "to": sorted(near) or [XC],
                "kind": "seizure.report",
                "content": content.seizure(code, number),
            }
            stage.call(code, "/v1/messages", "POST", said)
            lines += 1
    stage.facts["chatter"] = lines
    stage.story.tell(
        "",
        Label(
            "Meanwhile {count} others report {lines} seizures to each other; {relay} relays for "
            "{behind}, which have no address; {office} gets a copy without names of each",
            "Pendant ce temps, {count} autres se signalent {lines} saisies ; {relay} relaie pour "
            "{behind}, qui n'ont pas d'adresse ; {office} reçoit de chacune une copie sans noms",
        ),
        count=len(others),
        lines=lines,
        relay=RELAY,
        behind=", ".join(code for code in BEHIND if code in others) or "-",
        office=OFFICE,
    )
