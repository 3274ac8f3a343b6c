"""Throw one fault at one running session and see what came of it: on the unit, in the chart, on the screen."""

import contextlib
import threading

import msgspec

from devices.bench import FAULTS, Clear, Inject, Injected, NotPossible
from modctl import text
from modctl.config import Layout
from modctl.ipc.client import BlockingClient
from modctl.ipc.messages import Acknowledge, SessionView, Stop
from tests.process import small_site as site

OVER = ("ended", "unconfirmed")
RUNS_MS = 1_500  # from RUNNING to the fault: well into the ramp of either model
SHOWS_MS = 2_500  # from the fault: longer than any stale limit and any lease; what shows later shows at the stop
STOPS_MS = 6_000  # from the stop: three times the longest lease
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

    def line(self) -> str:
        """One line of the table."""
        if not self.possible:
            return f"| {self.model} | {self.fault} | cannot have it | | | {self.said} |"
        off = "never in the watch" if self.off_ms is None else f"{self.off_ms} ms"
        since = f"{off} from the stop" if self.at_stop else off
        return f"| {self.model} | {self.fault} | {since} | {self.outcome} | {self.reason} | {self.said} |"


def throw(layout: Layout, controller: site.Controller, model: str, unit: str, fault: str) -> Row:
    """One session, one fault. The fault is taken back and the unit free again when this returns."""
    with contextlib.closing(controller.client(f"fault {fault}")) as client:
        session = site.begin(client, unit, 60_000)
        site.wait_for(client, session, "running")
        _pass_ms(RUNS_MS)
        wanted = tuple((name, WANTED[name]) for name in needed(fault))
        answer = site.ask_simulators(layout, Inject(name=unit, fault=fault, parameters=wanted))
        if isinstance(answer, NotPossible):
            row = Row(model=model, fault=fault, possible=False, said=answer.why)
        else:
            assert isinstance(answer, Injected), answer
            row = _watched(layout, client, Row(model=model, fault=fault), (unit, session), answer.at_mono_ns)
        site.ask_simulators(layout, Clear(name=unit))
        client.request(Stop(id=client.next_id(), session=session, source="test"))
        client.request(Acknowledge(id=client.next_id(), unit=unit, statement="nobody is connected, power is cut"))
        return row


def needed(fault: str) -> tuple[str, ...]:
    """The parameters that have to be given."""
    spec = FAULTS[fault]
    return tuple(name for name, default in spec.parameters if default is None and name not in spec.optional)


def _watched(layout: Layout, client: BlockingClient, row: Row, named: tuple[str, str], fault_ns: int) -> Row:
    unit, session = named
    off_ms, seen = _watch(layout, client, named, fault_ns, SHOWS_MS)
    if seen.phase not in (*OVER, "stopping"):
        fault_ns = site.CLOCK.mono_ns()
        client.send(Stop(id=client.next_id(), session=session, source="test"))
        row = msgspec.structs.replace(row, at_stop=True)
        off_ms = None
    if off_ms is None or seen.phase not in OVER:
        off_ms, seen = _watch(layout, client, named, fault_ns, STOPS_MS)
    said = text.reason(seen.reason)
    return msgspec.structs.replace(row, off_ms=off_ms, outcome=seen.outcome, reason=seen.reason, said=said)


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


def _pass_ms(ms: int) -> None:
    threading.Event().wait(ms / 1000)
