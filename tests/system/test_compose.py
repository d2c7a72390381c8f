"""docker-compose.yml and Dockerfile, played outside a container: their very commands."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from gateway.cli.demo.story import request
from gateway.cli.terminal.options import daemon_of
from tests.system.nodes import QUICK, Nodes, free_ports

pytestmark = [pytest.mark.system, pytest.mark.timeout(280)]

ROOT = Path(__file__).parents[2]


def test_three_nodes_of_the_compose_file_come_up_and_exchange(tmp_path: Path) -> None:
    """Each service's command with its environment; its volumes are folders, its hosts loopback."""
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    services = compose["services"]
    hosts = [name for name in services if name != "admit"]
    ports = dict(zip(hosts, free_ports(len(hosts)), strict=True))
    (tmp_path / "shared").mkdir()
    tool = tmp_path / "bin" / "liaison"
    tool.parent.mkdir()
    tool.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m gateway "$@"\n')
    tool.chmod(0o755)
    made = Nodes(tmp_path)
    try:
        for name, service in services.items():
            volume = next(item.split(":")[0] for item in service["volumes"] if "/var/lib" in item)
            (tmp_path / volume).mkdir(exist_ok=True)
            environ = {
                "STATE": str(tmp_path / volume), "SHARED": str(tmp_path / "shared"),
                "LISTEN": "127.0.0.1", "PATH": f"{tool.parent}:{os.environ['PATH']}",
                "PYTHONPATH": str(ROOT), **QUICK,
            }  # fmt: skip
            for key, value in service["environment"].items():
                environ[key] = value
                for host, port in ports.items():
                    environ[key] = environ[key].replace(f"//{host}:8470", f"//127.0.0.1:{port}")
            environ["PORT"] = str(ports.get(name, 0))
            with (tmp_path / f"{name}.log").open("wb") as log:
                made.running[name] = subprocess.Popen(
                    [ROOT / "config" / "compose" / "node", *service["command"]],
                    env=environ, stdout=log, stderr=log, cwd=tmp_path,
                )  # fmt: skip
        assert made.running.pop("admit").wait(120) == 0, (tmp_path / "admit.log").read_text()
        xa, xb = (daemon_of(tmp_path / name / "node") for name in ("xa", "xb"))
        for member in (xa, xb):
            made.until(
                lambda d=member: (
                    {"XA", "XB"}
                    <= {item["member"] for item in d.call("GET", "/v1/members")["members"]}
                )
            )
        sent = made.until(lambda: xa.call("POST", "/v1/messages", request([])))
        page = made.until(lambda: xb.call("GET", "/v1/messages?direction=in&wait_s=5")["messages"])
        assert [item["id"] for item in page] == [sent["id"]]
        assert not any(path.name.endswith(".key") for path in (tmp_path / "shared").iterdir())
    finally:
        for process in made.running.values():
            process.terminate()
        for process in made.running.values():
            process.wait(20)


def test_image_is_built_from_these_steps(tmp_path: Path) -> None:
    """The RUN lines of the build stage, in their order, on what COPY puts there; then the demo."""
    lines = (ROOT / "Dockerfile").read_text().split("\nFROM ")[1].splitlines()
    source, target = tmp_path / "src", tmp_path / "opt"
    source.mkdir()
    for line in lines:
        if line.startswith("COPY "):
            *names, place = line.split()[1:]
            for name in names:
                if (ROOT / name).is_dir():
                    ignore = shutil.ignore_patterns("__pycache__")
                    shutil.copytree(ROOT / name, source / place, ignore=ignore)
                else:
                    shutil.copy(ROOT / name, source / place)
        elif line.startswith("RUN "):
            command = line.removeprefix("RUN ").replace("/opt/liaison", str(target))
            command = command.replace("python3 -m venv", f"{sys.executable} -m venv")
            command = command.replace("--no-cache-dir", "--quiet --disable-pip-version-check")
            subprocess.run(command, shell=True, check=True, cwd=source)  # noqa: S602 - our own
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    ran = subprocess.run(
        [target / "bin" / "liaison", "demo", "--json"], capture_output=True, text=True,
        check=True, cwd=tmp_path, env=environ,
    )  # fmt: skip
    facts = json.loads(ran.stdout)
    assert all(check["ok"] for step in facts["steps"] for check in step["checks"])
    assert facts["plaintext_found"] == 0


def test_unit_of_systemd_starts_what_the_package_installs() -> None:
    """The unit names the command, the credential and the folder that the settings name."""
    unit = (ROOT / "config" / "liaison.service").read_text()
    assert "ExecStart=/opt/liaison/bin/liaison serve --dir /var/lib/liaison" in unit
    assert "Type=notify" in unit
    assert "LoadCredential=passphrase:" in unit
    assert "WatchdogSec=" in unit
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not here to read the unit")
    ran = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", ROOT / "config" / "liaison.service"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    faults = [line for line in ran.stderr.splitlines() if "not executable" not in line]
    assert not [line for line in faults if "liaison.service" in line], faults
