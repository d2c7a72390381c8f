import json
from pathlib import Path

import pytest

from tests.bench.__main__ import PARTS, main
from tests.bench.scale import QUICK

pytestmark = [pytest.mark.campaign, pytest.mark.system, pytest.mark.timeout(1800)]


@pytest.mark.parametrize("part", [name for name in PARTS if name not in ("primitives", "peers")])
def test_every_part_runs_between_real_nodes(part: str, tmp_path: Path) -> None:
    """A little of each part: nothing breaks, and every curve has all its points."""
    file = tmp_path / "found.json"
    assert main(["--quick", "--only", part, "--json", str(file)]) == 0
    (chapter,) = json.loads(file.read_text())["chapters"][1:]
    assert chapter["results"]
    points = {len(curve["points"]) for curve in chapter["curves"]}
    assert points <= {len(QUICK.waiting)}
