"""The pages on performance and on fits say what was measured."""

from __future__ import annotations

import json


def test_the_page_shows_the_results() -> None:
    from document import PAGE, RESULTS, filled

    found = [json.loads((RESULTS / f"{name}.json").read_text()) for name in ("render", "edges", "startup")]
    page = PAGE.read_text(encoding="utf-8")
    assert filled(page, *found) == page


def test_the_page_on_fits_shows_what_verdicts_are_worth() -> None:
    from document import FITS, RESULTS, filled_fits

    found = json.loads((RESULTS / "verdicts.json").read_text())
    page = FITS.read_text(encoding="utf-8")
    assert filled_fits(page, found) == page
