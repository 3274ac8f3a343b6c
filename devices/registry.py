"""Which driver speaks for which profile: an explicit mapping, no scanning, no entry points."""

from devices.driver import Driver, DriverFactory
from devices.drivers.openlifu import OpenLifuDriver
from devices.drivers.p24 import P24Driver
from devices.drivers.register_unit import RegisterUnitDriver
from devices.drivers.tpo import TpoDriver
from devices.drivers.rehastim2 import Rehastim2Driver
from devices.profile import Profile

DRIVERS: dict[str, DriverFactory] = {
    "openlifu": OpenLifuDriver,
    "p24": P24Driver,
    "register_unit": RegisterUnitDriver,
    "tpo": TpoDriver,
    "rehastim2": Rehastim2Driver,
}


def driver_for(profile: Profile) -> Driver:
    """A driver that has not said anything yet; KeyError if the profile names none of ours."""
    return DRIVERS[profile.device.driver](profile)
