"""
Checks of the words of the tree (tests/lint.py): every text is in plain English, every source file names
its licence.
"""

import os
import re

SPDX = "// SPDX-License-Identifier: Apache-2.0\n"

# Words that hide who does what, or mean something else to most readers; what to write instead.
INSTEAD = {
    "whoever": "name the reader, the peer, the caller",
    "anew": "again", "nobody": "no thread, no caller, no server",
    "tell": "print, log, return, report, show", "tells": "prints, logs, returns, reports, shows",
    "told": "printed, logged, returned, reported",
    "put off": "postpone, or switch off", "puts off": "postpones, or switches off",
    "what is there": "name it", "wants of each other": "needs from each other",
    "by reckoning": "by computing", "who is in": "name the clients",
    "he": "the client, the user", "his": "the client's, the user's", "him": "the client, the user",
}
WORDS = re.compile(r"(?<![\w`'.-])(%s)(?![\w`'(-])" % "|".join(
    word.replace(" ", r"[\s*]+") for word in sorted(INSTEAD, key=len, reverse=True)), re.I)
SAID = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:[^"\\\n]|\\.)*"', re.S)  # comments and texts of C


def _read(root, path):
    with open(os.path.join(root, path), errors="replace") as f:
        return f.read()


def prose(root, paths):
    for path in paths:
        text = _read(root, path)
        spans = [(0, len(text))]
        if path.startswith("src/"):
            spans = [m.span() for m in SAID.finditer(text)]
        for start, end in spans:
            for found in WORDS.finditer(text, start, end):
                word = re.sub(r"[\s*]+", " ", found[1])
                yield (f"{path}:{text.count(chr(10), 0, found.start()) + 1}: \"{word}\": "
                       f"{INSTEAD[word.lower()]}")


def spdx(root, paths):
    for path in paths:
        if not _read(root, path).startswith(SPDX):
            yield f"{path}:1: the first line is {SPDX.strip()}"
