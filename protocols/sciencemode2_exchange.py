"""One request at a time with a RehaStim 2 (the rules: ``protocols.sciencemode``)."""

from protocols.sciencemode import NumberedExchange
from protocols.sciencemode2 import NUMBERS, Command, Decoder
from protocols.sciencemode2_answers import TOLD, UNKNOWN_COMMAND


class Exchange(NumberedExchange[Command]):
    """UnknownCommand can stand instead of an answer; Init and StimulationError come unasked."""

    ERRORS = frozenset({UNKNOWN_COMMAND})
    OWN = frozenset(TOLD)

    def __init__(self, reply_ns: int) -> None:
        super().__init__(Decoder(), NUMBERS, reply_ns)
