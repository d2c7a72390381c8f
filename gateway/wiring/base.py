"""What every part of a node stands on."""

from collections.abc import Mapping
from dataclasses import dataclass

from gateway.cases.kind import Kind
from gateway.clock import Clock
from gateway.network.metrics import Metrics
from gateway.peer import Peers
from gateway.services.casework.nomenclature import Nomenclature
from gateway.services.casework.own_kinds import kinds_with
from gateway.services.casework.reopening import Reopening
from gateway.services.keys import NodeKeys
from gateway.services.ledger import Ledger
from gateway.services.refusals import Refusals
from gateway.services.sending.holding import Holding
from gateway.services.tokens import Tokens
from gateway.settings import Settings
from gateway.store.blobs import BlobStore
from gateway.store.database import Database
from gateway.wiring.later import Later
from gateway.wiring.loopback import Loopback
from keys.suite import Entropy, MemberId


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """What every part of a node stands on."""

    settings: Settings
    member: MemberId
    keys: NodeKeys
    database: Database
    blobs: BlobStore
    peers: Peers
    """The ways to the others."""
    ways: Loopback
    """The same, and to ourselves."""
    clock: Clock
    entropy: Entropy
    registry_size: Later[[], int]
    ledger: Ledger
    refusals: Refusals
    tokens: Tokens
    holding: Holding
    kinds: Mapping[str, Kind]
    nomenclature: Nomenclature
    reopening: Reopening
    metrics: Metrics


def wire_base(
    settings: Settings,
    *,
    peers: Peers,
    keys: NodeKeys,
    database: Database,
    clock: Clock,
    entropy: Entropy,
) -> Base:
    """Make what needs nothing but what the process brings."""
    registry_size: Later[[], int] = Later()
    ledger = Ledger(clock, entropy, registry_size)
    kinds = kinds_with(settings.path(settings.cases.kinds))
    refusals = Refusals(database, ledger, clock)
    return Base(
        settings=settings,
        member=keys.member,
        keys=keys,
        database=database,
        blobs=BlobStore(settings.blobs_path),
        peers=peers,
        ways=Loopback(peers, keys.member),
        clock=clock,
        entropy=entropy,
        registry_size=registry_size,
        ledger=ledger,
        refusals=refusals,
        holding=Holding(database, keys, ledger, settings.policy),
        tokens=Tokens(database, ledger, refusals, clock, entropy),
        kinds=kinds,
        nomenclature=Nomenclature(database, ledger, clock),
        reopening=Reopening(keys, kinds, ledger, clock),
        metrics=Metrics(),
    )
