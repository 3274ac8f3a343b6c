"""Throw one fault at one running session and see what came of it: on the unit, in the chart, on the screen."""

import contextlib
import os
import select
import socket
import threading
from typing import Final

import msgspec

from devices.bench import Ask, Clear, Inject, Injected, NotPossible, TruthIs, line_of, reply_of
from devices.model import NS_PER_MS, Modality
from modctl import sentences, text
from modctl.config import Layout
from modctl.engine.events import SampleArrived, SessionEvent
from modctl.ipc.client import BlockingClient
from modctl.ipc.messages import Acknowledge, Done, Entries, ListUnits, SessionView, Stop, UnitRow
from modctl.records import Entry, Inputs, SessionEnded
from tests.conformance.promises import LIES, OFF_CHECK, exempted, stop_bound_ms
from tests.conformance.virtual_line import profile_of
from tests.process import small_site as site
from tests.process.fault_site import TRIES, WITNESSES, Slot, parameters_of, patient_of, preset_of
from tests.scenario.fault_table import NOBODY_CAN, SPARE_MS

OVER: Final = ("ended", "unconfirmed")
RUNS_MS: Final = 1_500  # from the first output to the fault: well into the ramp of any model
RISES_MS: Final = 12_000  # until there is output to be wrong; a force takes some seconds to leave the minimum pull
SHOWS_MS: Final = 2_500  # from the fault: longer than any stale limit and any lease; what shows later shows at the stop
AFTER_MS: Final = 600  # beyond the end: what comes back by itself comes back soon
LASTS_MS: Final = 120_000
TIDY_MS: Final = 20_000  # after the fault was taken back: a lost line is tried again each second
LOOKS_MS: Final = 20
BUSY: Final = ("host_stalled", "chart_behind")  # this machine's own fault, and not the one that was thrown


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """What one fault came to.

    ``at_stop``: nothing showed while the session ran, and it was stopped by a person. ``noticed_ms``: from the fault to
    the decision to stop. ``off_ms``: from the fault, or the person's stop, to the true off; None: still on when the
    watch ended. ``after_end_ms``: for how long the unit was on after the chart had called the session ended.
    """

    model: str
    fault: str
    cannot: str = ""
    at_stop: bool = False
    noticed_ms: int = 0
    off_ms: int | None = None
    after_decision_ms: int | None = None
    after_end_ms: int = 0
    outcome: str = ""
    reason: str = ""
    said: str = ""
    after_sample_ms: int | None = None  # from the arrival of the sample that was past a limit, as charted, to true off

    def line(self) -> str:
        """One line of the table."""
        if self.cannot:
            return f"| {self.model} | {self.fault} | | cannot have it | {self.cannot} | |"
        off = "on when the watch ended" if self.off_ms is None else f"{self.off_ms} ms"
        off = f"{off} after the stop" if self.at_stop and self.off_ms is not None else off
        end = f"{self.outcome} ({self.reason})" if self.reason else self.outcome
        return f"| {self.model} | {self.fault} | {off} | {end} | {self.said} | {self.problem() or 'kept'} |"

    def problem(self) -> str:
        """How this row breaks the promise; empty when it keeps it.

        Truly off within the profile's time of the decision and called so; or unconfirmed, with the alarm that says what
        to do by hand, and off by the unit's own lease where it has one that can act.
        """
        if self.cannot or f"{OFF_CHECK}:{self.fault}" in exempted(self.model):
            return ""
        profile = profile_of(WITNESSES.get(self.model, self.model))
        if self.outcome == "unconfirmed":
            if profile.off.unknown_text[1:].rstrip(".") not in self.said:
                return "unconfirmed, and nothing says what to do by hand"
            nobody_can = self.fault in NOBODY_CAN or not profile.liveness.lease_ms
            within_ms = profile.off.deadline_ms + profile.liveness.lease_ms + SPARE_MS
            return "" if nobody_can or self._is_off(within_ms) else "its own lease did not end it"
        if self.outcome not in ("completed", "stopped", "faulted"):
            return f"no end: {self.outcome or self.said}"
        is_slow = (
            self.at_stop and profile.device.modality is Modality.TRACTION
        )  # a person's first press: at the set rate
        bound_ms = (profile.off.deadline_ms if is_slow else stop_bound_ms(profile, self.fault)) + SPARE_MS
        if not self._is_off(bound_ms):
            return f"called {self.outcome}, and off {self.after_decision_ms} ms after the decision, not {bound_ms}"
        if self.after_end_ms > 0 and self.fault not in LIES:
            return f"called {self.outcome} {self.after_end_ms} ms before it was off"
        return ""

    def _is_off(self, within_ms: int) -> bool:
        return self.after_decision_ms is not None and self.after_decision_ms <= within_ms


def throw(layout: Layout, controller: site.Controller, model: str, slot: Slot, fault: str) -> Row:
    """One session, one fault. The fault is taken back and the unit free again when this returns."""
    row = Row(model=model, fault=fault)
    cannot = why_not(layout, model, slot.breaks, fault)
    if cannot:
        return msgspec.structs.replace(row, cannot=cannot)
    preset = preset_of(WITNESSES.get(model, model)).id
    with contextlib.closing(controller.client(f"fault {fault}")) as client:
        for attempt in range(TRIES):
            with contextlib.closing(Trail(layout, slot.runs)) as trail:
                try:
                    session = _running(client, slot, preset, patient_of(model, fault, attempt), trail)
                    row = _thrown(layout, client, row, slot, session, trail)
                except NotRunningError as why:
                    row = Row(model=model, fault=fault, said=str(why))
                finally:
                    tidy(layout, client, slot)
            if row.outcome and row.reason not in BUSY:
                return row
            _pass_ms(TIDY_MS // TRIES)
    return row


def why_not(layout: Layout, model: str, unit: str, fault: str) -> str:
    """Why the simulated unit cannot have a fault, in its own words; asked of an order that is taken back at once."""
    later = Inject(name=unit, fault=fault, parameters=parameters_of(model, fault), after_ms=3_600_000)
    answer = site.ask_simulators(layout, later)
    site.ask_simulators(layout, Clear(name=unit))
    return answer.why if isinstance(answer, NotPossible) else ""


class Trail:
    """What a unit truly does, as its simulator tells it at every change."""

    def __init__(self, layout: Layout, unit: str) -> None:
        self._line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._line.connect(str(layout.sim_socket))
        self._line.sendall(line_of(Ask(name=unit, follow=True)))
        self._unread = b""
        self._told: TruthIs | None = None
        self._off_ns: int | None = None

    def look(self) -> TruthIs:
        """The newest truth."""
        while self._told is None or select.select([self._line], [], [], 0)[0]:
            self._unread += os.read(self._line.fileno(), 65_536)
            *lines, self._unread = self._unread.split(b"\n")
            for line in lines:
                self._take(reply_of(line))
        return self._told

    def off_ns(self) -> int | None:
        """Since when the unit is off without a break; None while it is not."""
        self.look()
        return self._off_ns

    def close(self) -> None:
        """Ask no more."""
        self._line.close()

    def _take(self, told: object) -> None:
        assert isinstance(told, TruthIs), told
        if told.energized:
            self._off_ns = None
        elif self._off_ns is None:
            self._off_ns = told.changed_at_mono_ns
        self._told = told


class NotRunningError(Exception):
    """The session did not get as far as output; the text says why."""


def _running(client: BlockingClient, slot: Slot, preset: str, patient: str, trail: Trail) -> str:
    """A session with output. NotRunningError when the unit refuses, as one does that an earlier fault has heated."""
    try:
        session = site.begin(client, slot.runs, LASTS_MS, patient, preset)
    except site.NotBegunError as why:
        raise NotRunningError(f"not begun: {why}") from why
    until_ns = site.CLOCK.mono_ns() + RISES_MS * NS_PER_MS
    while (seen := site.view(client, session)).phase not in OVER and site.CLOCK.mono_ns() < until_ns:
        if seen.phase == "running" and trail.look().energized:
            _pass_ms(RUNS_MS)
            seen = site.view(client, session)
            if seen.phase == "running":
                return session
    raise NotRunningError(f"not running: {seen.phase} {seen.reason}")


def _thrown(layout: Layout, client: BlockingClient, row: Row, slot: Slot, session: str, trail: Trail) -> Row:
    wanted = Inject(name=slot.breaks, fault=row.fault, parameters=parameters_of(row.model, row.fault))
    answer = site.ask_simulators(layout, wanted)
    assert isinstance(answer, Injected), answer
    fault_ns = from_ns = answer.at_mono_ns
    profile = profile_of(WITNESSES.get(row.model, row.model))
    stops_ms = profile.off.deadline_ms + max(profile.liveness.lease_ms, AFTER_MS)
    seen = _watch(client, session, trail, fault_ns, max(SHOWS_MS, profile.liveness.stale_ms + RUNS_MS))
    at_stop = seen.phase not in (*OVER, "stopping")
    if at_stop:
        from_ns = site.CLOCK.mono_ns()
        client.send(Stop(id=client.next_id(), session=session, source="terminal"))
    seen = _watch(client, session, trail, site.CLOCK.mono_ns(), stops_ms)
    if seen.phase not in OVER:
        return msgspec.structs.replace(row, at_stop=at_stop, outcome=f"not over: {seen.phase}", said=_said(seen))
    _pass_ms(AFTER_MS)
    off_ns = trail.off_ns()
    end_ns, ended = _ended(client, session)
    took_ms = profile.off.deadline_ms if ended.off_after_ms is None else ended.off_after_ms
    decided_ns = end_ns - took_ms * NS_PER_MS
    since_sample_ms = None
    if off_ns is not None and ended.reason.startswith("limit:"):
        since_sample_ms = (off_ns - _bad_sample_ns(client, session)) // NS_PER_MS
    return msgspec.structs.replace(
        row,
        at_stop=at_stop,
        noticed_ms=(decided_ns - fault_ns) // NS_PER_MS,
        off_ms=None if off_ns is None else max(0, off_ns - from_ns) // NS_PER_MS,
        after_decision_ms=None if off_ns is None else max(0, off_ns - decided_ns) // NS_PER_MS,
        after_end_ms=0 if off_ns is None else max(0, off_ns - end_ns) // NS_PER_MS,
        outcome=ended.outcome,
        reason=ended.reason,
        said=_said(seen),
        after_sample_ms=since_sample_ms,
    )


def _watch(client: BlockingClient, session: str, trail: Trail, from_ns: int, watch_ms: int) -> SessionView:
    """Until the unit is truly off and the session over, or the watch ends."""
    until_ns = from_ns + watch_ms * NS_PER_MS
    while True:
        seen = site.view(client, session)
        is_done = seen.phase in OVER and trail.off_ns() is not None
        if is_done or site.CLOCK.mono_ns() >= until_ns:
            return seen


def _ended(client: BlockingClient, session: str) -> tuple[int, SessionEnded]:
    """When the chart calls a session ended, and how."""
    for _ in range(SHOWS_MS // LOOKS_MS):
        for entry in _charted(client, session):
            if entry.kind == "session.ended":
                return entry.mono_ns, msgspec.json.decode(entry.data, type=SessionEnded)
        _pass_ms(LOOKS_MS)
    raise AssertionError(f"{session} is over and has no end in the chart")


def _bad_sample_ns(client: BlockingClient, session: str) -> int:
    """When the sample came that a limit stopped the session for: the last input before ``limit.breached``."""
    last_ns = 0
    for entry in _charted(client, session):
        if entry.kind == "limit.breached":
            return last_ns
        if entry.kind == "inputs":
            inputs = msgspec.json.decode(entry.data, type=Inputs)
            events = msgspec.json.decode(inputs.events, type=tuple[tuple[int, SessionEvent], ...])
            last_ns = next((e.sample.at_ns for _at, e in reversed(events) if isinstance(e, SampleArrived)), last_ns)
    raise AssertionError("no limit was breached in the chart")


def _charted(client: BlockingClient, session: str) -> list[Entry]:
    found: list[Entry] = []
    while True:
        since = found[-1].seq if found else -1
        told = client.request(Entries(id=client.next_id(), session=session, since=since))
        assert isinstance(told, Done), told
        found += [msgspec.json.decode(raw, type=Entry) for raw in told.entries or ()]
        if not told.entries or not told.more:
            return found


def _said(seen: SessionView) -> str:
    """What the therapist reads: the standing alarms, or why it ended."""
    alarms = " ".join(alarm.text for alarm in seen.alarms)
    return alarms or f"{text.outcome(seen.outcome)}: {sentences.reason(seen.reason)}."


def tidy(layout: Layout, client: BlockingClient, slot: Slot) -> None:
    """Take the fault back, and wait until the units answer again and are out of no use."""
    site.ask_simulators(layout, Clear(name=slot.breaks))
    client.request(Stop(id=client.next_id(), unit=slot.runs, source="terminal"))
    until_ns = site.CLOCK.mono_ns() + TIDY_MS * NS_PER_MS
    while not (told := [_tidied(client, row) for row in listed(client, slot)]) or not all(told):
        assert site.CLOCK.mono_ns() < until_ns, f"{listed(client, slot)} {TIDY_MS} ms after the fault was taken back"
        _pass_ms(100)


def listed(client: BlockingClient, slot: Slot) -> tuple[UnitRow, ...]:
    """The units of a slot, as ``unit list`` shows them."""
    told = client.request(ListUnits(id=client.next_id()))
    assert isinstance(told, Done)
    return tuple(row for row in told.units or () if row.name in (slot.breaks, slot.runs))


def _tidied(client: BlockingClient, row: UnitRow) -> bool:
    if row.state == "latched":
        statement = "nobody is connected, the power is cut"
        client.request(Acknowledge(id=client.next_id(), unit=row.name, statement=statement))
    return row.state == "ready" and (row.monitored or row.output == "off")


def _pass_ms(ms: int) -> None:
    threading.Event().wait(ms / 1000)
