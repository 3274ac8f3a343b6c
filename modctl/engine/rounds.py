"""What is looked at again and again without anybody asking: tanks, and alarms that nobody has answered."""

from devices.model import NEVER_NS, NS_PER_S
from modctl.engine import events as ev
from modctl.engine.effects import Append
from modctl.engine.pairs import Pairs, starts
from modctl.engine.phases import TAKE_OFF, SessionState, alarm
from modctl.engine.tanks import CLOSES, NOTE_NS, UNKNOWN, WARNS, Reading, closed_text, fresh_until_ns, read
from modctl.engine.unit import UnitState
from modctl.records import Draft, TankRead

REMIND_UNIT_NS = 60 * NS_PER_S  # chosen: screens go on showing it all the time; once a minute it is said again


class Rounds(Pairs):
    """The engine's own rounds through the house; part of every step."""

    def look_after_tanks(self) -> None:
        """Chart how warm tanks are: each change of band at once, and what stays as it is every ten minutes."""
        for unit in tuple(self._units.values()):
            if not unit.config.profile.is_tank or (unit.sample is None and not unit.band):
                continue
            found = read(unit, self._now_ns)
            if found.band != unit.band or self._now_ns - unit.band_ns >= NOTE_NS:
                self._note_tank(unit, found)

    def _note_tank(self, unit: UnitState, found: Reading) -> None:
        name = unit.config.name
        is_news = found.band != unit.band
        self._set(unit, band=found.band, band_ns=self._now_ns)
        self._append(TankRead(unit=name, temp_mdegc=found.temp_mdegc, band=found.band))
        if is_news and found.band == "too_hot":
            self._append(alarm(f"tank_too_hot:{name}", "medium"))

    def remind_of_units(self) -> None:
        """A unit of which off is wanted and not known: said again each minute until it is, or a person clears it."""
        for unit in tuple(self._units.values()):
            if self._now_ns >= remind_unit_ns(unit):
                self._set(unit, reminded_ns=self._now_ns)
                word = TAKE_OFF if unit.config.profile.is_by_hand else "off_not_confirmed"
                self._append(alarm(f"{word}:{unit.config.name}", "high"))

    def _tank_problem(self, unit: UnitState) -> tuple[str, str] | None:
        """What the tank of a pack has against a session: a word and a sentence."""
        name = unit.config.tank
        if not name:
            return None
        tank = self._units.get(name)
        found = Reading(band=UNKNOWN) if tank is None else read(tank, self._now_ns)
        return (f"tank:{found.band}", closed_text(name, found)) if found.band in CLOSES else None

    def _unit_objection(self, state: SessionState, event: ev.SessionEvent) -> str | None:
        problem = super()._unit_objection(state, event)
        tank = self._tank_problem(self._units[state.setup.unit]) if problem is None and starts(event) else None
        return problem if tank is None else tank[1]

    def _warn_of_tank(self, unit: UnitState, session: str) -> None:
        """The session may go on; what its person should know of the tank stands beside it."""
        tank = self._units.get(unit.config.tank)
        word = None if tank is None else WARNS.get(read(tank, self._now_ns).band)
        if word is not None:
            self._effects.append(Append(draft=Draft(data=alarm(word, "low"), session=session)))


def remind_unit_ns(unit: UnitState) -> int:
    """When a unit's alarm is said again; never, where there is nothing to say."""
    if unit.off_doubt_ns is None or not unit.latched:
        return NEVER_NS
    return max(unit.off_doubt_ns, unit.reminded_ns) + REMIND_UNIT_NS


def tank_wakeup_ns(unit: UnitState) -> int:
    """When a tank is looked at again if it tells nothing before."""
    if not unit.config.profile.is_tank or not unit.band:
        return NEVER_NS
    noted = unit.band_ns + NOTE_NS
    return noted if unit.band == UNKNOWN else min(noted, fresh_until_ns(unit) + 1)
