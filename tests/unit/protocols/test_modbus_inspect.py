"""What outgoing frames mean: the eyes of the frame gate."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.inspect import Config, Energize, FrameKind, Off, Query, Unknown
from protocols.modbus import Framing, Function, Request, encode, read, write
from protocols.modbus_crc import with_crc
from protocols.modbus_inspect import inspect
from protocols.registers import Access, Effect, Register, RegisterMap, Table, WordType


def register(name: str, address: int, effect: Effect, parameter: str | None = None, **more: int) -> Register:
    """One writable register."""
    return Register(
        name=name,
        table=Table.HOLDING,
        address=address,
        type=WordType.UINT32 if effect is Effect.LEASE else WordType.UINT16,
        access=Access.READ if effect is Effect.NONE else Access.READ_WRITE,
        source="made up",
        proven="own",
        parameter=parameter,
        multiply=more.get("multiply", 1),
        min=0,
        max=more.get("max", 0xFFFF),
        effect=effect,
        off_value=0 if effect is Effect.ENABLE else None,
        on_value=1 if effect is Effect.ENABLE else None,
    )


MAP = RegisterMap(
    unit_address=1,
    registers=(
        register("status", 0, Effect.NONE),
        register("enable", 1, Effect.ENABLE, max=1),
        register("set_current", 2, Effect.LEVEL, "current_ua", multiply=100, max=80_000),
        register("waveform", 3, Effect.LEVEL, max=3),
        register("pump", 4, Effect.ENABLE, max=1),
        register("lease", 5, Effect.LEASE, max=0xFFFFFFFF),
        register("timer", 7, Effect.CONFIG, "timer_ms", multiply=100, max=6_500_000),
        register("hours", 9, Effect.NONE),
    ),
)


def meaning(request: Request, framing: Framing = Framing.RTU) -> FrameKind:
    """Of a request, by its bytes."""
    return inspect(encode(request, framing, 0x1234), MAP, framing)


@pytest.mark.parametrize("framing", list(Framing))
@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (read(1, Function.READ_HOLDING, 0, 8), Query(feeds_lease=False)),
        (read(1, Function.READ_HOLDING, 5, 2), Query(feeds_lease=False)),
        (write(1, 1, (0,)), Off()),
        (write(1, 1, (1,)), Energize(((),))),
        (write(1, 2, (800,)), Energize(((("current_ua", 80_000),),))),
        (write(1, 2, (0,)), Energize(((("current_ua", 0),),))),
        (write(1, 2, (50, 2)), Energize(((("current_ua", 5_000), ("waveform", 2)),))),
        (write(1, 1, (1, 50)), Energize(((("current_ua", 5_000),),))),
        (write(1, 3, (2, 1)), Energize(((("waveform", 2),),))),
        (write(1, 5, (1, 2)), Config(values=(("permit", 0x10002),), feeds_lease=True)),
        (write(1, 7, (6000,)), Config(values=(("timer_ms", 600_000),))),
    ],
)
def test_known_frames_mean_what_the_map_says(framing: Framing, request_: Request, expected: FrameKind) -> None:
    """Zero is a level like any other; only the off value of an enable register is Off."""
    assert expected == meaning(request_, framing)


@pytest.mark.parametrize(
    ("request_", "why"),
    [
        (read(2, Function.READ_HOLDING, 0, 1), "for unit 2"),
        (read(1, Function.READ_HOLDING, 6, 1), "reads"),
        (read(1, Function.READ_HOLDING, 7, 3), "reads"),
        (read(1, Function.READ_INPUT, 0, 1), "reads"),
        (write(2, 1, (0,)), "for unit 2"),
        (write(1, 0, (0,)), "not a writable register"),
        (write(1, 8, (0,)), "not a writable register"),
        (write(1, 6, (0,)), "not a writable register"),
        (write(1, 5, (0,)), "a part of lease"),
        (write(1, 2, (801,)), "not in 0..80000"),
        (write(1, 1, (2,)), "not in 0..1"),
        (write(1, 1, (0, 50)), "mixes"),
        (write(1, 4, (0, 1, 2)), "mixes"),
        (write(1, 7, (1, 0)), "not a writable register"),
        (
            Request(unit=1, function=Function.READ_WRITE, address=0, count=1, values=(0,), write_address=1),
            "reads and writes",
        ),
    ],
)
def test_everything_else_is_unknown(request_: Request, why: str) -> None:
    """A frame of which anything is not understood is never written."""
    kind = meaning(request_)

    assert isinstance(kind, Unknown)
    assert why in kind.why


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        encode(write(1, 1, (0,)), Framing.RTU)[:-1],
        encode(write(1, 1, (0,)), Framing.RTU) * 2,
        encode(write(1, 1, (0,)), Framing.RTU)[:-1] + b"\x00",
        encode(write(1, 1, (0,)), Framing.TCP),
        with_crc(b"\x00\x06\x00\x01\x00\x00"),  # a broadcast
        with_crc(b"\x01\x05\x00\x01\xff\x00"),  # a coil
    ],
)
def test_broken_frames_are_unknown(frame: bytes) -> None:
    """Even an Off is Unknown when its bytes are not exactly one frame of this line."""
    assert isinstance(inspect(frame, MAP, Framing.RTU), Unknown)


@given(st.binary(max_size=40))
def test_any_bytes_have_a_kind(junk: bytes) -> None:
    """The gate never fails; with a right checksum it still lets only the map through."""
    for frame in (junk, with_crc(b"\x01" + junk)):
        kind = inspect(frame, MAP, Framing.RTU)

        assert isinstance(kind, Off | Query | Config | Energize | Unknown)
