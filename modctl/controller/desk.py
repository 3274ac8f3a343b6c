"""Between the socket and everything behind it: each request to who can answer it, each answer to who asked.

Rule 1: in the socket's thread nothing is waited for: the engine, the rooms and the writer answer later.
Rule 2: a stop goes to the engine's first lane whoever asks; everything else is asked of the person's rights first.
Rule 3: the connection that begins a session attends it; a screen that acts on a session takes it over.
"""

import threading
from collections import deque
from collections.abc import Mapping
from datetime import timedelta
from typing import Final

import msgspec

from devices.model import NS_PER_S
from modctl.chart.anchor import Head
from modctl.clinic.interlocks import Running
from modctl.clock import Clock
from modctl.controller.attendance import Attendance, Lost
from modctl.controller.backroom import Backroom
from modctl.controller.frontdesk import FrontDesk
from modctl.controller.history import History
from modctl.controller.keeper import GuardKeeper
from modctl.controller.reading import Reading
from modctl.controller.rights import OF_A_SESSION, knows_patients, refusal
from modctl.controller.room import Room
from modctl.controller.snapshot import Card, Site, take_snapshot, unit_rows
from modctl.controller.texts import seal
from modctl.controller.words import event_of, head_answer, refusal_of, service_of, stopped_unit
from modctl.controller.writer import ChartWriter
from modctl.engine.core_events import Begin, Partner, Refuse, ScreenLost, StopUnits
from modctl.engine.effects import Reply, Stopped
from modctl.engine.phases import OVER
from modctl.errors import RefusedError
from modctl.ipc.connection import Caller
from modctl.ipc.evidence import ExportChart, LastHead, TakeCheckpoint, VerifyChart
from modctl.ipc.hands import AlarmView, Amend, LateEntry, Lock, OpenIncident, SignSession, TakeOver
from modctl.ipc.messages import (
    Acknowledge,
    Answer,
    Done,
    Entries,
    ListPatients,
    ListPresets,
    ListSessions,
    ListUnits,
    Pack,
    Pause,
    Refused,
    Request,
    Resume,
    Round,
    SignIn,
    Snapshot,
    Start,
    Step,
    Stop,
)
from modctl.ipc.servicing import (
    BenchRun,
    CheckUnit,
    HoldUnit,
    IdentifyUnit,
    LookAtUnit,
    LookBack,
    ReleaseUnit,
    TraceUnit,
)
from modctl.records import Alarm, Draft, PatientWeighed, SessionHandedOver, SessionRefused
from modctl.service_records import UnitChecked

COLDS_BACK: Final = timedelta(hours=12)  # chosen: a cold whose end nobody knows closes its region for a working day
KEPT_CARDS: Final = 64  # chosen: more sessions than the engine keeps
NO_GUARD: Final = "The guard that switches everything off in an emergency is not running. Nothing was started."
NOTHING_HOLDS: Final = "No earlier answer holds here: answer the question itself. It is still open."
NOBODY_WAITS: Final = "Whoever asked has hung up; the chart was not judged."
SOURCES: Final = ("person", "file", "carried")
ONLY_SIMULATED: Final = "Answers come from a person: answer files work in simulated sites only."


class Desk(Backroom):
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
        super().__init__(site, front, reading, archive, writer, clock)
        self._keeper = keeper
        self._attendance = Attendance()
        self._present: set[int] = set()
        self._asking: dict[int, tuple[Caller, Request]] = {}  # of the engine
        self._checked: dict[int, UnitChecked] = {}  # what the front desk judged, until the engine has it
        self._refusals: dict[int, SessionRefused] = {}  # what the front desk found, until the engine has charted it
        self._hands: Mapping[str, str] = {}  # live sessions that were handed over, to whom; the socket's thread
        self._texts: dict[int, tuple[str, ...]] = {}  # commitments that a request brought, until it is settled
        self._attending: deque[tuple[str, Caller]] = deque()  # put by the engine's thread, taken by the socket's
        self._stops_of_all: set[int] = set()  # requests: their answer names the tanks, which stay hot
        self._lock = threading.Lock()  # of the two maps below, which are replaced, never changed
        self._cards: Mapping[str, Card] = {}
        self._alarms: Mapping[str, tuple[AlarmView, ...]] = {}

    # House: the socket's thread

    def asked(self, number: int, caller: Caller, request: Request) -> None:  # noqa: C901, PLR0912  # flat: one arm a request
        """Send a request where it can be answered."""
        self._present.add(caller.connection)
        refused = refusal(request, caller, is_bench=self._is_bench(request)) or self._site_refusal(request)
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
            case Pause() | Resume() | Step() | Pack() | Acknowledge():
                self._asking[number] = (caller, request)
                self.host.post(event_of(number, actor, request))
            case HoldUnit() | ReleaseUnit() | IdentifyUnit():
                self.host.post(service_of(number, actor, request))
            case ListUnits():
                rows = unit_rows(self.host.state, self._clock.mono_ns(), self._today())
                self.server.answer(number, Done(id=0, units=rows))
            case LookAtUnit():
                self._look_at(number, request)
            case TraceUnit():
                self._trace(number, request)
            case LookBack():
                self._archive.ask(lambda reading: reading.look_back(request), self._answer(number))
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
            case ListSessions() | Entries() | LastHead():
                self._reading.ask(lambda reading: _read(reading, request), self._answer(number))
            case VerifyChart():
                self._archive.ask(lambda reading: self._verify(reading, number, caller, request), self._answer(number))
            case _:
                self._front.ask(lambda front: self._at_front(front, number, caller, request), self._answer(number))

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
        site = msgspec.structs.replace(
            self._site, cards=self._cards, alarms=self._alarms, hands=self._hands, today=self._today()
        )
        return take_snapshot(
            self.host.state,
            site,
            self.newest,
            self._clock.mono_ns(),
            with_patients=knows_patients(caller),
            mine=self._attendance.sessions(caller.connection),
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
        checked = self._checked.pop(reply.request, None)
        if reply.code is not None:
            if commitments:
                self._front.ask(lambda front: front.forget(commitments), lambda _: None)
            self.server.answer(reply.request, refusal_of(reply, self._refusals.pop(reply.request, None)))
            return
        begins = isinstance(request, Start | BenchRun)
        if caller is not None and reply.session is not None and (caller.attends or begins):
            self._attending.extend((name, caller) for name in (reply.session, reply.partner) if name is not None)
        done = Done(id=0, session=reply.session, partner=reply.partner, checked=checked)
        if checked is None:
            self.server.answer(reply.request, done)
            return

        def answer(head: Head | None) -> None:  # once it is durable, under a signed head
            self.server.answer(reply.request, head_answer(head) if head is None else done)

        self._writer.sign_head(answer)

    def stopped(self, stopped: Stopped) -> None:
        """Say what a stop reached."""
        named = {unit for unit, _off, _after_ms in stopped.units}
        known = self.host.state.units
        tanks = [name for name, unit in known.items() if unit.config.profile.is_tank and name not in named]
        rows = [*stopped.units, *((tank, False, None) for tank in tanks if stopped.request in self._stops_of_all)]
        self._stops_of_all.discard(stopped.request)
        units = tuple(stopped_unit(known[unit].config.profile, unit, after_ms, off=off) for unit, off, after_ms in rows)
        self.server.answer(stopped.request, Done(id=0, stopped=units))

    def noted(self, draft: Draft) -> None:
        """Keep a session's alarms for the screens."""
        if not isinstance(draft.data, Alarm) or draft.session is None:
            return
        alarm = AlarmView(
            alarm=draft.data.alarm,
            priority=draft.data.priority,
            text=draft.data.text,
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
            if request.unit is None and request.session is None:
                self._stops_of_all.add(number)
            self.host.post(stop, first=True)

    def _at_front(self, front: FrontDesk, number: int, caller: Caller, request: Request) -> Done | Refused | None:
        """In the front desk's thread: what needs people and presets."""
        match request:
            case SignIn():
                return front.sign_in(request, lambda record: self.host.chart(Draft(data=record)))
            case ListPatients():
                return front.patients()
            case ListPresets():
                return front.presets(request.unit)
            case BenchRun():
                return self._begin_bench(front, number, caller, request)
            case CheckUnit():
                return self._check(front, number, caller, request)
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
        units, running = self.host.state.units, self._running()

        def chart(record: PatientWeighed) -> None:
            self.host.chart(Draft(data=record, actor=actor))

        if request.partner is not None:
            both = front.begin_both(
                number, actor, request, request.partner, units, history=found, running=running, chart=chart
            )
            if isinstance(both, Refused):
                return both
            event, card, beside = both
            self._keep_card(_partner_session(event), beside)
        else:
            begun = front.begin(number, actor, request, units, opened, history=found, running=running, chart=chart)
            if isinstance(begun, Refused):
                return begun
            event, card = begun
        if isinstance(event, Begin):
            self._texts[number] = tuple(one.sealed.commitment for one in opened)
        self._give(number, caller, request, event, card)
        return None

    def _begin_bench(self, front: FrontDesk, number: int, caller: Caller, request: BenchRun) -> Refused | None:
        """The same without a patient: the chart's history and a soft limit's opening are of treatments."""
        if not self._keeper.is_alive:
            return Refused(id=0, code="no_guard", reason=NO_GUARD)
        begun = front.begin_bench(number, caller.user or "", request, self.host.state.units)
        if isinstance(begun, Refused):
            return begun
        self._give(number, caller, request, *begun)
        return None

    def _give(self, number: int, caller: Caller, request: Start | BenchRun, event: Begin | Refuse, card: Card) -> None:
        session = event.setup.session if isinstance(event, Begin) else event.session
        self._keep_card(session, card)
        self._asking[number] = (caller, request)
        if isinstance(event, Refuse):
            self._refusals[number] = event.refused
        self.host.post(event)

    def _check(self, front: FrontDesk, number: int, caller: Caller, request: CheckUnit) -> Refused | None:
        """Judge readings, and give the engine what came of it."""
        found = front.check(number, caller.user or "", request, self.host.state.units)
        if isinstance(found, Refused):
            return found
        self._checked[number] = found.checked
        self.host.post(found)
        return None

    def _keep_card(self, session: str, card: Card) -> None:
        with self._lock:
            kept = dict(list(self._cards.items())[-KEPT_CARDS:])
            self._cards = {**kept, session: card}

    def _answer_in_words(self, front: FrontDesk, number: int, caller: Caller, request: Answer) -> None:
        """In the front desk's thread: keep what was written, then give the engine its commitment."""
        sealed = seal(request.text)
        if sealed.text:
            front.keep(sealed, request.session)
            self._texts[number] = (sealed.commitment,)
        self._asking[number] = (caller, request)
        self.host.post(event_of(number, caller.user or "", request, sealed.commitment if sealed.text else ""))

    def _verify(self, reading: Reading, number: int, caller: Caller, request: VerifyChart) -> Done:
        """In the archive's thread: given up as soon as nobody waits for it any more."""

        def progress(done: int, total: int) -> None:
            if caller.connection not in self._present:
                raise RefusedError(NOBODY_WAITS)
            if request.progress:
                self.server.progress(number, done, total)

        return reading.verify(request, progress)

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

    def _is_bench(self, request: Request) -> bool:
        """Whether it is about a session without a patient."""
        if not isinstance(request, OF_A_SESSION):
            return False
        run = self.host.state.sessions.get(request.session)
        return run is not None and bool(run.state.setup.started.load)

    def _site_refusal(self, request: Request) -> Refused | None:
        if isinstance(request, Answer) and request.source not in SOURCES:
            return Refused(id=0, code="usage", reason=f"An answer comes from {', '.join(SOURCES)}.")
        if isinstance(request, Answer | Pack) and request.source == "file" and not self._site.simulated:
            return Refused(id=0, code="refused", reason=ONLY_SIMULATED)
        return None

    def _lose(self, lost: Lost) -> None:
        if self._is_live(lost.session):
            self.host.post(ScreenLost(session=lost.session, why=lost.why), first=True)

    def _is_live(self, session: str) -> bool:
        run = self.host.state.sessions.get(session)
        return run is not None and run.state.phase not in OVER


def _partner_session(event: Begin | Refuse) -> str:
    if event.partner is None:
        return ""
    return event.partner.setup.session if isinstance(event.partner, Partner) else event.partner.session


def _read(reading: Reading, request: ListSessions | Entries | LastHead) -> Done:
    match request:
        case ListSessions():
            return reading.sessions(request)
        case Entries():
            return reading.entries(request)
        case LastHead():
            return reading.last_head()
