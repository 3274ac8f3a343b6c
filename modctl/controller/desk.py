"""Between the socket and everything behind it: each request to who can answer it, each answer to who asked.

Rule 1: in the socket's thread nothing is waited for: the engine, the rooms and the writer answer later.
Rule 2: a stop goes to the engine's first lane whoever asks; everything else is asked of the person's rights first.
Rule 3: the connection that begins a session attends it; a screen that acts on a session takes it over.
"""

import threading
from collections import deque
from collections.abc import Mapping
from typing import Final

import msgspec

from devices.model import NS_PER_S, label
from modctl import sentences
from modctl.chart.anchor import Head
from modctl.clinic.interlocks import Running
from modctl.clock import Clock
from modctl.controller.afterwards import INCIDENT, Written, addition, unit_of
from modctl.controller.attendance import Attendance, Lost
from modctl.controller.frontdesk import FrontDesk
from modctl.controller.history import History
from modctl.controller.host import Host
from modctl.controller.keeper import GuardKeeper
from modctl.controller.reading import Reading
from modctl.controller.rights import knows_patients, refusal
from modctl.controller.room import Room
from modctl.controller.rounds import round_checks
from modctl.controller.snapshot import Card, Site, take_snapshot, unit_rows
from modctl.controller.texts import seal
from modctl.controller.words import event_of, head_answer, refusal_of
from modctl.controller.writer import ChartWriter
from modctl.engine.core_events import Begin, HoldUnit, Refuse, ScreenLost, StopUnits
from modctl.engine.effects import Reply, Stopped
from modctl.engine.phases import OVER
from modctl.ipc.connection import Caller
from modctl.ipc.messages import (
    Acknowledge,
    AlarmView,
    Amend,
    Answer,
    Done,
    Entries,
    ExportChart,
    LateEntry,
    ListPatients,
    ListPresets,
    ListSessions,
    ListUnits,
    Lock,
    OpenIncident,
    Pause,
    Refused,
    Request,
    Resume,
    Round,
    SignIn,
    SignSession,
    Snapshot,
    Start,
    Step,
    Stop,
    StoppedUnit,
    TakeCheckpoint,
    TakeOver,
    VerifyChart,
)
from modctl.ipc.server import Server
from modctl.records import (
    Alarm,
    ChartExported,
    Draft,
    IncidentOpened,
    RoundClosed,
    RoundOpened,
    SessionHandedOver,
    SessionRefused,
)

KEPT_CARDS: Final = 64  # chosen: more sessions than the engine keeps
NO_GUARD: Final = "The guard that switches everything off in an emergency is not running. Nothing was started."
NOTHING_HOLDS: Final = "No earlier answer holds here: answer the question itself. It is still open."
SOURCES: Final = ("person", "file", "carried")
ONLY_SIMULATED: Final = "Answers come from a person: answer files work in simulated sites only."


class Desk:
    """Stands behind the socket (``House``) and answers for the engine (``Counter``)."""

    def __init__(
        self,
        site: Site,
        front: Room[FrontDesk],
        reading: Room[Reading],
        archive: Room[Reading],
        writer: ChartWriter,
        keeper: GuardKeeper,
        clock: Clock,
    ) -> None:
        self.host: Host
        self.server: Server
        self._site = site
        self._front = front
        self._reading = reading
        self._archive = archive  # for what takes long, so that lists and events do not wait for it
        self._writer = writer
        self._keeper = keeper
        self._clock = clock
        self._attendance = Attendance()
        self._present: set[int] = set()
        self._asking: dict[int, tuple[Caller, Request]] = {}  # of the engine
        self._refusals: dict[int, SessionRefused] = {}  # what the front desk found, until the engine has charted it
        self._hands: Mapping[str, str] = {}  # live sessions that were handed over, to whom; the socket's thread
        self._texts: dict[int, tuple[str, ...]] = {}  # commitments that a request brought, until it is settled
        self._attending: deque[tuple[str, Caller]] = deque()  # put by the engine's thread, taken by the socket's
        self._lock = threading.Lock()  # of the two maps below, which are replaced, never changed
        self._cards: Mapping[str, Card] = {}
        self._alarms: Mapping[str, tuple[AlarmView, ...]] = {}
        self.newest = 0  # the newest chart number

    # House: the socket's thread

    def asked(self, number: int, caller: Caller, request: Request) -> None:  # noqa: C901, PLR0912  # flat: one arm a request
        """Send a request where it can be answered."""
        self._present.add(caller.connection)
        refused = refusal(request, caller) or self._site_refusal(request)
        if refused is not None:
            self.server.answer(number, refused)
            return
        actor = caller.user or ""
        match request:
            case Stop():
                self._stop(number, caller, request)
            case Answer():
                self._answer_gate(number, caller, request)
            case Round():
                self._round(number, caller, request)
            case Start():
                self._look_up(number, caller, request)
            case Pause() | Resume() | Step() | Acknowledge():
                self._asking[number] = (caller, request)
                self.host.post(event_of(number, actor, request))
            case ListUnits():
                rows = unit_rows(self.host.state, self._clock.mono_ns())
                self.server.answer(number, Done(id=0, units=rows))
            case ExportChart():
                self._export(number, caller, request)
            case TakeCheckpoint():
                self._writer.sign_head(lambda head: self.server.answer(number, head_answer(head)))
            case Lock():
                self.server.answer(number, Done(id=0))
            case TakeOver():
                self._take_over(number, caller, request)
            case SignSession() | Amend() | LateEntry():
                self._reading.ask(lambda reading: self._add(reading, number, actor, request), self._answer(number))
            case OpenIncident():
                self._reading.ask(
                    lambda reading: self._open_incident(reading, number, actor, request), self._answer(number)
                )
            case ListSessions() | Entries():
                self._reading.ask(lambda reading: _read(reading, request), self._answer(number))
            case VerifyChart():
                self._archive.ask(lambda reading: reading.verify(request), self._answer(number))
            case _:
                self._front.ask(lambda front: self._at_front(front, request), self._answer(number))

    def beat(self, connection: int) -> None:
        """A screen is alive."""
        self._attendance.beat(connection, self._clock.mono_ns())

    def gone(self, connection: int) -> None:
        """A connection ended; what it attends has no screen any more."""
        self._present.discard(connection)
        for lost in self._attendance.gone(connection):
            self._lose(lost)

    def snapshot(self, caller: Caller) -> Snapshot:
        """How things are now."""
        site = msgspec.structs.replace(self._site, cards=self._cards, alarms=self._alarms, hands=self._hands)
        return take_snapshot(
            self.host.state, site, self.newest, self._clock.mono_ns(), with_patients=knows_patients(caller)
        )

    def page(self, connection: int, since: int) -> None:
        """Give a client the entries that it missed."""
        self._reading.ask(lambda reading: self.server.page(connection, reading.page(since)), lambda _: None)

    def tick(self) -> None:
        """Notice new attendance, and screens that fell silent."""
        now = self._clock.mono_ns()
        while self._attending:
            session, caller = self._attending.popleft()
            if caller.connection in self._present:
                self._attendance.attend(session, caller.connection, now, beats=caller.attends)
            else:
                self._lose(Lost(session, "its screen is gone"))
        for session in self._attendance.attended():
            if not self._is_live(session):
                self._attendance.forget(session)
        for lost in self._attendance.silent(now):
            self._lose(lost)

    # Counter: the engine's thread

    def replied(self, reply: Reply) -> None:
        """Pass the engine's answer on."""
        caller, request = self._asking.pop(reply.request, (None, None))
        commitments = self._texts.pop(reply.request, ())
        if reply.code is not None:
            if commitments:
                self._front.ask(lambda front: front.forget(commitments), lambda _: None)
            self.server.answer(reply.request, refusal_of(reply, self._refusals.pop(reply.request, None)))
            return
        if caller is not None and reply.session is not None and (caller.attends or isinstance(request, Start)):
            self._attending.append((reply.session, caller))
        self.server.answer(reply.request, Done(id=0, session=reply.session))

    def stopped(self, stopped: Stopped) -> None:
        """Say what a stop reached."""
        units = tuple(StoppedUnit(unit=unit, off=off, after_ms=after_ms) for unit, off, after_ms in stopped.units)
        self.server.answer(stopped.request, Done(id=0, stopped=units))

    def noted(self, draft: Draft) -> None:
        """Keep a session's alarms for the screens."""
        if not isinstance(draft.data, Alarm) or draft.session is None:
            return
        alarm = AlarmView(
            alarm=draft.data.alarm,
            priority=draft.data.priority,
            text=draft.data.text or sentences.alarm(draft.data.alarm),
            since_mono_ns=self._clock.mono_ns(),
        )
        with self._lock:
            standing = [one for one in self._alarms.get(draft.session, ()) if one.alarm != alarm.alarm]
            known = {name: alarms for name, alarms in self._alarms.items() if name in self._cards}
            self._alarms = {**known, draft.session: (*standing, alarm)}

    # What takes more than a line

    def _stop(self, number: int, caller: Caller, request: Stop) -> None:
        state = self.host.state
        if request.unit is not None and request.unit not in state.units:
            self.server.answer(number, Refused(id=0, code="usage", reason=f"This site has no unit {request.unit!r}."))
        elif request.session is not None and request.session not in state.sessions:
            why = f"No session {request.session!r} runs. To stop everything, name nothing."
            self.server.answer(number, Refused(id=0, code="usage", reason=why))
        else:
            stop = StopUnits(
                request=number, actor=caller.user, source=request.source, unit=request.unit, session=request.session
            )
            self.host.post(stop, first=True)

    def _at_front(self, front: FrontDesk, request: Request) -> Done | Refused | None:
        """In the front desk's thread: what needs people and presets."""
        match request:
            case SignIn():
                return front.sign_in(request, lambda record: self.host.chart(Draft(data=record)))
            case ListPatients():
                return front.patients()
            case ListPresets():
                return front.presets(request.unit)
            case _:
                return Refused(id=0, code="usage", reason="This is not asked here.")

    def _answer_gate(self, number: int, caller: Caller, request: Answer) -> None:
        """Pass an answer on. Which earlier one is carried, and how old it is now, the controller alone knows."""
        age_s, answer, source = 0, request.answer, request.source
        if source == "carried":
            card = self._cards.get(request.session)
            views = () if card is None else card.gates
            view = next((one for one in views if one.gate == request.gate and one.carried is not None), None)
            if card is None or view is None or view.carried is None:
                self.server.answer(number, Refused(id=0, code="not_now", reason=NOTHING_HOLDS))
                return
            since_ns = self._clock.mono_ns() - card.asked_ns
            age_s, answer, source = max(view.age_s + since_ns // NS_PER_S, 1), view.carried, "person"
        told = msgspec.structs.replace(request, answer=answer, source=source, age_s=age_s)
        if told.text:
            self._front.ask(lambda front: self._answer_in_words(front, number, caller, told), self._answer(number))
            return
        self._asking[number] = (caller, told)
        self.host.post(event_of(number, caller.user or "", told))

    def _look_up(self, number: int, caller: Caller, request: Start) -> None:
        """What the chart knows first, then the front desk: each has a thread of its own."""

        def look(reading: Reading) -> Refused | None:
            found = reading.history(request, self._clock.stamp().at_utc)
            if isinstance(found, Refused):
                return found
            self._front.ask(lambda front: self._begin(front, number, caller, request, found), self._answer(number))
            return None

        self._reading.ask(look, self._answer(number))

    def _round(self, number: int, caller: Caller, request: Round) -> None:
        """Look at everything that the day's round looks at; with a signature it is charted as it was found."""

        def look(reading: Reading) -> Done | Refused | None:
            facts = reading.facts(self._clock.stamp().at_utc, self._site.timezone, self._site.anchors)
            checks = round_checks(self.host.state, facts, self._clock.mono_ns())
            done = Done(id=0, checks=checks)
            match request.sign:
                case None:
                    return done
                case "open":
                    record: RoundOpened | RoundClosed = RoundOpened(checks=checks)
                case "close":
                    record = RoundClosed(checks=checks)
                case other:
                    return Refused(id=0, code="usage", reason=f"A round is opened or closed, not {other!r}.")
            signed = Draft(data=record, actor=caller.user)
            self.host.chart(signed, then=lambda: self.server.answer(number, done))
            return None

        self._reading.ask(look, self._answer(number))

    def _running(self) -> tuple[Running, ...]:
        runs = self.host.state.sessions.values()
        started = [run.state.setup.started for run in runs if run.state.phase not in OVER]
        return tuple(Running(patient=one.patient, unit=one.unit, modality=one.modality) for one in started)

    def _begin(self, front: FrontDesk, number: int, caller: Caller, request: Start, found: History) -> Refused | None:
        """Prepare a session, and give the engine what came of it."""
        if not self._keeper.is_alive:
            return Refused(id=0, code="no_guard", reason=NO_GUARD)
        actor = caller.user or ""
        opened = front.opened(actor, request.overrides, lambda record: self.host.chart(Draft(data=record)))
        if isinstance(opened, Refused):
            return opened
        begun = front.begin(
            number,
            actor,
            request,
            self.host.state.units,
            opened,
            history=found,
            running=self._running(),
            chart=lambda record: self.host.chart(Draft(data=record, actor=actor)),
        )
        if isinstance(begun, Refused):
            return begun
        event, card = begun
        session = event.setup.session if isinstance(event, Begin) else event.session
        with self._lock:
            kept = dict(list(self._cards.items())[-KEPT_CARDS:])
            self._cards = {**kept, session: card}
        self._asking[number] = (caller, request)
        if isinstance(event, Refuse):
            self._refusals[number] = event.refused
        else:
            self._texts[number] = tuple(one.sealed.commitment for one in opened)
        self.host.post(event)
        return None

    def _answer_in_words(self, front: FrontDesk, number: int, caller: Caller, request: Answer) -> None:
        """In the front desk's thread: keep what was written, then give the engine its commitment."""
        sealed = seal(request.text)
        if sealed.text:
            front.keep(sealed, request.session)
            self._texts[number] = (sealed.commitment,)
        self._asking[number] = (caller, request)
        self.host.post(event_of(number, caller.user or "", request, sealed.commitment if sealed.text else ""))

    def _take_over(self, number: int, caller: Caller, request: TakeOver) -> None:
        """The session goes on in the caller's hands and under the eyes of their screen."""
        run = self.host.state.sessions.get(request.session)
        taker = caller.user or ""
        giver = self._hands.get(request.session, "" if run is None else run.state.actor or "")
        if run is None or not self._is_live(request.session):
            why = f"No session {request.session!r} runs."
        elif not caller.attends:
            why = "A session is taken over at a screen that attends it."
        elif giver == taker:
            why = f"The session is {taker}'s already."
        else:
            self._hands = {
                **{name: who for name, who in self._hands.items() if self._is_live(name)},
                request.session: taker,
            }
            handed = SessionHandedOver(from_person=giver, to_person=taker)
            self._attending.append((request.session, caller))
            draft = Draft(data=handed, session=request.session, actor=taker)
            self.host.chart(draft, then=lambda: self.server.answer(number, Done(id=0, session=request.session)))
            return
        self.server.answer(number, Refused(id=0, code="not_now", reason=f"{why} Nothing was handed over."))

    def _add(self, reading: Reading, number: int, actor: str, request: Written) -> Refused | None:
        """In the reader's thread: what a person adds to a record; its words are kept first."""
        made = addition(reading.session(request.session), request, actor, self._clock.stamp().at_utc)
        if isinstance(made, Refused):
            return made
        session, sealed = request.session, made.sealed

        def answer(head: Head | None) -> None:  # once it is durable, under a signed head
            self.server.answer(number, head_answer(head) if head is None else Done(id=0, session=session))

        def chart(front: FrontDesk | None) -> None:
            if front is not None and sealed is not None:
                front.keep(sealed, session)
            self.host.chart(made.draft, then=lambda: self._writer.sign_head(answer))

        if sealed is None:
            chart(None)
        else:
            self._front.ask(chart, self._answer(number))
        return None

    def _open_incident(self, reading: Reading, number: int, actor: str, request: OpenIncident) -> Refused | None:
        """In the reader's thread: chart it, then have the engine take the unit out of use."""
        unit = unit_of(reading.session(request.session))
        if unit is None:
            return Refused(id=0, code="usage", reason=f"There is no session {request.session!r} in this chart.")
        known = self.host.state.units.get(unit)
        if known is not None and known.session is not None:
            return Refused(id=0, code="not_now", reason=f"{unit} is in a session: stop it first. Nothing was done.")
        draft = Draft(data=IncidentOpened(unit=unit), session=request.session, actor=actor)
        hold = HoldUnit(request=number, actor=actor, unit=unit, reason=INCIDENT)
        if known is None:  # it is not part of the site any more
            self.host.chart(draft, then=lambda: self.server.answer(number, Done(id=0)))
        else:
            self.host.chart(draft, then=lambda: self.host.post(hold))
        return None

    def _export(self, number: int, caller: Caller, request: ExportChart) -> None:
        """Chart that a copy is taken, sign the head over that entry, then copy: so the copy itself says so."""
        draft = Draft(data=ChartExported(purpose=label(request.purpose), entries=self.newest), actor=caller.user)

        def copy(head: Head | None) -> None:
            if head is None:
                self.server.answer(number, head_answer(head))
            else:
                self._archive.ask(lambda reading: reading.copy(request.path), self._answer(number))

        def begin(reading: Reading) -> Refused | None:
            refused = reading.problem_with_target(request.path)
            if refused is None:
                self.host.chart(draft, then=lambda: self._writer.sign_head(copy))
            return refused

        self._archive.ask(begin, self._answer(number))

    def _site_refusal(self, request: Request) -> Refused | None:
        if isinstance(request, Answer) and request.source not in SOURCES:
            return Refused(id=0, code="usage", reason=f"An answer comes from {', '.join(SOURCES)}.")
        if isinstance(request, Answer) and request.source == "file" and not self._site.simulated:
            return Refused(id=0, code="refused", reason=ONLY_SIMULATED)
        return None

    def _lose(self, lost: Lost) -> None:
        if self._is_live(lost.session):
            self.host.post(ScreenLost(session=lost.session, why=lost.why), first=True)

    def _is_live(self, session: str) -> bool:
        run = self.host.state.sessions.get(session)
        return run is not None and run.state.phase not in OVER

    def _answer(self, number: int) -> "_Answering":
        return _Answering(self.server, number)


class _Answering:
    """Answers one request of the socket."""

    def __init__(self, server: Server, number: int) -> None:
        self._server = server
        self._number = number

    def __call__(self, answer: Done | Refused) -> None:
        self._server.answer(self._number, answer)


def _read(reading: Reading, request: ListSessions | Entries) -> Done:
    return reading.sessions(request) if isinstance(request, ListSessions) else reading.entries(request)
