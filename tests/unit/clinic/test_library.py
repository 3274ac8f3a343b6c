"""Presets: every shipped one fits its models, and an approval is of exactly these bytes."""

from pathlib import Path

import msgspec
import pytest

from devices.profile import load
from modctl.clinic import library
from modctl.clinic.library import LibraryError, findings_against, load_library, parse, time_findings
from modctl.clinic.presets import Preset

PRESETS = load_library(library.SHIPPED)
ON_MODELS = [(preset, model) for preset in PRESETS for model in preset.models]


@pytest.mark.parametrize(("preset", "model"), ON_MODELS, ids=lambda value: getattr(value, "id", value))
def test_a_shipped_preset_fits_every_model_that_it_names(preset: Preset, model: str) -> None:
    """Otherwise it would be refused at the table, with the patient waiting."""
    profile = load(model)

    assert list(findings_against(preset, profile)) == []
    assert list(time_findings(preset, profile)) == []


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.id)
def test_a_shipped_preset_says_where_its_numbers_come_from(preset: Preset) -> None:
    """A number without a source is a rumour; none is approved by shipping it."""
    assert preset.source
    assert preset.placement
    assert not preset.approved
    assert "-" in preset.id


def test_stimulation_starts_at_off() -> None:
    """The person at the table raises it, never the preset."""
    starts = {preset.id: preset.start_level for preset in PRESETS if preset.modality == "estim"}

    assert set(starts.values()) == {0}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("cap = 60_000", "cap = 140_000"),
        ("start_level = 0 ", "start_level = 61_000 "),
        ("period_us = 10_000", "period_us = 10_001"),
        ("pulse_width_us = 100", "pulse_width_us = 10"),
        ("pulse_width_us = 100", "beat_hz = 100"),
    ],
)
def test_what_does_not_fit_the_model_is_found(change: str, said: str) -> None:
    """Off the grid, out of range, another model's setting: each is a sentence, not a surprise later."""
    raw = (library.SHIPPED / "hip-post-tha-tens.toml").read_text(encoding="utf-8")
    assert change in raw
    preset = parse(raw.replace(change, said).encode(), "hip-post-tha-tens.toml")

    assert findings_against(preset, load("hasomed-p24"))


def test_a_preset_of_another_modality_does_not_fit() -> None:
    """An ultrasound head makes no interferential current."""
    preset = next(one for one in PRESETS if one.id == "hip-oa-ultrasound-1mhz")

    assert any("the model gives estim" in finding for finding in findings_against(preset, load("hasomed-p24")))


def test_a_treatment_has_a_least_time() -> None:
    """Ten seconds of heat is a demonstration, not a treatment: it cannot be approved."""
    raw = (library.SHIPPED / "hip-post-tha-tens.toml").read_text(encoding="utf-8")
    just = parse(raw.replace("duration_ms = 1_800_000", "duration_ms = 60_000").encode(), "hip-post-tha-tens.toml")
    short = parse(raw.replace("duration_ms = 1_800_000", "duration_ms = 59_999").encode(), "hip-post-tha-tens.toml")

    assert list(time_findings(just, load("hasomed-p24"))) == []
    assert time_findings(short, load("hasomed-p24"))


@pytest.mark.parametrize(
    ("name", "change", "into"),
    [
        ("hip-supervised-tens", "ask_level_every_ms = 300_000 #", "#"),
        ("hip-oa-ultrasound-1mhz", 'source = "', 'attended = false\nask_level_every_ms = 300_000\nsource = "'),
    ],
)
def test_only_stimulation_that_asks_how_it_feels_may_go_on_without_its_screen(
    name: str, change: str, into: str
) -> None:
    """Whoever leaves the screen is called back; a head needs a hand at all times."""
    raw = (library.SHIPPED / f"{name}.toml").read_text(encoding="utf-8")
    genuine, changed = (parse(text.encode(), f"{name}.toml") for text in (raw, raw.replace(change, into, 1)))
    profile = load(genuine.models[0])

    assert [] == list(time_findings(genuine, profile))
    assert ["attended"] == [finding.partition(":")[0] for finding in time_findings(changed, profile)]


def site_library(folder: Path) -> str:
    """A library with one preset; gives its text."""
    raw = (library.SHIPPED / "hip-post-tha-tens.toml").read_text(encoding="utf-8")
    (folder / "hip-post-tha-tens.toml").write_text(raw, encoding="utf-8")
    return raw


def test_an_approval_is_of_the_bytes_and_ends_with_them(tmp_path: Path) -> None:
    """Hazard H40: a preset that is changed after its approval is not approved any more."""
    raw = site_library(tmp_path)
    (preset,) = load_library(tmp_path)
    assert not preset.approved
    approval = library.Approval(id=preset.id, sha256=preset.sha256, by="kim", at_utc="2026-01-01T00:00:00.000Z")
    (tmp_path / library.APPROVALS).write_text(library.approval_text(approval), encoding="utf-8")

    assert [True] == [one.approved for one in load_library(tmp_path)]

    (tmp_path / "hip-post-tha-tens.toml").write_text(raw.replace("60_000", "61_000"), encoding="utf-8")
    assert [False] == [one.approved for one in load_library(tmp_path)]


@pytest.mark.parametrize(
    ("change", "into", "said"),
    [
        ("mark =", "approved = true\nmark =", "not the file's to say"),
        ('id = "hip-post-tha-tens"', 'id = "other"', "named after its id"),
        ("cap = 60_000", "cap = 60_000.5", "Expected `int`"),
        ("cap =", "dose = 1\ncap =", "unknown field"),
        ('models = ["hasomed-p24", "hasomed-rehastim2"]', "models = []", "no model"),
    ],
)
def test_a_wrong_preset_is_refused_with_its_name(tmp_path: Path, change: str, into: str, said: str) -> None:
    """Every finding of the library at once, each with its file."""
    raw = site_library(tmp_path)
    (tmp_path / "hip-post-tha-tens.toml").write_text(raw.replace(change, into), encoding="utf-8")

    with pytest.raises(LibraryError, match=said) as refused:
        load_library(tmp_path)

    assert "hip-post-tha-tens.toml" in str(refused.value)


def test_stimulation_by_pulses_says_what_it_is_for_before_it_is_approved() -> None:
    """Contractions have bounds of their own: a preset that does not name them would be free of them."""
    named = parse((library.SHIPPED / "gluteal-nmes-after-tha.toml").read_bytes(), "gluteal-nmes-after-tha.toml")
    silent = msgspec.structs.replace(named, technique="")

    assert [] == list(time_findings(named, load("hasomed-p24")))
    assert ["technique"] == [finding.split()[0] for finding in time_findings(silent, load("hasomed-p24"))]
