"""Which driver speaks for which profile: an explicit mapping, no scanning, no entry points."""

from devices.driver import Driver, DriverFactory
from devices.drivers.laumas import LaumasDriver
from devices.drivers.openlifu import OpenLifuDriver
from devices.drivers.orca import OrcaDriver
from devices.drivers.p24 import P24Driver
from devices.drivers.passive import PassiveDriver
from devices.drivers.register_unit import RegisterUnitDriver
from devices.drivers.rehastim2 import Rehastim2Driver
from devices.drivers.tpo import TpoDriver
from devices.profile import Profile

DRIVERS: dict[str, DriverFactory] = {
    "openlifu": OpenLifuDriver,
    "laumas": LaumasDriver,
    "orca": OrcaDriver,
    "p24": P24Driver,
    "passive": PassiveDriver,
    "register_unit": RegisterUnitDriver,
    "tpo": TpoDriver,
    "rehastim2": Rehastim2Driver,
}


def driver_for(profile: Profile) -> Driver:
    """A driver that has not said anything yet; KeyError if the profile names none of ours."""
    return DRIVERS[profile.device.driver](profile)
