"""What the frame gate sees: the meaning of one outgoing frame, told by the protocol's decoder side.

Rule 1: a kind is read off the bytes, never off the intention that led to them.
Rule 2: whatever the decoder does not know completely is ``Unknown``, and Unknown is never written.
Rule 3: ``Off`` is the safe state of the profile, not the number 0; a level of 0 is ``Energize``.
"""

import msgspec

# Levels are (canonical parameter name, integer) pairs in the order of the frame; the unit is in the name.
Levels = tuple[tuple[str, int], ...]


class Off(msgspec.Struct, frozen=True, tag="off"):
    """The frame commands the safe state or a part of it, and can only take energy away."""


class Query(msgspec.Struct, frozen=True, tag="query"):
    """The frame only asks. ``feeds_lease`` says whether asking keeps the unit's output alive."""

    feeds_lease: bool = False


class Config(msgspec.Struct, frozen=True, tag="config"):
    """The frame sets something that by itself puts out nothing: a timer, a limit of the unit, a mode.

    ``feeds_lease`` is true for a write of the lease register; ``values`` then carries the permit's sequence.
    """

    values: Levels = ()
    feeds_lease: bool = False


class Energize(msgspec.Struct, frozen=True, tag="energize"):
    """The unit's output may differ from off after this frame, at the given levels.

    One entry of ``channels`` per output channel that the frame drives, each with every level that the frame
    states for it. A frame that switches output on without stating levels (an enable bit) has ``channels``
    ``((),)``: the gate then judges the levels that were written last. Empty ``channels``: the output stage is armed
    and no channel is driven yet; the frame needs a permit, and there is no level to judge.
    """

    channels: tuple[Levels, ...]


class Unknown(msgspec.Struct, frozen=True, tag="unknown"):
    """The frame is not of the whitelist, or does not parse: it must not be written."""

    why: str


FrameKind = Off | Query | Config | Energize | Unknown
