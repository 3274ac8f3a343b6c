"""The frame gate: Off always passes, Unknown never, everything else inside permit and hard bounds, and not too fast."""

import itertools

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.limits import Combination, Max, Min, Rate
from devices.model import NS_PER_MS, Modality
from devices.profile import load
from modctl.engine.bounds import hard_limits
from modctl.engine.effects import Band, Permit
from modctl.engine.gate import NOTHING_WRITTEN, GateRules, Ruling, Written, judge, remember
from modctl.engine.port import gate_rules
from protocols.inspect import Config, Energize, FrameKind, Off, Query, Unknown
from tests.unit.engine.test_bounds import SETTINGS

NOW_NS = 5_000 * NS_PER_MS
ESTIM = gate_rules(load("hasomed-p24"))
LEVEL_OF = {
    Modality.ESTIM: "current_ua",
    Modality.ULTRASOUND: "intensity_mw_cm2",
    Modality.TRACTION: "force_n",
    Modality.HEAT: "temp_mdegc",
    Modality.COLD: "temp_mdegc",
}
SET = {"current_ua": 1_000, "period_us": 10_000, "pulse_width_us": 100}


def rules(modality: Modality) -> GateRules:
    """The gate's rules of a modality; a cold unit's level intensifies downwards."""
    rows = hard_limits(modality, {})
    return GateRules(
        modality=modality,
        level=LEVEL_OF[modality],
        rest=25_000 if modality is Modality.COLD else 0,
        down_intensifies=modality is Modality.COLD,
        raise_limit=next(row for row in rows if isinstance(row, Rate)),
    )


def permit(values: dict[str, int] | None = None, **changes: object) -> Permit:
    """A permit for exactly these values, with the level down to 0, that ends 300 ms from now."""
    values = SET if values is None else values
    bands = tuple(Band(name, 0 if name == "current_ua" else value, value) for name, value in values.items())
    made = Permit(
        session="s1",
        unit="u1",
        sequence=7,
        until_ns=NOW_NS + 300 * NS_PER_MS,
        bands=bands,
        context=(("electrode_mm2", 4_500),),
    )
    return msgspec.structs.replace(made, **changes)


def energize(**values: int) -> Energize:
    """A frame that states these levels on one channel."""
    return Energize(channels=(tuple(values.items()),))


def ask(kind: FrameKind, given: Permit | None = None, written: Written = NOTHING_WRITTEN) -> Ruling:
    """The gate's ruling on one frame of a P24, now."""
    return judge(kind, given, written, ESTIM, NOW_NS)


PERMITS = [None, permit(), permit(until_ns=0), permit(bands=())]


@pytest.mark.parametrize("given", PERMITS)
@pytest.mark.parametrize("written", [NOTHING_WRITTEN, Written(levels=(("current_ua", 1),), peak=1, raised_at_ns=1)])
def test_off_always_passes(given: Permit | None, written: Written) -> None:
    """Nothing that a permit, a latch or a bug says can hold Off back."""
    assert Ruling(allowed=True) == ask(Off(), given, written)


@pytest.mark.parametrize("given", PERMITS)
def test_unknown_never_passes(given: Permit | None) -> None:
    """What the decoder cannot read may be anything."""
    assert Ruling(allowed=False, why="unknown frame: nonsense") == ask(Unknown("nonsense"), given)


@pytest.mark.parametrize("given", PERMITS)
@pytest.mark.parametrize("kind", [Query(), Config(), Config(values=(("timer_ms", 100),))])
def test_what_feeds_nothing_needs_no_permit(kind: Query | Config, given: Permit | None) -> None:
    """A stopping unit must still be asked."""
    assert ask(kind, given).allowed


@pytest.mark.parametrize(
    ("kind", "given", "allowed"),
    [
        (Query(feeds_lease=True), None, False),
        (Query(feeds_lease=True), permit(until_ns=NOW_NS), False),
        (Query(feeds_lease=True), permit(until_ns=NOW_NS + 1), True),
        (Config(values=(("permit", 7),), feeds_lease=True), permit(), True),
        (Config(values=(("permit", 6),), feeds_lease=True), permit(), False),
        (Config(values=(("permit", 8),), feeds_lease=True), permit(), False),
        (Config(values=(), feeds_lease=True), permit(), False),
        (Config(values=(("permit", 7),), feeds_lease=True), None, False),
    ],
)
def test_a_lease_is_fed_by_a_live_permit_and_its_own_sequence(
    kind: Query | Config, given: Permit | None, allowed: bool
) -> None:
    """An engine that stands still must not keep a unit alive through its port."""
    assert allowed is ask(kind, given).allowed


def test_a_lease_that_is_not_fed_says_why() -> None:
    """Two different faults of an engine: one that stands still, and one that has moved on."""
    feed = Config(values=(("permit", 6),), feeds_lease=True)

    assert Ruling(allowed=False, why="feeds a lease without a permit") == ask(feed)
    assert Ruling(allowed=False, why="feeds a lease with another permit's sequence") == ask(feed, permit())


@pytest.mark.parametrize(("left_ns", "allowed"), [(1, True), (0, False), (-1, False)])
def test_a_permit_lapses_at_its_last_nanosecond(left_ns: int, allowed: bool) -> None:
    """Up to but not including ``until_ns``."""
    assert allowed is ask(energize(**SET), permit(until_ns=NOW_NS + left_ns)).allowed


def test_nothing_energizes_without_a_permit() -> None:
    """A driver that energizes on its own account is a bug, and stays on this side of the line."""
    assert Ruling(allowed=False, why="energizes without a permit") == ask(energize(**SET))


@pytest.mark.parametrize(
    ("name", "low", "high"), [("current_ua", 100, 900), ("pulse_width_us", 90, 100), ("period_us", 9_000, 10_000)]
)
@pytest.mark.parametrize(("edge", "beyond"), [("low", -1), ("high", 1)])
def test_each_bound_of_a_permit_is_inclusive(name: str, low: int, high: int, edge: str, beyond: int) -> None:
    """At the bound is allowed; one count beyond is not, in either direction."""
    bands = {"current_ua": (100, 900), "pulse_width_us": (90, 100), "period_us": (9_000, 10_000)}
    given = permit(bands=tuple(Band(key, *span) for key, span in bands.items()))
    inside = {"current_ua": 500, "pulse_width_us": 100, "period_us": 10_000}
    at = low if edge == "low" else high

    assert [True, True, False] == [
        ask(energize(**{**inside, name: at + step * beyond}), given).allowed for step in (-1, 0, 1)
    ]


def test_a_parameter_that_the_permit_does_not_name_may_not_be_written() -> None:
    """Leave for something is not leave for something else."""
    ruling = ask(energize(**SET, carrier_hz=4_000), permit())

    assert Ruling(allowed=False, why="carrier_hz is not part of the permit") == ruling


def hard_rows() -> list[tuple[Modality, Max | Min]]:
    """Every hard row on a parameter that can be set."""
    return [
        (modality, row)
        for modality in Modality
        for row in hard_limits(modality, SETTINGS[modality])
        if isinstance(row, (Max, Min)) and row.parameter in SETTINGS[modality]
    ]


@pytest.mark.parametrize(("modality", "row"), [pytest.param(*pair, id=pair[1].id) for pair in hard_rows()])
def test_no_permit_reaches_past_a_hard_bound(modality: Modality, row: Max | Min) -> None:
    """The code's own bounds hold even when everything above them is wrong."""
    context = {
        name: value for name, value in SETTINGS[modality].items() if name.endswith(("_mm2", "_g", "duration_ms"))
    }
    settings = {name: value for name, value in SETTINGS[modality].items() if name not in context}
    limits = rules(modality)
    beyond = 1 if isinstance(row, Max) else -1
    found = []
    for step in (-1, 0, 1):
        values = {**settings, row.parameter: row.bound + step * beyond}
        given = permit(bands=tuple(Band(name, -(10**9), 10**9) for name in values), context=tuple(context.items()))
        level = values[limits.level]
        written = Written(peak=level, raised_at_ns=0)  # the raise limit has nothing to say here
        found.append(judge(Energize(channels=(tuple(values.items()),)), given, written, limits, NOW_NS).allowed)

    assert [True, True, False] == found


@pytest.mark.parametrize(
    ("current_ua", "pulse_width_us", "period_us", "allowed"),
    [
        (110_000, 1_000, 4_000, False),  # 77.8 mA rms
        (110_000, 400, 10_000, True),
        (70_710, 1_000, 4_000, True),  # 50.0 mA rms
        (70_712, 1_000, 4_000, False),
    ],
)
def test_dials_that_are_harmless_alone_are_held_back_together(
    current_ua: int, pulse_width_us: int, period_us: int, allowed: bool
) -> None:
    """110 mA, 1000 µs and 250 Hz each lie inside their range; their rms does not."""
    values = {"current_ua": current_ua, "pulse_width_us": pulse_width_us, "period_us": period_us}
    given = permit(values, context=(("electrode_mm2", 20_000),))

    assert allowed is ask(energize(**values), given, Written(peak=current_ua)).allowed


def test_the_electrode_is_part_of_the_combination() -> None:
    """The same current through a small pad burns."""
    small, large = permit(SET, context=(("electrode_mm2", 3),)), permit(SET, context=(("electrode_mm2", 4_500),))

    assert [False, True] == [ask(energize(**SET), given).allowed for given in (small, large)]


def test_a_missing_context_is_held_back() -> None:
    """Without the electrode's area nobody knows the density."""
    ruling = ask(energize(**SET), permit(context=()))

    assert Ruling(allowed=False, why="hard-es-density: None against 4000 uA/cm2") == ruling


def test_settings_written_ahead_of_the_level_cannot_combine_yet() -> None:
    """A unit of registers takes one setting after the other; alone they give nothing out."""
    assert ask(energize(pulse_width_us=100), permit()).allowed


def test_settings_written_ahead_of_the_level_keep_their_own_bounds() -> None:
    """What cannot combine can still be out of range."""
    given = permit({"pulse_width_us": 1_001})

    assert not ask(energize(pulse_width_us=1_001), given).allowed


def test_switching_on_needs_a_level_that_was_written() -> None:
    """An enable bit gives out whatever the unit happens to hold."""
    ruling = ask(Energize(channels=((),)), permit())

    assert Ruling(allowed=False, why="switches output on with current_ua never stated") == ruling


def test_switching_on_is_judged_by_what_was_written_before() -> None:
    """The gate trusts its own memory of the line, not the driver's."""
    written = remember(energize(**SET), NOTHING_WRITTEN, ESTIM, NOW_NS)
    lower = permit({**SET, "current_ua": 999})

    assert [True, False] == [ask(Energize(channels=((),)), given, written).allowed for given in (permit(), lower)]


def test_arming_without_a_channel_needs_a_permit_alone() -> None:
    """There is no level to judge, and nothing flows."""
    assert [True, False] == [ask(Energize(channels=()), given).allowed for given in (permit(), None)]


def test_every_channel_is_judged() -> None:
    """The second channel of a frame reaches a patient as well as the first."""
    high = {**SET, "current_ua": 1_001}
    kind = Energize(channels=(tuple(SET.items()), tuple(high.items())))

    assert not ask(kind, permit()).allowed


# Raise limit: hard-es-raise is 1000 µA a step and 5000 µA a second.


def climb(*steps: tuple[int, int], limits: GateRules = ESTIM) -> list[bool]:
    """Give the gate (level, milliseconds later) one after the other; what passed is remembered."""
    written, now_ns, passed = NOTHING_WRITTEN, NOW_NS, []
    settings = {name: value for name, value in SETTINGS[limits.modality].items() if name != limits.level}
    set_values = {name: value for name, value in settings.items() if not name.endswith(("_mm2", "_g", "duration_ms"))}
    for level, wait_ms in steps:
        now_ns += wait_ms * NS_PER_MS
        values = {**set_values, limits.level: level}
        given = permit(
            bands=tuple(Band(name, 0, 10**6) for name in values),
            context=tuple(settings.items()),
            until_ns=now_ns + 1,
        )
        kind = Energize(channels=(tuple(values.items()),))
        allowed = judge(kind, given, written, limits, now_ns).allowed
        if allowed:
            written = remember(kind, written, limits, now_ns)
        passed.append(allowed)
    return passed


@pytest.mark.parametrize(("level", "allowed"), [(999, True), (1_000, True), (1_001, False)])
def test_the_first_step_from_off_is_bounded(level: int, allowed: bool) -> None:
    """Nothing jumps from off, however slowly it was asked for."""
    assert [allowed] == climb((level, 10_000))


@pytest.mark.parametrize(("wait_ms", "allowed"), [(199, False), (200, True), (201, True)])
def test_a_step_needs_its_time(wait_ms: int, allowed: bool) -> None:
    """1 mA at 5 mA/s is 200 ms after the rise before it."""
    assert [True, allowed] == climb((1_000, 0), (2_000, wait_ms))


def test_waiting_does_not_save_up_for_a_large_step() -> None:
    """After a minute at one level the next step is as small as any."""
    assert [True, False, True] == climb((1_000, 0), (2_001, 60_000), (2_000, 0))


@pytest.mark.parametrize("step", [1, 2, 1_000])
def test_the_smallest_rise_needs_its_time_as_well(step: int) -> None:
    """Else a driver that goes up count by count would be at the top at once."""
    assert [True, False] == climb((step, 0), (step + 1, 0))


def test_a_level_that_rises_too_fast_is_told_as_that() -> None:
    """The technician reads which limit held the frame back."""
    given = permit({**SET, "current_ua": 1_001})

    assert Ruling(allowed=False, why="hard-es-raise: current_ua rises too fast") == ask(
        energize(**{**SET, "current_ua": 1_001}), given
    )


def test_a_value_outside_its_permit_is_told_with_both_ends() -> None:
    """As above: a wrong permit and a wrong driver look alike from far away."""
    assert Ruling(allowed=False, why="current_ua 1001 outside the permit's 0 to 1000") == ask(
        energize(**{**SET, "current_ua": 1_001}), permit()
    )


def test_the_level_may_come_back_to_where_it_has_been_at_once() -> None:
    """On and off ramps of a plan lie below what a person has already reached step by step."""
    assert [True, True, True, True, False] == climb((1_000, 0), (2_000, 200), (0, 0), (2_000, 0), (2_001, 0))


def test_after_off_the_climb_begins_anew() -> None:
    """A level that was right before a pause is a shock after it."""
    written = remember(energize(**SET), NOTHING_WRITTEN, ESTIM, NOW_NS)
    written = remember(Off(), written, ESTIM, NOW_NS)

    assert NOTHING_WRITTEN == written


@pytest.mark.parametrize(
    ("steps", "passed"),
    [
        (((20_000, 0),), [True]),  # 5 K below the rest of 25 °C
        (((19_999, 0),), [False]),
        (((20_000, 0), (15_000, 999)), [True, False]),
        (((20_000, 0), (15_000, 1_000)), [True, True]),
        (((20_000, 0), (25_000, 0), (20_000, 0)), [True, True, True]),
    ],
)
def test_for_a_cold_unit_down_is_the_direction_that_is_held_back(
    steps: tuple[tuple[int, int], ...], passed: list[bool]
) -> None:
    """0 °C is the worst value that a cold unit can be set to, and warming is always allowed."""
    assert passed == climb(*steps, limits=rules(Modality.COLD))


@pytest.mark.parametrize("kind", [Query(), Config(values=(("timer_ms", 1),)), Energize(channels=())])
def test_what_states_no_level_does_not_count_as_a_rise(kind: FrameKind) -> None:
    """Polling between two steps must not shorten the wait for the next."""
    written = remember(energize(**SET), NOTHING_WRITTEN, ESTIM, NOW_NS)

    assert written == remember(kind, written, ESTIM, NOW_NS + 1)


def test_of_several_channels_the_highest_counts() -> None:
    """The climb is that of the channel that hurts most."""
    kind = Energize(channels=((("current_ua", 100),), (("current_ua", 900),), (("current_ua", 300),)))

    assert 900 == remember(kind, NOTHING_WRITTEN, ESTIM, NOW_NS).peak


def test_of_several_channels_that_cool_the_coldest_counts() -> None:
    """Down is what hurts there."""
    kind = Energize(channels=((("temp_mdegc", 20_000),), (("temp_mdegc", 12_000),), (("temp_mdegc", 15_000),)))

    assert 12_000 == remember(kind, NOTHING_WRITTEN, rules(Modality.COLD), NOW_NS).peak


@given(
    steps=st.lists(st.tuples(st.integers(0, 30_000), st.integers(0, 2_000)), min_size=1, max_size=30),
)
def test_no_history_of_frames_climbs_faster_than_the_raise_limit(steps: list[tuple[int, int]]) -> None:
    """Whatever is asked: past its highest value since off the level rises one step at a time, and slowly enough."""
    passed = climb(*steps)
    now_ms, peak, raised_ms = 0, 0, None
    for (level, wait_ms), allowed in zip(steps, passed, strict=True):
        now_ms += wait_ms
        if not allowed or level <= peak:
            continue
        assert level - peak <= 1_000
        assert raised_ms is None or (level - peak) * 1_000 <= 5_000 * (now_ms - raised_ms)
        peak, raised_ms = level, now_ms


@given(
    low=st.integers(0, 2_000),
    span=st.integers(0, 2_000),
    level=st.integers(-10, 130_000),
    peak=st.integers(0, 130_000),
)
def test_what_passes_lies_inside_the_permit_and_the_hard_bounds(low: int, span: int, level: int, peak: int) -> None:
    """The intersection, for any permit and any frame."""
    given_permit = permit(bands=(Band("current_ua", low, low + span), Band("pulse_width_us", 100, 100)))
    kind = energize(current_ua=level, pulse_width_us=100)
    written = Written(levels=(("period_us", 10_000),), peak=peak, raised_at_ns=0)
    with_period = permit(bands=(*given_permit.bands, Band("period_us", 10_000, 10_000)))
    allowed = ask(kind, with_period, written).allowed

    assert allowed == (
        low <= level <= low + span and 0 <= level <= 110_000 and (level <= peak or level - peak <= 1_000)
    )


def test_the_rules_of_a_model_come_from_code_not_from_its_profile() -> None:
    """A profile with a wild raise limit does not loosen the last gate."""
    hard = next(row for row in hard_limits(Modality.ESTIM, {}) if isinstance(row, Rate))

    assert (hard, "current_ua", 0, False) == (ESTIM.raise_limit, ESTIM.level, ESTIM.rest, ESTIM.down_intensifies)


def test_a_level_that_intensifies_downwards_rests_at_its_top() -> None:
    """The least intense value of a cold unit is its warmest."""
    profile = load("hasomed-p24")
    level = msgspec.structs.replace(profile.level, intensifies="down", min=4_000, max=25_000)
    parameters = (level, *(spec for spec in profile.parameter if spec.role != "level"))
    made = gate_rules(msgspec.structs.replace(profile, parameter=parameters))

    assert (25_000, True) == (made.rest, made.down_intensifies)


def test_every_combination_row_is_judged_by_the_gate() -> None:
    """Of each modality: a value that breaks a combination alone is held back for that reason."""
    rows_of = {m: [r for r in hard_limits(m, SETTINGS[m]) if isinstance(r, Combination)] for m in Modality}

    stimulation = {"hard-es-energy", "hard-es-density", "hard-es-power", "hard-es-rms"}
    others = {"hard-us-area", "hard-us-dose", "hard-tx-weight"}

    assert stimulation | others == {row.id for row in itertools.chain.from_iterable(rows_of.values())}
