"""What the page asks of whoever runs the till.

Owns: the seam between page and agent. Must never: know how the agent keeps its state.
"""

from collections.abc import AsyncIterator
from typing import Protocol

from tessera.panel.view import ScreenView


class PanelSource(Protocol):
    """The till as the page sees it."""

    def view(self, language: str) -> ScreenView:
        """The screen as it stands now, its programme's texts in `language`. Quick, no waiting."""

    def newest_id(self) -> int:
        """The number of the newest change; it only rises while the process lives."""

    def subscribe(self, last_id: int) -> AsyncIterator[int]:
        """The number of each change after `last_id`, without an end.

        A reader that fell behind may be given the newest number alone: the page draws the whole
        state each time, so nothing is lost between two numbers.
        """

    async def accept_reward(self, *, sale: str, reward: str, accepted: bool) -> None:
        """Accept a reward for the sale, or take it back.

        TesseraError when that sale is no longer the open one or does not offer the reward.
        """

    async def clear_member(self, *, sale: str) -> None:
        """Forget the member of the sale (the wrong card was scanned). TesseraError as above."""

    async def enrol_card(self, *, sale: str) -> None:
        """Make the card that nobody has a new member's, who joins the sale.

        TesseraError as above, and when the card is somebody's by now.
        """

    async def dismiss_notice(self, *, notice: str) -> None:
        """Take a notice off the screen; one that is gone already is no error."""
