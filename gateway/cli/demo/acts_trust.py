"""Steps 14 and 15: keys, standing, and what is left to show when everything is over."""

import shutil
from functools import partial
from pathlib import Path
from typing import Any

from gateway.cases.fields.labels import Label
from gateway.cli.demo import content, outlaw
from gateway.cli.demo.acts_asking import DEPUTY
from gateway.cli.demo.cast import REGISTRY, XA, XB, XC
from gateway.cli.demo.stage import Stage

SUSPENDED = "member_suspended"
VERIFY = ("audit", "verify")
ENTRY = b"message.received"
"""A kind of entry, as it stands in what is altered."""


def keys(stage: Stage) -> None:
    """XB rotates its signing key in mid-case; XC is suspended, and refused everywhere."""
    story = stage.story
    before = stage.opened(XA, stage.final)["signed_by"]
    stage.run(XB, "key", "rotate", "sign")
    said = stage.document(
        XB, "message", "rectify", stage.final, "--field", "/findings", "--value",
        content.CORRECTED, "--wait", "30",
    )  # fmt: skip
    now, then = (stage.opened(XA, name) for name in (said["id"], stage.final))
    story.tell(
        XB,
        Label(
            "Berenia rotates its signing key, in the middle of the case, and corrects a date "
            "under the new one:",
            "La Bérénie change sa clé de signature, au milieu du dossier, et rectifie une date "
            "sous la nouvelle :",
        ),
    )
    story.quote(f"{before[:16]}  →  {now['signed_by'][:16]}")
    story.check(
        XA,
        Label(
            "nothing paused: the new message is valid by the new key, the old one still by the old",
            "rien ne s'est arrêté : le nouveau message est valable par la nouvelle clé, l'ancien "
            "l'est toujours par l'ancienne",
        ),
        (now["signature"], then["signature"]) == ("valid", "valid")
        and now["signed_by"] != before
        and then["marks"] == ["rectified"],
        now["signed_by"],
    )
    federation = stage.federation
    out = str(stage.desks / "suspension.statement")
    stage.run(REGISTRY, "member", "suspend", XC, "--out", out, *federation.by_registrar())
    story.tell(
        REGISTRY,
        Label(
            "The registrars suspend Cadria: one statement in the registry.",
            "Les responsables du registre suspendent la Cadrie : une déclaration au registre.",
        ),
    )
    size = federation.call(REGISTRY, "GET", "/v1/registry")["size"]
    for code in stage.audience:
        stage.until(
            Label(f"{code} to hear of it", f"{code} : suspension connue"),
            partial(_has_heard, stage, code, size),
        )
    secret = federation.passphrase()
    to = [code for code in stage.audience if code != XC and _has_address(stage, code)]
    codes = {
        code: outlaw.post(federation.folder(XC), secret, code, stage.envelope)[0] for code in to
    }
    story.check(
        XC,
        Label(
            "what it posts is refused by all {count} members that have an address ({code})",
            "ce qu'elle poste est refusé par les {count} membres qui ont une adresse ({code})",
        ),
        set(codes.values()) == {SUSPENDED},
        codes,
        count=len(codes),
        code=SUSPENDED,
    )
    own = stage.refused(XC, XA, "announcement", _announcement())
    story.check(
        XC,
        Label(
            "and its own node, which keeps to the registry, sends nothing any more",
            "et son propre nœud, qui s'en tient au registre, n'envoie plus rien",
        ),
        "[member_suspended]" in own.err,
        own.err.strip(),
    )


def closed(stage: Stage) -> None:
    """Close the case, verify the logs, find an altered byte, and let evidence stand alone."""
    story, federation = stage.story, stage.federation
    stage.move(XA, "close", "--outcome", "offence", "--remark", "Duty and a fine were paid.")
    state = stage.until(
        Label("XB to see it closed", "clôture vue par XB"),
        lambda: stage.thread(XB)["state"] == "closed" and stage.thread(XA)["state"],
    )
    story.check(
        XA,
        Label(
            "Aldria closes the case: {outcome}. Closed on both sides, with {count} messages",
            "L'Aldrie clôt le dossier : {outcome}. Clos des deux côtés, avec {count} messages",
        ),
        state == "closed",
        state,
        outcome=Label("an offence was found", "infraction constatée"),
        count=len(stage.thread(XA)["messages"]),
    )
    _settle(stage)
    for code in (XA, XB):
        _witnessed(stage, code)
    checking = {code: federation.beside(code, *VERIFY, "--json") for code in (XA, XB)}
    verified = {code: running.wait().json for code, running in checking.items()}
    story.check(
        "",
        Label(
            "audit verify passes on both sides: {ours} entries at XA, {theirs} at XB; their "
            "witnesses hold the same",
            "audit verify réussit des deux côtés : {ours} entrées à XA, {theirs} à XB ; leurs "
            "témoins tiennent les mêmes",
        ),
        all(item["verified"] and item["witnesses"]["heads"] for item in verified.values()),
        {code: item["entries"] for code, item in verified.items()},
        ours=verified[XA]["entries"],
        theirs=verified[XB]["entries"],
    )
    file = stage.desks / "evidence.zip"
    stage.run(XA, "evidence", "export", stage.request, str(file))
    _count(stage)
    _restricted(stage)
    federation.stop()
    _in_court(stage, file)
    _searched(stage)
    _altered(stage)


def _restricted(stage: Stage) -> None:
    """Close to everybody what was said in a case that is over, but to a releaser with a reason."""
    story = stage.story
    stage.run(XA, "case", "restrict", stage.case, "--reason", "expired")
    refused = stage.run(XA, "message", "show", stage.final, expected=1)
    opened = stage.run(
        XA, "message", "show", stage.final, "--reason", "court", *stage.shows(XA, DEPUTY)
    )
    story.check(
        XA,
        Label(
            "what was said in it is restricted from here on ({code}): {who} alone opens it, for "
            "the court",
            "ce qui y a été dit est désormais restreint ({code}) : seul {who} l'ouvre, pour le "
            "tribunal",
        ),
        "[case_restricted]" in refused.err and content.FINAL in opened.out,
        refused.err.strip(),
        code="case_restricted",
        who=DEPUTY,
    )


def _has_heard(stage: Stage, code: str, size: int) -> bool:
    return bool(stage.call(code, "/v1/registry")["size"] >= size)


def _is_done(stage: Stage, code: str) -> bool:
    return not stage.call(code, "/v1/outbox")["rows"]


def _settle(stage: Stage) -> None:
    """Wait until nothing is under way any more at anybody but who is suspended."""
    for code in stage.audience:
        if code != XC:
            stage.until(
                Label(f"{code}'s outbox to empty", f"{code} : boîte d'envoi vide"),
                partial(_is_done, stage, code),
            )


def _witnessed(stage: Stage, code: str) -> None:
    """Wait until a quorum cosigned a head over what a log holds now."""
    size = stage.call(code, "/v1/audit/shards")["shards"][-1]["size"]
    stage.until(
        Label(f"witnesses of {code}'s log", f"témoins du journal de {code}"),
        lambda: stage.call(code, "/v1/audit/shards")["shards"][-1]["witnessed_size"] >= size,
    )


def _in_court(stage: Stage, file: Path) -> None:
    """Verify the evidence in another folder, when every node has ended, by the anchor alone."""
    story, federation = stage.story, stage.federation
    court = stage.desks / "court"
    court.mkdir()
    shutil.move(file, court / "evidence.zip")
    told = federation.alone(
        court, "evidence", "verify", "evidence.zip", "--anchor", federation.anchor
    )
    story.tell(
        "",
        Label(
            "All nodes are stopped. In another folder, with the file and the anchor alone:",
            "Tous les nœuds sont arrêtés. Dans un autre dossier, avec le fichier et l'ancre "
            "seulement :",
        ),
    )
    story.typed("evidence verify evidence.zip --anchor liaison1-…")
    story.quote(*told.out.splitlines()[:_LINES])
    story.check(
        "",
        Label(
            "the evidence stands: who signed what, for whom, and who received it when",
            "la preuve tient : qui a signé quoi, pour qui, et qui l'a reçu quand",
        ),
        told.code == 0,
        told.code,
    )


_LINES = 8


def _searched(stage: Stage) -> None:
    """Look for what people wrote in every byte that the nodes keep."""
    folders = [stage.federation.folder(code) for code in (REGISTRY, *stage.audience)]
    files = [file for folder in folders for file in folder.rglob("*") if file.is_file()]
    found = [
        str(file.relative_to(stage.federation.place))
        for file in files
        if (held := file.read_bytes()) and any(secret in held for secret in content.SECRETS)
    ]
    stage.facts |= {"files_searched": len(files), "plaintext_found": len(found)}
    stage.story.check(
        "",
        Label(
            "{files} files of all nodes were searched for what was written: none holds any of it",
            "ce qui a été écrit est cherché dans {files} fichiers de tous les nœuds : aucun n'en "
            "contient rien",
        ),
        files and not found,
        found,
        files=len(files),
    )


def _altered(stage: Stage) -> None:
    """Alter one byte of what XB recorded, and let the log be verified again."""
    story, folder = stage.story, stage.federation.folder(XB)
    entry = stage.facts.pop("altered_entry")
    _flip(folder / "liaison.db", bytes.fromhex(entry["leaf"]))
    told = stage.run(XB, *VERIFY, "--offline", expected=1).out.splitlines()[0]
    story.tell(
        XB,
        Label(
            "Somebody with the administrator's rights alters one byte of entry {number}, which "
            "says that Berenia received the request:",
            "Quelqu'un, avec les droits de l'administrateur, altère un octet de l'entrée {number}, "
            "qui dit que la Bérénie a reçu la demande :",
        ),
        number=entry["index"],
    )
    story.quote(told)
    story.check(
        XB,
        Label(
            "found, and located: entry {number} of {shard}",
            "trouvé, et localisé : entrée {number} de {shard}",
        ),
        f" {entry['index']} de {entry['shard']} :" in told,
        told,
        number=entry["index"],
        shard=entry["shard"],
    )


def _flip(database: Path, leaf: bytes) -> None:
    """Alter a byte of an entry, wherever the file has it: it stands before its leaf."""
    held = bytearray(database.read_bytes())
    at = held.find(leaf)
    while at >= 0:
        place = held.rfind(ENTRY, max(0, at - 512), at)
        if place >= 0:
            held[place + len(ENTRY) + 3] ^= 1
        at = held.find(leaf, at + 1)
    database.write_bytes(held)


def _count(stage: Stage) -> None:
    """Count what is told at the end, while the nodes run."""
    facts, receipts, refusals, messages = stage.facts, 0, 0, 0
    entries = {}
    for code in stage.audience:
        page = stage.call(code, "/v1/messages?direction=out&limit=500")["messages"]
        messages += len(page)
        for item in page:
            shown = stage.opened(code, item["id"])["recipients"]
            receipts += sum(bool((one["receipt"] or {}).get("verified")) for one in shown)
        for kind in ("message.refused", "read.refused", "forward.refused"):
            refusals += len(stage.recorded(code, kind))
    for code in (REGISTRY, *stage.audience):
        entries[code] = stage.federation.call(code, "GET", "/v1/status")["audit_size"]
    received = stage.entry(XB, ENTRY.decode(), message=stage.request)
    facts |= {
        "messages": messages,
        "receipts_verified": receipts,
        "refusals_recorded": refusals,
        "audit_entries": sum(entries.values()),
        "altered_entry": received,
    }


def _has_address(stage: Stage, code: str) -> bool:
    return bool(stage.federation.call(XA, "GET", f"/v1/members/{code}")["endpoint"])


def _announcement() -> dict[str, Any]:
    return {
        "title": "Cadria", "text": "Is anybody there?", "language": "en",
        "handling": {"tlp": "CLEAR"},
    }  # fmt: skip
