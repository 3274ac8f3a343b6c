"""The questions before the start, one at a time. A gate still valid is one line; a closed one says why."""

from collections.abc import Sequence

from textual.app import ComposeResult

from modctl import text
from modctl.ipc.asks import answer_words
from modctl.ipc.messages import GateView, SessionView, UnitRow
from tui.acts import BACK, CHOOSE, UNCHANGED, Offer, wording_offers
from tui.looks import EMPTY, Line, Look, Span, fitted, width_of
from tui.messages import ConfirmShown, Noticed
from tui.screens.asking import AskingScreen
from tui.sight import Sight
from tui.states import patient_of, side_of, sim, who_and_where
from tui.widgets.question import Question
from tui.widgets.rows import Rows

STOP_SWITCH = "stop_switch"
CONFIRM = "confirm"  # the gate that starts output
DONE_ROWS = 2  # of answers given before, on the smallest screen: the question and its answers need the room
NOT_YET = "Nothing was started. Choose the other answer when the patient is ready, or Backspace to give up."


class GatesScreen(AskingScreen):
    """Asks what the controller wants to know of one session, until it begins or is given up."""

    def middle(self) -> ComposeResult:
        """What was answered, what is read back, and the question."""
        yield Rows(id="title")
        yield Rows(id="done")
        yield Rows(id="readback")
        yield Question()

    def on_mount(self) -> None:
        """Until the first snapshot names the session there is nothing to ask."""
        self.query_one("#title", Rows).show([(Span(" Asking the controller …"),)])

    def offers(self, sight: Sight) -> Sequence[Offer]:
        """Its own keys."""
        del sight
        if self.query_one(Question).is_wording:
            return wording_offers(self.action_back)
        again = (Offer(UNCHANGED, self.say_unchanged),) if self.offers_held else ()
        return Offer(CHOOSE, word="answer"), *again, Offer(BACK, self.action_back, word="give up")

    def see_session(self, sight: Sight, view: SessionView, gate: GateView | None) -> None:
        """What was answered; before the start, all that it would do."""
        width = self.size.width
        is_confirm = gate is not None and gate.gate == CONFIRM
        self.query_one("#title", Rows).show([title_line(view, width)])
        done = () if is_confirm else done_lines(view, width)
        done = done if self.has_class("tall") else done[-DONE_ROWS:]
        readback = readback_lines(view, width) if is_confirm else ()
        if gate is not None and gate.gate == STOP_SWITCH:
            readback = switch_lines(sight.unit(view.unit))
        self.query_one("#done", Rows).show((EMPTY, *done, EMPTY) if done else (EMPTY,))
        self.query_one("#readback", Rows).show((*readback, EMPTY) if readback else ())

    def asking(self, gate: GateView) -> None:
        """The question that starts output may not be answered by a key meant for the one before."""
        if gate.gate == CONFIRM:
            self.post_message(ConfirmShown())

    def holds_back(self, given: Question.Given) -> bool:
        """*Not yet* is no answer: the question stays."""
        if given.gate == CONFIRM and given.closes:
            self.post_message(Noticed(NOT_YET))
            return True
        return False


def switch_lines(row: UnitRow | None) -> tuple[Line, ...]:
    """What the unit says of its stop switch now."""
    told = "" if row is None else row.stop_switch
    return ((Span("   The unit says: "), Span(told or "nothing about its switch", Look.STRONG)),)


def title_line(view: SessionView, width: int) -> Line:
    """Which session is being prepared, and how far it is."""
    gates = [gate.gate for gate in view.gates]
    number = gates.index(view.gate) + 1 if view.gate in gates else len(gates)
    return who_and_where(view, width, before=f"Question {number}  ")


def done_lines(view: SessionView, width: int) -> tuple[Line, ...]:
    """What was answered so far, short: two in a line."""
    told = [
        f"✓ {gate.title.rstrip('?')}: {answer_words(gate, gate.answered)}"
        for gate in view.gates
        if gate.answered is not None
    ]
    half = (width - 2) // 2
    pairs = [told[at : at + 2] for at in range(0, len(told), 2)]
    return tuple((Span(" "), *(Span(fitted(words, half), Look.QUIET) for words in pair)) for pair in pairs)


def readback_lines(view: SessionView, width: int) -> tuple[Line, ...]:
    """Who, where and with what, each under its word; the question itself reads back the prescription and its values."""
    lease = f"{text.duration(view.lease_ms)} unheard, then off" if view.lease_ms else "does NOT go off by itself"
    attended = "; stops if this screen is lost" if view.attended else "; goes on without this screen"
    told: tuple[tuple[str, Line], ...] = (
        ("unit", (sim(is_simulated=view.simulated), Span(view.unit, Look.STRONG), Span(f"  {view.model}"))),
        ("patient", (Span(patient_of(view), Look.STRONG),)),
        ("where", (Span(f"{view.region} ", Look.STRONG), side_of(view))),
        ("time", (Span(text.clock(view.planned_ms), Look.STRONG), Span(f"   {lease}{attended}"))),
    )
    return tuple((Span(f"   {name:9}", Look.QUIET), *_cut(spans, width - 12)) for name, spans in told)


def _cut(spans: Line, cells: int) -> Line:
    """The last span gives way when a line is too long."""
    head, last = spans[:-1], spans[-1]
    return (*head, Span(fitted(last.text, min(cells - width_of(head), width_of((last,)))), last.look))
