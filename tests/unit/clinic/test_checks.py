"""Typed readings against tolerances: what a meter said is kept as it was, and what was not looked at is no pass."""

import pytest

from devices.model import Modality
from devices.profile import load, models
from modctl.clinic.checks import Judged, Reading, Typed, items_for, judge_calibration, judge_check, output_plan

FORCE = "force_n"
OTHERS = (Reading(set=100, found=100), Reading(set=500, found=500))
LOOKED_AT = (("visual", "pass"), ("stop_switch", "pass"))


def calibrated(*readings: Reading, parameter: str = FORCE, era_mm2: int = 0) -> Judged:
    """Points that can be judged."""
    judged = judge_calibration(parameter, Typed(readings=readings), era_mm2)
    assert isinstance(judged, Judged), judged
    return judged


@pytest.mark.parametrize(
    ("found", "is_good"), [(179, False), (180, True), (200, True), (220, True), (221, False), (0, False)]
)
def test_a_tolerance_holds_to_the_last_unit(found: int, is_good: bool) -> None:
    """±10 % of 200 N: at the bound is in, one newton beyond is out."""
    judged = calibrated(*OTHERS, Reading(set=200, found=found))

    assert (is_good, is_good) == (judged.is_good, judged.is_found_good)


@pytest.mark.parametrize(("found", "is_good"), [(39, False), (40, True), (60, True), (61, False)])
def test_a_tolerance_is_never_tighter_than_its_floor(found: int, is_good: bool) -> None:
    """±10 % of 50 N would be 5 N, which no service cell can promise; ±1 kgf is what makers allow."""
    assert is_good == calibrated(*OTHERS, Reading(set=50, found=found)).is_good


def test_what_was_adjusted_is_good_as_left_and_bad_as_found() -> None:
    """The unit may go back to work; the patients before are another question."""
    judged = calibrated(*OTHERS, Reading(set=200, found=150, left=201))

    assert (True, False) == (judged.is_good, judged.is_found_good)
    assert [(150, 201)] == [(point.found, point.left) for point in judged.points if point.set == 200]


@pytest.mark.parametrize(("found", "is_good"), [(3_839, False), (3_840, True), (5_760, True), (5_761, False)])
def test_watts_are_held_against_the_heads_own_area(found: int, is_good: bool) -> None:
    """1 W/cm² over 4.8 cm² is 4.8 W: the same reading on a 5 cm² head would be judged otherwise."""
    others = (Reading(set=500, found=2_400), Reading(set=2_000, found=9_600))
    judged = calibrated(*others, Reading(set=1_000, found=found), parameter="intensity_mw_cm2", era_mm2=480)

    assert is_good == judged.is_good
    assert 4_800 == judged.points[2].expected


@pytest.mark.parametrize(
    ("parameter", "readings", "era_mm2", "word"),
    [
        (FORCE, OTHERS, 0, "3 points"),
        (FORCE, (*OTHERS, Reading(set=100, found=99)), 0, "twice"),
        (FORCE, (*OTHERS, Reading(set=0, found=0)), 0, "above zero"),
        (FORCE, (*OTHERS, Reading(set=50, found=-1)), 0, "not negative"),
        (FORCE, (*OTHERS, Reading(set=50, found=50, left=-1)), 0, "not negative"),
        ("intensity_mw_cm2", (*OTHERS, Reading(set=50, found=50)), 0, "era_mm2"),
        ("intensity_mw_cm2", (*OTHERS, Reading(set=1, found=0)), 50, "so low"),
        ("layers", (*OTHERS, Reading(set=50, found=50)), 0, "no output"),
    ],
)
def test_what_proves_nothing_is_no_calibration(
    parameter: str, readings: tuple[Reading, ...], era_mm2: int, word: str
) -> None:
    """Refused with its reason, before anything is charted."""
    refused = judge_calibration(parameter, Typed(readings=readings), era_mm2)

    assert isinstance(refused, str)
    assert word in refused


def test_every_level_that_modctl_rides_has_its_tolerance() -> None:
    """A model whose output nobody could calibrate would be closed for ever in a site for real units."""
    levels = {load(model).level.name for model in models()} - {"layers"}

    assert [] == sorted(level for level in levels if output_plan(level) is None)


def checked(*items: tuple[str, str]) -> Judged:
    """A check of a traction unit."""
    judged = judge_check(Modality.TRACTION, Typed(items=items))
    assert isinstance(judged, Judged), judged
    return judged


@pytest.mark.parametrize(
    ("items", "is_good"),
    [
        (LOOKED_AT, True),
        ((*LOOKED_AT, ("timer", "not-done")), True),
        ((("visual", "pass"), ("stop_switch", "fail")), False),
        ((("visual", "pass"), ("stop_switch", "not-done")), False),
        ((*LOOKED_AT, ("patient_leakage_ua", "100")), True),
        ((*LOOKED_AT, ("patient_leakage_ua", "101")), False),
        ((*LOOKED_AT, ("timer", "299=328")), True),
        ((*LOOKED_AT, ("timer", "299=330")), False),
        ((*LOOKED_AT, ("timer", "300=330")), True),
        ((*LOOKED_AT, ("timer", "600=539")), False),
        ((*LOOKED_AT, ("timer", "601=661")), True),
        ((*LOOKED_AT, ("timer", "601=662")), False),
    ],
)
def test_a_check_is_good_when_all_that_must_be_was_done_and_passed(
    items: tuple[tuple[str, str], ...], is_good: bool
) -> None:
    """A stop switch that nobody pressed is not a stop switch that works."""
    assert is_good == checked(*items).is_good


@pytest.mark.parametrize(
    ("items", "word"),
    [
        ((("visual", "pass"),), "stop_switch"),
        ((*LOOKED_AT, ("colour", "pass")), "colour"),
        ((("visual", "fine"), ("stop_switch", "pass")), "pass or fail"),
        ((*LOOKED_AT, ("patient_leakage_ua", "few")), "whole number"),
        ((*LOOKED_AT, ("timer", "300")), "SET=READING"),
        ((*LOOKED_AT, ("timer", "0=0")), "1 to"),
    ],
)
def test_a_check_that_leaves_something_out_is_asked_again(items: tuple[tuple[str, str], ...], word: str) -> None:
    """Silence about an item is not an answer."""
    refused = judge_check(Modality.TRACTION, Typed(items=items))

    assert isinstance(refused, str)
    assert word in refused


def test_only_a_source_that_was_seen_is_named_as_one() -> None:
    """A tolerance from memory must not look like a clause of a standard."""
    seen, quoted = output_plan("intensity_mw_cm2"), output_plan("current_ua")

    assert seen is not None
    assert quoted is not None
    assert "site default" not in seen.tolerance
    assert "site default" in quoted.tolerance


def test_a_stop_switch_is_a_matter_of_traction() -> None:
    """Nobody should have to write not-done for what a unit does not have."""
    assert "stop_switch" in {item.id for item in items_for(Modality.TRACTION)}
    assert "stop_switch" not in {item.id for item in items_for(Modality.ESTIM)}
