"""A disk that is full, in earnest: new work is refused by name, and what was accepted goes on."""

from pathlib import Path

import pytest

from gateway.cli.demo.story import request
from gateway.errors import UnavailableError
from gateway.store.database import Database
from gateway.store.migrate import upgrade
from tests.system.disks import missing, mount, mounted, move
from tests.system.nodes import QUICK, Nodes, done, nodes

MIN_FREE_BYTES = 16 * 1024**2
pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(bool(missing()), reason=missing()),
]


def refused(made: Nodes) -> str:
    """Hand a message in that is not accepted; return the code."""
    before = made.call("XA", "GET", "/v1/status")["outbox"]
    with pytest.raises(UnavailableError) as caught:
        made.call("XA", "POST", "/v1/messages", request([]))
    assert made.call("XA", "GET", "/v1/status")["outbox"] == before
    return caught.value.code


def test_full_disk_refuses_new_work_and_loses_nothing(tmp_path: Path) -> None:
    """Nearly full: deliveries go on. Wholly: all waits, a start included. Then all is well."""
    settings = {**QUICK, "LIAISON_BLOBS__MIN_FREE_BYTES": str(MIN_FREE_BYTES)}
    with mounted() as disks, nodes(tmp_path, "XA", "XB", settings=settings) as made:
        disk = move(made, "XA", 96 * 1024**2)
        disks.append(disk)
        made.kill("XB")
        sent = [made.call("XA", "POST", "/v1/messages", request([]))["id"] for _ in range(3)]
        disk.fill(MIN_FREE_BYTES // 2)
        assert refused(made) == "disk_full"
        made.start("XB")
        made.delivered("XA", sent)
        disk.fill(0)
        assert refused(made) == "disk_full"
        made.kill("XA")
        made.start("XA")
        disk.clear()
        made.until(lambda: made.call("XA", "GET", "/health/ready")["ready"])
        sent.append(made.call("XA", "POST", "/v1/messages", request([]))["id"])
        made.delivered("XA", sent)
        assert sorted(made.inbox("XB")) == sorted(sent)  # retries may change the order
        assert made.stop("XA") == 0
        done("audit", "verify", "--dir", str(disk.folder))


def test_full_disk_is_named_as_the_database_is_opened(tmp_path: Path) -> None:
    """Not as a disk that fails: an operator looks for space, and not for another disk."""
    url = f"sqlite:///{tmp_path / 'liaison.db'}"
    with mounted() as disks:
        disk = mount(tmp_path, 4 * 1024**2)
        disks.append(disk)
        upgrade(url)
        disk.fill(0)
        with pytest.raises(UnavailableError) as caught:
            Database.open(url)
        assert caught.value.code == "disk_full"
        disk.clear()
        Database.open(url).close()
