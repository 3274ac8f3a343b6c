"""The one place that hashes PINs. As a process of its own it checks one: the controller gives no time away for it.

Reads ``{"verifier": …, "pin": …}`` from standard input; exit 0: right, 1: wrong, 2: not a question. Started as
``python -P -m modctl.controller.pin_check`` with an environment that holds nothing of ours.
"""

import sys
from typing import Final

import argon2
import msgspec

from modctl.errors import UsageError

RIGHT: Final = 0
WRONG: Final = 1
NONSENSE: Final = 2
MIN_PIN_CHARS: Final = 4  # chosen: what people key in with gloves; guessing is slowed by the lock, not by length
MAX_PIN_CHARS: Final = 64
MAX_BYTES: Final = 4_096  # chosen: a verifier has about a hundred bytes, a PIN at most sixty-four


class Question(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One verifier and the PIN to hold against it."""

    verifier: str
    pin: str


def verdict(asked: bytes) -> int:
    """The exit status for one question."""
    try:
        question = msgspec.json.decode(asked, type=Question)
        argon2.PasswordHasher().verify(question.verifier, question.pin)
    except argon2.exceptions.VerifyMismatchError:
        return WRONG
    except (argon2.exceptions.Argon2Error, argon2.exceptions.InvalidHashError, msgspec.DecodeError):
        return NONSENSE
    return RIGHT


def verifier_of(pin: str) -> str:
    """An argon2id verifier of a PIN that somebody sets; UsageError when it is too short or too long. Takes time."""
    if not MIN_PIN_CHARS <= len(pin) <= MAX_PIN_CHARS:
        raise UsageError(f"A PIN has {MIN_PIN_CHARS} to {MAX_PIN_CHARS} characters.")
    return argon2.PasswordHasher().hash(pin)


if __name__ == "__main__":
    sys.exit(verdict(sys.stdin.buffer.read(MAX_BYTES)))
