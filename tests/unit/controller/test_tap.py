"""What went over a line, for whoever looks: bounded, off when nobody does, and how long answers took."""

from devices.model import MonoNs
from modctl.cli.trace import round_trip
from modctl.controller.tap import IN, OPEN_NS, OUT, PAGE_BYTES, RING, Tap, fitting
from modctl.ipc.servicing import FrameRow


def test_nothing_is_kept_before_somebody_looks_and_after_nobody_does() -> None:
    """A day of frames in memory would serve nobody."""
    tap = Tap()
    tap.saw(OUT, b"early", MonoNs(0))
    assert () == tap.look(0, MonoNs(1))

    tap.saw(OUT, b"seen", MonoNs(2))
    tap.saw(IN, b"late", MonoNs(1 + OPEN_NS))

    assert [(1, 2, OUT, b"seen")] == [(one.seq, one.at_ns, one.way, one.frame) for one in tap.look(0, MonoNs(3))]


def test_the_oldest_frames_go_first_and_leave_a_gap_in_the_numbers() -> None:
    """Whoever looks too seldom can tell what was not shown."""
    tap = Tap()
    tap.look(0, MonoNs(0))
    for number in range(RING + 5):
        tap.saw(OUT, bytes([number % 256]), MonoNs(number))
    seen = tap.look(3, MonoNs(9))

    assert (6, RING + 5, RING) == (seen[0].seq, seen[-1].seq, len(seen))
    assert () == tap.look(RING + 5, MonoNs(9))


def test_an_answer_holds_as_many_frames_as_fit_and_one_at_least() -> None:
    """The rest comes with the next question; a line on the socket is bounded."""
    tap = Tap()
    tap.look(0, MonoNs(0))
    for _ in range(4):
        tap.saw(IN, bytes(PAGE_BYTES // 3), MonoNs(1))
    tap.saw(IN, bytes(PAGE_BYTES * 2), MonoNs(1))
    seen = tap.look(0, MonoNs(2))

    assert 2 == len(fitting(seen))
    assert 1 == len(fitting(seen[4:]))
    assert () == fitting(())


def row(seq: int, way: str, at_us: int) -> FrameRow:
    """Some bytes at a microsecond."""
    return FrameRow(seq=seq, at_mono_ns=at_us * 1_000, way=way, frame="00")


def test_a_round_trip_is_from_a_frame_to_the_first_bytes_behind_it() -> None:
    """Neither the rest of an answer nor a frame without one counts as an answer."""
    ways = [("out", 0), ("in", 30), ("in", 35), ("out", 100), ("out", 200), ("in", 210), ("in", 211)]
    trip = round_trip("u1", [row(seq, way, at_us) for seq, (way, at_us) in enumerate(ways)])

    assert (3, 2, 10, 30) == (trip.frames, trip.answered, trip.p50_us, trip.p99_us)


def test_a_silent_line_has_no_round_trip() -> None:
    """Not a fast one."""
    trip = round_trip("u1", [row(1, "out", 0)])

    assert (1, 0, None, None) == (trip.frames, trip.answered, trip.p50_us, trip.p99_us)
