"""Mutants by name: a name outlives an edit elsewhere, and what is explained is a mutant that there is."""

import tomllib
from pathlib import Path

import msgspec

from tests.soak.bodies import Body, bodies
from tests.soak.mutate import ROOT, mutants
from tests.soak.survivors import explained

# As mutmut writes a changed module: the function as it was, and once for each mutant.
CHANGED = '''
def x_held__mutmut_orig(level: int, highest: int) -> bool:
    """Is it too high."""
    if level > highest:
        return True
    return level > highest
def x_held__mutmut_1(level: int, highest: int) -> bool:
    """Is it too high."""
    if level >= highest:
        return True
    return level > highest
def x_held__mutmut_2(level: int, highest: int) -> bool:
    """Is it too high."""
    if level > highest:
        return False
    return level > highest
def x_held__mutmut_3(level: int, highest: int = 1) -> bool:
    """Is it too high."""
    if level > highest:
        return True
    return level > highest
class Tree:
    def xǁTreeǁroot__mutmut_orig(self) -> bytes:
        return (self.nodes[0] + self.nodes[1] + self.nodes[2] +
            self.nodes[3] + self.nodes[4] + self.nodes[5] + self.nodes[6])
    def xǁTreeǁroot__mutmut_1(self) -> bytes:
        return (self.nodes[0] + self.nodes[1] + self.nodes[2] +
            self.nodes[3] - self.nodes[4] + self.nodes[5] + self.nodes[6])
'''
CODES = {
    "modctl.engine.made.x_held__mutmut_1": 0,
    "modctl.engine.made.x_held__mutmut_2": 1,
    "modctl.engine.made.x_held__mutmut_3": -24,
    "modctl.engine.made.xǁTreeǁroot__mutmut_1": None,
}


def test_a_mutant_of_a_body_is_named_after_what_was_changed(tmp_path: Path) -> None:
    """mutmut counts from the top of the function: its numbers name another mutant after every edit."""
    folder = tmp_path / "mutants" / "modctl" / "engine"
    folder.mkdir(parents=True)
    (folder / "made.py").write_text(CHANGED)
    (folder / "made.py.meta").write_bytes(msgspec.json.encode({"exit_code_by_key": CODES, "durations_by_key": {}}))

    assert (
        Body("modctl/engine/made.py: held | if level > highest: -> if level >= highest:", 0),
        Body("modctl/engine/made.py: held | return True -> return False", 1),
        Body(
            "modctl/engine/made.py: held | def held(level: int, highest: int) -> bool: -> "
            "def held(level: int, highest: int=1) -> bool:",
            -24,
        ),
        Body(
            "modctl/engine/made.py: Tree.root | self.nodes[2] + self.nodes[3] + self.nodes[4] + self.nodes[5] -> "
            "self.nodes[2] + self.nodes[3] - self.nodes[4] + self.nodes[5]",
            None,
        ),
    ) == tuple(bodies(tmp_path))


def test_what_is_explained_is_a_mutant_that_there_is() -> None:
    """An explanation of something that nobody tries any more would hide the next one of its name."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["mutmut"]
    of_bodies = {name.partition(":")[0] for name in explained("body")}

    assert explained("table").keys() <= {one.name for one in mutants()}
    assert of_bodies <= set(settings["only_mutate"])
    assert all(reason for kind in ("table", "body") for reason in explained(kind).values())


def test_every_module_whose_bodies_are_changed_is_there() -> None:
    """A module that was renamed would be left out without a word."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["mutmut"]

    assert [] == [path for path in settings["only_mutate"] if not (ROOT / path).is_file()]
