"""Every page of the bench as text, at three sizes. ``MODCTL_UPDATE_SNAPSHOTS=1`` draws anew: then look at them."""

import msgspec
import pytest

from tests.tui.bench_stage import NOBODY, TRUTH, Stand, begun, on_load, perform
from tests.tui.stage import compare
from tests.tui.test_bench_rack import added, at_rack
from tests.tui.test_bench_sheets import METER, at_ultrasound, recording, types

SIZES = {"80x24": (80, 24), "132x43": (132, 43), "200x60": (200, 60)}
NOTHING = ("",)


async def list_of_units(stand: Stand) -> None:
    """One unit reports off and gives output."""
    stand.made.truth = (msgspec.structs.replace(TRUTH, energized=True, output=7_000, faults=("stuck-on",)),)
    await stand.see()


async def unit(stand: Stand) -> None:
    """With its heads."""
    await at_ultrasound(stand)


async def faults(stand: Stand) -> None:
    """One acts."""
    await stand.see()
    await stand.press("enter", "f", "enter", "down")


async def trace(stand: Stand) -> None:
    """Live."""
    await stand.see()
    await stand.press("enter", "t")


async def question(stand: Stand) -> None:
    """Before the start."""
    await begun(stand)
    await stand.see(on_load(phase="checking", output="off", gates=(NOBODY,), gate="bench_nobody"))


async def running(stand: Stand) -> None:
    """On a load."""
    await begun(stand)
    await stand.see(on_load())


async def reading(stand: Stand) -> None:
    """On a load, while what the meter reads is typed."""
    await running(stand)
    await stand.press("o")


async def actions(stand: Stand) -> None:
    """Of a unit, while another one runs."""
    await running(stand)
    await stand.press("backspace", "colon", "down")


async def key_map(stand: Stand) -> None:
    """Every key, while something runs."""
    await running(stand)
    await stand.press("question_mark")


async def points(stand: Stand) -> None:
    """Three of them, one out and adjusted."""
    await at_ultrasound(stand)
    await stand.press("o")
    await types(stand, METER, ("degassed water",), ("500", "1900", "2450"), ("1000", "4900", ""), ("1500", "7600", ""))


async def items(stand: Stand) -> None:
    """Some looked at, one failed."""
    await at_ultrasound(stand)
    await stand.press("c", "p")
    await types(stand, ("300", "340"))


async def record(stand: Stand) -> None:
    """Out of tolerance, with the session that it concerns."""
    await at_ultrasound(stand)
    await stand.press("o")
    await types(stand, METER, NOTHING, ("500", "1900", ""), ("1000", "4900", ""), ("1500", "7600", ""))
    await stand.press("w")


async def rack(stand: Stand) -> None:
    """One that is no unit of the site."""
    await at_rack(stand)
    await added(stand)


async def models(stand: Stand) -> None:
    """To choose from."""
    await at_rack(stand)
    await stand.press("n")


SCENES = {
    one.__name__: one
    for one in (
        list_of_units,
        unit,
        faults,
        trace,
        question,
        running,
        reading,
        actions,
        key_map,
        points,
        items,
        record,
        rack,
        models,
    )
}


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("scene", SCENES)
def test_each_page_is_drawn_as_it_was_found_good(scene: str, size: str) -> None:
    """A change that moves a word on a page is seen by a person before anybody works with it."""

    async def act(stand: Stand) -> None:
        await SCENES[scene](stand)
        await stand.look_around()
        await stand.press()

        compare(f"bench-{scene}-{size}", stand.drawn())

    perform(act, size=SIZES[size], script=recording)
