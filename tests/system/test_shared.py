"""Two daemons of one member on one PostgreSQL database: either may die, and nothing is lost."""

import shutil
from pathlib import Path

import pytest

from gateway.cli.story import request
from tests import postgres
from tests.system.nodes import Nodes, done, free_ports, nodes


def second(made: Nodes, member: str, name: str) -> str:
    """Give a member a second daemon: a folder and port of its own, the rest is shared."""
    first, other = made.folder(member), made.folder(name)
    other.mkdir(mode=0o700)
    shutil.copy2(first / "keystore", other / "keystore")
    text = (first / "gateway.toml").read_text()
    text = text.replace(f'data_dir = "{first}"', f'data_dir = "{other}"')
    text = text.replace('url = "file:blobs"', f'url = "file:{first / "blobs"}"')
    (other / "gateway.toml").write_text(text)
    (port,) = free_ports(1)
    made.start(name, LIAISON_PEER_API__PORT=str(port))
    made.until(lambda: made.sees(name) >= {"XA", "XB"})
    return name


def test_daemons_that_share_a_database_share_the_work(
    tmp_path: Path, postgres_server: postgres.Server
) -> None:
    """Both accept; one is killed with rows under lease; the other sends them, each once."""
    if reason := postgres.missing():
        pytest.skip(reason)

    def store_url() -> str:
        return postgres_server.url(postgres_server.create())

    with nodes(tmp_path, "XA", "XB", store_url=store_url) as made:
        both = ["XA", second(made, "XA", "XA2")]
        body = {**request([]), "to": ["XB"]}
        sent = [made.call(both[n % 2], "POST", "/v1/messages", body)["id"] for n in range(30)]
        made.kill("XB")
        sent += [made.call(both[n % 2], "POST", "/v1/messages", body)["id"] for n in range(30)]
        made.kill("XA2")
        made.start("XB")
        made.delivered("XA", sent, 90)
        received = made.inbox("XB")
        assert sorted(received) == sorted(sent)
        assert made.stop("XA") == 0
        report = done("audit", "verify", "--dir", str(made.folder("XA")), "--json").json
        assert report["findings"] == []
