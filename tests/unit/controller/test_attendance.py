"""Who watches which session, and when that is over."""

import pytest

from devices.model import MonoNs
from modctl.controller.attendance import SILENT_NS, Attendance, Lost

T0 = MonoNs(5_000)


def test_a_connection_that_ends_loses_what_it_attends_and_nothing_else() -> None:
    """Two screens, two tables: one closed terminal stops one table."""
    attendance = Attendance()
    attendance.attend("a", 1, T0, beats=True)
    attendance.attend("b", 2, T0, beats=True)
    lost = attendance.gone(1)

    assert ["a"] == [one.session for one in lost]
    assert [] == list(attendance.gone(1))
    assert ("b",) == tuple(attendance.attended())


@pytest.mark.parametrize(("after_ns", "lost"), [(SILENT_NS - 1, []), (SILENT_NS, ["a"]), (SILENT_NS + 1, ["a"])])
def test_a_screen_is_lost_at_one_second_of_silence(after_ns: int, lost: list[str]) -> None:
    """The bound is a promise (hazard H09): a second, counted from the last beat."""
    attendance = Attendance()
    attendance.attend("a", 1, T0, beats=True)
    attendance.beat(1, MonoNs(T0 + 10))
    found = attendance.silent(MonoNs(T0 + 10 + after_ns))

    assert lost == [one.session for one in found]


def test_a_loss_is_told_once() -> None:
    """The session is being stopped; saying it again each tick would drown the chart."""
    attendance = Attendance()
    attendance.attend("a", 1, T0, beats=True)
    late = MonoNs(T0 + 2 * SILENT_NS)

    assert [Lost("a", "its screen is frozen")] == list(attendance.silent(late))
    assert [] == list(attendance.silent(MonoNs(late + SILENT_NS)))


def test_a_client_that_does_not_beat_is_lost_only_with_its_connection() -> None:
    """A script that runs one session has no frames to show; its end is its loss."""
    attendance = Attendance()
    attendance.attend("a", 1, T0, beats=False)

    assert [] == list(attendance.silent(MonoNs(T0 + 100 * SILENT_NS)))
    assert ["a"] == [one.session for one in attendance.gone(1)]


def test_who_acts_on_a_session_takes_it_over() -> None:
    """The therapist walks to another screen and steps the level there: the first may now be closed."""
    attendance = Attendance()
    attendance.attend("a", 1, T0, beats=True)
    attendance.attend("a", 2, T0, beats=True)

    assert [] == list(attendance.gone(1))
    assert ["a"] == [one.session for one in attendance.gone(2)]


def test_a_session_that_is_over_needs_nobody() -> None:
    """The screen may be closed after the end without anything being stopped."""
    attendance = Attendance()
    attendance.attend("a", 1, T0, beats=True)
    attendance.forget("a")

    assert [] == list(attendance.gone(1))
    assert [] == list(attendance.silent(MonoNs(T0 + 2 * SILENT_NS)))
