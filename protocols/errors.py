"""Protocol errors, after h11: whose mistake it was is in the type.

ProtocolError
├── LocalProtocolError    we cannot say that: a bug or a refused value on our side; nothing was written
└── RemoteProtocolError   they said nonsense: the unit's bytes do not parse; carries the bytes
"""


class ProtocolError(Exception):
    """A conversation with a unit cannot go on as it was."""


class LocalProtocolError(ProtocolError):
    """We were asked to encode something that the protocol cannot say."""


class RemoteProtocolError(ProtocolError):
    """The unit sent bytes that do not parse."""

    def __init__(self, why: str, frame: bytes) -> None:
        super().__init__(f"{why}: {frame.hex(' ')}")
        self.why = why
        self.frame = frame
