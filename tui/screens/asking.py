"""A screen that asks a session's gates one after the other: before the start, and after the end."""

from textual import on

from devices.model import NS_PER_MS
from modctl.ipc.messages import Answer, Done, GateView, Refused, Request, SessionView
from tui.messages import Asked
from tui.screens.base import TableScreen
from tui.sight import Sight
from tui.widgets.question import Question


class AskingScreen(TableScreen):
    """Shows the gate that the controller wants answered next, and sends one answer to it."""

    def __init__(self, session: str) -> None:
        super().__init__()
        self.session = session
        self.subject = session
        self._asked: tuple[str, int] = ("", 0)  # the gate that is shown, and since when
        self._now_ns = 0
        self._waits = False  # for the controller's answer: no second answer meanwhile

    def see_middle(self, sight: Sight) -> None:
        """Show the newest of the session."""
        self._now_ns = sight.now_ns
        view = sight.session(self.session)
        if view is None:
            return
        gate = next((gate for gate in view.gates if gate.gate == view.gate), None)
        self.see_session(sight, view, gate)
        if gate is not None and not view.closed and gate.gate != self._asked[0]:
            self._asked = (gate.gate, sight.now_ns)
            self._waits = False
            self.query_one(Question).ask(gate)
            self.asking(gate)

    def see_session(self, sight: Sight, view: SessionView, gate: GateView | None) -> None:
        """Show what stands around the question."""

    def asking(self, gate: GateView) -> None:
        """Another question has just appeared."""

    def holds_back(self, given: Question.Given) -> bool:
        """The answer is not one for the controller."""
        del given
        return False

    def answered(self, asked: Request, reply: Done | Refused) -> None:
        """A refused answer may be given again."""
        if isinstance(asked, Answer) and isinstance(reply, Refused):
            self._waits = False

    @on(Question.Given)
    def _given(self, event: Question.Given) -> None:
        event.stop()
        if self._waits or event.gate != self._asked[0] or self.holds_back(event):
            return
        self._waits = True
        took_ms = (self._now_ns - self._asked[1]) // NS_PER_MS
        self.post_message(
            Asked(Answer(id=0, session=self.session, gate=event.gate, answer=event.answer, took_ms=took_ms))
        )
