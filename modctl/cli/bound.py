"""``python -m modctl.cli.bound``: modctl as a child that ends when its parent does, however that ends.

The demonstration starts its parts so: killed without a word, it would otherwise leave a controller behind.
"""

import ctypes
import signal
import sys
from typing import Final

from modctl.cli.main import main

PR_SET_PDEATHSIG: Final = 1  # Linux, prctl(2)


def bind_to_parent() -> None:
    """Have TERM sent to this process when its parent ends. Linux only; elsewhere nothing happens."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


if __name__ == "__main__":
    bind_to_parent()
    main()
