"""The play, from the founding to the summing up."""

from pathlib import Path
from typing import Any

from gateway.cases.fields.labels import Label
from gateway.cli.demo.cast import XA, cast_of
from gateway.cli.demo.commands import CommandLine
from gateway.cli.demo.federation import Federation, running
from gateway.cli.demo.script import STEPS
from gateway.cli.demo.stage import Stage
from gateway.cli.demo.telling import Story


def play(
    place: Path, members: int, line: CommandLine, facts: dict[str, Any], *, quiet: bool, kept: bool
) -> None:
    """Play all steps in ``place``; ``facts`` is filled with what is known, also when it stops."""
    story = Story(quiet=quiet)
    federation = Federation(place, cast_of(members), story, line)
    stage = Stage(federation=federation, story=story, desks=place / "desks")
    try:
        with running(federation):
            for number, (title, act) in enumerate(STEPS):
                story.begin(number, title)
                act(stage)
        _sum_up(stage, place if kept else None)
    finally:
        story.end()
        facts |= {
            "members": members,
            **stage.facts,
            "steps": story.document(),
            "seconds": round(story.seconds, 1),
        }


def _sum_up(stage: Stage, kept: Path | None) -> None:
    """Close with what was counted, and where to look next."""
    story, facts = stage.story, stage.facts
    checks = sum(len(step.checks) for step in story.steps)
    story.sum_up(
        Label("What happened, counted", "Ce qui s'est passé, en chiffres"),
        {
            Label("members", "membres"): len(stage.audience),
            Label("messages sent", "messages envoyés"): facts["messages"],
            Label("receipts verified", "récépissés vérifiés"): facts["receipts_verified"],
            Label("refusals recorded", "refus consignés"): facts["refusals_recorded"],
            Label("audit entries", "entrées d'audit"): facts["audit_entries"],
            Label("files searched", "fichiers fouillés"): facts["files_searched"],
            Label("files with plaintext", "fichiers en clair"): facts["plaintext_found"],
            Label("checks held", "contrôles réussis"): checks,
            Label("seconds", "secondes"): story.figure(story.seconds, 1),
        },
        _NOT_KEPT if kept is None else _KEPT,
        place=kept,
        node=None if kept is None else kept / XA,
    )


_NOT_KEPT = (
    Label(
        "Keep the nodes' folders:   liaison demo --dir FOLDER",
        "Garder les dossiers :        liaison demo --dir DOSSIER",
    ),
    Label(
        "A larger federation:       liaison demo --members 20",
        "Une fédération plus grande : liaison demo --members 20",
    ),
    Label(
        "Two nodes, by hand:        README, “A first exchange by hand”",
        "Deux nœuds, à la main :      README, « A first exchange by hand »",
    ),
)
_KEPT = (
    Label(
        "The nodes are in {place}, XB's with its altered log. Start one, and look on:",
        "Les nœuds sont dans {place}, XB avec son journal altéré. En démarrer un, et regarder :",
    ),
    Label("  liaison serve --dir {node}", "  liaison serve --dir {node}"),
    Label("  liaison case list --all --dir {node}", "  liaison case list --all --dir {node}"),
    Label("  liaison audit show --dir {node}", "  liaison audit show --dir {node}"),
)
