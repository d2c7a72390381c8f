"""Members as the house sees them: what the registry says of a member's life, in plain fields."""

from dataclasses import dataclass
from typing import Any

import msgspec
import pytest

from gateway.cli import member
from gateway.cli.terminal.console import when
from gateway.clock import SystemClock
from gateway.services.federation.members import MemberDetail, Members, RecoveryView
from gateway.settings import RegistrySettings
from keys.registry.statement import Chain, Competences, Kind, MemberRole
from keys.registry.view import View
from tests.keys.test_registry_life import recovering, signed
from tests.world import NOW, World, join_of, party, world


@dataclass
class Mirror:
    """A registry that is all there."""

    made: World

    @property
    def view(self) -> View:
        """Return what follows from it."""
        return self.made.view

    async def entries(self, start: int, end: int) -> list[bytes]:
        """Return its statements."""
        return self.made.notes[start:end]


class Cards:
    """No key card of anybody."""

    async def current(self, name: str) -> None:
        """Hold none."""


class Views:
    """Nobody has written yet."""

    def named(self, name: str) -> None:
        """Know of no registry that a member named."""


async def shown(made: World, name: str) -> MemberDetail:
    """Return a member, after a look that the list says the same of it."""
    looked_up = Members(
        Mirror(made), Cards(), Views(), SystemClock(), RegistrySettings(),
        sources=list, alarms=list,
    )  # fmt: skip
    detail = await looked_up.detail(name)
    listed = {item.member: msgspec.to_builtins(item) for item in await looked_up.listing()}
    assert listed[name].pop("registry_size") is None
    alike = msgspec.to_builtins(detail)
    assert listed[name] == {
        field: len(alike["keys"]) if field == "keys" else alike[field] for field in listed[name]
    }
    return detail


def printed(
    detail: MemberDetail, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> dict[str, str]:
    """Return what ``liaison member show`` says, by the name of the line."""

    class Daemon:
        def call(self, method: str, path: str) -> Any:
            assert (method, path) == ("GET", f"/v1/members/{detail.member}")
            return msgspec.to_builtins(detail)

    monkeypatch.setattr(member, "daemon_of", lambda _: Daemon())
    member.show(detail.member)
    lines = capsys.readouterr().out.splitlines()
    return {name: rest for line in lines for name, _, rest in [line.partition("  ")] if rest}


async def test_recovery_is_shown_with_its_date_until_it_is_vetoed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever looks a member up sees that somebody is about to replace its keys."""
    made, _, lost, _ = recovering()
    detail = await shown(made, "XB")
    assert detail.recovery == RecoveryView(since=NOW + 50, vetoed=False)
    said = printed(detail, monkeypatch, capsys)["standing"].strip()
    assert said == f"recovery under way, begun {when(NOW + 50)}"
    signed(made, made.said(Kind.VETO, "XB", Chain.ROOT, at=NOW + 70), lost.root_signers)
    vetoed = await shown(made, "XB")
    assert vetoed.recovery == RecoveryView(since=NOW + 50, vetoed=True)
    said = printed(vetoed, monkeypatch, capsys)["standing"].strip()
    assert said == f"recovery vetoed, begun {when(NOW + 50)}"
    monkeypatch.setenv("LC_ALL", "fr_FR.UTF-8")
    assert printed(detail, monkeypatch, capsys)["situation"].strip() == (
        f"rétablissement en cours, engagé le {when(NOW + 50)}"
    )


async def test_union_and_successor_are_shown_with_what_they_are(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """For whom it acts, in what, in whose place it came; and who suspended whom."""
    made = world(party("XA"))
    roots = made.registrar.root_signers
    suspend = made.said(Kind.SUSPEND, "XA", Chain.ISSUER)
    signed(made, suspend, roots)
    signed(made, made.said(Kind.SUSPEND, "XA", Chain.ROOT), party("XA").root_signers)
    xu = party("XU", at=NOW + 20)
    competences = Competences((party("XA").member,), ("request", "case.reply"))
    join = join_of(
        xu, made.anchor, at=NOW + 20, role=MemberRole.UNION, competences=competences,
        succeeds=party("XA").member,
    )  # fmt: skip
    signed(made, join, roots, xu.signers)
    union = await shown(made, "XU")
    assert (union.states, union.competences) == (["XA"], ["request", "case.reply"])
    assert (union.role, union.succeeds, union.suspended) == ("union", "XA", False)
    said = printed(union, monkeypatch, capsys)
    assert said["acts for"].strip() == "XA"
    assert said["competences"].strip() == "request, case.reply"
    assert said["succeeds"].strip() == "XA"
    assert said["standing"].strip() == "in good standing"
    predecessor = await shown(made, "XA")
    assert (predecessor.suspended, predecessor.suspended_by) == (True, ["registrars", "root"])
    said = printed(predecessor, monkeypatch, capsys)
    assert said["standing"].strip() == "suspended by the registrars and a root of its own"
    assert "acts for" not in said
    monkeypatch.setenv("LC_ALL", "fr_FR.UTF-8")
    said = printed(union, monkeypatch, capsys)
    assert (said["agit pour"].strip(), said["succède à"].strip()) == ("XA", "XA")
    assert (said["rôle"].strip(), said["situation"].strip()) == ("union", "en règle")
    said = printed(predecessor, monkeypatch, capsys)
    assert said["situation"].strip() == (
        "suspendu par les responsables du registre et une de ses propres racines"
    )
