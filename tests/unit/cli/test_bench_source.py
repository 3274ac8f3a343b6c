"""What the technician's screen asks beside the controller: which faults a model has, and what its wire says."""

from pathlib import Path

import pytest

from devices.model import NS_PER_MS
from modctl.cli.bench_source import ReadRow, SiteBench
from modctl.cli.common import Context
from modctl.errors import RefusedError, UnreachableError
from modctl.ipc.servicing import FrameRow

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
        bench.truths()


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
