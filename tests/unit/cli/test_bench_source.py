"""What the technician's screen asks beside the controller: which faults a model has, and what its wire says."""

from pathlib import Path

import pytest

from devices.model import NS_PER_MS
from devices.racking import Start
from modctl.cli.bench_source import ReadRow, SiteBench
from modctl.cli.common import Context
from modctl.errors import RefusedError, UnreachableError, UsageError
from modctl.ipc.servicing import FrameRow
from tests.unit.reports.test_service_report import CHECKED

SITE = """
[site]
name = "s"
simulated = true
[[unit]]
name = "u"
model = "reference-ultrasound"
link = "serial:run/bench/u"
"""
# As seen on the line of the simulated unit: who are you, and its answer.
ASKED = FrameRow(seq=1, at_mono_ns=0, way="out", frame="01030000000985cc")
TOLD = FrameRow(seq=2, at_mono_ns=18 * NS_PER_MS, way="in", frame="0103124d4300010001000100a934820102000103e86877")


@pytest.fixture
def bench(tmp_path: Path) -> SiteBench:
    """A site of one unit, without simulators."""
    (tmp_path / "site.toml").write_text(SITE)
    return SiteBench(Context(site=tmp_path), tmp_path / "run" / "sim.sock")


def test_the_menu_of_a_model_has_what_it_can_have_and_nothing_else(bench: SiteBench) -> None:
    """A fault that is always refused is no choice."""
    heat = {spec.id for spec in bench.menu("reference-heat")}
    traction = {spec.id for spec in bench.menu("reference-traction")}

    assert {"silence", "stuck", "truncate"} <= heat & traction
    assert ("cough" in heat, "cough" in traction) == (False, True)
    assert () == bench.menu("no-such-model")


def test_an_answer_is_read_once_the_trace_holds_the_question_who_it_is(bench: SiteBench) -> None:
    """Bytes alone say nothing to a person at the bench."""
    early = bench.read("u", [TOLD], is_first=True)
    read = bench.read("u", [ASKED], is_first=False)
    told = bench.read("u", [TOLD], is_first=False)

    assert [""] == [one.means for one in early]
    assert ["query"] == [one.means for one in read]
    assert told[0].means.startswith("identity reference-ultrasound")


def test_without_simulators_it_says_how_to_start_them(bench: SiteBench) -> None:
    """Nothing that cannot be known is made up."""
    with pytest.raises(UnreachableError, match="modctl sim run"):
        bench.rack()


def test_a_saved_trace_replaces_nothing(bench: SiteBench, tmp_path: Path) -> None:
    """The file may be the only record of a fault."""
    frames = [ReadRow(row=ASKED, means="query"), ReadRow(row=TOLD, means="identity")]
    bench.save(tmp_path / "wire", "u", frames)

    assert 2 == len((tmp_path / "wire").read_bytes().splitlines())
    with pytest.raises(RefusedError, match="replaces nothing"):
        bench.save(tmp_path / "wire", "u", frames)


def test_a_line_says_what_is_between(bench: SiteBench) -> None:
    """An adapter that holds bytes back looks like a slow unit."""
    assert "no serial adapter" == bench.adapter("tcp:127.0.0.1:1")
    assert "a pseudo-terminal, no adapter" == bench.adapter("serial:/dev/pts/3")
    assert "adapter latency is not told" == bench.adapter("serial:/dev/ttyNONE0")


def test_every_model_with_a_line_can_be_added_and_a_pack_cannot(bench: SiteBench) -> None:
    """A pack answers nobody."""
    models = dict(bench.models())

    assert {"hasomed-p24": "estim", "iris-orca": "traction", "julabo-magio": "cold"}.items() <= models.items()
    assert not [model for model in models if model.startswith("passive")]


def test_a_site_for_real_units_takes_no_simulator(bench: SiteBench, tmp_path: Path) -> None:
    """Neither a new one nor an old one: refused before anybody is asked."""
    (tmp_path / "site.toml").write_text('[site]\nname = "s"\nsimulated = false\n')

    with pytest.raises(RefusedError, match="This site is for real units"):
        bench.add("u-2", "reference-heat", "tcp:0")
    with pytest.raises(RefusedError, match="This site is for real units"):
        bench.order(Start(name="u"))


@pytest.mark.parametrize(
    ("name", "address", "why"),
    [("No Name", "tcp:0", "no name of a unit"), ("u-2", "tcp:70000", "port up to 65535"), ("u-2", "tcp:x", "tcp:PORT")],
)
def test_a_slip_of_the_pen_is_told_before_the_simulators_are_asked(
    bench: SiteBench, name: str, address: str, why: str
) -> None:
    """The sentence says what to write."""
    with pytest.raises(UsageError, match=why):
        bench.add(name, "reference-heat", address)


def test_the_papers_replace_nothing_and_say_that_the_record_stands(bench: SiteBench, tmp_path: Path) -> None:
    """A report is saved after it was charted; a name that is taken costs only another name."""
    report, sticker = tmp_path / "r.pdf", tmp_path / "s.pdf"
    written = bench.paper(CHECKED, "technician", report, sticker)

    assert (report, sticker) == written
    assert all(path.read_bytes().startswith(b"%PDF") for path in written)
    with pytest.raises(RefusedError, match="the record stands in the chart"):
        bench.paper(CHECKED, "technician", None, sticker)
    assert () == bench.paper(CHECKED, "technician", None, None)


def test_the_plan_of_a_model_judges_as_the_record_will(bench: SiteBench) -> None:
    """Watts are judged over the head's area; without a head nothing is said; a pack has no meter."""
    sound, pack = bench.plan("reference-ultrasound"), bench.plan("passive")
    point = sound.point(1_000, 3_999, None, 500)

    assert point is not None
    assert (5_000, 4_000, False) == (point.expected, point.low, point.is_found_good)
    assert sound.point(1_000, 3_999, None, 0) is None
    assert pack.point(1, 1, None, 0) is None
    assert "head_face" in [item.id for item in sound.items]
