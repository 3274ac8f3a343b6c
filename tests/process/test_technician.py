"""A technician's morning from the shell, on simulators: one site, one order of things, as it would be done."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.process.cli_runs import Done, ended, run, started

HEADS = """
[[unit.accessory]]
kind = "head"
serial = "4711"
era_mm2 = 500

[[unit.accessory]]
kind = "head"
serial = "4712"
era_mm2 = 500
"""
AS = ("--as", "technician")
PIN = {"MODCTL_PIN": "1234"}
TREAT = (
    *("session", "start", "--unit", "ultrasound-1", "--patient", "P-001"),
    *("--preset", "hip-oa-ultrasound-1mhz", "--as", "therapist", "--answers", "demo", "--duration", "10s"),
)
METER = ("--meter", "UPM-DT10 SN 88", "--meter-due", "2099-01-31")
POINTS = ("500=1900", "1000=4900", "1500=7600", "2000=10100", "2500=12300")


class Station:
    """A simulated site whose ultrasound unit has two heads, with its simulators and its controller running."""

    def __init__(self, root: Path) -> None:
        self.site = root
        run(root, "init", str(root), "--simulated")
        path = root / "site.toml"
        link = 'link = "serial:run/bench/ultrasound-1"\n'
        path.write_text(path.read_text().replace(link, link + HEADS))
        self._simulators = started("sim", "run", "--site", str(root), until="cold-1")
        self._controller = started("serve", "--site", str(root), until="ready ")

    def restart(self) -> None:
        """The controller ends in order, and another one takes the site."""
        assert 0 == ended(self._controller)
        self._controller = started("serve", "--site", str(self.site), until="ready ")

    def close(self) -> int:
        """Everything ends; the controller's status."""
        status = ended(self._controller)
        ended(self._simulators)
        return status


@pytest.fixture
def station(tmp_path: Path) -> Iterator[Station]:
    """One site for the whole morning."""
    made = Station(tmp_path / "site")
    try:
        yield made
    finally:
        status = made.close()
    assert status == 0


def tech(site: Path, *arguments: str) -> Done:
    """One command of the technician."""
    return run(site, *arguments, *AS, env=PIN)


@pytest.mark.slow
@pytest.mark.timeout(120)  # chosen: twice the usual; some twenty commands, each a process of its own
def test_a_technicians_morning(station: Station, tmp_path: Path) -> None:
    """Identify, run on a load, measure five points with one off, look back, check, hold, release: all charted."""
    site = station.site
    with ThreadPoolExecutor(1) as beside:
        treating = beside.submit(run, site, *TREAT)
        _bench_run(site)
        treated = treating.result()
    assert (0, "completed") == (treated.status, treated.objects[-1]["outcome"])
    assert ["4711"] == [row["head"] for row in treated.objects if row["kind"] == "session.started"]
    listed = run(site, "session", "list").objects
    assert {("500 ohm", ""), ("", "P-001")} == {(row["load"], row["patient"]) for row in listed}

    identified = tech(site, "unit", "identify", "ultrasound-1")
    assert 0 == identified.status
    assert ("reference-ultrasound", True, True) == tuple(
        identified.objects[0][name] for name in ("model", "simulated", "matches")
    )
    watched = run(site, "unit", "watch", "ultrasound-1", "--for", "300ms")
    assert {("unit.sample", "off", "4711")} == {(row["kind"], row["output"], row["head"]) for row in watched.objects}

    traced = tech(site, "unit", "trace", "ultrasound-1", "--for", "1s", "--save", str(tmp_path / "wire.jsonl"))
    frames = [row for row in traced.objects if row["kind"] == "frame"]
    assert {("out", "query"), ("in", "")} == {(row["way"], row["means"]) for row in frames}
    assert len(frames) == len((tmp_path / "wire.jsonl").read_bytes().splitlines())

    _calibration(site, tmp_path)
    _check_and_hold(site)
    station.restart()

    units = {str(row["name"]): row for row in run(site, "unit", "list").objects}
    heat, heads = units["heat-1"], units["ultrasound-1"]["heads"]
    assert ("held", "cable worn", "failed") == (heat["state"], heat["reason"], heat["calibration"])
    assert isinstance(heads, list)
    assert ["valid", "never"] == [head["calibration"] for head in heads]
    assert 0 == tech(site, "unit", "release", "heat-1").status


def _bench_run(site: Path) -> None:
    on_load = ("unit", "run", "estim-1", "--load", "500 ohm", "--duration", "10s")
    levels = ("--set", "current_ua=5000", "--set", "pulse_width_us=200", "--set", "period_us=10000")
    ghost = run(site, *on_load, *levels, "--nobody-connected", "--as", "therapist", env=PIN)
    ran = tech(site, *on_load, *levels, "--nobody-connected")

    assert 4 == ghost.status
    assert (0, "completed", 10_000) == (ran.status, ran.objects[-1]["outcome"], ran.objects[-1]["delivered_ms"])
    assert run(site, "session", "replay", str(ran.objects[-1]["session"])).objects[0]["same"]


def _calibration(site: Path, tmp_path: Path) -> None:
    points = [word for point in POINTS for word in ("--point", point)]
    command = ("unit", "calibrate", "ultrasound-1", *points, *METER)
    other_head = tech(site, *command, "--head", "4712")
    assert 2 == other_head.status
    assert "4711 is plugged in" in other_head.talk

    papers = ("--report", str(tmp_path / "report.pdf"), "--sticker", str(tmp_path / "sticker.pdf"))
    off = tech(site, *command, "--head", "4711", *papers)
    assert 1 == off.status
    checked, affected = off.objects
    assert ("unit.checked", False, "") == (checked["kind"], checked["is_good"], checked["next_due"])
    assert ("affected", "hip-oa-ultrasound-1mhz", "4711", True) == tuple(
        affected[name] for name in ("kind", "preset", "head", "outside")
    )
    assert -240 == affected["error_low_permille"]
    assert "patient" not in affected
    assert all((tmp_path / name).read_bytes().startswith(b"%PDF") for name in ("report.pdf", "sticker.pdf"))

    refused = run(site, *TREAT)
    assert 4 == refused.status
    assert "unit_uncalibrated" in [row.get("reason") for row in refused.objects]

    adjusted = tech(site, *command, "--head", "4711", "--as-left", "500=2500")
    assert adjusted.objects[0]["is_good"]
    assert 1 == tech(site, "unit", "look-back", "ultrasound-1", "--head", "4711").status


def _check_and_hold(site: Path) -> None:
    looked = tech(
        site, "unit", "check", "heat-1", "--item", "visual=fail", "--item", "patient_leakage_ua=35", "--note", "cable"
    )
    assert (1, False) == (looked.status, looked.objects[-1]["is_good"])

    assert 0 == tech(site, "unit", "hold", "heat-1", "--reason", "cable worn").status
