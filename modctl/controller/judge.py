"""Judges the chart in a process of its own; the controller waits for it in a thread and passes on how far it is.

Rule 1: none of it runs in the controller. There it would hold the interpreter's lock at an ordinary priority, and on a
        busy machine that keeps even the threads of highest priority waiting, until the guard takes the controller for
        dead (seen: 100 000 sessions, two processors, load 24).
Rule 2: it is the controller's child, under its account, and opens the chart for reading only: nobody else may.
        Meanwhile the controller does not shorten the write-ahead log, which would wait for this reader.
Rule 3: who asked and hung up ends it.

Started as ``python -P -m modctl.controller.judge`` with an environment that holds nothing of ours; one question on
standard input, lines on standard output: steps, then the verdict or why there is none.
"""

import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec

from modctl.chart.verify import ChartVerdict, Progress, verify_file
from modctl.errors import Exit, ModctlError, RefusedError, UnreachableError, UsageError

NICE: Final = 19  # nice(2): the lowest there is; treatment goes first
MAX_BYTES: Final = 1 << 20  # chosen: a question holds a head and a key
BY_EXIT: Final = {error.exit_code: error for error in (UsageError, UnreachableError, RefusedError)}
ENDED: Final = "The process that judged the chart ended without a verdict. Ask again; sessions go on."


class Question(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which chart, and what it is held against."""

    chart: str
    checkpoint: str | None
    vkey: str | None


class _Step(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="step"):
    done: int
    total: int


class _Judged(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="judged"):
    verdict: ChartVerdict


class _Failed(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="failed"):
    exit_code: int
    says: str


_Said = _Step | _Judged | _Failed


def judged(question: Question, progress: Progress) -> ChartVerdict:
    """Have it judged, and wait; what ``progress`` raises ends it. ModctlError as the verifier's own."""
    helper = subprocess.Popen(
        [sys.executable, "-P", "-m", __name__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={},
    )
    if helper.stdin is None or helper.stdout is None:
        raise AssertionError("both were asked to be pipes")
    try:
        with suppress(BrokenPipeError):  # it ended already, which is told below
            helper.stdin.write(msgspec.json.encode(question))
            helper.stdin.close()
        for line in helper.stdout:
            match msgspec.json.decode(line, type=_Said):
                case _Step(done=done, total=total):
                    progress(done, total)
                case _Judged(verdict=verdict):
                    return verdict
                case _Failed(exit_code=code, says=says):
                    raise BY_EXIT.get(Exit(code), ModctlError)(says)
        raise UnreachableError(ENDED)
    finally:
        helper.kill()
        helper.wait()
        helper.stdout.close()


def main() -> None:
    """Answer one question."""
    os.nice(NICE)
    question = msgspec.json.decode(sys.stdin.buffer.read(MAX_BYTES), type=Question)
    heads = () if question.checkpoint is None else (question.checkpoint.encode(),)
    try:
        said: _Said = _Judged(verdict=verify_file(Path(question.chart), heads, question.vkey, _step))
    except ModctlError as why:
        said = _Failed(exit_code=why.exit_code, says=str(why))
    _say(said)


def _step(done: int, total: int) -> None:
    _say(_Step(done=done, total=total))


def _say(said: _Said) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(said) + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
