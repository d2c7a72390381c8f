"""The origins of logs, and the keys that each signs with."""

import pytest

from keys.errors import RejectedError
from keys.registry.origins import (
    AuditOrigin,
    Shard,
    log_keys_of,
    registered_log_keys,
)
from keys.suite import KeyUse, MemberId
from tests.world import party, world

XB = MemberId("XB")
WORLD = world(party("XB"))


@pytest.mark.parametrize("text", ["2026", "2026.1", "9999.99999"])
def test_shard_is_read_as_it_is_written(text: str) -> None:
    """Every shard has one form."""
    assert str(Shard.parse(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "26",
        "02026",
        "2026.",
        "2026.0",
        "2026.01",
        "2026.1.1",
        "2026\n",
        "２０２６",
        "2026.100000",
    ],
)
def test_other_forms_of_a_shard_are_refused(text: str) -> None:
    """Nothing else is a shard."""
    with pytest.raises(RejectedError) as raised:
        Shard.parse(text)
    assert raised.value.code == "shard_malformed"


def test_shards_are_ordered_by_year_then_by_restart() -> None:
    """A later shard is a greater one."""
    texts = ["2026", "2026.1", "2026.2", "2026.10", "2027"]
    assert sorted(map(Shard.parse, reversed(texts))) == list(map(Shard.parse, texts))


def test_origin_is_read_as_it_is_written() -> None:
    """A federation's name may hold slashes."""
    text = "customs.example/mutual/XB/audit/2026.1"
    origin = AuditOrigin.parse(text)
    assert (origin.federation, origin.member, origin.shard) == (
        "customs.example/mutual",
        "XB",
        Shard(2026, 1),
    )
    assert str(origin) == text


@pytest.mark.parametrize(
    "text",
    ["", "mutual.example/registry", "/XB/audit/2026", "mutual.example/xb/audit/2026",
     "mutual.example/XB/log/2026", "mutual.example/XB/audit/26", "XB/audit/2026"],
)  # fmt: skip
def test_other_origins_are_refused(text: str) -> None:
    """Nothing else is an audit log's origin."""
    with pytest.raises(RejectedError) as raised:
        AuditOrigin.parse(text)
    assert raised.value.code == "origin_malformed"


def test_audit_log_signs_under_its_origin() -> None:
    """Its keys are the member's log keys, named as c2sp.org/tlog-checkpoint asks."""
    view = WORLD.view
    origin = f"{view.federation}/XB/audit/2026"
    registered = view.members[XB].keys_for(KeyUse.LOG)
    assert log_keys_of(view, origin) == tuple(key.verifying_for(origin) for key in registered)
    assert {key.name for key in log_keys_of(view, origin)} == {origin}
    assert list(registered_log_keys(view, origin).values()) == list(registered)


def test_registry_signs_with_the_registrars_keys() -> None:
    """Its origin is among those that a witness knows."""
    view = WORLD.view
    assert log_keys_of(view, view.origin) == view.log_keys()
    assert {key.name for key in view.log_keys()} == {view.origin}


@pytest.mark.parametrize(
    "origin", ["other.example/XB/audit/2026", "mutual.example/ZZ/audit/2026", "x"]
)
def test_unknown_log_has_no_keys(origin: str) -> None:
    """Another federation's, a stranger's, or no log at all."""
    assert log_keys_of(WORLD.view, origin) == ()
