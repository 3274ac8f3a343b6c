"""E-stim at the table, checks 5 and 6 of the acceptance list: what stops nothing, and holds a raise."""

from devices.model import Direction
from modctl.engine import events as ev
from modctl.engine.machine import Phase
from tests.scenario.conftest import Lay
from tests.scenario.table import Table

ESTIM, INTERFERENTIAL = "reference-estim", "hip-interferential"


def raised(table: Table, session: str) -> str | None:
    """A person asks for more; why not, if not."""
    table.tell(session, ev.LevelAsked(actor="therapist", direction=Direction.UP))
    return table.world.replies[-1].reason or None


def test_es_5_a_partly_lifted_electrode_is_not_raised(lay: Lay) -> None:
    """Half the area: past 2 mA/cm², a medium alarm, no raise while it lasts, and no stop."""
    table = lay(ESTIM)
    session = table.start(ESTIM, INTERFERENTIAL, 300, current_ua=45_000)
    table.run_s(60)
    assert (45_000, None) == (table.state(session).riding.level, raised(table, session))

    table.run_s(1)
    level = table.state(session).riding.level
    table.inject(ESTIM, "partial-lift", permille=500)
    table.run_s(2)
    assert ["electrode_lifting"] == table.alarms(session)
    why = raised(table, session)
    assert why is not None
    assert "partly off" in why
    assert "uA/cm2" in why
    table.run_s(5)
    assert (Phase.RUNNING, level) == (table.state(session).phase, table.state(session).riding.level)

    table.clear(ESTIM)
    table.run_s(2)
    assert raised(table, session) is None
    table.stop_all()
    table.run_s(3)


def test_es_6_a_level_that_the_output_does_not_follow_is_not_counted(lay: Lay) -> None:
    """The unit is at its end of 150 V: no raise, the alarm says so, and the record has the level that was followed."""
    table = lay(ESTIM)
    session = table.start(ESTIM, INTERFERENTIAL, 300, current_ua=20_000)
    table.run_s(30)
    table.inject(ESTIM, "partial-lift", permille=870)  # above 8 kilohm: 18 mA is its end
    table.tell(session, ev.LevelAsked(actor="therapist", direction=Direction.HOLD))
    table.run_s(2)
    assert "output_does_not_follow" in table.alarms(session)

    why = raised(table, session)
    table.run_s(10)
    assert why is not None
    assert "Output does not follow: 20000 commanded, 1" in why
    assert (Phase.RUNNING, 20_000) == (table.state(session).phase, table.state(session).riding.level)

    table.clear(ESTIM)
    table.run_s(2)
    for _ in range(4):
        assert raised(table, session) is None
        table.run_s(0.5)
    table.run_s(3)  # a level counts when it was held for as long as the unit may take to settle
    table.inject(ESTIM, "partial-lift", permille=870)
    table.run_s(2)
    table.stop_all()
    ended = table.run_to_end(session, limit_s=5)
    reached = ended["reached"]
    assert isinstance(reached, dict)
    assert 20_000 < int(str(reached["value"])) <= table.state(session).riding.level
