"""What the daemon says against a request."""

from typing import TYPE_CHECKING

from gateway.errors import RejectedError

if TYPE_CHECKING:
    from gateway.network.problems import FaultView, Problem


class ToldError(RejectedError):
    """What the daemon refused, with the faults it named."""

    def __init__(self, problem: "Problem") -> None:
        super().__init__(problem.code, problem.detail)
        self.faults: list[FaultView] = problem.faults
