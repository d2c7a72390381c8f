"""The table of entry kinds in SPEC says what there is, and what nobody writes yet."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import gateway
from gateway.protocol.audit import EntryKind

GATEWAY = Path(gateway.__file__).parent
_ROW = re.compile(r"\| `([a-z_.]+)`( °)? \|")


def rows() -> dict[str, bool]:
    """Return the kinds of SPEC's table, and whether each is said to have no writer."""
    spec = (GATEWAY / "protocol" / "SPEC.md").read_text()
    table = spec.partition("| kind | digests, in order |")[2].partition("\n\n")[0]
    found = (_ROW.match(line) for line in table.splitlines())
    return {row[1]: row[2] is not None for row in found if row is not None}


def written() -> Iterator[str]:
    """Yield the kinds that something makes an entry of."""
    sources = [*(GATEWAY / "services").rglob("*.py"), *(GATEWAY / "cli").rglob("*.py")]
    for source in [*sources, GATEWAY / "workers.py"]:
        for node in ast.walk(ast.parse(source.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("entry"):
                yield from _kinds(node)
            elif isinstance(node, ast.Assign) and "kind" in ast.unparse(node.targets[0]):
                yield from _kinds(node.value)


def _kinds(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "EntryKind":
            yield EntryKind[node.attr].value


def test_spec_lists_every_kind_and_marks_those_without_a_writer() -> None:
    """In the order of the code; a mark goes when the first writer comes."""
    assert list(rows()) == [kind.value for kind in EntryKind]
    made = set(written())
    assert {kind for kind, waits in rows().items() if waits} == set(rows()) - made
