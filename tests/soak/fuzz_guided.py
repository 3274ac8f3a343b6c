"""``make fuzz``: the parsers of ``fuzz_targets`` under atheris, which keeps every input that reaches something new.

``FUZZ_MINUTES`` (10) is how long all of them together take, ``FUZZ_SEED`` what they begin with, ``FUZZ_TARGETS`` a
choice by words of their names. The inputs that reached something are kept in ``.fuzz/corpus`` for the next run. Ends
with 1 when anything was found; a finding's input lies in ``.fuzz``. atheris is no part of ``make env``: it is large,
and has wheels for Linux on x86_64 and Python 3.11 to 3.13 alone.
"""

import os
import random
import re
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Final

FOLDER: Final = Path(".fuzz")
CORPUS: Final = FOLDER / "corpus"
MINUTE_S: Final = 60
MAX_INPUT_BYTES: Final = 70_000  # chosen: longer than the longest line that a socket takes
HELD_EVERY: Final = 64  # chosen: looking at what is held costs more than an input
DONE: Final = re.compile(rb"stat::number_of_executed_units:\s+(\d+)")
COVERED: Final = re.compile(rb"cov: (\d+)")


class TooMuchHeldError(Exception):
    """The parser keeps more of what it was fed than it may."""


def fuzz_one(name: str) -> None:
    """Fuzz one target in this process, for as long as the rest of the command line says; does not return."""
    import atheris  # noqa: PLC0415  # only here: the parent runs without

    with atheris.instrument_imports(include=["devices", "modctl", "protocols"], enable_loader_override=False):
        from tests.soak.fuzz_targets import TARGETS, held_bytes  # noqa: PLC0415  # instrumented as it is imported

    target = next(one for one in TARGETS if one.name == name)
    parser = target.make(random.Random(name))
    count = 0

    def take(given: bytes) -> None:
        nonlocal count
        count += 1
        try:
            parser.take(given)
        except target.promised:
            return
        if target.most_bytes is not None and count % HELD_EVERY == 0 and held_bytes(parser.holds) > target.most_bytes:
            raise TooMuchHeldError(held_bytes(parser.holds))

    atheris.Setup(sys.argv[:1] + sys.argv[2:], take)
    atheris.Fuzz()


def main() -> int:
    """Every target in a process of its own, one line each."""
    from tests.soak.fuzz_targets import TARGETS  # noqa: PLC0415  # not before a child has instrumented it

    words = os.environ.get("FUZZ_TARGETS", "").split()
    chosen = [one for one in TARGETS if all(word in one.name for word in words)]
    seconds = max(1, int(float(os.environ.get("FUZZ_MINUTES", "10")) * MINUTE_S / len(chosen)))
    seed = int(os.environ.get("FUZZ_SEED", "1"))
    found = 0
    for target in chosen:
        corpus = CORPUS / re.sub(r"\W+", "-", target.name)
        corpus.mkdir(parents=True, exist_ok=True)
        for given in target.corpus():
            (corpus / f"{zlib.crc32(given):08x}").write_bytes(given)
        limits = [f"-max_total_time={seconds}", f"-seed={seed}", f"-max_len={MAX_INPUT_BYTES}", "-print_final_stats=1"]
        command = [sys.executable, "-m", "tests.soak.fuzz_guided", target.name, str(corpus), *limits]
        command += [f"-artifact_prefix={FOLDER}/"]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        counts, covered = DONE.findall(done.stdout), COVERED.findall(done.stdout)
        inputs = f"{int(counts[-1]):,} inputs" if counts else "no inputs"
        sys.stdout.write(f"{target.name}: seed {seed}; {inputs}, {int(covered[-1]) if covered else 0} edges\n")
        if done.returncode or not counts:
            found += 1
            sys.stdout.write(done.stdout.decode(errors="replace")[-2_000:] + "\n")
        sys.stdout.flush()
    sys.stdout.write(f"{found} findings\n" if found else "nothing found\n")
    return 1 if found else 0


if __name__ == "__main__":
    if len(sys.argv) > 1:
        fuzz_one(sys.argv[1])
    else:
        sys.exit(main())
