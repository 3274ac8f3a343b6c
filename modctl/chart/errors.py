"""What can go wrong with a chart, beyond findings of the verifier (those are values).

ModctlError
├── ChartWriteError          findings: nothing of this batch is in the chart; the chart before it is untouched
├── NoteError                usage: a note, a verifier key or a checkpoint that does not parse
├── ChartUnreadableError     unreachable: not a chart, damaged, or not where it should be
│   ├── EngineError          the SQLite of this machine is missing or has a known fault
│   └── KeysError            the signing key is missing, foreign or open to others
└── ChartRefusedError        refused: the entry, the file or the chart does not belong here
"""

from modctl.errors import ModctlError, RefusedError, UnreachableError, UsageError


class ChartWriteError(ModctlError):
    """The batch was not committed. The next append reads the chart's true end again before it writes."""


class NoteError(UsageError):
    """Text that should be a signed note, a verifier key or a checkpoint is none."""


class ChartUnreadableError(UnreachableError):
    """The file cannot be used as a chart."""


class EngineError(ChartUnreadableError):
    """There is no SQLite here that a chart can be trusted to."""


class KeysError(ChartUnreadableError):
    """The site's signing key does not fit the chart."""


class ChartRefusedError(RefusedError):
    """Something that a chart does not take."""
