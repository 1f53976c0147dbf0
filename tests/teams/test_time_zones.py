"""Names of time zones: those of browsers are found, all others are refused."""

from zoneinfo import ZoneInfo

import pytest

from teams import time_zones
from teams.models import User


@pytest.mark.parametrize(
    "name",
    ["UTC", "Europe/Berlin", "Asia/Kathmandu", "America/Argentina/Buenos_Aires", "Pacific/Apia", "Etc/GMT+5"],
)
def test_a_zone_is_found_by_its_name(name):
    assert time_zones.find(name) == name
    assert User(time_zone=name).zone == ZoneInfo(name)


@pytest.mark.parametrize(
    ("name", "current"),
    [
        ("Asia/Calcutta", "Asia/Kolkata"),
        ("Asia/Katmandu", "Asia/Kathmandu"),
        ("Europe/Kiev", "Europe/Kyiv"),
        ("US/Pacific", "America/Los_Angeles"),
        ("Etc/UTC", "UTC"),
        ("Zulu", "UTC"),
    ],
)
def test_an_earlier_name_means_the_current_one(name, current):
    assert time_zones.find(name) == current
    assert name not in time_zones.names()


@pytest.fixture
def known(monkeypatch):
    """Return a function that makes the system know these zones only."""

    def know(*names):
        time_zones.names.cache_clear()
        monkeypatch.setattr(time_zones, "available_timezones", lambda: set(names))

    yield know
    time_zones.names.cache_clear()


def test_a_system_that_knows_one_of_the_names_is_enough(known):
    known("Asia/Kolkata", "Europe/Kiev", "UTC")
    assert time_zones.names() == ["Asia/Kolkata", "Europe/Kiev", "UTC"]
    found = [time_zones.find(name) for name in ("Asia/Calcutta", "Asia/Kolkata", "Europe/Kiev", "Asia/Saigon")]
    assert found == ["Asia/Kolkata", "Asia/Kolkata", "Europe/Kiev", ""]


@pytest.mark.parametrize(
    "name",
    [
        *(
            "",
            "Mars/Phobos",
            "europe/berlin",
            "../../etc/passwd",
            "/etc/localtime",
            "Europe",
            "localtime",
            "Factory",
        ),
        *("UTC\0", "Europe/Berlin\n", "posix/Europe/Berlin", "+02:00", "x" * 5000, "<script>"),
    ],
)
def test_any_other_text_is_no_zone_and_means_utc(name):
    assert time_zones.find(name) == ""
    assert User(time_zone=name).zone == ZoneInfo("UTC")
