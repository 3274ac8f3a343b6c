"""The library of presets: what a treatment is set to, in the words and units of the product.

A preset belongs to a site and is approved there before it is used on a patient. Its numbers keep their source
and their mark; none of the shipped ones has been reviewed by a clinician, and the product says so.
"""

from typing import Literal

import msgspec

from devices.limits import Mark
from devices.model import Modality
from devices.plan import CONTINUOUS, Plan


class Preset(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One entry. Levels are canonical integers (see ``devices.model``).

    ``settings`` holds every setting of the model but the level; ``cap`` is the most that the level may be ridden
    to, ``start_level`` what START ramps to (0 for stimulation: the person raises it), ``demo_target`` what an
    unattended demonstration ramps to. ``context`` holds what the unit is not told and a limit needs:
    ``electrode_mm2``, ``area_mm2``, ``era_mm2``, ``body_weight_g``, ``near_implant`` (1: slow twitches would shake it).
    """

    schema: Literal["modctl-preset/1"]
    id: str
    title: str
    modality: Modality
    models: tuple[str, ...]
    region: str
    duration_ms: int
    settings: dict[str, int]
    cap: int
    start_level: int
    demo_target: int
    source: str
    mark: Mark
    checked_on: str
    evidence: Literal["trial", "extrapolated", "textbook"]
    plan: Plan = CONTINUOUS
    context: dict[str, int] = msgspec.field(default_factory=dict)
    placement: str = ""
    note: str = ""
    superseded_by: str | None = None
    skin_check_every_ms: int | None = (
        None  # time with output after which somebody must look at the skin, again and again
    )
    ask_level_every_ms: int | None = None  # the same for asking an unattended patient how it feels
    attended: bool = True  # a person stays at the screen: the session stops when its screen is lost
    longest_ms: int | None = None  # a session of it may not be planned longer, whatever the unit allows
    technique: Literal["", "tens", "nmes"] = ""  # of stimulation by pulses: contractions have bounds of their own
    goal: Literal["", "range-of-motion"] = ""  # what is measured at every visit because it is what is treated for
    approved: bool = False
    sha256: str = ""


class Gate(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One question that stands before the start or after the end. Answerable with arrows and Enter.

    ``answers`` are (answer, label) pairs in the order shown, the first focused; a number gate has ``minimum`` and
    ``maximum`` instead. ``closes`` are the answers with which the session does not go on. ``{…}`` in ``text`` is
    filled from the session: unit, patient, title, region, side, values, minutes.

    A number gate may have ``answers`` too: words beside the number, such as *not done*. ``valid_days`` is how long an
    answer holds: 0 only in its session, 1 the same day (the visit), more so many times 24 hours; a site may only
    shorten it. An answer holds for what it ``shares`` with the session that it was given in, and for the patient unless
    it shares the unit alone. A ``measure`` is left out while its last number holds; every other answer that holds is
    said again by a person, with one key. ``unsaid`` is what a file of answers says that does not name the gate (those
    that were written before it was asked); empty: the gate stays closed.
    """

    id: str
    title: str
    text: str
    answers: tuple[tuple[str, str], ...] = ()
    closes: tuple[str, ...] = ()
    minimum: int | None = None
    maximum: int | None = None
    after: bool = False
    during: bool = False  # asked while there is output, when a preset says so
    modalities: tuple[Modality, ...] = ()  # empty: all
    valid_days: int = 0
    shares: tuple[Literal["modality", "region", "side", "unit"], ...] = ()
    measure: bool = False
    unsaid: str = ""
    words: tuple[str, ...] = ()  # answers beside which a person may type why: what is not as it should be
    also: tuple[tuple[str, str], ...] = ()  # answers that are taken and not offered: conditions by their own names
