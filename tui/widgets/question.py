"""One question at a time: its words, and either choices or a number; beside some answers a line of text."""

from dataclasses import dataclass

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.events import Resize
from textual.message import Message
from textual.widgets import Input

from modctl.ipc.asks import BECAUSE, MAX_WORDS_CHARS, answer_words
from modctl.ipc.messages import GateView
from tui.looks import Line, Look, Span, wrapped
from tui.widgets.choices import Choice, Choices
from tui.widgets.number import NumberRow
from tui.widgets.rows import Rows


class Words(Rows):
    """The text of a question."""


class Question(Vertical):
    """Asks one gate and posts what was answered. Asking the same gate again changes nothing.

    An answer that says that something is not as it should be opens a line of text first. There space and s are text.
    """

    @dataclass
    class Given(Message):
        """A person's answer. ``closes``: with it the session does not go on. ``text``: why, in their words."""

        gate: str
        answer: str
        closes: bool
        text: str = ""

    def __init__(self) -> None:
        super().__init__()
        self._gate: GateView | None = None
        self._chosen = ""  # the answer whose words are being typed

    def compose(self) -> ComposeResult:
        """The text, then what can be answered; of the three one is shown."""
        yield Words()
        yield Choices()
        yield NumberRow()
        yield Input(id="because", max_length=MAX_WORDS_CHARS)

    @property
    def is_wording(self) -> bool:
        """A person types why."""
        return self.has_class("wording")

    def ask(self, gate: GateView) -> None:
        """Ask this one, with nothing answered yet."""
        self._gate = gate
        self._end_words()
        is_number = gate.maximum is not None or not gate.answers
        self.set_class(is_number, "number")
        if not is_number:
            self.query_one(Choices).offer([Choice(key, text) for key, text in gate.answers], cursor=0)
        else:
            self.query_one(NumberRow).ask(gate.minimum or 0, 10 if gate.maximum is None else gate.maximum, gate.answers)
        self._show()

    def on_resize(self, event: Resize) -> None:
        """Another width, other lines; the answers keep their cursor."""
        del event
        self._draw()

    def rest(self) -> None:
        """Nothing is asked now; no key answers anything."""
        self._gate = None
        self._end_words()
        self.remove_class("number")
        self.query_one(Words).show(())
        self.query_one(Choices).offer(())

    def take_back(self) -> bool:
        """From the words back to the answers, with nothing answered. False: no words are being typed."""
        if not self.is_wording:
            return False
        self._end_words()
        self._show()
        return True

    @on(Choices.Chosen)
    def _chose(self, event: Choices.Chosen) -> None:
        event.stop()
        self._take(event.key)

    @on(NumberRow.Entered)
    def _entered(self, event: NumberRow.Entered) -> None:
        event.stop()
        self._give(str(event.value))

    @on(NumberRow.Said)
    def _said(self, event: NumberRow.Said) -> None:
        event.stop()
        self._take(event.answer)

    @on(Input.Submitted)
    def _worded(self, event: Input.Submitted) -> None:
        event.stop()
        if self.is_wording:
            answer, words = self._chosen, event.value.strip()
            self._end_words()
            self._show()
            self._give(answer, words)

    def _take(self, answer: str) -> None:
        if self._gate is None or answer not in self._gate.words:
            self._give(answer)
            return
        self._chosen = answer
        self.add_class("wording")
        self._show()

    def _end_words(self) -> None:
        self._chosen = ""
        self.remove_class("wording")
        self.query_one(Input).value = ""

    def _give(self, answer: str, text: str = "") -> None:
        if self._gate is not None:
            self.post_message(self.Given(self._gate.gate, answer, answer in self._gate.closes, text))

    def _show(self) -> None:
        """Words and focus of what is asked now."""
        self._draw()
        kind = Input if self.is_wording else NumberRow if self.has_class("number") else Choices
        self.query_one(kind).focus()

    def _draw(self) -> None:
        if self._gate is not None:
            self.query_one(Words).show(_words(self._gate, self._chosen, self.size.width))


def _words(gate: GateView, chosen: str, width: int) -> tuple[Line, ...]:
    """The question; once an answer wants words, that answer in place of the question's text."""
    flowing = gate.text.replace("·\n", "· ")  # a list may be broken anywhere; other breaks are meant
    asked = f"{answer_words(gate, chosen)}, {BECAUSE}" if chosen else flowing
    rows = wrapped(asked, max(1, width - 4)) if asked else ()
    return ((Span(f" {gate.title}", Look.STRONG),), *((Span("   "), *row) for row in rows), (Span(""),))
