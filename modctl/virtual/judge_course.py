"""One session under judgement: what it was told, what its unit gave, and whether its own account of it is true."""

from collections.abc import Iterator, Mapping
from typing import Final

from modctl.virtual.judge_terms import (
    EXACT_NS,
    LIES,
    NS_PER_MS,
    NS_PER_S,
    OF_THE_BODY,
    SELF_WILLED,
    STARTING_NS,
    WRONG_OUTPUT,
    Answer,
    Ended,
    Levels,
    Requested,
    Rule,
    SetupRow,
)
from modctl.virtual.truth import TruthLine

# A unit that says what it gives, from a sensor: everything that is wrong with its output shows in its samples.
MEASURED: Final = "measured"
# Nothing of an output that is not measured shows: what is given beside the command is a stated residual of the model.
UNSEEN: Final = WRONG_OUTPUT | LIES


class Course:
    """From request to end. Times are nanoseconds of the chart's monotonic clock, levels canonical integers.

    ``lag_ns``: what one sample takes until it counts.
    """

    def __init__(self, session: str, requested: Requested, lag_ns: int) -> None:
        self._lag_ns = lag_ns
        self.session = session
        self.unit = requested.unit
        self.is_confirmed = False
        self.begun_ns = 0
        self.started_ns: int | None = None
        self.ended_ns: int | None = None
        self._planned_ms = requested.planned_ms
        self._setup = requested.setup
        self._level: int | None = None  # charted last
        self._varied = 0  # how far levels and output have moved in all, for what sampling cannot follow
        self._truth = TruthLine(unit=requested.unit, at_ns=0, energized=False, output=0)
        self._at_ns = 0
        self._given = 0  # output times nanoseconds
        self._on_ns = 0
        self._edges = 0
        self._acts = 0
        self._pauses: list[tuple[int, int | None]] = []
        self._excess_ns: int | None = None

    @property
    def stop_ns(self) -> int:
        """What a stop of it may take, and a moment."""
        return EXACT_NS + (0 if self._setup is None else self._setup.stop_deadline_ns)

    # What the chart says on the way.

    def answered(self, answer: Answer, actor: str | None) -> None:
        """A gate; the last one before the start is the person's act."""
        if answer.gate == "confirm" and answer.answer == "start" and actor is not None:
            self.is_confirmed = True

    def started(self, at_ns: int, truth: TruthLine) -> None:
        """From here on seconds and dose count."""
        self.begun_ns = self.started_ns = self._at_ns = at_ns
        self._truth = truth
        self._acts += 1

    def paused(self, at_ns: int) -> None:
        """Off for a while."""
        self._pauses.append((at_ns, None))
        self._level = None
        self._excess_ns = None

    def resumed(self, at_ns: int) -> None:
        """A person goes on."""
        self._acts += 1
        if self._pauses and self._pauses[-1][1] is None:
            self._pauses[-1] = (self._pauses[-1][0], at_ns)

    def commanded(self, said: Levels, *, is_off: bool) -> tuple[Rule, str] | None:
        """A charted level; ``is_off``: the session is not started, or paused."""
        if said.cause == "off" or self._setup is None:
            return None
        row = self._setup.level
        level = dict(said.levels).get(row.parameter)
        if is_off:
            return Rule.ACT, f"a level is commanded ({said.cause}), and nobody started or resumed"
        if level is None:
            return None
        self._varied += abs(level - (row.rest if self._level is None else self._level))
        self._level = level
        self._judge_excess(self._at_ns)
        bound = self._bound(self._setup)
        if (level - bound) * self._sign() > 0:
            return Rule.LEVEL, f"{row.parameter} {level} is commanded, and {bound} binds this session"
        return None

    # What the unit does.

    def pass_time(self, now_ns: int) -> None:
        """Up to now the unit did what was told last."""
        passed_ns = now_ns - self._at_ns
        if self.started_ns is None or passed_ns <= 0:
            return
        self._given += self._truth.output * passed_ns
        self._on_ns += passed_ns if self._truth.energized else 0
        self._at_ns = now_ns

    def gives(self, line: TruthLine) -> None:
        """From now on the unit does this."""
        self._varied += abs(line.output - self._truth.output)
        self._edges += line.energized is not self._truth.energized
        self._truth = line
        self._judge_excess(line.at_ns)

    def excess_at(self, now_ns: int) -> str | None:
        """Too much for too long, once."""
        if self._excess_ns is None or self._setup is None or now_ns - self._excess_ns <= self._reaction_ns(self._setup):
            return None
        lasted_ms = (now_ns - self._excess_ns) // NS_PER_MS
        self._excess_ns = now_ns
        return f"output {self._truth.output} with {self._level} commanded, for {lasted_ms} ms"

    def excuses_of_output(self) -> frozenset[str]:
        """Faults that hide a wrong output from this model's own samples."""
        return LIES if self._is_measured() else UNSEEN

    def _judge_excess(self, at_ns: int) -> None:
        if not self._is_excessive():
            self._excess_ns = None
        elif self._excess_ns is None:
            self._excess_ns = at_ns

    def _is_excessive(self) -> bool:
        output = self._truth.output
        if self._setup is None or self._level is None or not output:
            return False
        band = 0
        for row in self._setup.limits:
            if row.kind == "deviation" and row.parameter == self._setup.level.parameter:
                band = max(row.floor, self._level * row.permille // 1000)
        return (output - self._level) * self._sign() > band

    def _reaction_ns(self, setup: SetupRow) -> int:
        wait_ns = self._lag_ns
        for row in setup.limits:
            if row.kind in ("deviation", "max", "min") and row.parameter == setup.level.parameter:
                wait_ns = max(wait_ns, row.settle_ms * NS_PER_MS + row.confirm * self._lag_ns)
        return wait_ns + setup.stale_ns + setup.stop_deadline_ns + setup.lease_ms * NS_PER_MS

    def _bound(self, setup: SetupRow) -> int:
        row, kind = setup.level, "min" if setup.level.down_intensifies else "max"
        bounds = [row.low if row.down_intensifies else row.high]
        bounds += [limit.bound for limit in setup.limits if limit.kind == kind and limit.parameter == row.parameter]
        return max(bounds) if row.down_intensifies else min(bounds)

    def _sign(self) -> int:
        return -1 if self._setup is not None and self._setup.level.down_intensifies else 1

    def _is_measured(self) -> bool:
        setup = self._setup
        return setup is not None and dict(setup.observed).get(setup.level.parameter) == MEASURED

    # What its end says.

    def account(self, said: Ended, faults: frozenset[str]) -> Iterator[tuple[Rule, str]]:
        """Hold the end against entries and truth. ``faults``: what was wrong with the unit at any time of it."""
        if self.started_ns is None or self.ended_ns is None or self._setup is None:
            return
        for text in self._times(said, self._setup, faults):
            yield Rule.TIME, text
        yield from self._dose(said, self._setup, faults)

    def _times(self, said: Ended, setup: SetupRow, faults: frozenset[str]) -> Iterator[str]:
        wall_ns = (self.ended_ns or 0) - (self.started_ns or 0)
        accounts_ms = said.delivered_ms + said.paused_ms + said.no_contact_ms + said.unknown_ms
        left_ns = wall_ns - accounts_ms * NS_PER_MS
        stops = len(self._pauses) + 2  # the last one may overtake a pause that was not off yet
        most_ns = self._acts * STARTING_NS + stops * setup.stop_deadline_ns + EXACT_NS
        if not -EXACT_NS <= left_ns <= most_ns:
            yield f"{wall_ns // NS_PER_MS} ms passed, {accounts_ms} ms are accounted for"
        loose_ns = EXACT_NS * (self._acts + 1)
        # A stop out of a pause is spent on neither: the unit was off before it.
        off_ns = self._off_ns(said, setup) if self._pauses and self._pauses[-1][1] is None else 0
        if not -loose_ns <= wall_ns - (said.energized_ms + said.paused_ms) * NS_PER_MS <= loose_ns + off_ns:
            yield f"{wall_ns // NS_PER_MS} ms passed: {said.energized_ms} ms energized, {said.paused_ms} ms paused"
        paused_ms = self._paused_ns(said, setup) // NS_PER_MS
        if abs(paused_ms - said.paused_ms) * NS_PER_MS > loose_ns:
            yield f"paused for {paused_ms} ms by its entries, {said.paused_ms} ms by its end"
        if said.delivered_ms > said.planned_ms + loose_ns // NS_PER_MS:
            yield f"{said.delivered_ms} ms delivered of {said.planned_ms} planned"
        if said.outcome == "completed" and said.delivered_ms + loose_ns // NS_PER_MS < said.planned_ms:
            yield f"completed with {said.delivered_ms} ms of {said.planned_ms}"
        claimed_ns = (said.delivered_ms + said.no_contact_ms) * NS_PER_MS
        if claimed_ns > self._on_ns + self._lag_ns * (self._edges + 1) and faults.isdisjoint(LIES):
            yield f"{claimed_ns // NS_PER_MS} ms delivered or without contact; on for {self._on_ns // NS_PER_MS} ms"
        if self._on_ns > said.energized_ms * NS_PER_MS + loose_ns and faults.isdisjoint(LIES | SELF_WILLED):
            yield f"on for {self._on_ns // NS_PER_MS} ms, energized for {said.energized_ms} ms by its end"

    def _paused_ns(self, said: Ended, setup: SetupRow) -> int:
        stopped_ns = (self.ended_ns or 0) - self._off_ns(said, setup)
        return sum((stopped_ns if until is None else until) - since for since, until in self._pauses)

    def _off_ns(self, said: Ended, setup: SetupRow) -> int:
        return setup.stop_deadline_ns if said.off_after_ms is None else said.off_after_ms * NS_PER_MS

    def _dose(self, said: Ended, setup: SetupRow, faults: frozenset[str]) -> Iterator[tuple[Rule, str]]:
        excuses = LIES if self._is_measured() else UNSEEN
        if not faults.isdisjoint(excuses):
            return
        on, whole = _share(dict(setup.settings))
        given = self._given * on // (whole * NS_PER_S)
        # A level that is only seen from sample to sample differs from what is held of it by at most the lag times
        # all that it moved.
        loose = self._varied * self._lag_ns * on // (whole * NS_PER_S) + 1
        for dose in said.dose:
            if dose.quantity in OF_THE_BODY:
                continue
            if not dose.lower - loose <= given <= dose.upper + loose:
                yield Rule.DOSE, f"{dose.quantity}: {given} given, {dose.lower} to {dose.upper} stated"


def _share(settings: Mapping[str, int]) -> tuple[int, int]:
    """The part of the time with output, as a fraction: bursts of a period, or a duty cycle, or all of it."""
    if "burst_us" in settings and "period_us" in settings:
        return settings["burst_us"], settings["period_us"]
    return settings.get("duty_permille", 1000), 1000
