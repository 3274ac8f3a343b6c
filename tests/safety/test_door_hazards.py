"""Soft limits open for a person, hard ones for nobody: through request, engine, frame gate, unit and chart.

Hazards that stand on it: H01 (above a limit), H24 (ultrasound over a wide area), H25 (over-pull), H30 (density).
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager

import msgspec
import pytest

from devices.limits import Limit
from devices.model import Direction
from devices.plan import CONTINUOUS
from modctl.clinic.presets import Preset
from modctl.controller import doors, prepare
from modctl.controller.doors import Opening
from modctl.engine import events as ev
from modctl.engine import session as reducer
from modctl.engine.machine import Phase
from modctl.records import Override, Quantity
from tests.safety import knockouts as ko
from tests.scenario.table import Table, preset

P24, TENS = "hasomed-p24", "hip-post-tha-tens"
SOUND, MHZ = "reference-ultrasound", "hip-oa-ultrasound-1mhz"
PULL, TRACTION = "reference-traction", "hip-traction-intermittent"
REASON = "a" * 64  # a commitment: what a person wrote is not in the chart
WIDTH = Opening(limit="width-usual", reason=REASON)


class Site(Table):
    """A table whose presets a site has changed."""

    changed: dict[str, object]

    def preset_of(self, preset_id: str) -> Preset:
        """The shipped one with this site's changes."""
        return msgspec.structs.replace(preset(preset_id), **getattr(self, "changed", {}))


def laid(model: str, *openings: Opening, **changed: object) -> Site:
    """A table with what is opened at it."""
    site = Site(model)
    site.openings, site.changed = openings, changed
    return site


def refused_as(site: Site) -> tuple[str | None, str | None]:
    """The word and the limit of the last answer."""
    return site.world.replies[-1].code, site.world.replies[-1].limit


def kinds(site: Site, session: str) -> list[str]:
    """A session's entries."""
    return [draft.kind for draft, _ in site.chart.entries if draft.session == session]


def overrides(site: Site) -> list[Override]:
    """What was charted as opened."""
    return [draft.data for draft, _ in site.chart.entries if isinstance(draft.data, Override)]


# Soft: a person's door


@pytest.mark.parametrize(("width_us", "opens"), [(400, False), (401, True)])
def test_a_soft_limit_is_opened_by_name_and_charted_before_the_start(width_us: int, *, opens: bool) -> None:
    """At the bound there is nothing to open; one count beyond it takes a reason, and the record says how far."""
    site = laid(P24, *((WIDTH,) if opens else ()))
    session = site.start(P24, TENS, 20, pulse_width_us=width_us)
    site.run_s(3)

    assert site.truth(P24).energized
    assert [
        Override(
            limit="width-usual",
            reason=REASON,
            observed=Quantity(width_us, "us"),
            bound=Quantity(400, "us"),
            source="chosen: no treatment that is listed for hips needs a longer phase",
            mark="chosen",
        )
    ][: int(opens)] == overrides(site)
    assert ["session.requested", *["override"] * opens, "gate.answered"] == kinds(site, session)[: 2 + opens]


def test_without_its_opening_the_refusal_says_what_opens_it() -> None:
    """The person reads the door; the client asks for what it takes."""
    site = laid(P24)
    session = site.ask(P24, TENS, pulse_width_us=401)
    refused = site.chart.of(session)[1]

    assert ("soft_limit", "width-usual") == refused_as(site)
    assert ("reason", "chosen") == (refused["door"], refused["mark"])


@pytest.mark.parametrize(
    ("opening", "asked", "word"),
    [
        (Opening(limit="nothing-like-it", reason=REASON), 401, "override_unknown"),
        (WIDTH, 300, "override_not_needed"),
        (Opening(limit="width-max", reason=REASON), 401, "override_unknown"),
    ],
)
def test_only_what_is_passed_and_named_is_opened(opening: Opening, asked: int, word: str) -> None:
    """A standing order to open everything would be no decision at all."""
    site = laid(P24, opening)
    session = site.ask(P24, TENS, pulse_width_us=asked)

    assert (word, opening.limit) == refused_as(site)
    assert ["session.requested", "session.refused", "session.ended"] == kinds(site, session)
    assert not site.truth(P24).energized


def test_one_opening_serves_one_limit_once() -> None:
    """Named twice is a slip, and which reason would count nobody knows."""
    site = laid(P24, WIDTH, WIDTH)
    site.ask(P24, TENS, pulse_width_us=401)

    assert ("override_unknown", "width-usual") == refused_as(site)


# Hard: nobody's


HARD = [
    (P24, TENS, "hard-es-width", {"pulse_width_us": 1_001}),
    (P24, TENS, "hard-es-rate-max", {"period_us": 3_999}),
    (P24, TENS, "hard-es-rms", {"pulse_width_us": 1_000, "period_us": 4_000, "current_ua": 60_000}),
    (P24, TENS, "unit-pulse_width_us-max", {"pulse_width_us": 4_096}),
    (SOUND, MHZ, "hard-us-duty-min", {"duty_permille": 40}),
]


def test_h01_an_override_never_opens_a_hard_row() -> None:
    """Breached, named, with a reason and two people: refused, and the unit never hears of it."""
    for model, preset_id, limit, asked in HARD:
        site = laid(model, Opening(limit=limit, reason=REASON, second_person="ben"))
        site.changed = {"cap": 100_000} if model == P24 else {}
        site.ask(model, preset_id, **asked)
        site.run_s(2)

        assert site.world.replies[-1].code in ("limit", "override_hard")
        assert not overrides(site)
        assert not site.truth(model).energized


def test_h30_a_hard_row_has_no_door_even_where_it_is_kept() -> None:
    """Naming it for later is refused as well; the soft one of the same quantity has a door, and needs none here."""
    told = []
    for limit in ("hard-es-density", "hard-es-power", "density-attention"):
        site = laid(P24, Opening(limit=limit, reason=REASON))
        site.ask(P24, TENS)
        told.append(site.world.replies[-1].code)

    assert ["override_hard", "override_hard", "override_not_needed"] == told


def test_h24_a_wide_area_takes_a_reason_and_a_very_wide_one_is_refused() -> None:
    """Above 4 times the head soft, above 20 times hard."""
    wide, too_wide = {"era_mm2": 500, "area_mm2": 2_001}, {"era_mm2": 500, "area_mm2": 10_001}
    area = Opening(limit="us-area-ratio-wide", reason=REASON)
    outcomes = []
    for context, openings in ((wide, ()), (wide, (area,)), (too_wide, (area,))):
        site = laid(SOUND, *openings, context=context)
        site.ask(SOUND, MHZ)
        outcomes.append(site.world.replies[-1].code)

    assert ["soft_limit", None, "limit"] == outcomes


def test_h25_a_pull_that_opens_a_joint_takes_two_people() -> None:
    """Above 450 N: one person and a reason are not enough."""
    codes, seconds = [], []
    for second in (None, "ben"):
        opening = Opening(limit="tx-hip-force", reason=REASON, second_person=second)
        site = laid(PULL, opening, cap=500, start_level=460, demo_target=460)
        site.body_weight_g = 120_000
        site.ask(PULL, TRACTION, 30)
        codes.append(site.world.replies[-1].code)
        seconds += [entry.second_person for entry in overrides(site)]

    assert ["override_second_person", None] == codes
    assert ["ben"] == seconds


def test_h25_riding_stops_at_a_soft_limit_that_nobody_opened() -> None:
    """The level ends there whatever the preset's cap is, and the person is told which limit it is."""
    site, session = ridden_up()

    assert Phase.RUNNING is site.state(session).phase
    assert 450 == site.state(session).riding.set_level
    assert "tx-hip-force was not opened" in site.world.replies[-1].reason


def ridden_up(*openings: Opening) -> tuple[Site, str]:
    """A pull of 440 N whose preset goes to 470, and a person who asks for more and more."""
    site = laid(PULL, *openings, cap=470, start_level=440, demo_target=440, plan=CONTINUOUS)
    site.body_weight_g = 120_000
    session = site.start(PULL, TRACTION, 60)
    site.run_s(30)
    for _ in range(30):
        site.tell(session, ev.LevelAsked(actor="therapist", direction=Direction.UP))
        site.run_s(0.5)
    return site, session


def test_riding_goes_as_far_as_was_opened_and_no_further() -> None:
    """What was opened is this request's cap, not the sky."""
    site, session = ridden_up(Opening(limit="tx-hip-force", reason=REASON, second_person="ben"))

    assert 470 == site.state(session).riding.set_level


# The knock-outs


@contextmanager
def _without(*changes: tuple[object, str, object]) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for target, name, value in changes:
            patch.setattr(target, name, value)
        yield


def _nothing(*_anything: object) -> None:
    return None


def _none_of_them(_limits: Sequence[Limit]) -> tuple[Limit, ...]:
    return ()


def _all_of_them(limits: Sequence[Limit]) -> tuple[Limit, ...]:
    return tuple(limits)


def with_every_row_soft() -> AbstractContextManager[None]:
    """Whoever asks opens whatever is named."""
    return _without(
        (doors, "soft_rows", _all_of_them), (doors, "hard_rows", _none_of_them), (doors, "refused_opening", _nothing)
    )


def with_every_door_open_to_one() -> AbstractContextManager[None]:
    """An opening is taken as it is asked for."""
    return _without((doors, "refused_opening", _nothing))


def with_riding_to_the_presets_cap() -> AbstractContextManager[None]:
    """Soft limits end at the start."""

    def to_the_cap(order: prepare.Order, *_anything: object) -> int:
        return order.preset.cap

    return _without((prepare, "_ride_cap", to_the_cap), (reducer, "_soft_objection", _nothing))


KNOCKOUTS: list[ko.Pair] = [
    (test_h01_an_override_never_opens_a_hard_row, with_every_row_soft),
    (test_h30_a_hard_row_has_no_door_even_where_it_is_kept, with_every_door_open_to_one),
    (test_h24_a_wide_area_takes_a_reason_and_a_very_wide_one_is_refused, with_every_row_soft),
    (test_h25_a_pull_that_opens_a_joint_takes_two_people, with_every_door_open_to_one),
    (test_h25_riding_stops_at_a_soft_limit_that_nobody_opened, with_riding_to_the_presets_cap),
]


@ko.each(KNOCKOUTS)
def test_without_its_mitigation_a_hazard_is_seen(check: Callable[[], None], knockout: ko.Knockout) -> None:
    """A test that stays green when its mitigation is gone proves nothing."""
    ko.goes_red(check, knockout)


def test_every_hazard_here_has_a_knockout() -> None:
    """Nobody can add one half without the other."""
    assert set() == ko.unpaired(globals(), KNOCKOUTS)
