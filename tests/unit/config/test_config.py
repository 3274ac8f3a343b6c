"""A site's files are refused whole, with every mistake named, before anything is opened."""

import os
from pathlib import Path

import pytest

from modctl.config import ConfigError, Layout, Narrowed, is_pseudo_terminal, load_bench, load_site
from modctl.controller.startup import unit_config
from modctl.errors import UnreachableError

HEAD = '[site]\nname = "clinic"\nsimulated = {simulated}\n'
UNIT = '[[unit]]\nname = "estim-1"\nmodel = "hasomed-p24"\nlink = "serial:run/bench/estim-1"\n'


def site_with(folder: Path, text: str) -> Path:
    """A folder with this site.toml."""
    Layout(folder).site_toml.write_text(text, encoding="utf-8")
    return folder


def findings(folder: Path) -> list[str]:
    """What the loader says against a site, without the file's name."""
    with pytest.raises(ConfigError) as refused:
        load_site(folder)
    return [line.removeprefix(f"{Layout(folder).site_toml}: ") for line in str(refused.value).splitlines()]


def test_a_site_is_read_with_its_links_made_absolute(tmp_path: Path) -> None:
    """The controller's own working folder must not decide which port is opened."""
    site = load_site(site_with(tmp_path, HEAD.format(simulated="true") + UNIT))

    assert site.site.simulated
    unit = site.unit("estim-1")
    assert unit is not None
    assert f"serial:{tmp_path}/run/bench/estim-1" == unit.link
    assert site.unit("estim-2") is None


def test_a_missing_site_says_how_to_make_one(tmp_path: Path) -> None:
    """The first thing that a newcomer sees."""
    with pytest.raises(UnreachableError, match="modctl init"):
        load_site(tmp_path / "nowhere")


def test_every_mistake_is_told_at_once(tmp_path: Path) -> None:
    """Nobody repairs a file one run at a time."""
    text = """
colour = "blue"
[site]
name = 7
simulated = "perhaps"
[[unit]]
name = "A B"
model = "toaster"
link = "usb:3"
[[unit]]
model = "hasomed-p24"
link = "tcp:localhost:70000"
flavour = 1
"""

    found = findings(site_with(tmp_path, text))

    assert [
        "$: unknown key 'colour'",
        "$.site.name: Expected `str`, got `int`",
        "$.site.simulated: Expected `bool`, got `str`",
        "$.unit[1]: unknown key 'flavour'",
        "$.unit[1]: 'name' is missing",
        "$.unit[0]: name 'A B': small letters, digits and hyphens, at most 32",
    ] == found[:6]
    assert any("model 'toaster' is not known" in line for line in found)
    assert any("link 'usb:3'" in line for line in found)


@pytest.mark.parametrize("text", ["[site", "[site]\nname = 1\nname = 2\n", "\x00"])
def test_a_file_that_is_no_toml_is_refused_with_its_name(tmp_path: Path, text: str) -> None:
    """A half-written file must not pass for an empty one."""
    assert findings(site_with(tmp_path, text))


def test_a_site_may_narrow_a_limit_and_never_widen_it(tmp_path: Path) -> None:
    """Bounds only narrow: at the model's bound is allowed, one beyond is not."""
    limits = "[unit.limits.current_ua]\nmax = {most}\n"
    ok = load_site(site_with(tmp_path, HEAD.format(simulated="true") + UNIT + limits.format(most=130_000)))

    assert {"current_ua": Narrowed(max=130_000)} == ok.units[0].limits
    wider = findings(site_with(tmp_path, HEAD.format(simulated="true") + UNIT + limits.format(most=130_001)))
    assert ["$.unit[0]: limits.current_ua: 0 to 130001 is wider than the model's 0 to 130000"] == wider


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        ("[unit.limits.force_n]\nmax = 10\n", "hasomed-p24 has no such parameter"),
        ("[unit.limits.current_ua]\n", "needs min or max"),
        ("[unit.limits.current_ua]\nmin = 20\nmax = 10\n", "leaves nothing"),
        ("[unit.limits.current_ua]\nmax = 10.5\n", "Expected `int | null`, got `float`"),
    ],
)
def test_a_limit_that_means_nothing_is_refused(tmp_path: Path, limits: str, said: str) -> None:
    """A limit that somebody believes in and nobody holds is worse than none."""
    found = findings(site_with(tmp_path, HEAD.format(simulated="true") + UNIT + limits))

    assert any(said in line for line in found)


def test_a_simulated_site_refuses_hardware(tmp_path: Path) -> None:
    """Fault injection and script answers live in simulated sites: no real unit may be in reach of them."""
    found = findings(site_with(tmp_path, HEAD.format(simulated="true") + UNIT + "hardware = true\n"))

    assert any("a simulated site opens no real unit" in line for line in found)


def test_a_real_site_refuses_a_pseudo_terminal(tmp_path: Path) -> None:
    """Hazard H46: a simulator must not be taken for a unit, also not through a link."""
    ours, theirs = os.openpty()
    (tmp_path / "unit").symlink_to(os.ttyname(theirs))
    unit = '[[unit]]\nname = "e"\nmodel = "hasomed-p24"\nlink = "serial:unit"\nhardware = true\n'

    found = findings(site_with(tmp_path, HEAD.format(simulated="false") + unit))

    assert is_pseudo_terminal(tmp_path / "unit")
    assert not is_pseudo_terminal(Path("/dev/null"))
    assert not is_pseudo_terminal(tmp_path / "nothing")
    assert any("a real site opens no simulator" in line for line in found)
    os.close(ours)
    os.close(theirs)


def test_only_hardware_is_reached_over_the_network(tmp_path: Path) -> None:
    """Modbus over TCP knows no passwords: what is not this machine must be named as hardware."""
    unit = '[[unit]]\nname = "e"\nmodel = "hasomed-p24"\nlink = "tcp:192.0.2.7:502"\n'

    found = findings(site_with(tmp_path, HEAD.format(simulated="false") + unit))

    assert any("hardware = true" in line for line in found)
    load_site(site_with(tmp_path, HEAD.format(simulated="false") + unit + "hardware = true\n"))


def test_two_units_cannot_share_a_name_or_an_address(tmp_path: Path) -> None:
    """A stop for one unit must reach that unit."""
    found = findings(site_with(tmp_path, HEAD.format(simulated="true") + UNIT + UNIT))

    assert any("name 'estim-1' is given twice" in line for line in found)
    assert any("link" in line and "is given twice" in line for line in found)


def test_the_bench_is_read_with_absolute_addresses(tmp_path: Path) -> None:
    """Simulators and controller meet at the same path wherever each was started."""
    text = """
[[sim]]
name = "estim-1"
model = "hasomed-p24"
address = "run/bench/estim-1"
seed = 3
[[sim]]
name = "estim-2"
model = "hasomed-p24"
address = "tcp:5020"
"""
    Layout(tmp_path).bench_toml.write_text(text, encoding="utf-8")

    bench = load_bench(tmp_path)

    assert [f"{tmp_path}/run/bench/estim-1", "tcp:5020"] == [sim.address for sim in bench]
    assert [3, 1] == [sim.seed for sim in bench]


def test_a_bench_with_mistakes_is_refused_whole(tmp_path: Path) -> None:
    """Half a bench would be taken for a whole one."""
    text = '[[sim]]\nname = "x"\nmodel = "hasomed-p24"\naddress = "tcp:0"\nseed = -1\nfaults = 1\n'
    Layout(tmp_path).bench_toml.write_text(text, encoding="utf-8")

    with pytest.raises(ConfigError) as refused:
        load_bench(tmp_path)

    assert "unknown key 'faults'" in str(refused.value)
    assert "$.sim[0].seed" in str(refused.value)


def test_a_site_without_a_bench_has_no_simulated_units(tmp_path: Path) -> None:
    """A real site has none."""
    assert load_bench(tmp_path) == ()


def test_only_an_assumed_register_can_be_enabled(tmp_path: Path) -> None:
    """A site proves on its own unit what a document only suggests; everything else needs no key and gets none."""
    unit = '[[unit]]\nname = "cold-1"\nmodel = "julabo-magio"\nlink = "tcp:127.0.0.1:1502"\n'
    site = '[site]\nname = "here"\nsimulated = true\n'
    (tmp_path / "site.toml").write_text(f'{site}{unit}enabled = ["set_temperature"]\n')
    assert ("set_temperature",) == load_site(tmp_path).units[0].enabled

    (tmp_path / "site.toml").write_text(f'{site}{unit}enabled = ["start"]\n')

    with pytest.raises(ConfigError, match="'start' is not an assumed register"):
        load_site(tmp_path)


MOTOR = '[[unit]]\nname = "pull-1"\nmodel = "iris-orca"\nlink = "serial:run/bench/rope"\nwitness = "{witness}"\n'
CELL = '[[unit]]\nname = "cell-1"\nmodel = "laumas-tlb"\nlink = "serial:run/bench/rope"\n'


def test_a_unit_names_its_witness_and_shares_a_line_with_it(tmp_path: Path) -> None:
    """Two models that have different addresses of their own need none in the file."""
    text = HEAD.format(simulated="true") + MOTOR.format(witness="cell-1") + CELL
    unit = load_site(site_with(tmp_path, text)).unit("pull-1")

    assert unit is not None
    assert "cell-1" == unit.witness
    assert "cell-1" == unit_config(unit).witness


@pytest.mark.parametrize(
    ("witness", "said"),
    [
        ("cell-2", "this site has no such unit"),
        ("pull-1", "iris-orca does not witness force_n"),
        ("estim-1", "hasomed-p24 does not witness force_n"),
    ],
)
def test_a_witness_that_can_see_nothing_is_refused(tmp_path: Path, witness: str, said: str) -> None:
    """A slip in a name must not become a session without its witness."""
    text = HEAD.format(simulated="true") + MOTOR.format(witness=witness) + CELL + UNIT

    assert [f"$.unit[0]: witness {witness!r}: {said}"] == findings(site_with(tmp_path, text))


def test_two_units_of_one_address_on_one_line_are_refused(tmp_path: Path) -> None:
    """Both would answer at once."""
    same = CELL.replace("cell-1", "cell-2")
    found = findings(site_with(tmp_path, HEAD.format(simulated="true") + CELL + same))

    assert 1 == len(found)
    assert "is given twice" in found[0]


@pytest.mark.parametrize(("seconds", "is_taken"), [(-1, False), (0, True), (3_600, True), (3_601, False)])
def test_a_site_says_when_a_screen_locks(tmp_path: Path, seconds: int, *, is_taken: bool) -> None:
    """Never, or within the hour; a site that says nothing locks after five minutes."""
    site = site_with(tmp_path, HEAD.format(simulated="true") + f"lock_after_s = {seconds}\n")

    if is_taken:
        assert seconds == load_site(site).site.lock_after_s
    else:
        assert findings(site)


HEAD_OF = '[[unit.accessory]]\nkind = "{kind}"\nserial = "{serial}"\nera_mm2 = {era}\nbnr_permille = {bnr}\n'


def test_a_units_heads_are_read_with_their_areas(tmp_path: Path) -> None:
    """The radiating area belongs to the head (hazard H53)."""
    heads = HEAD_OF.format(kind="head", serial="A", era=480, bnr=8_000) + HEAD_OF.format(
        kind="cuff", serial="B/2", era=0, bnr=0
    )
    unit = load_site(site_with(tmp_path, HEAD.format(simulated="true") + UNIT + heads)).unit("estim-1")

    assert unit is not None
    assert [("head", "A", 480), ("cuff", "B/2", 0)] == [(one.kind, one.serial, one.era_mm2) for one in unit.accessory]


@pytest.mark.parametrize(
    ("kind", "serial", "era", "bnr", "word"),
    [
        ("head", "A", 480, 8_001, "bnr_permille 8001"),
        ("head", "A", 2_001, 0, "era_mm2 2001"),
        ("head", "A B", 480, 0, "serial 'A B'"),
        ("cuff", "A", 480, 0, "belong to a head"),
        ("hat", "A", 0, 0, "hat"),
    ],
)
def test_a_head_that_cannot_be_is_refused(
    tmp_path: Path, kind: str, serial: str, era: int, bnr: int, word: str
) -> None:
    """A beam that is worse than 8 to 1 burns; a number that is typed wrong must not become an area."""
    head = HEAD_OF.format(kind=kind, serial=serial, era=era, bnr=bnr)

    assert any(word in line for line in findings(site_with(tmp_path, HEAD.format(simulated="true") + UNIT + head)))


def test_one_serial_number_is_one_head(tmp_path: Path) -> None:
    """Two entries of one head could say two areas."""
    twice = HEAD_OF.format(kind="head", serial="A", era=480, bnr=0) * 2

    found = findings(site_with(tmp_path, HEAD.format(simulated="true") + UNIT + twice))

    assert any("'A' is given twice" in line for line in found)


@pytest.mark.parametrize(("simulated", "needs"), [("true", False), ("false", True)])
def test_only_a_site_for_real_units_asks_for_a_first_calibration(tmp_path: Path, simulated: str, needs: bool) -> None:
    """A demonstration works at once; a real unit is measured first, unless its site says otherwise."""
    site = load_site(site_with(tmp_path, HEAD.format(simulated=simulated))).site
    other = load_site(site_with(tmp_path, HEAD.format(simulated=simulated) + "require_calibration = false\n")).site

    assert needs == site.needs_calibration
    assert not other.needs_calibration


@pytest.mark.parametrize(
    "archive",
    ["host=a dbname=b password=c", "host=a PASSWORD = c", "postgresql://kim:secret@a/b", "postgres://:secret@a/b"],
)
def test_a_password_does_not_stand_in_the_sites_file(tmp_path: Path, archive: str) -> None:
    """It is copied into incidents and backups, and read by whoever repairs a unit's entry."""
    head = HEAD.format(simulated="true")
    (finding,) = findings(site_with(tmp_path, f'{head}archive = "{archive}"\n'))

    assert "a password does not belong here" in finding


@pytest.mark.parametrize("archive", ["", "host=a dbname=b user=c", "postgresql://kim@a:5432/b", "service=archive"])
def test_an_archive_is_named_as_libpq_names_it(tmp_path: Path, archive: str) -> None:
    """Without a password, in each of its forms."""
    head = HEAD.format(simulated="true")

    assert archive == load_site(site_with(tmp_path, f'{head}archive = "{archive}"\n')).site.archive
