"""What the technician's screen needs beside the controller. Whoever starts the screen brings it.

Simulators, protocols and files are reached through it alone: the screen itself sees messages and the menu of faults.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from devices.bench import Clear, FaultSpec, Inject, TruthIs
from modctl.ipc.servicing import FrameRow


class Trip(Protocol):
    """Round trips of the frames that were answered before the next one went out; None: none was."""

    @property
    def frames(self) -> int:
        """Frames of ours."""

    @property
    def answered(self) -> int:
        """Those with an answer."""

    @property
    def p50_us(self) -> int | None:
        """Half of the answers took no longer."""

    @property
    def p99_us(self) -> int | None:
        """Of a hundred answers ninety-nine took no longer."""


class ReadFrame(Protocol):
    """Some bytes of a line and what the unit's own protocol makes of them."""

    @property
    def row(self) -> FrameRow:
        """The bytes."""

    @property
    def means(self) -> str:
        """Of ours the kind; of an answer what it says, where that could be read."""


class Setting(Protocol):
    """One thing that a run states, in its canonical unit; bounds are included, ``step`` is the unit's own grid."""

    @property
    def name(self) -> str:
        """The parameter."""

    @property
    def role(self) -> str:
        """level, setting or watched."""

    @property
    def min(self) -> int:
        """The least."""

    @property
    def max(self) -> int:
        """The most."""

    @property
    def step(self) -> int:
        """Between two values."""


class Source(Protocol):
    """Every method blocks and is called in a thread of its own; each raises ModctlError with a sentence."""

    def truths(self) -> Sequence[TruthIs]:
        """What every simulated unit really does."""

    def menu(self, model: str) -> Sequence[FaultSpec]:
        """The faults that a simulated unit of this model can have."""

    def order(self, request: Inject | Clear) -> None:
        """Switch a fault on, or take one or all back."""

    def settings(self, model: str) -> Sequence[Setting]:
        """What a run on a load has to state of this model."""

    def read(self, unit: str, rows: Sequence[FrameRow], *, is_first: bool) -> Sequence[ReadFrame]:
        """What newly seen frames mean; ``is_first``: nothing before them counts."""

    def trip(self, rows: Sequence[FrameRow]) -> Trip:
        """How long answers took."""

    def adapter(self, address: str) -> str:
        """What is between this station and the unit's line, with its latency where it has one."""

    def save(self, path: Path, unit: str, frames: Sequence[ReadFrame]) -> None:
        """Write frames into a new file, as ``modctl unit trace --save`` does."""
