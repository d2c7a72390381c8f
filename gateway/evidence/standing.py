"""Whether a key was good when a witness first saw what it signed, and what was said of it later.

Its signer's own dates decide nothing, nor does the date on which somebody revoked it afterwards.
Source: SPEC "Evidence", step 7.
"""

from dataclasses import dataclass

from gateway.evidence.history import History
from gateway.evidence.judgement import Finding, Verdict
from keys.registry.member import RegisteredKey
from keys.registry.view import View


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """The registry of the file, and what else is known of it."""

    history: History
    supplied: History | None = None
    """The registry that the reader took from elsewhere."""
    until: int | None
    """Until when a quorum called the registry of the file the newest: no statement beyond it was
    known before, whatever its date."""

    @property
    def view(self) -> View:
        """The newest view that there is."""
        return (self.supplied or self.history).view

    def lacks(self, at: int) -> bool:
        """Tell whether a statement from before ``at`` may be unknown here."""
        return self.supplied is None and not self._was_newest_at(at)

    def key(self, key: RegisteredKey, at: int | None) -> RegisteredKey:
        """Return a key as it is listed by the registry that rules at ``at``."""
        return key if at is not None and self._was_newest_at(at) else self._now(key)

    def judge(self, key: RegisteredKey, at: int | None, where: str) -> Finding | None:
        """Return what there is to say against a key that signed something seen by ``at``.

        None for ``at`` where nobody says when it was signed.
        """
        revoked_since = self._now(key).revoked_since
        if at is None:
            return (
                None
                if revoked_since is None
                else _found(
                    "key_revoked_untimed",
                    where,
                    "the key that signed it is revoked, and no witness says which came first",
                )
            )
        ruling = self.key(key, at)
        if not ruling.start <= at < ruling.end:
            return _found(
                "key_not_valid_then", where, "the key was not in use when witnesses first saw it"
            )
        if ruling.was_revoked_by(at):
            return _found(
                "key_revoked_before", where, "the key was revoked before witnesses first saw it"
            )
        if revoked_since is not None and revoked_since <= at:
            return _found(
                "key_revoked_since",
                where,
                "the key was revoked afterwards, with effect from before: its member says that it "
                "was in the wrong hands already",
                Verdict.DISPUTED,
            )
        return None

    def _was_newest_at(self, at: int) -> bool:
        return self.until is not None and at <= self.until

    def _now(self, key: RegisteredKey) -> RegisteredKey:
        return self.view.keys[key.key_id]


def _found(code: str, where: str, detail: str, limits_to: Verdict = Verdict.INVALID) -> Finding:
    return Finding(code=code, where=where, detail=detail, limits_to=limits_to.value)
