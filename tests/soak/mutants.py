"""Mutation of what decides: does some test notice? Survivors that nobody has explained are findings.

``survivors.toml`` holds the explained ones, each with its reason; it only shrinks: one that is noticed now, or that
is no mutant any more, is a finding as well. Our own mutator: tables, constants and defaults (``mutate``); function
bodies are mutmut's (``bodies``).
"""

import subprocess
import sys

import msgspec

from tests.soak.mutant_worker import LONGEST_S, Tried
from tests.soak.mutate import ROOT, mutants
from tests.soak.report import Line
from tests.soak.survivors import explained


def run(seconds: float, seed: int) -> Line:
    """As many mutants as the time allows, in an order of the seed's."""
    command = [sys.executable, "-m", "tests.soak.mutant_worker", str(seconds), str(seed)]
    longest = seconds + 3 * LONGEST_S
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=longest, check=False)
    tried = [msgspec.json.decode(line, type=Tried) for line in done.stdout.splitlines()]
    known = explained("table")
    names = {one.name for one in mutants()}
    findings = [f"nobody noticed: {one.name}" for one in tried if one.survived and one.name not in known]
    findings += [f"explained, and noticed: {one.name}" for one in tried if not one.survived and one.name in known]
    findings += [f"explained, and no mutant any more: {name}" for name in known.keys() - names]
    if done.returncode:
        findings.append(f"the worker ended by itself: {done.stderr}")
    survived = sum(one.survived for one in tried)
    reached = {"mutants": len(tried), "of": len(mutants()), "noticed": len(tried) - survived, "survived": survived}
    return Line(family="mutants", seed=seed, reached=reached, findings=tuple(findings))
