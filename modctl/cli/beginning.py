"""What stands before a session in plain mode: who it is, and what a start was refused for until a person gives it."""

import select
from typing import Final

import msgspec

from modctl.cli.answers import Question
from modctl.cli.common import Context, emit_raw, say
from modctl.cli.keys import Keys
from modctl.cli.openings import SOFT, Ask
from modctl.cli.printer import Printer
from modctl.cli.refusal import refusal_entries, uncharted
from modctl.clock import SystemClock
from modctl.ipc.asks import BODY_WEIGHT, HEAD, WEIGHT_GATE, head_gate
from modctl.ipc.client import BlockingClient
from modctl.ipc.hands import OverrideAsk
from modctl.ipc.messages import Beat, Done, GateView, ListPatients, ListUnits, Refused, Start
from modctl.ipc.servicing import BenchRun

BEAT_S: Final = 0.25  # contract: a screen that attends beats every 250 ms
REPEAT: Final = "r"
GIVE_UP: Final = (None, "s")
NOTHING: Final = "Nothing was started."


class Begun(msgspec.Struct, frozen=True):
    """The controller took it. ``identified_ns``: when a person was asked who it is, who then said it with one key."""

    done: Done
    identified_ns: int | None = None


class Beginning:
    """Asks for one session until it is taken or given up. ``is_person`` False: nobody is there to be asked anything."""

    def __init__(
        self, client: BlockingClient, keys: Keys, context: Context, opens: Ask | None, *, is_person: bool
    ) -> None:
        self._client = client
        self._keys = keys
        self._context = context
        self._is_person = is_person
        self._opens = opens  # asks a person for what opens a soft limit
        self._ahead: list[str] = []  # keys that came before there was a question for them

    def ask(self, start: Start | BenchRun) -> Begun | Refused | None:
        """Taken; refused for good (it was said why); None: a person let it be."""
        identified_ns = None
        if isinstance(start, Start) and start.repeat:
            identified_ns = self._identified_ns(start)
            if identified_ns is None:
                return None
        answer = self._client.request(start)
        while isinstance(answer, Refused):
            more = self._with_what_was_missing(answer, start)
            if more is None:
                say(answer.reason)
                return answer
            start = more
            answer = self._client.request(start)
        return Begun(answer, identified_ns)

    def _identified_ns(self, start: Start) -> int | None:
        """Say who it is and what would be repeated; a key says that both identifiers were asked for and are right."""
        listed = self._client.request(ListPatients(id=self._client.next_id()))
        rows = () if isinstance(listed, Refused) else listed.patients or ()
        row = next((one for one in rows if one.ref == start.patient), None)
        if row is None:
            say(f"There is no patient {start.patient!r}. {NOTHING}")
            return None
        say("Ask for the name and the birth date; do not say them first.")
        say(f"The record says: {row.name}, born {row.birth_date}, {row.side} side.")
        say(f"{REPEAT} both are right: the last session once more; any other key leaves.")
        asked_ns = SystemClock().mono_ns()
        if self._next_key() != REPEAT:
            say(NOTHING)
            return None
        return asked_ns

    def _with_what_was_missing(self, refusal: Refused, start: Start | BenchRun) -> Start | BenchRun | None:
        """The request with what it was refused for; None: nobody gives it."""
        if self._is_person and isinstance(start, Start) and refusal.code == BODY_WEIGHT:
            say(refusal.reason)
            given = self._asked(WEIGHT_GATE)
            return None if given is None else self._again(start, body_weight_kg=int(given))
        self._tell(refusal, start)
        if self._is_person and refusal.code == HEAD and not start.head:
            head = self._asked_head(start)
            return None if head is None else self._again(start, head=head)
        opening = self._opening(refusal)
        if opening is None or not isinstance(start, Start):
            return None
        # a soft limit is met after the weight was kept
        return self._again(start, overrides=(*start.overrides, opening), body_weight_kg=None)

    def _again(self, start: Start | BenchRun, **changes: object) -> Start | BenchRun:
        return msgspec.structs.replace(start, id=self._client.next_id(), **changes)

    def _asked_head(self, start: Start | BenchRun) -> str | None:
        listed = self._client.request(ListUnits(id=self._client.next_id()))
        rows = () if isinstance(listed, Refused) else listed.units or ()
        named = (
            [start.unit] if isinstance(start, BenchRun) or start.partner is None else [start.unit, start.partner.unit]
        )
        row = next((one for one in rows if one.name in named and one.heads), None)
        return None if row is None else self._asked(head_gate(row.name, row.heads))

    def _asked(self, gate: GateView) -> str | None:
        """One answer from the keys; None when it is given up."""
        question = Question(gate)
        for line in question.lines():
            say(line)
        while (key := self._next_key()) not in GIVE_UP:
            answer = question.key(key or "")
            if answer is not None:
                return answer
        say(NOTHING)
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

    def _tell(self, refusal: Refused, start: Start | BenchRun) -> None:
        charted = refusal_entries(self._client, start)
        printer = Printer(self._context)
        for entry in charted:
            printer.tell(entry)
        if not charted and self._context.json:
            emit_raw(uncharted(refusal))

    def _opening(self, refusal: Refused) -> OverrideAsk | None:
        """What a person at this terminal gives to open a soft limit; while they type, keys are text."""
        if self._opens is None or refusal.code != SOFT:
            return None
        with self._keys.typing():
            return self._opens(refusal)
