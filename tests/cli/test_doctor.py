"""What the doctor says of the registry, the first thing that is wrong first."""

from typing import Any

import pytest

from gateway.cli.doctor import WrongError, examine_log, examine_registry, examine_views
from gateway.settings import Settings

SETTINGS = Settings().registry
NOW = 1_790_000_000
GOOD = {
    "registry_size": 5, "registry_checked_at": NOW - 30, "registry_witnessed_at": NOW - 60,
    "witnesses": 3, "quorum_missing_s": 0, "registry_alarms": 0, "log_alarms": 0, "now": NOW,
}  # fmt: skip


def test_registry_that_is_well_is_said_to_be() -> None:
    """How long it is, how fresh, and whether a quorum cosigned it."""
    checks = dict(examine_registry(GOOD, SETTINGS))
    assert checks["registry"] == "5 statements, confirmed 30 s ago"
    assert checks["witnesses"].startswith("a quorum cosigned it 20")
    late = {**GOOD, "registry_witnessed_at": None, "quorum_missing_s": 3599}
    assert dict(examine_registry(late, SETTINGS))["witnesses"] == "no quorum has cosigned it"
    none = {**late, "witnesses": 0}
    assert dict(examine_registry(none, SETTINGS))["witnesses"] == "the registry names none yet"


@pytest.mark.parametrize(
    ("changes", "name", "words"),
    [
        ({"registry_size": 0}, "registry", "never reached"),
        ({"registry_checked_at": NOW - 90_000}, "registry", "not confirmed for 90000 s"),
        ({"quorum_missing_s": 3600}, "witnesses", "no quorum has cosigned the registry for 3600 s"),
    ],
)
def test_what_is_wrong_with_the_registry_is_named(
    changes: dict[str, Any], name: str, words: str
) -> None:
    """With what to do about it."""
    with pytest.raises(WrongError) as caught:
        list(examine_registry({**GOOD, **changes}, SETTINGS))
    assert caught.value.name == name
    assert words in caught.value.detail


def test_alarm_about_the_registry_is_a_fault() -> None:
    """Whatever else is well; without one that is said too."""
    assert "one registry" in dict(examine_views(GOOD))
    with pytest.raises(WrongError) as caught:
        list(examine_views({**GOOD, "registry_alarms": 2}))
    assert "2 alarms: liaison registry status" in caught.value.detail


LOG = {
    "shard": "2026", "size": 120, "witnessed_size": 118, "witnessed_at": NOW - 4,
    "unwitnessed_s": 2, "refused_by": [], "trouble": "", "restarted_at": None,
    "announced_at": None,
}  # fmt: skip


def test_audit_log_that_is_well_is_said_to_be() -> None:
    """How far it is witnessed, how long ago, and since when it goes on in another shard."""
    said = examine_log({"audit_log": LOG, "now": NOW})
    assert said == "118 of 120 entries of 2026, 4 s ago; the others wait for a quorum since 2 s"
    anew = LOG | {"shard": "2026.1", "restarted_at": NOW - 60, "unwitnessed_s": 0}
    assert "begun anew 20" in examine_log({"audit_log": anew, "now": NOW})
    empty = LOG | {"shard": "", "size": 0, "witnessed_size": 0, "witnessed_at": None}
    assert examine_log({"audit_log": empty | {"unwitnessed_s": 0}, "now": NOW}) == (
        "0 of 0 entries of no shard yet"
    )


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"trouble": "witnesses_unheard: 1 of 2"}, "entries wait for their place: witnesses_unhea"),
        ({"refused_by": ["XC: another history"]}, "XC: another history: this node went back"),
        ({"unwitnessed_s": 3600}, "no quorum has cosigned its newest entries for 3600 s"),
    ],
)
def test_what_is_wrong_with_the_audit_log_is_named(changes: dict[str, Any], words: str) -> None:
    """With what to do about it."""
    with pytest.raises(WrongError) as caught:
        examine_log({"audit_log": LOG | changes, "now": NOW})
    assert caught.value.name == "audit log"
    assert words in caught.value.detail
