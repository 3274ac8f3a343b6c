"""What is typed, one line after the other; nothing is sent before the last of them stands. Pure."""

from collections.abc import Callable, Sequence

import msgspec

from devices.bench import FAULTS, MAX_WAIT_MS, Inject, problem_with
from modctl import text
from modctl.ipc.messages import UnitRow
from modctl.ipc.servicing import BenchRun
from tui.bench.source import Setting

NOBODY = "nobody"
LEVEL = "level"
MAX_S = 3_600  # chosen: an hour on a load; the unit's own bounds are looked at by the controller
MS_PER_S = 1_000


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """One line. ``problem`` says what is wrong with what was typed; empty: nothing."""

    label: str
    filled: str = ""
    carries: bool = False  # the same as last time may stand there to be confirmed
    secret: bool = False
    problem: Callable[[str], str] = lambda _: ""


def needed(said: str) -> str:
    """Something has to be typed."""
    return "" if said.strip() else "This is needed. Esc gives up."


def within(spec: Setting) -> Callable[[str], str]:
    """A whole number on the unit's own grid."""

    def problem(said: str) -> str:
        if not said.strip().isdecimal():
            return f"A whole number: {_bounds(spec)}."
        value = int(said)
        if not spec.min <= value <= spec.max or value % spec.step:
            return f"{spec.name} is {_bounds(spec)}, not {value}."
        return ""

    return problem


def run_form(row: UnitRow, parameters: Sequence[Setting]) -> tuple[Ask, ...]:
    """What a bench run needs, in the order in which ``run_request`` takes it."""
    head = [Ask(label="serial number of the head", problem=needed)] if row.heads and not row.head else []
    return (
        Ask(label="load on the output, such as 500 ohm", problem=needed, carries=True),
        *head,
        *(
            Ask(label=f"{spec.name} ({_bounds(spec)})", problem=within(spec), carries=spec.role != LEVEL)
            for spec in _set(parameters)
        ),
        Ask(label=f"seconds (1 to {MAX_S})", problem=_seconds, carries=True),
        Ask(label=f"type {NOBODY}: nobody is connected to {row.name}", problem=_nobody),
    )


def carried(asks: tuple[Ask, ...], before: Sequence[str]) -> tuple[Ask, ...]:
    """The same questions with the answers of last time, where those may stand; none where the questions differ."""
    if len(before) != len(asks):
        return asks
    return tuple(
        msgspec.structs.replace(ask, filled=was) if ask.carries else ask for ask, was in zip(asks, before, strict=True)
    )


def run_request(row: UnitRow, parameters: Sequence[Setting], given: Sequence[str]) -> BenchRun:
    """The request that these lines make."""
    load, *rest = given
    head = rest.pop(0).strip() if row.heads and not row.head else ""
    *levels, seconds, _ = rest
    names = [spec.name for spec in _set(parameters)]
    return BenchRun(
        id=0,
        unit=row.name,
        load=load.strip(),
        nobody_connected=True,
        set=tuple(zip(names, (int(level) for level in levels), strict=True)),
        duration_ms=int(seconds) * MS_PER_S,
        head=head,
    )


def filled(fault: str) -> str:
    """The menu's own parameters, to be changed."""
    return " ".join(f"{name}={'' if default is None else default}" for name, default in FAULTS[fault].parameters)


def inject_problem(fault: str) -> Callable[[str], str]:
    """What is wrong with the parameters of a fault; empty: nothing."""

    def problem(said: str) -> str:
        try:
            words = _integers(fault, said)
        except ValueError:
            return "Write NAME=INTEGER, with spaces between."
        found = problem_with(fault, tuple(pair for pair in words if pair[0] not in _when(fault)))
        late = [name for name, value in words if name in _when(fault) and not 0 <= value <= MAX_WAIT_MS]
        return f"{found}." if found is not None else f"{late[0]} is 0 to {MAX_WAIT_MS}." if late else ""

    return problem


def inject_request(unit: str, fault: str, said: str) -> Inject:
    """The order that this line makes, once nothing is wrong with it."""
    words = _integers(fault, said)
    when = {name: value for name, value in words if name in _when(fault)}
    return Inject(
        name=unit,
        fault=fault,
        parameters=tuple(pair for pair in words if pair[0] not in when),
        after_ms=when.get("after_ms", 0),
        for_ms=when.get("for_ms", 0),
    )


def _when(fault: str) -> tuple[str, ...]:
    """Words about when a fault acts; where the menu has one of them itself, it is the fault's."""
    own = dict(FAULTS[fault].parameters)
    return tuple(name for name in ("after_ms", "for_ms") if name not in own)


def _integers(fault: str, said: str) -> list[tuple[str, int]]:
    """NAME=INTEGER again and again; what may be left out may stand empty. ValueError where it is none."""
    pairs = [word.partition("=") for word in said.split()]
    return [(name, int(value)) for name, _, value in pairs if value or name not in FAULTS[fault].optional]


def _set(parameters: Sequence[Setting]) -> list[Setting]:
    """In the profile's order, the level last: what it means depends on the settings."""
    return sorted(parameters, key=lambda spec: spec.role == LEVEL)


def _bounds(spec: Setting) -> str:
    low, high = text.quantity(spec.name, spec.min), text.quantity(spec.name, spec.max)
    return f"{spec.min} to {spec.max} by {spec.step}; {low} to {high}"


def _seconds(said: str) -> str:
    is_good = said.strip().isdecimal() and 1 <= int(said) <= MAX_S
    return "" if is_good else f"Whole seconds, 1 to {MAX_S}."


def _nobody(said: str) -> str:
    return "" if said.strip() == NOBODY else f"Type {NOBODY} if it is so; Esc gives up. Nothing began."
