"""Exit codes and the few exceptions that cross modules.

ModctlError            a sentence for a person; ``exit_code`` says which of the five ends it is
├── UsageError      2  unknown unit, preset or patient, malformed value
├── UnreachableError 3 cannot reach, read, or lost on the way
└── RefusedError    4  refused, and why
"""

from enum import IntEnum


class Exit(IntEnum):
    """Exit status of every command (a contract: others script against it)."""

    OK = 0  # done and sound
    FINDINGS = 1  # session stopped, faulted or unconfirmed; chart broken; check failed; off not confirmed
    USAGE = 2
    UNREACHABLE = 3
    REFUSED = 4


class ModctlError(Exception):
    """What happened, what the output's state is, what to do now: in one or two sentences."""

    exit_code = Exit.FINDINGS


class UsageError(ModctlError):
    """The words of a request are off."""

    exit_code = Exit.USAGE


class UnreachableError(ModctlError):
    """Something that must be reached or read cannot be."""

    exit_code = Exit.UNREACHABLE


class RefusedError(ModctlError):
    """A rule says no."""

    exit_code = Exit.REFUSED
