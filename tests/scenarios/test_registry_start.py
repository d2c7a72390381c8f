"""A node's registry after a restart: taken up where it stood, and never from anything altered."""

from dataclasses import replace
from pathlib import Path

import pytest

from gateway.errors import RejectedError
from gateway.services.federation import snapshot
from gateway.services.federation.snapshot import FILE
from keys.registry import view as views
from keys.registry.statement import Chain, Kind
from keys.suite import KeyUse, MemberId
from keys.tlog.note import sign_note
from tests.scenarios.federation import OFFICER, federation
from tests.scenarios.witnessed import roots_of, said

XA, XB = MemberId("XA"), MemberId("XB")


async def test_restart_verifies_only_what_came_since(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The view that was kept is held against the mirror; the signatures before are not."""
    monkeypatch.setattr(snapshot, "KEPT_EVERY", 1)
    async with federation(tmp_path, "XA", "XB") as fed:
        await fed.until((tmp_path / "XA" / FILE).exists)
        before = fed.nodes[XA].mirror.view
        await fed.stop("XA")
        replayed: list[bytes] = []
        apply = views._apply
        monkeypatch.setattr(
            views, "_apply", lambda working, one: (replayed.append(one), apply(working, one))
        )
        node = await fed.start("XA", run=False)
        assert node.mirror.view == before
        assert replayed == []
        await fed.stop("XA")
        (tmp_path / "XA" / FILE).unlink()
        node = await fed.start("XA", run=False)
        assert node.mirror.view == before
        assert len(replayed) == before.head.size - 1


async def test_kept_view_does_not_hide_an_altered_mirror(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A statement that was edited in the database is found, whatever lies beside it."""
    monkeypatch.setattr(snapshot, "KEPT_EVERY", 1)
    async with federation(tmp_path, "XA", "XB") as fed:
        await fed.until((tmp_path / "XA" / FILE).exists)
        database = fed.nodes[XA].database
        await database.write(
            lambda tx: tx.exec_driver_sql(
                "UPDATE registry_statements SET note = CAST(replace(note, 'Customs of XB', "
                "'Customs of XX') AS BLOB)"
            )
        )
        await fed.stop("XA")
        with pytest.raises(RejectedError) as caught:
            await fed.start("XA", run=False)
        assert caught.value.code == "registry_mirror_altered"


async def test_statement_that_is_dated_far_ahead_is_not_appended(tmp_path: Path) -> None:
    """Nobody could follow it in its chain before its date has come."""
    async with federation(tmp_path, "XA", "XB") as fed:
        registrar = fed.nodes[MemberId("REGISTRY")]
        far = said(fed, Kind.KEYS, "XA", Chain.ROOT, endpoint="https://xa.example")
        far = replace(far, at=far.at + 3600)
        size = registrar.mirror.size
        with pytest.raises(RejectedError) as caught:
            await registrar.rooms.registrar.publish(sign_note(far.text(), roots_of(fed, "XA")))
        assert caught.value.code == "statement_in_future"
        assert registrar.mirror.size == size
        await fed.nodes[XA].rooms.rotation.rotate(KeyUse.SIGN, OFFICER)
        assert registrar.mirror.size == size + 1
