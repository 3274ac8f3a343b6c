"""Every fault of the menu that a unit can have: how its session ends, how soon that is decided, how soon off is true.

The table is the claim. ``decided_ms`` is from the fault to the decision to stop (END: the planned time was over);
``off_ms`` from that decision to the output's true end, past every lie on the wire (NEVER: a person must act, and is
told so). A residual is a fault that this unit cannot show on its line: it is stated here, not hidden.
"""

from collections.abc import Sequence

import msgspec
import pytest

from devices.bench import FAULTS
from devices.model import NS_PER_MS
from devices.sim.faults import CannotFail
from modctl.engine.phases import OVER
from modctl.engine.unit import UnitStatus
from modctl.records import SessionEnded
from tests.scenario.conftest import Lay
from tests.scenario.table import Table

END = -1
NEVER = -1
SAMPLE = 150  # ms: one sample and its exchange
STALE = 1_100  # ms: a second without data, and a sample
BUDGET = 300  # ms: the site's stop budget
P24_LEASE, SOUND_LEASE = 2_100, 1_100  # ms: the unit's own watchdog, and its granularity
DEADLINE_MS = 1_000  # both profiles' off.deadline_ms: an unconfirmed end comes so long after its decision
RESIDUAL = "residual"


class Row(msgspec.Struct, frozen=True):
    """One fault at one moment, and what becomes of it. ``at_s`` 0: before the start; ``target`` 0: the preset's own."""

    fault: str
    at_s: float
    outcome: str
    reason: str
    decided_ms: int
    off_ms: int
    parameters: tuple[tuple[str, int], ...] = ()
    target: int = 0
    note: str = ""

    def __str__(self) -> str:
        return f"{self.fault}@{self.at_s:g}" + (f"+{self.target}" if self.target else "")


P24_ROWS = (
    # The wire. Nothing comes back: stopped blind, unconfirmed; what does not hear Off ends by its lease.
    Row("silence", 8, "unconfirmed", "no_data", STALE, P24_LEASE),
    Row("silence", 0, "unconfirmed", "command_unanswered", SAMPLE, 0),
    Row("mute", 8, "unconfirmed", "no_data", STALE, BUDGET),
    Row("mute", 0, "unconfirmed", "command_unanswered", SAMPLE, 0),
    Row("half-open-tx", 8, "unconfirmed", "no_data", STALE, BUDGET),
    Row("half-open-rx", 8, "unconfirmed", "no_data", STALE, P24_LEASE),
    Row("disconnect", 8, "unconfirmed", "line_lost", SAMPLE, P24_LEASE),
    Row("delay", 8, "unconfirmed", "no_data", STALE, BUDGET),
    Row("truncate", 8, "unconfirmed", "no_data", STALE, BUDGET),
    Row("oversize", 8, "unconfirmed", "no_data", STALE, BUDGET),
    Row("foreign", 8, "unconfirmed", "foreign_answer", SAMPLE, BUDGET),
    Row("exception", 8, "unconfirmed", "unit_refused", SAMPLE, BUDGET),
    Row("echo", 8, "faulted", "foreign_answer", SAMPLE, BUDGET),
    Row("late-reply", 8, "completed", "planned_time", END, BUDGET, note="one answer lost is one sample lost"),
    Row("two-answer", 8, "completed", "planned_time", END, BUDGET, note="the second of two equal answers is late"),
    # Identity and life.
    Row("reboot", 8, "faulted", "no_data", STALE, 0),
    Row("hang", 8, "unconfirmed", "no_data", STALE, NEVER),
    Row("busy", 8, "unconfirmed", "unit_refused", SAMPLE, P24_LEASE),
    Row("wrong-identity", 8, "completed", "planned_time", END, BUDGET, note="seen at the next handshake"),
    Row("firmware-changed", 8, "completed", "planned_time", END, BUDGET, note="seen at the next handshake"),
    # Sensing: frozen status says running for ever; honest, because nobody can tell.
    Row("frozen", 8, "unconfirmed", "planned_time", END, BUDGET),
    Row("frozen", 0, "faulted", "unit_switched_off", SAMPLE, BUDGET),
    # Output. The unit measures nothing: what it gives beside its state is a stated residual.
    Row("run-away", 8, "completed", "planned_time", END, BUDGET, note=RESIDUAL),
    Row("over-deliver", 8, "completed", "planned_time", END, BUDGET, note=RESIDUAL),
    Row("under-deliver", 8, "completed", "planned_time", END, BUDGET, note=RESIDUAL),
    Row("clip", 8, "completed", "planned_time", END, BUDGET, (("at", 100),), note=RESIDUAL),
    Row("stuck-off", 0, "completed", "planned_time", END, BUDGET, note=RESIDUAL),
    Row("uncommanded-on", 8, "completed", "planned_time", END, BUDGET, (("value", 20_000),), note=RESIDUAL),
    Row("uncommanded-on", 0, "faulted", "unit_exchanged", SAMPLE, BUDGET, (("value", 20_000),)),
    Row("ignore-stop", 8, "unconfirmed", "planned_time", END, P24_LEASE),
    Row("slow-stop", 8, "unconfirmed", "planned_time", END, 1_600),
    Row("accept-ignore", 0, "faulted", "output_unknown", SAMPLE, BUDGET),
    Row("accept-ignore", 8, "completed", "planned_time", END, BUDGET, note="nothing was commanded any more but off"),
    Row("apply-late", 0, "faulted", "output_unknown", SAMPLE, BUDGET),
    Row("apply-twice", 0, "completed", "planned_time", END, BUDGET),
    Row("state-mismatch", 0, "unconfirmed", "unit_exchanged", SAMPLE, 0),
    Row("state-mismatch", 8, "unconfirmed", "unit_switched_off", SAMPLE, BUDGET),
    Row("no-lease", 8, "completed", "planned_time", END, BUDGET, note="the host's own stop does not need it"),
    Row("stuck-on", 8, "unconfirmed", "planned_time", END, NEVER),
    # Body: told from 15 mA on.
    Row("contact-loss", 8, "completed", "planned_time", END, BUDGET, note=RESIDUAL),
    Row("contact-loss", 18, "stopped", "elapsed_limit", END, BUDGET, target=16_000, note="paused until then"),
    Row("partial-lift", 8, "completed", "planned_time", END, BUDGET, note=RESIDUAL),
    Row("short", 8, "completed", "planned_time", END, BUDGET, note=RESIDUAL),
    Row("dry-out", 8, "completed", "planned_time", END, BUDGET, note=RESIDUAL),
)

SOUND_ROWS = (
    Row("silence", 8, "unconfirmed", "no_data", STALE, SOUND_LEASE),
    Row("silence", 0, "unconfirmed", "command_unanswered", SAMPLE, 0),
    Row("mute", 8, "unconfirmed", "no_data", STALE, SOUND_LEASE),
    Row("half-open-tx", 8, "unconfirmed", "no_data", STALE, SOUND_LEASE),
    Row("half-open-rx", 8, "unconfirmed", "no_data", STALE, SOUND_LEASE),
    Row("disconnect", 8, "unconfirmed", "line_lost", SAMPLE, SOUND_LEASE),
    Row("delay", 8, "unconfirmed", "no_data", STALE, SOUND_LEASE),
    Row("truncate", 8, "unconfirmed", "no_data", STALE, SOUND_LEASE),
    Row("oversize", 8, "unconfirmed", "no_data", STALE, SOUND_LEASE),
    Row("echo", 8, "unconfirmed", "no_data", STALE, SOUND_LEASE),
    Row("foreign", 8, "unconfirmed", "foreign_answer", SAMPLE, BUDGET),
    Row("exception", 8, "unconfirmed", "unit_refused", SAMPLE, BUDGET),
    Row("two-answer", 8, "faulted", "foreign_answer", SAMPLE, BUDGET),
    Row("late-reply", 8, "completed", "planned_time", END, BUDGET, note="one answer lost is one sample lost"),
    Row("reboot", 8, "faulted", "unit_switched_off", 600, 0),
    Row("hang", 8, "unconfirmed", "no_data", STALE, NEVER),
    Row("busy", 8, "unconfirmed", "unit_refused", SAMPLE, SOUND_LEASE),
    Row("wrong-identity", 8, "completed", "planned_time", END, BUDGET, note="seen at the next handshake"),
    Row("firmware-changed", 8, "completed", "planned_time", END, BUDGET, note="seen at the next handshake"),
    Row("timer-early", 0, "faulted", "unit_fault:timer-ended", 13_000, 0),
    Row("timer-late", 0, "completed", "planned_time", END, BUDGET, note="the host's own clock ends it"),
    Row("frozen", 8, "unconfirmed", "readings_frozen", 350, BUDGET),
    Row("stuck", 8, "faulted", "limit:us-intensity-deviates", SAMPLE, BUDGET, (("value", 1),)),
    Row("offset", 8, "unconfirmed", "limit:us-intensity-deviates", SAMPLE, BUDGET, (("value", 300),)),
    Row("drift", 8, "unconfirmed", "limit:us-intensity-deviates", 700, BUDGET, (("per_s", 200),)),
    Row("no-value", 8, "unconfirmed", "output_unknown", SAMPLE, BUDGET),
    Row("noise", 8, "completed", "planned_time", END, BUDGET, note="a tenth lies inside the tolerance of a fifth"),
    Row("run-away", 8, "faulted", "limit:us-intensity-deviates", 350, BUDGET),
    Row("run-away", 0, "faulted", "limit:us-intensity-deviates", 700, BUDGET),
    Row("over-deliver", 8, "faulted", "limit:us-intensity-deviates", SAMPLE, BUDGET),
    Row("under-deliver", 8, "faulted", "limit:us-intensity-deviates", SAMPLE, BUDGET),
    Row("clip", 8, "faulted", "limit:us-intensity-deviates", SAMPLE, BUDGET, (("at", 100),)),
    Row("stuck-off", 8, "faulted", "limit:us-intensity-deviates", SAMPLE, BUDGET),
    Row("uncommanded-on", 8, "faulted", "limit:hard-us-intensity", SAMPLE, BUDGET, (("value", 20_000),)),
    Row("panel-change", 8, "faulted", "limit:us-intensity-deviates", SAMPLE, BUDGET, (("value", 800),)),
    Row("ignore-stop", 8, "unconfirmed", "planned_time", END, SOUND_LEASE),
    Row("slow-stop", 8, "unconfirmed", "planned_time", END, SOUND_LEASE),
    Row("accept-ignore", 0, "faulted", "unit_refused", SAMPLE, 0),
    Row("apply-late", 0, "faulted", "unit_refused", SAMPLE, 0),
    Row("apply-twice", 0, "faulted", "limit:us-intensity-deviates", 1_500, BUDGET),
    Row("state-mismatch", 8, "unconfirmed", "output_unknown", SAMPLE, BUDGET),
    Row("no-lease", 8, "completed", "planned_time", END, BUDGET, note="the host's own stop does not need it"),
    Row("stuck-on", 8, "unconfirmed", "planned_time", END, NEVER),
    Row("contact-loss", 8, "stopped", "elapsed_limit", END, BUDGET, note="suspended by the unit until then"),
    Row("partial-lift", 8, "completed", "planned_time", END, BUDGET, note="the unit still calls its coupling good"),
    Row("dry-out", 8, "completed", "planned_time", END, BUDGET, note="not dry yet when the time is over"),
    Row("gel-only", 8, "completed", "planned_time", END, BUDGET, note=RESIDUAL),
    Row("over-temperature", 8, "faulted", "limit:hard-us-head", SAMPLE, BUDGET),
    Row("over-temperature", 0, "faulted", "unit_refused", SAMPLE, 0),
)
UNITS: dict[str, tuple[str, tuple[Row, ...]]] = {
    "hasomed-p24": ("hip-post-tha-tens", P24_ROWS),
    "reference-ultrasound": ("hip-oa-ultrasound-1mhz", SOUND_ROWS),
}
LEVEL = {"hasomed-p24": "current_ua", "reference-ultrasound": "intensity_mw_cm2"}
# Chance decides what these hit: any honest end will do, in the bounds of the unit's own watchdog.
BY_CHANCE = ("drop", "duplicate", "reorder", "corrupt", "forge", "babble", "baud-slip")


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a session under a fault. ``off_ns`` None: the output never ended."""

    ended: SessionEnded
    fault_ns: int
    decided_ns: int
    off_ns: int | None
    status: UnitStatus

    def decided_ms(self) -> int:
        """From the fault to the decision."""
        return (self.decided_ns - self.fault_ns) // NS_PER_MS

    def off_ms(self) -> int | None:
        """From the decision to the output's true end; below 0 where the unit was faster."""
        return None if self.off_ns is None else -((self.decided_ns - self.off_ns) // NS_PER_MS)


def suffer(table: Table, model: str, row: Row) -> Seen:
    """One session with one fault, watched until six seconds after its end."""
    preset = UNITS[model][0]
    asked = {LEVEL[model]: row.target} if row.target else {}
    session = table.ask(model, preset, 15 if row.at_s < 15 else 25, **asked)
    if row.at_s:
        table.answer_all(session)
        table.run_s(row.at_s)
    table.inject(model, row.fault, **dict(row.parameters))
    fault_ns = table.now_ns
    if not row.at_s:
        table.answer_all(session)
    off_ns = watch(table, model, session, fault_ns)
    draft, stamp = next(
        (draft, stamp)
        for draft, stamp in table.chart.entries
        if draft.session == session and isinstance(draft.data, SessionEnded)
    )
    assert isinstance(draft.data, SessionEnded)
    took_ms = DEADLINE_MS if draft.data.off_after_ms is None else draft.data.off_after_ms
    return Seen(
        ended=draft.data,
        fault_ns=fault_ns,
        decided_ns=stamp.mono_ns - took_ms * NS_PER_MS,
        off_ns=off_ns,
        status=table.world.state.units[model].status,
    )


def watch(table: Table, model: str, session: str, fault_ns: int) -> int | None:
    """Run to the end and six seconds beyond; since when the unit is truly off, None if it is not."""
    off_ns: int | None = None
    left = 600
    while left:
        table.run_s(0.01)
        truth = table.truth(model)
        if truth.energized:
            off_ns = None
        elif off_ns is None:
            off_ns = max(truth.changed_at_mono_ns, fault_ns)
        left -= table.state(session).phase in OVER
    return off_ns


def cases() -> list[object]:
    """Every row with its unit."""
    return [pytest.param(model, row, id=f"{model}-{row}") for model, (_preset, rows) in UNITS.items() for row in rows]


@pytest.mark.parametrize(("model", "row"), cases())
def test_a_fault_ends_as_the_table_says(lay: Lay, model: str, row: Row) -> None:
    """Outcome and reason in the chart, decision and true off in their time, and free again only after a good end."""
    seen = suffer(lay(model), model, row)
    is_free = seen.status is UnitStatus.READY

    assert is_free is (row.outcome in ("completed", "stopped"))
    assert (row.outcome, row.reason) == (seen.ended.outcome, seen.ended.reason)
    if row.decided_ms != END:
        assert seen.decided_ms() <= row.decided_ms
    off_ms = seen.off_ms()
    if row.off_ms == NEVER:
        assert off_ms is None
    else:
        assert off_ms is not None
        assert off_ms <= row.off_ms


@pytest.mark.parametrize("model", sorted(UNITS))
def test_the_table_has_every_fault_that_the_unit_can_have(model: str) -> None:
    """A fault that is new on the menu needs its row here."""
    table = Table(model)
    given = {"value": 1, "at": 1, "per_s": 1, "mm": 1}
    possible = set()
    for fault, spec in FAULTS.items():
        needed = {
            name: given[name] for name, default in spec.parameters if default is None and name not in spec.optional
        }
        try:
            table.inject(model, fault, **needed)
        except CannotFail:
            continue
        possible.add(fault)

    assert possible == {row.fault for row in UNITS[model][1]} | set(BY_CHANCE)


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("fault", BY_CHANCE)
@pytest.mark.parametrize("model", sorted(UNITS))
def test_whatever_chance_hits_the_end_is_honest(lay: Lay, model: str, fault: str, seed: int) -> None:
    """A bad line may end a session; it may not keep the output on, nor have the chart say off when it is not."""
    seen = suffer(lay(model, seed=seed), model, Row(fault, 8, "", "", END, 0))
    off_ms = seen.off_ms()

    assert seen.ended.outcome in ("completed", "faulted", "unconfirmed")
    assert off_ms is not None
    assert off_ms <= P24_LEASE
    if seen.ended.off_after_ms is not None:
        assert off_ms <= seen.ended.off_after_ms


# What every model must survive in the same way.
EVERYWHERE = ("silence", "disconnect", "hang", "ignore-stop", "stuck-on", "frozen", "reboot")
OTHERS: Sequence[tuple[str, str]] = (
    ("reference-estim", "hip-interferential"),
    ("reference-traction", "hip-traction-intermittent"),
    ("reference-heat", "hip-heat-pad"),
    ("reference-cold", "hip-cold-circulating"),
)


@pytest.mark.parametrize("fault", EVERYWHERE)
@pytest.mark.parametrize(("model", "preset"), OTHERS)
def test_no_model_ends_as_off_while_it_is_on(lay: Lay, model: str, preset: str, fault: str) -> None:
    """Each ends, and where the chart says that off was confirmed, it was off."""
    table = lay(model)
    session = table.start(model, preset, 15)
    table.run_s(6)
    table.inject(model, fault)
    ended = table.run_to_end(session, limit_s=60)
    is_on = table.truth(model).energized

    assert ended["kind"] == "session.ended"
    assert not (ended["off_after_ms"] is not None and is_on)
    assert (ended["outcome"] == "unconfirmed") is (ended["off_after_ms"] is None)
