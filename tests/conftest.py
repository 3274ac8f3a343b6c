"""What every test stands on: repeatable searches, no site of the person who runs them, marks that follow folders."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

# "repeat" finds the same examples each time, so that a red run is about the change and not about luck;
# "search" looks for new ones: pytest --hypothesis-profile=search. No deadline: the machine is shared.
settings.register_profile("repeat", deadline=None, derandomize=True, print_blob=True)
settings.register_profile("search", deadline=None, max_examples=2_000, print_blob=True)
settings.load_profile("repeat")

ROOT = Path(__file__).resolve().parent.parent
TUI = ROOT / "tests" / "tui"
MARKED_FOLDERS = ("process", "interop")  # the folder is the mark: nobody has to remember it
USERS_FOLDERS = ("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark tests by their folder, and put files that wait for processes among those that compute.

    Workers take file after file: so the cores are busy throughout, and no long file is left for the end. Those of the
    screens are the longest and come first.
    """
    waiting: dict[Path, list[pytest.Item]] = {}
    computing: dict[Path, list[pytest.Item]] = {}
    for item in sorted(items, key=lambda one: TUI not in one.path.parents):
        folder = item.path.relative_to(ROOT / "tests").parts[0]
        if folder in MARKED_FOLDERS:
            item.add_marker(folder)
        files = waiting if folder == "process" else computing
        files.setdefault(item.path, []).append(item)
    places = [
        (at / max(1, len(files)), file) for files in (waiting, computing) for at, file in enumerate(files.values())
    ]
    items[:] = [item for _place, file in sorted(places, key=lambda one: one[0]) for item in file]


@pytest.fixture(scope="session", autouse=True)
def _nobodys_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep the tests, and what they start, away from the site and the folders of whoever runs them."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MODCTL_SITE", raising=False)
        patch.delenv("MODCTL_PIN", raising=False)
        for name in USERS_FOLDERS:
            patch.setenv(name, str(home / name.lower()))
        yield


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout."""
    return ROOT
