"""The objects that Stripe itself publishes: github.com/stripe/openapi (MIT), fixtures3.json."""

import json
from pathlib import Path
from typing import Any

import pytest

PLACES = [parent / "shared/data/stripe-fixtures3.json" for parent in Path(__file__).parents]


def fixtures() -> dict[str, dict[str, Any]]:
    """One object of each kind, by its kind."""
    found = next((place for place in PLACES if place.exists()), None)
    if found is None:
        # They are not kept with the project, 190 KB of another's: whoever clones it need not have them.
        pytest.skip("shared/data/stripe-fixtures3.json is not in any directory above this one")
    resources: dict[str, dict[str, Any]] = json.loads(found.read_text())["resources"]
    return resources
