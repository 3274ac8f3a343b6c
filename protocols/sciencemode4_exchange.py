"""One request at a time with a ScienceMode 3/4 stimulator (the rules: ``protocols.sciencemode``)."""

from protocols.sciencemode import NumberedExchange
from protocols.sciencemode4 import NUMBERS, Command, Decoder
from protocols.sciencemode4_answers import GENERAL_ERROR, UNKNOWN_COMMAND


class Exchange(NumberedExchange[Command]):
    """General_error and Unknown_cmd can stand instead of an answer; with another number they come unasked."""

    ERRORS = OWN = frozenset({GENERAL_ERROR, UNKNOWN_COMMAND})

    def __init__(self, reply_ns: int) -> None:
        super().__init__(Decoder(), NUMBERS, reply_ns)
