"""A clinic in virtual time: tables, therapists, patients and failing units, from one seed, under a judge's eyes.

A unit is switched off and unplugged between visits, as a clinic would; hours in which nothing happens cost nothing.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

import msgspec

from devices.model import NS_PER_MS, NS_PER_S, MonoNs
from devices.profile import Profile, load
from devices.sim.catalog import SIMULATED
from devices.sim.faults import Dice
from modctl.chart.body import encode_body
from modctl.clinic.library import parse
from modctl.clinic.presets import Preset
from modctl.clock import Stamp
from modctl.engine import core_events as ce
from modctl.engine.phases import OVER
from modctl.engine.unit import UnitConfig
from modctl.records import Draft, Genesis, SessionEnded
from modctl.virtual.judge import Judge
from modctl.virtual.judge_terms import Finding
from modctl.virtual.people import MODELS, menu_of
from modctl.virtual.visits import Table
from modctl.virtual.world import VirtualClock, World
from modctl.virtual.writing import QUIET_COMMIT_NS, Sink

HIP: Final = Path(__file__).parent.parent / "clinic" / "hip"
START_UTC: Final = "2026-01-05T08:00:00Z"
HOUR_NS: Final = 3_600 * NS_PER_S
# Chosen: often enough that a day has some of each.
SLOW_EVERY_S: Final = 1_800
SLOWEST_COMMIT_MS: Final = 5_000  # chosen: well beyond the two seconds at which sessions end
STALL_EVERY_S: Final = 5_400
CHART_FAILS_EVERY_S: Final = 28_800


class Tally(msgspec.Struct, kw_only=True, tag_field="kind", tag="simulate.clinic"):
    """What a clinic came to. ``session_ms``: from each start to its end, energized or paused.

    ``pace_ms``: how often units in a session were asked; None: as their profiles have it.
    """

    seed: int
    tables: int
    pace_ms: int | None = None
    hours_ms: int = 0
    sessions: dict[str, int] = msgspec.field(default_factory=dict)
    session_ms: int = 0
    faults: dict[str, int] = msgspec.field(default_factory=dict)
    events: dict[str, int] = msgspec.field(default_factory=dict)
    entries: int = 0
    findings: tuple[str, ...] = ()


class Clinic:
    """Everything that happens, up to the closing hour.

    ``pace_ms``: units in a session are asked so often instead of as often as their profiles say; slower pays for
    more hours with fewer samples in each. A profile allows it up to half of its ``stale_ms``.
    """

    def __init__(
        self,
        tables: int,
        hours: float,
        seed: int,
        sink: Sink | None = None,
        program: str = "modctl simulate",
        pace_ms: int | None = None,
    ) -> None:
        self.clock = VirtualClock(datetime.fromisoformat(START_UTC))
        self.judge = Judge() if pace_ms is None else Judge(pace_ms)
        self._pace_ms = pace_ms
        self.program = program
        self.started_ns = self.clock.now_ns
        self.closes_ns = self.started_ns + int(hours * HOUR_NS)
        self._sink = sink
        self._seed = seed
        self._dice = Dice(seed)
        self._seq = 0
        self._requests = 0
        self._outcomes: Counter[str] = Counter()
        self.faults: Counter[str] = Counter()
        self.events: Counter[str] = Counter()
        self._session_ms = 0
        self._write_genesis()
        profiles = {model: _paced(load(model), pace_ms) for model in MODELS}
        presets = _presets()
        menus = {model: menu_of(model, profiles[model]) for model in profiles}
        pairs = []
        self._tables = []
        for place in range(tables):
            model = MODELS[place % len(MODELS)]
            name = f"{model}-{place + 1}"
            sim = SIMULATED[model].make(name, seed * 1_000 + place, "rtu")
            pairs.append((UnitConfig(name=name, profile=profiles[model], address="virtual"), sim))
            dice = Dice(seed * 7_919 + place)
            self._tables.append(Table(self, name, profiles[model], presets[model], menus[model], dice))
        self.world = World(pairs, self.clock, seed, _unread, witness=self.judge.truth, committed=self._committed)
        for table in self._tables:
            table.close()
        self._plan_the_house()

    def run_for(self, seconds: float) -> None:
        """Let so much of virtual time pass; nothing new begins after the closing hour."""
        self.world.run_until(int(self.clock.now_ns + seconds * NS_PER_S))

    @property
    def is_over(self) -> bool:
        """Closed, and the last session is over."""
        return self.clock.now_ns >= self.closes_ns and not any(table.is_busy for table in self._tables)

    def close(self) -> None:
        """The day is over: the judge says what is left to say."""
        self.judge.finish()

    def tally(self) -> Tally:
        """How it stands."""
        return Tally(
            seed=self._seed,
            tables=len(self._tables),
            pace_ms=self._pace_ms,
            hours_ms=(self.clock.now_ns - self.started_ns) // NS_PER_MS,
            sessions=dict(sorted(self._outcomes.items())),
            session_ms=self._session_ms,
            faults=dict(sorted(self.faults.items())),
            events=dict(sorted(self.events.items())),
            entries=self._seq,
            findings=tuple(str(finding) for finding in self.judge.findings),
        )

    @property
    def findings(self) -> Sequence[Finding]:
        """What the judge found so far."""
        return self.judge.findings

    def number(self) -> int:
        """The next request's number."""
        self._requests += 1
        return self._requests

    def after(self, delay_ms: int, act: Callable[[], None]) -> None:
        """Do something so much later."""
        self.world.at(self.clock.now_ns + delay_ms * NS_PER_MS, act)

    def _write_genesis(self) -> None:
        genesis = Genesis(site="simulate", simulated=True, origin="simulate", vkey="simulate", program=self.program)
        self._committed(Draft(data=genesis), self.clock.stamp(), self.clock.now_ns)

    def _committed(self, draft: Draft, stamp: Stamp, at_ns: MonoNs) -> None:
        self._seq += 1
        self.judge.entry(encode_body(self._seq, draft, stamp), at_ns)
        if self._sink is not None:
            self._sink(draft, stamp)
        data = draft.data
        if isinstance(data, SessionEnded):
            self._outcomes["refused" if data.reason == "refused" else data.outcome] += 1
            self._session_ms += data.energized_ms + data.paused_ms

    # What befalls the whole house.

    def _plan_the_house(self) -> None:
        self._again(SLOW_EVERY_S, self._disk_slows)
        self._again(STALL_EVERY_S, self._host_stalls)
        self._again(CHART_FAILS_EVERY_S, self._chart_fails)

    def _again(self, every_s: int, what: Callable[[], None]) -> None:
        def happen() -> None:
            if self.clock.now_ns >= self.closes_ns:
                return
            what()
            self._again(every_s, what)

        self.after(self._dice.below(2 * every_s * 1_000), happen)

    def _disk_slows(self) -> None:
        """Each commit takes up to some seconds for a while: what waits for one waits, and what lags is noticed."""
        self.events["slow disk"] += 1
        self.world.disk.commit_ns = (20 + self._dice.below(SLOWEST_COMMIT_MS)) * NS_PER_MS
        self.after(100 + self._dice.below(20_000), self._disk_recovers)

    def _disk_recovers(self) -> None:
        self.world.disk.commit_ns = QUIET_COMMIT_NS

    def _host_stalls(self) -> None:
        self.events["host stall"] += 1
        self.world.post(ce.Stalled(by_ms=300 + self._dice.below(10_000)))

    def _chart_fails(self) -> None:
        self.events["chart failure"] += 1
        self.world.post(ce.ChartBroken(why="no space left"))
        self.after(20_000, self._restart)

    def _restart(self) -> None:
        """Somebody makes room and starts the controller again, once every session is over."""
        if any(run.state.phase not in OVER for run in self.world.state.sessions.values()):
            self.after(5_000, self._restart)
            return
        self.events["restart"] += 1
        self.world.restart()


def _unread(_draft: Draft, _stamp: Stamp) -> None:
    """Nobody reads an entry before it is durable."""


def _paced(profile: Profile, pace_ms: int | None) -> Profile:
    """The profile with another pace of its samples in a session."""
    if pace_ms is None:
        return profile
    live = msgspec.structs.replace(profile.liveness, poll_ms=pace_ms)
    return msgspec.structs.replace(profile, liveness=live)


def _presets() -> Mapping[str, Sequence[Preset]]:
    """Which shipped presets each model carries; all approved here, since nobody is treated."""
    of: dict[str, list[Preset]] = {}
    for path in sorted(HIP.glob("*.toml")):
        preset = msgspec.structs.replace(parse(path.read_bytes(), path.name), approved=True)
        for model in preset.models:
            of.setdefault(model, []).append(preset)
    return of
