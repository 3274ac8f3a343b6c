"""What every simulated model has to keep, whatever it speaks: its driver, its profile and its simulator together.

A model is tried here as soon as the catalogue has it. What one cannot keep is an ``[[exemption]]`` of its profile with
the test's name (without ``test_``) and the reason; the test then has to fail, so that exemptions only shrink.
"""

import contextlib
import copy
import functools
import itertools

import pytest

from devices.bench import FAULTS, Group
from devices.model import NS_PER_MS, Ack, AckOf, Fault, Identity, LinkFault, Off, Output, Sample
from devices.profile import load
from devices.registry import driver_for
from devices.sim.catalog import SIMULATED
from devices.sim.faults import CannotFail
from modctl.controller.certify import CHECKS, certify
from modctl.controller.certify_report import Verdict
from modctl.controller.tryout import UNIT, least
from modctl.engine.effects import Command
from modctl.engine.events import StopAsked
from modctl.engine.machine import Phase
from modctl.engine.port import FrameHeld
from modctl.engine.unit import UnitStatus
from protocols.errors import LocalProtocolError
from protocols.inspect import Energize, Query, Unknown
from protocols.inspect import Off as OffFrame
from tests.conformance.promises import LIES, exempted, stop_bound_ms
from tests.conformance.virtual_line import RUN_MS, LinkKind, Rig, links_of, ramp, simulated
from tests.conformance.virtual_table import DURATION_S, ModelTable, parameters_of, running

WIRED = [*simulated("switched"), *simulated("monitored")]
SWITCHED = simulated("switched")
BY_HAND = simulated("by hand")
MONITORED = simulated("monitored")
every_model = pytest.mark.parametrize("model", SIMULATED)
switched = pytest.mark.parametrize("model", SWITCHED)
each_line = pytest.mark.parametrize(
    ("model", "link"), [(model, link) for model in SWITCHED for link in links_of(model)]
)


@pytest.fixture(autouse=True)
def _exemption(request: pytest.FixtureRequest) -> None:
    """A test that the model's profile names is expected to fail."""
    if "model" not in request.fixturenames:
        return
    check = request.function.__name__.removeprefix("test_")
    fault = f":{request.getfixturevalue('fault')}" if "fault" in request.fixturenames else ""
    reason = next(
        (why for name, why in exempted(request.getfixturevalue("model")).items() if name in (check, check + fault)),
        None,
    )
    if reason is not None:
        request.applymarker(pytest.mark.xfail(reason=reason, strict=True))


@functools.cache
def _energized(model: str, link: LinkKind | None) -> Rig:
    rig = Rig(model, link)
    rig.energize()
    return rig


def energized(model: str, link: LinkKind | None = None) -> Rig:
    """A unit that puts out a level above rest under a renewed permit; the way there is gone once."""
    return copy.deepcopy(_energized(model, link))


# Who it is, and what its profile promises


@every_model
def test_an_exemption_names_a_check_of_this_suite(model: str) -> None:
    """One that names nothing would exempt nothing, and nobody would know."""
    known = {name.removeprefix("test_") for name in globals() if name.startswith("test_")}
    named = {check.partition(":")[0] for check in exempted(model)}
    faults = {fault for check in exempted(model) for _, colon, fault in [check.partition(":")] if colon}

    assert set() == named - known
    assert set() == faults - set(FAULTS)


@every_model
def test_the_unit_says_who_it_is(model: str) -> None:
    """Identity comes before anything else that is asked; what is never asked is believed from its entry."""
    rig = Rig(model)
    rig.run(2_000)
    identities = rig.told(Identity)

    assert [model] == [identity.model for identity in identities]
    assert identities[0].at_ns <= rig.told(Sample)[0].at_ns
    assert [] == [one for one in rig.news if isinstance(one, FrameHeld)]


@each_line
def test_it_keeps_what_its_profile_says(model: str, link: LinkKind) -> None:
    """The same checks that a gateway's builder runs on a real line."""
    checked = {one.check: one for one in certify(Rig(model, link))}

    assert list(CHECKS) == list(checked)
    assert [] == [one for one in checked.values() if one.verdict not in (Verdict.PASSED, Verdict.NOT_PROMISED)]
    assert Verdict.PASSED is checked["off"].verdict


# Words


@each_line
def test_every_frame_is_of_the_whitelist(model: str, link: LinkKind) -> None:
    """Judged by the frames and not by the driver's word: nothing unknown, and without a permit questions and Off."""
    rig = Rig(model, link)
    rig.port.order(Command(unit=UNIT, setpoint=least(rig.profile), run_ms=RUN_MS), rig.now_ns)
    rig.run(3_000)
    rig.stop()
    rig.run(rig.profile.off.deadline_ms)
    rig.energize()
    rig.stop()
    rig.run(rig.profile.off.deadline_ms)
    without = [one.kind for one in rig.written if not one.permitted]

    assert [] == [one for one in rig.news if isinstance(one, FrameHeld)]
    assert [] == [one.frame for one in rig.written if isinstance(one.kind, Unknown)]
    assert [] == [kind for kind in without if kind not in (OffFrame(), Query(feeds_lease=False))]
    assert any(isinstance(one.kind, Energize) for one in rig.written)


@each_line
def test_off_comes_first_from_every_moment(model: str, link: LinkKind) -> None:
    """Whatever is under way: the next frame is Off, it is true within the budget and confirmed within the deadline."""
    off = load(model).off
    late = []
    for phase_ms in range(0, 200, 13):
        rig = energized(model, link)
        if phase_ms % 2:
            rig.permit(ramp(rig.profile)[0], RUN_MS)
        rig.run(phase_ms)
        written, stopped_ns = len(rig.written), rig.now_ns
        is_confirmed = rig.is_off(off.deadline_ms)
        true_ms = (rig.truth().changed_at_mono_ns - stopped_ns) // NS_PER_MS

        assert isinstance(rig.written[written].kind, OffFrame), phase_ms
        assert is_confirmed, phase_ms
        assert not rig.truth().energized
        if true_ms > off.budget_ms:
            late.append((phase_ms, true_ms))

    assert [] == late


@each_line
def test_off_waits_for_no_answer(model: str, link: LinkKind) -> None:
    """The unit is deaf and a question is under way: Off is written long before its time is over, and again."""
    rig = energized(model, link)
    assert rig.run(2_000, rig.driver.is_waiting), "the scenery of a test, not the test"
    rig.inject("silence")
    stopped_ns, written = rig.now_ns, len(rig.written)
    rig.stop()
    reply_ms = rig.profile.liveness.reply_ms
    rig.run(10 * reply_ms)
    offs = [one.at_ns for one in rig.written[written:] if isinstance(one.kind, OffFrame)]

    assert offs[0] - stopped_ns < reply_ms * NS_PER_MS * 2 // 3
    assert isinstance(rig.written[written].kind, OffFrame)
    assert len(offs) > 2


@switched
def test_off_goes_before_identification(model: str) -> None:
    """A port that opens on a unit which is on must be able to stop it first."""
    rig = Rig(model)
    rig.port.order(Command(unit=UNIT, setpoint=Off()), rig.now_ns)
    rig.run(load(model).off.deadline_ms)

    assert isinstance(rig.written[0].kind, OffFrame)
    assert rig.told(Ack)
    assert rig.told(Identity)


@switched
def test_last_words_stop_the_unit(model: str) -> None:
    """The guard knows nothing but these bytes, and nobody listens to the answer."""
    rig = energized(model)
    rig.forsake()
    rig.end()
    rig.say_nothing(rig.profile.off.budget_ms)

    assert not rig.truth().energized


@pytest.mark.parametrize("model", [model for model in SWITCHED if load(model).liveness.lease_ms])
def test_polls_feed_no_lease(model: str) -> None:
    """Questions go on without a permit, and the unit goes off by itself as if nobody were there."""
    rig = energized(model)
    live, off = rig.profile.liveness, rig.profile.off
    rig.forsake()
    since_ns = rig.now_ns
    rig.only_ask(live.lease_ms + off.budget_ms)

    assert not rig.truth().energized
    assert {Query(feeds_lease=False)} >= {one.kind for one in rig.written if one.at_ns >= since_ns}


# What must not be believed


@switched
@pytest.mark.parametrize("fault", ["delay", "late-reply", "foreign"])
def test_what_is_not_the_answer_in_its_time_is_never_believed(model: str, fault: str) -> None:
    """Nothing is confirmed by what was asked before, nor by what somebody else says; off is off all the same."""
    rig = energized(model)
    reply_ms = rig.profile.liveness.reply_ms
    rig.inject(fault, **{"delay": {"ms": reply_ms * 3 // 2}, "late-reply": {"count": 9_999}}.get(fault, {}))
    rig.run(3 * reply_ms)
    since_ns = rig.now_ns
    rig.stop()
    rig.run(rig.profile.off.budget_ms + 10 * reply_ms)

    # What a unit says unasked (its sample was asked for when it came) answers nothing.
    assert [] == [sample for sample in rig.told(Sample, since_ns) if sample.asked_ns != sample.at_ns]
    assert [] == [ack for ack in rig.told(Ack, since_ns) if ack.of is not AckOf.OFF]  # the first Off's, for the second
    assert not rig.truth().energized


@switched
@pytest.mark.parametrize("fault", ["duplicate", "two-answer", "reorder"])
def test_what_comes_twice_counts_once(model: str, fault: str) -> None:
    """No two samples from one question, and one stop is acknowledged once."""
    rig = energized(model)
    rig.run(rig.profile.liveness.reply_ms)
    rig.inject(fault, **({} if fault == "two-answer" else {"permille": 1000}))
    injected_ns = rig.now_ns
    rig.run(500)
    since_ns = rig.now_ns
    offs = len(rig.written)
    rig.stop()
    rig.run(rig.profile.off.deadline_ms)
    asked = [sample.asked_ns for sample in rig.told(Sample, injected_ns)]
    acks = [ack for ack in rig.told(Ack, since_ns) if ack.of is AckOf.OFF]
    stops = [one for one in rig.written[offs:] if isinstance(one.kind, OffFrame)]

    assert all(earlier < later for earlier, later in itertools.pairwise(asked))
    assert len(acks) <= len(stops)
    assert not rig.truth().energized


@pytest.mark.parametrize("model", [model for model in WIRED if load(model).device.tells_identity])
def test_another_unit_is_refused(model: str) -> None:
    """Whatever other unit stands behind the line, or another serial number than the entry's: no session, and why."""
    found = ModelTable(model).world.state.units[model]
    tables = [ModelTable(model, behind=other) for other in WIRED if other != model and _could_be_plugged(model, other)]
    if found.identity is not None and found.identity.serial:
        tables.append(ModelTable(model, serial="not-this-one"))

    assert UnitStatus.READY is found.status
    assert tables
    for table in tables:
        unit = table.world.state.units[model]
        session = table.ask(model, "conformance")

        assert unit.status in (UnitStatus.MISMATCH, UnitStatus.MISSING)
        assert table.kinds(session)[-1] == "session.ended"
        assert not table.truth(model).energized or table.truth(model).model in MONITORED


def _could_be_plugged(model: str, other: str) -> bool:
    """Serial lines into serial lines, sockets to sockets."""
    return load(model).link.kind == load(other).link.kind


# A session


@switched
def test_a_session_runs_to_its_end(model: str) -> None:
    """Ramp, time, off, confirmed: completed, with the time that was planned."""
    table = ModelTable(model)
    session = table.start(model, "conformance", DURATION_S)
    ended = table.run_to_end(session, DURATION_S * 4)

    assert ("session.ended", "completed") == (ended["kind"], ended["outcome"])
    assert not table.truth(model).energized


@switched
def test_a_reset_is_noticed(model: str) -> None:
    """After a brown-out in the middle the session has failed, the unit is latched, and nothing comes back by itself."""
    table, session = running(model)
    table.inject(model, "reboot")
    table.run_s(8)

    assert table.state(session).phase in (Phase.ENDED, Phase.UNCONFIRMED)
    assert table.state(session).outcome in ("faulted", "unconfirmed")
    assert UnitStatus.LATCHED is table.world.state.units[model].status
    assert not table.truth(model).energized


@switched
def test_a_reset_drops_what_was_commanded(model: str) -> None:
    """The driver says that the unit is not what it was, and writes no level again by itself."""
    rig = energized(model)
    rig.inject("reboot")
    since_ns = rig.now_ns
    rig.run(5_000)
    samples = rig.told(Sample, since_ns)
    said = {fault.fault for fault in rig.faults(since_ns)} & {Fault.REBOOTED, Fault.HALTED}

    assert said or (samples[-1].output is Output.OFF and all(sample.boot is None for sample in samples))
    assert [] == [one for one in rig.written if one.at_ns > since_ns and isinstance(one.kind, Energize)]
    assert not rig.truth().energized


@switched
def test_every_fault_ends_off_or_unconfirmed(model: str) -> None:
    """Off in truth within the stop's time, or *unconfirmed* with the alarm; never a stop that is none."""
    found = {fault: _came_to(model, fault) for fault in FAULTS}
    tried = [fault for fault, what in found.items() if what is not None]
    bad = {fault for fault, what in found.items() if what}
    exempt = {check.partition(":")[2] for check in exempted(model) if check.startswith("every_fault_ends_off")}

    assert len(tried) > sum(spec.group is Group.WIRE for spec in FAULTS.values()) / 2
    assert [] == [f"{fault}: {found[fault]}" for fault in sorted(bad - exempt)]
    assert set() == exempt - {""} - bad, "exempt, and passes all the same"


def _came_to(model: str, fault: str) -> str | None:
    """What is wrong with how a session with this fault ended; empty: nothing; None: the model cannot have it."""
    table, session = running(model)
    profile = table.profile
    try:
        table.inject(model, fault, **parameters_of(fault, profile))
    except CannotFail:
        return None
    table.run_while(session, Phase.RUNNING, 3)
    stopped_ns = table.now_ns
    table.tell(session, StopAsked(actor="therapist", source="test", fast=True))
    table.run_while(session, Phase.STOPPING, 60)
    if not table.is_over(session):
        return f"not over: {table.state(session).phase}"
    outcome, bound_ms = table.state(session).outcome, stop_bound_ms(profile, fault)
    if outcome == "unconfirmed":
        return "" if "alarm" in table.kinds(session) else "unconfirmed without an alarm"
    if table.truth(model).energized and fault not in LIES:
        return f"{outcome} ({table.state(session).reason}), and energized in truth"
    table.world.run_until(stopped_ns + bound_ms * NS_PER_MS)
    truth = table.truth(model)
    if truth.energized:
        return f"{outcome} ({table.state(session).reason}), and energized in truth {bound_ms} ms after the stop"
    after_ms = (truth.changed_at_mono_ns - stopped_ns) // NS_PER_MS
    return "" if after_ms <= bound_ms else f"off {after_ms} ms after the stop, not {bound_ms}"


@switched
def test_bounds_are_kept_to_the_step(model: str) -> None:
    """One step outside the unit's own range is refused before anything is sent, for every parameter and both ends."""
    table = ModelTable(model)
    wrong = []
    for spec in table.profile.parameter:
        for value in (spec.min - spec.step, spec.max + spec.step):
            session = table.ask(model, "conformance", DURATION_S, **{spec.name: value})
            if "session.refused" not in table.kinds(session):
                wrong.append((spec.name, value))

    assert [] == wrong
    assert "session.refused" not in table.kinds(table.ask(model, "conformance", DURATION_S))


# The line


@switched
def test_any_split_of_the_bytes_is_the_same(model: str) -> None:
    """Adapters deliver bytes in portions: one at a time makes the same events."""
    heard = []
    for split in (None, 1):
        rig = Rig(model, split=split)
        rig.energize()
        rig.is_off(rig.profile.off.deadline_ms)
        heard.append([news for news in rig.news if not isinstance(news, LinkFault)])

    assert heard[0] == heard[1]


@switched
def test_the_same_seed_gives_the_same_run(model: str) -> None:
    """A fault that was seen once can be looked at again."""
    runs = []
    for _ in range(2):
        rig = energized(model)
        rig.inject("corrupt", permille=300)
        rig.run(1_500)
        runs.append((rig.news, [one.frame for one in rig.written]))

    assert runs[0] == runs[1]


# What no session switches


@pytest.mark.parametrize("model", MONITORED)
def test_monitored_equipment_is_only_asked(model: str) -> None:
    """A tank or bath is never started or stopped: whatever is commanded, nothing but questions goes out."""
    rig = Rig(model)
    rig.run(3_000)
    samples = rig.told(Sample)
    with contextlib.suppress(LocalProtocolError):
        rig.permit(least(rig.profile), RUN_MS)
    rig.run(2_000)
    rig.stop()
    rig.run(2_000)

    assert samples
    assert {Query(feeds_lease=False)} == {one.kind for one in rig.written}


@pytest.mark.parametrize("model", BY_HAND)
def test_nothing_is_written_to_what_has_no_wire(model: str) -> None:
    """What only a person can take off is not off because somebody asked for it."""
    rig = Rig(model)
    rig.run(2_000)
    rig.permit(least(rig.profile))
    rig.run(2_000)
    is_confirmed = rig.is_off(5_000)

    assert not is_confirmed
    assert Output.ENERGIZED is rig.told(Sample)[-1].output
    assert ([], b"") == (rig.written, driver_for(rig.profile).last_words())
