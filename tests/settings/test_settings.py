"""Settings: the file that explains them, what is refused, and what a log line may hold."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from gateway.faults import FaultsError
from gateway.logs import FIELDS, allow_listed
from gateway.settings import Settings, Weekday, load, render
from tests.outcome import outcome

CONFIG = Path(__file__).parents[2] / "config"
NEEDED = """
[node]
member = "XA"
[registry]
url = "https://registry.example:8470"
anchor = "liaison1-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
"""


def written(folder: Path, text: str) -> Path:
    """Return a settings file."""
    path = folder / "gateway.toml"
    path.write_text(text)
    return path


def test_explained_file_is_the_defaults() -> None:
    """config/gateway.toml is rendered from the types: nothing is missing, no default is stale."""
    assert (CONFIG / "gateway.toml").read_text() == render(Settings())


def test_rendered_settings_come_back(tmp_path: Path) -> None:
    """What init writes is what serve reads."""
    settings = load(written(tmp_path, NEEDED))
    assert load(written(tmp_path, render(settings))) == settings


def test_agreements_and_calendars_come_back(tmp_path: Path) -> None:
    """As they were written, and with the terms that most agreements have."""
    text = """
[cases]
instruments = [{ name = "XA–XB agreement", members = ["XA", "XB"], execute_months = 6 }]
calendars = [{ member = "XB", rest_days = ["fri"], time_zone = "Africa/Dakar" }]
"""
    settings = load(written(tmp_path, NEEDED + text))
    (instrument,), (calendar,) = settings.cases.instruments, settings.cases.calendars
    assert (instrument.execute_months, instrument.origin_months) == (6, 10)
    assert calendar.rest_days == [Weekday.FRI]
    assert load(written(tmp_path, render(settings))) == settings


def test_rules_of_every_sort_come_back(tmp_path: Path) -> None:
    """Roles, ceilings, offices and regions: what is written anew is read as it was."""
    text = """
[local_api]
roles = [{ uid = 1101, roles = ["officer"], unit = "valuation" }, { gid = 7, roles = ["auditor"] }]
[policy]
ceilings = [{ kinds = ["request"], tlp = "AMBER", without_codes = ["H3"], forbidden = true }]
[cases]
liaison_offices = [{ office = "RILO-W" }]
regions = [{ name = "west", office = "RILO-W", members = ["XA"] }]
"""
    settings = load(written(tmp_path, NEEDED + text))
    assert load(written(tmp_path, render(settings))) == settings


@pytest.mark.parametrize("path", sorted((CONFIG / "examples").glob("*.toml")), ids=lambda p: p.stem)
def test_examples_load(path: Path) -> None:
    """One for each role, and all of them good."""
    settings = load(path)
    assert settings.node.member
    assert len(list((CONFIG / "examples").glob("*.toml"))) >= 3


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ('[node]\nmembers = "XA"', {"node.members"}),
        ("[nodes]\nx = 1", {"nodes"}),
        ("[peer_api]\nport = 70000\ntimeout_s = 0", {"peer_api.port", "peer_api.timeout_s"}),
        ('[peer_api]\nport = "8470"', {"peer_api.port"}),
        ('[logs]\nlevel = "loud"\nform = "x"', {"logs.level", "logs.form"}),
        ('[local_api]\nmode = "rw"\nroles = [{uid = -1, roles = ["king"]}]',
         {"local_api.mode", "local_api.roles.0.uid", "local_api.roles.0.roles.0"}),
        ('[store]\nurl = "mysql://x"\n[blobs]\nurl = "s3://x"', {"store.url", "blobs.url"}),
        ('[cases]\ninstruments = [{members = ["XA"], origin_months = -1}]',
         {"cases.instruments.0.name", "cases.instruments.0.members",
          "cases.instruments.0.origin_months"}),
        ("""[[cases.calendars]]
member = "XA"
holidays = ["2027-02-29", "2027-01-01"]
rest_days = ["sat", "domingo"]
time_zone = "Mars/Olympus"
""",
         {"cases.calendars.0.holidays.0", "cases.calendars.0.rest_days.1",
          "cases.calendars.0.time_zone"}),
        ('[cases]\ncalendars = [{member = "XA", time_zone = "../../etc/passwd"}]',
         {"cases.calendars.0.time_zone"}),
        ("node = 5", {"node"}),
    ],
)  # fmt: skip
def test_every_faulty_setting_is_named_as_the_file_names_it(
    tmp_path: Path, text: str, named: set[str]
) -> None:
    """All at once, with the file."""
    path = written(tmp_path, text)
    fault = outcome(load, path)
    assert isinstance(fault, FaultsError)
    assert {item.pointer for item in fault.faults} == named
    assert str(path) in fault.detail


def test_needed_settings_are_asked_for(tmp_path: Path) -> None:
    """Who, where and the anchor."""
    fault = outcome(load, written(tmp_path, ""))
    assert {item.pointer for item in fault.faults} == {
        "node.member", "registry.url", "registry.anchor",
    }  # fmt: skip


def test_file_that_cannot_be_read_says_so(tmp_path: Path) -> None:
    """None, no TOML, no text."""
    assert "liaison init" in outcome(load, tmp_path / "gateway.toml").detail
    assert outcome(load, written(tmp_path, "[node")).code == "settings_malformed"
    path = tmp_path / "gateway.toml"
    path.write_bytes(b"\xff\xfe")
    assert outcome(load, path).code == "settings_missing"


def test_environment_overrides_and_is_checked(tmp_path: Path) -> None:
    """Numbers, texts and lists; a misspelt variable is a fault, another program's is not."""
    path = written(tmp_path, NEEDED)
    environ = {"LIAISON_PEER_API__PORT": "9999", "LIAISON_NODE__MEMBER": "XB", "HOME": "/x"}
    settings = load(path, environ=environ)
    assert (settings.peer_api.port, settings.node.member) == (9999, "XB")
    fault = outcome(lambda: load(path, environ={"LIAISON_PEER_API__PORTS": "1"}))
    assert {item.pointer for item in fault.faults} == {"peer_api.ports"}


def test_relative_paths_start_at_the_nodes_folder(tmp_path: Path) -> None:
    """The folder of the file, unless it says another."""
    settings = load(written(tmp_path, NEEDED))
    assert settings.path("api.sock") == tmp_path / "api.sock"
    assert settings.path("/run/api.sock") == Path("/run/api.sock")
    assert settings.database_path == tmp_path / "liaison.db"


def event(**fields: Any) -> dict[str, Any]:
    """Return what is left of a log line."""
    return dict(allow_listed(None, "info", {"event": "noun.verbed", **fields}))


def test_log_line_holds_only_what_is_allowed() -> None:
    """A field that is not on the list is named, and its value dropped."""
    shown = event(peer="XB", content="SECRET", passphrase="open sesame")
    assert shown == {"event": "noun.verbed", "peer": "XB", "dropped": "content,passphrase"}
    assert not {"content", "subject", "key", "seed", "passphrase", "body"} & FIELDS
    with pytest.raises(ValueError, match=r"noun\.verbed"):
        allow_listed(None, "info", {"event": "Something happened"})


def test_log_is_json_lines_on_standard_error() -> None:
    """For programs; with time and level."""
    code = (
        "from gateway import logs\n"
        "logs.configure('info', 'json')\n"
        "logs.logger().info('daemon.ready', member='XA', secret='x')\n"
        "logs.logger().debug('daemon.hidden')\n"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == ""
    (line,) = ran.stderr.splitlines()
    shown = json.loads(line)
    assert (shown["event"], shown["member"], shown["dropped"]) == ("daemon.ready", "XA", "secret")
    assert {"level", "timestamp"} <= shown.keys()
