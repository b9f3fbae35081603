"""Each finding rests on something that was seen (findings.py), or its words say that it is a guess."""

import json
import os
import re

import pages
import pytest
from faults import FAULTS
from findings import FINDINGS, GUESS

GUESSING = ("probably", "perhaps", "may ", "looks like", "a guess")


def source(*folder):
    top = os.path.join(pages.ROOT, "src", *folder)
    return "".join(open(os.path.join(top, f)).read() for f in sorted(os.listdir(top)) if f.endswith(".c"))


@pytest.fixture(scope="module")
def catalogue(binary):
    return {e["name"]: e for e in json.loads(pages.explain(binary, "--list", "--json"))
            if e["kind"] == "culvert"}


def test_no_finding_is_missing():
    """What a probe gives to probe_find() by name."""
    printed = set()
    for call in re.findall(r"probe_find\((.*?);", source("diagnose"), re.DOTALL):
        printed |= set(re.findall(r"\bEV_([A-Z0-9_]+)", call))
    assert len(printed) > 50, "the pattern finds nothing any more"
    assert not printed - set(FINDINGS), sorted(printed - set(FINDINGS))


def test_each_is_an_event(catalogue):
    assert not set(FINDINGS) - set(catalogue), sorted(set(FINDINGS) - set(catalogue))


@pytest.mark.parametrize("name", FINDINGS)
def test_its_test_exists_or_it_is_a_guess(catalogue, name):
    seen, test = FINDINGS[name]
    words = (catalogue[name]["meaning"] + " " + catalogue[name]["cure"]).lower()
    assert seen
    if test is GUESS:
        assert any(g in words for g in GUESSING), words
    elif test.startswith("lab: "):
        assert test[5:] in FAULTS, test
        if name != "PROBE_CREDENTIALS_KEPT" and FAULTS[test[5:]][0]:
            assert FAULTS[test[5:]][1] == name, FAULTS[test[5:]][1]
    else:
        path, _, function = test.partition("::")
        with open(os.path.join(pages.ROOT, path)) as f:
            assert (function or name) in f.read(), test
