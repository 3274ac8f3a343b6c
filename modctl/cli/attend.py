"""One session from its request to its end at a plain terminal, or from a file of answers.

Rule 1: this side decides nothing but what to say and what to ask for; the controller refuses what is not allowed.
Rule 2: the first Ctrl-C stops, and so does ``s`` at any moment; further ones change nothing until off is settled.
Rule 3: when this process ends, however it does, the connection ends, and the controller stops what it attended.
"""

import select
from collections.abc import Mapping
from typing import Final

import msgspec

from devices.model import NS_PER_MS, Direction
from modctl import text
from modctl.cli.answers import AGAIN, CONFIRM, NOT_YET, UNCHANGED, Question, from_file, held_lines
from modctl.cli.common import Context, emit_raw, print_line, say
from modctl.cli.keys import Keys
from modctl.cli.openings import SOFT, Ask
from modctl.cli.reach import is_usage
from modctl.cli.refusal import refusal_entries, uncharted
from modctl.clock import SystemClock
from modctl.errors import Exit
from modctl.ipc.client import BlockingClient
from modctl.ipc.messages import (
    Answer,
    Answering,
    Beat,
    Event,
    GateView,
    ListPatients,
    OverrideAsk,
    Pause,
    Refused,
    Request,
    Resume,
    SessionView,
    Snapshot,
    Start,
    Step,
    Stop,
    Subscribe,
    held,
)
from modctl.ipc.servicing import BenchRun
from modctl.records import Entry, SessionEnded
from modctl.reports.telling import (
    ENDED,
    REFUSED,
    STREAM_KINDS,
    Teller,
    entry_of,
    flat,
    flat_sample,
    record_of,
    samples,
)

BEAT_S: Final = 0.25  # contract: a screen that attends beats every 250 ms
REPEAT: Final = "r"
BODY_WEIGHT: Final = "body_weight"
BODY_WEIGHT_KG: Final = (10, 400)  # as the controller takes it
OVER: Final = ("ended", "unconfirmed")
CONFIRM_NS: Final = 500 * NS_PER_MS  # contract: keys are ignored for half a second before a start
KEYS_HELP: Final = "Keys: + raises, - lowers, p pauses, r resumes, s stops, w says all, l repeats, any other holds."


class Attendant:
    """Runs one session. ``answers``: from a file; None: a person at this terminal answers."""

    def __init__(
        self,
        client: BlockingClient,
        keys: Keys,
        context: Context,
        answers: Mapping[str, str] | None,
        opens: Ask | None = None,
    ) -> None:
        self._client = client
        self._keys = keys
        self._context = context
        self._answers = answers
        self._opens = opens  # asks a person for what opens a soft limit; None: nobody is asked
        self._clock = SystemClock()
        self._teller = Teller()
        self._session: str | None = None
        self._view: SessionView | None = None
        self._question: Question | None = None
        self._asked_ns = 0
        self._answered: frozenset[str] = frozenset()  # the gates whose answers are on their way
        self._held: tuple[GateView, ...] = ()  # earlier answers that a key says again
        self._anew: frozenset[str] = frozenset()  # gates whose earlier answer is not said again
        self._said_ahead: dict[str, str] = {}  # answered by the key that began the session
        self._answer_id = 0
        self._was_given_up = False
        self._outcome: str | None = None
        self._is_stopping = False
        self._is_over = False
        self._exit: Exit | None = None
        self._last_line = ""
        self._ahead: list[str] = []  # keys that came before there was a question for them

    def run(self, start: Start | BenchRun) -> Exit:
        """Ask for the session, answer, watch, and say how it ended."""
        self._client.request(Subscribe(id=self._client.next_id()))
        if isinstance(start, Start) and start.repeat and not self._is_repeated(start):
            return Exit.OK
        answer = self._client.request(start)
        while isinstance(answer, Refused):
            more = self._with_what_was_missing(answer, start)
            if more is None:
                say(answer.reason)
                return Exit.USAGE if is_usage(answer.code) else Exit.REFUSED
            start = more
            answer = self._client.request(start)
        self._session = answer.session
        if self._answers is None:
            say(KEYS_HELP)
        while self._exit is None:
            self._wait()
        return self._exit

    # Before the session

    def _is_repeated(self, start: Start) -> bool:
        """Say who it is and what would be repeated; a key says that both identifiers were asked for and are right."""
        listed = self._client.request(ListPatients(id=self._client.next_id()))
        rows = () if isinstance(listed, Refused) else listed.patients or ()
        row = next((one for one in rows if one.ref == start.patient), None)
        if row is None:
            say(f"There is no patient {start.patient!r}. Nothing was started.")
            return False
        say("Ask for the name and the birth date; do not say them first.")
        say(f"The record says: {row.name}, born {row.birth_date}, {row.side} side.")
        say(f"{REPEAT} both are right: the last session once more; any other key leaves.")
        asked_ns = self._clock.mono_ns()
        if self._next_key() != REPEAT:
            say("Nothing was started.")
            return False
        self._asked_ns = asked_ns
        self._said_ahead = {"identify": "confirmed"}
        return True

    def _asked_weight(self) -> int | None:
        """Body weight from the keys; None when it is given up."""
        low, high = BODY_WEIGHT_KG
        gate = GateView(
            gate=BODY_WEIGHT, title="Body weight in kg", text="", answers=(), closes=(), minimum=low, maximum=high
        )
        question = Question(gate)
        for line in question.lines():
            say(line)
        while (key := self._next_key()) not in (None, "s"):
            answer = question.key(key or "")
            if answer is not None:
                return int(answer)
        say("Nothing was started.")
        return None

    def _next_key(self) -> str | None:
        """Wait for one key while nothing runs; None for Ctrl-C."""
        while not self._ahead:
            self._client.send(Beat())
            select.select(self._keys.filenos(), [], [], BEAT_S)
            if self._keys.take_interrupts():
                return None
            self._ahead.extend(self._keys.take())
        return self._ahead.pop(0)

    def _with_what_was_missing(self, refusal: Refused, start: Start | BenchRun) -> Start | None:
        """The request with the body weight or the opening that it was refused for; None: nobody gives it."""
        if isinstance(start, Start) and refusal.code == BODY_WEIGHT and self._answers is None:
            say(refusal.reason)
            weight_kg = self._asked_weight()
            if weight_kg is None:
                return None
            return msgspec.structs.replace(start, id=self._client.next_id(), body_weight_kg=weight_kg)
        self._tell_refusal(refusal, start)
        more = self._opening(refusal)
        if more is None or not isinstance(start, Start):
            return None
        return msgspec.structs.replace(
            start,
            id=self._client.next_id(),
            overrides=(*start.overrides, more),
            body_weight_kg=None,  # a soft limit is met after the weight was kept
        )

    def _tell_refusal(self, refusal: Refused, start: Start | BenchRun) -> None:
        charted = refusal_entries(self._client, start)
        for entry in charted:
            self._tell(entry)
        if not charted and self._context.json:
            emit_raw(uncharted(refusal))

    def _opening(self, refusal: Refused) -> OverrideAsk | None:
        """What a person at this terminal gives to open a soft limit; while they type, keys are text."""
        if self._opens is None or refusal.code != SOFT:
            return None
        with self._keys.typing():
            return self._opens(refusal)

    # Waiting

    def _wait(self) -> None:
        self._client.send(Beat())
        sources = [self._client.fileno(), *self._keys.filenos()]
        timeout_s = 0.0 if self._client.has_waiting() else BEAT_S
        ready, _, _ = select.select(sources, [], [], timeout_s)
        if self._keys.take_interrupts():
            self._on_interrupt()
        if any(source in ready for source in self._keys.filenos()[1:]):
            for key in self._keys.take():
                self._on_key(key)
        while self._exit is None and (message := self._client.next_message(0)) is not None:
            self._on_message(message)

    def _on_message(self, message: Answering) -> None:
        match message:
            case Event():
                entry = entry_of(message.entry)
                if entry.session == self._session:
                    self._on_entry(entry)
            case Snapshot():
                view = next((view for view in message.sessions if view.session == self._session), None)
                if view is not None:
                    self._on_view(view)
            case Refused():
                self._on_refused(message)
            case _:
                pass

    def _on_refused(self, refusal: Refused) -> None:
        say(refusal.reason)
        if refusal.id != self._answer_id:
            return
        if self._answers is None:
            self._answered = frozenset()  # asked again
            self._question = None
        elif self._is_over:
            self._end()  # what was asked at the end stays open
        else:
            self._give_up()

    def _on_interrupt(self) -> None:
        if self._is_over:
            self._end()  # off is settled; what was asked at the end stays open
        else:
            self._stop()

    # What happens

    def _on_entry(self, entry: Entry) -> None:
        if self._is_over:
            return
        self._tell(entry)
        if entry.kind == REFUSED:
            self._was_given_up = True
        elif entry.kind == ENDED:
            self._is_over = True
            record = record_of(entry)
            self._outcome = record.outcome if isinstance(record, SessionEnded) else None

    def _tell(self, entry: Entry) -> None:
        if self._context.json:
            for sample in samples(entry):
                emit_raw(flat_sample(entry, sample))
            if entry.kind in STREAM_KINDS:
                emit_raw(flat(entry))
            return
        for line in self._teller.lines(entry):
            self._last_line = line
            print_line(line)

    def _on_view(self, view: SessionView) -> None:
        self._view = view
        if self._is_over and (view.closed or (self._answers is None and not self._keys.is_terminal)):
            self._end()
            return
        gate = next((gate for gate in view.gates if gate.gate == view.gate), None)
        is_ahead = view.phase in OVER and not self._is_over  # a snapshot can overtake the entry that it stands for
        if gate is None or gate.gate in self._answered or is_ahead:
            return
        if self._answers is not None:
            self._answer_from_file(gate, self._answers)
        elif gate.gate in self._said_ahead:
            self._answer(gate, self._said_ahead.pop(gate.gate), "person", self._took_ms())
        elif gate.carried is not None and gate.gate not in self._anew:
            self._offer_held(held(view.gates, gate.gate))
        elif self._question is None or self._question.gate.gate != gate.gate:
            self._ask(gate)

    def _end(self) -> None:
        ended = Exit.OK if self._outcome == "completed" else Exit.FINDINGS
        self._exit = Exit.REFUSED if self._was_given_up else ended

    # Questions

    def _answer_from_file(self, gate: GateView, answers: Mapping[str, str]) -> None:
        answer = from_file(gate, answers)
        if answer is not None:
            self._answer(gate, answer, "file", 0)
        elif self._is_over:
            self._end()
        elif not self._is_stopping:
            say(f"The question {gate.gate!r} is not answered in the file, so it stays closed: nothing was started.")
            self._give_up()

    def _give_up(self) -> None:
        """A gate stays closed: end the request; nothing was energized."""
        self._was_given_up = True
        self._stop()

    def _ask(self, gate: GateView) -> None:
        self._question = Question(gate)
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

    def _on_held_key(self, key: str) -> None:
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

    def _answer(self, gate: GateView, answer: str, source: str, took_ms: int) -> None:
        self._answered |= {gate.gate}
        self._question = None
        self._answer_id = number = self._client.next_id()
        session = self._session or ""
        self._client.send(
            Answer(id=number, session=session, gate=gate.gate, answer=answer, took_ms=took_ms, source=source)
        )

    # Keys

    def _on_key(self, key: str) -> None:
        if key == "s":
            self._stop()
        elif key == "w":
            say(self._all_now())
        elif key == "l":
            say(self._last_line)
        elif self._held:
            self._on_held_key(key)
        elif self._question is not None:
            self._on_answer_key(self._question, key)
        elif self._view is not None and self._answers_are_in:
            self._ride(key)

    @property
    def _answers_are_in(self) -> bool:
        return self._view is not None and self._view.gate is None and not self._is_over

    def _on_answer_key(self, question: Question, key: str) -> None:
        took_ns = self._clock.mono_ns() - self._asked_ns
        if question.gate.gate == CONFIRM and took_ns < CONFIRM_NS:
            return
        answer = question.key(key)
        if answer == NOT_YET:
            say("Not started. The output is off.")
            self._ask(question.gate)
        elif answer is not None:
            self._answer(question.gate, answer, "person", took_ns // NS_PER_MS)

    def _ride(self, key: str) -> None:
        number, session = self._client.next_id(), self._session or ""
        request: Request
        match key:
            case "+":
                request = Step(id=number, session=session, direction=Direction.UP)
            case "-":
                request = Step(id=number, session=session, direction=Direction.DOWN)
            case "p":
                request = Pause(id=number, session=session)
            case "r":
                request = Resume(id=number, session=session)
            case _ if not key.isspace():
                request = Step(id=number, session=session, direction=Direction.HOLD)
            case _:
                return
        self._client.send(request)

    def _stop(self) -> None:
        if self._is_stopping or self._is_over:
            return
        self._is_stopping = True
        self._client.send(Stop(id=self._client.next_id(), session=self._session, source="terminal"))
        say("Stopping. The unit is asked whether it is off.")

    def _all_now(self) -> str:
        view = self._view
        if view is None:
            return text.NO_DATA
        level = view.level_parameter
        parts = (
            text.output(view.output),
            text.phase(view.phase),
            f"{view.unit}, {view.title}, {view.side} side",
            f"commanded {text.NO_DATA if view.commanded is None else text.quantity(level, view.commanded)}",
            f"reported {text.measured(level, view.measured, view.observed_as)}",
            f"delivered {text.clock(view.delivered_ms)} of {text.clock(view.planned_ms)}",
            text.contact(view.contact),
        )
        return ", ".join(parts)
