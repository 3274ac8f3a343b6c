"""Moments of the chart as the clock on the site's wall shows them."""

import zoneinfo
from datetime import UTC, datetime, tzinfo


def local_time(at_utc: str, timezone: str) -> str:
    """Date, hour and minute with the zone's own letters; empty stays empty. A zone unknown here is shown in UTC."""
    if not at_utc:
        return ""
    return datetime.fromisoformat(at_utc).astimezone(_zone(timezone)).strftime("%Y-%m-%d %H:%M %Z")


def _zone(name: str) -> tzinfo:
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError):
        return UTC
