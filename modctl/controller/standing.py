"""What stands in the house without a session: units whose off is in doubt, tanks that are too hot. Pure.

Read from the engine's state, not from what was once said: an alarm stands exactly as long as its cause does.
"""

from collections.abc import Iterator

from modctl import sentences
from modctl.engine.phases import TAKE_OFF
from modctl.engine.state import CoreState
from modctl.engine.unit import UnitState
from modctl.ipc.hands import AlarmView


def house_alarms(state: CoreState) -> tuple[AlarmView, ...]:
    """One for each cause, named ``word:unit``; the words are those under which the engine charts them."""
    return tuple(alarm for unit in state.units.values() for alarm in _of_unit(unit))


def _of_unit(unit: UnitState) -> Iterator[AlarmView]:
    if unit.config.profile.is_tank and unit.band == "too_hot":
        yield _alarm("tank_too_hot", unit, unit.band_ns)
    if unit.off_doubt_ns is not None and unit.latched:
        word = TAKE_OFF if unit.config.profile.is_by_hand else "off_not_confirmed"
        yield _alarm(word, unit, max(unit.off_doubt_ns, unit.reminded_ns))


def _alarm(word: str, unit: UnitState, since_ns: int) -> AlarmView:
    return AlarmView(
        alarm=f"{word}:{unit.config.name}",
        priority=sentences.priority(word),
        text=sentences.standing(word, "", unit.config.profile.off.unknown_text),
        since_mono_ns=since_ns,
    )
