"""One test per hazard that the questions at the table answer, and for each its knock-out: without the mitigation, red.

The ids are those of the hazard table.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from devices.model import NS_PER_S, Modality, Output, Sample
from modctl.clinic import contraindications, gates, interlocks, validity
from modctl.clinic.contraindications import Weight, conditions
from modctl.clinic.gates import Shown, Who, gate_text, gates_for, open_gate, shown
from modctl.clinic.interlocks import Running, conflict
from modctl.clinic.library import SHIPPED, load_library
from modctl.clinic.presets import Gate
from modctl.clinic.validity import Ask, Asking, Earlier, Moment, Scene, standings
from modctl.engine import turn
from modctl.engine.core_events import FromUnit
from modctl.engine.events import Answered
from modctl.ipc.messages import PatientRow
from tests.safety import knockouts as ko
from tests.scenario.table import Table
from tui.screens.patients import NOBODY, patient_choice

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
HERE = Scene(patient="P-001", modality="heat", region="hip", side="left", unit="heat-1")
TRACTION, PULL = "reference-traction", "hip-traction-intermittent"


def moment(at: datetime) -> Moment:
    """On clocks that agree."""
    return Moment(at_utc=at.isoformat(), boottime_ns=int(at.timestamp()) * NS_PER_S, boot="a")


def sessions_gates(after: timedelta, scene: Scene = HERE) -> dict[str, Ask]:
    """What becomes of each gate so long after a whole session at noon."""
    said = {gate.id: gate.answers[0][0] for gate in gates_for(Modality.HEAT)} | {"rom_before": "95"}
    earlier = [Earlier(gate=gate, answer=given, moment=moment(NOON), scene=HERE) for gate, given in said.items()]
    asking = Asking(scene=scene, now=moment(NOON + after))
    return {one.gate.id: one.ask for one in standings(gates_for(Modality(scene.modality)), earlier, asking)}


def opening(modality: Modality) -> dict[str, str]:
    """An answer to every question that opens it."""
    first = {gate.id: gate.answers[0][0] for gate in gates_for(modality)}
    return first | {"confirm": "start"}


def test_h28_every_absolute_condition_closes_and_is_asked_for() -> None:
    """All pairs: what must not meet closes the screening, stands in its words, and nothing else opens it again."""
    for modality in Modality:
        asked = gates_for(modality)
        screening = next(gate for gate in asked if gate.id == "screening")
        for condition in conditions():
            closed = open_gate(opening(modality) | {"screening": condition.id}, asked)
            weight = condition.against(modality)
            if weight is Weight.ABSOLUTE:
                assert closed == ("screening", f"screening: {condition.id!r} does not go on")
                assert condition.name.lower() in screening.text.lower()
            elif weight is Weight.PRECAUTION:
                assert closed is None
                assert condition.name.lower() not in screening.text.lower()
            else:
                assert closed is not None
                assert "is none of" in closed[1]


def test_h29_nobody_is_treated_who_was_not_chosen_and_named() -> None:
    """The cursor stands on nobody, a line has two identifiers, and who it is is asked in every session."""
    line = patient_choice(PatientRow(ref="P-001", name="Ada Example", birth_date="1956-03-12"))

    assert not NOBODY.is_open
    assert all(part in line.text for part in ("Ada Example", "1956-03-12"))
    assert Ask.ASK is sessions_gates(timedelta(seconds=1))["identify"]


def test_h32_one_patient_is_not_given_what_does_not_go_together() -> None:
    """Heat under a cold pack is not felt; another patient beside it is nobody's conflict."""
    cold = Running(patient="P-001", unit="cold-1", modality="cold")
    found = conflict("P-001", Modality.HEAT, [cold])

    assert found is not None
    assert (cold, "cooled skin does not feel heat") == found
    assert conflict("P-002", Modality.HEAT, [cold]) is None
    assert conflict("P-001", Modality.TRACTION, [cold]) is None


def test_h52_the_wrong_side_reads_differently() -> None:
    """Unit, side, region and every set value stand in the last question; another side is another sentence."""
    preset = next(one for one in load_library(SHIPPED) if one.id == "hip-post-tha-tens")
    settings = (("period_us", 10_000), ("pulse_width_us", 100))

    def confirm(side: str) -> str:
        who = Who(name="Ada Example", birth_date="1951-03-04", side=side)
        filled = shown(preset, who, "estim-1", "current at most 60.0 mA", settings, 1_800_000)
        return gate_text(next(gate for gate in gates_for(Modality.ESTIM) if gate.id == "confirm"), filled)

    left, right = confirm("left"), confirm("right")

    assert left != right
    assert "left side" in left
    assert "right side" in right
    assert all(part in left for part in ("estim-1", preset.region, "60.0 mA", "100 Hz", "100 µs", "30 min"))


def test_h54_no_answer_outlives_its_time() -> None:
    """The clock is moved past each validity: what is too old is a question, and exactly that."""
    held = {gate for gate, ask in sessions_gates(timedelta(hours=1)).items() if ask is not Ask.ASK}

    assert {"consent", "screening", "sensation", "rom_before", "rom_after"} == held
    assert {"sensation", "rom_before", "rom_after"} == {
        gate for gate, ask in sessions_gates(timedelta(days=1)).items() if ask is not Ask.ASK
    }
    assert {"sensation"} == {gate for gate, ask in sessions_gates(timedelta(days=10)).items() if ask is not Ask.ASK}
    assert set() == {gate for gate, ask in sessions_gates(timedelta(days=30)).items() if ask is not Ask.ASK}


def test_h54_an_answer_from_the_future_is_no_answer() -> None:
    """A clock set back makes everything a question."""
    assert {Ask.ASK} == set(sessions_gates(timedelta(hours=-1)).values())


def test_h25_a_stop_switch_that_was_not_seen_pressed_and_let_go_is_not_tested() -> None:
    """The person's word alone opens nothing where the unit can tell."""
    table = Table(TRACTION)
    session = table.ask(TRACTION, PULL)
    run = table.world.state.sessions[session].state
    for gate in run.setup.before:
        if gate.gate == "stop_switch":
            break
        word = next((answer for answer in gate.answers if answer not in gate.closes), "")
        given = "4" if gate.maximum is not None else word
        table.tell(session, _said(gate.gate, given))
    before = len(table.state(session).answers)
    table.tell(session, _said("stop_switch", "tested"))
    refused = len(table.state(session).answers)
    table.world.post(FromUnit(unit=TRACTION, news=_switch(table.now_ns, pressed=True)))
    table.tell(session, _said("stop_switch", "tested"))
    still = len(table.state(session).answers)
    table.world.post(FromUnit(unit=TRACTION, news=_switch(table.now_ns, pressed=False)))
    table.tell(session, _said("stop_switch", "tested"))

    assert before == refused == still
    assert ("stop_switch", "tested") == table.state(session).answers[-1]


def _said(gate: str, answer: str) -> Answered:
    return Answered(gate=gate, answer=answer, actor="therapist", source="person", age_s=0, took_ms=900)


def _switch(now_ns: int, *, pressed: bool) -> Sample:
    values = (("force_n", 0), ("stop_switch", int(pressed)))
    return Sample(at_ns=now_ns, asked_ns=now_ns, output=Output.OFF, values=values)


@contextmanager
def _patched(*changes: tuple[object, str, object]) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for target, name, value in changes:
            patch.setattr(target, name, value)
        yield


def without_closing_conditions() -> AbstractContextManager[None]:
    """The screening takes every condition and none of them closes."""
    real = contraindications.screened

    def lenient(gate: Gate, modality: Modality) -> Gate:
        return msgspec.structs.replace(real(gate, modality), closes=gate.closes)

    return _patched((gates, "screened", lenient))


def with_who_it_is_carried() -> AbstractContextManager[None]:
    """Who is on the table is taken from the session before."""
    real = gates.gates_for

    def carried(modality: Modality) -> tuple[Gate, ...]:
        first, *rest = real(modality)
        return (msgspec.structs.replace(first, valid_days=1), *rest)

    return _patched((gates, "gates_for", carried), (sys.modules[__name__], "gates_for", carried))


def without_interlocks() -> AbstractContextManager[None]:
    """Anything goes with anything."""
    return _patched((interlocks, "CONFLICTS", {}))


def without_the_side_in_the_question() -> AbstractContextManager[None]:
    """The read-back says one side for all."""
    real = gates.gate_text

    def one_side(gate: Gate, filled: Shown) -> str:
        return real(gate, msgspec.structs.replace(filled, side="the"))

    return _patched((sys.modules[__name__], "gate_text", one_side))


def without_an_end_of_validity() -> AbstractContextManager[None]:
    """What was said once holds."""

    def for_ever(*_: object) -> bool:
        return True

    return _patched((validity, "_holds", for_ever))


def without_a_look_at_the_clocks() -> AbstractContextManager[None]:
    """A negative age counts as a young one."""

    def young(_then: Moment, _now: Moment) -> int:
        return 0

    return _patched((validity, "age_s", young))


def without_the_units_word_on_its_switch() -> AbstractContextManager[None]:
    """The person's word is enough."""

    def nothing_against(*_: object) -> None:
        return None

    return _patched((turn.Turn, "_switch_objection", nothing_against))


KNOCKOUTS: list[ko.Pair] = [
    (test_h28_every_absolute_condition_closes_and_is_asked_for, without_closing_conditions),
    (test_h29_nobody_is_treated_who_was_not_chosen_and_named, with_who_it_is_carried),
    (test_h32_one_patient_is_not_given_what_does_not_go_together, without_interlocks),
    (test_h52_the_wrong_side_reads_differently, without_the_side_in_the_question),
    (test_h54_no_answer_outlives_its_time, without_an_end_of_validity),
    (test_h54_an_answer_from_the_future_is_no_answer, without_a_look_at_the_clocks),
    (
        test_h25_a_stop_switch_that_was_not_seen_pressed_and_let_go_is_not_tested,
        without_the_units_word_on_its_switch,
    ),
]


@ko.each(KNOCKOUTS)
def test_without_its_mitigation_a_hazard_is_seen(check: Callable[[], None], knockout: ko.Knockout) -> None:
    """A test that stays green when its mitigation is gone proves nothing."""
    ko.goes_red(check, knockout)


def test_every_hazard_here_has_a_knockout() -> None:
    """Nobody can add one half without the other."""
    assert set() == ko.unpaired(globals(), KNOCKOUTS)
