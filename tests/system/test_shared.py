"""Two daemons of one member on one PostgreSQL database: either may die, and nothing is lost."""

from pathlib import Path

import pytest

from gateway.cli.demo.story import request
from tests import postgres
from tests.system.nodes import done, nodes


def test_daemons_that_share_a_database_share_the_work(
    tmp_path: Path, postgres_server: postgres.Server
) -> None:
    """Both accept; one is killed with rows under lease; the other sends them, each once."""
    if reason := postgres.missing():
        pytest.skip(reason)

    def store_url() -> str:
        return postgres_server.url(postgres_server.create())

    with nodes(tmp_path, "XA", "XB", store_url=store_url) as made:
        made.twin("XA", "XA2")
        both = ["XA", "XA2"]
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
