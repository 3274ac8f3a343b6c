"""The questions of one session in plain mode: asked one after the other, answered by keys, words or a file.

Rule 1: this side decides nothing but what to say; the controller refuses what is not allowed.
Rule 2: an answer leaves at most once; a refused one is asked again.
"""

from collections.abc import Mapping
from typing import Final

from devices.model import NS_PER_MS
from modctl.cli.answers import AGAIN, CONFIRM, NOT_DONE, NOT_YET, UNCHANGED, Question, from_file, held_lines
from modctl.cli.common import say
from modctl.cli.typed_line import TypedLine
from modctl.clock import SystemClock
from modctl.ipc.asks import MAX_WORDS_CHARS, held
from modctl.ipc.client import BlockingClient
from modctl.ipc.messages import Answer, GateView, SessionView

CONFIRM_NS: Final = 500 * NS_PER_MS  # contract: keys are ignored for half a second before a start
DUE_GATES: Final = ("skin_check", "ask_level")
WHY: Final = "Because … type why, then Enter; Enter alone: no words. Letters are text here; Ctrl-C and Escape stop."


class Asker:
    """Asks for one session. ``answers``: from a file; None: a person at this terminal answers.

    ``identified_ns``: the key that began the session said who it is, and when that was asked.
    """

    def __init__(
        self,
        client: BlockingClient,
        session: str,
        answers: Mapping[str, str] | None,
        identified_ns: int | None = None,
    ) -> None:
        self._client = client
        self._session = session
        self._answers = answers
        self._clock = SystemClock()
        self._question: Question | None = None
        self._line: TypedLine | None = None  # words beside an answer
        self._worded = ""  # that answer
        self._asked_ns = identified_ns or 0
        self._said_ahead = {} if identified_ns is None else {"identify": "confirmed"}
        self._due_ns: int | None = None  # the check that was asked or answered last, by the moment it fell due
        self._answered: frozenset[str] = frozenset()  # the gates whose answers are on their way
        self._held: tuple[GateView, ...] = ()  # earlier answers that a key says again
        self._anew: frozenset[str] = frozenset()  # gates whose earlier answer is not said again
        self._answer_id = 0

    # What is asked

    @property
    def is_typing(self) -> bool:
        """Keys are text now."""
        return self._line is not None

    def takes(self, key: str) -> bool:
        """The key belongs to a question; over a running session other keys go on meaning what they mean."""
        if self._line is not None or self._held:
            return True
        return self._question is not None and (key.isdigit() or self._question.gate.gate not in DUE_GATES)

    def see(self, view: SessionView) -> str | None:
        """Ask what is open. Gives the gate that a file leaves unanswered, which therefore stays closed."""
        gate = next((gate for gate in view.gates if gate.gate == view.gate), None)
        if gate is None or gate.gate in self._answered:
            return None
        if self._answers is not None:
            answer = from_file(gate, self._answers)
            if answer is None:
                return gate.gate
            self._answer(gate, answer, "file", 0)
        elif gate.gate in self._said_ahead:
            self._answer(gate, self._said_ahead.pop(gate.gate), "person", self._took_ms())
        elif gate.carried is not None and gate.gate not in self._anew:
            self._offer_held(held(view.gates, gate.gate))
        elif self._question is None or self._question.gate.gate != gate.gate:
            self._ask(gate)
        return None

    def see_due(self, view: SessionView) -> None:
        """Ask, or answer from the file, what has just fallen due."""
        if view.due is None and self._question is not None and self._question.gate.gate in DUE_GATES:
            self._question = self._line = None  # answered at another screen
        if view.due is None or view.due.since_mono_ns == self._due_ns:
            return
        self._due_ns = view.due.since_mono_ns
        if self._answers is None:
            self._ask(view.due.gate)
        elif (answer := self._answers.get(view.due.gate.gate)) is not None:
            self._answer(view.due.gate, answer, "file", 0)

    def is_mine(self, number: int) -> bool:
        """The controller speaks of the last answer that was sent."""
        return number == self._answer_id

    def ask_again(self) -> None:
        """The last answer was refused: what is open is asked once more."""
        self._answered = frozenset()
        self._question = self._line = None

    def _ask(self, gate: GateView) -> None:
        self._question, self._line = Question(gate), None
        self._asked_ns = self._clock.mono_ns()
        for line in self._question.lines():
            say(line)

    def _offer_held(self, gates: tuple[GateView, ...]) -> None:
        """Answers that still hold: one key says all of them again, each charted by itself."""
        if gates == self._held:
            return
        self._held = gates
        self._asked_ns = self._clock.mono_ns()
        for line in held_lines(gates):
            say(line)

    # What is answered

    def key(self, key: str) -> None:
        """A key that belongs to a question."""
        if self._line is not None:
            self._word(self._line, key)
        elif self._held:
            self._say_held(key)
        elif self._question is not None:
            self._choose(self._question, key)

    def give_words_up(self) -> None:
        """Back to the question, with nothing answered."""
        if self._question is not None:
            self._ask(self._question.gate)

    def _choose(self, question: Question, key: str) -> None:
        took_ns = self._clock.mono_ns() - self._asked_ns
        if question.gate.gate == CONFIRM and took_ns < CONFIRM_NS:
            return
        answer = question.key(key)
        if answer == NOT_YET:
            say("Not started. The output is off.")
            self._ask(question.gate)
        elif answer is not None and answer in question.gate.words:
            self._worded, self._line = answer, TypedLine(MAX_WORDS_CHARS)
            say(WHY)
        elif answer is not None:
            self._answer(question.gate, answer, "person", took_ns // NS_PER_MS)

    def _word(self, line: TypedLine, key: str) -> None:
        words = line.key(key)
        if words is None or self._question is None:
            return
        self._line = None
        self._answer(self._question.gate, self._worded, "person", self._took_ms(), words)
        if self._worded == NOT_DONE:
            self._due_ns = None  # a check that was not done is still due, and asked again

    def _say_held(self, key: str) -> None:
        gates, took_ms = self._held, self._took_ms()
        if key == UNCHANGED:
            self._held = ()
            for gate in gates:
                self._answer(gate, gate.carried or "", "carried", took_ms)
        elif key == AGAIN:
            self._held = ()
            self._anew = frozenset(gate.gate for gate in gates)
            self._ask(gates[0])

    def _took_ms(self) -> int:
        return (self._clock.mono_ns() - self._asked_ns) // NS_PER_MS

    def _answer(self, gate: GateView, answer: str, source: str, took_ms: int, words: str = "") -> None:
        self._answered |= {gate.gate}
        self._question = None
        self._answer_id = self._client.next_id()
        self._client.send(
            Answer(
                id=self._answer_id,
                session=self._session,
                gate=gate.gate,
                answer=answer,
                took_ms=took_ms,
                source=source,
                text=words,
            )
        )
