"""Root key files: drawn where no network is, found again, and unlocked to sign.

A set is one file for each key, and a public one from which both the set and its commitment follow.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gateway.cli.terminal.options import PASSPHRASE_OF, passphrase
from gateway.errors import RejectedError, UnavailableError
from keys import rootfile
from keys.private import write_private
from keys.registry.draft import root_name, root_pair
from keys.registry.rootset import MAX_ROOT_SET_BYTES, PublicRoots, parse_root_set
from keys.registry.statement import REGISTRY, RootSet
from keys.registry.view import View
from keys.rootfile import RootKey
from keys.slot import Cost
from keys.suite import Entropy, MemberId

OFFLINE = "offline"
"""The folder of a new node from which its root keys are to be moved away."""
MOST_ROOTS = 7
"""So many of a member and of the registrars sign one statement and leave room for what it says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RootPlan:
    """Of how many root keys a member needs how many."""

    count: int = 1
    threshold: int = 1

    def __post_init__(self) -> None:
        """Raise RejectedError ``threshold_too_large``."""
        if self.threshold > self.count:
            raise RejectedError(
                "threshold_too_large", "the threshold is at most the number of root keys"
            )


def draw_set(
    place: Path,
    federation: str,
    member: MemberId,
    generation: int,
    plan: RootPlan,
    *,
    passphrases: Sequence[bytes],
    cost: Cost,
    entropy: Entropy,
) -> tuple[list[RootKey], PublicRoots]:
    """Make a root set in ``place``; the public file comes last, when all its keys are durable.

    Raises FileExistsError: it never overwrites.
    """
    public = public_file(place, member, generation)
    if public.exists():
        raise FileExistsError(17, "File exists", str(public))
    drawn = [
        rootfile.draw(
            key_file(place, member, generation, number),
            root_name(federation, member),
            secret,
            cost=cost,
            entropy=entropy,
        )
        for number, secret in enumerate(passphrases, 1)
    ]
    pairs = tuple(root_pair(key) for key in drawn)
    shown = PublicRoots(federation=federation, member=member, root=RootSet(plan.threshold, pairs))
    write_private(public, shown.encode())
    return drawn, shown


def key_file(place: Path, member: MemberId, generation: int, number: int) -> Path:
    """Return where a root key of a set is kept."""
    return place / f"{member}.root-{generation}-{number}.key"


def public_file(place: Path, member: MemberId, generation: int) -> Path:
    """Return where the public file of a set is kept."""
    return place / f"{member}.root-{generation}.pub"


def read_public(file: Path) -> PublicRoots:
    """Read the public file of a root set. Raises RejectedError ``root_set_malformed``."""
    with file.open("rb") as opened:
        return parse_root_set(opened.read(MAX_ROOT_SET_BYTES + 1))


def unlock_roots(files: Sequence[Path], secrets: Sequence[Path]) -> list[RootKey]:
    """Unlock root keys: with one passphrase file for all, one for each, or by asking for each.

    Raises as ``keys.rootfile.read``, and RejectedError ``passphrases_unmatched``.
    """
    if len(secrets) not in (0, 1, len(files)):
        raise RejectedError(
            "passphrases_unmatched", "name one --passphrase-file for all keys, or one for each"
        )
    each: Sequence[Path | None] = secrets if len(secrets) == len(files) else [*secrets] or [None]
    paired = zip(files, [*each] * len(files), strict=False)
    return [_unlock(file, secret) for file, secret in paired]


def keys_at_hand(folder: Path, view: View) -> list[Path]:
    """Return as many of the registrars' keys as must sign, if they still lie beside their node."""
    root = view.members[REGISTRY].root
    for public in sorted((folder / OFFLINE).glob(f"{REGISTRY}.root-*.pub")):
        if read_public(public).root == root:
            files = sorted(public.parent.glob(f"{public.stem}-*.key"))
            return files[: root.threshold]
    return []


def _unlock(file: Path, secret: Path | None) -> RootKey:
    try:
        return rootfile.read(
            file, passphrase(secret, prompt=PASSPHRASE_OF, name=file.name), entropy=os.urandom
        )
    except UnavailableError as fault:
        if fault.code != "keyfile_missing":
            raise
        raise UnavailableError("root_key_missing", f"there is no root key at {file}") from fault
