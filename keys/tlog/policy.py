"""Policies: whose word on a log's heads is enough, written for tools that know no registry.

Never read here: Liaison itself takes keys, witnesses and quorum from the registry.
Source: c2sp.org/tlog-policy.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from keys.suite import MemberId
from keys.tlog.cosignature import WitnessKeys
from keys.tlog.note import VerifierKey

_QUORUM = "witnesses"
_HALVES = ("ed25519", "ml-dsa-44")


def encode_policy(
    logs: Sequence[VerifierKey], witnesses: Mapping[MemberId, Sequence[WitnessKeys]], quorum: int
) -> bytes:
    """Return the policy by which ``quorum`` of the named witnesses must have cosigned a head.

    A witness counts with both keys of one of its pairs, as everywhere here. What a policy cannot
    say is from when to when a key is good. Each key of a log has the log's origin as its name; one
    that signs for two logs needs two policies: the format lets a public key stand once.
    """
    if not bool(witnesses) <= quorum <= len(witnesses) or not all(witnesses.values()):
        raise ValueError("a quorum is of the witnesses that there are, each with its keys")
    _refuse_doubles(logs)
    _refuse_doubles(key for pairs in witnesses.values() for pair in pairs for key in pair)
    lines = [f"log {key.text}" for key in logs]
    for name, pairs in witnesses.items():
        lines += _witness(name, pairs)
    if witnesses:
        lines.append(f"group {_QUORUM} {quorum} {' '.join(witnesses)}")
    lines.append(f"quorum {_QUORUM if witnesses else 'none'}")
    return "".join(f"{line}\n" for line in lines).encode()


def _witness(name: MemberId, pairs: Sequence[WitnessKeys]) -> Iterator[str]:
    """Yield the lines that make a group of the witness's name: all of a pair, any of its pairs."""
    numbered = [f"{name}.{number}" for number in range(1, len(pairs) + 1)]
    groups = numbered if len(pairs) > 1 else [name]
    for group, pair in zip(groups, pairs, strict=True):
        parts = [f"{group}.{half}" for half in _HALVES]
        for part, key in zip(parts, pair, strict=True):
            yield f"witness {part} {key.text}"
        yield f"group {group} all {' '.join(parts)}"
    if len(pairs) > 1:
        yield f"group {name} any {' '.join(groups)}"


def _refuse_doubles(keys: Iterable[VerifierKey]) -> None:
    material = [key.public_key for key in keys]
    if len(set(material)) < len(material):
        raise ValueError("a policy lists each public key once")
