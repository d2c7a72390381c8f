"""Replay a stored registry from its anchor, and say in words what was found.

Works beside a running daemon or without one; needs no key.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from gateway.errors import LiaisonError
from gateway.services.federation.registry_heads import check_head
from keys.registry.grammar import parse_statement
from keys.registry.view import View, advance, found
from keys.suite import DIGEST_BYTES
from keys.tlog.checkpoint import parse_checkpoint
from keys.tlog.split_view import SplitView

STATEMENTS_A_STEP = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryReport:
    """What a replay found; ``fault`` is empty where everything holds."""

    statements: int
    """How many statements hold, from the first on."""
    stored: int
    kinds: dict[str, int]
    members: int
    newest_at: int
    root: bytes
    fault: str


def check_registry(notes: Sequence[bytes], head: bytes, anchor: bytes) -> RegistryReport:
    """Fold every statement from the anchor on, and hold the signed head against the outcome."""
    view, held, fault = _replay(notes, anchor)
    if view is not None and not fault:
        try:
            check_head(view, head)
        except LiaisonError as reason:
            fault = f"the head over the statements does not hold: {reason.detail}"
    statements = [parse_statement(note).statement for note in notes[:held]]
    return RegistryReport(
        statements=held,
        stored=len(notes),
        kinds=dict(Counter(item.kind.value for item in statements)),
        members=0 if view is None else len(view.members),
        newest_at=statements[-1].at if statements else 0,
        root=bytes(DIGEST_BYTES) if view is None else view.head.root,
        fault=fault,
    )


def _replay(notes: Sequence[bytes], anchor: bytes) -> tuple[View | None, int, str]:
    """Return the view, how many statements hold, and why the next one does not."""
    if not notes:
        return None, 0, "nothing of the registry is stored"
    try:
        view = found(notes[0], anchor)
    except LiaisonError as reason:
        return None, 0, f"statement 0 does not hold: {reason.detail}"
    held, step = 1, STATEMENTS_A_STEP
    while held < len(notes):
        try:
            view = advance(view, notes[held : held + step])
        except LiaisonError as reason:
            if step == 1:
                return view, held, f"statement {held} does not hold: {reason.detail}"
            step = 1  # somewhere in this step: look closely
            continue
        held = min(held + step, len(notes))
    return view, held, ""


def portable(head_a: bytes, head_b: bytes, proof: bytes | None) -> SplitView | None:
    """Return a stored split view as a proof that stands alone; None where leaves were missing."""
    if proof is not None:
        hashes = [proof[at : at + DIGEST_BYTES] for at in range(0, len(proof), DIGEST_BYTES)]
        return SplitView(head_a, head_b, hashes[0], tuple(hashes[1:]))
    first, second = parse_checkpoint(head_a), parse_checkpoint(head_b)
    return SplitView(head_a, head_b, second.root, ()) if first.size == second.size else None
