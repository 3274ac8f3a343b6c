"""What the acts of the pages may do to the screen: ask, send, say, show. The app is one; so acts never import it."""

from collections.abc import Callable
from typing import Protocol

from modctl.ipc.messages import Request
from tui.bench.form import Ask
from tui.bench.pages import Do, Page
from tui.bench.state import Bench
from tui.bench.typed import Then

Doers = dict[Do, Callable[[], None]]


class Desk(Protocol):
    """The screen, as its acts see it."""

    def who(self) -> str:
        """Who works here."""

    def state(self) -> Bench:
        """Everything that is known now."""

    def change(self, **fields: object) -> None:
        """Other values for some of it."""

    def ask(self, asks: tuple[Ask, ...], then: Then) -> None:
        """Ask one line after the other; ``then`` gets all the answers, or nothing happens."""

    def send(self, request: Request) -> None:
        """Ask the controller."""

    def say(self, notice: str) -> None:
        """One line for a person."""

    def show(self, page: Page) -> None:
        """Another page; Backspace leads here again."""
