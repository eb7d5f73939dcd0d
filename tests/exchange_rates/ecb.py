"""The ECB's answers, made up."""

from collections.abc import Iterable

from trackrev_stream.domain.values.days import day_of_iso, is_ecb_day, iso_of

HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?><gesmes:Envelope '
    'xmlns:gesmes="http://www.gesmes.org/xml/2002-08-01" '
    'xmlns="http://www.ecb.int/vocabulary/2002-08-01/eurofxref">'
    "<gesmes:subject>Reference rates</gesmes:subject>"
)


def xml(days: Iterable[int], rate: str = "1.2") -> str:
    """A file as the ECB writes it, the newest day first."""
    cubes = "".join(
        f'<Cube time="{iso_of(day)}"><Cube currency="USD" rate="{rate}"/>'
        '<Cube currency="JPY" rate="N/A"/></Cube>'
        for day in sorted(days, reverse=True)
    )
    return f"{HEAD}<Cube>{cubes}</Cube></gesmes:Envelope>"


def ecb_days(first: str, last: str) -> list[int]:
    return [day for day in range(day_of_iso(first), day_of_iso(last) + 1) if is_ecb_day(day)]
