"""A scenario: who treats whom with what and when, what people do, what fails; and what must come of it.

Times count from the start of the scenario (``at``) or of their session (``act.at``) and are written as ``500ms``,
``15s``, ``20min``.
"""

import re
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec

from modctl.errors import UnreachableError, UsageError

_DURATION: Final = re.compile(r"([0-9]{1,9})(ms|s|min)")
_UNITS_MS: Final = {"ms": 1, "s": 1_000, "min": 60_000}
Span = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{1,9}(ms|s|min)$")]


def span_ms(span: str) -> int:
    """Milliseconds of a checked span."""
    found = _DURATION.fullmatch(span)
    if found is None:
        raise UsageError(f"{span!r} is no duration; write 500ms, 15s or 20min")
    return int(found[1]) * _UNITS_MS[found[2]]


class _Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Strict data from a scenario file."""


class Run(_Table, frozen=True, kw_only=True):
    """``[run]``."""

    seed: int = 1
    start_utc: str = "2026-01-05T08:00:00Z"


class Unit(_Table, frozen=True, kw_only=True):
    """One simulated unit."""

    name: str
    model: str


class SessionPlan(_Table, frozen=True, kw_only=True):
    """One session; ``name`` is what acts and expectations call it. ``demo`` opens every gate."""

    name: str
    at: Span
    unit: str
    preset: str
    patient: str = "sim-1"
    side: Literal["left", "right"] = "right"
    body_weight_g: int = 80_000
    duration: Span | None = None
    set: dict[str, int] = msgspec.field(default_factory=dict)
    answers: dict[str, str] = msgspec.field(default_factory=dict)


class Act(_Table, frozen=True, kw_only=True):
    """A person does something in a session."""

    at: Span
    session: str
    do: Literal["stop", "pause", "resume", "up", "down", "hold", "leave"]


class FaultPlan(_Table, frozen=True, kw_only=True):
    """A fault of the menu, for a time or to the end."""

    at: Span
    unit: str
    kind: str
    lasts: Span | None = None
    parameters: dict[str, int] = msgspec.field(default_factory=dict)


class Scenario(_Table, frozen=True, kw_only=True):
    """A whole file. ``expect`` maps a session's name to its outcome."""

    run: Run = Run()
    unit: tuple[Unit, ...]
    session: tuple[SessionPlan, ...]
    act: tuple[Act, ...] = ()
    fault: tuple[FaultPlan, ...] = ()
    expect: dict[str, Literal["completed", "stopped", "faulted", "unconfirmed"]] = msgspec.field(default_factory=dict)


# What ``modctl simulate`` runs when no file is named: one session each on the two units of the first minutes.
DEMONSTRATION: Final = Scenario(
    unit=(Unit(name="estim-1", model="hasomed-p24"), Unit(name="ultrasound-1", model="reference-ultrasound")),
    session=(
        SessionPlan(name="tens", at="1s", unit="estim-1", preset="hip-post-tha-tens", duration="5min"),
        SessionPlan(name="ultrasound", at="2s", unit="ultrasound-1", preset="hip-oa-ultrasound-1mhz", duration="5min"),
    ),
    expect={"tens": "completed", "ultrasound": "completed"},
)


def load_scenario(path: Path) -> Scenario:
    """Read one file; UsageError with everything that is wrong, UnreachableError where there is none."""
    try:
        scenario = msgspec.toml.decode(path.read_bytes(), type=Scenario)
    except OSError as why:
        raise UnreachableError(f"{path} cannot be read: {why.strerror}.") from why
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as why:
        raise UsageError(f"{path}: {why}") from why
    findings = [*_unknown_names(scenario)]
    if findings:
        raise UsageError("\n".join(f"{path}: {finding}" for finding in findings))
    return scenario


def _unknown_names(scenario: Scenario) -> list[str]:
    units = {unit.name for unit in scenario.unit}
    sessions = {session.name for session in scenario.session}
    found = [
        f"session {session.name}: no unit {session.unit}" for session in scenario.session if session.unit not in units
    ]
    found += [f"fault {fault.kind}: no unit {fault.unit}" for fault in scenario.fault if fault.unit not in units]
    found += [f"act {act.do}: no session {act.session}" for act in scenario.act if act.session not in sessions]
    found += [f"expect: no session {name}" for name in scenario.expect if name not in sessions]
    return found
