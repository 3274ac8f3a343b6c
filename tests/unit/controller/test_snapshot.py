"""What the screens are shown: nothing that is not known, nobody who should not be seen."""

import msgspec
import pytest

from devices.model import NS_PER_MS, NS_PER_S, Accessory, AccessoryKind, Contact, MonoNs, Output, Sample
from devices.profile import load
from modctl.controller.snapshot import Card, Site, shown_output, take_snapshot, unit_detail, unit_rows
from modctl.engine.events import HostStalled, StopAsked
from modctl.engine.machine import Phase
from modctl.engine.state import CoreState, SessionRun
from modctl.engine.unit import UnitConfig, UnitState
from modctl.ipc.fitting import snapshot_line
from modctl.ipc.hands import AlarmView
from modctl.ipc.messages import MAX_LINE_BYTES, GateView, SessionView, Snapshot
from tests.unit.engine.made import ESTIM, Person, calibrated

PROFILE = load("hasomed-p24")
GATES = tuple(
    GateView(gate=gate, title=gate, text=f"{gate}: Zzcanary", answers=(), closes=())
    for gate in ("pain_before", "confirm", "pain_after", "sign")
)
CARD = Card(patient_name="Zzcanary Test", title="A preset", gates=GATES)


def taken(person: Person, unit: UnitState | None = None, *, with_patients: bool = True) -> Snapshot:
    """A snapshot of one session now."""
    if unit is None:
        unit = UnitState(config=UnitConfig(name="u1", profile=PROFILE, address="line"), line_open=True, session="s1")
        unit = msgspec.structs.replace(unit, sample=person.state.sample)
    core = CoreState(simulated=True, units={"u1": unit}, sessions={"s1": SessionRun(state=person.state)})
    alarms = (AlarmView(alarm="contact_lost", priority="medium", text="", since_mono_ns=1),)
    site = Site(name="clinic", simulated=True, cards={"s1": CARD}, alarms={"s1": alarms})
    return take_snapshot(core, site, 7, person.now_ns, with_patients=with_patients)


def view(person: Person, *, with_patients: bool = True) -> SessionView:
    """The session of that snapshot."""
    (found,) = taken(person, with_patients=with_patients).sessions
    return found


def alarms_read(person: Person) -> str:
    """What stands on the screen when the machine stalled, and what came of it."""
    alarms = tuple(
        AlarmView(alarm=word, priority="high", text="", since_mono_ns=1)
        for word in ("host_stalled", *(["off_not_confirmed"] if person.state.phase is Phase.UNCONFIRMED else []))
    )
    core = CoreState(
        simulated=True,
        units={"u1": UnitState(config=UnitConfig(name="u1", profile=PROFILE, address="line"))},
        sessions={"s1": SessionRun(state=person.state)},
    )
    site = Site(name="clinic", simulated=True, cards={}, alarms={"s1": alarms})
    (shown,) = take_snapshot(core, site, 7, person.now_ns, with_patients=True).sessions
    return " ".join(alarm.text for alarm in shown.alarms)


@pytest.mark.parametrize(
    ("age_ms", "shown"),
    [(0, Output.OFF), (1_500, Output.OFF), (1_501, Output.UNKNOWN), (60_000, Output.UNKNOWN)],
)
def test_an_old_sample_is_unknown_and_never_off(age_ms: int, shown: Output) -> None:
    """At rest a unit is sampled at its idle pace, 500 ms here: three of them, then nobody knows."""
    sample = Sample(at_ns=1_000, asked_ns=1_000, output=Output.OFF)
    unit = UnitState(config=UnitConfig(name="u", profile=PROFILE, address=""), line_open=True, sample=sample)

    assert shown is shown_output(unit, MonoNs(1_000 + age_ms * NS_PER_MS))


def test_a_line_that_is_gone_is_unknown() -> None:
    """The last good word of a unit that cannot be heard any more says nothing about now."""
    sample = Sample(at_ns=1_000, asked_ns=1_000, output=Output.OFF)
    unit = UnitState(config=UnitConfig(name="u", profile=PROFILE, address=""), line_open=False, sample=sample)

    assert Output.UNKNOWN is shown_output(unit, MonoNs(1_000))


def test_what_a_unit_does_not_measure_is_not_shown_as_measured() -> None:
    """The commanded current of a unit that reads none back must not appear as a reading (decision 8 of the house)."""
    person = Person()
    person.run()
    person.see(Output.ENERGIZED, current_ua=500)
    shown = view(person)

    assert shown.measured is None
    assert person.state.riding.level == shown.commanded


def test_a_screen_is_told_which_sessions_it_attends() -> None:
    """What F12 stops is what the asking connection attends, not what anybody does."""
    person = Person()
    core = CoreState(
        simulated=True,
        units={"u1": UnitState(config=UnitConfig(name="u1", profile=PROFILE, address="line"))},
        sessions={"s1": SessionRun(state=person.state, partner="s2")},
    )
    site = Site(name="clinic", simulated=True, cards={}, alarms={})
    shown = [take_snapshot(core, site, 7, person.now_ns, with_patients=True, mine=mine) for mine in ((), ("s1",))]

    assert [False, True] == [one.sessions[0].attended_by_me for one in shown]
    assert "s2" == shown[0].sessions[0].partner


def test_what_is_not_over_stays_on_every_screen_however_many_came_later() -> None:
    """One of twenty units is energized and was the first: without it nobody has its stop key, nor its alarms."""
    going, ended = Person(), Person()
    going.run()
    ended.run()
    ended.feed(StopAsked(actor="therapist", source="screen"))
    ended.ack_off()
    ended.see(Output.OFF)
    ended.see(Output.OFF)
    assert Phase.ENDED is ended.state.phase, "the scenery of a test, not the test"
    unit = UnitState(config=UnitConfig(name="u1", profile=PROFILE, address="line"))
    runs = {f"s{number}": SessionRun(state=ended.state if number else going.state) for number in range(20)}
    core = CoreState(simulated=True, units={"u1": unit}, sessions=runs)
    site = Site(name="clinic", simulated=True, cards={}, alarms={})
    phases = [one.phase for one in take_snapshot(core, site, 7, ended.now_ns, with_patients=True).sessions]

    assert 1 == phases.count(Phase.RUNNING)


def test_after_the_end_nothing_is_being_switched_off_any_more() -> None:
    """It is off, or nobody knows and the unit's own words say what to do; both together would be read as neither."""
    person = Person()
    person.run()
    running = alarms_read(person)
    person.feed(HostStalled(by_ms=400))
    person.ack_off()
    person.see(Output.OFF)
    person.see(Output.OFF)
    ended = alarms_read(person)
    doubtful = Person()
    doubtful.run()
    doubtful.feed(HostStalled(by_ms=400))
    doubtful.wait(5_000)
    doubtful.tick()
    unconfirmed = alarms_read(doubtful)

    assert "The output is being switched off." in running
    assert "The output is off and stays off." in ended
    for told in (ended, unconfirmed):
        assert "being switched off" not in told
    assert "Take the electrodes off the patient, or pull the electrode lead out of the unit" in unconfirmed
    assert "head" not in unconfirmed, "there is none on this unit"


def test_who_may_not_see_patients_sees_no_name_no_reference_and_no_question() -> None:
    """The questions read the patient's name back, so they are patient data too."""
    person = Person()
    mine, theirs = view(person), view(person, with_patients=False)

    assert ("Zzcanary Test", "p1") == (mine.patient_name, mine.patient)
    assert b"Zzcanary" not in msgspec.json.encode(theirs)
    assert "" == theirs.patient


def test_only_the_open_question_carries_its_text() -> None:
    """Eight sessions with all their questions have to fit one line of the socket."""
    person = Person()
    person.answer("pain_before", "4")
    shown = view(person)

    assert "confirm" == shown.gate
    assert ["4", None, None, None] == [gate.answered for gate in shown.gates]
    assert ["confirm"] == [gate.gate for gate in shown.gates if gate.text]


def test_time_goes_on_between_samples() -> None:
    """The countdown of a running session moves ten times a second, not once a sample."""
    person = Person()
    person.run()
    before = view(person).delivered_ms
    person.wait(70)

    assert before + 70 == view(person).delivered_ms


def test_a_session_that_is_over_shows_no_level_and_what_is_still_to_be_answered() -> None:
    """After the end nothing is commanded; the questions after it are open until they are answered."""
    person = Person()
    person.run()
    person.serve(1_000)
    person.stop()
    person.confirm_off()
    ended = view(person)
    person.answer("pain_after", "2")
    person.answer("sign", "signed")
    closed = view(person)

    assert ("ended", None, "pain_after", False) == (ended.phase, ended.commanded, ended.gate, ended.closed)
    assert (None, True) == (closed.gate, closed.closed)


def test_the_contact_alarm_stands_only_while_contact_is_lost() -> None:
    """An alarm that stays after its cause has gone teaches people to ignore alarms."""
    person = Person()
    person.run()
    running = view(person)
    person.see(Output.ENERGIZED, contact=Contact.OPEN)
    lost = view(person)

    assert () == running.alarms
    assert ["contact_lost"] == [alarm.alarm for alarm in lost.alarms]


def test_a_snapshot_of_a_full_house_fits_a_line() -> None:
    """More sessions than tables, each with its questions and limits: still one line of 64 KiB."""
    person = Person()
    person.run()
    unit = UnitState(config=UnitConfig(name="u1", profile=PROFILE, address="line"), line_open=True, session="s1")
    sessions = {f"s{number}": SessionRun(state=person.state) for number in range(40)}
    core = CoreState(simulated=True, units={"u1": unit}, sessions=sessions)
    long = tuple(msgspec.structs.replace(gate, text="x" * 800) for gate in GATES * 3)
    site = Site(name="c", simulated=True, cards={"s1": msgspec.structs.replace(CARD, gates=long)}, alarms={})
    snapshot = take_snapshot(core, site, 1, 20 * NS_PER_S, with_patients=True)

    assert 0 < len(snapshot_line(snapshot)) <= MAX_LINE_BYTES
    assert ESTIM.session == "s1"


def test_a_session_names_whose_it_is_also_after_it_was_handed_over() -> None:
    """The screens offer to take over what is somebody else's, and nothing else."""
    person = Person(ESTIM)
    core = CoreState(simulated=True, units={}, sessions={})
    unit = UnitState(config=UnitConfig(name="u1", profile=PROFILE, address="line"), line_open=True, session="s1")
    core = msgspec.structs.replace(core, units={"u1": unit}, sessions={"s1": SessionRun(state=person.state)})
    site = Site(name="clinic", simulated=True, cards={}, alarms={}, lock_after_s=300)
    handed = msgspec.structs.replace(site, hands={"s1": "kim"})
    shown = [take_snapshot(core, one, 7, person.now_ns, with_patients=True) for one in (site, handed)]

    assert [person.state.actor, "kim"] == [one.sessions[0].person for one in shown]
    assert [300, 300] == [one.lock_after_s for one in shown]


def test_a_technician_sees_the_questions_of_a_bench_run() -> None:
    """There is no patient in them, and nobody else may answer them."""
    setup = msgspec.structs.replace(ESTIM, started=msgspec.structs.replace(ESTIM.started, load="500 ohm", patient=""))
    shown = view(Person(setup), with_patients=False)

    assert ("500 ohm", "") == (shown.load, shown.patient)
    assert any(gate.text for gate in shown.gates)


def test_a_unit_is_listed_with_what_its_calibrations_say_today() -> None:
    """The date is where nobody has to look for it: beside the unit and beside each head."""
    checked = calibrated()
    head = Accessory(kind=AccessoryKind.HEAD, serial="A", era_mm2=480)
    config = UnitConfig(name="u1", profile=PROFILE, address="", accessories=(head,))
    unit = UnitState(config=config, checks=(checked,), accessory="A")
    core = CoreState(simulated=True, units={"u1": unit}, sessions={})
    (today,), (tomorrow,) = unit_rows(core, 1, "2026-11-23"), unit_rows(core, 1, "2026-11-24")

    assert ("valid", "2026-11-23", "A") == (today.calibration, today.due, today.head)
    assert "overdue" == tomorrow.calibration
    assert [("head", "A", "never", "", 480)] == [
        (one.kind, one.serial, one.calibration, one.due, one.era_mm2) for one in today.heads
    ]


def test_a_look_at_a_unit_says_how_old_it_is() -> None:
    """A number without its age could be yesterday's."""
    config = UnitConfig(name="u1", profile=PROFILE, address="")
    silent = unit_detail(UnitState(config=config), MonoNs(1))
    sample = Sample(at_ns=NS_PER_S, asked_ns=NS_PER_S, output=Output.OFF, values=(("current_ua", 0),), counter=7)
    seen = UnitState(config=config, line_open=True, sample=sample, link_faults=(("late", 2),))
    told = unit_detail(seen, MonoNs(NS_PER_S + 300 * NS_PER_MS))

    assert (None, "unknown", ()) == (silent.age_ms, silent.output, silent.values)
    assert (300, "off", (("current_ua", 0),), 7, (("late", 2),)) == (
        told.age_ms,
        told.output,
        told.values,
        told.counter,
        told.link_faults,
    )
