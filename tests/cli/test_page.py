from collections.abc import Iterator
from typing import Annotated, Any

import pytest
import typer
from typer.main import get_command

from gateway.cli.app import commands, run
from gateway.cli.terminal.page import frame
from gateway.cli.terminal.showing import offer_token_file
from gateway.cli.terminal.values import WORDS, value_name
from gateway.errors import UnavailableError

FRENCH, ENGLISH = "fr_FR.UTF-8", "en_US.UTF-8"


def everything() -> Any:
    """Return all commands, as ``liaison`` makes them."""
    whole = get_command(commands())
    offer_token_file(whole)
    frame(whole)
    return whole


def walk(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield a command and all that is under it, with what is typed for it."""
    yield path, command
    for name, inner in getattr(command, "commands", {}).items():
        yield from walk(inner, (*path, name))


def page(*arguments: str, capsys: pytest.CaptureFixture[str]) -> str:
    """Return the help page of a command."""
    assert run([*arguments, "--help"]) == 0
    return capsys.readouterr().out


def made(spoken: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> str:
    """Return the page of a command that has one of everything."""
    app = typer.Typer(rich_markup_mode=None, add_completion=False)

    @app.command()
    def send(  # noqa: PLR0917 - one of everything
        case: Annotated[str, typer.Argument(help="The case.")],
        to: Annotated[list[str], typer.Option(help="Whom to ask; may be repeated.")],
        file: Annotated[list[str] | None, typer.Argument(help="The file.", metavar="FILE")] = None,
        most: Annotated[int, typer.Option(max=9, show_default=False)] = 3,
        limit: Annotated[int, typer.Option(help="At most so many.", min=1, max=5)] = 4,
        wait: Annotated[int | None, typer.Option(min=0, envvar="WAITED")] = None,
        copy: Annotated[bool, typer.Option()] = True,
        yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
        secret: Annotated[bool, typer.Option("--secret", hidden=True)] = False,
    ) -> None:
        """Send it. Then wait.

        Further down.
        """
        raise UnavailableError(*map(str, (case, to, file, most, limit, wait, copy, yes, secret)))

    command = get_command(app)
    frame(command)
    monkeypatch.setenv("LC_ALL", spoken)
    assert command.main(["--help"], prog_name="liaison", standalone_mode=False) == 0
    return capsys.readouterr().out.replace("\N{NO-BREAK SPACE}", " ")


def test_a_page_tells_everything_there_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Usage, arguments and options with their words and marks; what is hidden stays so."""
    assert made(ENGLISH, monkeypatch, capsys) == (
        "Usage: liaison [OPTIONS] CASE [FILE...]\n\n"
        "  Send it. Then wait.\n\n"
        "  Further down.\n\n"
        "Arguments:\n"
        "  CASE     The case.  [required]\n"
        "  FILE...  The file.\n\n"
        "Options:\n"
        "  --to MEMBER         Whom to ask; may be repeated.  [required]\n"
        "  --most COUNT        [9 or less]\n"
        "  --limit COUNT       At most so many.  [default: 4; 1 to 5]\n"
        "  --wait SECONDS      [variable: WAITED; 0 or more]\n"
        "  --copy / --no-copy  [default: --copy]\n"
        "  --yes               Do not ask.\n"
        "  --help              Show this message and exit.\n"
    )


def test_a_page_is_french_where_the_locale_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The frame, the words for values and the marks; what nobody translated stays."""
    shown = made(FRENCH, monkeypatch, capsys)
    lines = [" ".join(line.split()) for line in shown.splitlines() if line]
    assert lines == [
        "Usage : liaison [OPTIONS] DOSSIER [FICHIER...]",
        "Send it. Then wait.",
        "Further down.",
        "Arguments :",
        "DOSSIER Le dossier. [obligatoire]",
        "FICHIER... Le fichier.",
        "Options :",
        "--to MEMBRE À qui demander ; peut se répéter. [obligatoire]",
        "--most NOMBRE [9 ou moins]",
        "--limit NOMBRE Au plus ce nombre. [par défaut : 4 ; de 1 à 5]",
        "--wait SECONDES [variable : WAITED ; 0 ou plus]",
        "--copy / --no-copy [par défaut : --copy]",
        "--yes Ne pas demander.",
        "--help Afficher cette page.",
    ]


def test_a_noun_lists_its_verbs_by_their_first_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whole, over as many lines as it takes."""
    monkeypatch.setenv("LC_ALL", ENGLISH)
    shown = page("message", capsys=capsys)
    assert shown.startswith("Usage: liaison message [OPTIONS] COMMAND [ARGUMENTS]...\n")
    assert "Open a message.\n" in shown
    assert "Reading is recorded" not in shown
    assert "..." not in shown.partition("\n")[2]


@pytest.mark.parametrize("spoken", ["en", "fr"])
def test_every_value_has_a_word_for_people(spoken: str) -> None:
    """No type of the code; and every word is one of the table, or a list of choices."""
    words = {label.text(spoken) for label in WORDS}
    for path, command in walk(everything()):
        for parameter in command.params:
            shown = value_name(parameter, spoken)
            assert shown in words or "|" in shown, (path, parameter.name)


def test_every_argument_of_a_command_is_called_differently() -> None:
    """So that usage and errors say which one is meant."""
    for path, command in walk(everything()):
        named = [value_name(one, "en") for one in command.params if not one.opts[0].startswith("-")]
        kinds = [name for name in named if name != "FILE"]  # ``evidence split-view`` takes two
        assert len(kinds) == len(set(kinds)), path
