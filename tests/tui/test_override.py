"""Opening a soft limit at the table: what stands there, what is asked of the controller, and the way back."""

import pytest

from modctl.ipc.hands import OverrideAsk
from modctl.ipc.messages import Done, Refused, Request, Start
from tests.tui.fakes import Script
from tests.tui.stage import Stage, obliging, perform

WIDTH = Refused(
    id=0,
    code="soft_limit",
    reason="width-usual: 401 us, bound 400 us. Nothing was sent to the unit.",
    limit="width-usual",
    observed=401,
    bound=400,
    unit="us",
    source="no treatment that is listed for hips needs a longer phase",
    mark="chosen",
    door="reason",
)
PULL = Refused(id=0, code="soft_limit", reason="tx-hip-force", limit="tx-hip-force", door="second_person")
TO_PRESETS = ("1", "down", "enter", "enter")


def refusing(*refusals: Refused) -> Script:
    """A controller that refuses one start after the other, and takes the next."""
    left = list(refusals)

    def script(message: Request) -> Done | Refused:
        return left.pop(0) if isinstance(message, Start) and left else obliging(message)

    return script


def starts(stage: Stage) -> list[tuple[OverrideAsk, ...]]:
    """What each start asked to open."""
    return [message.overrides for message in stage.requests(Start) if isinstance(message, Start)]


def test_a_soft_limit_is_shown_with_its_source_and_opened_with_a_reason() -> None:
    """The same start again, with the limit named and the reason in words; a number of ours is no standard's."""

    async def act(stage: Stage) -> None:
        await stage.see()
        await stage.press(*TO_PRESETS)
        there = stage.text()
        await stage.press("o", "k", "enter")

        assert "width-usual: asked for 401 µs, the limit is 400 µs (site default:" in there
        assert "per " not in there.split("width-usual")[1].split("Reason")[0]
        assert [(), (OverrideAsk(limit="width-usual", reason="ok"),)] == starts(stage)

    perform(act, script=refusing(WIDTH))


def test_backspace_takes_a_letter_back_and_leaves_nothing() -> None:
    """Who mistypes a reason corrects it; the form does not go away under the hands."""

    async def act(stage: Stage) -> None:
        await stage.see()
        await stage.press(*TO_PRESETS)
        await stage.press("o", "l", "backspace", "k", "enter")

        assert [(), (OverrideAsk(limit="width-usual", reason="ok"),)] == starts(stage)

    perform(act, script=refusing(WIDTH))


def test_an_empty_reason_opens_nothing() -> None:
    """Enter alone is no reason."""

    async def act(stage: Stage) -> None:
        await stage.see()
        await stage.press(*TO_PRESETS, "enter", "enter")

        assert [()] == starts(stage)
        assert "Type it, then Enter: Reason." in stage.text()

    perform(act, script=refusing(WIDTH))


def test_a_second_person_types_name_and_pin() -> None:
    """Two people at one screen: the PIN is not shown."""

    async def act(stage: Stage) -> None:
        await stage.see()
        await stage.press(*TO_PRESETS, "a", "enter", "b", "e", "n", "enter", "9", "9", "enter")
        asked = OverrideAsk(limit="tx-hip-force", reason="a", second_user="ben", second_pin="99")

        assert [(), (asked,)] == starts(stage)
        assert "99" not in stage.text()

    perform(act, script=refusing(PULL, PULL))


def test_a_second_limit_is_asked_after_the_first_and_both_are_opened() -> None:
    """Each limit by its own name, with its own reason."""

    async def act(stage: Stage) -> None:
        await stage.see()
        await stage.press(*TO_PRESETS, "a", "enter", "b", "enter", "c", "enter", "d", "enter")
        opened = starts(stage)[-1]

        assert [("width-usual", "a"), ("tx-hip-force", "b")] == [(one.limit, one.reason) for one in opened]

    perform(act, script=refusing(WIDTH, PULL))


@pytest.mark.parametrize("key", ["ctrl+g", "escape"])
def test_the_way_back_opens_nothing(key: str) -> None:
    """A person who reads the limit may think better of it."""

    async def act(stage: Stage) -> None:
        await stage.see()
        await stage.press(*TO_PRESETS, "a")
        await stage.see()
        await stage.press(key)

        assert [()] == starts(stage)
        assert "which preset?" in stage.text()

    perform(act, script=refusing(WIDTH))
