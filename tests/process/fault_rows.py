"""Throw one fault at one running session and see what came of it: on the unit, in the chart, on the screen."""

import contextlib
import threading

import msgspec

from devices.bench import FAULTS, Clear, Inject, Injected, NotPossible
from modctl import sentences, text
from modctl.config import Layout
from modctl.engine.events import SampleArrived, SessionEvent
from modctl.ipc.client import BlockingClient
from modctl.ipc.messages import Acknowledge, Done, Entries, ListUnits, SessionView, Stop
from modctl.records import Entry, Inputs
from tests.process import small_site as site

OVER = ("ended", "unconfirmed")
RUNS_MS = 1_500  # from RUNNING to the fault: well into the ramp of either model
SHOWS_MS = 2_500  # from the fault: longer than any stale limit and any lease; what shows later shows at the stop
STOPS_MS = 6_000  # from the stop: three times the longest lease
TRIES = 5
TIDY_MS = 15_000  # after the fault was taken back: a lost line is tried again each second
WANTED = {"value": 5_000, "at": 6, "mm": 20, "per_s": 5_000}  # parameters of the menu that have no default


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """What one fault came to.

    ``at_stop``: nothing showed while the session ran, and it was stopped by a person; times then count from there.
    ``off_ms`` None: the unit was still energized when the watch ended.
    """

    model: str
    fault: str
    possible: bool = True
    at_stop: bool = False
    off_ms: int | None = None
    outcome: str | None = None
    reason: str = ""
    said: str = ""
    after_sample_ms: int | None = None  # from the arrival of the sample that was past a limit, as charted, to true off

    def line(self) -> str:
        """One line of the table."""
        if not self.possible:
            return f"| {self.model} | {self.fault} | cannot have it | | {self.said} |"
        off = "never in the watch" if self.off_ms is None else f"{self.off_ms} ms"
        since = f"{off} after the stop" if self.at_stop else off
        return f"| {self.model} | {self.fault} | {since} | {self.outcome} ({self.reason}) | {self.said} |"


def patient_of(unit: str) -> str:
    """Each unit has its own: one patient is not given what does not go together."""
    return f"P-{unit}"


def throw(layout: Layout, controller: site.Controller, unit: str, fault: str) -> Row:
    """One session, one fault. The fault is taken back and the unit free again when this returns."""
    begun = Row(model=site.model_of(unit), fault=fault)
    with contextlib.closing(controller.client(f"fault {fault}")) as client:
        try:
            session = _running(layout, client, unit)
            _pass_ms(RUNS_MS)
            wanted = tuple((name, WANTED[name]) for name in needed(fault))
            answer = site.ask_simulators(layout, Inject(name=unit, fault=fault, parameters=wanted))
            if isinstance(answer, NotPossible):
                return msgspec.structs.replace(begun, possible=False, said=answer.why)
            assert isinstance(answer, Injected), answer
            return _watched(layout, client, begun, (unit, session), answer.at_mono_ns)
        finally:
            _tidy(layout, client, unit)


def _running(layout: Layout, client: BlockingClient, unit: str) -> str:
    """A session that runs. A head that an earlier fault heated has to cool first: the unit refuses until it has."""
    for _ in range(TRIES):
        session = site.begin(client, unit, 60_000, patient_of(unit))
        while (seen := site.view(client, session)).phase not in ("running", *OVER):
            pass
        if seen.phase == "running":
            return session
        _tidy(layout, client, unit)
        _pass_ms(TIDY_MS // TRIES)
    raise AssertionError(f"{unit} did not start in {TRIES} tries: {seen.reason}")


def needed(fault: str) -> tuple[str, ...]:
    """The parameters that have to be given."""
    spec = FAULTS[fault]
    return tuple(name for name, default in spec.parameters if default is None and name not in spec.optional)


def _watched(layout: Layout, client: BlockingClient, row: Row, named: tuple[str, str], fault_ns: int) -> Row:
    _unit, session = named
    off_ms, seen = _watch(layout, client, named, fault_ns, SHOWS_MS)
    if seen.phase not in (*OVER, "stopping"):
        fault_ns = site.CLOCK.mono_ns()
        client.send(Stop(id=client.next_id(), session=session, source="terminal"))
        row = msgspec.structs.replace(row, at_stop=True)
        off_ms = None
    if off_ms is None or seen.phase not in OVER:
        off_ms, seen = _watch(layout, client, named, fault_ns, STOPS_MS)
    after_ms = None
    if off_ms is not None and seen.reason.startswith("limit:"):
        after_ms = off_ms - (_bad_sample_ns(client, session) - fault_ns) // 1_000_000
    return msgspec.structs.replace(
        row, off_ms=off_ms, outcome=seen.outcome, reason=seen.reason, said=_said(seen), after_sample_ms=after_ms
    )


def _bad_sample_ns(client: BlockingClient, session: str) -> int:
    """When the sample came that a limit stopped the session for: the last input before ``limit.breached``."""
    last_ns = 0
    told = client.request(Entries(id=client.next_id(), session=session))
    assert isinstance(told, Done)
    for raw in told.entries or ():
        entry = msgspec.json.decode(raw, type=Entry)
        if entry.kind == "limit.breached":
            return last_ns
        if entry.kind == "inputs":
            inputs = msgspec.json.decode(entry.data, type=Inputs)
            events = msgspec.json.decode(inputs.events, type=tuple[tuple[int, SessionEvent], ...])
            last_ns = next((e.sample.at_ns for _at, e in reversed(events) if isinstance(e, SampleArrived)), last_ns)
    raise AssertionError("no limit was breached in the chart")


def _said(seen: SessionView) -> str:
    """What the therapist reads: the standing alarms in their words, or why it ended."""
    alarms = [sentences.alarm(alarm.alarm) for alarm in seen.alarms]
    return " ".join(alarms) or f"{text.outcome(seen.outcome)}: {sentences.reason(seen.reason)}."


def _watch(
    layout: Layout, client: BlockingClient, named: tuple[str, str], from_ns: int, watch_ms: int
) -> tuple[int | None, SessionView]:
    """Until the unit is truly off and the session over, or the watch ends."""
    unit, session = named
    until_ns = from_ns + watch_ms * 1_000_000
    off_ms = None
    while True:
        told = site.truth(layout, unit)
        if off_ms is None and not told.energized:
            off_ms = max(0, told.changed_at_mono_ns - from_ns) // 1_000_000
        seen = site.view(client, session)
        if (off_ms is not None and seen.phase in OVER) or site.CLOCK.mono_ns() >= until_ns:
            return off_ms, seen
        _pass_ms(20)


def _tidy(layout: Layout, client: BlockingClient, unit: str) -> None:
    """Take the fault back, and wait until the unit answers again and is out of no use."""
    site.ask_simulators(layout, Clear(name=unit))
    client.request(Stop(id=client.next_id(), unit=unit, source="terminal"))
    until_ns = site.CLOCK.mono_ns() + TIDY_MS * 1_000_000
    while site.CLOCK.mono_ns() < until_ns:
        listed = client.request(ListUnits(id=client.next_id()))
        assert isinstance(listed, Done)
        told = next(row for row in listed.units or () if row.name == unit)
        if told.state == "ready" and told.output == "off":
            return
        if told.state == "latched":
            statement = "nobody is connected, the power is cut"
            client.request(Acknowledge(id=client.next_id(), unit=unit, statement=statement))
        _pass_ms(100)
    raise AssertionError(f"{told} {TIDY_MS} ms after its fault was taken back: {site.truth(layout, unit)}")


def _pass_ms(ms: int) -> None:
    threading.Event().wait(ms / 1000)
