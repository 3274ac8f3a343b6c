"""The line that is typed into, with what is asked above it. It has the keys only while something is asked."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Input

from tui.bench.form import Ask
from tui.bench.watch import Told
from tui.looks import Look, Span, fitted
from tui.widgets.rows import Rows

Then = Callable[[Sequence[str]], None]


class _Aside(NamedTuple):
    """Questions that make room for a while, as far as they are answered."""

    asks: tuple[Ask, ...]
    given: list[str]
    then: Then
    words: str  # in the line, not taken yet


class Typed(Vertical):
    """One question after the other; ``then`` gets all the answers, or nothing happens."""

    def __init__(self) -> None:
        super().__init__()
        self._asks: tuple[Ask, ...] = ()
        self._given: list[str] = []
        self._then: Then = lambda _: None
        self._aside: _Aside | None = None

    @property
    def is_asking(self) -> bool:
        """Something is being typed."""
        return bool(self._asks)

    def compose(self) -> ComposeResult:
        """The question, and the line under it."""
        yield Rows()
        yield Input(select_on_focus=False)  # what stands there is changed, not replaced

    def on_mount(self) -> None:
        """Nothing is asked yet."""
        self.display = False

    def ask(self, asks: tuple[Ask, ...], then: Then) -> None:
        """Begin."""
        self._asks, self._given, self._then = asks, [], then
        self._next()

    def put_aside(self) -> None:
        """Whoever types must show first who they are. A secret is kept nowhere."""
        if self.is_asking and not any(ask.secret for ask in self._asks):
            self._aside = _Aside(self._asks, self._given, self._then, self.query_one(Input).value)
        self.end()

    def take_up(self) -> None:
        """Go on where it was put aside."""
        if self._aside is None or self.is_asking:
            return
        (self._asks, self._given, self._then, words), self._aside = self._aside, None
        self._next()
        self.query_one(Input).value = words
        self.query_one(Input).cursor_position = len(words)

    def end(self) -> None:
        """Ask nothing more; what was typed is forgotten."""
        self._asks = ()
        self.display = False
        self.query_one(Input).value = ""
        self.screen.set_focus(None)

    def _next(self) -> None:
        ask, typed = self._asks[len(self._given)], self.query_one(Input)
        place = f"{len(self._given) + 1}/{len(self._asks)} " if len(self._asks) > 1 else ""
        self.query_one(Rows).show([(Span(fitted(f" {place}{ask.label}:", self.app.size.width), Look.STRONG),)])
        typed.password, typed.value = ask.secret, ask.filled
        typed.cursor_position = len(ask.filled)
        self.display = True
        typed.focus()

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        if not self._asks:
            return
        problem = self._asks[len(self._given)].problem(event.value)
        if problem:
            self.post_message(Told(problem))
            return
        self._given.append(event.value)
        if len(self._given) < len(self._asks):
            self.post_message(Told(""))
            self._next()
            return
        then, given = self._then, self._given
        self.end()
        then(given)
