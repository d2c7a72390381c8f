"""Tokens at rest, and how two daemons on one database agree on them."""

from typing import Any

import pytest

from gateway.clock import SystemClock
from gateway.errors import ConflictError, ForbiddenError
from gateway.services.caller import Caller
from gateway.services.ledger import Ledger
from gateway.services.refusals import Refusals
from gateway.services.tokens import LOOK_S, TokenOrder, Tokens
from gateway.settings import Role
from gateway.store import tokens
from gateway.store.database import Database
from gateway.store.tokens import StoredToken
from keys.bearer import bearer_digest
from tests.outcome import outcome_of
from tests.store.conftest import Fresh
from tests.store.stored import NOW
from tests.world import Seeded

OPERATOR = Caller(name="uid:1", roles=frozenset({Role.OPERATOR}))
ORDER = TokenOrder(label="registry-desk", roles=[Role.OFFICER])


def token(label: str, **changes: object) -> StoredToken:
    """Return a token."""
    shape = {
        "label": label, "digest": label.encode().ljust(32), "roles": ["officer", "releaser"],
        "unit": None, "created_by": "uid:1", "created_at": NOW, "expires_at": None,
        "last_used_at": None, "revoked_at": None,
    }  # fmt: skip
    return StoredToken(**{**shape, **changes})  # type: ignore[arg-type]


def test_a_label_is_its_tokens_own_for_ever(fresh: Fresh) -> None:
    """Also when it is revoked; so many are in force, and no more."""
    with fresh() as db:
        db.write_now(lambda tx: tokens.add(tx, token("b", unit="value"), most=2))
        db.write_now(lambda tx: tokens.add(tx, token("a"), most=2))
        with pytest.raises(ConflictError) as many:
            db.write_now(lambda tx: tokens.add(tx, token("c"), most=2))
        assert many.value.code == "tokens_too_many"
        assert db.write_now(lambda tx: tokens.revoke(tx, "b", NOW + 5))
        assert not db.write_now(lambda tx: tokens.revoke(tx, "b", NOW + 6))
        assert not db.write_now(lambda tx: tokens.revoke(tx, "c", NOW + 6))
        with pytest.raises(ConflictError) as taken:
            db.write_now(lambda tx: tokens.add(tx, token("b"), most=2))
        assert taken.value.code == "label_taken"
        db.write_now(lambda tx: tokens.used(tx, "a", NOW + 7))
        assert db.read_now(tokens.whole) == [
            token("a", last_used_at=NOW + 7), token("b", unit="value", revoked_at=NOW + 5),
        ]  # fmt: skip


class Clock(SystemClock):
    """A clock that stands where a test puts it."""

    at = NOW

    def now(self) -> int:
        """Return where it stands."""
        return self.at


def service(database: Database, clock: Clock) -> Tokens:
    """Return one daemon's tokens."""
    entropy = Seeded("tokens")
    ledger = Ledger(clock, entropy, lambda: 0)
    return Tokens(database, ledger, Refusals(database, ledger, clock), clock, entropy)


async def test_a_revocation_reaches_the_other_daemon(pair: tuple[Database, Database]) -> None:
    """At once when it is told, and soon when it is not."""
    clock = Clock()
    one, other = (service(database, clock) for database in pair)
    made = await one.create(ORDER, OPERATOR)
    assert (await other.caller(made.token, "uid:2")).name == "token:registry-desk"
    await one.revoke("registry-desk", OPERATOR)
    assert (await other.caller(made.token, "uid:2")).name == "token:registry-desk"
    clock.at += LOOK_S
    fault = await outcome_of(other.caller(made.token, "uid:2"))
    assert isinstance(fault, ForbiddenError)
    assert fault.code == "token_revoked"
    again = await one.create(TokenOrder(label="two", roles=[Role.OFFICER]), OPERATOR)
    other.changed()
    assert (await other.caller(again.token, "uid:2")).roles == {Role.OFFICER}
    await one.revoke("two", OPERATOR)
    other.changed()
    assert (await outcome_of(other.caller(again.token, "uid:2"))).code == "token_revoked"


async def test_a_use_that_crosses_a_revocation_does_not_undo_it(fresh: Fresh) -> None:
    """What was read before it is neither taken for what is, nor put in its place."""
    with fresh() as db:
        clock = Clock()
        service_ = service(db, clock)
        made = await service_.create(ORDER, OPERATOR)
        before = (await service_._table(clock.now()))[bearer_digest(made.token)]
        read = db.read

        async def read_and_revoke(act: Any) -> Any:
            db.read = read  # type: ignore[method-assign]
            found = await read(act)
            await service_.revoke("registry-desk", OPERATOR)
            return found

        service_.changed()
        db.read = read_and_revoke  # type: ignore[method-assign]
        assert (await outcome_of(service_.caller(made.token, "uid:2"))).code == "token_revoked"
        await service_._note_use(before, clock.now())
        assert (await outcome_of(service_.caller(made.token, "uid:2"))).code == "token_revoked"


async def test_when_a_token_was_used_is_kept_to_an_hour(fresh: Fresh) -> None:
    """One write an hour, whatever it is used for; a look costs no query."""
    with fresh() as db:
        clock = Clock()
        service_ = service(db, clock)
        made = await service_.create(ORDER, OPERATOR)
        seen = []
        for later in (0, 1, 3599, 3600, 3601):
            clock.at = NOW + later
            await service_.caller(made.token, "uid:2")
            seen.append((await service_.listing(OPERATOR))[0].last_used_at)
        assert seen == [NOW, NOW, NOW, NOW + 3600, NOW + 3600]
