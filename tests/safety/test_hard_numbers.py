"""Every hard number of the clinical tables: allowed at the bound; one beyond it refused at the request and at the gate.

What a unit reports is judged by the same rows: single values, and what measured values make together with those that
are only set. What adds up is judged by what was given so far; how a plan's rounds go is nobody's reading.
"""

import itertools
from collections.abc import Mapping
from typing import Literal

import msgspec
import pytest

from devices.limits import Combination, Duration, Limit, Max, Min, Rate
from devices.model import NS_PER_S, Modality, ObservedAs, Output, Sample
from devices.plan import Plan, Segment
from devices.profile import load
from modctl.clinic.gates import gates_for
from modctl.clinic.presets import Preset
from modctl.controller.prepare import NotPrepared, Order, Prepared, prepare
from modctl.engine.bounds import HARD, TECHNIQUES, hard_limits, traction_region
from modctl.engine.checks import Finding, check_combination
from modctl.engine.effects import Band, Permit
from modctl.engine.gate import GateRules, Written, judge
from modctl.engine.riding import Riding
from modctl.engine.unit import UnitConfig, UnitState
from modctl.engine.watching import Counts, judge_given, judge_sample, judge_together
from protocols.inspect import Energize
from tests.scenario.table import preset

MANY = 10**9
MIN_MS = 60_000
P24 = ("hasomed-p24", "hip-post-tha-tens")
NMES = ("hasomed-p24", "gluteal-nmes-after-tha")
CARRIER = ("reference-estim", "hip-interferential")
SOUND = ("reference-ultrasound", "hip-oa-ultrasound-1mhz")
PULL = ("reference-traction", "hip-traction-intermittent")
WARM = ("reference-heat", "hip-heat-pad")
COOL = ("reference-cold", "hip-cold-circulating")


class Number(msgspec.Struct, frozen=True):
    """One bound: the row that holds it, what is set to reach it, and the parameter that goes one count beyond."""

    row: str
    at: tuple[str, str]
    parameter: str
    bound: int
    beyond: int = 1
    values: Mapping[str, int] = {}
    context: Mapping[str, int] = {}
    region: str = "hip"
    weight_g: int = 400_000
    on_samples: bool = True

    def __str__(self) -> str:
        return f"{self.row}-{self.parameter}-{self.bound}"


WIDE = {"electrode_mm2": 10_000}
PULSES = {"pulse_width_us": 20, "period_us": 1_000_000}
STRONG = {"pulse_width_us": 1_000, "period_us": 4_000}
SMALL_DOSE = {"era_mm2": 500, "area_mm2": 10_000}
LOW = {"intensity_mw_cm2": 100}
NUMBERS = (
    # Stimulation. Dials, then what they make together.
    Number("hard-es-peak", P24, "current_ua", 110_000, values=PULSES, context=WIDE),
    Number("hard-es-width", P24, "pulse_width_us", 1_000, values={"current_ua": 1_000}),
    Number("hard-es-width-min", P24, "pulse_width_us", 20, -1, values={"current_ua": 1_000}),
    Number("hard-es-rate-max", P24, "period_us", 4_000, -1, values={"current_ua": 1_000}),
    Number("hard-es-rate-min", P24, "period_us", 1_000_000, values={"current_ua": 1_000}),
    Number("hard-es-carrier-min", CARRIER, "carrier_hz", 1_000, -1, values={"current_ua": 1_000}),
    Number("hard-es-carrier", CARRIER, "carrier_hz", 10_000, values={"current_ua": 1_000}),
    Number("hard-es-beat-min", CARRIER, "beat_hz", 1, -1, values={"current_ua": 1_000}),
    Number("hard-es-beat", CARRIER, "beat_hz", 250, values={"current_ua": 1_000}),
    Number("hard-es-carrier-peak", CARRIER, "current_ua", 100_000, context=WIDE),
    # 1000 us at 250 Hz: rms is 0.7071 of the peak, so 70.710 mA make 50 mA.
    Number("hard-es-rms", P24, "current_ua", 70_710, values=STRONG, context=WIDE),
    # The same pulses through 2 x 2 cm: 16 mA rms are 4 mA/cm2, and 22.627 mA make 16 mA.
    Number("hard-es-density", P24, "current_ua", 22_627, values=STRONG, context={"electrode_mm2": 400}),
    # Contractions of a muscle.
    Number("hard-nmes-rate-max", NMES, "period_us", 10_000, -1, values={"current_ua": 1_000}),
    Number("hard-nmes-implant", NMES, "period_us", 50_000, values={"current_ua": 1_000}),
    Number("hard-nmes-width-min", NMES, "pulse_width_us", 100, -1, values={"current_ua": 1_000}),
    Number("hard-nmes-width", NMES, "pulse_width_us", 500, values={"current_ua": 1_000}),
    # Ultrasound.
    Number("hard-us-intensity", SOUND, "intensity_mw_cm2", 3_000, values={"duty_permille": 500}, context=SMALL_DOSE),
    Number("hard-us-continuous", SOUND, "intensity_mw_cm2", 2_000, values={"duty_permille": 1_000}, context=SMALL_DOSE),
    Number("hard-us-frequency-min", SOUND, "frequency_khz", 500, -1, values=LOW),
    Number("hard-us-frequency", SOUND, "frequency_khz", 5_000, values=LOW),
    Number("hard-us-duty-min", SOUND, "duty_permille", 50, -1, values=LOW),
    Number("hard-us-duty", SOUND, "duty_permille", 1_000, values=LOW),
    # Five minutes of 1.5 W/cm2 are 450 J/cm2 at the head: once over the head's own area, not a millimetre less.
    Number(
        "hard-us-dose",
        SOUND,
        "intensity_mw_cm2",
        1_500,
        values={"duty_permille": 1_000},
        context={"era_mm2": 500, "area_mm2": 500},
        on_samples=False,
    ),
    # Traction, by region and by weight: 80 kg are 784.5 N, half of it 392.
    Number("hard-tx-force", PULL, "force_n", 890, region="lumbar"),
    Number("hard-tx-region", PULL, "force_n", 800),
    Number("hard-tx-region", PULL, "force_n", 222, region="cervical"),
    Number("hard-tx-region", PULL, "force_n", 222, region="shoulder"),
    Number("hard-tx-weight", PULL, "force_n", 392, weight_g=80_000),
    # Heat and cold.
    Number("hard-heat-temp", WARM, "temp_mdegc", 45_000),
    Number("hard-cold-temp", COOL, "temp_mdegc", 4_000, -1),
    Number("hard-cold-pressure", COOL, "pressure_mmhg", 75, values={"temp_mdegc": 15_000}),
)


def asked_for(
    number: Number, value: int, duration_ms: int = 300_000, chosen: Preset | None = None
) -> Prepared | NotPrepared:
    """A request on a unit and by a preset that allow everything: what is left are the bounds in code."""
    model, name = number.at
    profile = load(model)
    wide = tuple(msgspec.structs.replace(spec, min=-MANY, max=MANY, step=1) for spec in profile.parameter)
    chosen = chosen or preset(name)
    order = Order(
        session="s1",
        now_ns=NS_PER_S,
        unit=UnitState(
            config=UnitConfig(
                name="u1", profile=msgspec.structs.replace(profile, parameter=wide, limit=()), address="virtual"
            )
        ),
        patient="p1",
        side="left",
        body_weight_g=number.weight_g,
        preset=msgspec.structs.replace(
            chosen,
            approved=True,
            region=number.region,
            cap=-MANY if profile.level.intensifies == "down" else MANY,
            context={**chosen.context, **number.context},
        ),
        gates=gates_for(chosen.modality),
        asked=tuple({**number.values, number.parameter: value}.items()),
        duration_ms=duration_ms,
        demonstration=False,
        simulated_site=True,
        site_limits=(),
        program="modctl test",
    )
    level = dict(order.asked).get(profile.level.name, chosen.start_level)
    return prepare(msgspec.structs.replace(order, preset=msgspec.structs.replace(order.preset, cap=level)))


@pytest.mark.parametrize("number", NUMBERS, ids=str)
def test_each_number_is_held_at_the_request_at_the_gate_and_on_samples(number: Number) -> None:
    """Three places, one table: none of them may know another bound than the others."""
    at = asked_for(number, number.bound)
    beyond = asked_for(number, number.bound + number.beyond)

    assert isinstance(at, Prepared), at
    assert isinstance(beyond, NotPrepared)
    assert number.row == beyond.refused.limit
    assert ["", number.row] == [held(number, at, number.bound), held(number, at, number.bound + number.beyond)]
    if number.on_samples:
        assert ["", number.row] == [found(number, at, number.bound), found(number, at, number.bound + number.beyond)]


def held(number: Number, prepared: Prepared, value: int) -> str:
    """The row for which the frame gate holds a frame with this value back; empty when it lets it pass."""
    setup = prepared.setup
    level = setup.level
    values = {**dict(setup.settings), level.parameter: level.start, number.parameter: value}
    rules = GateRules(
        modality=Modality(setup.modality),
        level=level.parameter,
        rest=level.rest,
        down_intensifies=level.down_intensifies,
        raise_limit=next(row for row in HARD[Modality(setup.modality)] if isinstance(row, Rate)),
    )
    context = (*setup.context, ("duration_ms", setup.planned_ns // 1_000_000))
    bands = tuple(Band(name, -MANY, MANY) for name in values)
    permit = Permit(session="s1", unit="u1", sequence=1, until_ns=2 * NS_PER_S, bands=bands, context=context)
    written = Written(peak=values[level.parameter], raised_at_ns=0)  # the raise limit has nothing to say here
    ruling = judge(Energize(channels=(tuple(values.items()),)), permit, written, rules, NS_PER_S)
    return ruling.why.partition(":")[0]


def found(number: Number, prepared: Prepared, value: int) -> str:
    """The row that a sample with this value breaks; empty when it breaks none."""
    setup = msgspec.structs.replace(
        prepared.setup, observed=tuple((name, ObservedAs.MEASURED) for name, _as in prepared.setup.observed)
    )
    values = {**dict(setup.settings), setup.level.parameter: setup.level.start, number.parameter: value}
    sample = Sample(at_ns=NS_PER_S, asked_ns=NS_PER_S, output=Output.ENERGIZED, values=tuple(values.items()))
    setup = msgspec.structs.replace(setup, limits=tuple(row for row in setup.limits if row.id != "hard-us-head"))
    counts: Counts = ()
    for _ in range(max(row.confirm for row in setup.limits)):
        trouble, counts = judge_sample(setup, Riding(set_level=0, goal_level=0), sample, counts, NS_PER_S)
        if trouble is not None:
            return trouble.reason.removeprefix("limit:")
    return ""


@pytest.mark.parametrize(
    ("at", "longest_min"), [(P24, 60), (CARRIER, 60), (SOUND, 30), (PULL, 60), (WARM, 30), (COOL, 30)]
)
def test_each_modality_has_its_longest_and_its_shortest_time(at: tuple[str, str], longest_min: int) -> None:
    """Ten seconds are the shortest of any; a millisecond beyond either end is refused."""
    number = Number("", at, *_mild(at))
    times = (9_999, 10_000, longest_min * MIN_MS, longest_min * MIN_MS + 1)
    judged = [isinstance(asked_for(number, number.bound, time_ms), Prepared) for time_ms in times]

    assert [False, True, True, False] == judged


def _mild(at: tuple[str, str]) -> tuple[str, int]:
    level = load(at[0]).level
    return level.name, {"temp_mdegc": 22_000, "force_n": 20}.get(level.name, 100)


def test_a_head_is_41_degrees_at_most() -> None:
    """A reading, not a setting: it binds samples alone."""
    (row,) = [row for row in HARD[Modality.ULTRASOUND] if row.id == "hard-us-head"]

    assert isinstance(row, Max)
    assert 41_000 == row.bound


@pytest.mark.parametrize(("area_mm2", "refused"), [(10_000, None), (10_001, "hard-us-area")])
def test_a_field_is_at_most_twenty_times_the_head(area_mm2: int, refused: str | None) -> None:
    """A head of 5 cm² and one square millimetre more than 100 cm²."""
    field = {"era_mm2": 500, "area_mm2": area_mm2}
    judged = asked_for(Number("", SOUND, "intensity_mw_cm2", 100, context=field), 100)

    assert refused == (judged.refused.limit if isinstance(judged, NotPrepared) else None)


@pytest.mark.parametrize(
    ("row", "at"),
    [
        ("hard-es-energy", {"current_ua": 774_597, "pulse_width_us": 500}),  # 0.775 A for twice 0.5 ms: 300 mJ
        (
            "hard-es-power",
            {"current_ua": 223_607, "carrier_hz": 4_000, "electrode_mm2": 5_000},
        ),  # 12.5 W through 50 cm2
    ],
)
def test_what_other_rows_never_let_be_reached_is_held_all_the_same(row: str, at: dict[str, int]) -> None:
    """Energy of a pulse and power by area: peak, rms and density end earlier; were they gone, these would hold."""
    (limit,) = [one for one in HARD[Modality.ESTIM] if one.id == row]
    assert isinstance(limit, Combination)
    less, more = {**at, "current_ua": at["current_ua"] - 1_000}, {**at, "current_ua": at["current_ua"] + 1_000}

    assert (True, False) == (check_combination(limit, less).is_within, check_combination(limit, more).is_within)


Times = Mapping[str, int]
PLAN = {"up": 2_000, "on": 10_000, "down": 2_000, "off": 30_000}


@pytest.mark.parametrize(
    ("row", "at", "beyond"),
    [
        ("hard-nmes-on-min", {"on": 2_000, "off": 10_000}, {"on": 1_999, "off": 10_000}),
        ("hard-nmes-on", {"on": 60_000, "off": 60_000}, {"on": 60_001, "off": 61_000}),
        ("hard-nmes-off-min", {"on": 2_000, "off": 2_000}, {"on": 2_000, "off": 1_999}),
        ("hard-nmes-off", {"on": 20_000, "off": 120_000}, {"on": 20_000, "off": 120_001}),
        ("hard-nmes-ratio-min", {"on": 10_000, "off": 10_000}, {"on": 10_000, "off": 9_989}),
        ("hard-nmes-ratio", {"on": 5_000, "off": 50_000}, {"on": 5_000, "off": 50_005}),
        ("hard-nmes-ramp-min", {"up": 500}, {"up": 499}),
        ("hard-nmes-ramp", {"up": 8_000}, {"up": 8_001}),
    ],
)
def test_each_number_of_a_contraction_binds_the_presets_plan(row: str, at: Times, beyond: Times) -> None:
    """How long a muscle may work, how long it must rest, how fast it may be drawn tight."""
    assert None is refused_for(at)
    assert row == refused_for(beyond)


def test_a_continuous_plan_is_no_contraction() -> None:
    """Without rests it would be one contraction as long as the session."""
    assert "hard-nmes-on" == refused_for(None)


def test_the_same_pulses_without_rests_are_free_to_be_tens() -> None:
    """The numbers of contractions bind what makes contractions alone."""
    assert None is refused_for(None, technique="tens")


def refused_for(times: Times | None, technique: Literal["tens", "nmes"] = "nmes") -> str | None:
    """The row that refuses a preset whose rounds take these times; None for the times: it has no rounds."""
    chosen = preset(NMES[1])
    took = {**PLAN, **(times or {})}
    shape = (("up", 0, 1_000), ("on", 1_000, 1_000), ("down", 1_000, 0), ("off", 0, 0))
    segments = tuple(Segment(duration_ms=took[name], from_permille=low, to_permille=high) for name, low, high in shape)
    changed = msgspec.structs.replace(
        chosen, plan=Plan(segments=() if times is None else segments), technique=technique, approved=True
    )
    judged = asked_for(Number("", NMES, "current_ua", 1_000), 1_000, chosen=changed)
    return judged.refused.limit if isinstance(judged, NotPrepared) else None


def test_what_was_given_to_an_area_ends_the_session_and_not_what_was_planned() -> None:
    """1.5 W/cm2 for nine minutes are 405 J/cm2 over twice the head; measured a ninth more, they pass 450 J/cm2."""
    number = Number("", SOUND, "intensity_mw_cm2", 1_500, values={"duty_permille": 1_000}, context=TWICE_THE_HEAD)
    prepared = asked_for(number, 1_500, 540_000)
    assert isinstance(prepared, Prepared)
    given = [judge_given(prepared.setup, mw_cm2 * 540 * NS_PER_S) for mw_cm2 in (1_500, 1_666, 1_667)]

    assert [None, None] == given[:2]
    assert given[2] is not None
    assert "hard-us-dose" == given[2].limit


TWICE_THE_HEAD = {"era_mm2": 500, "area_mm2": 1_000}


def test_a_value_that_should_be_measured_and_is_not_makes_nothing_together() -> None:
    """What cannot be computed cannot be in order; what a unit never tells is taken as it was set."""
    number = Number("hard-es-rms", P24, "current_ua", 70_710, values=STRONG, context=WIDE)
    prepared = asked_for(number, 70_710)
    assert isinstance(prepared, Prepared)
    row = next(row for row in prepared.setup.limits if row.id == "hard-es-rms")
    assert isinstance(row, Combination)
    tells = msgspec.structs.replace(prepared.setup, observed=(("current_ua", ObservedAs.MEASURED),))
    riding = Riding(set_level=70_710, goal_level=70_710, level=70_710)
    judged = [judge_together(row, tells, riding, values) for values in ({"current_ua": 70_711}, {"current_ua": None})]

    assert [Finding.BREACH, Finding.MISSING] == [verdict.finding for verdict in judged if verdict is not None]
    assert None is judge_together(row, prepared.setup, riding, {})


# Of a reading, of the field alone, and of what adds up: tested below, with the bounds, and with the sensed pad.
ELSEWHERE = {"hard-us-head", "hard-us-area", "hard-heat-dose"} | {
    f"hard-nmes-{what}" for what in ("on", "on-min", "off", "off-min", "ratio", "ratio-min", "ramp", "ramp-min")
}


def test_no_hard_row_of_the_shipped_units_is_left_out() -> None:
    """A number that nobody tries is a number that nobody holds."""
    tried = {number.row for number in NUMBERS} | ELSEWHERE | {"hard-es-energy", "hard-es-power"}
    rows: list[Limit] = list(itertools.chain.from_iterable(HARD.values()))
    rows += hard_limits(Modality.ESTIM, {"carrier_hz": 4_000})
    rows += hard_limits(Modality.ESTIM, {"technique": TECHNIQUES.index("nmes"), "near_implant": 1})
    rows += hard_limits(Modality.ULTRASOUND, {"duty_permille": 1_000})
    rows += hard_limits(Modality.TRACTION, {"traction_region": traction_region("hip, long axis")})
    left = {row.id for row in rows if not isinstance(row, Rate | Duration) and row.id not in tried}

    assert {row for row in left if not isinstance(_row(rows, row), Min)} == RESEARCH | {"hard-cold-temp-max"}


# Held in the tests of the generators that have them.
RESEARCH = {"hard-us-power", "hard-us-voltage", "hard-us-burst", "hard-us-period", "hard-us-pulses"}


def _row(rows: list[Limit], name: str) -> Limit:
    return next(row for row in rows if row.id == name)
