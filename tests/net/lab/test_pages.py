"""docs/events.md and docs/diagnose.md say what the program and the lab say (`./dev docs` writes them)."""

import os

import pages
import pytest
from faults import FAULTS, PAIRS


@pytest.mark.parametrize("name", ["events.md", "diagnose.md"])
def test_a_generated_page_is_current(binary, name):
    path = os.path.join(pages.ROOT, "docs", name)
    with open(path) as f:
        assert f.read() == pages.pages(binary)[path], "run ./dev docs"


def test_the_lab_is_as_large_as_it_should_be():
    assert len([f for f in FAULTS.values() if f[0]]) + len(PAIRS) >= 40
    assert len(PAIRS) >= 10
