"""The sentences behind the words of the record: why something ended, what went wrong, what to do about an alarm.

Rule 1: an alarm says what happened, what the output does now, and what to do, in this order.
Rule 2: a word that is not in a table is shown as it is: a sentence that is missing hides nothing.
"""

from collections.abc import Mapping
from typing import Final, Literal

import msgspec

# A reason is a word, or ``word:detail``; the table has the words.
REASONS: Final[Mapping[str, str]] = {
    "planned_time": "the planned time was delivered",
    "stop": "it was stopped",
    "pause": "a person paused it",
    "contact_lost": "contact was lost",
    "partner_ended": "the other half of the combination ended",
    "partner_lifted": "the head was not on the skin",
    "partner_refused": "the other half of the combination was refused",
    "no_combination": "the two requests are not a combination",
    "witnesses_differ": "the unit and the instrument beside it read different forces",
    "witness_silent": "the instrument beside the unit gave no reading in time",
    "witness_missing": "the instrument beside the unit gives no reading",
    "screen_lost": "the screen that attended it was lost",
    "line_lost": "the line to the unit was lost",
    "line_stuck": "the line to the unit took no more bytes",
    "no_data": "the unit told nothing new in time",
    "output_unknown": "the unit did not say whether it gives output",
    "uncommanded_output": "the unit gave output that nobody commanded",
    "unit_switched_off": "the unit switched off by itself",
    "unit_fault": "the unit reported a fault",
    "unit_refused": "the unit refused a command",
    "unit_rebooted": "the unit restarted by itself",
    "unit_exchanged": "another unit answered than the one that was identified",
    "readings_frozen": "the unit repeated the same sample",
    "foreign_answer": "something else answered than the unit",
    "command_unanswered": "a command was not answered",
    "limit": "a limit was passed",
    "frame_held": "the last check before the line held back a frame",
    "chart_failed": "the chart could not be written",
    "chart_behind": "the chart was written too late",
    "host_stalled": "this machine slept or stood still",
    "starting_timeout": "the unit did not reach the start level in time",
    "resuming_timeout": "the unit did not reach the level again in time",
    "armed_timeout": "the start could not be charted in time",
    "stopping_timeout": "off was not confirmed in time",
    "pausing_timeout": "off was not confirmed in time for a pause",
    "elapsed_limit": "it took too long over all",
    "off_not_confirmed": "off was not confirmed",
    "chart_restored": "a backup of the chart was put back, and nobody knows what the unit did since it was made",
    "controller_died": "the controller ended without a stop, and the guard switched off",
    "numb": "the skin was numb, which is what the ice was for",
    "pack_off": "the pack was taken off",
    "pack_not_put_on": "nobody said that the pack was put on",
    "skin_check_late": "nobody answered the skin check in time",
    "skin_check": "the skin check showed harm",
    "ask_level": "the patient said that it hurts",
    "tank": "the tank that the pack comes out of is not fit for it",
    "gate": "a question was answered with no",
    "too_short": "it is too short to be a treatment",
    "interlock": "another session of this patient does not go with it",
    "soft_limit": "a soft limit was passed",
    "override_unknown": "it opens a limit that this session does not have",
    "override_hard": "it opens a hard limit, which has no door",
    "override_not_needed": "it opens a limit that is not passed",
    "override_second_person": "the limit takes a second person",
    "limit_widened": "a profile or a site limit is wider than its parent",
    "unknown_parameter": "it names a parameter that the preset does not have",
    "preset_not_approved": "the preset is not approved at this site",
    "preset_not_for_model": "the preset is not made for this model",
    "preset_incomplete": "the preset does not state every setting of this model",
    "unit_missing": "the unit does not answer",
    "unit_mismatch": "another unit than expected answers",
    "unit_in_session": "the unit is in a session",
    "unit_held": "a person took the unit out of service",
    "unit_uncalibrated": "the unit or its head is not in calibration",
    "unit_head": "it is not known which head is in use",
    "unit_latched": "the unit is out of use until a person acknowledges it",
    "chart_broken": "the chart cannot be written",
}

_TOLD_TO_END: Final = "because the controller was told to end"
SOURCES: Final[Mapping[str, str]] = {
    "screen": "at the screen",
    "command": "from the command line",
    "terminal": "at the terminal",
    "guard": "because the guard was lost",
    "start": "by a controller that started and found it open",
    "SIGTERM": _TOLD_TO_END,
    "SIGINT": _TOLD_TO_END,
    "SIGHUP": _TOLD_TO_END,
    "socket": "over the socket",
    "patient": "by the patient's switch",
}

FAULTS: Final[Mapping[str, str]] = {
    "timeout": "The unit did not answer in time.",
    "corrupt": "An answer arrived damaged (checksum).",
    "malformed": "An answer says something that cannot be.",
    "foreign": "Something else answered than the unit that was asked.",
    "late": "An answer came too late and was not believed.",
    "refused": "The unit refused the command.",
    "lost": "The line to the unit is gone: cable, adapter or power.",
    "stuck": "The line takes no more bytes.",
    "rebooted": "The unit restarted by itself.",
    "halted": "The unit ended its output by itself.",
    "frozen": "The unit reports the same sample again and again.",
    "mismatch": "This is not the unit that was identified before.",
}

Priority = Literal["high", "medium", "low"]
MARKS: Final[Mapping[str, str]] = {"high": "***", "medium": "**", "low": "*"}  # IEC 60601-1-8 symbols in text form


class AlarmText(msgspec.Struct, frozen=True):
    """One alarm of the product: how urgent, what happened, what the output does, what to do."""

    priority: Priority
    happened: str
    output: str
    act: str

    @property
    def sentence(self) -> str:
        """All three, in order."""
        return f"{self.happened} {self.output} {self.act}"


_OFF_NOW: Final = "The output is being switched off."
_RELEASING: Final = "The pull is being released."
_OFF_HELD: Final = "The output is off and stays off."
_AT_THE_END: Final[Mapping[str, str]] = {"ended": _OFF_HELD, "unconfirmed": "It may still give output."}
_CABLE: Final = "Check the cable and the unit's power."
_TECHNICIAN: Final = "Tag the unit and call a technician."
_LOOK: Final = "Look at the skin, then at the unit, before anybody starts again."

# Words are those of the reasons, and a few of their own. Priorities after IEC 60601-1-8: high = injury without an
# immediate answer, medium = prompt, low = to know; which word is which is ours, because no standard names them.
ALARMS: Final[Mapping[str, AlarmText]] = {
    "off_not_confirmed": AlarmText(
        "high",
        "Off was not confirmed.",
        "Nobody knows whether the output is off.",
        "Remove the electrodes, take the head off or open the release, then cut the unit's power.",
    ),
    "output_unknown": AlarmText("high", "The unit does not say whether it gives output.", _OFF_NOW, _LOOK),
    "uncommanded_output": AlarmText("high", "The unit gives output that nobody commanded.", _OFF_NOW, _LOOK),
    "line_lost": AlarmText("high", "The line to the unit was lost.", _OFF_NOW, _CABLE),
    "line_stuck": AlarmText("high", "The line to the unit takes no more bytes.", _OFF_NOW, _CABLE),
    "no_data": AlarmText("high", "The unit has told nothing new in time.", _OFF_NOW, _CABLE),
    "command_unanswered": AlarmText("high", "The unit did not answer a command.", _OFF_NOW, _CABLE),
    "foreign_answer": AlarmText("high", "Something else answered than the unit.", _OFF_NOW, _TECHNICIAN),
    "readings_frozen": AlarmText("high", "The unit repeats the same sample.", _OFF_NOW, _TECHNICIAN),
    "unit_exchanged": AlarmText("high", "Another unit answers than the one identified.", _OFF_NOW, _TECHNICIAN),
    "unit_rebooted": AlarmText("high", "The unit restarted by itself.", _OFF_NOW, _LOOK),
    "unit_refused": AlarmText("high", "The unit refused a command.", _OFF_NOW, _TECHNICIAN),
    "unit_switched_off": AlarmText("high", "The unit switched off by itself.", _OFF_NOW, "Read its display."),
    "unit_fault": AlarmText("high", "The unit reports a fault.", _OFF_NOW, "Read its display; call a technician."),
    "unit_fault:patient-switch": AlarmText(
        "high",
        "The patient's stop switch is pressed, or not plugged in.",
        _OFF_NOW,
        "Ask the patient what is wrong; plug in and release the switch before anybody starts again.",
    ),
    "limit": AlarmText("high", "A limit was passed.", _OFF_NOW, _LOOK),
    "limit:hard-us-head": AlarmText(
        "high",
        "Contact is reported and the head heats up: it is in the air, or held still.",
        _OFF_NOW,
        "Lift and wipe the head, look at the skin; then gel anew.",
    ),
    "frame_held": AlarmText("high", "The last check before the line held back a frame.", _OFF_NOW, _TECHNICIAN),
    "chart_failed": AlarmText("high", "The chart cannot be written.", _OFF_NOW, "Check the disk."),
    "chart_behind": AlarmText("high", "The chart is written too late.", _OFF_NOW, "Check the disk."),
    "host_stalled": AlarmText("high", "This machine slept or stood still.", _OFF_NOW, _LOOK),
    "starting_timeout": AlarmText("high", "The unit did not reach the start level in time.", _OFF_NOW, _TECHNICIAN),
    "resuming_timeout": AlarmText("high", "The unit did not reach the level again in time.", _OFF_NOW, _TECHNICIAN),
    "armed_timeout": AlarmText("high", "The start could not be charted in time.", _OFF_HELD, "Check the disk."),
    "pausing_timeout": AlarmText("high", "Off was not confirmed in time for a pause.", _OFF_NOW, _LOOK),
    "screen_lost": AlarmText("high", "The screen that attends the session is gone.", _OFF_NOW, "Open the table again."),
    "left_alone": AlarmText(
        "medium",
        "The screen of a session that needs nobody at it is gone.",
        "The output goes on as it was set.",
        "Open the table again and look after the patient.",
    ),
    "contact_lost": AlarmText("medium", "Contact was lost.", _OFF_NOW, "Fix it; then resume, from off."),
    "witnesses_differ": AlarmText(
        "high",
        "The witnesses differ: the unit and the instrument beside it read different forces.",
        _RELEASING,
        "Look at the patient and the rope. Tag both out and call a technician.",
    ),
    "witness_silent": AlarmText("high", "The instrument beside the unit gives no reading.", _RELEASING, _CABLE),
    "partner_lifted": AlarmText(
        "medium",
        "The head is not on the skin.",
        "The stimulation through it is being switched off.",
        "Put the head back, then resume and raise it again, from off.",
    ),
    "take_pack_off": AlarmText(
        "high",
        "TAKE THE PACK OFF.",
        "It is on the skin until you say that it is off.",
        "Look at the skin, then press the key for pack off.",
    ),
    "check_shows_harm": AlarmText(
        "high",
        "The check shows harm.",
        "What modctl can switch is being switched off; a pack is on until you take it off.",
        "Look after the skin, report it, and keep the unit as it is.",
    ),
    "skin_check_late": AlarmText(
        "medium",
        "The skin check was not answered in time.",
        "The output is being held off.",
        "Look at the skin, answer the check, then resume from off.",
    ),
    "ask_level_late": AlarmText(
        "medium",
        "Nobody has asked how it feels.",
        "The output goes on as it was set.",
        "Ask the patient, then answer the question.",
    ),
    "tank_too_hot": AlarmText(
        "medium", "A tank is too hot.", "It stays as it is.", "Use no pack out of it; call a technician."
    ),
    "tank_weak": AlarmText(
        "low", "The tank is below its usual warmth.", "The pack will be weak.", "Give it time, or use another tank."
    ),
    "tank_hot": AlarmText(
        "low", "The tank is above its usual warmth.", "The pack will be hotter than usual.", "Add towels; look early."
    ),
    "electrode_lifting": AlarmText(
        "medium",
        "An electrode is partly off the skin.",
        "The output goes on, denser on what still touches; it is not raised.",
        "Press the electrode flat, or stop and replace it.",
    ),
    "output_does_not_follow": AlarmText(
        "medium",
        "The unit gives less than was commanded.",
        "The output goes on as far as the unit can; it is not raised.",
        "Look at electrodes, gel and leads.",
    ),
    "coupling_lost": AlarmText(
        "medium", "The head has no coupling.", "The unit suspends its output; time stands.", "Add gel, keep it moving."
    ),
}


def reason(word: str) -> str:
    """Why something ended, paused or was refused, as the rest of a sentence. ``word`` may carry ``:detail``."""
    known, _, detail = word.partition(":")
    said = REASONS.get(known, known.replace("_", " ").replace("-", " "))
    if not detail:
        return said
    if known == "stop":
        return f"{said} {SOURCES.get(detail, f'({detail})')}"
    if known in ("skin_check", "ask_level"):
        return f"{said} ({detail.replace('-', ' ')})"
    if known == "gate":
        gate, _, answer = detail.partition(":")
        return f"the question {gate.replace('_', ' ')!r} was answered {answer.replace('-', ' ')!r}"
    return f"{said} ({detail.replace('_', ' ')})"


def fault(word: str) -> str:
    """A fault of a line or an answer, as a sentence that a therapist reads."""
    return FAULTS.get(word, f"The unit or its line reports: {word}.")


def alarm(word: str) -> str:
    """An alarm as one paragraph: what happened, the output's state, what to do."""
    known, _, detail = word.partition(":")
    if word in ALARMS:
        return ALARMS[word].sentence
    told = ALARMS.get(known)
    if told is None:
        return f"Alarm: {word.replace('_', ' ')}. Look at the patient and the unit."
    return f"{told.sentence} ({detail})" if detail else told.sentence


def standing(word: str, phase: str, unknown_text: str) -> str:
    """An alarm as it is read while it stands: what the output does is told of now, not of when it was raised.

    ``phase`` is the session's; ``unknown_text`` what its unit's profile says is to be done where off is not confirmed.
    """
    told = ALARMS.get(word)
    if word == "off_not_confirmed" and told is not None and unknown_text:
        return msgspec.structs.replace(told, act=f"{unknown_text[:1].upper()}{unknown_text[1:].rstrip('.')}.").sentence
    said = alarm(word)
    if phase not in _AT_THE_END:
        return said
    return said.replace(_OFF_NOW, _AT_THE_END[phase]).replace(_RELEASING, _AT_THE_END[phase])


def priority(word: str) -> Priority:
    """How urgent an alarm is; one that is not in the table is urgent."""
    told = ALARMS.get(word.partition(":")[0])
    return "high" if told is None else told.priority


def origin(mark: str, source: str) -> str:
    """Who set a number, as it may be shown: *per* a source only where that source was read, else a site default."""
    match mark:
        case "source":
            return f"per {source}"
        case "derived":
            return f"site default, derived: {source}"
        case _:
            return f"site default: {source}"
