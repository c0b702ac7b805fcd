#!/usr/bin/env python3
"""Starts of billing periods by Python's calendar and zoneinfo: crates/domain/tests/data/calendar_tables.jsonl.

Each line is {zone, anchor, unit, every, first, starts}: the starts of periods first, first + 1, … in seconds of UTC. A date that a month
does not have is its last day. A local time that is skipped or happens twice is read with the offset before the change of the
clock (PEP 495, fold=0), which is what RFC 5545 asks for. Periods lie between 1970 and 2024, because laws about clocks still change after
it; those of zones with settled rules go on to 2037.
"""

import calendar
import json
import os
import random
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

SEED = 20260317
FILE = os.path.join(os.path.dirname(__file__), "../../crates/domain/tests/data/calendar_tables.jsonl")

ZONES = """UTC Europe/Berlin Europe/London Europe/Dublin Europe/Lisbon Europe/Moscow Europe/Istanbul America/New_York
America/Los_Angeles America/Phoenix America/St_Johns America/Sao_Paulo America/Havana America/Santiago America/Caracas
Africa/Cairo Africa/Johannesburg Africa/Monrovia Asia/Kathmandu Asia/Kolkata Asia/Tehran Asia/Tokyo Asia/Pyongyang
Australia/Sydney Australia/Lord_Howe Pacific/Auckland Pacific/Apia Pacific/Chatham Pacific/Kwajalein Pacific/Kiritimati""".split()

# Days 28 to 31, leap days, and times of day at which clocks change.
ANCHORS = """1999-01-28T00:00 2000-01-29T00:00 2023-01-30T00:00 2024-01-31T00:00 2024-02-29T00:00 1996-02-29T02:30 2021-10-31T02:30
2010-03-28T01:00 1970-12-31T00:00 2011-12-30T12:00 2019-05-31T23:59""".split()

SETTLED = "UTC Europe/Berlin Europe/London America/New_York America/Los_Angeles Australia/Sydney Asia/Tokyo Asia/Kolkata".split()

MONTHS = {"month": 1, "quarter": 3, "year": 12}
DAYS = {"day": 1, "week": 7}
COUNT = 24


def start(anchor, zone, unit, every, number):
    if unit in MONTHS:
        months = anchor.year * 12 + anchor.month - 1 + number * every * MONTHS[unit]
        year, month = divmod(months, 12)
        day = min(anchor.day, calendar.monthrange(year, month + 1)[1])
        local = anchor.replace(year=year, month=month + 1, day=day)
    else:
        local = anchor + timedelta(days=number * every * DAYS[unit])
    return int(local.replace(tzinfo=zone, fold=0).timestamp())


def numbers_within(anchor, unit, every, last_year):
    """The numbers of the periods that begin between 1970 and the last year."""
    days = every * (DAYS[unit] if unit in DAYS else MONTHS[unit] * 31)
    first = int((datetime(1970, 2, 1) - anchor).days // days) + 1
    last = int((datetime(last_year, 11, 1) - anchor).days // days) - 1
    return first, last


def main():
    rng = random.Random(SEED)
    with open(FILE, "w", encoding="utf-8") as out:
        for name in ZONES:
            zone = ZoneInfo(name)
            for text in ANCHORS:
                anchor = datetime.fromisoformat(text)
                for unit in ["day", "week", "month", "month", "quarter", "year"]:
                    every = 1 if rng.random() < 0.7 else rng.randint(2, 5)
                    first, last = numbers_within(anchor, unit, every, 2037 if name in SETTLED else 2024)
                    first = rng.randint(first, max(first, last - COUNT))
                    numbers = range(first, min(first + COUNT, last))
                    starts = [start(anchor, zone, unit, every, number) for number in numbers]
                    line = {"zone": name, "anchor": text, "unit": unit, "every": every, "first": first, "starts": starts}
                    out.write(json.dumps(line, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
