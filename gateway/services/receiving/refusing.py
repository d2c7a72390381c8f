"""Refuse: what a peer is told of a copy that is not taken, and what the audit log says of it."""

from collections import OrderedDict

from gateway.errors import LiaisonError, RejectedError, UnavailableError
from gateway.logs import logger
from gateway.protocol.answer import Later, Refused
from gateway.protocol.audit import EntryKind
from gateway.protocol.opening import SplitViewError
from gateway.services.federation.registry import RegistryMirror
from gateway.services.federation.standing import SUSPENDED, SUSPENDED_S
from gateway.services.ledger import Ledger
from gateway.services.receiving.judging import Denied, Parsed, Verdict
from gateway.store import audit
from keys.suite import MemberId, digest

LATER_S = 2
SHUNNED_MOST = 65_536
"""Of how many envelopes of suspended members it is remembered that they are recorded."""
_TOLD = frozenset(
    {
        "encoding_invalid", "envelope_too_large", "version_unknown", "suite_unknown",
        "envelope_expired", "not_addressed", "created_in_future", "lifetime_too_long",
        "signer_revoked", "signer_unknown", "message_id_reused",
        "kind_unknown", "content_invalid", "not_on_route", "attachment_too_large",
        "not_a_union", "on_behalf_missing", "state_not_represented", "state_suspended",
        "outside_competence", "no_case_powers", "observer_sends_nothing",
        "registrar_sends_nothing", "recipient_has_no_powers", "registry_split_view",
        "recall_not_own", "recall_final", "consent_not_own",
    }
)  # fmt: skip
"""The reasons that a peer is told; any other is ``invalid`` to it, and precise in our own log."""
_log = logger()


class Refusing:
    """Says no, and not now."""

    def __init__(self, ledger: Ledger, mirror: RegistryMirror) -> None:
        self._ledger = ledger
        self._mirror = mirror
        self._shunned: OrderedDict[bytes, None] = OrderedDict()

    def entry(self, hop: MemberId, item: Parsed, verdict: Verdict) -> audit.NewEntry | None:
        """Return what is recorded of a copy that is refused; None where nothing is."""
        kind, peer = EntryKind.MESSAGE_REFUSED, hop
        match verdict:
            case Denied(opened=opened, fault=fault):
                digests = opened.envelope.envelope_id, opened.tbs_digest
                return self._ledger.entry(
                    kind, peer=opened.sender, digests=digests, code=fault.code
                )
            case LiaisonError() if self._is_recorded(item, verdict):
                if isinstance(verdict, SplitViewError):
                    kind, peer = EntryKind.SPLIT_VIEW_SEEN, verdict.sender
                named = digest(b"") if isinstance(item, RejectedError) else item.envelope_id
                return self._ledger.entry(kind, peer=peer, digests=(named,), code=verdict.code)
            case _:
                return None

    def put_off(self, fault: UnavailableError) -> Later:
        """Return when a peer is to come again, and why: so far as that concerns it."""
        if fault.code == SUSPENDED:
            return Later(SUSPENDED, SUSPENDED_S)
        if fault.code == "registry_behind":
            self._mirror.behind.set()
        if fault.code == "stale_card":  # an old card of ours, or one that is not ours
            _log.warning("envelope.unopened", code=fault.code)
        told = fault.code in ("registry_behind", "stale_card")
        return Later(fault.code if told else "busy", fault.retry_after_s or LATER_S)

    def _is_recorded(self, item: Parsed, fault: LiaisonError) -> bool:
        """Tell whether a refusal enters the audit log: a final one, and of a suspension the first.

        Which of those were recorded is in memory: after a start they may be once more.
        """
        if fault.code != SUSPENDED:
            return not isinstance(fault, UnavailableError)
        if isinstance(item, RejectedError) or item.envelope_id in self._shunned:
            return False
        self._shunned[item.envelope_id] = None
        if len(self._shunned) > SHUNNED_MOST:
            self._shunned.popitem(last=False)
        return True


def refused(fault: LiaisonError) -> Refused:
    """Return what a peer is told of a refusal that is final."""
    return Refused(fault.code if fault.code in _TOLD else "invalid")
