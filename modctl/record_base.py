"""What every kind of chart entry stands on."""

import msgspec


class Record(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The base of every entry's ``data``."""
