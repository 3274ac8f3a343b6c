"""``make soak``: the search for counter-examples. One line for each family: its seed, what it reached, what it found.

``SOAK_MINUTES`` (10) is how long it takes, ``SOAK_SEED`` (of the day) what it tries, ``SOAK_FAMILIES`` a choice of
families. Two families run side by side. Ends with 1 when anything was found.
"""

import concurrent.futures
import multiprocessing
import os
import sys
import time
from typing import Final

from tests.soak.lanes import LANES, run_lane

DAY_S: Final = 86_400
MINUTE_S: Final = 60


def main() -> None:
    """Run, print, end."""
    seconds = float(os.environ.get("SOAK_MINUTES", "10")) * MINUTE_S
    seed = int(os.environ.get("SOAK_SEED", str(int(time.time()) // DAY_S)))
    wanted = os.environ.get("SOAK_FAMILIES", "").split()
    chosen = [tuple(one for one in lane if not wanted or one.module in wanted) for lane in LANES]
    lanes = [lane for lane in chosen if lane]
    with concurrent.futures.ProcessPoolExecutor(len(lanes), multiprocessing.get_context("spawn")) as pool:
        running = [pool.submit(run_lane, lane, seconds, seed) for lane in lanes]
        found = sum(one.result() for one in running)
    print(f"{found} findings" if found else "nothing found", flush=True)
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
