#!/usr/bin/env bash
# CurrencyConverter 0.18.23: a missing day is filled from the days on BOTH sides, so a rate can change afterwards.
#
# What one would expect: on a week-end or holiday the last published rate holds (the ECB's own advice to users).
# What happens: with fallback_on_missing_rate=True the default method interpolates linearly between the day before
# and the day after. A sum converted on a Sunday is so computed with Monday's rate, which nobody knew on Sunday;
# and the same call with the history as it was on Sunday gives another answer.
# The method "last_known" does what one would expect.
#
# The script fails if any of that changes.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check CurrencyConverter==0.18.23
"$dir/venv/bin/python" - <<'PYTHON'
from datetime import date

from currency_converter import SINGLE_DAY_ECB_URL, CurrencyConverter  # noqa: F401 - the public names

friday, saturday, sunday, monday = (date(2024, 6, day) for day in (7, 8, 9, 10))
plain = CurrencyConverter(fallback_on_missing_rate=True)
last = CurrencyConverter(fallback_on_missing_rate=True, fallback_on_missing_rate_method="last_known")


def rate(converter: CurrencyConverter, day: date) -> float:
    return converter.convert(1, "EUR", "USD", date=day)


for name, converter in (("default", plain), ("last_known", last)):
    print(name, [round(rate(converter, day), 6) for day in (friday, saturday, sunday, monday)])

a, d = rate(plain, friday), rate(plain, monday)
assert a != d, "these two days should differ"
assert abs(rate(plain, sunday) - (a + 2 * (d - a) / 3)) < 1e-9, "Sunday is two thirds of the way to Monday"
assert rate(last, saturday) == rate(last, sunday) == a, "last_known keeps Friday's"
PYTHON
