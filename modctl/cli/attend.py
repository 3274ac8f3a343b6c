"""One session, or the two of a combination, from the request to the end at a plain terminal or from a file of answers.

Rule 1: this side decides nothing but what to say and what to ask for; the controller refuses what is not allowed.
Rule 2: the first Ctrl-C stops, and so does ``s`` at any moment but in words; further ones change nothing until off is
        settled. In words Escape stops what is energized.
Rule 3: when this process ends, however it does, the connection ends, and the controller stops what it attended.
"""

import select
from collections.abc import Mapping, Sequence
from typing import Final

from devices.model import PackAct
from modctl import text
from modctl.cli.asker import Asker
from modctl.cli.beginning import BEAT_S, Beginning, Begun
from modctl.cli.common import Context, say
from modctl.cli.keys import Keys
from modctl.cli.now import all_now
from modctl.cli.openings import Ask
from modctl.cli.presence import Presence
from modctl.cli.printer import Printer
from modctl.cli.reach import is_usage
from modctl.cli.riding import request_of, ridden
from modctl.cli.typed_line import ESCAPE
from modctl.clock import SystemClock
from modctl.errors import Exit
from modctl.ipc.client import BlockingClient
from modctl.ipc.messages import (
    Answering,
    Beat,
    Done,
    Event,
    Pack,
    Refused,
    SessionView,
    Snapshot,
    Start,
    Stop,
    Subscribe,
)
from modctl.ipc.servicing import BenchRun
from modctl.records import Entry, SessionEnded
from modctl.reports.telling import ENDED, REFUSED, entry_of, record_of

OVER: Final = ("ended", "unconfirmed")
PAIR_HELP: Final = "Two units: 1 and 2 choose which one + and - mean; r resumes the ultrasound, then the stimulation."
PACK_KEYS: Final = {"o": PackAct.ON, "f": PackAct.OFF, "u": PackAct.NUMB}
PACK_HELP: Final = "Pack: o says that it is on, f that it is off, u that the skin is numb and the ice is off."
KEYS_HELP: Final = (
    "Keys: + raises, - lowers, p pauses, r resumes, s stops, w says all, l repeats, h hands over, any other holds."
)


class Attendant:
    """Runs one session. ``answers``: from a file; None: a person at this terminal answers, signed in as ``user``."""

    def __init__(
        self,
        client: BlockingClient,
        keys: Keys,
        context: Context,
        user: str,
        answers: Mapping[str, str] | None,
        opens: Ask | None = None,
    ) -> None:
        self._client = client
        self._keys = keys
        self._answers = answers
        self._clock = SystemClock()
        self._printer = Printer(context)
        self._beginning = Beginning(client, keys, context, opens, is_person=answers is None)
        self._presence = Presence(client, user, self._clock.mono_ns(), is_person=answers is None)
        self._asker = Asker(client, "", answers)
        self._sessions: tuple[str, ...] = ()  # of both halves, the leading one first: its questions are asked here
        self._views: dict[str, SessionView] = {}
        self._chosen: str | None = None  # the session that + and - mean, once a person has chosen
        self._open: set[str] = set()  # sessions whose end is not charted yet
        self._pack_acts: tuple[PackAct, ...] = ()  # what the file's person has done
        self._was_given_up = False
        self._outcomes: list[str] = []
        self._is_stopping = False
        self._exit: Exit | None = None

    def run(self, start: Start | BenchRun) -> Exit:
        """Ask for the session, answer, watch, and say how it ended."""
        self._client.request(Subscribe(id=self._client.next_id()))
        begun = self._beginning.ask(start)
        if not isinstance(begun, Begun):
            return _given_up(begun)
        self._asker = Asker(self._client, begun.done.session or "", self._answers, begun.identified_ns)
        return self._attend([name for name in (begun.done.session, begun.done.partner) if name is not None])

    def take_over(self, sessions: Sequence[str]) -> Exit:
        """Have sessions that run already, from somebody else's hands, to their end."""
        self._client.request(Subscribe(id=self._client.next_id()))
        self._asker = Asker(self._client, sessions[0], self._answers)
        self._presence.take_over(sessions)
        return self._attend(sessions)

    def _attend(self, sessions: Sequence[str]) -> Exit:
        self._sessions = tuple(sessions)
        self._open = set(sessions)
        self._printer.follow(sessions)
        if self._answers is None:
            say(KEYS_HELP)
            if len(sessions) > 1:
                say(PAIR_HELP)
        while self._exit is None:
            self._wait()
        return self._exit

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
                if entry.session in self._sessions:
                    self._on_entry(entry, entry.session)
            case Snapshot():
                found = {**self._views, **{view.session: view for view in message.sessions}}
                self._views = {name: found[name] for name in self._sessions if name in found}
                self._presence.see(message, self._clock.mono_ns())
                if self._sessions[0] in self._views:
                    self._on_view(self._views[self._sessions[0]])
            case Done() | Refused():
                if not self._presence.answered(message, self._views) and isinstance(message, Refused):
                    self._on_refused(message)

    def _on_refused(self, refusal: Refused) -> None:
        say(refusal.reason)
        if not self._asker.is_mine(refusal.id):
            return
        if self._answers is None:
            self._asker.ask_again()
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
        return bool(self._sessions) and not self._open

    def _on_entry(self, entry: Entry, session: str) -> None:
        if session not in self._open:
            return
        self._printer.tell(entry)
        if entry.kind == REFUSED:
            self._was_given_up = True
        elif entry.kind == ENDED:
            self._open.discard(session)
            record = record_of(entry)
            self._outcomes.extend([record.outcome] if isinstance(record, SessionEnded) else [])

    def _on_view(self, view: SessionView) -> None:
        if self._is_over and (view.closed or (self._answers is None and not self._keys.is_terminal)):
            self._end()
            return
        self._see_pack(view)
        if not self._is_over:
            self._asker.see_due(view)
        if view.phase in OVER and not self._is_over:
            return  # a snapshot can overtake the entry that it stands for
        unanswered = self._asker.see(view)
        if unanswered is None:
            return
        if self._is_over:
            self._end()
        elif not self._is_stopping:
            say(f"The question {unanswered!r} is not answered in the file, so it stays closed: nothing was started.")
            self._give_up()

    def _end(self) -> None:
        ended = Exit.OK if set(self._outcomes) == {"completed"} else Exit.FINDINGS
        self._exit = Exit.REFUSED if self._was_given_up else ended

    def _give_up(self) -> None:
        """A gate stays closed: end the request; nothing was energized."""
        self._was_given_up = True
        self._stop()

    # Packs

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
        self._client.send(Pack(id=self._client.next_id(), session=self._sessions[0], act=act, source=source))

    # Keys

    def _on_key(self, key: str) -> None:
        if not self._presence.is_locked:
            self._presence.touched(self._clock.mono_ns())
        is_typing = self._presence.is_typing or self._asker.is_typing
        if is_typing and key == ESCAPE:
            self._escape()
        elif key == "s" and not is_typing:
            self._stop()
        elif not self._asker.is_typing and self._presence.takes(key):
            self._presence.key(key)
        elif not self._asker.is_typing and key in "wl":
            say(self._printer.last_line if key == "l" else self._all_now())
        elif not self._asker.is_typing and key in PACK_KEYS and self._is_by_hand:
            self._move_pack(PACK_KEYS[key], "person")
        elif self._asker.takes(key):
            self._asker.key(key)
        elif key in "12" and len(self._sessions) > 1:
            self._choose(self._sessions[int(key) - 1])
        elif self._answers_are_in:
            self._ride(key)

    def _escape(self) -> None:
        """Out of what is typed; a stop where something could be energized."""
        if any(view.phase not in ("checking", *OVER) for view in self._views.values()):
            self._stop()
        elif self._presence.is_typing:
            self._presence.give_up()
        else:
            self._asker.give_words_up()

    def _all_now(self) -> str:
        return "\n".join(map(all_now, self._views.values())) or text.NO_DATA

    @property
    def _is_by_hand(self) -> bool:
        view = self._views.get(self._sessions[0])
        return view is not None and view.by_hand

    @property
    def _answers_are_in(self) -> bool:
        view = self._views.get(self._sessions[0])
        return view is not None and view.gate is None and not self._is_over

    def _choose(self, session: str) -> None:
        self._chosen = session
        say(f"Now + and - mean {self._printer.unit_of(session)}.")

    def _ride(self, key: str) -> None:
        session = self._chosen or ridden(self._views, self._sessions[0])
        request = request_of(key, self._client.next_id(), session, self._views)
        if request is not None:
            self._client.send(request)

    def _stop(self) -> None:
        if self._is_stopping or self._is_over:
            return
        self._is_stopping = True
        self._client.send(Stop(id=self._client.next_id(), session=self._sessions[0], source="terminal"))
        say("Stopping. The unit is asked whether it is off.")


def _given_up(refused: Refused | None) -> Exit:
    """The status of a request that came to nothing."""
    if refused is None:
        return Exit.OK
    return Exit.USAGE if is_usage(refused.code) else Exit.REFUSED
