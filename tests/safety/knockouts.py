"""Each mitigation taken out, one at a time, in the process of the test alone.

A test that stays green when the thing it tests is gone tests nothing. Every knock-out here replaces one function or
one table of the engine for as long as its context lasts; nothing of modctl knows of it.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager

import msgspec
import pytest

from devices.limits import Limit, Witness
from devices.model import Identity, Output, Sample
from modctl.controller import prepare
from modctl.engine import gate, hands, pairs, phases, port, riding, session, turn, watching
from modctl.engine import unit as units
from modctl.engine.checks import Finding, Verdict
from modctl.engine.ledger import Doing, Ledger, observed
from modctl.engine.machine import TRANSITIONS, On, Phase
from modctl.engine.phases import SessionState, Step
from modctl.engine.setup import CheckSpec, ContactRule, Level, Setup
from modctl.engine.unit import UnitConfig
from modctl.engine.watching import Counts, Trouble

Knockout = Callable[[], AbstractContextManager[None]]
Pair = tuple[Callable[[], None], Knockout]  # a check, and what takes its mitigation away


def each(pairs: Sequence[Pair]) -> pytest.MarkDecorator:
    """A test for each pair, named after its hazard."""
    return pytest.mark.parametrize(("check", "knockout"), [pytest.param(*one, id=one[0].__name__[5:]) for one in pairs])


def goes_red(check: Callable[[], None], knockout: Knockout) -> None:
    """Green with its mitigation and red without it: a check that stays green then proves nothing."""
    check()
    with knockout(), pytest.raises(AssertionError):
        check()


def unpaired(module: Mapping[str, object], pairs: Sequence[Pair]) -> set[str]:
    """Checks of a module without a knock-out, and knock-outs without a check."""
    return {name for name in module if name.startswith("test_h")} ^ {check.__name__ for check, _knockout in pairs}


FOR_EVER_NS = 1 << 60


@contextmanager
def patched(*changes: tuple[object, str, object]) -> Iterator[None]:
    """These names have these values, in this process and for as long as the context lasts."""
    with pytest.MonkeyPatch.context() as patch:
        for target, name, value in changes:
            patch.setattr(target, name, value)
        yield


def without_hard_bounds() -> AbstractContextManager[None]:
    """The frame gate finds every level in order."""

    def nothing_found(_limits: Sequence[Limit], _values: Mapping[str, int]) -> None:
        return None

    return patched((gate, "check_levels", nothing_found))


def without_permit_bands() -> AbstractContextManager[None]:
    """A permit is leave for anything."""

    def anything(_values: Mapping[str, int], _permit: object) -> gate.Ruling:
        return gate.ALLOWED

    return patched((gate, "_inside_permit", anything))


def without_raise_limit() -> AbstractContextManager[None]:
    """The frame gate lets the level jump."""

    def at_once(*_anything: object) -> bool:
        return True

    return patched((gate, "_raise_is_allowed", at_once))


def without_contact_rule() -> AbstractContextManager[None]:
    """Lost contact is nobody's business."""

    def none(_profile: object) -> ContactRule:
        return ContactRule(on_loss="none", alarm_after_ns=FOR_EVER_NS, stop_after_ns=FOR_EVER_NS)

    return patched((prepare, "_contact_rule", none))


def without_hold_by_contact() -> AbstractContextManager[None]:
    """The level rises although nothing is felt."""

    def go_on(self: riding.Riding, *, held: bool) -> riding.Riding:  # noqa: ARG001  # the method's own shape
        return self

    return patched((riding.Riding, "held_by_contact", go_on))


def without_repeated_off() -> AbstractContextManager[None]:
    """Off is said once."""

    def once(*_anything: object) -> None:
        return None

    return patched((port.Port, "_repeat_off", once))


def without_permit_expiry() -> AbstractContextManager[None]:
    """A permit lives for ever."""

    def never(*_anything: object) -> None:
        return None

    return patched((port.Port, "_expire_permits", never))


def with_pauses_counted_as_treatment() -> AbstractContextManager[None]:
    """The clock of the treatment runs on while paused."""

    def on(self: Ledger, _now_ns: int) -> Ledger:
        return msgspec.structs.replace(self, doing=Doing.DELIVERED)

    return patched((Ledger, "paused", on))


def without_fault(*faults: str) -> Knockout:
    """These faults of the line end no session."""
    left = {fault: reason for fault, reason in session.ENDS_SESSION.items() if fault not in faults}

    def knockout() -> AbstractContextManager[None]:
        return patched((session, "ENDS_SESSION", left))

    knockout.__name__ = f"without_fault_{'_'.join(faults)}"  # the hazard table calls it so
    return knockout


def without_stale_limit() -> AbstractContextManager[None]:
    """The newest sample never gets old."""
    made = prepare._setup  # noqa: SLF001  # the knock-out wraps it

    def patient(order: prepare.Order, wanted: prepare._Wanted) -> Setup:  # as above
        return msgspec.structs.replace(made(order, wanted), stale_ns=FOR_EVER_NS)

    return patched((prepare, "_setup", patient))


def without_identity() -> AbstractContextManager[None]:
    """Whoever answers is welcome."""

    def anybody(_config: UnitConfig, _identity: Identity, *, simulated_site: bool) -> str:  # noqa: ARG001  # its shape
        return ""

    return patched((turn, "identity_problem", anybody))


def without_sample_gate() -> AbstractContextManager[None]:
    """No sample is a finding."""

    def nothing(*anything: object) -> tuple[Trouble | None, Counts]:
        counts = anything[3]
        assert isinstance(counts, tuple)
        return None, counts

    return patched((session, "judge_sample", nothing), (session, "ENDS_SESSION", {}))


def without_age_of_samples() -> AbstractContextManager[None]:
    """An old answer is as good as a new one."""
    counted = session._count_off  # noqa: SLF001  # the knock-out wraps it

    def as_new(state: SessionState, sample: Sample, now_ns: int) -> Step:
        return counted(state, msgspec.structs.replace(sample, asked_ns=now_ns), now_ns)

    return patched((session, "_count_off", as_new))


def without_doubt() -> AbstractContextManager[None]:
    """A command without an answer is taken as carried out."""

    def fine(state: SessionState, *_anything: object) -> Step:
        return state, ()

    return patched((session, "_on_link_fault", fine))


def with_missing_as_good() -> AbstractContextManager[None]:
    """A value that is not there passes."""
    judged = watching._judge  # noqa: SLF001  # the knock-out wraps it

    def lenient(*arguments: object) -> Verdict | None:
        verdict = judged(*arguments)  # type: ignore[arg-type]  # handed on as they came
        return None if verdict is not None and verdict.finding is Finding.MISSING else verdict

    return patched((watching, "_judge", lenient))


def without_watch_over_idle_units() -> AbstractContextManager[None]:
    """Output outside a session is nobody's business."""

    def nothing(*_anything: object) -> None:
        return None

    return patched((turn.Turn, "_on_uncommanded", nothing))


def with_dose_from_the_command() -> AbstractContextManager[None]:
    """What was commanded is taken as given."""

    def believed(ledger: Ledger, output: Output, commanded: int, _measured: int | None) -> Ledger:
        return observed(ledger, output, commanded, None)

    return patched((session, "observed", believed))


def without_deviation() -> AbstractContextManager[None]:
    """A unit may do something else than it was told."""

    def none(*_anything: object) -> None:
        return None

    return patched((watching, "_judge_deviation", none))


def without_measured_combinations() -> AbstractContextManager[None]:
    """What is measured is held against single bounds alone."""

    def none(*_anything: object) -> None:
        return None

    return patched((watching, "judge_together", none))


def without_time_between_steps() -> AbstractContextManager[None]:
    """Every press is a step, at once."""
    measured = riding.step_and_interval

    def at_once(level: Level) -> tuple[int, int]:
        return measured(level)[0], 0

    return patched((riding, "step_and_interval", at_once))


def _deaf(method: str, name: str) -> Knockout:
    """One of the engine's ears is closed. ``name`` is what the hazard table calls it."""

    def hears_nothing(*_anything: object) -> None:
        return None

    def knockout() -> AbstractContextManager[None]:
        return patched((turn.Turn, method, hears_nothing))

    knockout.__name__ = name
    return knockout


without_stall_check = _deaf("stalled", "without_stall_check")
without_attendance = _deaf("screen_lost", "without_attendance")
without_chart_watch = _deaf("chart_broken", "without_chart_watch")
without_stop_for_the_writer = _deaf("writer_lag", "without_stop_for_the_writer")


def _apart(method: str, name: str) -> Knockout:
    """One half of a combination does not hear of the other."""

    def says_nothing(*_anything: object) -> None:
        return None

    def knockout() -> AbstractContextManager[None]:
        return patched((pairs.Pairs, method, says_nothing))

    knockout.__name__ = name
    return knockout


without_ends_together = _apart("_tell_end", "without_ends_together")
without_lift_rule = _apart("_tell_lift", "without_lift_rule")
without_word_of_the_partner = _apart("_pair_objection", "without_word_of_the_partner")


def without_witness() -> AbstractContextManager[None]:
    """What the instrument in the rope reads is nobody's business."""

    def agrees(*anything: object) -> tuple[Trouble | None, Counts]:
        counts = anything[-1]
        assert isinstance(counts, tuple)
        return None, counts

    return patched((session, "judge_witness", agrees))


def without_need_of_a_witness() -> AbstractContextManager[None]:
    """A reading of the instrument in the rope never gets old."""
    made = prepare._setup  # noqa: SLF001  # the knock-out wraps it

    def patient(order: prepare.Order, wanted: prepare._Wanted) -> Setup:  # as above
        drawn = made(order, wanted)
        rows = (msgspec.structs.replace(row, max_age_ms=FOR_EVER_NS) for row in drawn.limits if _is_witness(row))
        return msgspec.structs.replace(drawn, limits=(*(row for row in drawn.limits if not _is_witness(row)), *rows))

    return patched((prepare, "_setup", patient))


def _is_witness(limit: Limit) -> bool:
    return isinstance(limit, Witness)


def with_a_way_back_from_the_end() -> AbstractContextManager[None]:
    """A stopped session may be resumed."""
    back = {**TRANSITIONS, (Phase.ENDED, On.RESUME): Phase.RESUMING}

    def nothing(*_anything: object) -> None:
        return None

    return patched((phases, "TRANSITIONS", back), (turn, "objection", nothing), (turn.Turn, "_unit_objection", nothing))


def with_start_before_the_chart() -> AbstractContextManager[None]:
    """The last answer energizes."""
    early = {**TRANSITIONS, (Phase.CHECKING, On.CONFIRMED): Phase.STARTING}

    return patched((phases, "TRANSITIONS", early))


def without_reply_time() -> AbstractContextManager[None]:
    """The bus waits for its slowest unit for ever."""

    def wait(*_anything: object) -> bytes:
        return b""

    return patched((port.Port, "_notice_timeout", wait))


def with_stops_for_the_first_unit_alone() -> AbstractContextManager[None]:
    """Whatever is named, the first unit is stopped."""

    def first(self: turn.Turn, _event: object) -> list[str]:
        return list(self._units)[:1]  # the knock-out stands in for a method

    return patched((turn.Turn, "_stop_targets", first))


def without_checks() -> AbstractContextManager[None]:
    """Nobody is asked to look at the skin."""

    def none(*_anything: object, **_named: object) -> tuple[CheckSpec, ...]:
        return ()

    return patched((prepare, "checks_of", none))


def without_dose() -> AbstractContextManager[None]:
    """What warm skin adds up to is nobody's business."""

    def none(*_anything: object) -> None:
        return None

    return patched((session, "judge_dose", none))


def without_reminders() -> AbstractContextManager[None]:
    """An alarm is said once."""
    return patched(
        (phases, "REMIND_NS", FOR_EVER_NS), (hands, "REMIND_NS", FOR_EVER_NS), (units, "REMIND_UNIT_NS", FOR_EVER_NS)
    )


def without_confirmation() -> AbstractContextManager[None]:
    """An acknowledged Off is taken for off."""

    def believed(state: SessionState, *_anything: object) -> Step:
        now_ns = _anything[-1]
        assert isinstance(now_ns, int)
        return phases.take(state, On.OFF_CONFIRMED, now_ns)

    return patched((session, "_count_off", believed))
