"""What is asked again, what still holds, what is not due: by age, day and place, and by clocks nobody can trust."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from devices.model import Modality
from modctl.clinic.gates import gates_for
from modctl.clinic.validity import (
    Ask,
    Asking,
    Earlier,
    Moment,
    Scene,
    age_s,
    arranged,
    policy_problems,
    standings,
    weight_age_days,
)

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
HERE = Scene(patient="P-001", modality="estim", region="hip, lateral", side="left", unit="estim-1")
FIRST = {
    "identify": "confirmed",
    "consent": "given",
    "screening": "none",
    "pain_before": "4",
    "rom_before": "95",
    "skin_before": "intact",
    "sensation": "normal",
    "placement": "placed",
    "confirm": "start",
}
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def moment(at: datetime, boot: str = "a") -> Moment:
    """On clocks that agree."""
    since = int((at - NOON).total_seconds() * 1e9) + 10**18
    return Moment(at_utc=at.isoformat(), boottime_ns=since, boot=boot)


def said(at: datetime = NOON, scene: Scene = HERE, boot: str = "a", **changed: str) -> tuple[Earlier, ...]:
    """A whole session's answers."""
    return tuple(
        Earlier(gate=gate, answer=answer, moment=moment(at, boot), scene=scene)
        for gate, answer in {**FIRST, **changed}.items()
    )


def asked(
    earlier: tuple[Earlier, ...],
    after: timedelta,
    scene: Scene = HERE,
    *,
    boot: str = "a",
    days: dict[str, int] | None = None,
    rom_is_goal: bool = False,
    timezone: str = "UTC",
) -> dict[str, Ask]:
    """What becomes of each gate so long after noon."""
    asking = Asking(
        scene=scene,
        now=moment(NOON + after, boot),
        timezone=timezone,
        days=days or {},
        rom_is_goal=rom_is_goal,
    )
    judged = standings(gates_for(Modality(scene.modality)), earlier, asking)
    return {one.gate.id: one.ask for one in judged}


def asks(found: dict[str, Ask]) -> set[str]:
    """The gates that are questions, among those that can hold at all."""
    return {gate for gate in ("consent", "screening", "rom_before", "sensation") if found[gate] is Ask.ASK}


def test_a_first_visit_asks_everything() -> None:
    """Nothing is known, so nothing is taken for granted."""
    assert {Ask.ASK} == set(asked((), MINUTE).values())


def test_the_second_session_of_a_visit_asks_what_belongs_to_every_session() -> None:
    """Who, pain, skin, placement and the start are asked each time; the rest is one key."""
    found = asked(said(), HOUR)

    assert {"identify", "pain_before", "skin_before", "placement", "confirm"} <= {
        gate for gate, ask in found.items() if ask is Ask.ASK
    }
    assert {"consent", "screening", "sensation"} == {gate for gate, ask in found.items() if ask is Ask.VALID}
    assert {"rom_before", "rom_after"} == {gate for gate, ask in found.items() if ask is Ask.NOT_DUE}


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        (timedelta(hours=11, minutes=59, seconds=59), set()),
        (timedelta(hours=12), {"consent", "screening"}),
        (10 * DAY - timedelta(seconds=1), {"consent", "screening"}),
        (10 * DAY, {"consent", "screening", "rom_before"}),
        (30 * DAY - timedelta(seconds=1), {"consent", "screening", "rom_before"}),
        (30 * DAY, {"consent", "screening", "rom_before", "sensation"}),
    ],
)
def test_each_answer_holds_to_its_second_and_no_longer(after: timedelta, expected: set[str]) -> None:
    """A visit ends with its date; a measure is due on the tenth day; feeling is tested again after thirty."""
    assert expected == asks(asked(said(), after))


def test_the_visit_ends_with_the_date_of_the_site() -> None:
    """Midnight is where the clinic is, not where UTC is."""
    assert set() == asks(asked(said(), 13 * HOUR, timezone="America/New_York"))
    assert {"consent", "screening"} == asks(asked(said(), 13 * HOUR, timezone="Asia/Tokyo"))


@pytest.mark.parametrize(
    ("there", "expected"),
    [
        ({"patient": "P-002"}, {"consent", "screening", "rom_before", "sensation"}),
        ({"modality": "heat"}, {"consent", "screening", "sensation"}),
        ({"side": "right"}, {"rom_before", "sensation"}),
        ({"region": "hip, anterior"}, {"rom_before", "sensation"}),
        ({"unit": "estim-2"}, set()),
    ],
)
def test_an_answer_holds_only_where_it_was_given(there: dict[str, str], expected: set[str]) -> None:
    """Consent to a current is none to heat; the feeling of the left hip says nothing of the right one."""
    scene = msgspec.structs.replace(HERE, **there)

    assert expected == asks(asked(said(), HOUR, scene))


@pytest.mark.parametrize(
    ("gate", "answer"), [("consent", "declined"), ("screening", "one-applies"), ("sensation", "absent")]
)
def test_an_answer_that_closed_is_never_carried_and_hides_what_was_said_before(gate: str, answer: str) -> None:
    """A no in the morning is not outlived by the yes of the day before, nor by an earlier one."""
    earlier = (*said(NOON - HOUR), *said(NOON, HERE, "a", **{gate: answer}))

    assert {gate} == asks(asked(earlier, MINUTE))


def test_a_clock_that_ran_backwards_makes_every_answer_a_question() -> None:
    """Nobody knows how old an answer from the future is."""
    assert {"consent", "screening", "rom_before", "sensation"} == asks(asked(said(), -MINUTE))
    assert {"consent", "screening", "rom_before", "sensation"} == asks(asked(said(), -MINUTE, boot="b"))


def test_a_clock_that_was_set_makes_every_answer_a_question() -> None:
    """The wall clock says an hour and the machine ran for three days: the age is not known."""
    then = moment(NOON)
    now = msgspec.structs.replace(moment(NOON + HOUR), boottime_ns=then.boottime_ns + 3 * 86_400 * 10**9)

    assert age_s(then, now) is None
    assert 3_600 == age_s(then, moment(NOON + HOUR))
    assert 3_600 == age_s(then, moment(NOON + HOUR, boot="b"))


def test_a_site_shortens_how_long_an_answer_holds() -> None:
    """Zero is every time; what would be longer than shipped is told when the site is read."""
    assert {"consent"} == asks(asked(said(), MINUTE, days={"consent": 0}))
    assert {"sensation", "consent", "screening"} == asks(asked(said(), 3 * DAY, days={"sensation": 3}))

    assert () == policy_problems(gates_for(Modality.ESTIM), {"sensation": 3, "body_weight": 30, "consent": 0})
    wrong = policy_problems(gates_for(Modality.ESTIM), {"sensation": 31, "identify": 1, "weather": 1, "consent": -1})
    assert 4 == len(wrong)


def test_a_measure_that_is_the_goal_is_measured_at_every_visit() -> None:
    """Once a day, before and after; not at each of the day's sessions."""
    assert set() == asks(asked(said(), HOUR, rom_is_goal=True))
    assert {"rom_before", "consent", "screening"} == asks(asked(said(), DAY, rom_is_goal=True))
    assert Ask.ASK is asked(said(), DAY, rom_is_goal=True)["rom_after"]


def test_a_measure_that_was_not_done_is_asked_at_the_next_visit() -> None:
    """Why it was not done holds for the day; it is not taken for a measurement."""
    assert set() == asks(asked(said(rom_before="declined"), HOUR))
    assert {"rom_before", "consent", "screening"} == asks(asked(said(rom_before="declined"), DAY))


def test_what_holds_is_said_first_and_the_rest_keeps_the_order_of_the_table() -> None:
    """One key for everything that only has to be said again, right after who it is."""
    asking = Asking(scene=HERE, now=moment(NOON + HOUR))
    order = arranged(standings(gates_for(Modality.ESTIM), said(), asking))

    assert ["identify", "consent", "screening", "sensation", "pain_before", "skin_before", "placement", "confirm"] == [
        one.gate.id for one in order if not one.gate.after
    ]
    assert [3_600] * 3 == [one.age_s for one in order if one.ask is Ask.VALID]


@pytest.mark.parametrize(
    ("weighed", "days"),
    [(NOON, 0), (NOON - 29 * DAY, 29), (NOON - 30 * DAY, 30), (NOON + MINUTE, None), (None, None)],
)
def test_a_weight_is_as_old_as_its_date(weighed: datetime | None, days: int | None) -> None:
    """A pull is bounded by it, so a weight of an unknown day counts as none."""
    assert days == weight_age_days(None if weighed is None else weighed.isoformat(), NOON.isoformat())
