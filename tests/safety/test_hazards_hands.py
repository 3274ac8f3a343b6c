"""Hazards that need a person's hands or eyes: skin under heat and cold, packs, alarms. Each with its knock-out.

The ids are those of the hazard table; see ``test_hazards`` for those that the engine answers alone.
"""

from collections.abc import Callable

import msgspec

from modctl.clinic.presets import Preset
from modctl.engine import core_events as ce
from modctl.engine.machine import Phase
from modctl.records import Alarm
from tests.safety import knockouts as ko
from tests.scenario.table import Table

P24, TENS = "hasomed-p24", "hip-post-tha-tens"
PAD, WARMTH = "reference-heat", "hip-heat-pad"
PACK, HOT = "passive", "hip-hot-pack"


class WarmTable(Table):
    """A table whose pad may be set to all that the unit allows."""

    def preset_of(self, preset_id: str) -> Preset:
        """The shipped one, without its own cap."""
        return msgspec.structs.replace(super().preset_of(preset_id), cap=45_000)


def house_alarms(table: Table) -> list[str]:
    """Alarms that belong to no session."""
    drafts = [draft for draft, _stamp in table.chart.entries if draft.session is None]
    return [draft.data.alarm for draft in drafts if isinstance(draft.data, Alarm)]


def test_h27_heat_that_nobody_looks_at_is_held() -> None:
    """Six minutes on, five of them without a look and one of grace: off, until a person has looked."""
    table = Table(PAD)
    session = table.start(PAD, WARMTH, 1_200)
    table.run_s(355)
    assert table.truth(PAD).energized

    table.run_s(10)

    assert not table.truth(PAD).energized
    assert Phase.PAUSED is table.state(session).phase


def test_h27_skin_that_has_had_its_heat_gets_no_more() -> None:
    """45 °C within every bound of temperature and time, for longer than skin bears it."""
    table = WarmTable(PAD)
    table.inject(PAD, "over-temperature", mdegc=45_000)
    session = table.start(PAD, WARMTH, 1_200, temp_mdegc=45_000)
    table.run_s(240)
    assert Phase.RUNNING is table.state(session).phase

    table.run_s(58)  # 4.8 min are over, and nobody has been asked to look yet

    assert not table.truth(PAD).energized


def test_h34_an_alarm_that_nobody_answers_is_said_again() -> None:
    """A unit of which nobody knows whether it is off: each minute, until a person has cleared it."""
    table = Table(P24)
    session = table.start(P24, TENS, 60)
    table.run_s(6)
    table.inject(P24, "disconnect")
    table.run_to_end(session, limit_s=10)
    table.run_s(185)
    assert 3 == house_alarms(table).count(f"off_not_confirmed:{P24}")

    table.world.post(ce.AcknowledgeUnit(request=99, actor="therapist", unit=P24, statement="cable out, power cut"))
    table.run_s(185)

    assert 3 == len(house_alarms(table))


def test_h51_a_pack_left_on_is_called_for_until_a_person_says_that_it_is_off() -> None:
    """Nobody comes at the end of its time: TAKE THE PACK OFF, again and again, and its minutes run."""
    table = Table(PACK)
    session = table.start(PACK, HOT, 60)
    table.run_s(60 + 300)
    calls = [entry for entry in table.chart.of(session) if entry.get("alarm") == "take_pack_off"]
    assert len(calls) >= 20

    table.take_off(session)
    ended = table.run_to_end(session, limit_s=5)
    table.run_s(60)

    assert int(str(ended["energized_ms"])) >= 355_000
    assert len(calls) == sum(entry.get("alarm") == "take_pack_off" for entry in table.chart.of(session))


KNOCKOUTS: list[ko.Pair] = [
    (test_h27_heat_that_nobody_looks_at_is_held, ko.without_checks),
    (test_h27_skin_that_has_had_its_heat_gets_no_more, ko.without_dose),
    (test_h34_an_alarm_that_nobody_answers_is_said_again, ko.without_reminders),
    (test_h51_a_pack_left_on_is_called_for_until_a_person_says_that_it_is_off, ko.without_reminders),
]


@ko.each(KNOCKOUTS)
def test_without_its_mitigation_a_hazard_is_seen(check: Callable[[], None], knockout: ko.Knockout) -> None:
    """A test that stays green when its mitigation is gone proves nothing."""
    ko.goes_red(check, knockout)


def test_every_hazard_here_has_a_knockout() -> None:
    """Nobody can add one half without the other."""
    assert set() == ko.unpaired(globals(), KNOCKOUTS)
