"""A screen that asks a session's gates one after the other: before the start, and after the end."""

from collections.abc import Sequence
from typing import Final

from textual import on

from devices.model import NS_PER_MS
from modctl.ipc.asks import held, held_words
from modctl.ipc.messages import Answer, Done, GateView, Refused, Request, SessionView
from tui.messages import Asked
from tui.screens.base import TableScreen
from tui.sight import Sight
from tui.widgets.question import Question

HELD: Final = "held"  # the question about answers that still hold; the controller knows no such gate
UNCHANGED: Final = "unchanged"


def held_question(gates: Sequence[GateView]) -> GateView:
    """One question for all answers that still hold, each with its age."""
    every = "" if len(gates) == 1 else f", all {len(gates)}"
    return GateView(
        gate=HELD,
        title="Unchanged?",
        text="\n".join(held_words(gates)),
        answers=((UNCHANGED, f"Unchanged{every} (u)"), ("again", "Ask again")),
        closes=(),
    )


class AskingScreen(TableScreen):
    """Shows the gate that the controller wants answered next, and sends one answer to it."""

    def __init__(self, session: str) -> None:
        super().__init__()
        self.session = session
        self.subject = session
        self._asked: tuple[str, int] = ("", 0)  # the gate that is shown, and since when
        self._now_ns = 0
        self._waits = False  # for the controller's answer: no second answer meanwhile
        self._held: tuple[GateView, ...] = ()  # earlier answers that are offered now, to be said again with one key
        self._sent: frozenset[str] = frozenset()  # of those, the gates that were said again
        self._anew: frozenset[str] = frozenset()  # of those, the gates that are asked all the same

    def see_middle(self, sight: Sight) -> None:
        """Show the newest of the session."""
        self._now_ns = sight.now_ns
        view = sight.session(self.session)
        if view is None:
            return
        gate = next((gate for gate in view.gates if gate.gate == view.gate), None)
        self.see_session(sight, view, gate)
        if gate is None or view.closed or gate.gate == self._asked[0] or gate.gate in self._sent:
            return
        self._asked = (gate.gate, sight.now_ns)
        self._waits = False
        is_held = gate.carried is not None and gate.gate not in self._anew
        self._held = held(view.gates, gate.gate) if is_held else ()
        self.query_one(Question).ask(held_question(self._held) if is_held else gate)
        self.asking(gate)

    def see_session(self, sight: Sight, view: SessionView, gate: GateView | None) -> None:
        """Show what stands around the question."""

    def asking(self, gate: GateView) -> None:
        """Another question has just appeared."""

    def holds_back(self, given: Question.Given) -> bool:
        """The answer is not one for the controller."""
        del given
        return False

    def takes_back(self) -> bool:
        """Out of the words beside an answer."""
        return self.query_one(Question).take_back()

    def answered(self, asked: Request, reply: Done | Refused) -> None:
        """A refused answer may be given again."""
        if isinstance(asked, Answer) and isinstance(reply, Refused):
            self._waits = False
            if asked.gate in self._sent:
                self._sent = frozenset()
                self._ask_again(asked.gate)

    @property
    def offers_held(self) -> bool:
        """Earlier answers stand there, to be said again with one key."""
        return bool(self._held) and not self._waits

    def say_unchanged(self) -> None:
        """What is offered as it was said before holds: each answer is sent by itself."""
        if self._waits or not self._held:
            return
        self._waits = True
        took_ms = (self._now_ns - self._asked[1]) // NS_PER_MS
        held_now, self._held = self._held, ()
        self._sent = frozenset(gate.gate for gate in held_now)
        for gate in held_now:
            answer = gate.carried or ""
            self.post_message(
                Asked(
                    Answer(
                        id=0,
                        session=self.session,
                        gate=gate.gate,
                        answer=answer,
                        took_ms=took_ms,
                        source="carried",
                    )
                )
            )

    def _ask_again(self, *gates: str) -> None:
        self._held = ()
        self._anew |= frozenset(gates)
        self._asked = ("", 0)

    @on(Question.Given)
    def _given(self, event: Question.Given) -> None:
        event.stop()
        if event.gate == HELD:
            if event.answer == UNCHANGED:
                self.say_unchanged()
            else:
                self._ask_again(*(gate.gate for gate in self._held))
            return
        if self._waits or event.gate != self._asked[0] or self.holds_back(event):
            return
        self._waits = True
        took_ms = (self._now_ns - self._asked[1]) // NS_PER_MS
        answer = Answer(
            id=0, session=self.session, gate=event.gate, answer=event.answer, took_ms=took_ms, text=event.text
        )
        self.post_message(Asked(answer))
