"""Answers to the questions at the table: from a file (simulated sites only), or from a person's keys."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from devices.model import Modality
from modctl.clinic.gates import ANSWER_KEYS, gates_for, problem_with_answer
from modctl.errors import UnreachableError, UsageError
from modctl.ipc.messages import GateView

DEMO: Final = "demo"
CONFIRM: Final = "confirm"
NOT_YET: Final = "not-yet"
NOT_DONE: Final = "not-done"
BACKSPACES: Final = ("\x7f", "\b")


def read_answers(path: Path, modality: Modality) -> Mapping[str, str]:
    """The answers in a TOML file; a key that is missing is a closed gate. UsageError with everything that is wrong."""
    try:
        given = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as why:
        raise UnreachableError(f"{path} cannot be read: {why.strerror}. Nothing was started.") from why
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as why:
        raise UsageError(f"{path}: {why}. Nothing was started.") from why
    findings = [f"{path}: $: unknown key {key!r}" for key in sorted(set(given) - set(ANSWER_KEYS))]
    answers: dict[str, str] = {}
    for key, value in given.items():
        if isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool)):
            answers[key] = str(value)
        else:
            findings.append(f"{path}: $.{key}: must be a word or a whole number")
    problems = [problem_with_answer(gate, answers[gate.id]) for gate in gates_for(modality) if gate.id in answers]
    findings += [f"{path}: {problem}" for problem in problems if problem is not None]
    if findings:
        raise UsageError("\n".join([*findings, "Nothing was started."]))
    return answers


def from_file(gate: GateView, answers: Mapping[str, str]) -> str | None:
    """The file's answer to one gate. A missing one is *not done* where that can be said; None where it cannot."""
    if gate.gate in answers:
        return answers[gate.gate]
    return NOT_DONE if NOT_DONE in gate.closes else None


class Question:
    """One question, answered by keys: a digit chooses, a number is ended with Enter. Nothing is preselected."""

    def __init__(self, gate: GateView) -> None:
        self.gate = gate
        self._typed = ""

    def lines(self) -> tuple[str, ...]:
        """The question as it is said."""
        asked = (self.gate.title, *self.gate.text.splitlines())
        if self.gate.answers:
            return (*asked, *(f"{number} {label}" for number, (_, label) in enumerate(self.gate.answers, start=1)))
        return (*asked, f"Type {self.gate.minimum} to {self.gate.maximum}, then Enter.")

    def key(self, key: str) -> str | None:
        """The answer that this key completes; None when it completes none."""
        if self.gate.answers:
            chosen = int(key) if key.isascii() and key.isdigit() else 0
            return self.gate.answers[chosen - 1][0] if 1 <= chosen <= len(self.gate.answers) else None
        if key in BACKSPACES:
            self._typed = self._typed[:-1]
        elif key.isascii() and key.isdigit():
            self._typed += key
        elif key in "\r\n":
            typed, self._typed = self._typed, ""
            low, high = self.gate.minimum or 0, self.gate.maximum or 0
            return str(int(typed)) if typed and low <= int(typed) <= high else None
        return None
