"""Packs, checks that fall due, warmth, tanks and soft findings, on the bare reducer and its pure helpers."""

import msgspec
import pytest

from devices.dose import FULL_THERMAL_DOSE
from devices.limits import Combination, Dose, Mark, Tier
from devices.model import NEVER_NS, NS_PER_MS, NS_PER_S, Contact, Direction, ObservedAs, Output, PackAct, Sample
from devices.profile import load
from modctl.engine import events as ev
from modctl.engine.effects import Append, PackSaid
from modctl.engine.felt import Felt, alarms_of, feel, hold_text
from modctl.engine.machine import Outcome, Phase
from modctl.engine.riding import Riding
from modctl.engine.session import objection, wakeup_ns
from modctl.engine.setup import CheckSpec, GateSpec, Setup
from modctl.engine.tanks import closed_text, judge
from modctl.engine.warmth import Warmth, judge_dose
from modctl.records import Alarm, CheckDue
from tests.unit.engine.made import ESTIM, Person, at_phase, records, setup

GATE = GateSpec(gate="skin_check", closes=("white",), answers=("as-expected", "white", "not-done"))
CHECK = CheckSpec(
    gate=GATE,
    every_ns=5 * NS_PER_S,
    grace_ns=NS_PER_S,
    on_late="hold",
    ends=("white",),
    leaves_open=("not-done",),
)
PACK: Setup = setup(
    by_hand=True,
    planned_ns=20 * NS_PER_S,
    stop_deadline_ns=1_800 * NS_PER_S,
    checks=(msgspec.structs.replace(CHECK, on_late="pack"),),
)


def said(act: PackAct) -> ev.PackMoved:
    """A person's word."""
    return ev.PackMoved(actor="therapist", act=act, source="person")


def alarms(person: Person) -> list[str]:
    """Every alarm so far."""
    drafts = [effect.draft.data for effect in person.effects if isinstance(effect, Append)]
    return [data.alarm for data in drafts if isinstance(data, Alarm)]


def pack_waiting() -> Person:
    """Confirmed and charted: the pack is still to be put on."""
    person = Person(PACK)
    person.arm()
    person.charted()
    return person


def pack_on() -> Person:
    """On the skin, seen as such."""
    person = pack_waiting()
    person.feed(said(PackAct.ON))
    person.wait(2)
    person.ack()
    person.wait(100)
    person.see(Output.ENERGIZED)
    return person


def checked(on_late: str = "hold") -> Person:
    """A running session whose check is due each five seconds."""
    person = Person(setup(checks=(msgspec.structs.replace(CHECK, on_late=on_late),)))
    person.run()
    return person


@pytest.mark.parametrize("act", list(PackAct))
def test_what_is_no_pack_takes_no_word_of_one(act: PackAct) -> None:
    """Its line is believed, and nobody's key."""
    person = at_phase(Phase.RUNNING)
    before = person.state

    assert objection(before, said(act)) is not None
    assert () == tuple(person.feed(said(act)))
    assert before.phase is person.state.phase


@pytest.mark.parametrize("act", [PackAct.OFF, PackAct.NUMB])
def test_a_pack_that_was_not_put_on_is_not_taken_off(act: PackAct) -> None:
    """Nor is time begun by it."""
    person = pack_waiting()

    assert objection(person.state, said(act)) is not None
    assert objection(person.state, said(PackAct.ON)) is None


def test_a_pack_is_put_on_once() -> None:
    """The second word changes nothing."""
    assert objection(pack_on().state, said(PackAct.ON)) is not None


def test_a_pack_is_neither_paused_nor_ridden() -> None:
    """There is nothing to hold and nothing to turn."""
    state = pack_on().state

    assert objection(state, ev.PauseAsked(actor="p")) is not None
    assert objection(state, ev.LevelAsked(actor="p", direction=Direction.UP)) is not None


def test_taking_off_tells_the_driver_and_ends_with_its_samples() -> None:
    """Off is asked for first; what a person said goes to the driver, and its samples end the session."""
    person = pack_on()
    effects = person.feed(said(PackAct.OFF))
    assert [PackSaid(unit="u1", is_on=False)] == [one for one in effects if isinstance(one, PackSaid)]

    person.confirm_off()
    assert (Outcome.STOPPED, "pack_off") == (person.state.outcome, person.state.reason)


def test_numb_needs_bare_skin() -> None:
    """Layers that are not none make it no ice massage."""
    person = pack_on()
    assert objection(person.state, said(PackAct.NUMB)) is not None

    bare = msgspec.structs.replace(PACK, level=msgspec.structs.replace(PACK.level, start=0))
    person.state = msgspec.structs.replace(person.state, setup=bare)
    person.feed(said(PackAct.NUMB))
    assert (Outcome.COMPLETED, "numb") == (person.state.outcome, person.state.reason)


def test_nobody_is_told_to_take_off_what_was_never_on() -> None:
    """A stop while the pack is fetched."""
    person = pack_waiting()
    person.stop()

    assert [] == alarms(person)


def test_a_pack_that_is_not_put_on_in_time_is_a_stop_and_no_fault() -> None:
    """Its unit is not to blame."""
    person = pack_waiting()
    person.tick_when_wanted()

    assert (Outcome.STOPPED, "pack_not_put_on") == (person.state.outcome, person.state.reason)


@pytest.mark.parametrize(
    ("waited_ms", "phase"), [(599_999, Phase.STARTING), (600_000, Phase.STOPPING), (600_001, Phase.STOPPING)]
)
def test_a_pack_is_waited_for_for_ten_minutes(waited_ms: int, phase: Phase) -> None:
    """The way to the tank and back, and the towels; then the request is over."""
    person = pack_waiting()
    person.wait(waited_ms)
    person.tick()

    assert phase is person.state.phase


def test_a_pack_that_is_being_fetched_is_not_without_data() -> None:
    """What was seen of it before is no reading that could grow stale: nothing is on."""
    person = Person(PACK)
    person.arm()
    person.see(Output.OFF)
    person.charted()
    person.wait(5_000)
    person.tick()

    assert (Phase.STARTING, person.state.deadline_ns) == (person.state.phase, wakeup_ns(person.state))


def test_a_check_falls_due_once_and_again_after_its_answer() -> None:
    """By time with output."""
    person = checked("alarm")
    person.serve(5_100)
    due = [one for one in person.effects if isinstance(one, Append) and isinstance(one.draft.data, CheckDue)]
    assert 1 == len(due)

    person.answer("skin_check", "as-expected")
    person.serve(4_000)
    assert 1 == sum(isinstance(one, Append) and isinstance(one.draft.data, CheckDue) for one in person.effects)
    person.serve(1_500)
    assert 2 == sum(isinstance(one, Append) and isinstance(one.draft.data, CheckDue) for one in person.effects)


@pytest.mark.parametrize(
    ("on_late", "phase", "told"),
    [
        ("hold", Phase.PAUSING, ["skin_check_late"]),
        ("pack", Phase.RUNNING, ["take_pack_off"]),
        ("alarm", Phase.RUNNING, ["skin_check_late"]),
    ],
)
def test_what_being_late_does(on_late: str, phase: Phase, told: list[str]) -> None:
    """Held where it can be, called for where it cannot, said where a person only has to be asked."""
    person = checked(on_late)
    person.serve(5_100)
    while person.state.phase is Phase.RUNNING and not alarms(person):
        person.serve(100)

    assert (phase, told) == (person.state.phase, alarms(person))


def test_a_late_check_of_a_pause_holds_nothing_more_and_keeps_the_resume() -> None:
    """Paused by a person while due: late is said, off stays off, and an answer comes first."""
    person = checked()
    person.serve(5_100)
    person.pause()
    person.wait(2_000)
    person.tick()
    assert (Phase.PAUSED, ["skin_check_late"]) == (person.state.phase, alarms(person))
    assert objection(person.state, ev.ResumeAsked(actor="p")) is not None

    person.answer("skin_check", "not-done")
    assert objection(person.state, ev.ResumeAsked(actor="p")) is not None
    person.answer("skin_check", "as-expected")
    assert objection(person.state, ev.ResumeAsked(actor="p")) is None


def test_harm_ends_the_session_whatever_goes_on() -> None:
    """Off first, then the record."""
    person = checked("alarm")
    person.serve(5_100)
    person.answer("skin_check", "white")

    assert (Phase.STOPPING, "skin_check:white") == (person.state.phase, person.state.reason)
    assert ["check_shows_harm"] == alarms(person)


def test_a_pack_is_called_for_at_its_end_and_while_its_check_waits() -> None:
    """Every fifteen seconds, and an answer in the meantime does not silence the end."""
    person = pack_on()
    person.serve(5_200)
    person.stop()
    assert ["take_pack_off"] == alarms(person)

    person.answer("skin_check", "as-expected")
    person.now_ns = wakeup_ns(person.state)
    person.tick()
    assert ["take_pack_off"] * 2 == alarms(person)

    person.feed(said(PackAct.OFF))
    assert wakeup_ns(person.state) - person.now_ns > 60 * NS_PER_S


def test_a_pack_whose_check_was_late_is_not_called_for_after_the_word_that_it_is_off() -> None:
    """The alarm of the late check ends with what it asked for, before any sample says so."""
    person = pack_on()
    person.serve(6_200)
    assert ["take_pack_off"] == alarms(person)

    person.feed(said(PackAct.OFF))

    assert (Phase.STOPPING, NEVER_NS) == (person.state.phase, person.state.remind_ns)


def test_a_pack_that_is_off_is_called_for_no_longer() -> None:
    """Its samples said so, whoever told the driver: the end takes the call back."""
    person = pack_on()
    effects = person.stop()
    assert person.now_ns + 15 * NS_PER_S == person.state.remind_ns
    assert [Alarm(alarm="take_pack_off", priority="high", text="")] == records(effects)

    person.confirm_off()

    assert (Phase.ENDED, NEVER_NS) == (person.state.phase, person.state.remind_ns)


# Warmth

DOSE = Dose(id="dose", quantity="thermal_dose", bound=FULL_THERMAL_DOSE, unit="[ppb]", source="t", mark=Mark.CHOSEN)


def warm(at_ms: int, temp_mdegc: int | None) -> Sample:
    """A sample of skin."""
    values = (("temp_mdegc", temp_mdegc),)
    return Sample(at_ns=at_ms * NS_PER_MS, asked_ns=0, output=Output.ENERGIZED, values=values)


def test_between_two_samples_the_warmer_one_counts_and_a_gap_is_not_free() -> None:
    """45 °C for 290 455 ms is the whole dose, whichever end of the gap it stands at."""
    for first, last in ((45_000, 37_000), (37_000, 45_000)):
        warmth = Warmth().felt(warm(0, first)).felt(warm(1_000, None)).felt(warm(290_456, last))

        assert FULL_THERMAL_DOSE <= warmth.dose <= FULL_THERMAL_DOSE * 1001 // 1000


@pytest.mark.parametrize(("dose", "is_over"), [(FULL_THERMAL_DOSE - 1, False), (FULL_THERMAL_DOSE, True)])
def test_the_whole_dose_is_not_to_be_reached(dose: int, *, is_over: bool) -> None:
    """At the bound it is over; where nothing is bounded nothing is judged."""
    assert is_over is (judge_dose(setup(limits=(DOSE,)), Warmth(dose=dose)) is not None)
    assert judge_dose(ESTIM, Warmth(dose=dose)) is None


# Tanks


@pytest.mark.parametrize(
    ("mdegc", "band"),
    [(64_900, "too_cold"), (65_000, "weak"), (70_900, "weak"), (71_000, "ready"), (74_000, "ready"), (74_100, "hot")],
)
def test_the_band_of_a_tank(mdegc: int, band: str) -> None:
    """Bounds are inclusive; only what closes has a sentence."""
    found = judge(load("eurotherm-3216"), mdegc)

    assert band == found.band
    assert ("" == closed_text("tank-1", found)) is (band != "too_cold")


# Soft findings

SOFT = Combination(
    id="attention",
    quantity="density_ua_cm2",
    bound=150,
    unit="uA/cm2",
    source="t",
    mark=Mark.CHOSEN,
    tier=Tier.SOFT,
)
MEASURED = setup(observed=(("current_ua", ObservedAs.MEASURED),), soft=(SOFT,))
RIDING = Riding(set_level=30_000, goal_level=30_000, level=30_000, commanded_ns=0, acked_ns=0)


def touch(load_ohm: int | None, current_ua: int | None, contact: Contact = Contact.GOOD) -> Sample:
    """A sample of electrodes."""
    values = (("load_ohm", load_ohm), ("current_ua", current_ua))
    return Sample(at_ns=0, asked_ns=0, output=Output.ENERGIZED, values=values, contact=contact)


def test_a_load_that_doubles_is_half_the_area() -> None:
    """Counted against the least of the session; back to it, the finding goes."""
    whole = feel(MEASURED, RIDING, touch(1_000, 30_000), Felt(), NS_PER_S)
    half = feel(MEASURED, RIDING, touch(2_000, 30_000), whole, NS_PER_S)
    back = feel(MEASURED, RIDING, touch(1_000, 30_000), half, NS_PER_S)

    assert (False, True, False) == (whole.holds_raise, half.holds_raise, back.holds_raise)
    assert ("electrode_lifting",) == alarms_of(whole, half)
    assert "partly off" in hold_text(half)
    assert ("", ()) == (hold_text(back), alarms_of(half, back))


def test_a_unit_that_does_not_say_is_no_finding_and_no_level_reached() -> None:
    """No load, no measured current: nothing is held, and nothing is counted as reached."""
    felt = feel(MEASURED, RIDING, touch(None, None), Felt(), NS_PER_S)

    assert (False, None) == (felt.holds_raise, felt.reached)


def test_an_output_that_does_not_follow_is_held_and_not_counted() -> None:
    """The unit's own word, with less than was commanded."""
    followed = feel(MEASURED, RIDING, touch(1_000, 30_000), Felt(), NS_PER_S)
    more = msgspec.structs.replace(RIDING, level=31_000)
    limited = feel(MEASURED, more, touch(1_000, 29_000, Contact.POOR), followed, NS_PER_S)

    assert (30_000, 30_000) == (followed.reached, limited.reached)
    assert ("output_does_not_follow",) == alarms_of(followed, limited)
    assert "31000 commanded, 29000 measured" in hold_text(limited)


def test_what_was_asked_before_the_command_says_nothing_of_it() -> None:
    """An answer on its way is no finding."""
    fresh = msgspec.structs.replace(RIDING, acked_ns=5)

    assert Felt(least_load_ohm=1_000) == feel(MEASURED, fresh, touch(1_000, 1), Felt(), NS_PER_S)
