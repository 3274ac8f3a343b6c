"""Quick checks on whole sessions: the real engine, gate, driver and simulated unit, in virtual time.

Each function is one row of the hazard table, named after it. It returns what it saw; it never raises for a finding.
"""

from devices.model import NS_PER_MS, NS_PER_S, Ack, AckOf, Direction, LinkFault, Output, Sample
from devices.model import Fault as LineFault
from modctl.engine import core_events as ce
from modctl.engine import events as ev
from modctl.engine.machine import Phase
from modctl.engine.phases import OVER, SessionState
from modctl.engine.session import session_step
from modctl.engine.unit import UnitStatus
from modctl.virtual.bench import Room, Seen

P24, TENS = "hasomed-p24", "hip-post-tha-tens"
SOUND, MHZ = "reference-ultrasound", "hip-oa-ultrasound-1mhz"
PULL, TRACTION = "reference-traction", "hip-traction-intermittent"
STOP_BUDGET_MS = 300  # the profiles' own budget for an off by command
PLANNED_MS = range(19_800, 20_501)  # 20 s of treatment, seen every 20 ms, with two ramps' ends and an exchange each
MOST_A_SECOND_UA = 1_500  # a second's worth of raise and one step that was under way
RUNNING_S = 8  # two seconds until the session begins, and six of it


def _running(model: str, preset: str, duration: str = "60s", **asked: int) -> Room:
    room = Room(model, preset, duration, "2s", **asked)
    room.run_s(RUNNING_S)
    return room


def _off_within(room: Room, seconds: float) -> Seen:
    was_on = room.truth.energized
    on_ms = room.watch_s(seconds, step_ms=10)
    off = not room.truth.energized
    said = f"off after {on_ms} ms" if off else f"still on after {on_ms} ms"
    return Seen(passed=was_on and off, saw=said if was_on else "never on")


def _state(room: Room) -> SessionState:
    if room.state is None:
        raise LookupError("the session was refused")
    return room.state


def h03() -> Seen:
    """A pad is lifted and falls back: no current until a person resumes."""
    room = Room(P24, TENS, current_ua=20_000)
    room.run_s(23)
    was_on = room.truth.energized
    room.inject("contact-loss")
    room.run_s(1)
    paused = room.phase is Phase.PAUSED
    room.clear()
    on_ms = room.watch_s(10, step_ms=500)
    return Seen(passed=was_on and paused and on_ms == 0, saw=f"session {room.phase}, {on_ms} ms of output after it")


def h04() -> Seen:
    """Ten presses of up while the head is in the air; then it is back."""
    room = _running(SOUND, MHZ)
    before, was_on = room.truth.output, room.truth.energized
    room.inject("contact-loss")
    room.run_s(1)
    for _ in range(10):
        room.ride(Direction.UP)
        room.run_s(0.3)
    room.clear()
    room.run_s(1)
    after = room.truth.output
    return Seen(passed=after <= before and was_on, saw=f"{before} {room.truth.unit} before, {after} after")


def h05() -> Seen:
    """Three Offs have no effect; then none has: off is confirmed, then it is said that it is not."""
    some = _running(P24, TENS)
    some.inject("ignore-stop", count=3)
    some.stop()
    first = some.run_to_end(10)
    every = _running(P24, TENS)
    every.inject("ignore-stop")
    every.stop()
    second = every.run_to_end(10)
    outcomes = ["none" if ended is None else str(ended.outcome) for ended in (first, second)]
    passed = outcomes == ["stopped", "unconfirmed"] and not some.truth.energized
    return Seen(passed=passed, saw=f"3 Offs lost: {outcomes[0]}; all lost: {outcomes[1]}")


def h07() -> Seen:
    """Twenty seconds of treatment with a pause of six in the middle."""
    room = Room(SOUND, MHZ, "20s")
    on_ms = room.watch_s(10)
    room.tell(ev.PauseAsked(actor="therapist"))
    on_ms += room.watch_s(6)
    room.tell(ev.ResumeAsked(actor="therapist"))
    on_ms += room.watch_s(20)
    return Seen(passed=on_ms in PLANNED_MS, saw=f"{on_ms} ms of 20000 ms on")


def h09() -> Seen:
    """The screen that attends the session freezes."""
    room = _running(P24, TENS)
    room.post(ce.ScreenLost(session=_state(room).setup.session, why="no beat"))
    return _off_within(room, STOP_BUDGET_MS / 1000)


def h10() -> Seen:
    """The terminal is gone."""
    room = _running(SOUND, MHZ)
    room.post(ce.ScreenLost(session=_state(room).setup.session, why="closed"))
    return _off_within(room, STOP_BUDGET_MS / 1000)


def h11() -> Seen:
    """The plug is pulled: the end comes at once, is not called off, and the unit ends by its own lease."""
    room = _running(P24, TENS)
    room.inject("disconnect")
    room.run_s(0.1)
    at_once = room.phase
    ended = room.run_to_end(10)
    room.run_s(2)
    outcome = "none" if ended is None else f"{ended.outcome} ({ended.reason})"
    passed = at_once is Phase.STOPPING and outcome == "unconfirmed (line_lost)" and not room.truth.energized
    return Seen(passed=passed, saw=f"{at_once} after 100 ms, then {outcome}")


def h12() -> Seen:
    """Frames get to the unit, answers do not come back."""
    room = _running(P24, TENS)
    room.inject("half-open-tx")
    return _off_within(room, 1.2)


def h13() -> Seen:
    """Answers come, nothing that is said arrives: an alarm within two and a half seconds."""
    room = _running(P24, TENS)
    room.inject("half-open-rx")
    room.run_s(2.5)
    return Seen(passed=room.alarms == ("no_data", "off_not_confirmed"), saw=f"alarms: {', '.join(room.alarms)}")


def h15() -> Seen:
    """The unit restarts in the middle of a session."""
    room = _running(SOUND, MHZ)
    room.inject("reboot")
    ended = room.run_to_end(5)
    on_ms = room.watch_s(10, step_ms=500)
    outcome = "none" if ended is None else str(ended.outcome)
    latched = room.unit.status is UnitStatus.LATCHED
    return Seen(passed=outcome == "faulted" and latched and on_ms == 0, saw=f"{outcome}, unit {room.unit.status}")


def h16() -> Seen:
    """Two samples that say off, asked before the stop was acknowledged; then two asked after it."""
    state, now_ns = _stopping()
    early, _nothing = _see_off(state, now_ns, asked_ns=now_ns - NS_PER_MS)
    late, _nothing = _see_off(early, now_ns + NS_PER_MS, asked_ns=now_ns + 1)
    return Seen(
        passed=early.phase is Phase.STOPPING and late.phase is Phase.ENDED,
        saw=f"old samples: {early.phase}; new samples: {late.phase}",
    )


def _stopping() -> tuple[SessionState, int]:
    """A session on its way to off, and the moment at which its Off was acknowledged."""
    room = _running(P24, TENS)
    now_ns = room.world.clock.now_ns
    state, _effects = session_step(_state(room), ev.StopAsked(actor=None, source="quick"), now_ns)
    state, _effects = session_step(state, ev.Acked(ack=Ack(at_ns=now_ns, of=AckOf.OFF)), now_ns)
    return state, now_ns


def _see_off(state: SessionState, now_ns: int, asked_ns: int) -> tuple[SessionState, object]:
    sample = Sample(at_ns=now_ns, asked_ns=asked_ns, output=Output.OFF, values=())
    for _ in range(state.setup.confirm_samples):
        state, effects = session_step(state, ev.SampleArrived(sample=sample), now_ns)
    return state, effects


def h17() -> Seen:
    """The answer to the first raise does not come: the session ends at once instead of saying it again."""
    room = Room(P24, TENS)
    while room.phase is not Phase.STARTING and room.world.clock.now_ns < 10 * NS_PER_S:
        room.run_s(0.001)
    now_ns = room.world.clock.now_ns
    fault = LinkFault(at_ns=now_ns, fault=LineFault.TIMEOUT, detail="")
    after, _effects = session_step(_state(room), ev.LinkFaulted(fault=fault), now_ns)
    return Seen(passed=after.phase is Phase.STOPPING, saw=f"{after.phase} ({after.reason})")


def h18() -> Seen:
    """A unit that measures says that it has no value."""
    room = _running(SOUND, MHZ)
    now_ns = room.world.clock.now_ns
    values = (("duty_permille", 1_000), ("frequency_khz", 1_000), ("head_temp_mdegc", None), ("intensity_mw_cm2", None))
    sample = Sample(at_ns=now_ns, asked_ns=now_ns, output=Output.ENERGIZED, values=values)
    after, _effects = session_step(_state(room), ev.SampleArrived(sample=sample), now_ns)
    return Seen(passed=after.phase is Phase.STOPPING, saw=f"{after.phase} ({after.reason})")


def h19() -> Seen:
    """Every sample is the one before it."""
    room = _running(SOUND, MHZ)
    room.inject("frozen")
    return _off_within(room, 0.6)


def h20() -> Seen:
    """An output stage that leaks before the session: found, out of use, and the request is refused."""
    room = Room(SOUND, MHZ, begins="4s")
    room.inject("uncommanded-on", value=300)
    room.run_s(5)
    code = room.world.replies[-1].code if room.world.replies else "taken"
    latched = room.unit.status is UnitStatus.LATCHED
    return Seen(passed=latched and code == "unit_latched", saw=f"unit {room.unit.status}, request {code}")


def h21() -> Seen:
    """A unit that gives a sixth less than it says, inside its tolerance."""
    room = Room(SOUND, MHZ, "20s")
    room.run_s(2.01)
    room.inject("under-deliver", gain_permille=840)
    given = 0.0
    while room.phase not in OVER and room.world.clock.now_ns < 60 * NS_PER_S:
        room.run_s(0.02)
        given += room.truth.output * 0.02
    dose = _state(room).ledger.dose_lower // NS_PER_S
    return Seen(passed=0 < dose <= given * 1.01, saw=f"{dose} mJ/cm2 at least charted, {given:.0f} given")


def h23() -> Seen:
    """The head's surface is too warm."""
    room = _running(SOUND, MHZ)
    room.inject("over-temperature")
    ended = room.run_to_end(5)
    reason = "none" if ended is None else ended.reason
    return Seen(passed=reason == "limit:hard-us-head" and not room.truth.energized, saw=f"ended by {reason}")


def h25() -> Seen:
    """A pull without the patient's switch does not begin; one that is a third stronger than set is ended."""
    without = Room(PULL, TRACTION)
    without.inject("switch-missing")
    without.run_s(RUNNING_S)
    pulled_n = without.truth.output
    strong = _running(PULL, TRACTION, force_n=150)
    strong.run_s(6)
    strong.inject("over-deliver")
    ended = strong.run_to_end(10)
    reason = "none" if ended is None else ended.reason
    passed = pulled_n == 0 and reason == "limit:tx-overforce" and strong.truth.output <= _MINIMUM_PULL_N
    return Seen(passed=passed, saw=f"{pulled_n} N without the switch; a third too strong: ended by {reason}")


_MINIMUM_PULL_N = 15  # Eltrac 471, manual p. 26: as low as a pull gets


def h33() -> Seen:
    """Somebody turns the unit's own knob from 0.5 to 0.8 W/cm²."""
    room = _running(SOUND, MHZ)
    room.inject("panel-change", value=800)
    return _off_within(room, 0.5)


def h35() -> Seen:
    """Fifty presses of up within a second."""
    room = _running(P24, TENS, current_ua=1_000)
    before = room.truth.output
    for _ in range(50):
        room.ride(Direction.UP)
        room.run_s(0.02)
    rise = room.truth.output - before
    return Seen(passed=0 < rise <= MOST_A_SECOND_UA, saw=f"rose by {rise} uA in that second")


def h37() -> Seen:
    """Which entries the chart had at the moment the unit was first on."""
    room = Room(P24, TENS)
    while not room.truth.energized and room.world.clock.now_ns < 30 * NS_PER_S:
        room.run_s(0.001)
    started = "session.started" in room.kinds
    return Seen(
        passed=room.truth.energized and started, saw="start charted before the first output" if started else "no"
    )


def h38() -> Seen:
    """The chart cannot be written any more."""
    room = _running(P24, TENS)
    room.post(ce.ChartBroken(why="disk full"))
    return _off_within(room, STOP_BUDGET_MS / 1000)


def h43() -> Seen:
    """The machine slept for a minute."""
    room = _running(P24, TENS)
    room.post(ce.Stalled(by_ms=60_000))
    return _off_within(room, STOP_BUDGET_MS / 1000)


def h44() -> Seen:
    """After a stop somebody asks to resume."""
    room = _running(P24, TENS)
    room.stop()
    room.run_to_end(5)
    code = room.tell(ev.ResumeAsked(actor="therapist"))
    on_ms = room.watch_s(5, step_ms=100)
    return Seen(passed=code == "not_now" and on_ms == 0, saw=f"resume: {code}, {on_ms} ms of output after it")


def h50() -> Seen:
    """Output although no session is open."""
    room = Room(SOUND, MHZ, begins="60s")
    room.inject("uncommanded-on", value=300)
    room.run_s(1.5)
    charted = {"output.uncommanded", "unit.latched"} <= set(room.kinds)
    on = "on" if room.truth.energized else "off"
    return Seen(passed=charted and on == "off", saw=f"unit {on} and {room.unit.status}")


def h56() -> Seen:
    """The head lies on the table and its gel counts as contact: it gets warm, and that ends it."""
    room = _running(SOUND, MHZ, "120s", intensity_mw_cm2=1_000)
    room.inject("gel-only")
    ended = room.run_to_end(150)
    reason = "none" if ended is None else ended.reason
    return Seen(passed=reason == "limit:hard-us-head" and not room.truth.energized, saw=f"ended by {reason}")


def h57() -> Seen:
    """A therapist's stop of a pull releases at the set rate; a second press, at the unit's full speed."""
    first, second = _fall(presses=1), _fall(presses=2)
    passed = 0 < first <= _SET_RATE_N < second
    return Seen(passed=passed, saw=f"{first} N in the first second after one press, {second} N after two")


_SET_RATE_N = 60  # the traction profile's hard rate of 50 N in a second, and the noise of its cell


def _fall(presses: int) -> int:
    room = _running(PULL, TRACTION, force_n=150)
    room.run_s(6)
    before = room.truth.output
    for press in range(presses):
        room.stop(fast=press > 0)
    room.run_s(1)
    return before - room.truth.output
