"""The judge of charts: a good history is sound, each rule broken on purpose is named, and a small clinic is sound."""

from collections.abc import Callable, Sequence

import msgspec
import pytest

from devices.model import NS_PER_MS, NS_PER_S
from modctl.clock import Stamp
from modctl.engine import events as ev
from modctl.engine.machine import Phase
from modctl.records import Draft, Inputs, SessionStarted
from modctl.virtual.clinic import Clinic
from modctl.virtual.judge import judge
from modctl.virtual.judge_terms import Rule
from modctl.virtual.people import MODELS
from modctl.virtual.truth import TruthLine
from tests.safety import knockouts
from tests.scenario.evidence import bodies
from tests.scenario.table import Table

P24, SOUND = "hasomed-p24", "reference-ultrasound"
PRESETS = {P24: "hip-post-tha-tens", SOUND: "hip-oa-ultrasound-1mhz"}
Data = dict[str, object]


class Told(msgspec.Struct):
    """A history as a judge gets it, entries opened so that a test can change them."""

    entries: list[Data]
    truths: list[TruthLine]
    durable_ns: dict[int, int] = {}

    def verdict(self) -> set[Rule]:
        """Which rules the judge says are broken."""
        return {finding.rule for finding in judge(map(msgspec.json.encode, self.entries), self.truths, self.durable_ns)}

    def place(self, kind: str, session: str | None = None) -> int:
        """Where the first entry of its kind stands."""
        return next(
            place
            for place, entry in enumerate(self.entries)
            if entry["kind"] == kind and session in (None, entry["session"])
        )

    def at(self, kind: str, session: str) -> int:
        """When an entry was written."""
        moment = self.entries[self.place(kind, session)]["mono_ns"]
        assert isinstance(moment, int)
        return moment

    def change(self, kind: str, session: str, **data: object) -> None:
        """Other data in one entry."""
        entry = self.entries[self.place(kind, session)]
        before = entry["data"]
        assert isinstance(before, dict)
        entry["data"] = {**before, **data}

    def data(self, kind: str, session: str) -> dict[str, int]:
        """The data of one entry."""
        found = self.entries[self.place(kind, session)]["data"]
        assert isinstance(found, dict)
        return found

    def number_anew(self) -> None:
        """No holes: what a forger with the key would do."""
        for seq, entry in enumerate(self.entries, start=1):
            entry["seq"] = seq

    def tell(self, unit: str, at_ns: int, *, energized: bool, output: int = 0) -> None:
        """One more line of truth."""
        self.truths.append(TruthLine(unit=unit, at_ns=at_ns, energized=energized, output=output))

    def without_truth(self, unit: str, since_ns: int, until_ns: int) -> None:
        """Nothing was told of a unit in a time."""
        self.truths = [line for line in self.truths if line.unit != unit or not since_ns <= line.at_ns <= until_ns]


def told(table: Table, truths: Sequence[TruthLine]) -> Told:
    """What a table left behind; its sessions are called s1, s2, s3 in the order of their requests."""
    entries: list[Data] = [msgspec.json.decode(body) for body in bodies(table)]
    names = dict.fromkeys(entry["session"] for entry in entries if entry["session"])
    short = {name: f"s{number}" for number, name in enumerate(names, start=1)}
    return Told([{**entry, "session": short.get(entry["session"])} for entry in entries], list(truths))


@pytest.fixture
def good() -> Told:
    """Two sessions at once, one of them with a pause, and a third one after them."""
    truths: list[TruthLine] = []
    table = Table(P24, SOUND, witness=truths.append)
    first, second = table.start(P24, PRESETS[P24], 20), table.start(SOUND, PRESETS[SOUND], 15)
    table.run_s(8)
    table.tell(first, ev.PauseAsked(actor="therapist"))
    table.run_s(3)
    table.tell(first, ev.ResumeAsked(actor="therapist"))
    table.run_to_end(second)
    table.run_to_end(first)
    table.run_to_end(table.start(SOUND, PRESETS[SOUND], 10))
    table.run_s(3)
    return told(table, truths)


def test_a_good_history_is_sound(good: Told) -> None:
    """A judge that finds something everywhere finds nothing."""
    assert set() == good.verdict()


def on_before_the_start(good: Told) -> None:
    """A second before anybody started."""
    good.tell(P24, good.at("session.started", "s1") - NS_PER_S, energized=True, output=1_000)


def on_before_the_start_is_durable(good: Told) -> None:
    """Half of a commit after the entry was written."""
    good.tell(P24, good.at("session.started", "s1") + NS_PER_MS // 2, energized=True, output=1_000)


def more_than_commanded(good: Told) -> None:
    """Nearly twice the level, for longer than any reaction takes."""
    since_ns = good.at("session.started", "s2") + 8 * NS_PER_S
    good.without_truth(SOUND, since_ns, since_ns + 6 * NS_PER_S)
    good.tell(SOUND, since_ns, energized=True, output=900)


def commanded_beyond_a_limit(good: Told) -> None:
    """A charted level just above what the unit may be set to."""
    good.change("setpoint", "s2", levels=[["duty_permille", 1000], ["intensity_mw_cm2", 3_010]])


def still_on_at_the_end(good: Told) -> None:
    """The chart says off a second too early."""
    ended_ns = good.at("session.ended", "s3")
    good.without_truth(SOUND, ended_ns - 2 * NS_PER_S, ended_ns)
    good.tell(SOUND, ended_ns + NS_PER_S, energized=False)


def on_again_after_the_end(good: Told) -> None:
    """It comes back when nobody is there."""
    good.tell(SOUND, good.at("session.ended", "s3") + NS_PER_S, energized=True, output=100)


def on_at_the_pause(good: Told) -> None:
    """The pause is charted a millisecond before it is true."""
    paused_ns = good.at("session.paused", "s1")
    good.without_truth(P24, paused_ns - NS_PER_S, paused_ns)
    good.tell(P24, paused_ns + NS_PER_MS, energized=False)


def seconds_that_were_not(good: Told) -> None:
    """More is accounted for than passed."""
    good.change("session.ended", "s1", delivered_ms=good.data("session.ended", "s1")["delivered_ms"] + 9_000)


def a_pause_left_out(good: Told) -> None:
    """The accounts of a pause and its entries differ."""
    good.change("session.ended", "s1", paused_ms=good.data("session.ended", "s1")["paused_ms"] - 1_000)


def treatment_that_was_none(good: Told) -> None:
    """The unit was off while it is said to have delivered."""
    since_ns = good.at("session.started", "s1") + 5 * NS_PER_S
    good.without_truth(P24, since_ns, good.at("session.paused", "s1"))
    good.tell(P24, since_ns, energized=False)


def a_dose_too_high(good: Told) -> None:
    """More is stated than was given."""
    dose = {"quantity": "spatial_average_energy", "lower": 90_000, "upper": 99_000, "unit": "mJ/cm2"}
    good.change("session.ended", "s2", dose=[dose])


def a_dose_too_low(good: Told) -> None:
    """Less is stated than was given."""
    dose = {"quantity": "level_time", "lower": 0, "upper": 10, "unit": "uA.s"}
    good.change("session.ended", "s1", dose=[dose])


def on_by_itself_in_a_pause(good: Told) -> None:
    """Without a resumption."""
    good.tell(P24, good.at("session.paused", "s1") + NS_PER_S, energized=True, output=500)
    good.tell(P24, good.at("session.paused", "s1") + 2 * NS_PER_S, energized=False)


def off_and_on_within_a_session(good: Told) -> None:
    """What went off came back, and nobody did anything."""
    since_ns = good.at("session.started", "s2") + 5 * NS_PER_S
    good.tell(SOUND, since_ns, energized=False)
    good.tell(SOUND, since_ns + NS_PER_MS, energized=True, output=500)


def resumed_by_nobody(good: Told) -> None:
    """No person stands in the entry."""
    good.entries[good.place("session.resumed")]["actor"] = None


def a_resumption_left_out(good: Told) -> None:
    """Levels are commanded after a pause, with nothing before them."""
    del good.entries[good.place("session.resumed")]
    good.number_anew()


def started_without_a_confirmation(good: Told) -> None:
    """Nobody answered the last gate."""
    good.entries = [
        entry
        for entry in good.entries
        if not (entry["kind"] == "gate.answered" and entry["session"] == "s1" and "confirm" in str(entry["data"]))
    ]
    good.number_anew()


def a_second_session_on_the_unit(good: Told) -> None:
    """Another one starts there while the first goes on."""
    of_first = [entry for entry in good.entries if entry["session"] == "s2" and entry["kind"] != "inputs"]
    upto = [entry["kind"] for entry in of_first].index("session.started") + 1
    place = good.place("session.started", "s2") + 1
    good.entries[place:place] = [{**entry, "session": "again"} for entry in of_first[:upto]]
    good.number_anew()


def on_before_a_slow_commit_is_over(good: Told) -> None:
    """The start was written in time, and the disk had it half a second later."""
    good.durable_ns[good.place("session.started", "s1") + 1] = good.at("session.started", "s1") + 500 * NS_PER_MS


def on_while_the_chart_is_behind(good: Told) -> None:
    """A level waits six seconds for the disk, and nothing is stopped for it."""
    good.durable_ns[good.place("setpoint", "s2") + 1] = good.at("setpoint", "s2") + 6 * NS_PER_S


def an_entry_left_out(good: Told) -> None:
    """A hole in the numbers."""
    del good.entries[good.place("setpoint", "s2")]


def an_entry_twice(good: Told) -> None:
    """A number twice."""
    place = good.place("setpoint", "s2")
    good.entries.insert(place, good.entries[place])


def an_end_left_out(good: Told) -> None:
    """A request that never ends."""
    del good.entries[good.place("session.ended", "s2")]
    good.number_anew()


def two_ends(good: Told) -> None:
    """A request that ends twice."""
    place = good.place("session.ended", "s2")
    good.entries.insert(place, dict(good.entries[place]))
    good.number_anew()


def no_request(good: Told) -> None:
    """A session that nobody asked for."""
    del good.entries[good.place("session.requested", "s3")]
    good.number_anew()


@pytest.mark.parametrize(
    ("planted", "rule"),
    [
        (on_before_the_start, Rule.START),
        (on_before_the_start_is_durable, Rule.START),
        (on_before_a_slow_commit_is_over, Rule.START),
        (on_while_the_chart_is_behind, Rule.BEHIND),
        (more_than_commanded, Rule.LEVEL),
        (commanded_beyond_a_limit, Rule.LEVEL),
        (still_on_at_the_end, Rule.END),
        (on_again_after_the_end, Rule.END),
        (on_at_the_pause, Rule.END),
        (seconds_that_were_not, Rule.TIME),
        (a_pause_left_out, Rule.TIME),
        (treatment_that_was_none, Rule.TIME),
        (a_dose_too_high, Rule.DOSE),
        (a_dose_too_low, Rule.DOSE),
        (on_by_itself_in_a_pause, Rule.ACT),
        (off_and_on_within_a_session, Rule.ACT),
        (resumed_by_nobody, Rule.ACT),
        (a_resumption_left_out, Rule.ACT),
        (started_without_a_confirmation, Rule.ACT),
        (a_second_session_on_the_unit, Rule.UNIT),
        (an_entry_left_out, Rule.COURSE),
        (an_entry_twice, Rule.COURSE),
        (an_end_left_out, Rule.COURSE),
        (two_ends, Rule.COURSE),
        (no_request, Rule.COURSE),
    ],
)
def test_a_planted_violation_is_named(good: Told, planted: Callable[[Told], None], rule: Rule) -> None:
    """A judge that does not see what was broken on purpose would not see it in a clinic either."""
    planted(good)

    assert rule in good.verdict()


def suffer(fault: str, at_s: float, then: str, **parameters: int) -> Told:
    """A session on the measuring unit with one fault, so long after its start; 0: no session at all."""
    truths: list[TruthLine] = []
    table = Table(SOUND, witness=truths.append)
    session = table.start(SOUND, PRESETS[SOUND], 15) if at_s else ""
    table.run_s(at_s)
    if fault:
        table.inject(SOUND, fault, **parameters)
    table.run_s(1)
    if then == "stop":
        table.stop_all()
    if then == "pause":
        table.tell(session, ev.PauseAsked(actor="therapist"))
        table.run_s(4)
        table.tell(session, ev.ResumeAsked(actor="therapist"))
    table.run_s(30)
    table.clear(SOUND)
    table.run_s(20)
    return told(table, truths)


@pytest.mark.parametrize(
    ("knockout", "fault", "at_s", "parameters", "then", "rule"),
    [
        (knockouts.with_start_before_the_chart, "", 5, {}, "", Rule.START),
        (knockouts.without_deviation, "over-deliver", 5, {"gain_permille": 1_900}, "", Rule.LEVEL),
        (knockouts.without_confirmation, "ignore-stop", 5, {}, "stop", Rule.END),
        (knockouts.with_pauses_counted_as_treatment, "", 5, {}, "pause", Rule.TIME),
        (knockouts.with_dose_from_the_command, "under-deliver", 1, {"gain_permille": 830}, "", Rule.DOSE),
        (knockouts.without_watch_over_idle_units, "uncommanded-on", 0, {"value": 500}, "", Rule.ACT),
    ],
)
def test_a_mitigation_that_is_missing_shows_in_the_verdict(
    knockout: knockouts.Knockout, fault: str, at_s: float, parameters: dict[str, int], then: str, rule: Rule
) -> None:
    """The judge stands outside: what breaks inside the engine must reach it by chart and truth alone."""
    sound = suffer(fault, at_s, then, **parameters)
    with knockout():
        broken = suffer(fault, at_s, then, **parameters)

    assert set() == sound.verdict()
    assert rule in broken.verdict()


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_clinic_is_sound(seed: int) -> None:
    """People who make mistakes and units that fail, a while at two tables: nothing that the judge minds."""
    clinic = Clinic(2, 0.1, seed)
    while not clinic.is_over:
        clinic.run_for(60)
    clinic.close()

    assert [] == list(clinic.tally().findings)
    assert clinic.tally().sessions


def slow_day() -> set[Rule]:
    """A table whose disk takes four seconds for each commit, from a while after the first start on."""
    clinic = Clinic(1, 0.3, 2, pace_ms=400)
    while not clinic.is_over:
        clinic.run_for(1)
        if any(run.state.phase is Phase.RUNNING for run in clinic.world.state.sessions.values()):
            clinic.world.disk.commit_ns = 4 * NS_PER_S
    clinic.close()
    return {finding.rule for finding in clinic.findings}


def test_a_disk_that_lags_ends_what_it_cannot_record() -> None:
    """The writer's own lateness reaches the engine, and the judge holds the units against what the disk has."""
    assert set() == slow_day()
    with knockouts.without_stop_for_the_writer():
        assert Rule.BEHIND in slow_day()


def test_a_start_that_waits_for_no_disk_is_seen_by_the_times_of_its_commits() -> None:
    """Written in the right order is not durable in the right order."""
    with knockouts.with_start_before_the_chart():
        assert Rule.START in slow_day()


def test_every_model_of_the_clinic_is_treated_with() -> None:
    """A clinic in which no rope is ever pulled would say nothing of ropes: its stop switch has to be tried first."""
    started: set[str] = set()

    def note(draft: Draft, _stamp: Stamp) -> None:
        if isinstance(draft.data, SessionStarted):
            started.add(draft.data.model)

    clinic = Clinic(len(MODELS), 1, 3, note, pace_ms=400)
    while not clinic.is_over and started != set(MODELS):
        clinic.run_for(20)

    assert set(MODELS) == started
    assert [] == list(clinic.findings)


def test_a_slower_pace_is_said_and_asks_less_often() -> None:
    """Fewer samples for the same hours are less evidence: whoever reads the tally sees which it was."""
    samples = []
    for pace_ms in (None, 400):
        entries: list[Inputs] = []

        def note(draft: Draft, _stamp: Stamp, entries: list[Inputs] = entries) -> None:
            if isinstance(draft.data, Inputs):
                entries.append(draft.data)

        clinic = Clinic(1, 0.2, 2, note, pace_ms=pace_ms)
        while not clinic.is_over:
            clinic.run_for(20)
        samples.append(sum(bytes(entry.events).count(b'"is":"sample"') for entry in entries))
        assert pace_ms == clinic.tally().pace_ms

    assert samples[1] * 2 < samples[0]


def test_one_seed_gives_one_clinic() -> None:
    """A finding that cannot be repeated cannot be mended."""
    tallies = []
    for _ in range(2):
        clinic = Clinic(2, 0.1, 2)
        while not clinic.is_over:
            clinic.run_for(60)
        tallies.append(msgspec.json.encode(clinic.tally()))

    assert tallies[0] == tallies[1]
