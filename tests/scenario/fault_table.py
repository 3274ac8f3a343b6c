"""Every model with a shipped preset × every fault of the menu, in virtual time, as a table that people read.

``python -m tests.scenario.fault_table [MODEL…] > faults.md`` writes it as Markdown. What a real line and real processes
add is in ``tests/process/test_fault_table.py``.
"""

import sys
from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from devices.bench import FAULTS
from devices.model import NS_PER_MS
from devices.profile import load
from devices.sim.faults import CannotFail
from modctl import sentences, text
from modctl.engine.phases import OVER
from modctl.records import Alarm, SessionEnded
from tests.scenario.table import Table

PRESETS: Final = {
    "hasomed-p24": "hip-post-tha-tens",
    "hasomed-rehastim2": "hip-post-tha-tens",
    "reference-ultrasound": "hip-oa-ultrasound-1mhz",
    "reference-estim": "hip-interferential",
    "reference-traction": "hip-traction-intermittent",
    "reference-heat": "hip-heat-pad",
    "reference-cold": "hip-cold-circulating",
}
GIVEN: Final = {"value": 5_000, "at": 6, "mm": 20, "per_s": 5_000}  # parameters of the menu that have no default
AT_S: Final = 6.0
PLANNED_S: Final = 12
STEP_S: Final = 0.02
LIMIT_S: Final = 90  # longer than any lease, deadline and elapsed limit of so short a session
AFTER_S: Final = 3.0  # longer than any lease
NOBODY_CAN: Final = frozenset({"hang", "stuck-on"})  # a hand on the plug is what is left
SPARE_MS: Final = 300  # a sample under way and two exchanges


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """What one fault came to. ``off_ms``: from the decision to stop to the output's true end; None: it never ended."""

    model: str
    fault: str
    outcome: str = ""
    reason: str = ""
    decided_ms: int = 0
    off_ms: int | None = None
    alarms: tuple[str, ...] = ()
    cannot: str = ""

    def said(self) -> str:
        """What the therapist reads at the end."""
        if self.outcome == "unconfirmed":
            return " ".join(sentences.alarm(word) for word in self.alarms if word == "off_not_confirmed")
        return f"{text.outcome(self.outcome)}: {sentences.reason(self.reason)}."

    def line(self) -> str:
        """One line of the table."""
        if self.cannot:
            return f"| {self.model} | {self.fault} | | cannot have it | {self.cannot} |"
        off = "never" if self.off_ms is None else f"{max(0, self.off_ms)} ms"
        return f"| {self.model} | {self.fault} | {self.decided_ms} ms, off {off} | {self.outcome} | {self.said()} |"

    def problem(self) -> str:
        """Why this row breaks the promise; empty when it keeps it.

        Off in its time by command or by the unit's own lease and called so, or unconfirmed, with the alarm that says
        what to do by hand.
        """
        if self.cannot:
            return ""
        profile = load(self.model)
        longest = max(profile.off.deadline_ms, profile.off.budget_ms, profile.liveness.lease_ms) + SPARE_MS
        if self.outcome == "unconfirmed":
            if "off_not_confirmed" not in self.alarms:
                return "unconfirmed without its alarm"
            return "" if self.fault in NOBODY_CAN or self._is_off(longest) else f"on for {self.off_ms} ms"
        if self.outcome not in ("completed", "stopped", "faulted"):
            return f"no end: {self.outcome}"
        return "" if self._is_off(longest) else f"called {self.outcome} and on for {self.off_ms} ms"

    def _is_off(self, longest_ms: int) -> bool:
        return self.off_ms is not None and self.off_ms <= longest_ms


def throw(model: str, fault: str) -> Row:
    """One session of twelve seconds, one fault in its middle."""
    table = Table(model)
    session = table.start(model, PRESETS[model], PLANNED_S)
    table.run_s(AT_S)
    spec = FAULTS[fault]
    wanted = {name: GIVEN[name] for name, default in spec.parameters if default is None and name not in spec.optional}
    try:
        table.inject(model, fault, **wanted)
    except CannotFail as why:
        return Row(model=model, fault=fault, cannot=str(why))
    fault_ns = table.now_ns
    off_ns = _watch(table, model, session)
    ended, ended_ns = next(
        (draft.data, stamp.mono_ns)
        for draft, stamp in table.chart.entries
        if draft.session == session and isinstance(draft.data, SessionEnded)
    )
    assert isinstance(ended, SessionEnded)
    took_ms = load(model).off.deadline_ms if ended.off_after_ms is None else ended.off_after_ms
    decided_ns = ended_ns - took_ms * NS_PER_MS
    return Row(
        model=model,
        fault=fault,
        outcome=ended.outcome,
        reason=ended.reason,
        decided_ms=(decided_ns - fault_ns) // NS_PER_MS,
        off_ms=None if off_ns is None else (off_ns - decided_ns) // NS_PER_MS,
        alarms=tuple(draft.data.alarm for draft, _stamp in table.chart.entries if isinstance(draft.data, Alarm)),
    )


def _watch(table: Table, model: str, session: str) -> int | None:
    """Run to the end and some seconds beyond; since when the unit is truly off, None if it is not."""
    off_ns: int | None = None
    limit_ns = table.now_ns + int(LIMIT_S * 1_000) * NS_PER_MS
    left_s = AFTER_S
    while left_s > 0 and table.now_ns < limit_ns:
        table.run_s(STEP_S)
        if table.truth(model).energized:
            off_ns = None
        elif off_ns is None:
            off_ns = table.truth(model).changed_at_mono_ns
        left_s -= STEP_S if table.state(session).phase in OVER else 0
    return off_ns


def rows(models: Sequence[str]) -> Iterator[Row]:
    """The table, model by model in the order of the menu."""
    for model in models:
        for fault in FAULTS:
            yield throw(model, fault)


def main(models: Sequence[str]) -> int:
    """Print the table; 1 when a row breaks the promise."""
    sys.stdout.write("| model | fault | stopped after the fault, off after the stop | outcome | what is said |\n")
    sys.stdout.write("|---|---|---|---|---|\n")
    broken = []
    for row in rows(models or tuple(PRESETS)):
        sys.stdout.write(row.line() + "\n")
        if row.problem():
            broken.append(f"{row.model} {row.fault}: {row.problem()}")
    sys.stderr.write("\n".join([*broken, f"{len(broken)} rows break the promise", ""]))
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
