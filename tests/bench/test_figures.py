import json
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from gateway.cases.content import encode_content
from tests.bench import page
from tests.bench.__main__ import PARTS, compared, main
from tests.bench.audit import CONSISTENCY, INCLUSION, old_log
from tests.bench.curves import curve_of, curve_rows, point
from tests.bench.driver import Sent, submission
from tests.bench.exchange import Round, of_rounds, percentile
from tests.bench.goals import GOALS
from tests.bench.page import Chapter
from tests.bench.ratios import (
    COST,
    EXCHANGE,
    OURS,
    PARTS_RATIO,
    PARTS_SUM,
    Goal,
    against,
    against_peers,
    against_primitives,
    in_turn,
    judge,
    ratio,
    whole_exchanges,
)
from tests.bench.ratios import PARTS as PRIMITIVES
from tests.bench.report import (
    KIB,
    MIB,
    Absent,
    encode_json,
    figure,
    find,
    parse_json,
    row,
    table,
)
from tests.bench.scale import QUICK

ROOT = Path(__file__).resolve().parents[2]


def test_ratio_takes_the_worst_of_both_sides() -> None:
    """The median is of medians, the spread from the least of one to the most of the other."""
    found = ratio("x", figure("a", "/s", [80, 100, 120]), figure("b", "/s", [8, 10, 20]))
    assert (found.median, found.low, found.high, found.unit) == (10, 4, 15, "×")


def test_steps_in_turn_add_their_times() -> None:
    """Two steps at 30 and 60 a second are 20 a second together."""
    found = in_turn("both", figure("a", "/s", [30]), figure("b", "/s", [60]))
    assert found.median == pytest.approx(20)


def test_exchange_stands_against_the_sum_of_its_primitives() -> None:
    """Each part counts as often as it is needed; without all of them nothing is said."""
    parts = [figure(name, COST, [10]) for name, _ in PRIMITIVES]
    whole = figure(EXCHANGE, COST, [1000])
    total, times = against_primitives([whole, *parts])
    expected = 10 * sum(times for _, times in PRIMITIVES)
    assert (total.name, total.median) == (PARTS_SUM, pytest.approx(expected))
    assert (times.name, times.median) == (PARTS_RATIO, pytest.approx(1000 / expected))
    (absent,) = against_primitives([whole, *parts[1:]])
    assert isinstance(absent, Absent)


def test_peers_are_compared_by_whole_exchanges() -> None:
    """A library tells whole exchanges; of a program both steps count; others are no exchanges."""
    results = [
        figure("lib 1: exchange with receipt, 1 KiB", "/s", [50]),
        figure("lib 1: message alone, 1 KiB", "/s", [500]),
        figure("tool 2: sign, encrypt, 1 KiB", "/s", [30]),
        figure("tool 2: decrypt, verify, 1 KiB", "/s", [60]),
        figure(OURS[KIB], "/s", [1000]),
        figure(OURS[MIB], "/s", [50]),
    ]
    assert [item.name for item in whole_exchanges(results, KIB)] == ["lib 1", "tool 2"]
    found = {item.name: item.median for item in against_peers(results)}
    assert found == {
        against("lib 1", KIB): pytest.approx(20), against("tool 2", KIB): pytest.approx(50),
    }  # fmt: skip


def test_goals_are_judged_by_medians() -> None:
    """At least, at most, or not measured; a bound itself is met."""
    goals = [
        Goal(what="a", name="a", unit="/s", wanted=10),
        Goal(what="b", name="b", unit="ms", wanted=10, most=True),
        Goal(what="c", name="c", unit="ms", wanted=10, most=True),
        Goal(what="d", name="d", unit="/s", wanted=10),
        Goal(what="a", name="a", unit="ms", wanted=10),
    ]
    results = [
        figure("a", "/s", [1, 10, 100]), figure("b", "ms", [10.1]), figure("c", "ms", [9]),
        Absent(name="d", reason="not here"),
    ]  # fmt: skip
    assert [verdict.met for verdict in judge(goals, results)] == [True, False, True, None, None]


def test_curve_shows_where_it_bends() -> None:
    """Points come in order of size, each as a multiple of the smallest's cost."""
    curve = curve_of(
        "cost", "things",
        [point(1000, "c", COST, [30]), point(10, "c", COST, [10]), point(100, "c", COST, [10, 12])],
    )  # fmt: skip
    assert [one.at for one in curve.points] == [10, 100, 1000]
    assert curve.bends == (1, pytest.approx(1.1), 3)
    assert [line[-1] for line in curve_rows(curve)] == ["1.00 ×", "1.10 ×", "3.00 ×"]


def test_rounds_become_rates_and_costs() -> None:
    """CPU is told for each process, and for all nodes together."""
    one = Round(
        sent=Sent(count=100, accepted_s=0.5, confirmed_s=2.0),
        cpu_s={"XA": 0.1, "XB": 0.3},
        driver_cpu_s=0.01,
    )
    found = {item.name: item.median for item in of_rounds("x", [one])}
    assert found == {
        "x: accepted": 200, "x: confirmed": 50, "x: XA": pytest.approx(1000),
        "x: XB": pytest.approx(3000), "x: all nodes": pytest.approx(4000),
        "x: driver": pytest.approx(100),
    }  # fmt: skip


def test_percentile_lies_between_its_neighbours() -> None:
    """Of 0 to 100 the 50th is 50 and the 99th is 99."""
    values = list(range(101))
    assert (percentile(values, 50), percentile(values, 99)) == (50, 99)


@pytest.mark.parametrize("count", [KIB, 64 * KIB])
def test_content_is_sealed_as_exactly_the_bytes_asked_for(count: int) -> None:
    """What the driver submits is as long as its figures say."""
    asked = msgspec.json.decode(submission(count))
    assert len(encode_content(asked["content"])) == count


def test_results_survive_json() -> None:
    """What one environment writes another reads, and a table has a line for each."""
    results = [figure("a", "/s", [1, 2, 3]), Absent(name="b", reason="not here")]
    assert parse_json(encode_json(results)) == results
    assert find(results, "b", "/s") is None
    assert len(table(results).splitlines()) == 2


def test_page_tells_the_same_in_every_form() -> None:
    """Goals, figures and curves are in the text, in Markdown and in JSON."""
    curve = curve_of("growth of cost", "things", [point(1, "c", COST, [5])])
    results = [figure("in batches: confirmed", "/s", [4000])]
    found = compared([Chapter(title="Chapter", results=results, curves=[curve])])
    for shown in (page.text(found), page.markdown(found)):
        assert "confirmed exchanges, 1 KiB, in batches" in shown
        assert "growth of cost, by things" in shown
        assert all(cell in shown for cell in row(results[0]))
    told = json.loads(page.encode_json(found))
    assert [goal["met"] for goal in told["goals"]] == [True] + [None] * (len(GOALS) - 1)
    assert told["chapters"][1]["curves"][0]["points"][0]["figure"]["median"] == 5


def test_one_command_runs_a_part(tmp_path: Path) -> None:
    """Quickly, the primitives alone: a table for people and the same as JSON in a file."""
    file = tmp_path / "found.json"
    ran = subprocess.run(
        [sys.executable, "-m", "tests.bench", "--quick", "--only", "primitives", "--json", file],
        cwd=ROOT, capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip
    told = json.loads(file.read_text())
    names = {item["name"] for chapter in told["chapters"] for item in chapter["results"]}
    assert {name for name, _ in PRIMITIVES} <= names
    assert all(name in ran.stdout for name in names)


def test_old_audit_log_is_made_proven_and_continued() -> None:
    """Quickly: both proofs at every size, and the sequencer goes on from what was written."""
    results, curves = old_log(QUICK)
    assert [item.name for item in results] == [INCLUSION, CONSISTENCY]
    assert [[one.at for one in curve.points] for curve in curves] == [
        [*QUICK.proven], [*QUICK.proven], [0, *QUICK.proven],
    ]  # fmt: skip


def test_one_command_refuses_a_part_that_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    """A part that is not there is named, with those that are."""
    with pytest.raises(SystemExit) as ended:
        main(["--only", "primitives,nothing"])
    assert ended.value.code == 2
    told = capsys.readouterr().err
    assert all(part in told for part in ("nothing", *PARTS))


def test_part_that_breaks_costs_its_own_figures_alone(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The others are told, the cause too, and the exit code is 1."""

    def broken(_given: object) -> Chapter:
        raise ExceptionGroup("tasks", [ConnectionError("gone")])

    def works(_given: object) -> Chapter:
        return Chapter(title="Works", results=[figure("one", "/s", [7])])

    monkeypatch.setitem(PARTS, "primitives", broken)
    monkeypatch.setitem(PARTS, "peers", works)
    assert main(["--only", "primitives,peers", "--json", "-"]) == 1
    told = json.loads(capsys.readouterr().out)
    _, first, second = told["chapters"]
    assert first["results"][0]["reason"] == "broke: ConnectionError('gone')"
    assert second["results"][0]["median"] == 7
