import contextlib
import io
from pathlib import Path
from typing import Any

import pytest

from gateway.cli.app import run
from tests.system.nodes import Nodes, Ran, free_ports, nodes

pytestmark = pytest.mark.system


def typed(*arguments: str) -> Ran:
    """Run a command in this process; one of its own for each would take three times as long."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = run(list(arguments))
    return Ran(code, out.getvalue(), err.getvalue())


class Ceremony:
    """A federation of two of three registrars, and XA, whose roots were drawn elsewhere."""

    def __init__(self, made: Nodes) -> None:
        self.made = made
        self.place = made.place
        self.desk = made.place / "desk"
        self.desk.mkdir()
        made.write_passphrase()
        self.secret = str(made.place / "passphrase")

    def said(self, *arguments: str) -> Any:
        """Run a command that must succeed, and return its document."""
        ran = typed(*arguments, "--json")
        assert ran.code == 0, f"liaison {' '.join(arguments)}\n{ran.out}{ran.err}"
        return ran.json

    def found(self) -> str:
        """Found the federation with what three people drew at home; return the anchor."""
        self.made.ports = dict(zip(("REGISTRY", "XA"), free_ports(2), strict=True))
        sets = []
        for generation in (1, 2):
            drawn = [
                self.draw("REGISTRY", generation, self.place / f"home-{number}", keys=1)
                for number in (1, 2, 3)
            ]
            sets.append(self.place / f"registrars-{generation}.pub")
            self.said(
                "key", "root", "join", *map(str, drawn), "--threshold", "2", "--out", str(sets[-1])
            )
        told = self.said(
            "registry", "init", "--federation", "mutual.example", "--endpoint",
            self.made.url("REGISTRY"), "--root-set", str(sets[0]), "--next-set", str(sets[1]),
            *self.made.common("REGISTRY"),
        )  # fmt: skip
        at = self.folder("REGISTRY")
        for number in (1, 2):
            signed = self.said("statement", "sign", told["file"], *self.registrar(number), "--yes")
            assert signed["state"] == "incomplete"
        early = typed("registry", "found", told["file"], *at)
        assert (early.code, "threshold_not_met" in early.err) == (1, True)
        signed = self.said("statement", "sign", told["file"], *self.registrar(3), "--yes")
        assert signed["state"] == "founds"
        anchor = str(self.said("registry", "found", told["file"], *at)["anchor"])
        assert self.said("registry", "found", told["file"], *at)["anchor"] == anchor
        self.made.start("REGISTRY")
        return anchor

    def registrar(self, number: int) -> list[str]:
        """Return how one registrar signs."""
        key = self.place / f"home-{number}" / "REGISTRY.root-1-1.key"
        return ["--root-key", str(key), "--passphrase-file", self.secret]

    def draw(self, member: str, generation: int, out: Path, *, keys: int) -> Path:
        """Draw a root set where no network is, two of it to sign; return its public file."""
        return Path(
            self.said(
                "key", "root", "new", "--member", member, "--federation", "mutual.example",
                "--keys", str(keys), "--threshold", str(min(keys, 2)), "--out", str(out),
                "--passphrase-file", self.secret, "--generation", str(generation),
                "--weak-keystore",
            )["public"]
        )  # fmt: skip

    def root(self, generation: int, number: int) -> list[str]:
        """Return how one of XA's roots signs."""
        key = self.desk / f"XA.root-{generation}-{number}.key"
        return ["--root-key", str(key), "--passphrase-file", self.secret]

    def folder(self, member: str) -> list[str]:
        """Return how a command finds a node."""
        return ["--dir", str(self.made.folder(member))]


def test_two_of_three_pass_a_statement_around(tmp_path: Path) -> None:
    """From the founding to a suspension, a rotation and a veto, by the commands alone."""
    with nodes(tmp_path) as made:
        ceremony = Ceremony(made)
        anchor = ceremony.found()
        now, then, after = (
            ceremony.draw("XA", generation, ceremony.desk, keys=3) for generation in (1, 2, 3)
        )
        told = ceremony.said(
            "init", "--member", "XA", "--name", "Customs of XA", "--anchor", anchor, "--registry",
            made.url("REGISTRY"), "--endpoint", made.url("XA"), "--root-set", str(now),
            "--next-set", str(then), *made.common("XA"),
        )  # fmt: skip
        assert told["offline"] is None
        join = told["file"]
        _admit(ceremony, join)
        made.start("XA")
        made.until(lambda: "XA" in made.sees("XA"))
        _suspend(ceremony)
        _rotate(ceremony, then, after)
        _recover(ceremony, anchor, after)


def _admit(ceremony: Ceremony, join: str) -> None:
    """Let two of the member's roots sign, then two registrars, of whom the last publishes."""
    for number in (1, 3):
        signed = ceremony.said("statement", "sign", join, *ceremony.root(1, number), "--yes")
    assert [item["missing"] for item in signed["roots"]] == [0, 0]
    at = ceremony.folder("REGISTRY")
    first = ceremony.said("member", "admit", join, *at, *ceremony.registrar(1), "--yes")
    assert first["published"] is None
    assert [item["missing"] for item in first["roots"]] == [1, 0]
    refused = typed("statement", "publish", join, *at)
    assert refused.code == 1
    assert "threshold_not_met" in refused.err
    last = ceremony.said("member", "admit", join, *at, *ceremony.registrar(3), "--yes")
    assert last["published"] == 1
    assert ceremony.said("statement", "publish", join, *at)["index"] == 1


def _suspend(ceremony: Ceremony) -> None:
    """Pass a draft around where no network is, with a copy of the registry beside it."""
    made, at = ceremony.made, ceremony.folder("REGISTRY")
    file, copy = str(ceremony.desk / "suspend.XA"), str(ceremony.desk / "registry")
    ceremony.said("registry", "export", copy, *at)
    draft = ceremony.said("member", "suspend", "XA", "--out", file, *at)
    assert (draft["state"], draft["published"]) == ("incomplete", None)
    for number in (1, 2):
        words = typed(
            "statement", "sign", file, "--registry", copy, *ceremony.registrar(number), "--yes"
        )
    assert "Suspends XA, by the registrars" in words.out
    assert "2 of 2 signed" in words.out
    assert ceremony.said("statement", "publish", file, *at)["index"] == 2
    made.until(lambda: made.call("XA", "GET", "/v1/members/XA")["suspended"])
    wrong = typed("doctor", *ceremony.folder("XA"))
    assert (wrong.code, "suspended by the registrars" in wrong.out) == (1, True)
    assert "suspended by the registrars" in typed("member", "show", "XA", *at).out
    stale = typed("statement", "sign", file, *at, *ceremony.registrar(3), "--yes")
    assert (stale.code, "statement_published" in stale.err) == (1, True)
    two = [*ceremony.registrar(1), *ceremony.registrar(2)[:2]]
    lifted = ceremony.said(
        "member", "resume", "XA", "--out", str(ceremony.desk / "resume.XA"), *at, *two, "--yes"
    )
    assert lifted["published"] == 3
    made.until(lambda: not made.call("XA", "GET", "/v1/members/XA")["suspended"])


def _rotate(ceremony: Ceremony, then: Path, after: Path) -> None:
    """Let the committed roots take over, revoke the sign key, and bring new keys that are used."""
    made, at = ceremony.made, ceremony.folder("XA")
    file = str(ceremony.desk / "rotate.XA")
    before = _keys(made, "sign")
    draft = ceremony.said(
        "key", "root", "rotate", "--reveal", str(then), "--next", str(after), "--revoke",
        "sign@2026-01-01", "--fresh-keys", "--out", file, *at,
    )  # fmt: skip
    assert draft["roots"] == [{"member": "XA", "needed": 2, "signed": [], "missing": 2}]
    wrong = typed("statement", "sign", file, *ceremony.root(1, 1), "--yes")
    assert (wrong.code, "root_has_no_say" in wrong.err) == (1, True)
    for number in (1, 2):
        ceremony.said("statement", "sign", file, *ceremony.root(2, number), "--yes")
    published = ceremony.said("statement", "publish", file, *at)
    assert published["index"] == 4
    shown = made.call("XA", "GET", "/v1/members/XA")
    revoked = {key["id"] for key in shown["keys"] if key["revoked_since"] is not None}
    assert revoked == set(before)
    made.until(lambda: set(_keys(made, "sign")).isdisjoint(before))
    made.until(lambda: made.call("XA", "GET", "/health/ready")["ready"])
    moved = ceremony.said("member", "route", "--via", "REGISTRY", *at)
    assert (moved["via"], moved["index"]) == (["REGISTRY"], 5)


def _recover(ceremony: Ceremony, anchor: str, after: Path) -> None:
    """Let the registrars begin to give XA other keys, and its next roots alone stop it."""
    made, at, desk = ceremony.made, ceremony.folder("REGISTRY"), ceremony.desk
    two = [*ceremony.registrar(1), *ceremony.registrar(2)[:2], "--yes"]
    named = ("registry", "witnesses", "XA", "--quorum", "1", "--out", str(desk / "witnesses"))
    assert ceremony.said(*named, *at, *two)["published"] == 6
    told = ceremony.said(
        "init", "--recover", "--member", "XA", "--anchor", anchor, "--registry",
        made.url("REGISTRY"), "--endpoint", "https://again.example", "--weak-keystore",
        "--dir", str(made.place / "again"), "--passphrase-file", ceremony.secret,
    )  # fmt: skip
    begun = ceremony.said("member", "recover", "XA", told["file"], *at, *two)
    assert begun["published"] == 7
    made.until(lambda: made.call("XA", "GET", "/v1/members/XA")["recovery"])
    warned = typed("doctor", *ceremony.folder("XA"))
    assert (warned.code, "stop it with liaison member veto" in warned.out) == (1, True)
    early = typed("member", "recover", "XA", "--complete", *at)
    assert early.code == 1
    assert "recovery_unwitnessed" in early.err or "recovery_too_early" in early.err
    signs = [*ceremony.root(3, 2), *ceremony.root(3, 3)[:2], "--yes"]
    veto = ("member", "veto", "XA", "--reveal", str(after), "--out", str(desk / "veto"))
    assert ceremony.said(*veto, *ceremony.folder("XA"), *signs)["published"] == 8
    late = typed("member", "recover", "XA", "--complete", *at)
    assert (late.code, "recovery_vetoed" in late.err) == (1, True)


def _keys(made: Nodes, use: str) -> list[str]:
    """Return the keys of one use that a node uses now."""
    listed = made.call("XA", "GET", "/v1/keys")["keys"]
    return [key["id"] for key in listed if (key["use"], key["state"]) == (use, "current")]
