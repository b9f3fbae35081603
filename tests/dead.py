"""
Dead code of the built library: a function that only tests call, or that only its own file calls and
no test; an inline function, a macro or a field of a struct that is declared and named nowhere else.

The symbol tables tell which file needs which function, so one that only a table (.def) or a macro
names counts as used. The text tells the rest.
"""

import os
import re

import circles

# A function that only tests call, with the reason why it stays.
FOR_TESTS = {
    "coalesce_stats": "what was joined and what was left out: not to be seen in the packets alone",
    "dial_fd": "the dialler under another loop than dial_wait()",
    "fsm_cell": "each cell is compared with the table of RFC 1661",
    "pbuf_pool_octets": "nothing leaks",
    "pbuf_pool_used": "nothing leaks",
    "ppp_close": "a Terminate in any phase; the library closes PPP by a fault only",
    "ppp_data_ok": "when IP may pass",
    "ppp_phase_name": "where a conversation stopped",
    "sstp_call_state_name": "where a conversation stopped",
    "tun_offloads": "what the kernel granted",
}
# Names that a macro composes.
COMPOSED = re.compile(r"(CONFIG_|GRANT_)?FIELD_|ARGUMENT_|SD_JOURNAL_|\w+_freep$")


def _plain(text):
    """Without comments and strings."""
    text = re.sub(r"/\*.*?\*/", " ", text, flags=re.S)
    return re.sub(r'//[^\n]*|"(?:[^"\\\n]|\\.)*"', " ", text)


class Tree:
    def __init__(self, root, files):
        self.root, self.text = root, {}
        for path in files:
            with open(os.path.join(root, path), errors="replace") as f:
                self.text[path] = _plain(f.read())
        self.count = {}
        for path, text in self.text.items():
            where = "tests" if path.startswith("tests/") else path
            for word in re.findall(r"\w+", text):
                places = self.count.setdefault(word, {})
                places[where] = places.get(where, 0) + 1

    def uses(self, word, declared):
        """How often src/ names it beyond its declarations."""
        places = self.count.get(word, {})
        return sum(n for where, n in places.items() if where != "tests") - declared

    def tested(self, word):
        return "tests" in self.count.get(word, {})


def _functions(tree, library):
    """Global functions that no other object needs: (file, name)."""
    objects = circles.symbols(library, "TW")
    needed = set().union(*(needs for _, needs in objects.values()))
    main = tree.text.get("src/cli/main.c", "")
    sources = {path[4:].replace("/", "_"): path for path in tree.text if path.endswith(".c")}
    for name, (defined, _) in objects.items():
        path = sources.get(name)
        for word in defined - needed if path else ():
            if not re.search(rf"\b{word}\b", main):
                yield path, word


def functions(tree, library):
    for path, word in sorted(_functions(tree, library)):
        own = len(re.findall(rf"\b{word}\b", tree.text[path]))
        defined = len(re.findall(rf"^[a-z][^;{{}}=]*?\b{word}\([^;{{}}]*\)\n\{{", tree.text[path], re.M))
        if not defined:
            continue  # the library is older than the source
        if own == defined and word not in FOR_TESTS:
            yield f"{path}: {word}() is called by {'tests only' if tree.tested(word) else 'nothing'}"
        elif own > defined and not tree.tested(word):
            yield f"{path}: {word}() is called in its own file only: static"
    for word in FOR_TESTS:
        own = {path.rsplit(".", 1)[0] for path, text in tree.text.items()
               if path.endswith(".c") and re.search(rf"^[a-z][^;{{}}=]*?\b{word}\([^;{{}}]*\)\n\{{", text, re.M)}
        others = {path for path in tree.count.get(word, {})
                  if path.endswith(".c") and path.rsplit(".", 1)[0] not in own}
        if others or not tree.tested(word):
            yield f"tests/dead.py: {word} is no exception any more: {min(others, default='no test names it')}"


def words(tree):
    """Inline functions, macros and fields."""
    for path, text in tree.text.items():
        if not path.startswith("src/"):
            continue
        inlines = re.findall(r"^static inline [^\n;{]*?\b(\w+)\([^;{]*\)\n\{", text, re.M)
        macros = re.findall(r"^#define (\w+)", text, re.M)
        for word in inlines + macros:
            if not COMPOSED.match(word) and not tree.uses(word, 1) and not (tree.tested(word) and path.endswith(".h")):
                yield f"{path}: {word} is used nowhere"
        for struct, body in re.findall(r"\bstruct (\w+) \{(.*?)\n\}", text, re.S):
            for names in re.findall(r"^\t+[\w \t*]*?[\w\]*]\s*\**(\w+(?:\[[^\]]*\])*"
                                    r"(?:, \**\w+(?:\[[^\]]*\])*)*);", body, re.M):
                for word in re.findall(r"(\w+)(?:\[[^\]]*\])*", names):
                    if not word.isdigit() and not word.isupper() and not tree.uses(word, 1):
                        yield f"{path}: {word} of struct {struct} is used nowhere"


def complaints(root, files, library):
    tree = Tree(root, files)
    if os.path.exists(library):
        yield from functions(tree, library)
    yield from words(tree)
