"""The fault board: what a unit becomes when a fault of the menu is switched on."""

import pytest

from devices.bench import FAULTS, Group, Inject, Parameters, line_of, problem_with, request_of
from devices.model import NS_PER_MS, NS_PER_S, MonoNs
from devices.sim.device import FaultOrder
from devices.sim.faults import IGNORED, NOW, CannotFail, Dice, Fate, FaultBoard

EVERY = frozenset(FAULTS)
T0 = MonoNs(1_000 * NS_PER_S)


def after(ms: int) -> MonoNs:
    """So much after the fault was switched on."""
    return MonoNs(T0 + ms * NS_PER_MS)


def board_with(fault: str, *parameters: tuple[str, int]) -> FaultBoard:
    """A board that can have everything and has one fault since T0."""
    board = FaultBoard("toy", EVERY, seed=1)
    board.inject(FaultOrder(fault=fault, parameters=parameters), T0)
    return board


def test_the_menu_holds_every_fault_once_in_its_group() -> None:
    """Command line, scenarios and bench screen all read this list; a lost line is a fault nobody can try."""
    counts = {group: sum(spec.group is group for spec in FAULTS.values()) for group in Group}

    assert counts == {Group.WIRE: 20, Group.LIFE: 7, Group.SENSING: 6, Group.OUTPUT: 15, Group.BODY: 10}


@pytest.mark.parametrize(
    ("fault", "parameters", "words"),
    [
        ("run-amok", (), "no fault 'run-amok'"),
        ("delay", (("s", 1),), "no parameter 's'"),
        ("drop", (("permille", 1001),), "1 to 1000, not 1001"),
        ("drop", (("permille", 0),), "1 to 1000, not 0"),
        ("clip", (), "needs at=INTEGER"),
        ("drop", (("permille", 1), ("permille", 2)), "twice"),
    ],
)
def test_a_wrong_order_is_refused_with_a_sentence(fault: str, parameters: Parameters, words: str) -> None:
    """Nothing is clamped and nothing is guessed; the technician reads what to write instead."""
    assert words in (problem_with(fault, parameters) or "")


@pytest.mark.parametrize(
    ("fault", "parameters"),
    [("drop", (("permille", 1),)), ("drop", (("permille", 1000),)), ("truncate", ()), ("ignore-stop", ())],
)
def test_bounds_are_inclusive_and_optional_parameters_may_be_left_out(fault: str, parameters: Parameters) -> None:
    """The counterpart of the refusals: what the menu allows is allowed."""
    assert problem_with(fault, parameters) is None


def test_a_model_that_cannot_have_a_fault_says_so() -> None:
    """A fault that is silently ignored would be reported as survived."""
    board = FaultBoard("toy", frozenset({"hang"}), seed=1)

    with pytest.raises(CannotFail, match="toy cannot have cough"):
        board.inject(FaultOrder(fault="cough"), T0)
    assert board.active() == ()


def test_defaults_come_from_the_menu() -> None:
    """Units read their parameters from the order and carry no second table of defaults."""
    order = board_with("run-away", ("ramp_ms", 100)).get("run-away")

    assert order == FaultOrder(fault="run-away", parameters=(("gain_permille", 2000), ("ramp_ms", 100)))


def test_a_sound_board_changes_nothing() -> None:
    """Without an order a simulated unit is a sound unit."""
    board = FaultBoard("toy", EVERY, seed=1)

    assert (7, 7, NOW, NOW) == (
        board.true_amplitude(7, T0),
        board.reported("x", 7, T0),
        board.fate_of_stop(T0),
        board.fate_of_command(T0),
    )
    assert not board.is_hung(T0)
    assert not board.is_busy(T0)
    assert board.lease_acts()
    assert board.timer_shift_ms() == 0


@pytest.mark.parametrize(("ms", "true"), [(0, 1000), (250, 1500), (499, 1998), (500, 2000), (9000, 2000)])
def test_a_run_away_ramps_to_its_gain(ms: int, true: int) -> None:
    """The stop must come while the output still grows: the ramp is what the reaction time is measured on."""
    assert true == board_with("run-away").true_amplitude(1000, after(ms))


def test_a_run_away_of_an_output_that_is_off_stays_off() -> None:
    """It multiplies the command; output without any command is ``uncommanded-on``."""
    assert board_with("run-away").true_amplitude(0, after(9000)) == 0


@pytest.mark.parametrize(
    ("fault", "parameters", "true"),
    [
        ("over-deliver", (), 1300),
        ("under-deliver", (), 600),
        ("clip", (("at", 900),), 900),
        ("clip", (("at", 1000),), 1000),
        ("stuck-off", (), 0),
        ("uncommanded-on", (("value", 50),), 1000),
    ],
)
def test_the_output_stage_errs_as_ordered(fault: str, parameters: Parameters, true: int) -> None:
    """Each steady error of the output, on a command of 1000."""
    assert true == board_with(fault, *parameters).true_amplitude(1000, after(1))


def test_output_faults_combine_in_the_order_of_the_stage() -> None:
    """Gain before limit before switch: 1000 × 1.3 clipped at 1200."""
    board = board_with("over-deliver")
    board.inject(FaultOrder(fault="clip", parameters=(("at", 1200),)), T0)

    assert board.true_amplitude(1000, after(1)) == 1200


def test_stuck_on_keeps_the_last_output_whatever_is_commanded() -> None:
    """A welded relay: neither stop nor lease nor timer takes the output away, and it was there before."""
    board = FaultBoard("toy", EVERY, seed=1)
    board.true_amplitude(400, T0)
    board.inject(FaultOrder(fault="stuck-on"), after(1))

    assert [board.true_amplitude(commanded, after(2)) for commanded in (400, 0, 900)] == [400, 400, 400]
    assert board.fate_of_stop(after(3)) == IGNORED


def test_stuck_on_of_an_output_that_is_off_waits_for_the_first_output() -> None:
    """*Cannot be switched off* is not *is on*: nothing comes out before somebody commands it."""
    board = board_with("stuck-on")

    assert [board.true_amplitude(commanded, after(1)) for commanded in (0, 300, 0)] == [0, 300, 300]


def test_uncommanded_output_ends_with_the_first_stop_that_takes_effect() -> None:
    """A person's stop at the panel or ours takes it away; until then it is there without any command."""
    board = board_with("uncommanded-on", ("value", 50))
    before = board.true_amplitude(0, after(1))
    board.fate_of_stop(after(2))

    assert (before, board.true_amplitude(0, after(2))) == (50, 0)


def test_stops_are_ignored_as_often_as_ordered() -> None:
    """Two are ignored, the third takes effect; then the fault is used up and no longer active."""
    board = board_with("ignore-stop", ("count", 2))

    assert [board.fate_of_stop(after(n)) for n in range(3)] == [IGNORED, IGNORED, NOW]
    assert board.active() == ()


def test_without_a_count_every_stop_is_ignored() -> None:
    """The worst case of the hazard table: a unit that never obeys."""
    board = board_with("ignore-stop")

    assert {board.fate_of_stop(after(n)) for n in range(100)} == {IGNORED}


@pytest.mark.parametrize(
    ("fault", "stop", "command"),
    [
        ("slow-stop", Fate(now=False, after_ms=1500), NOW),
        ("accept-ignore", NOW, IGNORED),
        ("apply-late", NOW, Fate(now=False, after_ms=1000)),
        ("apply-twice", NOW, Fate(now=True, after_ms=1000)),
    ],
)
def test_obedience_is_ordered_apart_for_stops_and_commands(fault: str, stop: Fate, command: Fate) -> None:
    """A test of slow stops must not also slow the start down, and the other way round."""
    board = board_with(fault)

    assert (stop, command) == (board.fate_of_stop(T0), board.fate_of_command(T0))


@pytest.mark.parametrize(
    ("fault", "parameters", "reported"),
    [
        ("stuck", (("value", 42),), 42),
        ("offset", (("value", -5),), 95),
        ("drift", (("per_s", 10),), 120),
        ("drift", (("per_s", 10), ("value", 3)), 123),
        ("no-value", (), None),
    ],
)
def test_sensors_lie_as_ordered(fault: str, parameters: Parameters, reported: int | None) -> None:
    """Two seconds after injection, on a true value of 100."""
    assert reported == board_with(fault, *parameters).reported("x", 100, after(2000))


def test_frozen_values_are_those_of_the_last_report() -> None:
    """A frozen unit repeats itself: only its sample counter tells."""
    board = FaultBoard("toy", EVERY, seed=1)
    board.reported("x", 100, T0)
    board.inject(FaultOrder(fault="frozen"), T0)

    assert board.reported("x", 900, after(5000)) == 100


def test_noise_stays_within_its_reach_and_is_repeatable() -> None:
    """±10 % of the value, the same for the same seed, not the same for another."""

    def reports(seed: int) -> list[int | None]:
        board = FaultBoard("toy", EVERY, seed)
        board.inject(FaultOrder(fault="noise"), T0)
        return [board.reported("x", 1000, after(n)) for n in range(200)]

    values = reports(1)

    assert all(value is not None and 900 <= value <= 1100 for value in values)
    assert len(set(values)) > 50
    assert values == reports(1)
    assert values != reports(2)


def test_only_the_named_values_are_touched() -> None:
    """``stuck`` fixes one reported value, not the head's temperature along with it."""
    board = FaultBoard("toy", EVERY, seed=1, senses=frozenset({"x"}))
    board.inject(FaultOrder(fault="stuck", parameters=(("value", 1),)), T0)

    assert (1, 100) == (board.reported("x", 100, T0), board.reported("y", 100, T0))


@pytest.mark.parametrize(("fault", "shift_ms"), [("timer-late", 5000), ("timer-early", -5000)])
def test_the_units_own_timer_is_shifted(fault: str, shift_ms: int) -> None:
    """Late is positive: the unit goes on longer than it was told."""
    assert shift_ms == board_with(fault).timer_shift_ms()


@pytest.mark.parametrize("fault", ["hang", "no-lease"])
def test_a_dead_watchdog_does_not_act(fault: str) -> None:
    """A hung unit has no lease either."""
    assert not board_with(fault).lease_acts()


def test_a_reboot_comes_when_ordered_and_is_then_done() -> None:
    """It happens once; the board does not name it as active afterwards."""
    board = board_with("reboot", ("after_ms", 30))
    due = board.reboot_due_ns()
    board.done("reboot")

    assert after(30) == due
    assert board.reboot_due_ns() is None
    assert board.active() == ()


def test_clear_takes_all_back() -> None:
    """One word makes the unit sound again, however many faults were combined."""
    board = board_with("run-away")
    board.inject(FaultOrder(fault="offset", parameters=(("value", 5),)), T0)
    board.clear(after(1))

    assert ((), 100, 100) == (
        board.active(),
        board.true_amplitude(100, after(900)),
        board.reported("x", 100, after(900)),
    )


def test_an_order_given_again_at_the_moment_of_the_clear_goes_on_as_it_was() -> None:
    """One of several faults is taken back by clearing and giving the others again; their ramps must not restart."""
    board = board_with("run-away")
    board.clear(after(250))
    board.inject(FaultOrder(fault="run-away"), after(250))

    assert board.true_amplitude(1000, after(500)) == 2000


def test_an_order_given_again_later_starts_anew() -> None:
    """The counterpart: a new order has its own beginning."""
    board = board_with("run-away")
    board.clear(after(250))
    board.inject(FaultOrder(fault="run-away"), after(251))

    assert board.true_amplitude(1000, after(501)) == 1500


def test_chance_is_that_of_the_published_generator() -> None:
    """SplitMix64 with seed 1234567: the first numbers of the reference implementation (Vigna, splitmix64.c)."""
    dice = Dice(1234567)

    assert [6457827717110365317, 3203168211198807973, 9817491932198370423] == [dice.below(2**64) for _ in range(3)]


def test_chance_hits_about_as_often_as_asked() -> None:
    """200 of a thousand, within four standard deviations of 10 000 throws."""
    dice = Dice(3)

    assert abs(sum(dice.hits(200) for _ in range(10_000)) - 2000) < 160


def test_a_request_survives_its_line() -> None:
    """What the bench screen sends is what the simulators read."""
    request = Inject(name="a", fault="delay", parameters=(("ms", 5),), after_ms=1, for_ms=2)

    assert request == request_of(line_of(request))
