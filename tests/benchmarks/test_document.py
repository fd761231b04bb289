"""The page on performance says what was measured."""

from __future__ import annotations

import json


def test_the_page_shows_the_results() -> None:
    from document import PAGE, RESULTS, filled

    found = [json.loads((RESULTS / f"{name}.json").read_text()) for name in ("render", "edges", "startup")]
    page = PAGE.read_text(encoding="utf-8")
    assert filled(page, *found) == page
