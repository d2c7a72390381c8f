"""Steps 3 and 4: a line that fails on the way, and who replays what he copied of it."""

import hashlib
from typing import Any

from gateway.cases.fields.labels import Label
from gateway.cli.demo import outlaw
from gateway.cli.demo.cast import XA, XB, XC
from gateway.cli.demo.stage import Stage
from gateway.protocol.blob import SEGMENT_BYTES

SLACK_BYTES = 2 * 1024 * 1024
"""What registry, witnesses and TLS need of the line beside an attachment."""


def poor_line(stage: Stage) -> None:
    """XB cannot be reached; then it can, until the line breaks; then it can again."""
    story, line = stage.story, stage.line
    row = stage.until(
        Label("a second attempt", "un deuxième essai"),
        lambda: next(iter([one for one in _outbox(stage) if one["attempts"] > 1]), None),
    )
    story.check(
        XA,
        Label(
            "Berenia's line is down: after {attempts} attempts the request waits ({code})",
            "la ligne de la Bérénie est coupée : après {attempts} essais, la demande attend "
            "({code})",
        ),
        row["code"],
        row["attempts"],
        attempts=row["attempts"],
        code=row["code"],
    )
    medium = stage.desks / "stick"
    stage.document(XA, "outbox", "export", "--to", XB, str(medium))
    (stage.envelope,) = list(outlaw.envelopes_on(medium))
    medium.unlink()
    story.tell(
        XC,
        Label(
            "Aldria also writes it to a stick for the courier. On the way, Cadria copies the "
            "stick: {count} bytes of envelope, sealed",
            "L'Aldrie l'écrit aussi sur une clé pour le courrier. En route, la Cadrie copie la "
            "clé : {count} octets d'enveloppe, scellés",
        ),
        count=len(stage.envelope),
    )
    line.open(2 * SEGMENT_BYTES + SEGMENT_BYTES // 2)
    stage.until(Label("the line to break", "la rupture de la ligne"), lambda: not line.is_open)
    before = stage.until(Label("whole segments", "des segments entiers"), lambda: _segments(stage))
    story.check(
        XB,
        Label(
            "the line comes back, and breaks again in the middle of the contract: {count} whole "
            "segments of 8 MiB are here",
            "la ligne revient, puis se rompt au milieu du contrat : {count} segments entiers de "
            "8 Mio sont arrivés",
        ),
        before,
        len(before),
        count=len(before),
    )
    carried = line.carried_bytes
    since, _ = stage.events(XA, "0")
    line.open()
    stage.until(
        Label("the delivery receipt", "le récépissé de remise"),
        lambda: (
            stage.call(XA, f"/v1/messages?direction=out&case={stage.case}")["messages"][0]["state"]
            == "delivered"
        ),
    )
    carried = line.carried_bytes - carried
    after = _segments(stage)
    total = sum(length for length, _ in after.values())
    missing = total - sum(length for length, _ in before.values())
    story.check(
        XB,
        Label(
            "it comes back for good: of {total} MiB, {carried} went over the line now; no segment "
            "was sent twice",
            "elle revient pour de bon : sur {total} Mio, {carried} sont passés à présent ; aucun "
            "segment n'a été envoyé deux fois",
        ),
        all(after.get(name) == item for name, item in before.items())
        and carried < missing + SLACK_BYTES,
        {"total_bytes": total, "missing_bytes": missing, "carried_bytes": carried},
        total=total // 1024**2,
        carried=carried // 1024**2,
    )
    _, heard = stage.events(XA, since)
    story.check(
        XA,
        Label(
            "a system of the house that listens hears of it: {event}",
            "un système de la maison qui est à l'écoute l'apprend : {event}",
        ),
        "message.delivered" in heard,
        heard,
        event="message.delivered",
    )
    story.check(
        XB,
        Label(
            "both files open, and are what Aldria attached (SHA-256)",
            "les deux fichiers s'ouvrent, et sont ceux que l'Aldrie a joints (SHA-256)",
        ),
        all(_fetched(stage, number) for number in range(2)),
    )


def replayed(stage: Stage) -> None:
    """XC posts what it copied; XA posts the same, as if the answer had been lost."""
    story, federation = stage.story, stage.federation
    secret = federation.passphrase()
    code, receipt = outlaw.post(federation.folder(XC), secret, XB, stage.envelope)
    story.tell(
        XC,
        Label(
            "Cadria posts the copied envelope to Berenia, over its own line and with its own "
            "certificate",
            "La Cadrie poste à la Bérénie l'enveloppe copiée, par sa ligne et avec son certificat",
        ),
    )
    story.check(
        XB,
        Label(
            "refused ({code}): Cadria is neither the sender nor a relay of either",
            "refusé ({code}) : la Cadrie n'est ni l'expéditeur ni un relais de l'un des deux",
        ),
        code == "not_on_route" and not receipt,
        code,
        code=code,
    )
    found = stage.entry(XB, "message.refused", peer=XC, code="not_on_route")
    story.check(
        XB,
        Label(
            "its audit log says who tried: entry {number}, {member}, {code}",
            "son journal d'audit dit qui a essayé : entrée {number}, {member}, {code}",
        ),
        found["digests"] == [stage.opened(XA, stage.request)["envelope_id"]],
        found,
        number=found["index"],
        member=XC,
        code=code,
    )
    code, receipt = outlaw.post(federation.folder(XA), secret, XB, stage.envelope)
    held = stage.opened(XA, stage.request)["recipients"][0]["receipt"]
    copies = [
        item for item in stage.call(XB, "/v1/messages?direction=in")["messages"]
        if item["id"] == stage.request
    ]  # fmt: skip
    story.check(
        XA,
        Label(
            "Aldria repeats it, as after a lost answer: the receipt of the first time comes back, "
            "byte for byte",
            "l'Aldrie la répète, comme après une réponse perdue : le récépissé de la première fois "
            "revient, octet pour octet",
        ),
        not code and hashlib.sha256(receipt).hexdigest() == held["sha256"],
        held["sha256"],
    )
    story.check(
        XB,
        Label("and Berenia still has it once", "et la Bérénie l'a toujours une seule fois"),
        len(copies) == 1,
        len(copies),
    )


def _outbox(stage: Stage) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = stage.call(XA, "/v1/outbox")["rows"]
    return [row for row in rows if row["recipient"] == XB]


def _segments(stage: Stage) -> dict[str, tuple[int, int]]:
    """Return the whole segments that XB has on its disk, by length and when they were written."""
    folder = stage.federation.folder(XB) / "blobs"
    found: dict[str, tuple[int, int]] = {}
    for file in folder.rglob("*"):
        if file.name.isdecimal() and file.is_file():
            kept = file.stat()
            found[str(file.relative_to(folder))] = (kept.st_size, kept.st_mtime_ns)
    return found


def _fetched(stage: Stage, number: int) -> bool:
    """Tell whether a file that XB opens is the one that XA attached."""
    copy = stage.desks / XB / f"copy-{number}"
    copy.parent.mkdir(parents=True, exist_ok=True)
    stage.run(XB, "attachment", "get", f"{stage.request}.{number}", str(copy))
    name = stage.opened(XB, stage.request)["attachments"][number]["name"]
    same = hashlib.sha256(copy.read_bytes()).hexdigest() == stage.files[name]
    copy.unlink()
    return same
