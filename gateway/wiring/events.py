"""What happened, noted and told."""

from dataclasses import dataclass

from gateway.network.webhook_client import post
from gateway.services.casework.folding import CaseFolding
from gateway.services.casework.terms import terms_of
from gateway.services.events.chronicle import Chronicle
from gateway.services.events.reminding import Reminding
from gateway.services.events.telling import Telling
from gateway.services.events.webhooks import Webhook, Webhooks
from gateway.services.receiving.inbox import Inbox
from gateway.services.sending.exchange import Exchange
from gateway.settings import EventType, WebhookSettings
from gateway.wiring.base import Base
from gateway.wiring.keykeeping import Keykeeping
from keys.private import read_secret
from keys.webhook import parse_webhook_secrets


@dataclass(frozen=True, slots=True, kw_only=True)
class Events:
    """What notes events, and who is told of them."""

    chronicle: Chronicle
    telling: Telling
    webhooks: Webhooks
    reminding: Reminding


def wire_events(base: Base, inbox: Inbox, exchange: Exchange, keykeeping: Keykeeping) -> Events:
    """Make what notes and tells events."""
    terms = terms_of(base.settings.cases)
    chronicle = Chronicle(
        base.database,
        base.keys,
        CaseFolding(base.database, base.keys, base.kinds, terms),
        keykeeping.report,
        came=inbox.came,
        clock=base.clock,
        settings=base.settings.events,
    )
    telling = Telling(base.database, base.keys, chronicle, base.holding, base.clock)
    hooks = [_hook(base, item) for item in base.settings.events.webhooks]
    webhooks = Webhooks(
        base.database, chronicle, post, hooks, clock=base.clock, entropy=base.entropy
    )
    return Events(
        chronicle=chronicle,
        telling=telling,
        webhooks=webhooks,
        reminding=Reminding(base.database, base.keys, exchange, base.clock, base.settings.cases),
    )


def _hook(base: Base, item: WebhookSettings) -> Webhook:
    """Return an endpoint with its secrets.

    Raises UnavailableError ``webhook_secret_missing``; RejectedError
    ``webhook_secret_permissions``, ``webhook_secret_empty``, ``webhook_secret_malformed``.
    """
    file = base.settings.path(item.secret_file)
    text = read_secret(file=file, environ={}, called="webhook_secret") or b""
    return Webhook(
        url=item.url, types=item.types or [*EventType], secrets=parse_webhook_secrets(text)
    )
