"""Numbers for Prometheus."""

from collections.abc import Collection

from msgspec.structs import asdict
from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest

from gateway.services.health import Status


class Metrics:
    """The node's metrics; gauges are set from its status when they are asked for."""

    CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "liaison_requests",
            "Requests to the local API.",
            ["method", "route", "status"],
            registry=self._registry,
        )
        self._deliveries = Counter(
            "liaison_deliveries",
            "Deliveries whose receipt was verified and stored, since the start.",
            registry=self._registry,
        )
        self._outbox = Gauge(
            "liaison_outbox_rows", "Deliveries by state.", ["state"], registry=self._registry
        )
        self._messages = Gauge(
            "liaison_messages", "Messages stored.", ["direction"], registry=self._registry
        )
        self._audit = Gauge(
            "liaison_audit_entries", "Entries of the audit log.", registry=self._registry
        )
        self._audit_witnessed = Gauge(
            "liaison_audit_witnessed_entries",
            "Entries of the newest shard of the audit log that a quorum of witnesses vouches for.",
            registry=self._registry,
        )
        self._audit_unwitnessed = Gauge(
            "liaison_audit_unwitnessed_seconds",
            "For how long the newest entries of the audit log have lacked their quorum.",
            registry=self._registry,
        )
        self._audit_refused = Gauge(
            "liaison_audit_refused",
            "Witnesses that hold another history of the audit log, or more of it.",
            registry=self._registry,
        )
        self._audit_waiting = Gauge(
            "liaison_audit_waiting_entries",
            "Entries of the audit log that wait for their place.",
            registry=self._registry,
        )
        self._registry_size = Gauge(
            "liaison_registry_statements", "Statements verified.", registry=self._registry
        )
        self._split_views = Gauge(
            "liaison_split_views",
            "Proofs kept that a log's key signed two histories.",
            registry=self._registry,
        )
        self._registry_alarms = Gauge(
            "liaison_registry_alarms",
            "What is wrong with the registry, or with what members say of it.",
            registry=self._registry,
        )
        self._log_alarms = Gauge(
            "liaison_log_alarms",
            "What is wrong with audit logs of members.",
            registry=self._registry,
        )
        self._limited = Gauge(
            "liaison_limited",
            "How often a member was told to wait for its quota.",
            ["member"],
            registry=self._registry,
        )
        self._webhook_failures = Gauge(
            "liaison_webhook_failures",
            "Attempts in a row that a system did not take an event.",
            ["origin"],
            registry=self._registry,
        )
        self._cases = Gauge(
            "liaison_cases",
            "Threads of cases in which something is due.",
            ["due"],
            registry=self._registry,
        )
        self._unacknowledged = Gauge(
            "liaison_unacknowledged",
            "Messages past the retention time that nobody acknowledged.",
            registry=self._registry,
        )
        self._release_waits = Gauge(
            "liaison_release_waits_seconds",
            "For how long the draft that waits longest has waited for a second person.",
            registry=self._registry,
        )
        self._disk = Gauge("liaison_disk_free_bytes", "Free bytes.", registry=self._registry)

    def count_request(self, method: str, route: str, status: int) -> None:
        """Count one request."""
        self._requests.labels(method, route, status).inc()

    def count_deliveries(self, confirmed: int) -> None:
        """Count deliveries whose receipts are stored now."""
        self._deliveries.inc(confirmed)

    def counted(self, names: Collection[str]) -> bytes | None:
        """Return the named metrics as text; None if one of them is not counted as things happen.

        They cost nothing to read, where the others are looked up in the database.
        """
        counters = {
            f"{family.name}_total"
            for counter in (self._requests, self._deliveries)
            for family in counter.collect()
        }
        if not names or not counters.issuperset(names):
            return None
        return generate_latest(self._registry.restricted_registry(names))

    def render(self, status: Status) -> bytes:
        """Return all metrics as text."""
        for state, count in status.outbox.items():
            self._outbox.labels(state).set(count)
        for direction in ("in", "out"):
            self._messages.labels(direction).set(status.messages.get(direction, 0))
        self._audit.set(status.audit_size)
        self._audit_waiting.set(status.audit_waiting)
        self._audit_witnessed.set(status.audit_log.witnessed_size)
        self._audit_unwitnessed.set(status.audit_log.unwitnessed_s)
        self._audit_refused.set(len(status.audit_log.refused_by))
        self._registry_size.set(status.registry_size)
        self._split_views.set(status.split_views)
        self._registry_alarms.set(status.registry_alarms)
        self._log_alarms.set(status.log_alarms)
        for member, count in status.limited.items():
            self._limited.labels(member).set(count)
        for hook in status.webhooks:
            self._webhook_failures.labels(hook.origin).set(hook.failures)
        for name, count in asdict(status.cases).items():
            self._cases.labels(name).set(count)
        self._unacknowledged.set(status.unacknowledged)
        since = status.release_waits_since
        self._release_waits.set(max(0, status.now - since) if since else 0)
        self._disk.set(status.disk_free_bytes)
        return generate_latest(self._registry)
