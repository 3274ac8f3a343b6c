"""The reference traction unit, from its published map (the common half is in ``devices.sim.reference``).

======  ==============================================================================================================
12      minimum pull, N                                      13  release at full speed, N/s
23      measured force, N; FFFF: no value                    24  rate in force, N/s
25      patient's switch: 0 closed, 1 pressed, 2 not connected
26      set force, N                                         28–29  serial number of the load cell
36      set force, N: 15 to 890                              37  rate, N/s: 5 to 50
======  ==============================================================================================================

The servo follows the set force at the rate. Enable 0 releases at full speed (600 N/s), enable 2 at the rate; so do the
lease's end and the patient's switch at full speed, the timer's end at the rate. While the measured force is below the
minimum pull, status is suspended (take-up, slack) and the timer stands. Status is off only after the force was
at or below the minimum pull of 15 N for a second. Switching on is refused unless the patient's switch is connected and
not pressed. Without a reading of the load cell status is fault, never off.
"""

from typing import Final

from devices.model import MonoNs
from devices.sim.faults import Dice
from devices.sim.limb import force_n
from devices.sim.reference import (
    CYCLE_MS,
    NO_UINT,
    OFF_NOW,
    OFF_SLOWLY,
    ON,
    SWITCH,
    TIMER_ENDED,
    Kind,
    ReferenceUnit,
    Setting,
)

MINIMUM_PULL_N: Final = 15  # as on the Eltrac 471, manual p. 26
RELEASE_N_S: Final = 600
HELD_MS: Final = 1_000
NOISE_N: Final = 5
CELL_SERIAL: Final = 90_210
CLOSED, PRESSED, NOT_CONNECTED = range(3)

KIND: Final = Kind(
    model="reference-traction",
    code=3,
    ucum="N",
    settings=(
        Setting(low=MINIMUM_PULL_N, high=890, default=MINIMUM_PULL_N),
        Setting(low=5, high=50, default=50),
    ),
    can=frozenset({"cough", "slack", "switch-open", "switch-missing"}),
    senses=frozenset({"force"}),
    enables=(OFF_NOW, ON, OFF_SLOWLY),
)


class ReferenceTraction(ReferenceUnit):
    """One rope with one load cell."""

    def __init__(self, name: str, seed: int) -> None:
        self._servo_mn = 0
        self._low_ms = HELD_MS
        self._is_slow = False
        self._dice = Dice(seed)
        self._noise_n = 0
        super().__init__(name, seed, KIND)

    def identity_words(self) -> tuple[int, ...]:
        """The load cell, and what the unit keeps to."""
        return (CELL_SERIAL >> 16, CELL_SERIAL & 0xFFFF, MINIMUM_PULL_N, RELEASE_N_S)

    def readings(self, now_ns: MonoNs) -> tuple[int, ...]:
        """Force, rate, switch, set force, cell."""
        return (
            self.word("force", self._measured_n(), now_ns, nothing=NO_UINT),
            self.word("rate", self.held[1], now_ns),
            self.word("switch", self._switch(), now_ns),
            self.word("set_force", self.held[0], now_ns),
            0,
            CELL_SERIAL >> 16,
            CELL_SERIAL & 0xFFFF,
        )

    def refuses_start(self) -> bool:
        """Without the patient's switch nothing pulls."""
        return self._switch() != CLOSED

    def is_suspended(self) -> bool:
        """Pulling, and not yet (or no longer) at the minimum pull."""
        return self._measured_n() < MINIMUM_PULL_N

    def commanded(self) -> int:
        """Where the servo is."""
        return self._servo_mn // 1000

    def load(self, amplitude: int, now_ns: MonoNs) -> int:
        """The limb at the rope."""
        return force_n(amplitude, self.board, now_ns)

    def is_output_off(self) -> bool:
        """At or below the minimum pull, and for a second already."""
        return not self.is_enabled and self.amplitude <= MINIMUM_PULL_N and self._low_ms >= HELD_MS

    def knows_its_output(self) -> bool:
        """Without a reading of the cell nobody knows the force."""
        return not self.board.has("no-value")

    def switch_off(self, why: int = 0, *, slowly: bool = False) -> None:
        """A release takes time; a fast one overtakes a slow one, never the other way."""
        self._is_slow = (slowly or why == TIMER_ENDED) and (self.is_enabled or self._is_slow)
        super().switch_off(why)

    def advance(self, now_ns: MonoNs) -> None:  # noqa: ARG002  # the seam's shape
        """The servo one cycle on, the switch, the second of low force, and the cell's noise."""
        if self.is_enabled and self._switch() != CLOSED:
            self.switch_off(SWITCH)
        rate_n_s = self.held[1] if self.is_enabled or self._is_slow else RELEASE_N_S
        wanted_mn = self.held[0] * 1000 if self.is_enabled else 0
        most_mn = rate_n_s * CYCLE_MS
        self._servo_mn += max(-most_mn, min(most_mn, wanted_mn - self._servo_mn))
        is_low = not self.is_enabled and self.amplitude <= MINIMUM_PULL_N
        self._low_ms = min(self._low_ms + CYCLE_MS, HELD_MS) if is_low else 0
        self._noise_n = self._dice.below(2 * NOISE_N + 1) - NOISE_N

    def rests(self) -> bool:
        """The rope hangs loose."""
        return self._servo_mn == 0

    def panel(self, value: int) -> int | None:
        """The knob turns the set force."""
        return value

    def _measured_n(self) -> int:
        return max(0, self.amplitude + self._noise_n) if self.amplitude else 0

    def _switch(self) -> int:
        if self.board.has("switch-missing"):
            return NOT_CONNECTED
        return PRESSED if self.board.has("switch-open") else CLOSED
