"""How a verdict on evidence is told to people, in English and French. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from gateway.cases.fields.labels import Label
from gateway.cli.ceremonies.words import visible
from gateway.cli.terminal.console import when
from gateway.evidence.judgement import (
    ContentFacts,
    EntryFacts,
    Facts,
    Finding,
    Judgement,
    MessageFacts,
    RegistryFacts,
    SeenBy,
    Verdict,
)

VERDICTS: Final[Mapping[Verdict, Label]] = {
    Verdict.VALID: Label(
        "VALID: signed with a key that was good when a quorum of witnesses saw it",
        "VALABLE : signé avec une clé qui était bonne quand un quorum de témoins l'a vu",
    ),
    Verdict.DISPUTED: Label(
        "VALID, LATER DISPUTED: a key was revoked afterwards, with effect from before",
        "VALABLE, CONTESTÉ DEPUIS : une clé a été révoquée ensuite, avec effet d'avant",
    ),
    Verdict.SIGNED_ONLY: Label(
        "SIGNED ONLY: the signatures hold, and no quorum of witnesses says when",
        "SIGNÉ SEULEMENT : les signatures tiennent, et aucun quorum de témoins ne dit quand",
    ),
    Verdict.INVALID: Label("INVALID: it proves nothing", "NON VALABLE : il ne prouve rien"),
}
_LABELS: Final[Mapping[str, Label]] = {
    "message": Label("message", "message"),
    "signer": Label("signed by", "signé par"),
    "key": Label("key", "clé"),
    "for": Label("for", "pour"),
    "says": Label("says", "dit"),
    "created": Label("dated", "daté"),
    "payload": Label("payload", "contenu"),
    "attachment": Label("attachment", "pièce jointe"),
    "receipt": Label("receipt", "reçu"),
    "entry": Label("logged", "consigné"),
    "seen": Label("witnessed", "attesté"),
    "registry": Label("registry", "registre"),
}
_PHRASES: Final[Mapping[str, Label]] = {
    "by_own_clock": Label("{at}, by {who}'s own clock", "{at}, selon l'horloge de {who}"),
    "open": Label("SHA-256 {sha256}, in the file", "SHA-256 {sha256}, dans le fichier"),
    "closed": Label(
        "not in the file; its digest is {digest}", "absent du fichier ; son empreinte est {digest}"
    ),
    "file": Label(
        "{name}, {size} bytes, SHA-256 {sha256}", "{name}, {size} octets, SHA-256 {sha256}"
    ),
    "entry": Label(
        "{member}: {what}, entry {index} of {origin}, under its head of {size}",
        "{member} : {what}, entrée {index} de {origin}, sous sa tête de {size}",
    ),
    "seen": Label(
        "by {at}, by {count} witnesses where {quorum} are enough: {names}",
        "au plus tard {at}, par {count} témoins où {quorum} suffisent : {names}",
    ),
    "unseen": Label("by no quorum", "par aucun quorum"),
    "registry": Label(
        "{federation}, as of {size} statements, root {root}",
        "{federation}, à {size} déclarations, racine {root}",
    ),
    "until": Label(
        "as the newest, until {at}: {names}", "comme le plus récent, jusqu'à {at} : {names}"
    ),
    "newer": Label(
        "judged by {size} statements, which you gave", "jugé d'après {size} déclarations fournies"
    ),
    "in_case": Label(
        "{kind}, number {seq} in the case {case}", "{kind}, n° {seq} du dossier {case}"
    ),
}


def tell(judgement: Judgement, language: str) -> list[str]:
    """Return the lines of a report: the verdict, what limits it, the facts, what else there is."""
    remarks = [item for item in judgement.findings if item.limits_to == Verdict.VALID.value]
    limits = [item for item in judgement.findings if item not in remarks]
    telling = _Telling(language)
    return [
        VERDICTS[judgement.verdict].text(language),
        *_lines(limits),
        *telling.facts(judgement.facts),
        *_lines(remarks),
    ]


def _lines(findings: Sequence[Finding]) -> list[str]:
    return [f"  {visible(f'{item.where}: {item.detail}')} [{item.code}]" for item in findings]


class _Telling:
    """Facts, one a line, in one language."""

    def __init__(self, language: str) -> None:
        self._language = language

    def facts(self, facts: Facts) -> Iterator[str]:
        """Yield what evidence shows."""
        lines: list[tuple[str, str]] = []
        if facts.message is not None:
            lines += self._message(facts.message)
        for receipt in facts.receipts:
            at = self._of("by_own_clock", at=when(receipt.claimed_at), who=receipt.recipient)
            lines.append(("receipt", f"{receipt.recipient} ({receipt.name}): {at}"))
            lines.append(("key", receipt.key))
        for entry in facts.entries:
            lines += self._entry(entry)
        if facts.registry is not None:
            lines += self._registry(facts.registry)
        wide = max((len(label.text(self._language)) for label in _LABELS.values()), default=0)
        for label, text in lines:
            yield f"  {_LABELS[label].text(self._language):<{wide}}  {visible(text)}"

    def _message(self, message: MessageFacts) -> Iterator[tuple[str, str]]:
        yield "message", message.message
        yield "signer", f"{message.sender} ({message.sender_name})"
        yield "key", message.key
        yield "for", ", ".join(message.to)
        if message.content is not None:
            yield from self._content(message.content, message.sender)
        if message.payload_sha256 is None:
            yield "payload", self._of("closed", digest=message.payload_digest)
        else:
            yield "payload", self._of("open", sha256=message.payload_sha256)

    def _content(self, content: ContentFacts, sender: str) -> Iterator[tuple[str, str]]:
        yield "says", self._of("in_case", kind=content.kind, seq=content.seq, case=content.case)
        if content.on_behalf_of:
            yield "for", content.on_behalf_of
        yield "created", self._of("by_own_clock", at=when(content.created_at), who=sender)
        for item in content.attachments:
            yield "attachment", self._of("file", name=item.name, size=item.size, sha256=item.sha256)

    def _entry(self, entry: EntryFacts) -> Iterator[tuple[str, str]]:
        yield (
            "entry",
            self._of(
                "entry",
                member=entry.member,
                what=entry.what,
                index=entry.index,
                origin=entry.origin,
                size=entry.size,
            ),
        )
        if entry.witnessed_at is None:
            yield "seen", self._of("unseen")
        else:
            yield (
                "seen",
                self._of(
                    "seen",
                    at=when(entry.witnessed_at),
                    count=len(entry.seen_by),
                    quorum=entry.quorum,
                    names=_names(entry.seen_by),
                ),
            )

    def _registry(self, registry: RegistryFacts) -> Iterator[tuple[str, str]]:
        head = {"size": registry.size, "root": registry.root}
        yield "registry", self._of("registry", federation=registry.federation, **head)
        if registry.witnessed_at is None:
            yield "seen", self._of("unseen")
        else:
            at, names = when(registry.witnessed_at), _names(registry.seen_by)
            yield "seen", self._of("until", at=at, names=names)
        if registry.newer_size is not None:
            yield "registry", self._of("newer", size=registry.newer_size)

    def _of(self, phrase: str, **values: object) -> str:
        return _PHRASES[phrase].text(self._language).format(**values)


def _names(seen: Sequence[SeenBy]) -> str:
    return ", ".join(f"{item.witness} {when(item.at)}" for item in seen)
