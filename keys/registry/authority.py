"""Who must have signed a statement: thresholds of roots, one good key, and each new key.

Source: keys/README.md, "Who signs what".
"""

from collections.abc import Sequence

from keys.errors import RejectedError
from keys.registry.statement import RootPair, RootSet
from keys.tlog.note import Note, VerifierKey, verify_note


def verify_authority(
    note: Note,
    roots: Sequence[RootSet],
    proofs: Sequence[VerifierKey],
    *,
    any_of: Sequence[VerifierKey] = (),
) -> None:
    """Verify that everyone signed ``note`` who must.

    Each threshold of ``roots``, all of ``proofs``, and, without roots, one of ``any_of``. Distinct
    keys count, a root only with both its signatures. A line of any other key is refused: a registry
    entry has no room for bytes that nobody vouches for.
    Raises RejectedError ``threshold_not_met``, ``signature_missing``, ``signature_unknown`` or
    ``signature_invalid``.
    """
    known = {key for root in roots for pair in root.pairs for key in _both(pair)}
    known.update(proofs, any_of)
    signed_by = verify_note(note, known).signed_by
    if len(signed_by) != len(note.signatures):
        raise RejectedError(
            "signature_unknown", "the statement bears a signature of a key that has no say in it"
        )
    for root in roots:
        count = sum(signed_by.issuperset(_both(pair)) for pair in root.pairs)
        if count < root.threshold:
            raise RejectedError(
                "threshold_not_met",
                f"{count} of the {root.threshold} root signatures needed are there; a root signs "
                "with both its keys",
            )
    if not signed_by.issuperset(proofs):
        raise RejectedError(
            "signature_missing", "each key that a statement brings must sign it itself"
        )
    if not roots and signed_by.isdisjoint(any_of):
        raise RejectedError(
            "signature_missing", "no sign key of the member that is good then signed this"
        )


def _both(pair: RootPair) -> tuple[VerifierKey, VerifierKey]:
    return pair.classical, pair.post_quantum
