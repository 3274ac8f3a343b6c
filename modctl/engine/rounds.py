"""What is looked at again and again without anybody asking: tanks, and alarms that nobody has answered."""

from collections.abc import Sequence

from modctl.engine import events as ev
from modctl.engine.effects import Append
from modctl.engine.pairs import Pairs, starts
from modctl.engine.phases import TAKE_OFF, SessionState, alarm
from modctl.engine.tanks import CLOSES, WARNS, Reading, closed_text, read
from modctl.engine.unit import BAND_UNKNOWN, NOTE_TANK_NS, UnitState
from modctl.records import Draft, TankRead


class Rounds(Pairs):
    """The engine's own rounds through the house; part of every step."""

    def look_after_tanks(self, units: Sequence[UnitState]) -> None:
        """Chart how warm tanks are: each change of band at once, and what stays as it is every ten minutes."""
        for unit in units:
            if not unit.config.profile.is_tank or (unit.sample is None and not unit.band):
                continue
            found = read(unit, self._now_ns)
            if found.band != unit.band or self._now_ns - unit.band_ns >= NOTE_TANK_NS:
                self._note_tank(unit, found)

    def _note_tank(self, unit: UnitState, found: Reading) -> None:
        name = unit.config.name
        is_news = found.band != unit.band
        self._set(unit, band=found.band, band_ns=self._now_ns)
        self._append(TankRead(unit=name, temp_mdegc=found.temp_mdegc, band=found.band))
        if is_news and found.band == "too_hot":
            self._append(alarm(f"tank_too_hot:{name}", "medium"))

    def remind_of_units(self, units: Sequence[UnitState]) -> None:
        """A unit of which off is wanted and not known: said again each minute until it is, or a person clears it."""
        for unit in units:
            if self._now_ns >= unit.remind_ns:
                self._set(unit, reminded_ns=self._now_ns)
                word = TAKE_OFF if unit.config.profile.is_by_hand else "off_not_confirmed"
                self._append(alarm(f"{word}:{unit.config.name}", "high"))

    def _tank_problem(self, unit: UnitState) -> tuple[str, str] | None:
        """What the tank of a pack has against a session: a word and a sentence."""
        name = unit.config.tank
        if not name:
            return None
        tank = self._units.get(name)
        found = Reading(band=BAND_UNKNOWN) if tank is None else read(tank, self._now_ns)
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
