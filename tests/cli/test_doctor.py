"""What the doctor says of the registry, the first thing that is wrong first."""

import json
from pathlib import Path
from typing import Any

import pytest

from gateway.cases.fields.labels import Label
from gateway.cli import doctor
from gateway.cli.app import run
from gateway.cli.doctor import Found, WrongError, examine_log, examine_registry, examine_views
from gateway.cli.status_words import status_fields
from gateway.errors import UnavailableError
from gateway.settings import Settings

SETTINGS = Settings().registry
NOW = 1_790_000_000
GOOD = {
    "registry_size": 5, "registry_checked_at": NOW - 30, "registry_witnessed_at": NOW - 60,
    "witnesses": 3, "quorum_missing_s": 0, "registry_alarms": 0, "log_alarms": 0, "now": NOW,
}  # fmt: skip


def said(found: Found) -> dict[str, str]:
    """Return what was found, by what was looked at."""
    return {check.en: told.en for check, told in found}


def test_registry_that_is_well_is_said_to_be() -> None:
    """How long it is, how fresh, and whether a quorum cosigned it."""
    checks = said(examine_registry(GOOD, SETTINGS))
    assert checks["registry"] == "5 statements, confirmed 30 s ago"
    assert checks["witnesses"].startswith("a quorum cosigned it 20")
    late = {**GOOD, "registry_witnessed_at": None, "quorum_missing_s": 3599}
    assert said(examine_registry(late, SETTINGS))["witnesses"] == "no quorum has cosigned it"
    none = {**late, "witnesses": 0}
    assert said(examine_registry(none, SETTINGS))["witnesses"] == "the registry names none yet"


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
    assert caught.value.check.en == name
    assert words in caught.value.told.en


def test_alarm_about_the_registry_is_a_fault() -> None:
    """Whatever else is well; without one that is said too."""
    assert "one registry" in said(examine_views(GOOD))
    with pytest.raises(WrongError) as caught:
        list(examine_views({**GOOD, "registry_alarms": 2}))
    assert "2 alarms: liaison registry status" in caught.value.told.en


LOG = {
    "shard": "2026", "size": 120, "witnessed_size": 118, "witnessed_at": NOW - 4,
    "unwitnessed_s": 2, "refused_by": [], "trouble": "", "restarted_at": None,
    "announced_at": None,
}  # fmt: skip


def test_audit_log_that_is_well_is_said_to_be() -> None:
    """How far it is witnessed, how long ago, and since when it goes on in another shard."""
    told = examine_log({"audit_log": LOG, "now": NOW})
    assert told.en == "118 of 120 entries of 2026, 4 s ago; the others wait for a quorum since 2 s"
    anew = LOG | {"shard": "2026.1", "restarted_at": NOW - 60, "unwitnessed_s": 0}
    assert "begun anew 20" in examine_log({"audit_log": anew, "now": NOW}).en
    empty = LOG | {"shard": "", "size": 0, "witnessed_size": 0, "witnessed_at": None}
    none = examine_log({"audit_log": empty | {"unwitnessed_s": 0}, "now": NOW})
    assert none == Label("0 of 0 entries of no shard yet", "0 sur 0 entrées, sans partie encore")


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
    assert caught.value.check.en == "audit log"
    assert words in caught.value.told.en


STATUS = GOOD | {
    "member": "XA", "suspended": False, "admitted": True, "version": "0.1", "started_at": NOW,
    "outbox": {"queued": 2, "awaiting_release": 1, "failed": 0}, "split_views": 0,
    "messages": {"in": 3, "out": 4}, "audit_size": 120, "audit_waiting": 0, "audit_log": LOG,
    "sign_key_until": NOW, "keys_until": {"tls": NOW + 30 * 86_400}, "rotation_late_since": None,
    "rotation_late": "", "disk_free_bytes": 1024**3, "unacknowledged": 0,
    "cases": {"due": 2, "due_soon": 1, "overdue": 1, "overdue_here": 1, "lapsed": 0},
    "webhooks": [{"origin": "https://h", "waiting": 3, "failures": 0, "code": "", "retry_at": 0}],
    "limited": {"XC": 7}, "release_waits_since": NOW, "release_waits_longest": "m",
}  # fmt: skip


def test_status_is_said_in_both_languages() -> None:
    """Each line that has words; what is the same in both has none."""
    lines = {name: value for name, value in status_fields(STATUS).items() if name != "member"}
    spoken = {name: value for name, value in lines.items() if isinstance(value, Label)}
    assert set(lines) - set(spoken) == {"version", "started", "cosigned"}
    assert all(value.en != value.fr for value in spoken.values())
    assert spoken["outbox"] == Label(
        "2 queued, 1 awaiting release", "2 en attente, 1 en attente de validation"
    )
    assert spoken["cases"].fr == "2 à faire à temps, dont 1 sous peu ; 1 en retard, dont 1 ici"
    assert spoken["limited"].fr == "XC 7 fois"
    marked = status_fields(STATUS | {"suspended": True, "admitted": False})["member"]
    assert marked == Label("XA (suspended) (not admitted yet)", "XA (suspendu) (pas encore admis)")


class Daemon:
    """Answers as a node that is well."""

    def __init__(self, status: dict[str, Any]) -> None:
        self._status = status

    def call(self, method: str, path: str) -> Any:
        """Answer a request of the doctor."""
        if path == "/v1/status":
            return self._status
        if path == "/v1/members/XA":
            return {"recovery": None, "suspended": False, "suspended_by": []}
        assert (method, path) == ("POST", "/v1/peers/REGISTRY/ping")
        return {"round_trip_ms": 3, "clock_difference_s": 0}


@pytest.fixture
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a node's folder, whose daemon is well and listens."""
    monkeypatch.setattr(doctor, "settings_of", lambda _: Settings())
    monkeypatch.setattr(doctor, "read_slots", lambda _: ["one"])
    monkeypatch.setattr(doctor, "daemon_of", lambda _: Daemon(STATUS))
    monkeypatch.setattr(doctor.socket.socket, "connect_ex", lambda *_: 0)
    return tmp_path


@pytest.mark.parametrize(
    ("locale", "words"),
    [
        ("C", ["standing", "in good standing", "line to REGISTRY", "ok", "MiB free"]),
        (
            "fr_FR.UTF-8",
            ["situation", "en règle", "ligne vers REGISTRY", "Mio libres", "journal d'audit"],
        ),
    ],
)
def test_the_doctor_speaks_the_language_of_the_locale(
    locale: str,
    words: list[str],
    node: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """To people; a program reads English in either."""
    monkeypatch.setenv("LC_ALL", locale)
    assert run(["doctor", "--dir", str(node)]) == 0
    shown = capsys.readouterr().out
    assert all(word in shown for word in words)
    assert run(["doctor", "--dir", str(node), "--json"]) == 0
    checks = {item["check"]: item["detail"] for item in json.loads(capsys.readouterr().out)}
    assert checks["standing"] == "in good standing"
    assert set(checks) >= {"line to REGISTRY", "one registry", "audit log", "clock"}


def test_what_is_wrong_is_said_in_french_where_the_locale_is(
    node: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As the last line, with what to do; a refusal by its code."""
    monkeypatch.setenv("LC_ALL", "fr_FR.UTF-8")
    full = STATUS | {"disk_free_bytes": 1024**2}
    monkeypatch.setattr(doctor, "daemon_of", lambda _: Daemon(full))
    assert run(["doctor", "--dir", str(node)]) == 1
    assert capsys.readouterr().out.splitlines()[-1].split() == (
        ["disque", "DÉFAUT", "1", "Mio", "libres", ":", "faire", "de", "la", "place"]
    )

    def gone(_: object) -> Daemon:
        raise UnavailableError("daemon_unreachable", "nobody answers")

    monkeypatch.setattr(Daemon, "call", lambda *_: gone(None))
    assert run(["doctor", "--dir", str(node)]) == 1
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith("nœud")
    assert "aucun nœud ne répond" in last
