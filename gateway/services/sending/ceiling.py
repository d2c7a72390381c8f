"""Ceiling: what this member lets out at all, by kind, recipient, traffic light and handling code.

Source: the settings, ``policy.ceilings``.
"""

from collections.abc import Iterable, Sequence
from itertools import product

from gateway.cases.handling import Handling, Tlp
from gateway.errors import ForbiddenError
from gateway.settings import CeilingSettings
from keys.suite import MemberId

_ORDER = [light.value for light in Tlp]


def check_ceiling(
    rules: Iterable[CeilingSettings],
    kind: str,
    to: Sequence[MemberId],
    handling: Handling | None,
) -> None:
    """Let pass what no rule forbids. Raises ForbiddenError ``above_ceiling``."""
    for rule, member in product(rules, to):
        if _is_about(rule, kind, member) and (why := _excess(rule, handling)):
            raise ForbiddenError(
                "above_ceiling", f"{kind} to {member}: {why} (policy.ceilings of this node)"
            )


def _is_about(rule: CeilingSettings, kind: str, member: MemberId) -> bool:
    named = {kind, kind.partition(".")[0]}
    return not (rule.kinds and named.isdisjoint(rule.kinds)) and member in (
        rule.members or (member,)
    )


def _excess(rule: CeilingSettings, handling: Handling | None) -> str:
    """Return what is above a ceiling; empty for nothing."""
    if rule.forbidden:
        return "nothing of this goes there"
    if handling is None:
        return ""
    if _ORDER.index(handling.tlp.value) > _ORDER.index(rule.tlp):
        return f"TLP:{handling.tlp.value} is above TLP:{rule.tlp}"
    codes = [code.value for code in handling.codes if code.value in rule.without_codes]
    return f"the handling code {codes[0]} does not go there" if codes else ""
