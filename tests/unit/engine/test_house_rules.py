"""The engine's own times and counts once more, in a second hand; and whatever counts or adds up begins at nothing."""

import msgspec
import pytest

from devices.model import NEVER_NS
from devices.profile import load
from modctl.engine import dues, ledger, phases, port, riding, session, state, unit, warmth
from modctl.engine.effects import Command

MS = 1_000_000
S = 1_000 * MS
NUMBERS: dict[tuple[object, str], int] = {
    (dues, "REMIND_NS"): 15 * S,  # IEC 60601-1-8: bursts of a high alarm repeat within 15 s
    (phases, "STARTING_NS"): 3 * S,
    (phases, "ARMED_NS"): 60 * S,
    (phases, "ELAPSED_EXTRA_NS"): 600 * S,
    (phases, "PACK_ON_NS"): 600 * S,
    (port, "QUENCH_BURST"): 3,
    (port, "QUENCH_SILENCE_PERCENT"): 125,
    (port, "REPEAT_OFF_NS"): 50 * MS,
    (riding, "RAISE_INTERVAL_NS"): 150 * MS,  # key bounce on infusion pumps
    (riding, "TIMER_MARGIN_MS"): 2_000,
    (unit, "REMIND_UNIT_NS"): 60 * S,
    (session, "CHECKING_NS"): 1_800 * S,
    (session, "WRITER_STOP_MS"): 2_000,
    (session, "WRITER_HOLD_MS"): 1_000,
    (session, "SECOND_PRESS_NS"): 150 * MS,
    (session, "PARTNER_NS"): 1 * S,
    (state, "FLUSH_NS"): 1 * S,
    (state, "PERMIT_NS"): 300 * MS,
    (state, "RENEW_NS"): 100 * MS,
    (unit, "NOTE_TANK_NS"): 600 * S,
}


def test_every_time_and_count_is_the_one_that_was_decided() -> None:
    """A slip of a digit in one place would be in force at once, and most tests reckon with the name."""
    assert NUMBERS == {(module, name): getattr(module, name) for module, name in NUMBERS}


def test_the_stop_switch_reads_as_the_profile_that_has_one_says() -> None:
    """Closed and pressed exchanged would be a test that nobody made."""
    (register,) = [one for one in load("reference-traction").register if one.parameter == unit.STOP_SWITCH]

    assert {"closed": unit.SWITCH_CLOSED, "pressed": unit.SWITCH_PRESSED, "missing": 2} == register.enum


@pytest.mark.parametrize(
    "kept",
    [
        Command,
        ledger.Ledger,
        phases.SessionState,
        riding.Riding,
        state.CoreState,
        state.SessionRun,
        unit.OffWatch,
        unit.UnitState,
        warmth.Warmth,
    ],
)
def test_what_counts_or_adds_up_begins_at_nothing(kept: type[msgspec.Struct]) -> None:
    """Time, dose, samples and permits of before the first event would be somebody else's."""
    begins = {field.name: field.default for field in msgspec.structs.fields(kept) if type(field.default) is int}

    assert set(begins.values()) <= {0, NEVER_NS}
