import errno
import sys
from pathlib import Path

import pytest
import typer

from gateway.__main__ import main
from gateway.cli.app import run
from gateway.cli.terminal.usage import FILES, file_error, usage_error

LOCALES = {"en": "en_US.UTF-8", "fr": "fr_FR.UTF-8"}
CASE = ["case", "reply", "XA-1"]
USES = "sign, seal, log, witness, tls, storage, root, all"
TYPED: list[tuple[list[str], str, str, str | None]] = [
    (
        ["--bogus"],
        "there is no option --bogus here",
        "il n'y a pas d'option --bogus ici",
        "",
    ),
    (
        [*CASE, "--hands", "x"],
        "there is no option --hands here: did you mean --handling?",
        "il n'y a pas d'option --hands ici : vouliez-vous dire --handling ?",
        "case reply",
    ),
    (["-x"], "there is no option -x here", "il n'y a pas d'option -x ici", ""),
    (
        ["bogus"],
        "there is no command 'bogus' here",
        "il n'y a pas de commande 'bogus' ici",
        "",
    ),
    (
        ["statuz"],
        "there is no command 'statuz' here: did you mean 'status'?",
        "il n'y a pas de commande 'statuz' ici : vouliez-vous dire 'status' ?",
        "",
    ),
    (["--"], "a command is missing", "il manque une commande", ""),
    (
        ["case", "show"],
        "CASE is missing. The case.",
        "il manque DOSSIER. Le dossier.",
        "case show",
    ),
    (
        ["case", "open", "request.x"],
        "--to MEMBER is missing. Whom to ask; may be repeated.",
        "il manque --to MEMBRE. À qui demander ; peut se répéter.",
        "case open",
    ),
    (
        ["case", "show", "A", "B", "C"],
        "this is too much: B C",
        "ceci est de trop : B C",
        "case show",
    ),
    (
        [*CASE, "--wait", "soon"],
        "--wait takes a whole number (0 or more), not 'soon'",
        "--wait prend un nombre entier (0 ou plus), non 'soon'",
        "case reply",
    ),
    (
        ["inbox", "list", "--limit", "501"],
        "--limit takes a whole number (1 to 500), not '501'",
        "--limit prend un nombre entier (de 1 à 500), non '501'",
        "inbox list",
    ),
    (
        ["init", "--port", "web"],
        "--port takes a whole number (1 to 65535), not 'web'",
        "--port prend un nombre entier (de 1 à 65535), non 'web'",
        "init",
    ),
    (
        [*CASE, "--tlp", "PINK"],
        "--tlp takes one of CLEAR, GREEN, AMBER, AMBER+STRICT, RED, not 'PINK'",
        "--tlp prend une valeur parmi CLEAR, GREEN, AMBER, AMBER+STRICT, RED, non 'PINK'",
        "case reply",
    ),
    (
        [*CASE, "--handling", "H0", "--handling", "H9"],
        "--handling takes one of H0, H1, H2, H3, not 'H9'",
        "--handling prend une valeur parmi H0, H1, H2, H3, non 'H9'",
        "case reply",
    ),
    (
        ["key", "rotate", "\x1b[2J"],
        rf"USE takes one of {USES}, not '\x1b[2J'",
        rf"USAGE prend une valeur parmi {USES}, non '\x1b[2J'",
        "key rotate",
    ),
    (
        [*CASE, "--file", "/none"],
        "--file: '/none' does not exist",
        "--file : '/none' n'existe pas",
        "case reply",
    ),
    (
        [*CASE, "--file", "/"],
        "--file: '/' is a folder, no file",
        "--file : '/' est un répertoire, non un fichier",
        "case reply",
    ),
    (
        ["member", "admit", "/none"],
        "FILE: '/none' does not exist",
        "FICHIER : '/none' n'existe pas",
        "member admit",
    ),
    ([*CASE, "--wait"], "--wait needs a value after it", "--wait demande une valeur ensuite", None),
    ([*CASE, "--json=1"], "--json takes no value", "--json ne prend pas de valeur", None),
]
"""What somebody types, what is said of it, and whose help is named, where typer knows whose."""


@pytest.mark.parametrize("spoken", LOCALES)
@pytest.mark.parametrize("case", TYPED, ids=lambda case: " ".join(case[0]).strip("\x1b"))
def test_a_usage_error_is_one_sentence_in_the_language_of_the_locale(
    case: tuple[list[str], str, str, str | None],
    spoken: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """It names what is wrong and where to read on; nothing is done, and the code says usage."""
    typed, english, french, command = case
    monkeypatch.setenv("LC_ALL", LOCALES[spoken])
    assert run(typed) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    first, *rest = shown.err.splitlines()
    assert first == f"liaison: {french if spoken == 'fr' else english}"
    see = "Voir :" if spoken == "fr" else "See:"
    path = " ".join(["liaison", *(command or "").split()])
    assert rest == ([] if command is None else [f"  {see} {path} --help"])


@pytest.mark.parametrize("spoken", LOCALES)
def test_a_noun_alone_shows_its_page(
    spoken: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As --help does, but as an error."""
    monkeypatch.setenv("LC_ALL", LOCALES[spoken])
    assert run(["case", "--help"]) == 0
    asked = capsys.readouterr().out
    assert run(["case"]) == 2
    shown = capsys.readouterr()
    assert (shown.out, shown.err) == ("", asked)


@pytest.mark.parametrize("spoken", LOCALES)
def test_an_error_that_nobody_knows_is_shown_as_it_is(spoken: str) -> None:
    """Rather in the words of typer than not at all."""
    assert usage_error(typer.TyperException("Odd."), spoken) == "liaison: Odd."
    assert usage_error(typer.BadParameter("Odd."), spoken) == "liaison: Odd."
    named = typer.BadParameter("Odd.", param_hint="--odd")
    assert usage_error(named, "en") == "liaison: --odd: Odd."


def test_a_file_that_may_not_be_used_is_told_as_the_others() -> None:
    """What root may read all the same, so that no command is run for it."""
    for what, english, french in (
        ("readable", "you may not read 'x'", "vous ne pouvez pas lire 'x'"),
        ("writable", "you may not write 'x'", "vous ne pouvez pas écrire 'x'"),
    ):
        fault = typer.BadParameter(f"file 'x' is not {what}.", param_hint="--out")
        assert usage_error(fault, "en") == f"liaison: --out: {english}"
        assert usage_error(fault, "fr") == f"liaison: --out : {french}"
    told = typer.BadParameter("dir 'x' is a file.", param_hint="--dir")
    assert usage_error(told, "fr") == "liaison: --dir : 'x' est un fichier, non un répertoire"


@pytest.mark.parametrize(
    ("number", "english", "french"),
    [
        (errno.ENOENT, "x does not exist", "x n'existe pas"),
        (errno.EEXIST, "x exists already", "x existe déjà"),
        (errno.EACCES, "you may not open x", "vous ne pouvez pas ouvrir x"),
        (errno.EISDIR, "x is a folder, no file", "x est un répertoire, non un fichier"),
        (errno.ENOTDIR, "x would be in a file", "x serait dans un fichier"),
    ],
)
def test_a_file_that_fails_under_way_is_named(number: int, english: str, french: str) -> None:
    """By what is wrong with it, and nothing of errno."""
    fault = OSError(number, "in the words of the system", "x")
    assert isinstance(fault, tuple(FILES))
    assert file_error(fault, "en") == f"liaison: {english}"
    assert file_error(fault, "fr") == f"liaison: {french}"


def test_a_file_that_cannot_be_read_ends_a_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As a mistake of usage, without a traceback."""
    monkeypatch.setenv("LC_ALL", LOCALES["fr"])
    file = tmp_path / "statement"
    file.touch()
    below = file / "below"
    for given, told in ((tmp_path / "none", "n'existe pas"), (below, "serait dans un fichier")):
        assert run(["statement", "show", str(given)]) == 2
        assert capsys.readouterr().err == f"liaison: {given} {told}\n"


@pytest.mark.parametrize("spoken", LOCALES)
@pytest.mark.parametrize("typed", ["--bogus", "--no-ask", "--dir", "more", "--ask=1"])
def test_serve_refuses_what_it_does_not_take_as_any_command(
    typed: str, spoken: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It begins without the command line, which says what is wrong."""
    monkeypatch.setenv("LC_ALL", LOCALES[spoken])
    monkeypatch.setattr(sys, "argv", ["liaison", "serve", typed])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("liaison: ")
    assert run(["serve", typed]) == 2
    assert capsys.readouterr().err == shown.err
