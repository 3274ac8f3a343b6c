"""What a profile may say of tanks, of guessed registers and of registers that wear."""

import re

import pytest

from devices.profile import PROFILES, ProfileError, enabling, load, parse
from protocols.registers import Effect

TANK = (PROFILES / "eurotherm-3216.toml").read_text()
PAD = (PROFILES / "eurotherm-3216-pad.toml").read_text()
COLD = (PROFILES / "julabo-magio.toml").read_text()


def refused(text: str, before: str, after: str) -> str:
    """What the loader says of a file with one line changed."""
    assert re.search(before, text, re.MULTILINE)
    edited = re.sub(before, after, text, count=1, flags=re.MULTILINE)
    with pytest.raises(ProfileError) as caught:
        parse(edited.encode(), "made-up.toml")
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "before", "after", "says"),
    [
        (TANK, r'^role = "watched"$', 'role = "level"', "exactly one parameter must have role = 'watched'"),
        (PAD, r'^role = "level"$', 'role = "watched"', "exactly one parameter must have role = 'level'"),
        (TANK, r'^probe = "range"$', 'off_order = ["faults"]', "tank: commands nothing, and has no off to prove"),
        (TANK, r'^probe = "range"$', "off_proof = { faults = 0 }", "tank: commands nothing, and has no off to prove"),
        (PAD, r"^off_order = .*$", "", "off_order and off_proof: a unit that is started must have an off"),
        (PAD, r"^off_proof = .*$", "", "off_order and off_proof: a unit that is started must have an off"),
        (PAD, r'^proven = "extract"$', 'proven = "assumed"', "setpoint_source: off rests on an assumed register"),
        (PAD, r"^eeprom_writes_a_day = .*$", "", "setpoint_source: wears, and eeprom_writes_a_day is not given"),
        (COLD, r'^probe = "type"$', 'probe = "type"\nenabled = ["set_temperature"]', "only a site enables"),
    ],
)
def test_a_promise_that_the_unit_cannot_keep_is_refused(text: str, before: str, after: str, says: str) -> None:
    """A tank has no off; everything else has one, and it rests on no guess."""
    assert says in refused(text, before, after)


@pytest.mark.parametrize(
    ("model", "is_monitored"),
    [("eurotherm-3216", True), ("omron-e5cc", True), ("eurotherm-3216-pad", False), ("julabo-magio", False)],
)
def test_a_tank_is_monitored_and_what_it_is_watched_for_is_its_temperature(model: str, *, is_monitored: bool) -> None:
    """One controller, two roles: what stands between is a line of the profile."""
    profile = load(model)

    assert (is_monitored, "temp_mdegc") == (profile.is_monitored, profile.level.name)


@pytest.mark.parametrize("model", ["eurotherm-3216", "omron-e5cc"])
def test_nothing_of_a_tanks_map_can_be_written(model: str) -> None:
    """Its setpoint is a technician's, at its own keys."""
    assert {Effect.NONE} == {register.effect for register in load(model).register}


def test_an_assumed_register_is_locked_until_the_site_enables_it_by_name() -> None:
    """Somebody has held the value that was read against the unit's own display."""
    profile = load("julabo-magio")
    proven = enabling(profile, ("set_temperature",))

    assert (frozenset({"set_temperature"}), frozenset()) == (profile.locked, proven.locked)
    assert profile.sha256 == proven.sha256


@pytest.mark.parametrize("name", ["run", "bath_temperature", "nobody"])
def test_only_what_is_locked_can_be_enabled(name: str) -> None:
    """Proven, read-only or not there: the site's file is wrong."""
    with pytest.raises(ProfileError, match=f"julabo-magio: {name}: not an assumed register"):
        enabling(load("julabo-magio"), (name,))
