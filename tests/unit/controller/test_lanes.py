"""The queue between threads: a stop first, everything else in order, nothing lost."""

import signal
import threading
from types import FrameType

from modctl.controller.lanes import Lanes

LONG_NS = 10_000_000_000


def test_what_stops_is_taken_before_what_came_earlier() -> None:
    """A stop behind a queue of samples would wait for all of them."""
    lanes: Lanes[str] = Lanes()
    for item in ("one", "two"):
        lanes.put(item)
    lanes.put("stop", first=True)

    assert ["stop", "one", "two", None] == [lanes.take(0) for _ in range(4)]


def test_a_wake_ends_the_wait_and_takes_nothing_away() -> None:
    """A thread that is told to look up must not lose an item for it."""
    lanes: Lanes[str] = Lanes()
    lanes.wake()
    lanes.put("item")
    taken = [lanes.take(LONG_NS), lanes.take(LONG_NS)]

    assert "item" in taken
    assert None in taken or lanes.take(0) is None


def test_many_threads_put_and_nothing_is_lost() -> None:
    """Five workers, a socket and a writer put at the same time."""
    lanes: Lanes[tuple[int, int]] = Lanes()

    def put(worker: int) -> None:
        for number in range(500):
            lanes.put((worker, number))

    threads = [threading.Thread(target=put, args=(worker,)) for worker in range(6)]
    for thread in threads:
        thread.start()
    taken = [lanes.take(LONG_NS) for _ in range(3_000)]
    for thread in threads:
        thread.join()

    assert 3_000 == len(set(taken))
    for worker in range(6):
        assert list(range(500)) == [item[1] for item in taken if item is not None and item[0] == worker]


def test_a_signal_handler_may_put_while_the_same_thread_waits() -> None:
    """TERM arrives while the engine's thread sits in this very queue."""
    lanes: Lanes[str] = Lanes()

    def handle(_number: int, _frame: FrameType | None) -> None:
        lanes.put("stop", first=True)

    before = signal.signal(signal.SIGALRM, handle)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.02)
        taken = lanes.take(LONG_NS)
    finally:
        signal.signal(signal.SIGALRM, before)

    assert "stop" == taken
