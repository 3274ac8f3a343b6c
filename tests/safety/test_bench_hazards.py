"""Hazards that the bench answers, each with its knock-out: calibration (H39), ghosts (H49), heads (H53).

The same form as ``test_hazards``: a test named after the hazard, and what it must fail without.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import msgspec
import pytest

from devices.model import Accessory, AccessoryKind, AccessorySeen, Fault, LinkFault
from devices.profile import load
from modctl.clinic import service
from modctl.clinic.bench import bench_gates, bench_preset
from modctl.clinic.gates import gates_for
from modctl.clinic.service import Standing
from modctl.controller import prepare, rights
from modctl.controller.accounts import Role
from modctl.controller.prepare import NotPrepared, Order, Prepared
from modctl.engine import servicing, session
from modctl.engine.machine import Phase
from modctl.engine.unit import UnitState
from modctl.ipc.connection import Caller
from modctl.ipc.messages import Answer
from tests.scenario.table import Table, preset
from tests.unit.engine.made import ESTIM, calibrated
from tests.unit.engine.made_core import Engine, config, identity

SOUND, MHZ = "reference-ultrasound", "hip-oa-ultrasound-1mhz"
HEAD_A, HEAD_B = (Accessory(kind=AccessoryKind.HEAD, serial=serial, era_mm2=500) for serial in ("A", "B"))
TODAY = "2026-11-23"


def asked(unit: UnitState, *, is_required: bool = False) -> Prepared | NotPrepared:
    """A treatment is asked for on a unit."""
    chosen = preset(MHZ)
    return prepare.prepare(
        Order(
            session="s1",
            now_ns=1,
            unit=unit,
            patient="p1",
            side="left",
            body_weight_g=None,
            preset=chosen,
            gates=gates_for(chosen.modality),
            asked=(),
            duration_ms=None,
            demonstration=True,
            simulated_site=True,
            site_limits=(),
            program="modctl test",
            today=TODAY,
            needs_calibration=is_required,
        )
    )


def ultrasound(**changes: object) -> UnitState:
    """A unit of two heads that answers."""
    profile = Table(SOUND).world.state.units[SOUND].config.profile
    made = config("u1", profile=profile, accessories=(HEAD_A, HEAD_B))
    ready = UnitState(config=made, line_open=True, identity=identity(1, model=SOUND))
    return msgspec.structs.replace(ready, **changes)


def test_h39_a_head_out_of_calibration_treats_nobody() -> None:
    """The day after its date it is refused with that reason, and the head that is valid is offered."""
    checks = (calibrated(head="A", next_due="2026-11-22"), calibrated(head="B", next_due="2026-11-23"))
    refused = asked(ultrasound(accessory="A", checks=checks))

    assert isinstance(refused, NotPrepared)
    assert "unit_uncalibrated" == refused.refused.reason
    assert "head B" in refused.text
    assert isinstance(asked(ultrasound(accessory="B", checks=checks)), Prepared)


def test_a_pack_that_no_meter_reads_is_not_closed_for_want_of_one() -> None:
    """Nobody calibrates a towel; a site that asks for calibration must still be able to use its packs."""
    pack = UnitState(config=config("u1", profile=load("passive")), line_open=True, identity=identity(1))
    refused = asked(pack, is_required=True)

    assert isinstance(refused, NotPrepared)
    assert "preset_not_for_model" == refused.refused.reason


def test_h49_a_bench_run_is_no_treatment() -> None:
    """Its record names a load and no patient; who treats cannot begin it, who begins it cannot treat."""
    unit = ultrasound(accessory="A")
    levels = {"intensity_mw_cm2": 500, "duty_permille": 1_000, "frequency_khz": 1_000}
    chosen = bench_preset(unit.config.profile, "degassed water", levels, 10_000)
    assert not isinstance(chosen, str)
    order = Order(
        session="s1",
        now_ns=1,
        unit=unit,
        patient="",
        side="",
        body_weight_g=None,
        preset=chosen,
        gates=bench_gates(),
        asked=tuple(levels.items()),
        duration_ms=10_000,
        demonstration=False,
        simulated_site=True,
        site_limits=(),
        program="modctl test",
        load="degassed water",
    )
    prepared = prepare.prepare(order)
    assert isinstance(prepared, Prepared)
    started = prepared.setup.started
    act = Answer(id=1, session="s1", gate="confirm", answer="start", took_ms=1)

    assert ("degassed water", "") == (started.load, started.patient)
    assert rights.refusal(act, _signed_in(Role.THERAPIST), is_bench=True) is not None
    assert rights.refusal(act, _signed_in(Role.TECHNICIAN), is_bench=False) is not None


def test_h53_an_unknown_head_treats_nobody() -> None:
    """The unit says which one it uses; the site's file does not know it, so nobody knows its area."""
    refused = asked(ultrasound(accessory="X"))

    assert isinstance(refused, NotPrepared)
    assert "unit_head" == refused.refused.reason


def test_h53_a_head_exchanged_before_the_start_starts_nothing() -> None:
    """Between the questions and the start the session was judged by another head."""
    engine = Engine()
    engine.news(AccessorySeen(at_ns=engine.now_ns, serial="A"))
    engine.begin(made=msgspec.structs.replace(ESTIM, started=msgspec.structs.replace(ESTIM.started, head="A")))
    engine.news(AccessorySeen(at_ns=engine.now_ns, serial="B"))
    for gate in ESTIM.before:
        answer = next((word for word in gate.answers if word not in gate.closes and word != "not-yet"), "4")
        engine.answer(gate.gate, answer)

    assert Phase.CHECKING is engine.phase()


def test_h53_a_head_exchanged_in_a_session_ends_it() -> None:
    """What was confirmed was another head."""
    engine = Engine()
    engine.start()
    engine.news(AccessorySeen(at_ns=engine.now_ns, serial="B"))
    engine.news(LinkFault(at_ns=engine.now_ns, fault=Fault.MISMATCH, detail="accessory A, now B"))

    assert Phase.STOPPING is engine.phase()


def _signed_in(role: Role) -> Caller:
    return Caller(connection=1, program="test", attends=False, user=role.value, role=role.value)


# Knock-outs


@contextmanager
def _patched(target: object, name: str, value: object) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(target, name, value)
        yield


def without_dates() -> AbstractContextManager[None]:
    """A calibration holds for ever."""

    def always(*_anything: object) -> Standing:
        return Standing.VALID

    return _patched(service, "standing", always)


def without_the_bench_apart() -> AbstractContextManager[None]:
    """Whoever may act at the table may act on the bench."""
    return _patched(rights, "OF_A_SESSION", ())


def without_the_list_of_heads() -> AbstractContextManager[None]:
    """Any head will do."""

    def any_head(_order: Order) -> service.Fitness:
        return service.Fitness(unit="u1", accessories=(), wire="", asked="", checks=(), today=TODAY, is_required=False)

    return _patched(prepare, "_fitness_of", any_head)


def without_a_memory_for_heads() -> AbstractContextManager[None]:
    """What the wire tells of heads is not kept."""

    def nothing(*_anything: object) -> None:
        return None

    return _patched(servicing.Servicing, "on_accessory", nothing)


def without_the_fault() -> AbstractContextManager[None]:
    """An exchange is nothing."""
    kept = {fault: reason for fault, reason in session.ENDS_SESSION.items() if fault is not Fault.MISMATCH}
    return _patched(session, "ENDS_SESSION", kept)


KNOCKOUTS: list[tuple[Callable[[], None], Callable[[], AbstractContextManager[None]]]] = [
    (test_h39_a_head_out_of_calibration_treats_nobody, without_dates),
    (test_h49_a_bench_run_is_no_treatment, without_the_bench_apart),
    (test_h53_an_unknown_head_treats_nobody, without_the_list_of_heads),
    (test_h53_a_head_exchanged_before_the_start_starts_nothing, without_a_memory_for_heads),
    (test_h53_a_head_exchanged_in_a_session_ends_it, without_the_fault),
]


@pytest.mark.parametrize(("check", "knockout"), [pytest.param(*pair, id=pair[0].__name__[5:]) for pair in KNOCKOUTS])
def test_without_its_mitigation_a_hazard_is_seen(
    check: Callable[[], None], knockout: Callable[[], AbstractContextManager[None]]
) -> None:
    """A test that stays green when its mitigation is gone proves nothing."""
    check()
    with knockout(), pytest.raises(AssertionError):
        check()


def test_every_hazard_here_has_a_knockout() -> None:
    """Nobody can add one half without the other."""
    here = {name for name in globals() if name.startswith("test_h")}

    assert here == {check.__name__ for check, _knockout in KNOCKOUTS}
