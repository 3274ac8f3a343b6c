"""Answers to the questions at the table: from a file (simulated sites only), or from a person's keys."""

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from devices.model import Modality
from modctl.clinic.gates import ANSWER_KEYS, gates_for, problem_with_answer, unsaid
from modctl.errors import UnreachableError, UsageError
from modctl.ipc.asks import held_words
from modctl.ipc.messages import GateView

DEMO: Final = "demo"
CONFIRM: Final = "confirm"
NOT_YET: Final = "not-yet"
NOT_DONE: Final = "not-done"
BACKSPACES: Final = ("\x7f", "\b")
TEN: Final = 10  # up to here a digit alone is the number
TEN_KEY: Final = "x"
TEN_HINT: Final = ", x for 10"
UNCHANGED: Final = "u"
AGAIN: Final = "a"


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
    weight = answers.get("body_weight", "80")
    if not (weight.isascii() and weight.isdigit()):
        findings.append(f"{path}: $.body_weight: must be whole kilograms")
    problems = [problem_with_answer(gate, answers[gate.id]) for gate in gates_for(modality) if gate.id in answers]
    findings += [f"{path}: {problem}" for problem in problems if problem is not None]
    if findings:
        raise UsageError("\n".join([*findings, "Nothing was started."]))
    return answers


def from_file(gate: GateView, answers: Mapping[str, str]) -> str | None:
    """The file's answer to one gate. A missing one is *not done* where that can be said; None where it cannot."""
    if gate.gate in answers:
        return answers[gate.gate]
    younger = unsaid(gate.gate)
    if younger is not None:
        return younger
    return NOT_DONE if NOT_DONE in gate.closes else None


class Question:
    """One question, answered by keys: a digit chooses, or is the number. Nothing is preselected.

    Numbers above ten are ended with Enter. Words beside a number, such as *not done*, are chosen by their first letter.
    """

    def __init__(self, gate: GateView) -> None:
        self.gate = gate
        self._typed = ""

    def lines(self) -> tuple[str, ...]:
        """The question as it is said."""
        asked = (self.gate.title, *self.gate.text.splitlines())
        if self.gate.maximum is None:
            return (*asked, *(f"{number} {label}" for number, (_, label) in enumerate(self.gate.answers, start=1)))
        words = tuple(f"{answer[0]} {label}" for answer, label in self.gate.answers)
        if self.gate.maximum <= TEN:
            return (
                *asked,
                f"Press {self.gate.minimum or 0} to 9{TEN_HINT if self.gate.maximum == TEN else ''}.",
                *words,
            )
        return (*asked, f"Type {self.gate.minimum or 0} to {self.gate.maximum}, then Enter.", *words)

    def key(self, key: str) -> str | None:
        """The answer that this key completes; None when it completes none."""
        if self.gate.maximum is None:
            chosen = int(key) if key.isascii() and key.isdigit() else 0
            return self.gate.answers[chosen - 1][0] if 1 <= chosen <= len(self.gate.answers) else None
        word = next((answer for answer, _ in self.gate.answers if answer[0] == key), None)
        if word is not None:
            return word
        if self.gate.maximum <= TEN:
            return self._taken("10" if key == TEN_KEY else key)
        if key in BACKSPACES:
            self._typed = self._typed[:-1]
        elif key.isascii() and key.isdigit():
            self._typed += key
        elif key in "\r\n":
            typed, self._typed = self._typed, ""
            return self._taken(typed)
        return None

    def _taken(self, typed: str) -> str | None:
        """A number within the bounds, without leading zeros."""
        if not (typed.isascii() and typed.isdigit()):
            return None
        low, high = self.gate.minimum or 0, self.gate.maximum or 0
        return str(int(typed)) if low <= int(typed) <= high else None


def held_lines(gates: Sequence[GateView]) -> tuple[str, ...]:
    """What held so far, with its age, and the key that says it again."""
    return (*held_words(gates), f"{UNCHANGED} unchanged ({len(gates)}), {AGAIN} ask again")
