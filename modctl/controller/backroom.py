"""What the desk does with the chart and with units beside any session: additions, incidents, rounds, copies, looks."""

import zoneinfo
from collections.abc import Mapping
from datetime import datetime

from modctl.chart.anchor import Head
from modctl.clock import Clock
from modctl.controller.afterwards import Written, addition, incident_reason, unit_of
from modctl.controller.frontdesk import FrontDesk
from modctl.controller.host import Host
from modctl.controller.leaving import charted
from modctl.controller.reading import Reading
from modctl.controller.room import Room
from modctl.controller.rounds import round_checks
from modctl.controller.snapshot import Site, unit_detail
from modctl.controller.tap import Tap, fitting
from modctl.controller.words import head_answer
from modctl.controller.writer import ChartWriter
from modctl.engine.core_events import HoldUnit
from modctl.ipc.connection import Caller
from modctl.ipc.evidence import ExportChart
from modctl.ipc.hands import OpenIncident
from modctl.ipc.messages import Done, Refused, Round
from modctl.ipc.server import Server
from modctl.ipc.servicing import FrameRow, LookAtUnit, TraceUnit
from modctl.records import Draft, IncidentOpened, RoundClosed, RoundOpened


class Backroom:
    """The half of the desk that begins nothing and attends nothing."""

    def __init__(
        self,
        site: Site,
        front: Room[FrontDesk],
        reading: Room[Reading],
        archive: Room[Reading],
        writer: ChartWriter,
        clock: Clock,
    ) -> None:
        self.host: Host
        self.server: Server
        self._site = site
        self._front = front
        self._reading = reading
        self._archive = archive  # for what takes long, so that lists and events do not wait for it
        self._writer = writer
        self._clock = clock
        self.taps: Mapping[str, Tap] = {}  # of each unit's line
        self.newest = 0  # the newest chart number

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
        if known is None or known.hold_reason:  # not part of the site any more, or out of use already
            self.host.chart(draft, then=lambda: self.server.answer(number, Done(id=0)))
            return None
        hold = HoldUnit(request=number, actor=actor, unit=unit, reason=incident_reason(request.session))
        self.host.chart(draft, then=lambda: self.host.post(hold))
        return None

    def _export(self, number: int, caller: Caller, request: ExportChart) -> None:
        """Chart that a copy is taken, sign the head over that entry, then copy: so the copy itself says so."""
        draft = charted(request, caller.user, self.newest)

        def copy(head: Head | None) -> None:
            if head is None:
                self.server.answer(number, head_answer(head))
            else:
                now_utc = self._clock.stamp().at_utc
                self._archive.ask(lambda reading: reading.export(request, now_utc), self._answer(number))

        def begin(reading: Reading) -> Refused | None:
            refused = reading.problem_with(request)
            if refused is None:
                self.host.chart(draft, then=lambda: self._writer.sign_head(copy))
            return refused

        self._archive.ask(begin, self._answer(number))

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

    def _answer(self, number: int) -> "_Answering":
        return _Answering(self.server, number)


class _Answering:
    """Answers one request of the socket."""

    def __init__(self, server: Server, number: int) -> None:
        self._server = server
        self._number = number

    def __call__(self, answer: Done | Refused) -> None:
        self._server.answer(self._number, answer)
