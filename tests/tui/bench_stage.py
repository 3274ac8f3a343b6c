"""Runs the technician's screen without a terminal, against a scripted controller and made-up simulators."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import msgspec
from textual.pilot import Pilot
from textual.widgets import Input

from devices import racking
from devices.bench import FAULTS, Clear, FaultSpec, Inject, TruthIs
from devices.model import NS_PER_MS
from devices.profile import load
from devices.racking import Listing, Remove, Start
from modctl.clinic.checks import unit_plan
from modctl.errors import RefusedError, UnreachableError
from modctl.ipc.messages import Done, GateView, Refused, Request, SessionView, SignIn, UnitRow
from modctl.ipc.servicing import BenchRun, FrameRow, LookAtUnit, TraceUnit, UnitDetail
from modctl.service_records import UnitChecked
from tests.tui.fakes import UNITS, FakeClient, HandClock, Script, message_id, session, snapshot
from tests.tui.stage import drawn
from tui.bench.app import BenchApp
from tui.bench.source import Order, Plan, ReadFrame, Setting
from tui.messages import Tick
from tui.widgets.rows import Rows

ON_LOAD = {"patient": "", "patient_name": "", "preset": "bench", "region": "bench", "side": "", "load": "500 ohm"}
NOBODY = GateView(
    gate="bench_nobody",
    title="Is nobody connected?",
    text="estim-1. Follow every lead.",
    answers=(("nobody", "Nobody is connected"), ("somebody", "Somebody is")),
    closes=("somebody",),
)
FRAMES = (
    FrameRow(seq=1, at_mono_ns=0, way="out", frame="010300"),
    FrameRow(seq=2, at_mono_ns=20 * NS_PER_MS, way="in", frame="01031e"),
    FrameRow(seq=3, at_mono_ns=30 * NS_PER_MS, way="out", frame="0106ff"),
)
TRUTH = TruthIs(
    name="estim-1",
    model="hasomed-p24",
    energized=False,
    output=0,
    unit="uA",
    state="off",
    changed_at_mono_ns=0,
    now_mono_ns=0,
    lease_left_ms=None,
    channels=(),
    faults=(),
)


def on_load(**changes: object) -> SessionView:
    """A bench run on estim-1, running, changed as said."""
    return session(**{**ON_LOAD, "session": "B-1", **changes})


class Read(msgspec.Struct, frozen=True, kw_only=True):
    """A frame that was read."""

    row: FrameRow
    means: str


class Took(msgspec.Struct, frozen=True, kw_only=True):
    """Round trips."""

    frames: int = 2
    answered: int = 1
    p50_us: int | None = 20_000
    p99_us: int | None = 20_000


class MadeUp:
    """Simulators and protocols without a process: a source of the screen."""

    def __init__(self) -> None:
        self.truth: tuple[TruthIs, ...] = (TRUTH,)
        self.slots: tuple[Listing, ...] = (Listing(name="estim-1", model="hasomed-p24", address="run/bench/estim-1"),)
        self.papers: list[tuple[UnitChecked, str, Path | None, Path | None]] = []
        self.ordered: list[Order] = []
        self.saved: list[tuple[Path, str, int]] = []
        self.is_there = True

    def rack(self) -> Sequence[tuple[Listing, TruthIs]]:
        """What was made up."""
        if not self.is_there:
            raise UnreachableError("No simulators here. Start them with: modctl sim run")
        return [(slot, msgspec.structs.replace(self.truth[0], name=slot.name)) for slot in self.slots]

    def models(self) -> Sequence[tuple[str, str]]:
        """Two of the catalogue."""
        return ("hasomed-p24", "estim"), ("reference-ultrasound", "ultrasound")

    def add(self, name: str, model: str, address: str) -> None:
        """It is there, and runs."""
        self.slots = (*self.slots, Listing(name=name, model=model, address=address))

    def plan(self, model: str) -> Plan:
        """The model's own."""
        profile = load(model)
        return unit_plan(profile.level.name, profile.device.modality)

    def paper(self, checked: UnitChecked, who: str, report: Path | None, sticker: Path | None) -> Sequence[Path]:
        """Remember it."""
        self.papers.append((checked, who, report, sticker))
        return tuple(path for path in (report, sticker) if path is not None)

    def menu(self, model: str) -> Sequence[FaultSpec]:
        """Three of the menu, whatever the model."""
        del model
        return FAULTS["silence"], FAULTS["run-away"], FAULTS["contact-loss"]

    def order(self, request: Order) -> None:
        """Do it to the one unit there is."""
        self.ordered.append(request)
        faults = self.truth[0].faults
        match request:
            case Inject():
                faults = (*faults, request.fault)
            case Clear():
                faults = tuple(one for one in faults if request.fault and one != request.fault)
            case Remove():
                self.slots = tuple(one for one in self.slots if one.name != request.name)
            case Start() | racking.Stop():
                runs = isinstance(request, Start)
                self.slots = tuple(
                    msgspec.structs.replace(one, running=runs) if one.name == request.name else one
                    for one in self.slots
                )
        self.truth = (msgspec.structs.replace(self.truth[0], faults=faults),)

    def settings(self, model: str) -> Sequence[Setting]:
        """The model's own."""
        return load(model).parameter

    def read(self, unit: str, rows: Sequence[FrameRow], *, is_first: bool) -> Sequence[ReadFrame]:
        """Writing is energizing, everything else of ours a query."""
        del unit, is_first
        return [
            Read(row=row, means=("energize" if "06" in row.frame else "query") * (row.way == "out")) for row in rows
        ]

    def trip(self, rows: Sequence[FrameRow]) -> Took:
        """Always the same."""
        del rows
        return Took()

    def adapter(self, address: str) -> str:
        """None."""
        return f"no adapter at {address}"

    def save(self, path: Path, unit: str, frames: Sequence[ReadFrame]) -> None:
        """Remember it."""
        if path.name == "there":
            raise RefusedError(f"There is something at {path}; a trace replaces nothing.")
        self.saved.append((path, unit, len(frames)))


def obliging(message: Request) -> Done | Refused:
    """A controller that says yes."""
    number = message_id(message)
    match message:
        case SignIn():
            if message.pin != "1234":
                return Refused(id=number, code="sign_in", reason="The name or the PIN is wrong.")
            return Done(id=number, role="technician")
        case BenchRun():
            return Done(id=number, session="B-1")
        case TraceUnit():
            return Done(id=number, frames=FRAMES if message.since == 0 else ())
        case LookAtUnit():
            links = (("late", 2), ("corrupt", 3))
            detail = UnitDetail(
                unit=message.unit,
                state="ready",
                output="off",
                age_ms=40,
                contact="good",
                values=(("current_ua", 0),),
                faults=(),
                head="",
                boot=None,
                counter=None,
                link_faults=links,
            )
            return Done(id=number, detail=detail)
        case _:
            return Done(id=number)


class Stand:
    """One bench in the middle of a test."""

    def __init__(self, app: BenchApp, pilot: Pilot[None], clock: HandClock, client: FakeClient, made: MadeUp) -> None:
        self.app, self.clock, self.client, self.made = app, clock, client, made
        self._pilot = pilot
        self._seen: tuple[tuple[SessionView, ...], tuple[UnitRow, ...]] | None = None

    async def settle(self) -> None:
        """Until workers, threads and messages have come to rest."""
        await self._pilot.pause()

    async def see(self, *sessions: SessionView, units: tuple[UnitRow, ...] = UNITS) -> None:
        """The controller's newest state arrives, and the screen looks around it."""
        self._seen = (sessions, units)
        self.client.push(snapshot(self.clock, *sessions, units=units))
        await self.look_around()

    async def look_around(self) -> None:
        """Time enough for every kind of look to begin and to end."""
        for _ in range(3):
            self.app.post_message(Tick())
            await self.settle()

    async def press(self, *keys: str) -> None:
        """Keys, one after the other, with time between them; the controller goes on telling the same."""
        for key in keys:
            self.clock.advance_ms(200)
            if self._seen is not None:
                sessions, units = self._seen
                self.client.push(snapshot(self.clock, *sessions, units=units))
                await self.settle()
            await self._pilot.press(key)
        await self.settle()

    async def enter(self, words: str) -> None:
        """A line, behind what stands there, and Enter."""
        line = self.app.query_one(Input)
        line.value += words
        await self.press("enter")

    def line(self) -> str:
        """What stands in the line that is typed."""
        return self.app.query_one(Input).value

    def drawn(self) -> str:
        """What stands on the screen, cut as the screen cuts it."""
        return "\n".join(strip.text.rstrip() for strip in drawn(self.app))

    def text(self) -> str:
        """Every word on the screen."""
        return "\n".join("".join(span.text for span in line) for one in self.app.query(Rows) for line in one.lines)

    def sent(self, *kinds: type[Request]) -> list[Request]:
        """What was asked of the controller."""
        return [message for message in self.client.requests if isinstance(message, kinds)]


Act = Callable[[Stand], Awaitable[None]]


def perform(act: Act, *, pin: str | None = "1234", size: tuple[int, int] = (80, 24), script: Script = obliging) -> None:
    """Run one act at the bench."""

    async def run() -> None:
        clock, client, made = HandClock(), FakeClient(script), MadeUp()

        async def dial() -> FakeClient:
            return client

        app = BenchApp(made, dial, clock, user="technician", pin=pin)
        async with app.run_test(size=size) as pilot:
            stand = Stand(app, pilot, clock, client, made)
            await stand.settle()
            await act(stand)

    asyncio.run(run())


async def begun(stand: Stand) -> None:
    """A bench run of 5 mA on 500 ohm is asked for."""
    await stand.see()
    await stand.press("enter", "r")
    for words in ("500 ohm", "200", "10000", "5000", "20", "nobody"):
        await stand.enter(words)
