"""Release rules: which drafts wait for a second person before they are signed and sent. Pure.

Source: the settings, ``policy.release``.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.cases.handling import Handling, Tlp
from gateway.cases.threads.thread import RECALL
from gateway.settings import ReleaseSettings
from keys.suite import MemberId

UNHINDERED = frozenset({RECALL})
"""What undoes harm and discloses nothing waits only where a rule names it in full."""
_ORDER = [light.value for light in Tlp]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """A draft, as far as rules look at it."""

    kind: str
    to: Sequence[MemberId]
    handling: Handling | None
    attachments: bool
    personal: bool
    """Whether it tells of persons."""
    forwards: bool
    """Whether it passes on what others sent."""


def asking(rules: Sequence[ReleaseSettings], draft: Outgoing) -> str | None:
    """Return the name of the first rule that asks for a second person; None for none."""
    for number, rule in enumerate(rules, 1):
        if _asks(rule, draft):
            return rule.name or f"policy.release {number}"
    return None


def _asks(rule: ReleaseSettings, draft: Outgoing) -> bool:
    """Tell whether all that a rule says holds; one recipient that it names is enough."""
    return (
        _names(rule, draft.kind)
        and not (rule.members and set(rule.members).isdisjoint(draft.to))
        and _is_as_confidential(rule, draft.handling)
        and draft.attachments >= rule.attachments
        and draft.personal >= rule.personal
        and draft.forwards >= rule.forwards
    )


def _names(rule: ReleaseSettings, kind: str) -> bool:
    if kind in UNHINDERED:
        return kind in rule.kinds
    return not rule.kinds or not {kind, kind.partition(".")[0]}.isdisjoint(rule.kinds)


def _is_as_confidential(rule: ReleaseSettings, handling: Handling | None) -> bool:
    """Tell whether a handling is one that a rule is about; what has none is about none."""
    if handling is None:
        return not rule.codes and rule.tlp == Tlp.CLEAR.value
    codes = {code.value for code in handling.codes}
    return _ORDER.index(handling.tlp.value) >= _ORDER.index(rule.tlp) and not (
        rule.codes and codes.isdisjoint(rule.codes)
    )
