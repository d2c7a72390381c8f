"""Two heads of one log that exclude each other: of the registry, or of any member's audit log.

Either one file that proves it (``keys.tlog.split_view``), or two files that each show a head of the
same size. Source: SPEC "Evidence", "A split view".
"""

from collections.abc import Iterator
from dataclasses import dataclass

from gateway.errors import LiaisonError, RejectedError
from gateway.evidence.file import parse_evidence
from keys.registry.origins import registered_log_keys
from keys.registry.view import View
from keys.tlog.checkpoint import VerifiedCheckpoint, parse_checkpoint
from keys.tlog.proof import parse_proof
from keys.tlog.split_view import SplitView, parse_split_view, verify_split_view


@dataclass(frozen=True, slots=True)
class Contradiction:
    """Both heads, smaller first, once it is certain that no single log has both."""

    smaller: VerifiedCheckpoint
    larger: VerifiedCheckpoint
    shown: SplitView


def contradiction_in(encoded: bytes, view: View) -> Contradiction:
    """Return what a proof in one file comes to.

    Raises RejectedError ``split_view_malformed``, or as ``verify_split_view``.
    """
    return _proven(parse_split_view(encoded), view)


def contradiction_of(first: bytes, second: bytes, view: View) -> Contradiction:
    """Return what two files contradict each other in; each is evidence, a proof or a head.

    Raises RejectedError ``split_view_unproven`` where they show no heads of one log that have one
    size and different roots, or as ``verify_split_view``.
    """
    others = list(_heads(second))
    for head in _heads(first):
        for other in others:
            one, two = parse_checkpoint(head), parse_checkpoint(other)
            if (one.origin, one.size) == (two.origin, two.size) and one.root != two.root:
                return _proven(SplitView(head, other, two.root, ()), view)
    raise RejectedError(
        "split_view_unproven",
        "the two files show no heads of one log that have one size and different roots",
    )


def statements_in(encoded: bytes) -> tuple[bytes, ...]:
    """Return the registry that a file brings along; none where it is no evidence."""
    try:
        return parse_evidence(encoded)[0].statements
    except LiaisonError:
        return ()


def _heads(encoded: bytes) -> Iterator[bytes]:
    """Yield the heads that a file shows; none of one that does not read."""
    try:
        evidence = parse_evidence(encoded)[0]
    except LiaisonError:
        yield from _head(encoded)
        return
    yield evidence.checkpoint
    entries = [evidence.sent]
    for item in evidence.delivered:
        entries += [item.held, item.received]
    for entry in entries:
        if entry is not None:
            yield from _head(entry.proof)


def _head(encoded: bytes) -> Iterator[bytes]:
    for read in (_of_proof, _of_note):
        try:
            yield read(encoded)
        except LiaisonError:
            continue
        return


def _of_proof(encoded: bytes) -> bytes:
    return parse_proof(encoded).checkpoint


def _of_note(encoded: bytes) -> bytes:
    parse_checkpoint(encoded)
    return encoded


def _proven(shown: SplitView, view: View) -> Contradiction:
    origin = parse_checkpoint(shown.larger).origin
    keys = tuple(registered_log_keys(view, origin))
    return Contradiction(*verify_split_view(shown, origin, keys), shown)
