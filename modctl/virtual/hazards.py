"""The hazard table: what can harm somebody, what stands against it, and the tests that prove it. ``hazards.toml``.

Rule 1: an enforced row names its tests and its knock-outs: the same check with the mitigation taken out, which must
        fail. A row that waits names what it waits for, in the words of the product, and promises nothing.
Rule 2: a row whose tests cannot be knocked out says why not; there is no other exemption.
"""

from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec

from devices.model import Modality

TABLE: Final = Path(__file__).parent.parent / "hazards.toml"


class Hazard(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One row. ``tests`` are test names as ``file::name``; ``knockouts`` functions under ``tests/safety``.

    ``modalities`` empty: every one. ``residual``: what the mitigation does not reach, said openly.
    """

    id: Annotated[str, msgspec.Meta(pattern="^H[0-9]{2}$")]
    hazard: Annotated[str, msgspec.Meta(min_length=1)]
    harm: Annotated[str, msgspec.Meta(min_length=1)]
    cause: Annotated[str, msgspec.Meta(min_length=1)]
    mitigation: Annotated[str, msgspec.Meta(min_length=1)]
    status: Literal["enforced", "waits_for"]
    modalities: tuple[Modality, ...] = ()
    tests: tuple[str, ...] = ()
    knockouts: tuple[str, ...] = ()
    no_knockout: str = ""
    waits_for: str = ""
    residual: str = ""


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    hazard: tuple[Hazard, ...]


def parse(raw: bytes) -> tuple[Hazard, ...]:
    """The rows of a table; msgspec.ValidationError where one is no row."""
    return msgspec.toml.decode(raw, type=_File).hazard


def hazards() -> tuple[Hazard, ...]:
    """The shipped table, in its order."""
    return parse(TABLE.read_bytes())


def findings(rows: tuple[Hazard, ...]) -> tuple[str, ...]:
    """What is wrong with a table by itself, as sentences; what its tests are worth is the test suite's to say."""
    found = [f"{row.id} stands twice" for at, row in enumerate(rows) if row.id in {one.id for one in rows[:at]}]
    for row in rows:
        if row.status == "enforced" and not row.tests:
            found.append(f"{row.id} has no test")
        if row.status == "enforced" and bool(row.knockouts) is bool(row.no_knockout):
            found.append(f"{row.id} needs a knock-out, or one reason why it has none")
        if row.status == "enforced" and row.waits_for:
            found.append(f"{row.id} is enforced and waits for {row.waits_for}")
        if row.status == "waits_for" and not row.waits_for:
            found.append(f"{row.id} waits for nothing")
    return tuple(found)
