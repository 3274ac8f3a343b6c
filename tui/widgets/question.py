"""One question at a time: its words, and either choices or a number."""

from dataclasses import dataclass

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.events import Resize
from textual.message import Message

from modctl.ipc.messages import GateView
from tui.looks import Line, Look, Span, wrapped
from tui.widgets.choices import Choice, Choices
from tui.widgets.number import NumberRow
from tui.widgets.rows import Rows


class Words(Rows):
    """The text of a question."""


class Question(Vertical):
    """Asks one gate and posts what was answered. Asking the same gate again changes nothing."""

    @dataclass
    class Given(Message):
        """A person's answer. ``closes``: with it the session does not go on."""

        gate: str
        answer: str
        closes: bool

    def __init__(self) -> None:
        super().__init__()
        self._gate: GateView | None = None

    def compose(self) -> ComposeResult:
        """The text, then what can be answered; one of the two is hidden."""
        yield Words()
        yield Choices()
        yield NumberRow()

    def ask(self, gate: GateView) -> None:
        """Ask this one, with nothing answered yet."""
        self._gate = gate
        is_number = gate.maximum is not None or not gate.answers
        self.set_class(is_number, "number")
        self.query_one(Words).show(_words(gate, self.size.width))
        if not is_number:
            self.query_one(Choices).offer([Choice(key, text) for key, text in gate.answers], cursor=0)
            self.query_one(Choices).focus()
        else:
            self.query_one(NumberRow).ask(gate.minimum or 0, 10 if gate.maximum is None else gate.maximum, gate.answers)
            self.query_one(NumberRow).focus()

    def on_resize(self, event: Resize) -> None:
        """Another width, other lines; the answers keep their cursor."""
        if self._gate is not None:
            self.query_one(Words).show(_words(self._gate, event.size.width))

    def rest(self) -> None:
        """Nothing is asked now; no key answers anything."""
        self._gate = None
        self.remove_class("number")
        self.query_one(Words).show(())
        self.query_one(Choices).offer(())

    @on(Choices.Chosen)
    def _chosen(self, event: Choices.Chosen) -> None:
        event.stop()
        self._give(event.key)

    @on(NumberRow.Entered)
    def _entered(self, event: NumberRow.Entered) -> None:
        event.stop()
        self._give(str(event.value))

    @on(NumberRow.Said)
    def _said(self, event: NumberRow.Said) -> None:
        event.stop()
        self._give(event.answer)

    def _give(self, answer: str) -> None:
        if self._gate is not None:
            self.post_message(self.Given(self._gate.gate, answer, answer in self._gate.closes))


def _words(gate: GateView, width: int) -> tuple[Line, ...]:
    flowing = gate.text.replace("·\n", "· ")  # a list may be broken anywhere; other breaks are meant
    rows = wrapped(flowing, max(1, width - 4)) if flowing else ()
    return ((Span(f" {gate.title}", Look.STRONG),), *((Span("   "), *row) for row in rows), (Span(""),))
