"""Two units, one treatment, from the screen; and which head is in the hand, where the wire does not tell."""

import msgspec

from modctl.ipc.hands import StartWith
from modctl.ipc.messages import Done, ListPresets, Refused, Request, Start
from modctl.ipc.servicing import HeadRow
from tests.tui.fakes import PRESETS, UNITS, message_id, snapshot
from tests.tui.stage import Stage, obliging, perform

TENS = PRESETS[0]
HEAT = msgspec.structs.replace(UNITS[3], state="ready", reason="")
HEADS = (
    HeadRow(kind="head", serial="H-5", calibration="valid", due="2027-01-31", era_mm2=500),
    HeadRow(kind="head", serial="H-1", calibration="overdue", due="2026-01-31", era_mm2=80),
    HeadRow(kind="sensor", serial="S-9", calibration="valid", due="2027-01-31"),
)
SOUND = msgspec.structs.replace(TENS, id="hip-oa-combined-ultrasound", modality="ultrasound", title="Combined")
TO_PRESETS = ("1", "down", "enter")  # the stimulator, the first patient


def library(message: Request) -> Done | Refused:
    """One preset a unit."""
    if isinstance(message, ListPresets):
        return Done(id=message_id(message), presets=(SOUND,) if message.unit == "ultrasound-1" else PRESETS)
    return obliging(message)


def starts(stage: Stage) -> list[Start]:
    """Every start that was asked for."""
    return [one for one in stage.requests(Start) if isinstance(one, Start)]


def test_a_second_unit_is_chosen_on_the_way() -> None:
    """The other half is offered, nothing else; one start names both."""

    async def act(stage: Stage) -> None:
        await stage.see()
        await stage.press(*TO_PRESETS)
        named = stage.text()
        await stage.press("w")
        units = stage.text()
        await stage.press("enter")
        presets = stage.text()
        await stage.press("enter")

        assert "w with a second unit" in named
        assert "ultrasound-1" in units.split("which second unit?")[1]
        assert "heat-1" not in units.split("which second unit?")[1]
        assert "With estim-1: SIM ultrasound-1" in presets.replace("  ", " ")
        (start,) = starts(stage)
        assert ("estim-1", "P-001", TENS.id) == (start.unit, start.patient, start.preset)
        assert StartWith(unit="ultrasound-1", preset=SOUND.id) == start.partner

    perform(act, script=library)


def test_the_way_back_is_the_way_that_was_come() -> None:
    """Two steps back from the second preset stands the first one, alone again."""

    async def act(stage: Stage) -> None:
        await stage.see()
        await stage.press(*TO_PRESETS, "w", "enter", "backspace")
        units = stage.text()
        await stage.press("backspace")
        alone = stage.text()
        await stage.press("enter")

        assert "which second unit?" in units
        assert "SIM estim-1, Ada Example (P-001): which preset?" in alone
        assert [None] == [start.partner for start in starts(stage)]

    perform(act, script=library)


def test_what_is_not_combined_is_not_offered_a_second_unit() -> None:
    """A heated pad has no other half: no key is named for it, and the key starts nothing."""

    async def act(stage: Stage) -> None:
        stage.client.push(snapshot(stage.clock, units=(HEAT, *UNITS[:2])))
        await stage.settle()
        await stage.press("1", "down", "enter")
        shown = stage.text()
        await stage.press("w")

        assert "w with a second unit" not in shown
        assert "which preset?" in stage.text()
        assert not starts(stage)

    perform(act)


def test_which_head_is_a_question_answered_by_one_key() -> None:
    """Heads with their area and calibration, sensors not among them; the start goes out again with the one named."""
    unsure = Refused(id=0, code="unit_head", reason="Which head of ultrasound-1 is in your hand? Nothing was sent.")

    def script(message: Request) -> Done | Refused:
        if isinstance(message, Start) and not message.head:
            return msgspec.structs.replace(unsure, id=message.id)
        return library(message)

    async def act(stage: Stage) -> None:
        with_heads = msgspec.structs.replace(UNITS[1], heads=HEADS)
        stage.client.push(snapshot(stage.clock, units=(UNITS[0], with_heads)))
        await stage.settle()
        await stage.press("2", "down", "enter", "enter")
        asked = stage.text()
        await stage.press("1")

        assert "Which head of ultrasound-1 is in your hand?" in asked
        assert "H-5, 5 cm², calibration valid until 2027-01-31" in asked
        assert "H-1, 0.8 cm², calibration OVERDUE" in asked
        assert "S-9" not in asked
        assert ["", "H-5"] == [start.head for start in starts(stage)]

    perform(act, script=script)


def test_a_named_head_that_is_refused_is_told_and_can_be_named_otherwise() -> None:
    """A head out of calibration stays closed with its reason; the question stands, and the other head is one key."""

    def script(message: Request) -> Done | Refused:
        if isinstance(message, Start) and message.head != "H-5":
            code = "unit_uncalibrated" if message.head else "unit_head"
            return Refused(id=message.id, code=code, reason="The calibration of head H-1 ended. Use head H-5 instead.")
        return library(message)

    async def act(stage: Stage) -> None:
        with_heads = msgspec.structs.replace(UNITS[1], heads=HEADS)
        stage.client.push(snapshot(stage.clock, units=(UNITS[0], with_heads)))
        await stage.settle()
        await stage.press("2", "down", "enter", "enter", "2")
        told = stage.text()
        await stage.press("1")

        assert "The calibration of head H-1 ended" in told
        assert "Which head of ultrasound-1 is in your hand?" in told
        assert ["", "H-1", "H-5"] == [start.head for start in starts(stage)]

    perform(act, script=script)
