"""The technician's screen against a scripted controller: what it shows and asks for, and what its stop keys stop."""

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
from modctl.ipc.messages import Answer, Done, GateView, Refused, Request, SessionView, SignIn, Stop, UnitRow
from modctl.ipc.servicing import BenchRun, FrameRow, HoldUnit, LookAtUnit, ReleaseUnit, TraceUnit, UnitDetail
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


def test_the_list_shows_true_beside_reported_and_how_the_lines_do() -> None:
    """A unit that reports off and gives output must be seen from the list."""

    async def act(stand: Stand) -> None:
        stand.made.truth = (msgspec.structs.replace(TRUTH, energized=True, output=7000, faults=("stuck-on",)),)
        await stand.see()
        await stand.look_around()

        row = next(line for line in stand.text().splitlines() if "estim-1" in line)
        assert ["ready", "□ OFF", "■ 7000 uA", "SIM-0001", "never"] == [
            word for word in ("ready", "□ OFF", "■ 7000 uA", "SIM-0001", "never") if word in row
        ]
        assert "5" == row.split()[-1]
        assert "estim-1 has: stuck-on" in stand.text()

    perform(act)


def test_a_wrong_pin_is_said_and_asked_for_again() -> None:
    """Nobody services a unit without a name under it."""

    async def act(stand: Stand) -> None:
        await stand.see()
        await stand.press("enter")
        await stand.enter("9999")

        assert "The name or the PIN is wrong." in stand.text()
        assert "nobody is signed in" in stand.text()
        await stand.press("enter")
        await stand.enter("1234")

        assert "technician is signed in as technician." in stand.text()

    perform(act, pin=None)


def test_no_patient_is_shown_whoever_is_signed_in() -> None:
    """An administrator may see patients elsewhere; here nobody does."""

    async def act(stand: Stand) -> None:
        await stand.see(session())
        for keys in ((), ("enter",), ("t",), ("backspace", "r")):
            await stand.press(*keys)

            assert not [word for word in ("Ada", "P-001", "hip", "TENS", "right") if word in stand.text()]

    perform(act)


def test_a_unit_s_page_says_what_went_wrong_on_its_line() -> None:
    """Late, foreign, malformed and bad CRC are different ills."""

    async def act(stand: Stand) -> None:
        await stand.see()
        await stand.press("enter")
        await stand.look_around()

        assert "late 2, corrupt 3" in stand.text()
        assert "p50 20.0 ms, p99 20.0 ms, over 1 of 2 frames" in stand.text()
        assert "no adapter at run/bench/estim-1" in stand.text()

    perform(act)


def test_faults_are_thrown_combined_and_taken_back_one_by_one() -> None:
    """Real faults come together, and go one by one."""

    async def act(stand: Stand) -> None:
        await stand.see()
        await stand.press("enter", "f")
        await stand.press("enter")  # silence has no numbers: it acts at once
        await stand.press("down", "enter")
        await stand.enter(" for_ms=5000")
        await stand.see()

        assert "faults now: silence, run-away" in stand.text()
        assert "● silence" in stand.text()
        await stand.press("x")
        await stand.see()

        assert "faults now: silence" in stand.text()
        await stand.press("c")
        await stand.see()

        assert "faults now: none" in stand.text()
        run_away = (("gain_permille", 2000), ("ramp_ms", 500))
        assert [
            Inject(name="estim-1", fault="silence"),
            Inject(name="estim-1", fault="run-away", parameters=run_away, for_ms=5000),
            Clear(name="estim-1", fault="run-away"),
            Clear(name="estim-1"),
        ] == stand.made.ordered

    perform(act)


def test_without_simulators_the_screen_says_how_to_start_them() -> None:
    """A true output that cannot be known is not off."""

    async def act(stand: Stand) -> None:
        stand.made.is_there = False
        await stand.see()

        assert "Start them with: modctl sim run" in stand.text()
        assert "□ OFF       -" in stand.text()

    perform(act)


def test_the_wire_is_read_filtered_and_saved() -> None:
    """What is looked for is found, and what was found is kept."""

    async def act(stand: Stand) -> None:
        await stand.see()
        await stand.press("enter", "t")
        await stand.look_around()

        assert "→ query     01 03 00" in stand.text()
        assert "←           01 03 1e" in stand.text()
        await stand.press("slash")
        await stand.enter("energize")

        assert "→ energize  01 06 ff" in stand.text()
        assert "01 03" not in stand.text()
        await stand.press("w")
        await stand.enter("there")

        assert "a trace replaces nothing" in stand.text()
        await stand.press("w")
        await stand.enter("wire")

        assert [(Path("wire"), "estim-1", 1)] == stand.made.saved

    perform(act)


def test_a_hold_needs_a_reason() -> None:
    """Whoever stands at a table must read why."""

    async def act(stand: Stand) -> None:
        await stand.see()
        await stand.press("enter", "h", "enter")

        assert "This is needed." in stand.text()
        await stand.enter("cable worn")
        await stand.press("l")

        assert [("cable worn", None)] == [
            (message.reason, None) for message in stand.sent(HoldUnit) if isinstance(message, HoldUnit)
        ]
        assert ["estim-1"] == [message.unit for message in stand.sent(ReleaseUnit) if isinstance(message, ReleaseUnit)]

    perform(act)


async def begun(stand: Stand) -> None:
    """A bench run of 5 mA on 500 ohm is asked for."""
    await stand.see()
    await stand.press("enter", "r")
    for words in ("500 ohm", "200", "10000", "5000", "20", "nobody"):
        await stand.enter(words)


def test_a_run_states_everything_and_each_question_is_answered_by_a_person() -> None:
    """Nothing is filled in: neither a level, nor that nobody is connected."""

    async def act(stand: Stand) -> None:
        await begun(stand)

        wanted = (("pulse_width_us", 200), ("period_us", 10_000), ("current_ua", 5_000))
        asked = [message for message in stand.sent(BenchRun) if isinstance(message, BenchRun)]
        assert [("500 ohm", True, wanted, 20_000)] == [
            (one.load, one.nobody_connected, one.set, one.duration_ms) for one in asked
        ]
        await stand.see(on_load(phase="checking", output="off", gates=(NOBODY,), gate="bench_nobody"))

        assert "Is nobody connected?" in stand.text()
        assert "500 ohm; nobody is connected" not in stand.text()
        await stand.press("down", "enter")

        answers = [message for message in stand.sent(Answer) if isinstance(message, Answer)]
        assert [("B-1", "bench_nobody", "somebody")] == [(one.session, one.gate, one.answer) for one in answers]

    perform(act)


def test_a_run_is_not_asked_for_until_nobody_is_connected() -> None:
    """Enter alone, or any other word, states nothing."""

    async def act(stand: Stand) -> None:
        await stand.see()
        await stand.press("enter", "r")
        for line in ("500 ohm", "200", "10000", "5000", "20", "", "yes "):
            await stand.enter(line)

        assert [] == stand.sent(BenchRun)
        assert "Type nobody if it is so" in stand.text()

    perform(act)


def test_every_stop_key_stops_a_run_at_once() -> None:
    """Stop never asks, from any page of the unit."""

    async def act(stand: Stand) -> None:
        await begun(stand)
        await stand.see(on_load())
        for key in ("f12", "ctrl+c", "escape", "space", "s"):
            stand.clock.advance_ms(500)
            await stand.see(on_load())
            await stand.press("f", key)

        assert [("B-1", None)] * 5 == [(one.session, one.unit) for one in stand.sent(Stop) if isinstance(one, Stop)]
        assert "STOP sent: estim-1: bench run on 500 ohm" in stand.text()

    perform(act)


def test_what_is_being_typed_does_not_hold_up_a_stop() -> None:
    """A question on the screen is no reason to go on; in a line s and space are letters."""

    async def act(stand: Stand) -> None:
        await begun(stand)
        await stand.see(on_load())
        for key in ("f12", "ctrl+c", "escape"):
            stand.clock.advance_ms(500)
            await stand.see(on_load())
            await stand.press("o", "enter", "s", "space")  # the next time its page is there already

            assert "STOP   Esc, F12, Ctrl+C: estim-1" in stand.text()
            await stand.press(key)

        assert ["B-1"] * 3 == [one.session for one in stand.sent(Stop) if isinstance(one, Stop)]

    perform(act)


def test_a_screen_that_runs_something_is_not_left() -> None:
    """Leaving would stop it without anybody having said stop."""

    async def act(stand: Stand) -> None:
        await begun(stand)
        await stand.see(on_load())
        await stand.press("ctrl+q")

        assert "Not while this screen runs something" in stand.text()
        await stand.see(on_load(phase="ended", outcome="stopped", output="off"))
        await stand.press("ctrl+q")

        assert 0 == stand.app.return_code

    perform(act)
