import io
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway.cli.app import run
from gateway.cli.ceremonies.ceremony import State, judge, read_draft
from gateway.cli.ceremonies.mirror import Held, held_in
from gateway.cli.terminal.moment import parse_moment
from gateway.errors import RejectedError
from keys.registry.ceremony import encode_draft, parse_draft
from keys.registry.rootset import parse_root_set
from tests.cli.founded import Founded, founded
from tests.keys.ceremony_cases import CASES, admission


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Founded:
    """Return a federation that no test changes."""
    return founded(tmp_path_factory.mktemp("founded"))


@pytest.fixture
def made(original: Founded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Founded:
    """Return a copy of it; the test stands in a folder of its own."""
    shutil.copytree(original.place, tmp_path / "place")
    for file in (tmp_path / "place").glob("*/gateway.toml"):
        file.write_text(file.read_text().replace(str(original.place), str(tmp_path / "place")))
    (tmp_path / "desk").mkdir()
    monkeypatch.chdir(tmp_path / "desk")
    return Founded(tmp_path / "place")


@pytest.fixture
def liaison(capsys: pytest.CaptureFixture[str]) -> "Typed":
    """Return what types commands."""
    return Typed(capsys)


class Typed:
    """Types commands, and reads what they print."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def told(self, *arguments: object) -> Any:
        """Run a command that must succeed; return its document."""
        code = run([*map(str, arguments), "--json"])
        shown = self._capsys.readouterr()
        assert code == 0, shown.err
        return json.loads(shown.out)

    def words(self, *arguments: object) -> str:
        """Run a command that must succeed; return what people read."""
        code = run([*map(str, arguments)])
        shown = self._capsys.readouterr()
        assert code == 0, shown.err
        return shown.out

    def refused(self, *arguments: object, code: int = 1) -> str:
        """Run a command that must fail; return its sentence."""
        assert run([*map(str, arguments)]) == code
        return self._capsys.readouterr().err


def suspension(liaison: Typed, made: Founded) -> Path:
    """Write the suspension of XA, signed by nobody."""
    liaison.told("member", "suspend", "XA", "--dir", made.registrar)
    return Path("suspend.XA")


def test_draft_is_written_and_says_who_must_sign(liaison: Typed, made: Founded) -> None:
    """Without keys a command writes a statement, signs nothing and hands nothing in."""
    told = liaison.told("member", "suspend", "XA", "--dir", made.registrar)
    assert (told["state"], told["published"], told["kind"]) == ("incomplete", None, "suspend")
    assert told["roots"] == [{"member": "REGISTRY", "needed": 2, "signed": [], "missing": 2}]
    assert read_draft(Path("suspend.XA")).note.signatures == ()
    words = liaison.words("statement", "show", "suspend.XA", "--dir", made.registrar)
    assert "Suspends XA, by the registrars" in words
    assert "0 of 2 signed; missing 2 of: " in words
    assert "liaison statement sign suspend.XA --root-key KEY" in words


def test_file_is_not_overwritten(liaison: Typed, made: Founded) -> None:
    """A second draft of the same name needs another place; the first stays."""
    file = suspension(liaison, made)
    before = file.read_bytes()
    refused = liaison.refused("member", "suspend", "XA", "--dir", made.registrar, code=2)
    assert "suspend.XA exists already" in refused
    assert file.read_bytes() == before


def test_registrars_sign_one_after_the_other_without_a_network(
    liaison: Typed, made: Founded
) -> None:
    """Each adds to the file; the copy of the registry says how many are missing."""
    file = suspension(liaison, made)
    exported = liaison.told("registry", "export", "copy", "--dir", made.registrar)
    assert exported["statements"] == 2
    assert exported["anchor"] == (made.registrar / "anchor").read_text().strip()
    beside = ("--registry", "copy", "--yes")
    for number, missing in ((1, 1), (3, 0)):
        signs = made.roots("REGISTRY", number)
        told = liaison.told("statement", "sign", file, *signs, *beside)
        assert told["roots"][0]["missing"] == missing
    assert told["state"] == "ready"
    again = liaison.told("statement", "sign", file, *made.roots("REGISTRY", 1), *beside)
    assert again["roots"] == told["roots"]
    bare = liaison.words("statement", "sign", file, *made.roots("REGISTRY", 2), "--yes")
    assert "nothing: no registry is at hand" in bare


def test_who_does_not_answer_yes_signs_nothing(
    liaison: Typed, made: Founded, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is shown is asked about before any key is opened."""
    file = suspension(liaison, made)
    before = file.read_bytes()
    for locale, typed in (("C", "n\n"), ("C", "\n"), ("C", ""), ("fr_FR.UTF-8", "hm\nnon\n")):
        monkeypatch.setenv("LC_ALL", locale)
        monkeypatch.setattr("sys.stdin", io.StringIO(typed))
        asked = liaison.refused("statement", "sign", file, *made.roots("REGISTRY", 1), code=2)
        assert ("Signer ? [o/n]" if locale != "C" else "Sign? [y/n]") in asked
        assert ("Répondre par o/n." in asked) == (locale != "C")
        assert file.read_bytes() == before
    monkeypatch.setattr("sys.stdin", io.StringIO("oui\n"))
    liaison.told("statement", "sign", file, *made.roots("REGISTRY", 1))
    assert file.read_bytes() != before


def test_wrong_key_and_wrong_passphrase_leave_the_file_alone(liaison: Typed, made: Founded) -> None:
    """A root without a say, one of another set, a wrong passphrase, no key at all."""
    file = suspension(liaison, made)
    before = file.read_bytes()
    wrong = made.place / "wrong"
    wrong.touch(mode=0o600)
    wrong.write_text("open barley\n")
    key = made.key("REGISTRY", 1, 1)
    own, secret = ("--root-key", key), ("--passphrase-file", made.secret)
    coming = ("--root-key", made.key("REGISTRY", 2, 1))
    held = ("--dir", made.registrar)
    cases: list[tuple[tuple[object, ...], str, int]] = [
        ((*made.roots("XA", 1),), "root_has_no_say", 1),
        ((*coming, *secret, *held), "root_has_no_say", 1),
        ((*own, "--passphrase-file", wrong), "passphrase_wrong", 1),
        ((*own, *own, *own, *secret, *secret), "passphrases_unmatched", 1),
        ((*own,), "passphrase_missing", 3),
        (("--root-key", made.place / "none", *secret), "root_key_missing", 3),
        (("--root-key", made.registrar / "keystore", *secret), "rootfile_malformed", 1),
        ((), "root_key_missing", 1),
        ((*own, "--node"), "root_key_missing", 1),
    ]
    for arguments, code, exits in cases:
        assert code in liaison.refused("statement", "sign", file, *arguments, "--yes", code=exits)
        assert file.read_bytes() == before


def test_statement_of_which_too_few_signed_is_not_handed_in(liaison: Typed, made: Founded) -> None:
    """Nothing goes to the daemon before enough have signed."""
    file = suspension(liaison, made)
    refused = liaison.refused("statement", "publish", file, "--dir", made.registrar)
    assert "signature_missing" in refused
    liaison.told("statement", "sign", file, *made.roots("REGISTRY", 1), "--yes")
    refused = liaison.refused("statement", "publish", file, "--dir", made.registrar)
    assert "threshold_not_met" in refused
    assert "pass the file on" in refused
    liaison.told("statement", "sign", file, *made.roots("REGISTRY", 2), "--yes")
    gone = liaison.refused("statement", "publish", file, "--dir", made.registrar, code=3)
    assert "daemon_unreachable" in gone


def test_stale_statement_is_said_to_be_stale(liaison: Typed, made: Founded) -> None:
    """When another one took its place, nobody signs it any more; published, it says so."""
    first = suspension(liaison, made)
    liaison.told("member", "suspend", "XA", "--dir", made.registrar, "--out", "second")
    signs = tuple(made.roots("REGISTRY", 1, 2))
    liaison.told("statement", "sign", first, *signs, "--yes")
    made.publish(first.read_bytes())
    second = Path("second").read_bytes()
    stale = ("statement", "sign", "second", *signs, "--dir", made.registrar, "--yes")
    assert "statement_stale" in liaison.refused(*stale)
    assert "statement_stale" in liaison.refused(
        "statement", "publish", "second", "--dir", made.registrar
    )
    assert Path("second").read_bytes() == second
    shown = liaison.told("statement", "show", "second", "--dir", made.registrar)
    assert shown["state"] == "stale"
    again = liaison.refused("statement", "sign", first, *signs, "--dir", made.registrar, "--yes")
    assert "statement_published" in again
    told = liaison.told("statement", "publish", first, "--dir", made.registrar)
    assert told["index"] == 2
    twice = liaison.refused("member", "suspend", "XA", "--dir", made.registrar, "--out", "third")
    assert "statement_misfit" in twice
    assert not Path("third").exists()


def test_verdict_tells_a_registry_that_lags_behind() -> None:
    """A statement that follows one which is not here yet is neither stale nor refused."""
    case = CASES["role"]()
    held = Held(view=case.world.view, notes=case.world.notes)
    later = parse_draft(encode_draft(replace(case.statement, seq=9)))
    assert judge(later, held).state is State.AHEAD
    assert judge(later, None).state is State.UNKNOWN
    forked = parse_draft(encode_draft(replace(case.statement, prev=bytes(32))))
    assert judge(forked, held).state is State.STALE
    with pytest.raises(Exception, match="catch up"):
        judge(later, held).check(Path("later"))


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "note_malformed"),
        (b"\x00\xff" * 40_000, "statement_malformed"),
        (b"x" * 60_001, "statement_malformed"),
        (b"mutual.example/registry/v1\nkind \x1b[2J\n\n", "note_malformed"),
        (b"mutual.example/registry/v1\nkind abolish\nmember XA\n\n", "statement_kind_unknown"),
        ("mutual.example/registry/v1\nkind \u202eetator\n\n".encode(), "statement_kind_unknown"),
    ],
)
def test_hostile_file_is_refused_in_one_safe_sentence(
    liaison: Typed, tmp_path: Path, content: bytes, code: str
) -> None:
    """Cut, oversized, binary, with controls: an error, and nothing that a terminal obeys."""
    file = tmp_path / "hostile"
    file.write_bytes(content)
    for command in (("show", file), ("sign", file, "--root-key", file, "--yes")):
        said = liaison.refused("statement", *command)
        assert code in said
        assert said.removesuffix("\n").isprintable()
    assert file.read_bytes() == content


def test_name_that_would_fool_a_terminal_is_spelled_out(liaison: Typed, tmp_path: Path) -> None:
    """What the statement says of a name stands there, made visible."""
    said = replace(admission().statement, names=(("en", "Customs\u202e\u009b2J"),))
    file = tmp_path / "join.XC"
    file.write_bytes(encode_draft(said))
    words = liaison.words("statement", "show", file)
    assert r"Customs\u202e\x9b2J (en)" in words
    assert all(line.isprintable() for line in words.splitlines())


def test_admission_takes_the_keys_that_still_lie_there(liaison: Typed, made: Founded) -> None:
    """As many as must sign, of the set in force; elsewhere they are to be named."""
    shutil.copy(made.member / "join.XA", "join.XA")
    taken = liaison.refused("member", "admit", "join.XA", "--dir", made.registrar, "--yes")
    assert "member_exists" in taken
    other = liaison.refused("member", "admit", "join.XA", "--dir", made.member, "--yes", code=3)
    assert "registry_unknown" in other
    file = suspension(liaison, made)
    misfit = liaison.refused("member", "admit", file, "--dir", made.registrar, "--yes")
    assert "statement_misfit" in misfit


def test_root_set_is_drawn_for_each_holder(liaison: Typed, made: Founded) -> None:
    """Each key has its passphrase, the public file shows the set, nothing is overwritten."""
    secrets = []
    for number in (1, 2):
        file = made.place / f"secret-{number}"
        file.touch(mode=0o600)
        file.write_text(f"of holder {number}\n")
        secrets += ["--passphrase-file", str(file)]
    new = ("key", "root", "new", "--member", "XA", "--federation", "mutual.example")
    drawn = (*new, "--out", "vault", "--keys", "2", "--threshold", "2", "--weak-keystore")
    told = liaison.told(*drawn, *secrets)
    shown = parse_root_set(Path(told["public"]).read_bytes())
    assert [pair.commitment.hex()[:16] for pair in shown.root.pairs] == told["roots"]
    assert all(file.stat().st_mode & 0o777 == 0o600 for file in Path("vault").iterdir())
    assert Path("vault").stat().st_mode & 0o777 == 0o700
    second = liaison.told(*drawn, *secrets[:2])
    assert second["public"] == "vault/XA.root-2.pub"
    before = {file: file.read_bytes() for file in Path("vault").iterdir()}
    liaison.refused(*drawn, *secrets, "--generation", "1", code=2)
    assert "passphrases_unmatched" in liaison.refused(
        *drawn[:-5], "--keys", "3", *secrets, "--weak-keystore"
    )
    assert "threshold_too_large" in liaison.refused(*new, "--out", "vault", "--threshold", "2")
    assert {file: file.read_bytes() for file in Path("vault").iterdir()} == before


def test_sets_of_several_people_make_one(liaison: Typed, made: Founded) -> None:
    """All of one member, none twice, and a threshold that they can reach."""
    one, two = made.public("XA", 1), made.public("XA", 2)
    join = ("key", "root", "join", "--out", "set.pub")
    told = liaison.told(*join, one, two, "--threshold", "3")
    shown = parse_root_set(Path(told["public"]).read_bytes())
    assert (shown.member, shown.root.threshold, len(shown.root.pairs)) == ("XA", 3, 4)
    before = Path("set.pub").read_bytes()
    liaison.refused(*join, one, two, "--threshold", "3", code=2)
    join = ("key", "root", "join", "--out", "other.pub")
    stranger = made.public("REGISTRY", 1)
    for sets, threshold, code in (
        ((one, one), 2, "root_set_malformed"),
        ((one,), 3, "root_set_malformed"),
        ((one, stranger), 2, "root_set_of_another_member"),
        ((made.secret,), 1, "root_set_malformed"),
    ):
        assert code in liaison.refused(*join, *sets, "--threshold", str(threshold))
    assert not Path("other.pub").exists()
    assert Path("set.pub").read_bytes() == before


def test_registry_begins_with_the_statement_of_its_own_node(liaison: Typed, made: Founded) -> None:
    """A first statement of another node founds nothing here, and one root set alone is refused."""
    new = ("registry", "init", "--federation", "mutual.example", "--endpoint", "https://r.example")
    secret = ("--passphrase-file", made.secret, "--weak-keystore")
    one, two = made.public("REGISTRY", 1), made.public("REGISTRY", 2)
    alone = liaison.refused(*new, "--dir", "node", *secret, "--root-set", one)
    assert "root_set_missing" in alone
    wrong = liaison.refused(
        *new, "--dir", "node", *secret, "--root-set", one, "--next-set", made.public("XA", 2)
    )
    assert "root_set_of_another_member" in wrong
    assert not Path("node").exists()
    liaison.told(*new, "--dir", "node", *secret, "--root-set", one, "--next-set", two)
    other = made.registrar / "genesis.note"
    assert liaison.told("statement", "show", other)["state"] == "founds"
    foreign = liaison.refused("registry", "found", other, "--dir", "node")
    assert "genesis_of_another_node" in foreign
    assert not Path("node/anchor").exists()
    assert "registry.anchor" in liaison.refused("registry", "export", "copy", "--dir", "node")
    grown = liaison.refused(
        "registry", "found", other, "--dir", made.registrar, "--passphrase-file", made.secret
    )
    assert "registry_founded" in grown


def test_roots_rotate_to_the_set_that_was_committed_to(liaison: Typed, made: Founded) -> None:
    """The draft shows the coming set; another one, or another member's, is refused unwritten."""
    made.publish_to_member()
    new = ("key", "root", "new", "--member", "XA", "--federation", "mutual.example")
    secret = ("--passphrase-file", made.secret)
    liaison.told(*new, "--out", "vault", "--generation", "3", "--weak-keystore", *secret)
    after, here = Path("vault/XA.root-3.pub"), ("--dir", made.member)
    rotate = ("key", "root", "rotate")
    refused = liaison.refused(*rotate, "--reveal", after, "--next", after, *here)
    assert "next_not_committed" in refused
    stranger = made.public("REGISTRY", 2)
    refused = liaison.refused(*rotate, "--reveal", stranger, "--next", after, *here)
    assert "root_set_of_another_member" in refused
    assert list(Path().glob("rotate*")) == []
    told = liaison.told(
        *rotate, "--reveal", made.public("XA", 2), "--next", after, "--revoke", "log@2026-11-25",
        *here,
    )  # fmt: skip
    assert told["roots"] == [{"member": "XA", "needed": 2, "signed": [], "missing": 2}]
    labels = [line["label"] for line in told["lines"]]
    assert {"roots", "next roots", "key revoked", "then"} <= set(labels)


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ("sign", "revocation_malformed"),
        ("@2026-11-25", "revocation_malformed"),
        ("sign@yesterday", "moment_malformed"),
        ("feed@2026-11-25", "key_unknown"),
        ("seal@2026-11-25", "key_unknown"),
        ("@", "revocation_malformed"),
    ],
)
def test_revocation_that_is_mistyped_is_not_drafted(
    liaison: Typed, made: Founded, asked: str, code: str
) -> None:
    """A key is named by its use or its digits, and from when on."""
    made.publish_to_member()
    assert code in liaison.refused("key", "root", "revoke", asked, "--dir", made.member)
    assert list(Path().iterdir()) == []


def test_key_is_revoked_by_the_beginning_of_its_name(liaison: Typed, made: Founded) -> None:
    """Digits that begin one key's name are enough; ones that begin several are not."""
    made.publish_to_member()
    keys = held_in(made.member).view.members["XA"].keys
    name = keys[0].key_id.hex()[:10]
    told = liaison.told("key", "root", "revoke", f"{name}@1795000000", "--dir", made.member)
    revoked = [line["text"] for line in told["lines"] if line["label"] == "key revoked"]
    assert revoked == [f"{keys[0].use} {keys[0].key_id.hex()[:16]}, from 2026-11-18 11:06:40Z on"]


def test_moment_is_read_as_people_write_it() -> None:
    """A day, a time with its zone, a number of seconds."""
    assert parse_moment("1795000000") == 1_795_000_000
    assert parse_moment("2026-11-18") == 1_794_960_000
    assert parse_moment("2026-11-18T11:06:40Z") == parse_moment("2026-11-18T12:06:40+01:00")
    with pytest.raises(RejectedError):
        parse_moment("9" * 12)


def test_member_commands_say_what_they_lack(liaison: Typed, made: Founded) -> None:
    """No member, both a member and --self, no proposal, no recovery to stop or to complete."""
    here = ("--dir", made.registrar)
    cases: list[tuple[tuple[object, ...], str]] = [
        (("suspend",), "member_missing"),
        (("resume",), "member_missing"),
        (("resume", "XA", "--self"), "statement_misfit"),
        (("recover", "XA"), "proposal_missing"),
        (("recover", "XA", "--complete"), "recovery_unknown"),
        (("recover", "XZ", "--complete"), "member_unknown"),
        (("recover", "XA", made.member / "join.XA"), "statement_misfit"),
        (("veto", "XA"), "recovery_unknown"),
        (("veto", "XA", "--reveal", made.public("XA", 2)), "recovery_unknown"),
        (("role", "XA", "--role", "union"), "role_wrong"),
        (("role", "XA", "--role", "observer", "--state", "XB"), "role_wrong"),
        (
            ("role", "XA", "--role", "union", "--state", "XB", "--competence", "requests"),
            "competence_unknown",
        ),
        (("route",), "route_missing"),
    ]
    for arguments, code in cases:
        assert code in liaison.refused("member", *arguments, *here)
    assert list(Path().iterdir()) == []


def test_member_whose_node_is_gone_writes_against_a_copy(liaison: Typed, made: Founded) -> None:
    """One root suspends, the next set takes over: signed, and left to be handed in elsewhere."""
    liaison.told("registry", "export", "copy", "--dir", made.registrar)
    beside = ("--registry", "copy")
    told = liaison.told("member", "suspend", "XA", "--self", *beside, *made.roots("XA", 1), "--yes")
    assert (told["state"], told["published"], told["chain"]) == ("ready", None, "root")
    new = ("key", "root", "new", "--member", "XA", "--federation", "mutual.example")
    secret = ("--passphrase-file", made.secret)
    liaison.told(*new, "--out", "vault", "--generation", "3", "--weak-keystore", *secret)
    rotate = ("key", "root", "rotate", "--next", "vault/XA.root-3.pub", *beside)
    told = liaison.told(*rotate, "--reveal", made.public("XA", 2))
    assert (told["member"], told["state"]) == ("XA", "incomplete")
    fresh = liaison.refused(
        *rotate, "--reveal", made.public("XA", 2), "--fresh-keys", "--out", "other"
    )
    assert "daemon_missing" in fresh
    gone = liaison.refused(
        "statement", "publish", "suspend.XA", "--to", "https://127.0.0.1:9", code=3
    )
    assert "gateway_unreachable" in gone


def test_role_and_witnesses_are_drafted(liaison: Typed, made: Founded) -> None:
    """A union with its competences, and a witness set, each in its place."""
    here = ("--dir", made.registrar)
    told = liaison.told(
        "member", "role", "XA", "--role", "union", "--state", "XB", "--competence", "request", *here
    )
    assert {"label": "role", "text": "administration → union"} in told["lines"]
    told = liaison.told("registry", "witnesses", "XA", "--quorum", "1", *here)
    assert {"label": "witnesses", "text": "none → 1 of 1: XA"} in told["lines"]
    unknown = liaison.refused(
        "registry", "witnesses", "XB", "--quorum", "1", *here, "--out", "other"
    )
    assert "witness_unknown" in unknown


def test_registry_that_is_none_is_refused(liaison: Typed, made: Founded, tmp_path: Path) -> None:
    """A cut file, one that does not verify, none at all, and no overwriting of a copy."""
    file = suspension(liaison, made)
    liaison.told("registry", "export", "copy", "--dir", made.registrar)
    whole = Path("copy").read_bytes()
    for content, code, exits in (
        (whole[:-1], "bundle_malformed", 1),
        (whole.replace(b"threshold", b"").replace(b"Secretariat", b"Secretariot"), "signature", 1),
        (b"", "registry_unknown", 3),
    ):
        Path("bent").write_bytes(content)
        said = liaison.refused("statement", "show", file, "--registry", "bent", code=exits)
        assert code in said
    liaison.refused("registry", "export", "copy", "--dir", made.registrar, code=2)
    assert Path("copy").read_bytes() == whole
