"""Read a statement: strict line text, so that the same meaning has one form only.

Source: keys/README.md, "The registry".
"""

import re
from collections.abc import Callable, Iterator
from enum import StrEnum
from typing import TypeVar

from keys.certificate import public_key_of
from keys.errors import RejectedError
from keys.registry.statement import (
    MAX_STATEMENT_BYTES,
    NONE,
    Chain,
    Competences,
    Kind,
    MemberRole,
    NextSet,
    Revocation,
    RootPair,
    RootSet,
    SignedStatement,
    Statement,
    UseLine,
    WitnessSet,
    key_name,
)
from keys.suite import DIGEST_BYTES, KeyId, KeyUse, MemberId, parse_member_id
from keys.tlog.note import (
    COSIGN_ED25519,
    COSIGN_ML_DSA_44,
    ED25519,
    ML_DSA_44,
    VerifierKey,
    decode_base64,
    parse_note,
)

_T = TypeVar("_T")
_E = TypeVar("_E", bound=StrEnum)

_TITLE = re.compile(r"([a-z0-9][a-z0-9.-]{0,61}[a-z0-9])/registry/v1\Z")
_NUMBER = re.compile(r"(0|[1-9][0-9]{0,15})\Z")
_NAME = re.compile(r"(en|fr) ([^\x00-\x1f\x7f ][^\x00-\x1f\x7f]{0,119})\Z")
_ENDPOINT = re.compile(r"https://[A-Za-z0-9.\-\[\]:]{1,255}\Z")
_COMPETENCE = re.compile(r"[a-z][a-z_]{0,31}(\.[a-z][a-z_]{0,31})?\Z")
_MAX_ITEMS = 32


def parse_statement(encoded: bytes) -> SignedStatement:
    """Read a statement; its signatures are judged later.

    Raises RejectedError ``statement_malformed``, ``note_malformed``, ``certificate_malformed``,
    or ``statement_kind_unknown`` for a kind that a newer version may know.
    """
    if len(encoded) > MAX_STATEMENT_BYTES:
        raise _malformed(f"a statement has at most {MAX_STATEMENT_BYTES} bytes")
    note = parse_note(encoded)
    lines = _Lines(note.text)
    statement = _statement(lines)
    lines.end()
    return SignedStatement(statement, note, encoded)


class _Lines:
    """The lines of a text, taken from first to last."""

    def __init__(self, text: bytes) -> None:
        self._lines = text.decode().removesuffix("\n").split("\n")
        self._at = 0

    def first(self) -> str:
        self._at = 1
        return self._lines[0]

    def take(self, item: str) -> str | None:
        if self._at < len(self._lines) and self._lines[self._at].startswith(item + " "):
            self._at += 1
            return self._lines[self._at - 1][len(item) + 1 :]
        return None

    def one(self, item: str) -> str:
        text = self.take(item)
        if text is None:
            raise _malformed(f"line {self._at + 1} should be the item {item!r}")
        return text

    def optional(self, item: str, read: Callable[[str], _T]) -> _T | None:
        text = self.take(item)
        return None if text is None else read(text)

    def many(self, item: str, read: Callable[[str], _T]) -> tuple[_T, ...]:
        return tuple(read(text) for text in self._repeated(item))

    def _repeated(self, item: str) -> Iterator[str]:
        for _ in range(_MAX_ITEMS):
            text = self.take(item)
            if text is None:
                return
            yield text

    def end(self) -> None:
        if self._at != len(self._lines):
            raise _malformed(f"line {self._at + 1} is not expected there")


def _statement(lines: _Lines) -> Statement:
    title = _TITLE.match(lines.first())
    if title is None:
        raise _malformed("the first line is <federation>/registry/v1")
    federation = title[1]
    kind = _kind(lines.one("kind"))
    member = parse_member_id(lines.one("member"))
    return Statement(
        federation=federation,
        kind=kind,
        member=member,
        chain=_choice(Chain, lines.one("chain")),
        seq=_number(lines.one("seq")),
        at=_number(lines.one("at")),
        prev=_digest(lines.one("prev")),
        names=lines.many("name", _name),
        role=lines.optional("role", lambda text: _choice(MemberRole, text)),
        competences=Competences(
            lines.many("state", parse_member_id), lines.many("competence", _competence)
        ),
        succeeds=lines.optional("succeeds", parse_member_id),
        root=lines.optional("root", lambda text: _root_set(lines, text)),
        next=lines.optional("next", lambda text: _next_set(lines, text)),
        uses=lines.many("use", lambda text: _use(federation, member, text)),
        revocations=lines.many("revoke", _revocation),
        endpoint=lines.optional("endpoint", parse_endpoint),
        via=_relays(lines.many("via", str)),
        witnesses=lines.optional("witnesses", lambda text: _witness_set(lines, text)),
        checkpoints=lines.many("checkpoint", decode_base64),
    )


def _kind(text: str) -> Kind:
    try:
        return Kind(text)
    except ValueError as fault:
        raise RejectedError(
            "statement_kind_unknown",
            f"the registry holds a statement of kind {text!r}, which this version does not know: "
            "upgrade Liaison",
        ) from fault


def _root_set(lines: _Lines, text: str) -> RootSet:
    threshold, count = _counts(text)
    pairs = lines.many("rootkey", _root_pair)
    if len(pairs) != count or len(set(pairs)) != count:
        raise _malformed(f"{count} different root keys are announced")
    return RootSet(threshold, pairs)


def _root_pair(text: str) -> RootPair:
    classical, post_quantum = _two(text)
    return RootPair(_vkey(classical, ED25519), _vkey(post_quantum, ML_DSA_44))


def _next_set(lines: _Lines, text: str) -> NextSet:
    threshold, count = _counts(text)
    commitments = lines.many("nextkey", _digest)
    if len(commitments) != count or len(set(commitments)) != count:
        raise _malformed(f"{count} different commitments are announced")
    return NextSet(threshold, commitments)


def _witness_set(lines: _Lines, text: str) -> WitnessSet:
    quorum, count = (_number(part) for part in _two(text))
    members = lines.many("witness", parse_member_id)
    if len(members) != count or len(set(members)) != count:
        raise _malformed(f"{count} different witnesses are announced")
    if quorum > count or (quorum == 0) != (count == 0):
        raise _malformed("a quorum is 1 to the number of witnesses, and 0 of none")
    return WitnessSet(quorum, members)


def _use(federation: str, member: MemberId, text: str) -> UseLine:
    certificate, post_quantum = b"", None
    match text.split(" "):
        case [("sign" | "log") as use, vkey, start, end]:
            verifier = _vkey(vkey, ED25519)
        case ["witness" as use, vkey, second, start, end]:
            verifier = _vkey(vkey, COSIGN_ED25519)
            post_quantum = _vkey(second, COSIGN_ML_DSA_44)
        case ["tls" as use, encoded, start, end]:
            certificate = decode_base64(encoded)
            verifier = VerifierKey(
                key_name(federation, member, KeyUse.TLS), ED25519, public_key_of(certificate)
            )
        case _:
            raise _malformed("a key in use is: use <role> <key> <start> <end>")
    name = key_name(federation, member, KeyUse(use))
    if any(key.name != name for key in (verifier, post_quantum) if key is not None):
        raise _malformed(f"a key of {member} is named {name}")
    span = (_number(start), _number(end))
    if span[0] >= span[1]:
        raise _malformed("a key ends after it starts")
    return UseLine(KeyUse(use), verifier, *span, certificate, post_quantum)


def _revocation(text: str) -> Revocation:
    named, since = _two(text)
    return Revocation(KeyId(_digest(named)), _number(since))


def _name(text: str) -> tuple[str, str]:
    found = _NAME.match(text)
    if found is None:
        raise _malformed("a name is a language (en, fr) and at most 120 characters")
    return found[1], found[2]


def _competence(text: str) -> str:
    if not _COMPETENCE.match(text):
        raise _malformed("a competence is the name of a kind, or its first part")
    return text


def _relays(texts: tuple[str, ...]) -> tuple[MemberId, ...] | None:
    if texts == (NONE,):
        return ()
    return tuple(parse_member_id(text) for text in texts) or None


def parse_endpoint(text: str) -> str:
    """Read what a line says of an endpoint; the empty text where it takes it away.

    Raises RejectedError ``statement_malformed``.
    """
    if text == NONE:
        return ""
    if not _ENDPOINT.match(text):
        raise _malformed("an endpoint is https://host or https://host:port")
    return text


def _counts(text: str) -> tuple[int, int]:
    threshold, count = (_number(part) for part in _two(text))
    if not 1 <= threshold <= count <= _MAX_ITEMS:
        raise _malformed(f"a threshold is 1 to the number of keys, at most {_MAX_ITEMS}")
    return threshold, count


def _vkey(text: str, algorithm: bytes) -> VerifierKey:
    key = VerifierKey.parse(text)
    if key.algorithm != algorithm:
        raise _malformed("a key is of another algorithm than its use demands")
    return key


def _choice(options: type[_E], text: str) -> _E:
    try:
        return options(text)
    except ValueError as fault:
        raise _malformed(f"{text!r} is none of {', '.join(options)}") from fault


def _number(text: str) -> int:
    if not _NUMBER.match(text):
        raise _malformed("a number is decimal, without leading zeros")
    return int(text)


def _digest(text: str) -> bytes:
    raw = decode_base64(text)
    if len(raw) != DIGEST_BYTES:
        raise _malformed(f"a digest has {DIGEST_BYTES} bytes")
    return raw


def _two(text: str) -> tuple[str, str]:
    match text.split(" "):
        case [first, second]:
            return first, second
    raise _malformed("an item has two parts here")


def _malformed(detail: str) -> RejectedError:
    return RejectedError("statement_malformed", f"the statement cannot be read: {detail}")
