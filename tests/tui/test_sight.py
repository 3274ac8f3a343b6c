"""What a screen may claim: nothing older than it may be, and never off for unknown."""

import msgspec
import pytest

from modctl.ipc.messages import SessionView, Snapshot
from tests.tui.fakes import HandClock, asked, second_session, session, snapshot, unit
from tui.sight import Link, Showing, Sight, StopKey, StopTarget, showing, stop_target, tabs_after

MS = 1_000_000


def sight_of(*views: SessionView, snapshot_age_ms: int = 0, **changes: object) -> Sight:
    """A sight of these sessions, the first of them large."""
    clock = HandClock()
    told = snapshot(clock, *views)
    sight = Sight(
        now_ns=clock.now_ns + snapshot_age_ms * MS,
        link=Link.UP,
        snapshot=told,
        tabs=tuple(view.session for view in views),
        large=views[0].session if views else None,
    )
    return msgspec.structs.replace(sight, **changes)


def without_snapshot(sight: Sight) -> Sight:
    """The same before anything was heard."""
    return msgspec.structs.replace(sight, snapshot=None)


@pytest.mark.parametrize(
    ("sample_age_ms", "snapshot_age_ms", "expected"),
    [
        (0, 0, Showing.ENERGIZED),
        (400, 599, Showing.ENERGIZED),
        (400, 600, Showing.ENERGIZED),
        (400, 601, Showing.NO_DATA),
        (1_001, 0, Showing.NO_DATA),
        (0, 1_001, Showing.NO_DATA),
    ],
)
def test_the_ages_of_sample_and_snapshot_add_up(sample_age_ms: int, snapshot_age_ms: int, expected: Showing) -> None:
    """What the unit said is as old as the way it took; at the limit it still counts, beyond it there is no data."""
    view = session(age_ms=sample_age_ms, stale_ms=1_000)

    assert expected == showing(sight_of(view, snapshot_age_ms=snapshot_age_ms), view)


@pytest.mark.parametrize(
    ("view", "expected"),
    [
        (session(output="off", phase="paused"), Showing.OFF),
        (session(output="suspended"), Showing.SUSPENDED),
        (session(output="unknown"), Showing.UNKNOWN),
        (session(output="a word from tomorrow"), Showing.UNKNOWN),
        (session(age_ms=None), Showing.NO_DATA),
        (session(phase="unconfirmed", output="off"), Showing.UNKNOWN),
        (session(phase="ended", outcome="stopped", age_ms=None), Showing.OFF),
    ],
)
def test_unknown_is_never_shown_as_off(view: SessionView, expected: Showing) -> None:
    """Only a fresh *off*, or an end that was confirmed, reads as off."""
    assert expected == showing(sight_of(view), view)


def test_without_a_connection_everything_is_no_data() -> None:
    """The last good number may be minutes away from the truth."""
    view = session()

    assert Showing.NO_DATA == showing(sight_of(view, link=Link.LOST), view)


@pytest.mark.parametrize("moved_ms", [-1, -10_000])
def test_a_snapshot_from_the_future_is_not_believed(moved_ms: int) -> None:
    """Two clocks that disagree prove nothing about age."""
    assert not sight_of(session(), snapshot_age_ms=moved_ms).is_current()


LIVE, OTHER, CHECKING, ENDED = session(), second_session(), asked("confirm", session="S-3"), asked(None, after=True)


@pytest.mark.parametrize(
    ("sight", "expected"),
    [
        (sight_of(LIVE, OTHER), StopTarget(StopKey.SESSION, "S-1")),
        (sight_of(OTHER, LIVE), StopTarget(StopKey.SESSION, "S-2")),
        (sight_of(CHECKING, OTHER), StopTarget(StopKey.SESSION, "S-2")),
        (sight_of(CHECKING, LIVE, OTHER), StopTarget(StopKey.EVERYTHING)),
        (sight_of(LIVE, OTHER, large=None), StopTarget(StopKey.EVERYTHING)),
        (sight_of(CHECKING, starting=frozenset({"S-3"})), StopTarget(StopKey.SESSION, "S-3")),
        (sight_of(CHECKING), StopTarget(StopKey.NOTHING)),
        (sight_of(ENDED), StopTarget(StopKey.NOTHING)),
        (sight_of(), StopTarget(StopKey.NOTHING)),
        (sight_of(session(phase="unconfirmed", output="off")), StopTarget(StopKey.SESSION, "S-1")),
        (sight_of(session(phase="paused", output="off")), StopTarget(StopKey.SESSION, "S-1")),
        (sight_of(asked("confirm", output="energized")), StopTarget(StopKey.SESSION, "S-1")),
        (sight_of(snapshot_age_ms=1_001), StopTarget(StopKey.EVERYTHING)),
        (sight_of(link=Link.LOST), StopTarget(StopKey.EVERYTHING)),
        (without_snapshot(sight_of()), StopTarget(StopKey.EVERYTHING)),
    ],
)
def test_escape_steps_back_only_when_nothing_can_be_live(sight: Sight, expected: StopTarget) -> None:
    """In doubt a stop key stops, and with nobody large and several live it stops them all."""
    assert expected == stop_target(sight)


@pytest.mark.parametrize("output", ["energized", "suspended"])
def test_a_unit_with_output_and_no_session_keeps_escape_a_stop(output: str) -> None:
    """Output that no session of this screen knows of is still output."""
    clock = HandClock()
    told: Snapshot = snapshot(clock, units=(unit(output=output),))

    assert StopKey.EVERYTHING is stop_target(Sight(now_ns=clock.now_ns, link=Link.UP, snapshot=told)).key


def told(*views: SessionView) -> Snapshot:
    """A snapshot of these sessions."""
    return snapshot(HandClock(), *views)


@pytest.mark.parametrize(
    ("state", "expected", "key"),
    [
        ("latched", Showing.UNKNOWN, StopKey.SESSION),
        ("missing", Showing.UNKNOWN, StopKey.SESSION),
        ("held", Showing.UNKNOWN, StopKey.SESSION),
        ("ready", Showing.OFF, StopKey.NOTHING),
        ("in-session", Showing.OFF, StopKey.NOTHING),
    ],
)
def test_an_unknown_end_stays_unknown_until_a_person_has_cleared_the_unit(
    state: str, expected: Showing, key: StopKey
) -> None:
    """Only a charted acknowledgement brings a unit back into use; until then the screen goes on asking for a look."""
    view = session(phase="unconfirmed", outcome="unconfirmed", output="off")
    told_so = msgspec.structs.replace(told(view), units=(unit(state=state),))
    sight = sight_of(view, snapshot=told_so)

    assert (expected, key) == (showing(sight, view), stop_target(sight).key)


def test_a_tab_keeps_its_place_when_another_goes() -> None:
    """A finger that learned *2* must not find another patient there."""
    both = tabs_after((None,) * 4, told(LIVE, OTHER), None)
    first_gone = tabs_after(both, told(ENDED, OTHER), None)
    third_came = tabs_after(first_gone, told(OTHER, CHECKING), None)

    assert (("S-1", "S-2", None, None), (None, "S-2", None, None), ("S-3", "S-2", None, None)) == (
        both,
        first_gone,
        third_came,
    )


def test_an_end_stays_on_the_board_until_it_is_answered_and_read() -> None:
    """Skin and pain after are asked of somebody who has walked to the next table meanwhile."""
    open_end = asked("skin_after", after=True)

    assert ("S-1", None) == tabs_after(("S-1", None), told(open_end), None)
    assert ("S-1", None) == tabs_after(("S-1", None), told(ENDED), "S-1")
    assert (None, None) == tabs_after(("S-1", None), told(ENDED), None)
