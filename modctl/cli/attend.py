"""One session, or the two of a combination, from the request to the end at a plain terminal or from a file of answers.

Rule 1: this side decides nothing but what to say and what to ask for; the controller refuses what is not allowed.
Rule 2: the first Ctrl-C stops, and so does ``s`` at any moment; further ones change nothing until off is settled.
Rule 3: when this process ends, however it does, the connection ends, and the controller stops what it attended.
"""

import select
from collections.abc import Mapping
from typing import Final

import msgspec

from devices.model import NS_PER_MS, Direction, Modality, PackAct
from modctl import text
from modctl.cli.answers import AGAIN, CONFIRM, NOT_DONE, NOT_YET, UNCHANGED, Question, from_file, held_lines
from modctl.cli.common import Context, emit_raw, print_line, say
from modctl.cli.keys import Keys
from modctl.cli.now import all_now
from modctl.cli.openings import SOFT, Ask
from modctl.cli.reach import is_usage
from modctl.cli.refusal import refusal_entries, uncharted
from modctl.clock import SystemClock
from modctl.errors import Exit
from modctl.ipc.asks import BODY_WEIGHT, WEIGHT_GATE, held
from modctl.ipc.client import BlockingClient
from modctl.ipc.hands import OverrideAsk
from modctl.ipc.messages import (
    Answer,
    Answering,
    Beat,
    Event,
    GateView,
    ListPatients,
    Pack,
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
)
from modctl.ipc.servicing import BenchRun
from modctl.records import Entry, SessionEnded, SessionRequested
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
OVER: Final = ("ended", "unconfirmed")
CONFIRM_NS: Final = 500 * NS_PER_MS  # contract: keys are ignored for half a second before a start
PAIR_HELP: Final = "Two units: 1 and 2 choose which one + and - mean; r resumes the ultrasound, then the stimulation."
DUE_GATES: Final = ("skin_check", "ask_level")
PACK_KEYS: Final = {"o": PackAct.ON, "f": PackAct.OFF, "u": PackAct.NUMB}
PACK_HELP: Final = "Pack: o says that it is on, f that it is off, u that the skin is numb and the ice is off."
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
        self._tellers: dict[str, Teller] = {}
        self._session: str | None = None  # the leading one: its questions are asked here
        self._views: dict[str, SessionView] = {}  # of both halves, the leading one first
        self._units: dict[str, str] = {}  # by session, for the lines of a combination
        self._chosen: str | None = None  # the session that + and - mean, once a person has chosen
        self._open: set[str] = set()  # sessions whose end is not charted yet
        self._question: Question | None = None
        self._asked_ns = 0
        self._due_ns: int | None = None  # the check that was asked or answered last, by the moment it fell due
        self._pack_acts: tuple[PackAct, ...] = ()  # what the file's person has done
        self._answered: frozenset[str] = frozenset()  # the gates whose answers are on their way
        self._held: tuple[GateView, ...] = ()  # earlier answers that a key says again
        self._anew: frozenset[str] = frozenset()  # gates whose earlier answer is not said again
        self._said_ahead: dict[str, str] = {}  # answered by the key that began the session
        self._answer_id = 0
        self._was_given_up = False
        self._outcomes: list[str] = []
        self._is_stopping = False
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
        self._session = answer.session or ""
        halves = [name for name in (answer.session, answer.partner) if name is not None]
        self._open = set(halves)
        self._tellers = {name: Teller() for name in halves}
        if self._answers is None:
            say(KEYS_HELP)
            if len(halves) > 1:
                say(PAIR_HELP)
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
        question = Question(WEIGHT_GATE)
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
                if entry.session in self._tellers:
                    self._on_entry(entry, entry.session)
            case Snapshot():
                found = {**self._views, **{view.session: view for view in message.sessions}}
                self._views = {name: found[name] for name in self._tellers if name in found}
                if self._session in self._views:
                    self._on_view(self._views[self._session])
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

    @property
    def _is_over(self) -> bool:
        return bool(self._tellers) and not self._open

    def _on_entry(self, entry: Entry, session: str) -> None:
        if session not in self._open:
            return
        self._tell(entry)
        if entry.kind == REFUSED:
            self._was_given_up = True
        elif entry.kind == ENDED:
            self._open.discard(session)
            record = record_of(entry)
            self._outcomes.extend([record.outcome] if isinstance(record, SessionEnded) else [])

    def _tell(self, entry: Entry) -> None:
        if self._context.json:
            for sample in samples(entry):
                emit_raw(flat_sample(entry, sample))
            if entry.kind in STREAM_KINDS:
                emit_raw(flat(entry))
            return
        session, record = entry.session or "", record_of(entry)
        if isinstance(record, SessionRequested):
            self._units[session] = record.unit
        half = f"{self._units.get(session, session)}: " if len(self._tellers) > 1 else ""
        for line in (self._tellers.get(session) or Teller()).lines(entry):
            self._last_line = half + line
            print_line(self._last_line)

    def _on_view(self, view: SessionView) -> None:
        if self._is_over and (view.closed or (self._answers is None and not self._keys.is_terminal)):
            self._end()
            return
        self._see_pack(view)
        self._see_due(view)
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
        ended = Exit.OK if set(self._outcomes) == {"completed"} else Exit.FINDINGS
        self._exit = Exit.REFUSED if self._was_given_up else ended

    # Packs, and what falls due

    def _see_pack(self, view: SessionView) -> None:
        """Say once what the keys of a pack are; a file's person acts when it is time."""
        waits = view.phase == "starting" and view.commanded is None
        if not view.by_hand or not (waits or view.phase == "stopping"):
            return
        act = PackAct.ON if waits else PackAct.OFF
        if self._answers is None:
            if waits and not self._pack_acts:
                self._pack_acts = (act,)
                say(f"Put the pack on, then press o. {PACK_HELP}")
        elif f"pack_{act}" in self._answers and act not in self._pack_acts:
            self._pack_acts = (*self._pack_acts, act)
            self._move_pack(act, "file")

    def _move_pack(self, act: PackAct, source: str) -> None:
        number = self._client.next_id()
        self._client.send(Pack(id=number, session=self._session or "", act=act, source=source))

    def _see_due(self, view: SessionView) -> None:
        """Ask, or answer from the file, what has just fallen due."""
        if view.due is None and self._question is not None and self._is_due(self._question):
            self._question = None  # answered at another screen
        if view.due is None or view.due.since_mono_ns == self._due_ns or self._is_over:
            return
        self._due_ns = view.due.since_mono_ns
        if self._answers is None:
            self._ask(view.due.gate)
        elif (answer := self._answers.get(view.due.gate.gate)) is not None:
            self._answer(view.due.gate, answer, "file", 0)

    @staticmethod
    def _is_due(question: Question) -> bool:
        """The question is one that fell due while there is output: other keys go on meaning what they mean."""
        return question.gate.gate in DUE_GATES

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
            say("\n".join(map(all_now, self._views.values())) or text.NO_DATA)
        elif key == "l":
            say(self._last_line)
        elif key in PACK_KEYS and self._is_by_hand:
            self._move_pack(PACK_KEYS[key], "person")
        elif self._held:
            self._on_held_key(key)
        elif self._question is not None and (key.isdigit() or not self._is_due(self._question)):
            self._on_answer_key(self._question, key)
        elif key in "12" and len(self._tellers) > 1:
            self._choose(tuple(self._tellers)[int(key) - 1])
        elif self._answers_are_in:
            self._ride(key)

    @property
    def _is_by_hand(self) -> bool:
        view = self._views.get(self._session or "")
        return view is not None and view.by_hand

    @property
    def _answers_are_in(self) -> bool:
        view = self._views.get(self._session or "")
        return view is not None and view.gate is None and not self._is_over

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
            if answer == NOT_DONE:
                self._due_ns = None  # it is still due, and asked again

    def _choose(self, session: str) -> None:
        self._chosen = session
        say(f"Now + and - mean {self._units.get(session, session)}.")

    @property
    def _ridden(self) -> str:
        """The session that + and - mean: of a combination the stimulation, which begins at nothing, until chosen."""
        stimulation = [view.session for view in self._views.values() if view.modality == Modality.ESTIM]
        return self._chosen or (stimulation[0] if stimulation else self._session or "")

    def _resumed(self) -> str:
        """What r means: of two paused halves the ultrasound first, because the current needs its head in contact."""
        paused = [view for view in self._views.values() if view.phase == "paused"]
        paused.sort(key=lambda view: view.modality != Modality.ULTRASOUND)
        return paused[0].session if paused else self._ridden

    def _ride(self, key: str) -> None:
        number, session = self._client.next_id(), self._ridden
        request: Request
        match key:
            case "+":
                request = Step(id=number, session=session, direction=Direction.UP)
            case "-":
                request = Step(id=number, session=session, direction=Direction.DOWN)
            case "p":
                request = Pause(id=number, session=session)
            case "r":
                request = Resume(id=number, session=self._resumed())
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
