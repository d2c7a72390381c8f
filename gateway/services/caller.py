"""Who asks through the local socket, and what that role may ask for. Denied by default."""

from dataclasses import dataclass
from typing import Final

from gateway.errors import ForbiddenError
from gateway.settings import Role

TOKEN_PREFIX: Final = "token:"  # noqa: S105 - no password
"""What the name of a caller begins with that showed a token; its label follows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """A system or person of the house, as the socket's peer credentials or a token name it."""

    name: str
    """``uid:1000`` or ``token:LABEL``: what the audit log keeps."""
    roles: frozenset[Role]
    unit: str | None = None
    """The only unit whose messages it may see; None for the whole member."""
    is_node: bool = False
    """Whether what is sent is this node's own word, even if somebody let it speak."""

    @property
    def by_token(self) -> bool:
        """Whether it showed a token."""
        return self.name.startswith(TOKEN_PREFIX)


NODE = Caller(name="node", roles=frozenset({Role.OFFICER}), is_node=True)
"""This node itself, where it sends a message of its own."""


def require(caller: Caller, *roles: Role) -> None:
    """Let the caller pass if it has one of ``roles``.

    Raises ForbiddenError ``role_missing``.
    """
    if caller.roles.isdisjoint(roles):
        wanted = " or ".join(sorted(role.value for role in roles))
        raise ForbiddenError(
            "role_missing",
            f"this needs the role {wanted}; {caller.name} has none of it (local_api.roles, or "
            "liaison token)",
        )
