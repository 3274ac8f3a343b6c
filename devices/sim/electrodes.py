"""What simulated stimulators have in common beside their wires: a pulse on each channel, and electrodes under it."""

from typing import ClassVar, Generic, Protocol, TypeVar

from devices.model import NS_PER_MS, MonoNs
from devices.sim.body import impedance_ohm, reachable_ua
from devices.sim.speaker import Speaker

CHANNELS = 8
SILENT: tuple[int, ...] = (0,) * CHANNELS
UNASKED_WIDTH_US = 200  # chosen: how wide the pulses of a stage are that conducts although nobody asked it to


class AnyPulse(Protocol):
    """What one channel repeats."""

    @property
    def peak_ua(self) -> int:
        """Largest current of either sign."""

    @property
    def width_us(self) -> int:
        """Longest phase."""


P = TypeVar("P", bound=AnyPulse)


class Stimulator(Speaker, Generic[P]):
    """One stimulator with a patient on it. While it could put out, its channels carry their pulses."""

    ucum = "uA"
    supply_mv: ClassVar[int]

    def __init__(self, name: str, seed: int, can: frozenset[str]) -> None:
        super().__init__(name, seed, can, channels=CHANNELS)
        self._pulses: dict[int, P] = {}
        self._worn_since_ns: MonoNs | None = None

    def true_channels(self, now_ns: MonoNs) -> tuple[int, ...]:
        """What every channel puts out. The board is asked for a channel until it has seen it fall to 0."""
        if not self._pulses and self._channels == SILENT and not self._faults.active():
            return SILENT
        is_on = self.could_put_out()
        channels = list(SILENT)
        for channel in range(CHANNELS):
            pulse = self._pulses.get(channel) if is_on else None
            if channel and pulse is None and not self._channels[channel]:
                continue
            wanted_ua = self._faults.true_amplitude(0 if pulse is None else pulse.peak_ua, now_ns, channel)
            if wanted_ua:
                channels[channel] = reachable_ua(wanted_ua, self.supply_mv, self._ohm(pulse, now_ns))
        return tuple(channels)

    def _is_worn(self, now_ns: MonoNs) -> None:
        """Somebody is about to use the electrodes: from the first time on they soak in."""
        self._worn_since_ns = now_ns if self._worn_since_ns is None else self._worn_since_ns

    def _ohm(self, pulse: AnyPulse | None, now_ns: MonoNs) -> int:
        worn_ms = 0 if self._worn_since_ns is None else (now_ns - self._worn_since_ns) // NS_PER_MS
        return impedance_ohm(UNASKED_WIDTH_US if pulse is None else pulse.width_us, worn_ms, self._faults, now_ns)
