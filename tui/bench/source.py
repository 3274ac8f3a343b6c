"""What the technician's screen needs beside the controller. Whoever starts the screen brings it.

Simulators, protocols and files are reached through it alone: the screen itself sees messages and the menu of faults.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from devices.bench import Clear, FaultSpec, Inject, TruthIs
from devices.racking import Listing, Remove, Start, Stop
from modctl.ipc.servicing import FrameRow
from modctl.service_records import CheckItem, CheckPoint, UnitChecked

Order = Inject | Clear | Start | Stop | Remove


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


class Item(Protocol):
    """One thing that is looked at or measured beside the output. ``kind``: seen, most (``bound``) or timer."""

    @property
    def id(self) -> str:
        """Its name in the record."""

    @property
    def title(self) -> str:
        """What people call it."""

    @property
    def kind(self) -> str:
        """How it is answered."""

    @property
    def required(self) -> bool:
        """Whether a check without it is no pass."""

    @property
    def bound(self) -> int:
        """What a number must not exceed."""

    @property
    def unit(self) -> str:
        """UCUM of that number."""


class Plan(Protocol):
    """What is measured and looked at on one model; its answers are those that the record will have."""

    @property
    def items(self) -> Sequence[Item]:
        """What is looked at."""

    @property
    def least_points(self) -> int:
        """A calibration with fewer points is none."""

    @property
    def set_unit(self) -> str:
        """UCUM of what is set."""

    @property
    def reads_unit(self) -> str:
        """UCUM of what the meter reads; empty: no meter reads it."""

    @property
    def how(self) -> str:
        """How it is read, and how far off it may be."""

    def point(self, level: int, found: int, left: int | None, era_mm2: int) -> CheckPoint | None:
        """One point against its tolerance; None where it cannot be said."""

    def item(self, item: str, word: str) -> CheckItem | str:
        """One item; a sentence where the word is none."""


class Source(Protocol):
    """Every method may block: those that ask simulators or files are called in a thread of their own.

    Each raises ModctlError with a sentence.
    """

    def rack(self) -> Sequence[tuple[Listing, TruthIs]]:
        """Every simulated unit, and what it really does."""

    def models(self) -> Sequence[tuple[str, str]]:
        """The models of which a simulated unit can be put on a line, each with its modality."""

    def add(self, name: str, model: str, address: str) -> None:
        """Put one more simulated unit on the rack; a path begins in the site's folder. Refused in a real site."""

    def menu(self, model: str) -> Sequence[FaultSpec]:
        """The faults that a simulated unit of this model can have."""

    def order(self, request: Order) -> None:
        """A fault on or back, or a simulated unit started, stopped, removed."""

    def plan(self, model: str) -> Plan:
        """What is measured and looked at on this model."""

    def paper(self, checked: UnitChecked, who: str, report: Path | None, sticker: Path | None) -> Sequence[Path]:
        """Write the service report and the sticker into new files; where they are."""

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
