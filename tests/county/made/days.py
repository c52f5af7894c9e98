# SPDX-License-Identifier: Apache-2.0
"""The county's days, in Finnish time. A moment is a number of minutes since its first midnight."""
import datetime
import zoneinfo
from bisect import bisect
from itertools import accumulate

HELSINKI = zoneinfo.ZoneInfo("Europe/Helsinki")
DAY = 1440
BEFORE, AFTER = 60, 90  # days whose text is known before the first and after the last
SPRING_HOUR = 180       # 03.00 is not there on the day when summer time begins


class Days:
    def __init__(self, first, weeks, rhythm):
        self.first, self.count = first, weeks * 7
        self.end = self.count * DAY
        span = range(-BEFORE, self.count + AFTER)
        dates = [first + datetime.timedelta(days=number) for number in span]
        self.dates = dates
        self.plain = [f"{date:%Y%m%d}" for date in dates]
        self.iso = [date.isoformat() for date in dates]
        self.finnish = [f"{date.day}.{date.month}.{date.year}" for date in dates]
        self.offsets = [_offset(date) for date in dates]
        self.planned = self._weights(rhythm["planned_months"],
                                     [1.0] * 5 + [rhythm["weekend_planned"]] * 2)
        self.emergency = self._weights(rhythm["emergency_months"], rhythm["emergency_weekdays"])
        self.planned_hours = list(accumulate(rhythm["planned_hours"]))
        self.emergency_hours = list(accumulate(rhythm["emergency_hours"]))

    def _weights(self, months, weekdays):
        return list(accumulate(months[date.month - 1] * weekdays[date.weekday()]
                               for date in self.dates[BEFORE:BEFORE + self.count]))

    # --- Drawing ---------------------------------------------------------------------------------

    def draw(self, random, days, hours):
        day = bisect(days, random.random() * days[-1])
        return day * DAY + self.hour(random, hours)

    @staticmethod
    def hour(random, hours):
        minute = bisect(hours, random.random() * hours[-1]) * 60 + int(random.random() * 12) * 5
        return minute + 60 if SPRING_HOUR <= minute < SPRING_HOUR + 60 else minute

    def draw_planned(self, random):
        return self.draw(random, self.planned, self.planned_hours)

    def draw_emergency(self, random):
        return self.draw(random, self.emergency, self.emergency_hours)

    def draw_near(self, random, middle, width):
        """A planned time within `width` days around the day `middle`."""
        day = int(middle + (random.random() - 0.5) * width)
        day = min(max(day, 0), self.count - 1)
        while self.dates[day + BEFORE].weekday() >= 5 and day > 1:
            day -= 1
        return day * DAY + self.hour(random, self.planned_hours)

    # --- Telling ---------------------------------------------------------------------------------

    def stamp(self, moment):
        """As HL7 v2 has it: local, without a zone."""
        day, minute = divmod(moment, DAY)
        return f"{self.plain[day + BEFORE]}{minute // 60:02d}{minute % 60:02d}00"

    def instant(self, moment):
        day, minute = divmod(moment, DAY)
        return (f"{self.iso[day + BEFORE]}T{minute // 60:02d}:{minute % 60:02d}:00"
                f"{self.offsets[day + BEFORE]}")

    def local(self, moment):
        day, minute = divmod(moment, DAY)
        return f"{self.iso[day + BEFORE]}T{minute // 60:02d}:{minute % 60:02d}:00"

    def words(self, moment):
        """As Effica's lists have it: 2.11.2026 klo 9.30."""
        day, minute = divmod(moment, DAY)
        return f"{self.finnish[day + BEFORE]} klo {minute // 60}.{minute % 60:02d}"

    def date(self, moment):
        return self.iso[moment // DAY + BEFORE]

    def aware(self, moment):
        day, minute = divmod(moment, DAY)
        at = datetime.datetime.combine(self.dates[day + BEFORE], datetime.time(minute // 60, minute % 60))
        return at.replace(tzinfo=HELSINKI)


def _offset(date):
    """Finland's at noon. The two nights when it changes are told an hour off; nothing counts that."""
    noon = datetime.datetime.combine(date, datetime.time(12), HELSINKI)
    return f"+0{int(noon.utcoffset().total_seconds()) // 3600}:00"
