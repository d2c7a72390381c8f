"""What the doctor says of the registry, the first thing that is wrong first."""

from typing import Any

import pytest

from gateway.cli.node import _examine_registry as examine_registry
from gateway.cli.node import _examine_views as examine_views
from gateway.cli.node import _WrongError as WrongError
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
