"""Between the socket and everything behind it: each request to who can answer it, each answer to who asked.

Rule 1: in the socket's thread nothing is waited for: the engine, the rooms and the writer answer later.
Rule 2: a stop goes to the engine's first lane whoever asks; everything else is asked of the person's rights first.
Rule 3: the connection that begins a session attends it; a screen that acts on a session takes it over.
"""

import threading
import zoneinfo
from collections import deque
from collections.abc import Mapping
from datetime import datetime
from typing import Final

import msgspec

from devices.model import label
from modctl import sentences
from modctl.chart.anchor import Head
from modctl.clock import Clock
from modctl.controller.attendance import Attendance, Lost
from modctl.controller.frontdesk import FrontDesk
from modctl.controller.host import Host
from modctl.controller.keeper import GuardKeeper
from modctl.controller.reading import Reading
from modctl.controller.rights import OF_A_SESSION, knows_patients, refusal
from modctl.controller.room import Room
from modctl.controller.snapshot import Card, Site, take_snapshot, unit_detail, unit_rows
from modctl.controller.tap import Tap, fitting
from modctl.controller.words import event_of, head_answer, refusal_of, service_of
from modctl.controller.writer import ChartWriter
from modctl.engine.core_events import Begin, Refuse, ScreenLost, StopUnits
from modctl.engine.effects import Reply, Stopped
from modctl.engine.phases import OVER
from modctl.ipc.connection import Caller
from modctl.ipc.messages import (
    Acknowledge,
    AlarmView,
    Answer,
    Done,
    Entries,
    ExportChart,
    ListPatients,
    ListPresets,
    ListSessions,
    ListUnits,
    Pause,
    Refused,
    Request,
    Resume,
    SignIn,
    Snapshot,
    Start,
    Step,
    Stop,
    StoppedUnit,
    TakeCheckpoint,
    VerifyChart,
)
from modctl.ipc.server import Server
from modctl.ipc.servicing import (
    BenchRun,
    CheckUnit,
    FrameRow,
    HoldUnit,
    IdentifyUnit,
    LookAtUnit,
    LookBack,
    ReleaseUnit,
    TraceUnit,
)
from modctl.records import Alarm, ChartExported, Draft, SessionRefused, UnitChecked

KEPT_CARDS: Final = 64  # chosen: more sessions than the engine keeps
NO_GUARD: Final = "The guard that switches everything off in an emergency is not running. Nothing was started."
NO_FREE_TEXT: Final = "Free text cannot be kept yet; answer without it. The question is still open."
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
        self._checked: dict[int, UnitChecked] = {}  # what the front desk judged, until the engine has it
        self._refusals: dict[int, SessionRefused] = {}  # what the front desk found, until the engine has charted it
        self._attending: deque[tuple[str, Caller]] = deque()  # put by the engine's thread, taken by the socket's
        self._lock = threading.Lock()  # of the two maps below, which are replaced, never changed
        self._cards: Mapping[str, Card] = {}
        self._alarms: Mapping[str, tuple[AlarmView, ...]] = {}
        self.taps: Mapping[str, Tap] = {}  # of each unit's line
        self.newest = 0  # the newest chart number

    # House: the socket's thread

    def asked(self, number: int, caller: Caller, request: Request) -> None:  # noqa: C901, PLR0912  # flat
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
            case Answer() | Pause() | Resume() | Step() | Acknowledge():
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
            case ListSessions() | Entries():
                self._reading.ask(lambda reading: _read(reading, request), self._answer(number))
            case VerifyChart():
                self._archive.ask(lambda reading: reading.verify(request), self._answer(number))
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
        site = msgspec.structs.replace(self._site, cards=self._cards, alarms=self._alarms, today=self._today())
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
        if reply.code is not None:
            self._checked.pop(reply.request, None)
            self.server.answer(reply.request, refusal_of(reply, self._refusals.pop(reply.request, None)))
            return
        if (
            caller is not None
            and reply.session is not None
            and (caller.attends or isinstance(request, Start | BenchRun))
        ):
            self._attending.append((reply.session, caller))
        checked = self._checked.pop(reply.request, None)
        self.server.answer(reply.request, Done(id=0, session=reply.session, checked=checked))

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

    def _at_front(self, front: FrontDesk, number: int, caller: Caller, request: Request) -> Done | Refused | None:
        """In the front desk's thread: what needs people and presets."""
        match request:
            case SignIn():
                return front.sign_in(request, lambda record: self.host.chart(Draft(data=record)))
            case ListPatients():
                return front.patients()
            case ListPresets():
                return front.presets(request.unit)
            case Start() | BenchRun():
                return self._begin(front, number, caller, request)
            case CheckUnit():
                return self._check(front, number, caller, request)
            case _:
                return Refused(id=0, code="usage", reason="This is not asked here.")

    def _check(self, front: FrontDesk, number: int, caller: Caller, request: CheckUnit) -> Refused | None:
        """Judge readings, and give the engine what came of it."""
        found = front.check(number, caller.user or "", request, self.host.state.units)
        if isinstance(found, Refused):
            return found
        self._checked[number] = found.checked
        self.host.post(found)
        return None

    def _look_at(self, number: int, request: LookAtUnit) -> None:
        unit = self.host.state.units.get(request.unit)
        if unit is None:
            refused = Refused(id=0, code="usage", reason=f"This site has no unit {request.unit!r}.")
            self.server.answer(number, refused)
            return
        self.server.answer(number, Done(id=0, detail=unit_detail(unit, self._clock.mono_ns())))

    def _trace(self, number: int, request: TraceUnit) -> None:
        tap = self.taps.get(request.unit)
        if tap is None:
            refused = Refused(id=0, code="usage", reason=f"This site has no unit {request.unit!r}.")
            self.server.answer(number, refused)
            return
        seen = fitting(tap.look(request.since, self._clock.mono_ns()))
        rows = (FrameRow(seq=one.seq, at_mono_ns=one.at_ns, way=one.way, frame=one.frame.hex()) for one in seen)
        self.server.answer(number, Done(id=0, frames=tuple(rows)))

    def _today(self) -> str:
        """The date at the site."""
        now = datetime.fromisoformat(self._clock.stamp().at_utc)
        return now.astimezone(zoneinfo.ZoneInfo(self._site.timezone)).date().isoformat()

    def _is_bench(self, request: Request) -> bool:
        """Whether it is about a session without a patient."""
        if not isinstance(request, OF_A_SESSION):
            return False
        run = self.host.state.sessions.get(request.session)
        return run is not None and bool(run.state.setup.started.load)

    def _begin(self, front: FrontDesk, number: int, caller: Caller, request: Start | BenchRun) -> Refused | None:
        """Prepare a session, and give the engine what came of it."""
        if not self._keeper.is_alive:
            return Refused(id=0, code="no_guard", reason=NO_GUARD)
        units, actor = self.host.state.units, caller.user or ""
        if isinstance(request, BenchRun):
            found = front.begin_bench(number, actor, request, units)
        else:
            found = front.begin(number, actor, request, units)
        if isinstance(found, Refused):
            return found
        event, card = found
        session = event.setup.session if isinstance(event, Begin) else event.session
        with self._lock:
            kept = dict(list(self._cards.items())[-KEPT_CARDS:])
            self._cards = {**kept, session: card}
        self._asking[number] = (caller, request)
        if isinstance(event, Refuse):
            self._refusals[number] = event.refused
        self.host.post(event)
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
        if isinstance(request, Answer) and request.text:
            return Refused(id=0, code="text", reason=NO_FREE_TEXT)
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
