"""The registry as this node holds it, and what follows from it."""

from dataclasses import dataclass

from gateway.services.federation.cards import Cards
from gateway.services.federation.following import Following
from gateway.services.federation.gossip import Gossip
from gateway.services.federation.members import Members
from gateway.services.federation.registrar import Registrar
from gateway.services.federation.registry import RegistryMirror
from gateway.services.federation.snapshot import Snapshot
from gateway.services.federation.vetoes import Vetoes
from gateway.services.federation.views import RegistryViews
from gateway.wiring.base import Base
from keys.registry.draft import parse_fingerprint
from keys.registry.statement import REGISTRY
from keys.registry.view import View
from keys.tlog.note import NoteSigner


@dataclass(frozen=True, slots=True, kw_only=True)
class Federation:
    """The registry: mirrored, followed, compared, and on the registrar's node kept."""

    registers: bool
    """Whether this is the registrar's node."""
    mirror: RegistryMirror
    gossip: Gossip
    views: RegistryViews
    following: Following
    registrar: Registrar
    cards: Cards
    members: Members
    vetoes: Vetoes


def wire_federation(base: Base) -> Federation:
    """Make the registry's parts."""
    settings, keys = base.settings, base.keys
    database, ledger, clock = base.database, base.ledger, base.clock
    mirror = RegistryMirror(
        database,
        base.peers,
        ledger,
        clock,
        snapshot=Snapshot(settings.data_dir, keys, clock),
        anchor=parse_fingerprint(settings.registry.anchor),
    )
    base.registry_size.leads_to(lambda: mirror.size)
    gossip = Gossip(database, mirror, base.peers, ledger=ledger, clock=clock)
    views = RegistryViews(database, mirror, gossip.doubt)
    following = Following(
        base.member,
        mirror,
        base.peers,
        views,
        gossip,
        clock=clock,
        entropy=base.entropy,
        poll_s=settings.registry.poll_s,
    )
    cards = Cards(base.member, database, base.peers, mirror, ledger=ledger, clock=clock)

    def log_signer(view: View) -> NoteSigner:
        return keys.log_signer(view.origin, view, clock.now())

    registers = base.member == REGISTRY
    return Federation(
        registers=registers,
        mirror=mirror,
        gossip=gossip,
        views=views,
        following=following,
        registrar=Registrar(
            mirror, base.peers, log_signer if registers else None, following.compare
        ),
        cards=cards,
        members=Members(
            mirror,
            cards,
            views,
            clock,
            settings.registry,
            sources=lambda: following.reports,
            alarms=lambda: gossip.alarms,
        ),
        vetoes=Vetoes(database, mirror, base.peers, ledger, clock),
    )
