"""The public file of a root set: what its member shows of it, and commits to, without the keys.

Text, one item a line, the keys as they stand in a statement:

    <federation>/roots/v1
    member <member id>
    root <threshold> <count>        then, for each: rootkey <Ed25519 vkey> <ML-DSA-44 vkey>

Source: keys/README.md, "Root keys".
"""

import re
from dataclasses import dataclass

from keys.errors import RejectedError
from keys.registry.statement import NextSet, RootPair, RootSet, key_name
from keys.suite import KeyUse, MemberId, parse_member_id
from keys.tlog.note import ED25519, ML_DSA_44, VerifierKey

MAX_ROOT_SET_BYTES = 100_000
_TITLE = re.compile(r"([a-z0-9][a-z0-9.-]{0,61}[a-z0-9])/roots/v1\Z")
_COUNTS = re.compile(r"root ([1-9][0-9]?) ([1-9][0-9]?)\Z")
_MOST_ROOTS = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicRoots:
    """A root set with the federation and the member that it was drawn for."""

    federation: str
    member: MemberId
    root: RootSet

    @property
    def coming(self) -> NextSet:
        """The set by commitment: what a statement says of it before it is shown."""
        return NextSet(self.root.threshold, tuple(pair.commitment for pair in self.root.pairs))

    def encode(self) -> bytes:
        """Return the file: the only way to write it."""
        lines = [
            f"{self.federation}/roots/v1",
            f"member {self.member}",
            f"root {self.root.threshold} {len(self.root.pairs)}",
            *(
                f"rootkey {pair.classical.text} {pair.post_quantum.text}"
                for pair in self.root.pairs
            ),
            "",
        ]
        return "\n".join(lines).encode()


def parse_root_set(encoded: bytes) -> PublicRoots:
    """Read the public file of a root set.

    Raises RejectedError ``root_set_malformed``, ``vkey_malformed`` or ``member_id_malformed``.
    """
    try:
        title, member, counts, *keys = encoded[:MAX_ROOT_SET_BYTES].decode("ascii").split("\n")
    except ValueError as fault:
        raise _malformed() from fault
    named, counted = _TITLE.match(title), _COUNTS.match(counts)
    if named is None or counted is None or not member.startswith("member "):
        raise _malformed()
    threshold, count = int(counted[1]), int(counted[2])
    found = PublicRoots(
        federation=named[1],
        member=parse_member_id(member.removeprefix("member ")),
        root=RootSet(threshold, tuple(_pair(line) for line in keys if line)),
    )
    name = key_name(found.federation, found.member, KeyUse.ROOT)
    shown = {key for pair in found.root.pairs for key in (pair.classical, pair.post_quantum)}
    fits = threshold <= count == len(found.root.pairs) <= _MOST_ROOTS and len(shown) == 2 * count
    if not fits or any(key.name != name for key in shown) or found.encode() != encoded:
        raise _malformed()
    return found


def _pair(line: str) -> RootPair:
    match line.split(" "):
        case ["rootkey", first, second]:
            pair = RootPair(VerifierKey.parse(first), VerifierKey.parse(second))
            if (pair.classical.algorithm, pair.post_quantum.algorithm) == (ED25519, ML_DSA_44):
                return pair
    raise _malformed()


def _malformed() -> RejectedError:
    return RejectedError(
        "root_set_malformed",
        "this is no public file of a root set, as liaison key root new writes it",
    )
