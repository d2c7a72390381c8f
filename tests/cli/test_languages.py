"""Every text that an officer sees exists in English and in French; what does not is named here.

Officers use the commands ``case``, ``inbox``, ``message``, ``attachment``, ``kinds``, ``codes`` and
those of a region and of operations; ``demo`` is told to anybody.
Theirs are the labels of contents, code lists, states, tasks, flags, faults, what these commands
print and ask, and every refusal that a call of theirs may end in. Help and usage errors are in
both languages for everybody (``test_page.py``, ``test_usage.py``), and so are ``status`` and
``doctor`` (``test_doctor.py``). Not theirs, and English alone: what is for who runs a node (logs,
and what the other commands print where they do not say otherwise), and the details in JSON.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.cases.fields.labels import Label
from gateway.cases.kinds import ALL_KINDS
from gateway.cases.listing import code_list, list_names
from gateway.cases.threads.clocks import Task
from gateway.cases.threads.thread import State
from gateway.cases.threads.wording import FLAGS, STANDS, STATES, TASKS
from gateway.cli.app import run
from gateway.cli.casework import message_words
from gateway.cli.french import (
    auditing,
    cases,
    keys,
    messages,
    nodes,
    regions,
    registry,
    shared,
)
from gateway.cli.member_words import ROLES
from gateway.cli.status_words import status_fields
from gateway.cli.terminal.console import _FRENCH as HEADINGS
from gateway.cli.terminal.console import show_table
from gateway.cli.terminal.french import HELP
from gateway.cli.terminal.refusals import REFUSALS
from gateway.fault_sentences import SENTENCES
from gateway.store.attached import AttachmentState
from gateway.store.drafts import DraftState
from gateway.store.outbox.states import OutboxState
from keys.registry.statement import MemberRole
from tests.cli.test_doctor import STATUS
from tests.cli.test_page import everything, walk

GATEWAY = Path(__file__).parents[2] / "gateway"
TABLES = (auditing, cases, keys, messages, nodes, regions, registry, shared)
"""The modules with the French of help."""
ENGLISH = {
    "Usage:", "Options:", "Arguments:", "Commands:", "COMMAND ", "required", "default", "variable:",
    "Show this", "<", ">", " TEXT ", " FILE", " FOLDER",
}  # fmt: skip
"""What stands in the frame of an English page, or stood in that of typer."""
COMMON = {"the", "of", "and", "its", "with", "what", "is", "or", "that", "from", "whose"}
COMMANDS = (
    "cli/casework/*.py", "cli/forms/*.py", "cli/demo/*.py", "cli/case.py", "cli/inbox.py",
    "cli/message.py", "cli/attachment.py", "cli/kinds.py", "cli/codes.py", "cli/operation.py",
    "cli/region.py", "cli/trends.py", "cli/events.py", "cli/event_words.py", "cli/statistics.py",
    "cli/terminal/naming.py", "cli/terminal/line.py", "cli/terminal/asking.py",
    "cli/terminal/page.py", "cli/member.py", "cli/member_words.py", "cli/status.py",
    "cli/status_words.py", "cli/doctor.py", "cli/doctor_words.py", "cli/outbox.py",
    "cli/medium.py", "cli/medium_words.py",
)  # fmt: skip
"""What prints for officers."""
REACHED = (
    *COMMANDS, "cases/*.py", "services/caller.py", "services/turnstile.py",
    "services/casework/*.py", "services/events/*.py", "services/tokens.py",
    "services/statistics.py", "network/callers.py", "services/handling/*.py",
    "services/regions/*.py",
    "services/sending/drafting.py",
    "services/sending/passing.py", "services/sending/exchange.py", "services/sending/recording.py",
    "services/sending/holding.py", "services/sending/release_gate.py",
    "services/sending/releasing.py", "services/receiving/drafts.py",
    "services/sending/submission.py", "services/receiving/inbox.py",
    "services/blobs/attachments.py", "network/requests.py", "protocol/message.py",
)  # fmt: skip
"""What an officer's call passes through, and where it may be refused."""
DEEPER = {"registry_stale", "storage_key_missing"}
"""What may end it further down, where most refusals are of no officer's call."""
SAME = {"message", "code", "version"}
"""Headings that are the same word in both languages."""
PRINTING = {
    "say", "tell", "note", "read", "confirm", "echo", "write", "prompt", "show_fields", "quote",
    "begin", "late",
}  # fmt: skip
ERRORS = {"RejectedError", "ForbiddenError", "ConflictError", "UnavailableError"}


def trees(*patterns: str) -> Iterator[tuple[Path, ast.Module]]:
    """Yield the modules of the gateway that patterns name."""
    for pattern in patterns:
        for path in sorted(GATEWAY.glob(pattern)):
            yield path, ast.parse(path.read_text(encoding="utf-8"))


def calls(tree: ast.Module) -> Iterator[tuple[str, ast.Call]]:
    """Yield the calls of a module with the last part of what is called."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func).rpartition(".")[2], node


def places(text: str) -> set[str]:
    """Return the names of values that a text is filled with."""
    return set(re.findall(r"{(\w*)", text))


def test_every_label_has_both_languages_and_the_same_values() -> None:
    """Wherever one is written, in the catalogue or by a command."""
    found = 0
    for path, tree in trees("**/*.py"):
        for name, call in calls(tree):
            if name != "Label" or not all(isinstance(one, ast.Constant) for one in call.args):
                continue
            en, fr = (str(one.value) for one in call.args if isinstance(one, ast.Constant))
            assert en.strip(), path
            assert fr.strip(), (path, en)
            assert places(en) == places(fr), (path, en)
            found += 1
    assert found > 300


@pytest.mark.parametrize("name", ALL_KINDS)
def test_every_field_and_kind_has_both_labels(name: str) -> None:
    """In the schema that forms are made of."""
    kind = ALL_KINDS[name]
    assert kind.label.en
    assert kind.label.fr

    def fields(schema: Any) -> Iterator[dict[str, Any]]:
        if isinstance(schema, dict):
            yield from schema.get("properties", {}).values()
            for part in schema.values():
                yield from fields(part)

    english, french = kind.schema("en"), kind.schema("fr")
    for part in (english, french):
        assert all(field["title"] and field["x-title-fr"] for field in fields(part))


@pytest.mark.parametrize("name", list_names())
def test_every_code_has_both_labels(name: str) -> None:
    """Of every list, those of ISO too."""
    assert all(label.en and label.fr for label in code_list(name).values())


def test_every_state_has_its_words() -> None:
    """Of threads and of transport; tasks and flags; faults with the same values in both."""
    assert (set(STATES), set(STANDS), set(TASKS)) == (set(State), set(State), set(Task))
    assert FLAGS
    assert set(ROLES) == set(MemberRole)
    transport = {str(state) for state in (*OutboxState, *AttachmentState, *DraftState)}
    assert transport | {"received", "acknowledged"} <= set(message_words.STATES)
    for code, (english, french) in SENTENCES.items():
        assert english, code
        assert french, code
        assert places(english) == places(french), code


def test_nothing_is_printed_that_is_not_a_label() -> None:
    """Literal words in what commands of officers print or ask; headings stand in the table."""
    bare = []
    for path, tree in trees(*COMMANDS):
        for name, call in calls(tree):
            if name in PRINTING:
                known = SAME | set(HEADINGS)
                bare += [(path.name, word) for word in words_of(call) if word not in known]
    assert not bare


def test_every_heading_is_in_the_table() -> None:
    """Those of operators too: they read the same lists."""
    bare = [
        (path.name, word)
        for path, tree in trees("cli/**/*.py")
        for name, call in calls(tree)
        if name == "show_table"
        for word in words_of(call.args[0])
        if word not in HEADINGS and word not in SAME
    ]
    assert not bare
    assert set(status_fields(STATUS)) - set(HEADINGS) == set()


def test_a_list_without_rows_says_so(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Headings alone leave open whether anything went wrong; no line ends in spaces."""
    show_table(["member", "state"], [])
    assert capsys.readouterr().out == "Nothing to show.\n"
    show_table(["member", "state"], [("XA", ""), ("XB", "late")])
    assert capsys.readouterr().out == "member  state\nXA\nXB      late\n"
    monkeypatch.setenv("LC_ALL", "fr_FR.UTF-8")
    show_table(["due", "state"], [])
    show_table(["due", "state"], [("now", "late")])
    nothing, headings, _ = capsys.readouterr().out.splitlines()
    assert nothing == "Rien à afficher."
    assert headings.split() == ["échéance", "état"]


def words_of(node: ast.AST) -> Iterator[str]:
    """Yield literals with letters that would be printed as they are: not keys, not arguments."""
    if isinstance(node, ast.Constant):
        if isinstance(node.value, str) and re.search(r"[^\W\d_]{2}", node.value):
            yield node.value
    elif isinstance(node, ast.Call):
        name = ast.unparse(node.func).rpartition(".")[2]
        if name in PRINTING or name == "join":
            for inner in node.args:
                yield from words_of(inner)
    elif isinstance(node, ast.FormattedValue):
        yield from words_of(node.value)
    elif isinstance(node, ast.IfExp):
        yield from words_of(node.body)
        yield from words_of(node.orelse)
    elif isinstance(node, ast.JoinedStr | ast.BinOp | ast.List | ast.Tuple | ast.BoolOp | ast.Dict):
        for inner in ast.iter_child_nodes(node):
            yield from words_of(inner)


def test_every_refusal_that_reaches_an_officer_has_its_sentence() -> None:
    """By its code, wherever it is raised on the way of an officer's call."""
    named = {
        target.id: node.value.value
        for _, tree in trees("**/*.py")
        for node in tree.body
        if isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(node.value, ast.Constant)
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        if isinstance(target, ast.Name)
    }
    codes = set(DEEPER)
    for _, tree in trees(*REACHED):
        for name, call in calls(tree):
            if name in ERRORS and call.args:
                code = call.args[0]
                if isinstance(code, ast.Constant):
                    codes.add(code.value)
                elif isinstance(code, ast.Name) and code.id in named:
                    codes.add(named[code.id])
    assert codes - set(REFUSALS) == set()
    assert all(REFUSALS.values())


def test_every_help_has_its_french() -> None:
    """Of all commands, arguments and options, those that are made of the catalogue too."""
    texts = {text for _, command in walk(everything()) for text in helps(command)}
    assert len(texts) > 300
    assert texts - set(HELP) == set()


def test_no_help_is_worded_twice_or_for_nothing() -> None:
    """Each text stands in one table, for what somebody may read."""
    written = [text for table in TABLES for text in table.HELP]
    used = {text for _, command in walk(everything()) for text in helps(command)}
    assert len(written) == len(set(written))
    assert set(written) - used == {"Show this message and exit."}  # typer's own option


def test_no_page_in_french_has_english_left(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing of the frame, no word that any English sentence has, no type of the code."""
    monkeypatch.setenv("LC_ALL", "fr_FR.UTF-8")
    pages = {}
    for path, _ in walk(everything()):
        assert run([*path, "--help"]) == 0
        pages[path] = capsys.readouterr().out
    assert len(pages) > 100
    for path, shown in pages.items():
        assert shown.startswith("Usage : liaison "), path
        assert not {word for word in ENGLISH if word in shown}, path
        assert not set(re.findall(r"(?<![\w-])[a-z]+(?![\w-])", shown)) & COMMON, path


def helps(command: Any) -> Iterator[str]:
    """Yield the help of a command and its parameters."""
    yield command.help
    for parameter in command.params:
        yield parameter.help


def test_labels_speak_one_language_at_a_time() -> None:
    """French for French, English for everything else."""
    label = Label("yes", "oui")
    assert [label.text(name) for name in ("fr", "en", "de")] == ["oui", "yes", "yes"]
