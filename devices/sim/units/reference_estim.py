"""The reference stimulator for medium frequencies, from its published map (the common half: ``devices.sim.reference``).

======  ==============================================================================================================
12      number of circuits
23      measured current, 100 µA (the circuit that is farther from the set one); FFFF: no value
24      waveform in force      25  carrier in force, Hz      26  beat in force, Hz     27  duty in force, thousandths
28      load, 10 ohm; FFFF: above 100 kilohm                 29  compliance: 0 follows, 1 limited
30      set current, 100 µA
36      set current, peak of each circuit, 100 µA: 0 to 1000
37      waveform: 1 interferential, 2 premodulated, 3 Russian
38      carrier, Hz: 1000 to 10000     39  beat or burst, Hz: 1 to 250    40  burst duty, thousandths: 100 to 1000
======  ==============================================================================================================

Switching on needs a set current of 0. Open electrodes for 100 ms set the current to 0: back in contact it stays there.
The stage is a constant-current source with 150 V: what the load does not let through does not flow.
"""

from typing import Final

from devices.model import MonoNs
from devices.sim.body import OPEN_OHM, impedance_ohm, reachable_ua
from devices.sim.reference import CYCLE_MS, GOOD, NO_UINT, OPEN, POOR, Kind, ReferenceUnit, Setting

GRID_UA: Final = 100
SUPPLY_MV: Final = 150_000
CIRCUITS: Final = 2
OPEN_MS: Final = 100
LOAD_STEP_OHM: Final = 10
HALF_SECOND_US: Final = 500_000  # half of a carrier's period in microseconds is this by its hertz

KIND: Final = Kind(
    model="reference-estim",
    code=2,
    ucum="uA",
    settings=(
        Setting(low=0, high=1000, default=0),
        Setting(low=1, high=3, default=1),
        Setting(low=1000, high=10_000, default=4000),
        Setting(low=1, high=250, default=100),
        Setting(low=100, high=1000, default=1000),
    ),
    can=frozenset({"contact-loss", "partial-lift", "short", "dry-out"}),
    senses=frozenset({"current"}),
)


class ReferenceEstim(ReferenceUnit):
    """One stimulator with two circuits that carry the same current."""

    def __init__(self, name: str, seed: int) -> None:
        self._worn_ms = 0
        self._open_ms = 0
        self._ohm = 1
        self._is_limited = False
        super().__init__(name, seed, KIND)

    def identity_words(self) -> tuple[int, ...]:
        """No accessory with a number of its own; the circuits."""
        return (0, 0, CIRCUITS)

    def readings(self, now_ns: MonoNs) -> tuple[int, ...]:
        """Current, what is in force, load."""
        in_force = zip(("waveform", "carrier", "beat", "duty"), self.held[1:], strict=True)
        return (
            self.word("current", self.amplitude, now_ns, multiply=GRID_UA),
            *(self.word(name, value, now_ns) for name, value in in_force),
            self.word("load", self._ohm, now_ns, multiply=LOAD_STEP_OHM) if self._ohm < OPEN_OHM else NO_UINT,
            self.word("compliance", int(self._is_limited), now_ns),
            self.word("set_current", self.held[0], now_ns),
        )

    def contact(self) -> int:
        """By the load of a test current that nobody feels."""
        if self._ohm >= OPEN_OHM:
            return OPEN
        return POOR if self._is_limited else GOOD

    def refuses_start(self) -> bool:
        """Zero start."""
        return self.held[0] > 0

    def commanded(self) -> int:
        """The set current while switched on."""
        return self.held[0] * GRID_UA if self.is_enabled else 0

    def load(self, amplitude: int, now_ns: MonoNs) -> int:
        """A constant current as far as the supply reaches; none through open electrodes."""
        self._ohm = impedance_ohm(HALF_SECOND_US // self.held[2], self._worn_ms, self.board, now_ns)
        reached = 0 if self._ohm >= OPEN_OHM else reachable_ua(amplitude, SUPPLY_MV, self._ohm)
        self._is_limited = reached < amplitude
        return reached

    def advance(self, now_ns: MonoNs) -> None:  # noqa: ARG002  # the seam's shape
        """Gel soaks in; open electrodes are noticed."""
        if self.is_enabled:
            self._worn_ms += CYCLE_MS
        self._open_ms = self._open_ms + CYCLE_MS if self._ohm >= OPEN_OHM else 0
        if self._open_ms >= OPEN_MS:
            self.held[0] = 0

    def panel(self, value: int) -> int | None:
        """The knob turns the set current."""
        return None if value % GRID_UA else value // GRID_UA
