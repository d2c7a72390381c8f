"""Tokens: what systems of the house show to be known by a label, with the roles given to it.

All of them are held in memory, so that a look at one costs no query; who revokes one lets every
daemon on the database look anew.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Annotated, Final, NoReturn

import msgspec

from gateway.clock import Clock
from gateway.errors import ForbiddenError, LiaisonError, RejectedError
from gateway.protocol.audit import EntryKind
from gateway.services.caller import TOKEN_PREFIX, Caller, require
from gateway.services.ledger import Ledger
from gateway.services.refusals import Refusals
from gateway.settings import Role
from gateway.store import audit, tokens
from gateway.store.database import Database, Transaction
from gateway.store.tokens import StoredToken
from keys.bearer import bearer_digest, draw_bearer
from keys.suite import Entropy

MOST: Final = 1000
"""Tokens in force at a time."""
LOOK_S: Final = 10
"""How old what is known of them may be where another daemon may have changed it."""
USED_S: Final = 3600
"""How coarse it is kept when a token was used."""
_DAY_S: Final = 86_400
_LABEL: Final = r"\A[a-z0-9][a-z0-9._-]{0,31}\Z"


class TokenOrder(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which token to make."""

    label: Annotated[str, msgspec.Meta(pattern=_LABEL)]
    roles: Annotated[list[Role], msgspec.Meta(min_length=1, max_length=len(Role))]
    unit: Annotated[str, msgspec.Meta(min_length=1, max_length=64)] | None = None
    """The only unit whose messages it sees; None for the whole member."""
    expires_in_days: Annotated[int, msgspec.Meta(ge=1, le=3660)] | None = None


class TokenView(msgspec.Struct, frozen=True, kw_only=True):
    """A token, as lists show it."""

    label: str
    roles: list[str]
    unit: str | None
    state: str
    """``good``, ``expired`` or ``revoked``."""
    created_by: str
    created_at: int
    expires_at: int | None
    last_used_at: int | None
    """To an hour."""
    revoked_at: int | None


class NewToken(TokenView, frozen=True, kw_only=True):
    """A token that was just made, with its secret: it is shown this once."""

    token: str


class Tokens:
    """Makes tokens, revokes them, and says whom one names."""

    def __init__(
        self,
        database: Database,
        ledger: Ledger,
        refusals: Refusals,
        clock: Clock,
        entropy: Entropy,
    ) -> None:
        self._database = database
        self._ledger = ledger
        self._refusals = refusals
        self._clock = clock
        self._entropy = entropy
        self._known: dict[bytes, StoredToken] | None = None
        self._known_at = 0
        self._changes = 0

    async def create(self, order: TokenOrder, caller: Caller) -> NewToken:
        """Make a token and return it with its secret, which is kept nowhere.

        Raises ForbiddenError ``role_missing``, ``token_by_token``, ``unit_mismatch``;
        ConflictError ``label_taken``, ``tokens_too_many``.
        """
        require(caller, Role.OPERATOR)
        if caller.by_token:
            raise ForbiddenError(
                "token_by_token", "a token makes no tokens: who stole one could keep others"
            )
        if caller.unit not in (None, order.unit):
            raise ForbiddenError(
                "unit_mismatch", f"{caller.name} makes tokens of the unit {caller.unit} alone"
            )
        now, secret = self._clock.now(), draw_bearer(self._entropy)
        days = order.expires_in_days
        token = StoredToken(
            label=order.label,
            digest=bearer_digest(secret),
            roles=sorted({role.value for role in order.roles}),
            unit=order.unit,
            created_by=caller.name,
            created_at=now,
            expires_at=None if days is None else now + days * _DAY_S,
            last_used_at=None,
            revoked_at=None,
        )
        entry = self._ledger.entry(
            EntryKind.TOKEN_CREATED, peer=caller.name, digests=(token.digest,), code=token.label
        )

        def commit(tx: Transaction) -> None:
            tokens.add(tx, token, most=MOST)
            audit.append(tx, [entry])

        await self._database.write(commit)
        self.changed()
        return NewToken(**msgspec.structs.asdict(_view(token, now)), token=secret)

    async def listing(self, caller: Caller) -> list[TokenView]:
        """Return all tokens by label. Raises ForbiddenError ``role_missing``."""
        require(caller, Role.OPERATOR, Role.AUDITOR)
        now = self._clock.now()
        return [_view(token, now) for token in await self._database.read(tokens.whole)]

    async def revoke(self, label: str, caller: Caller) -> TokenView:
        """Revoke a token, at once and for good; one that was revoked before stays as it is.

        Raises ForbiddenError ``role_missing``, RejectedError ``token_not_found``.
        """
        require(caller, Role.OPERATOR)
        found = await self._named(label)
        now = self._clock.now()
        entry = self._ledger.entry(
            EntryKind.TOKEN_REVOKED, peer=caller.name, digests=(found.digest,), code=label
        )

        def commit(tx: Transaction) -> None:
            if tokens.revoke(tx, label, now):
                audit.append(tx, [entry])

        await self._database.write(commit)
        self.changed()
        return _view(await self._named(label), now)

    async def caller(self, secret: str, shown_by: str) -> Caller:
        """Return whom a token names. What is refused is recorded, under its label if it has one.

        Raises ForbiddenError ``token_malformed``, ``token_unknown``, ``token_revoked``,
        ``token_expired``; UnavailableError where the database does not answer.
        """
        try:
            digest = bearer_digest(secret)
        except RejectedError as fault:
            await self._refuse(shown_by, b"", fault.code)
        now = self._clock.now()
        token = (await self._table(now)).get(digest)
        if token is None:
            await self._refuse(shown_by, digest, "token_unknown")
        if token.revoked_at is not None:
            await self._refuse(TOKEN_PREFIX + token.label, digest, "token_revoked")
        if token.expires_at is not None and token.expires_at <= now:
            await self._refuse(TOKEN_PREFIX + token.label, digest, "token_expired")
        await self._note_use(token, now)
        return Caller(
            name=TOKEN_PREFIX + token.label,
            roles=frozenset(Role(role) for role in token.roles),
            unit=token.unit,
        )

    def changed(self) -> None:
        """Look anew at what tokens there are, before the next one is judged."""
        self._changes += 1
        self._known = None

    async def _table(self, now: int) -> Mapping[bytes, StoredToken]:
        old = self._database.is_shared and not 0 <= now - self._known_at < LOOK_S
        if self._known is not None and not old:
            return self._known
        while True:
            changes = self._changes
            found = await self._database.read(tokens.whole)
            known = {token.digest: token for token in found}
            if changes == self._changes:  # else it was read before what changed
                self._known, self._known_at = known, now
                return known

    async def _named(self, label: str) -> StoredToken:
        for token in await self._database.read(tokens.whole):
            if token.label == label:
                return token
        raise RejectedError("token_not_found", "there is no token of this label here")

    async def _refuse(self, shown_by: str, digest: bytes, code: str) -> NoReturn:
        await self._refusals.of_token(shown_by, digest, code)
        raise ForbiddenError(code, _REFUSED[code])

    async def _note_use(self, token: StoredToken, now: int) -> None:
        """Keep when it was used; where that cannot be, whoever shows it does not wait for it."""
        if token.last_used_at is not None and 0 <= now - token.last_used_at < USED_S:
            return
        if self._known is not None and self._known.get(token.digest) is token:
            self._known[token.digest] = replace(token, last_used_at=now)
        with suppress(LiaisonError):
            await self._database.write(lambda tx: tokens.used(tx, token.label, now))


_REFUSED: Final[Mapping[str, str]] = {
    "token_malformed": "this is no token of liaison token create",
    "token_unknown": "this node knows no such token",
    "token_revoked": "this token was revoked: ask an operator for another",
    "token_expired": "this token's time is over: ask an operator for another",
}


def _view(token: StoredToken, now: int) -> TokenView:
    ended = token.expires_at is not None and token.expires_at <= now
    return TokenView(
        label=token.label,
        roles=list(token.roles),
        unit=token.unit,
        state="revoked" if token.revoked_at is not None else "expired" if ended else "good",
        created_by=token.created_by,
        created_at=token.created_at,
        expires_at=token.expires_at,
        last_used_at=token.last_used_at,
        revoked_at=token.revoked_at,
    )
