"""The simulator rack on the technician's screen: units come and go, and none of them is thereby a unit of the site."""

import msgspec

from devices.bench import Clear, Inject
from devices.racking import Remove, Start, Stop
from tests.tui.bench_stage import Stand, perform
from tests.tui.fakes import snapshot


async def at_rack(stand: Stand) -> None:
    """The rack is shown."""
    await stand.see()
    await stand.press("m")
    await stand.look_around()


async def added(stand: Stand, name: str = "", address: str = "") -> None:
    """One more ultrasound unit; nothing typed takes what is proposed."""
    await stand.press("n", "down", "enter")
    await stand.enter(name)
    await stand.enter(address)
    await stand.look_around()


def test_a_unit_is_added_and_the_screen_says_what_it_lacks() -> None:
    """Somebody who waits for it at a table must read why it does not come."""

    async def act(stand: Stand) -> None:
        await at_rack(stand)
        await added(stand)

        for words in (
            ">ultrasound-2  reference-ultrasound on    □ OFF      NO   run/bench/ultrasound-2",
            "ultrasound-2 is NO UNIT OF THIS SITE: no controller opens its line.",
            'link = "serial:run/bench/ultrasound-2"',
            'address = "run/bench/ultrasound-2"',
            "ultrasound-2 runs on run/bench/ultrasound-2.",
        ):
            assert words in stand.text(), words
        await stand.press("up")
        assert "NO UNIT OF THIS SITE" not in stand.text()
        await stand.press("backspace")
        assert "Simulated, but no unit of this site (m shows why): ultrasound-2" in stand.text()

    perform(act)


def test_a_tcp_unit_is_told_with_the_address_that_a_controller_takes() -> None:
    """The rack writes tcp:PORT, a site tcp:HOST:PORT."""

    async def act(stand: Stand) -> None:
        await at_rack(stand)
        await added(stand, address="tcp:5020")

        assert 'link = "tcp:127.0.0.1:5020"' in stand.text()
        assert 'address = "tcp:5020"' in stand.text()

    perform(act)


def test_a_unit_is_stopped_started_and_removed() -> None:
    """Each says what it did; a state to reach, never a toggle."""

    async def act(stand: Stand) -> None:
        await at_rack(stand)
        await added(stand)
        await stand.press("x")
        await stand.look_around()
        assert "ultrasound-2  reference-ultrasound cut" in stand.text()
        assert "ultrasound-2 has no power: it gives nothing, and its line is gone." in stand.text()
        await stand.press("g")
        await stand.look_around()
        assert "ultrasound-2  reference-ultrasound on" in stand.text()
        await stand.press("d")
        await stand.look_around()
        assert [
            Stop(name="ultrasound-2"),
            Start(name="ultrasound-2"),
            Remove(name="ultrasound-2"),
        ] == stand.made.ordered
        assert "ultrasound-2 is off the rack." in stand.text()
        assert ">estim-1" in stand.text()

    perform(act)


def test_faults_are_thrown_at_a_unit_that_only_the_rack_knows() -> None:
    """Another program than modctl may be at its line."""

    async def act(stand: Stand) -> None:
        await at_rack(stand)
        await added(stand)
        await stand.press("f")
        await stand.look_around()
        assert "no unit of this site" in stand.text()
        await stand.press("enter", "c", "backspace")

        assert [Inject(name="ultrasound-2", fault="silence"), Clear(name="ultrasound-2")] == stand.made.ordered
        assert "SIMULATED  simulators" in stand.text()

    perform(act)


def test_a_site_for_real_units_shows_no_rack() -> None:
    """Nothing simulated is offered where patients are."""

    async def act(stand: Stand) -> None:
        await stand.see()
        await stand.press("m")
        stand.client.push(msgspec.structs.replace(snapshot(stand.clock), simulated=False))
        await stand.look_around()

        assert "This site is for real units: no simulator runs in it." in stand.text()
        assert "hasomed-p24" not in stand.text()

    perform(act)


def test_without_simulators_the_rack_says_how_to_start_them() -> None:
    """A rack needs its process."""

    async def act(stand: Stand) -> None:
        stand.made.is_there = False
        await at_rack(stand)

        assert "Start them with: modctl sim run" in stand.text()

    perform(act)
