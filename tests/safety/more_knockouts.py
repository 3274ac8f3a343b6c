"""Mitigations taken out that lie beside the engine: bounds, maps, files, locks and keys. See ``knockouts``."""

import fcntl
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import replace

import msgspec
from textual.app import App
from textual.binding import BindingsMap

from devices import dose
from devices.limits import Limit
from modctl.clinic import library
from modctl.controller import frontdesk, host, prepare, startup
from modctl.engine import bounds, checks, phases
from modctl.engine.effects import Command
from modctl.engine.phases import SessionState
from protocols import modbus_inspect, registers
from protocols.registers import Effect, Register, RegisterMap
from tests.safety.knockouts import FOR_EVER_NS, patched
from tui.app import TableApp

HEAD = ("hard-us-head", "us-head-temperature")


def without_head_temperature() -> AbstractContextManager[None]:
    """Nobody holds the head's temperature against anything."""
    made = prepare._limits  # noqa: SLF001  # the knock-out wraps it

    def others(order: prepare.Order, wanted: prepare._Wanted) -> tuple[Limit, ...]:  # as above
        return tuple(row for row in made(order, wanted) if row.id not in HEAD)

    return patched((prepare, "_limits", others))


def without_dose_by_area() -> AbstractContextManager[None]:
    """Any energy goes through any area."""
    return patched((bounds, "US_DOSE", msgspec.structs.replace(bounds.US_DOSE, bound=FOR_EVER_NS)))


def without_density() -> AbstractContextManager[None]:
    """Electrodes have no size."""

    def none(_values: Mapping[str, int]) -> int:
        return 0

    blind = {**dose.QUANTITIES, "density_ua_cm2": none, "power_density_uw_cm2": none}
    return patched((checks, "QUANTITIES", blind))


def with_every_register_known() -> AbstractContextManager[None]:
    """Whatever is written is taken for something harmless of the map."""

    def harmless(_request: object, unit: RegisterMap) -> tuple[tuple[Register, int], ...]:
        return tuple((row, 0) for row in unit.registers if row.effect is Effect.CONFIG)[:1]

    return patched((modbus_inspect, "_stated", harmless))


def without_file_locks() -> AbstractContextManager[None]:
    """Locks lock nothing."""

    def nothing(*_anything: object) -> None:
        return None

    return patched((fcntl, "flock", nothing))


def without_priority_of_stop_keys(screen: type[App[None]] = TableApp) -> AbstractContextManager[None]:
    """Stop keys are keys like all others: who has the focus takes them first."""
    last, first = BindingsMap(), screen._merged_bindings or BindingsMap()  # noqa: SLF001  # textual's own table
    for key, bindings in first.key_to_bindings.items():
        last.key_to_bindings[key] = [replace(binding, priority=False) for binding in bindings]
    return patched((screen, "_merged_bindings", last))


def without_hashes_of_presets() -> AbstractContextManager[None]:
    """Every file has the same hash."""

    class Same:
        """Stands in for ``hashlib``."""

        @staticmethod
        def sha256(_raw: bytes) -> "Same":
            """Whatever it is."""
            return Same()

        @staticmethod
        def hexdigest() -> str:
            """Always this."""
            return "0" * 64

    return patched((library, "hashlib", Same))


def without_narrowing() -> AbstractContextManager[None]:
    """Nothing is ever wider than its parent."""

    def fine(_outer: Limit, _inner: Limit) -> str:
        return ""

    return patched((bounds, "_is_wider", fine))


def without_clock_watch() -> AbstractContextManager[None]:
    """No jump of a clock is large enough to be seen."""
    return patched((host, "JUMP_MS", FOR_EVER_NS), (startup, "JUMP_MS", FOR_EVER_NS))


def with_clamping_registers() -> AbstractContextManager[None]:
    """What does not fit a register is moved to its bound."""
    exact = registers.encode

    def clamped(register: Register, value: int) -> tuple[int, ...]:
        return exact(register, min(max(value, register.min or 0), register.max or value))

    return patched((registers, "encode", clamped))


def with_every_release_at_full_speed() -> AbstractContextManager[None]:
    """Every off is as fast as the unit can."""
    made = phases._off  # noqa: SLF001  # the knock-out wraps it

    def at_once(state: SessionState, *, fast: bool) -> Command:  # noqa: ARG001  # the function's own shape
        return made(state, fast=True)

    return patched((phases, "_off", at_once))


def without_a_look_at_the_site() -> AbstractContextManager[None]:
    """Whatever site it is, and whatever lies on its disk: sessions begin, and a script may answer."""

    def nothing(*_anything: object) -> None:
        return None

    return patched((frontdesk.FrontDesk, "_site_refusal", nothing))
