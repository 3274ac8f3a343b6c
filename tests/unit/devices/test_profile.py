"""The profile loader: what ships loads, and everything that is wrong with a file is named at once."""

import hashlib
import re

import pytest

from devices.limits import Deviation, Rate
from devices.model import UCUM_OF, ModelClass, ObservedAs
from devices.profile import PROFILES, ProfileError, load, models, parse
from modctl.engine.bounds import HARD, widenings

P24 = (PROFILES / "hasomed-p24.toml").read_text()
APPLICATORS = [model for model in models() if not load(model).is_monitored]
SOUND = (PROFILES / "reference-ultrasound.toml").read_text()


def refused(text: str) -> str:
    """What the loader says about a file that it does not take."""
    with pytest.raises(ProfileError) as caught:
        parse(text.encode(), "made-up.toml")
    return str(caught.value)


def edited(text: str, before: str, after: str) -> str:
    """The file with one line changed; the line must be there exactly."""
    assert re.search(before, text, re.MULTILINE)
    return re.sub(before, after, text, count=1, flags=re.MULTILINE)


@pytest.mark.parametrize("model", models())
def test_what_ships_loads_under_its_own_name(model: str) -> None:
    """The file, the id and the digest that goes into every chart belong together."""
    profile = load(model)
    raw = (PROFILES / f"{model}.toml").read_bytes()

    assert (model, hashlib.sha256(raw).hexdigest()) == (profile.device.id, profile.sha256)


@pytest.mark.parametrize("model", APPLICATORS)
def test_what_ships_does_not_widen_the_hard_bounds(model: str) -> None:
    """Bounds only narrow on the way from the code to the patient."""
    profile = load(model)

    assert () == widenings(HARD[profile.device.modality], profile.limit)


@pytest.mark.parametrize("model", APPLICATORS)
def test_what_ships_has_one_level_and_a_raise_limit_for_it(model: str) -> None:
    """What is ridden has a speed."""
    profile = load(model)
    rows = [row for row in profile.limit if isinstance(row, Rate)]

    assert [profile.level.name] == [row.parameter for row in rows]
    assert profile.level.raise_per_s <= rows[0].per_s


@pytest.mark.parametrize("model", models())
def test_every_parameter_and_limit_of_what_ships_says_its_source(model: str) -> None:
    """A number that nobody answers for does not reach a patient."""
    profile = load(model)

    assert [] == [spec.name for spec in profile.parameter if not spec.source.strip()]
    assert [] == [row.id for row in profile.limit if not row.source.strip()]


@pytest.mark.parametrize("model", models())
def test_what_ships_says_what_a_person_does_when_off_is_not_confirmed(model: str) -> None:
    """The sentence under UNKNOWN OUTPUT comes from here."""
    off = load(model).off

    assert off.meaning.strip()
    assert off.unknown_text.strip()


@pytest.mark.parametrize("model", models())
def test_no_research_unit_ships_with_a_clinics_class(model: str) -> None:
    """Reference units are ours, and say so."""
    device = load(model).device

    assert (device.vendor == "modctl") is (device.model_class is ModelClass.REFERENCE)


def test_parameters_are_found_by_name() -> None:
    """By the canonical one; what is not there is None."""
    profile = load("hasomed-p24")
    found = profile.spec("period_us")

    assert found is not None
    assert ("period_us", None) == (found.name, profile.spec("force_n"))


def test_registers_are_found_by_name() -> None:
    """A name that the map does not have is a bug of ours."""
    profile = load("reference-ultrasound")
    assert "enable" == profile.named_register("enable").name

    with pytest.raises(KeyError):
        profile.named_register("nobody")


def test_an_unknown_model_names_those_that_are_known() -> None:
    """The next step is in the sentence."""
    with pytest.raises(ProfileError, match=r"no profile for model 'nobody'; known: .*hasomed-p24"):
        load("nobody")


@pytest.mark.parametrize(
    ("text", "before", "after", "says"),
    [
        (P24, r"^\[contact\]$", "[contact]\nunheard_of = 1", "unknown field `unheard_of`"),
        (P24, r"^source = \"P24 Instr.*1 kOhm in 0.5.*$", "", "missing required field `source`"),
        (P24, r"^mark = \"textbook\"$", 'mark = "rumour"', "Invalid enum value 'rumour'"),
        (P24, r"^min = 0$", "min = 0.5", "Expected `int`, got `float`"),
        (P24, r"^role = \"setting\"$", 'role = "level"', "exactly one parameter must have role = 'level'"),
        (P24, r"^role = \"level\"$", 'role = "setting"', "exactly one parameter must have role = 'level'"),
        (P24, r"^name = \"period_us\"$", 'name = "frequency"', "parameter frequency: not a canonical parameter"),
        (P24, r"^step = 500 .*$", "step = 0", "parameter current_ua: needs min <= max and step > 0"),
        (P24, r"^max = 130000 .*$", "max = -1", "parameter current_ua: needs min <= max and step > 0"),
        (P24, r"^raise_per_s = .*$", "", "parameter current_ua: a level needs raise_per_s and person_step"),
        (P24, r"^person_step = .*$", "", "parameter current_ua: a level needs raise_per_s and person_step"),
        (P24, r"^id = \"width-usual\"$", 'id = "width"', "limit width: named twice"),
        (P24, r"^observed_as = \"none\"$", 'observed_as = "measured"', "is measured and has no deviation limit"),
        (P24, r"^observed_as = \"none\"$", 'observed_as = "echoed"', "is echoed and has no deviation limit"),
        (P24, r"^stale_ms = 1000 .*$", "stale_ms = 1001", "liveness.stale_ms: above 1000 for a unit that energizes"),
        (P24, r"^poll_ms = 100 .*$", "poll_ms = 501", "liveness.poll_ms: two polls do not fit into stale_ms"),
        (P24, r"^feed_ms = 500 .*$", "feed_ms = 1001", "liveness.feed_ms: one lost feed would end the lease"),
        (P24, r"^deadline_ms = 1000 .*$", "deadline_ms = 300", "off.deadline_ms: must be above budget_ms"),
        (SOUND, r"^min = 0\nmax = 3000\nsource = \"reference map 1: SATP\"$", 'source = "made up"', "writable without"),
        (
            SOUND,
            r"^access = \"read-write\"\neffect = \"enable\"$",
            'access = "read"\neffect = "enable"',
            "is read-only",
        ),
        (SOUND, r"^off_order = .*$", 'off_order = ["nobody"]', "register nobody: named but not in the map"),
        (SOUND, r"^apply_order = .*$", 'apply_order = ["nobody"]', "register nobody: named but not in the map"),
        (SOUND, r"^off_proof = .*$", "off_proof = { nobody = 0 }", "register nobody: named but not in the map"),
        (SOUND, r"^suspended_proof = .*$", "suspended_proof = { nobody = 0 }", "register nobody: named but not in"),
    ],
)
def test_a_file_that_is_wrong_is_refused_with_what_is_wrong(text: str, before: str, after: str, says: str) -> None:
    """A profile decides what reaches a patient; it loads whole or not at all."""
    said = refused(edited(text, before, after))

    assert says in said
    assert said.startswith("made-up.toml: ")


@pytest.mark.parametrize(
    ("before", "at_bound"),
    [
        (r"^stale_ms = 1000 .*$", "stale_ms = 1000"),
        (r"^poll_ms = 100 .*$", "poll_ms = 500"),
        (r"^feed_ms = 500 .*$", "feed_ms = 1000"),
        (r"^deadline_ms = 1000 .*$", "deadline_ms = 301"),
    ],
)
def test_a_timing_at_its_bound_loads(before: str, at_bound: str) -> None:
    """Inclusive, as every bound here."""
    assert parse(edited(P24, before, at_bound).encode(), "made-up.toml").sha256


def test_everything_that_is_wrong_is_said_at_once() -> None:
    """Nobody wants to find five faults in five attempts."""
    text = edited(edited(P24, r"^deadline_ms = 1000 .*$", "deadline_ms = 1"), r"^step = 500 .*$", "step = 0")

    assert 2 == len(refused(text).splitlines())


def test_what_is_no_text_of_this_kind_is_refused() -> None:
    """Bytes that do not even parse."""
    assert refused("[device").startswith("made-up.toml: ")


def test_a_tank_may_be_read_more_slowly() -> None:
    """It gives nothing to a skin; a patient's unit may not."""
    slow = edited(P24, r"^stale_ms = 1000 .*$", "stale_ms = 5000")
    watched = edited(slow, r"^role = \"level\"$", 'role = "watched"')
    tank = edited(watched, r"^channels = 1$", 'channels = 1\nrole = "tank"')

    assert 5_000 == parse(tank.encode(), "made-up.toml").liveness.stale_ms


@pytest.mark.parametrize("model", models())
def test_what_a_model_measures_is_watched_by_a_deviation(model: str) -> None:
    """Stated again, of what ships: measured or echoed without a witness would be decoration."""
    profile = load(model)
    watched = {row.parameter for row in profile.limit if isinstance(row, Deviation)}
    told = {spec.name for spec in profile.parameter if spec.observed_as in (ObservedAs.MEASURED, ObservedAs.ECHOED)}

    assert told <= watched


def test_every_canonical_parameter_has_a_unit() -> None:
    """And no unit is empty: a number without one is a guess."""
    assert all(UCUM_OF.values())
