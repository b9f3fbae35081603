"""
Checks of the text of the tree that need no build; each yields its complaints, one a line.
"""

import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import prose as words  # noqa: E402  (the path above comes first)

# Who may include whom (docs/architecture.md). A layer includes base/, events/ and itself; tunnel/
# includes all of them; above it stand the parts that own sockets, clocks and threads.
LAYERS = ("front", "tls", "http", "sstp", "ppp", "ip", "offload")
ABOVE = ("server", "client", "bench", "diagnose", "admin", "cli")
BOTTOM = {"base", "events"}
BELOW = BOTTOM | {"config", "eap", "tunnel", "os", *LAYERS}  # of those that own a socket
ALLOWED = {
    "base": set(), "events": {"base"}, "config": BOTTOM,
    **{layer: BOTTOM for layer in LAYERS}, "front": BOTTOM | {"http"},
    "tunnel": BOTTOM | set(LAYERS), "eap": BOTTOM | {"tls", "ppp"},
    "os": BOTTOM | {"config", "front", "http", "ip", "offload", "tls"}, "store": BOTTOM | {"config"},
    "aaa": BOTTOM | {"config", "store", "tls"},
    "datapath": BELOW, "client": BELOW | {"datapath"}, "bench": BELOW | {"datapath"}, "diagnose": BELOW,
    "socks": BOTTOM | {"os"},
    "admin": BOTTOM | {"http"},
    "server": BELOW | {"datapath", "admin", "aaa", "store"},
    "cli": BOTTOM | {"aaa", "config", "front", "eap", "tls", "os", "server", "client", "diagnose", "bench", "admin", "store", "socks"},
}
# The one arrow between layers: folder → the one header of another.
ARROWS = {"offload": {"ip/packet.h"}}
# The rooms of server/, from left to right: which others each may include (the table in
# docs/architecture.md), and which folders besides base/, events/ and config/.
ROOMS = {
    "core": (set(), {"aaa", "store", "datapath", "ip", "offload", "os", "sstp", "tls"}),
    "admission": ({"core"}, {"front"}),
    "session": ({"admission", "core"}, {"aaa", "store", "datapath", "tunnel", "ip", "offload", "os"}),
    "worker": ({"session", "admission", "core"}, {"datapath", "tunnel", "offload", "os"}),
    "host": ({"core"}, {"aaa", "store", "os", "tls"}),
    "control": ({"host", "worker", "session", "admission", "core"}, {"aaa", "admin", "store", "os", "tls"}),
}
RUN = {"server/run.c"}  # the only file that includes all rooms
FROM_OUTSIDE = {"server/run.h", "server/host/certificates.h", "server/host/grant.h", "server/host/check.h", "server/core/inform.h", "server/core/reach.h", "server/core/ranges.h", "server/core/behind.h"}
# One foreign library, one folder.
LIBRARIES = {
    r"openssl/ssl\.h": {"tls"}, r"openssl/": {"base", "tls"},
    r"intel-ipsec-mb\.h": {"tls"}, r"uv\.h": {*ABOVE, "datapath"},
    r"sqlite3\.h": {"store"}, r"idn2\.h": {"base"}, r"netlink/": {"os"}, r"jansson\.h": {"base", "admin", "cli", "os", "diagnose", "server"},
    r"cap-ng\.h|seccomp\.h": {"os"}, r"systemd/": {"server", "os", "cli"},
    r"qrencode\.h": {"cli"},
    r"ares": {"diagnose", "os"}, r"urcu": {"ip", "server", "os"},
}
# What a layer that does no I/O must not know.
IMPURE = re.compile(r"sys/socket\.h|sys/epoll\.h|pthread\.h|uv\.h|sys/time\.h|unistd\.h|fcntl\.h")
PURE = {"front", "sstp", "ppp", "http", "ip", "offload"}
IMPURE_CALL = re.compile(r"\b(clock_gettime|gettimeofday|time|socket|getrandom|rand|recv|send|"
                         r"read|write|pthread_\w+)\s*\(")


def tracked(root, *patterns):
    out = subprocess.run(["git", "-C", root, "ls-files", "-co", "--exclude-standard", *patterns],
                         capture_output=True, text=True, check=True).stdout
    return [f for f in out.splitlines() if os.path.exists(os.path.join(root, f))]


def lines(root, path):
    with open(os.path.join(root, path), errors="replace") as f:
        return list(enumerate(f.read().splitlines(), 1))


def layering(root):
    for path in tracked(root, "src/*.c", "src/*.h"):
        own = path.split("/")[1]
        for number, line in lines(root, path):
            found = re.match(r'\s*#\s*include\s*([<"])([^>"]+)[>"]', line)
            if not found:
                continue
            kind, name = found.groups()
            there = name.split("/")[0]
            if kind == '"' and own in ALLOWED and there != own and there not in ALLOWED[own] and name not in ARROWS.get(own, ()):
                yield f"{path}:{number}: {own}/ must not include {name}"
            if kind == "<":
                for pattern, folders in LIBRARIES.items():
                    if re.match(pattern, name):
                        if own not in folders:
                            yield f"{path}:{number}: {name} belongs to {' '.join(sorted(folders))}"
                        break
                if own in PURE and IMPURE.match(name):
                    yield f"{path}:{number}: {own}/ does no I/O and has no clock: {name}"


def rooms(root):
    """The arrows of server/ (docs/architecture.md), and what of it others may include."""
    for path in tracked(root, "src/*.c", "src/*.h"):
        parts = path.split("/")
        room = parts[2] if parts[1] == "server" and len(parts) > 3 else None
        for number, line in lines(root, path):
            found = re.match(r'\s*#\s*include\s*"([^"]+)"', line)
            if not found:
                continue
            name = found[1]
            there = name.split("/")
            if parts[1] != "server":
                if there[0] == "server" and name not in FROM_OUTSIDE:
                    yield f"{path}:{number}: {name} is of a room of server/"
            elif room and there[0] == "server":
                if there[1] != room and there[1] not in ROOMS[room][0]:
                    yield f"{path}:{number}: {room}/ must not include {name}"
            elif room and there[0] not in BOTTOM | {"config"} | ROOMS[room][1]:
                yield f"{path}:{number}: {room}/ must not include {name}"


def drawing(root):
    """docs/architecture.md names the rooms and arrows that `rooms` enforces."""
    with open(os.path.join(root, "docs/architecture.md")) as f:
        page = f.read()
    for room, (others, _) in ROOMS.items():
        row = re.search(rf"^\| `{room}/` \| ([^|]*) \|", page, re.M)
        said = set(re.findall(r"`(\w+)/`", row[1])) if row else None
        if said != others:
            yield f"docs/architecture.md: {room}/ may include {' '.join(sorted(others))}"


def purity(root):
    for path in tracked(root, *(f"src/{layer}/*.c" for layer in PURE)):
        inside = False
        for number, line in lines(root, path):
            code = re.sub(r'/\*.*?\*/|"(?:[^"\\]|\\.)*"', "", line)
            if inside:
                inside = "*/" not in code
                continue
            if "/*" in code:
                inside, code = True, code.split("/*")[0]
            if IMPURE_CALL.search(code):
                yield f"{path}:{number}: no I/O, clock or thread here: {line.strip()}"


# TCP connections are made in one place; the others connect to a unix socket of this machine.
DIALLERS = {"src/os/dial.c", "src/admin/control.c", "src/admin/unix_socket.c"}


def dialling(root):
    for path in tracked(root, "src/*.c"):
        if path in DIALLERS:
            continue
        for number, line in lines(root, path):
            if re.search(r"(?<![\w>.])connect\s*\(", re.sub(r"/\*.*?\*/|^\s*\*.*|/\*.*", "", line)):
                yield f"{path}:{number}: connect() stands in os/dial.c: {line.strip()}"


# Where text of a stranger goes out: each of these escapes it, or has a form of its own to escape for.
OUTPUTS = {
    "src/base/text.c", "src/base/json.c", "src/base/log.c",
    "src/config/value.c", "src/config/manual.c",  # a dump is a configuration again, in its quotes
    "src/client/guard.c",    # for nft; the one name in it is of plain letters
    "src/cli/howto.c",       # scripts for other programs, each with its own quoting
    "src/diagnose/html.c",   # put(); all else there are constants
    "src/server/control/prometheus.c",  # all labels are constants
    "src/os/notify.c",       # constants and addresses
    "src/ppp/auth/mschapv2.c",  # RFC 2759's own E= C= M= on the wire
    "src/aaa/eap/mschapv2.c",   # the same
    "src/cli/nm_auth.c",     # a key file, each value in its escapes; secrets of one line
    "src/os/forward.c",      # a note for the next start, read back by it
    "src/http/digest.c",     # RFC 7616 quoted strings
}
PRINTING = re.compile(r"\b(v?f?printf|v?dprintf|f?puts|f?putc|putchar|vsnprintf|snprintf|asprintf|"
                      r"sd_journal_send|sd_notifyf|syslog)\s*\(")
CONSTANT = re.compile(r'^\s*("|usage\b|usage_text\b|\w+_usage\b|a->usage\b|\'|\w+\(colours?\b'
                      r"|colour\(|reset\()")


def call_at(text, start):
    """The arguments of the call whose bracket opens at start."""
    depth, i, quoted = 0, start, None
    while i < len(text):
        c = text[i]
        if quoted:
            i += c == "\\"
            quoted = None if c == quoted else quoted
        elif c in "\"'":
            quoted = c
        else:
            depth += (c == "(") - (c == ")")
            if not depth:
                break
        i += 1
    return text[start + 1:i]


def outputs(root):
    """
    Text that a stranger may have chosen reaches an output escaped only (base/text.h, base/json.h): a
    %s or %c is for text_fprintf(), text_format() and log_event(), and what is printed without a
    format is a constant. A value between quotes or behind key= is composed by them, too.
    """
    for path in tracked(root, "src/*.c", "src/*.h"):
        if path in OUTPUTS:
            continue
        with open(os.path.join(root, path)) as f:
            text = f.read()
        for found in PRINTING.finditer(text):
            name, args = found[1], call_at(text, found.end() - 1)
            where = f"{path}:{text.count(chr(10), 0, found.start()) + 1}: {name}()"
            literal = "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', args))
            if name in ("vsnprintf", "vfprintf", "vprintf", "vdprintf"):
                yield f"{where}: text_vformat() escapes"
            elif name in ("snprintf", "asprintf"):
                if re.search(r'(\\"|=)%(\.\*|\.\d+)?s', literal) and "http/" not in path:
                    yield f"{where}: a value in quotes or behind = is for text_format()"
            elif "printf" in name and re.search(r"%[-0-9.*]*[sc]", literal):
                if "/* a constant */" not in text[found.start():].split("\n")[0]:
                    yield f"{where}: %s and %c are for text_fprintf()"
            elif "put" in name and not CONSTANT.match(args) and \
                    not re.match(r'[^,;]*\? "[^"]*" : "[^"]*"', args):
                yield f"{where}: prints what is no constant: text_fprintf()"
            elif name in ("sd_notifyf", "syslog"):
                yield f"{where}: goes to the journal: text_format()"
        for found in re.finditer(r"\bjson_(dumpf|dumpfd|dump_file)\s*\(", text):
            yield f"{path}:{text.count(chr(10), 0, found.start()) + 1}: json_print() escapes"


def formatting(root):
    files = tracked(root, "*.c", "*.h")
    if not files:
        return
    r = subprocess.run(["clang-format", "--dry-run", "-Werror", *files], cwd=root,
                       capture_output=True, text=True)
    if r.returncode:
        yield from [ln for ln in r.stderr.splitlines() if "error:" in ln] or [r.stderr]


def width(root):
    """100 columns; clang-format keeps code to it, this keeps what it leaves alone: comments, text."""
    for path in tracked(root, "src/*.[ch]", "tests/*.[ch]", "*.py", "dev"):
        table = False
        for number, line in lines(root, path):
            table = "clang-format off" in line or (table and "clang-format on" not in line)
            if len(line.expandtabs(8)) > WIDTH and not table and '"' not in line:
                yield f"{path}:{number}: {len(line.expandtabs(8))} columns"


def names(root):
    """The tree stands alone: no path of a machine it was written on."""
    for path in tracked(root):
        if path.endswith((".der", ".pcap", ".png")) or "/corpus/" in path:
            continue
        for number, line in lines(root, path):
            if re.search(r"(^|[\s\"'(=])/(work|home)/", line):
                yield f"{path}:{number}: {line.strip()}"


def events(root):
    """Numbers and names of events are unique and in ascending order."""
    path = "src/events/events.def"
    last, seen = 0, set()
    for number, line in lines(root, path):
        found = re.match(r"EVENT\((\d+), (\w+),", line)
        if found:
            if int(found[1]) <= last or found[2] in seen:
                yield f"{path}:{number}: {found[1]} {found[2]} is out of order or there twice"
            last = int(found[1])
            seen.add(found[2])


def pages(root):
    """docs/events.md has every event, in the words of the catalogue."""
    with open(os.path.join(root, "docs/events.md")) as f:
        page = f.read()
    for number, line in lines(root, "src/events/events.def"):
        found = re.match(r'EVENT\((\d+), (\w+),', line)
        if found and f"| {found[1]} | {found[2]} |" not in page:
            yield f"src/events/events.def:{number}: {found[2]} is not in docs/events.md: ./dev docs"


def raised(root):
    """Each event is raised somewhere: named other than to be compared with or to be looked up."""
    text = ""
    for path in tracked(root, "src/*.c", "src/*.h"):
        if path not in ("src/diagnose/verdict.c", "src/events/event.c", "src/cli/explain.c"):
            with open(os.path.join(root, path), errors="replace") as f:
                text += re.sub(r"/\*.*?\*/", "", f.read(), flags=re.DOTALL)
    used = set(re.findall(r"(?<![=!]= )(?<!case )\bEV_(\w+)", text))
    for number, line in lines(root, "src/events/events.def"):
        found = re.match(r"EVENT\((\d+), (\w+),", line)
        if found and found[2] not in used:
            yield f"src/events/events.def:{number}: {found[1]} {found[2]} is never raised"


# Options and commands of other programs, as our texts advise them.
FOREIGN = {"tls-ext", "permanent", "zone", "add-interface", "reload",  # sstpc, firewall-cmd
           "password", "host", "nolaunchpppd", "log-stdout", "log-syslog", "debug", "log-fileout", "ipparam",
           "priv-user", "priv-group", "priv-dir", "ask", "save-server-route", "ca-cert", "log-level", "log-stderr", "cert-warn"}  # nmcli, sstpc


def connect_options(root):
    """Of `culvert connect`: the rows of src/cli/connect.def."""
    return {found[1] for _, line in lines(root, "src/cli/connect.def")
            for found in [re.match(r'OPT\(\w+, "([a-z0-9-]+)"', line)] if found}


class Commands:
    """`culvert COMMAND`: its words and options, as the sources know them."""

    def __init__(self, root):
        self.sources, self.options = {}, {}
        table = open(os.path.join(root, "src/cli/main.c")).read()
        texts = [open(os.path.join(root, p)).read() for p in tracked(root, "src/cli/*.c", "src/cli/*.h")]
        shared = {macro: self._options(t) for t in texts
                  for macro in re.findall(r"#define (\w+_OPTIONS)\b", t)}
        for name, function in re.findall(r'\{"([a-z]+)", (cmd_\w+), "', table):
            text = next(t for t in texts if f"int {function}(int argc, char **argv)\n{{" in t)
            self.sources[name] = text
            self.options[name] = self._options(text) | {"help"}
            for macro, options in shared.items():
                if macro in text:
                    self.options[name] |= options
        self.options["connect"] |= connect_options(root)
        for name in ("run", "profile"):
            self.options[name] |= self.options["connect"]
        self.every = {"version"}.union(*self.options.values())

    @staticmethod
    def _options(text):
        return set(re.findall(r'\{"([a-z0-9-]+)",\s*(?:no|required|optional)_argument', text))

    def has_word(self, name, word):
        """A second word: `culvert user add`."""
        return f'"{word}"' in self.sources[name]


SUBCOMMANDS = ("profile", "user", "group", "ban", "pool", "cert", "config", "ca")


def _promised(commands, text, fenced):
    """What is wrong in one line: `culvert COMMAND [WORD] … --option`, up to the end of the code."""
    for found in re.finditer(r"(?<![\w./-])culvert ([a-z]+)((?: [^`|;,.(){}\"]*)?)", text):
        name, rest = found[1], found[2]
        code = fenced or text[found.start() - 1:found.start()] == "`" or text.startswith("    ")
        if name not in commands.options:
            if code:
                yield f"there is no `culvert {name}`"
            continue
        if not code:
            continue
        word = re.match(r" ([a-z]+)\b", rest)
        if name in SUBCOMMANDS and word and not commands.has_word(name, word[1]):
            yield f"there is no `culvert {name} {word[1]}`"
        for option in re.findall(r" --([a-z][a-z0-9-]*)", rest):
            if option not in commands.options[name]:
                yield f"`culvert {name}` has no --{option}"


def _configured(root):
    names = {}
    for _, line in lines(root, "src/config/options.def"):
        found = re.match(r"OPT\((\w+),\s*(\w+),", line)
        if found:
            names.setdefault(found[1], set()).add(found[2])
    return names


def _unconfigured(path, number, named, sections):
    for section, name in named:
        if name not in sections[section] | {"c", "h", "crt", "key", "def", "conf"}:
            yield f"{path}:{number}: there is no option {section}.{name}"


def promises(root):
    """Commands and options that a text names exist (culvert(1): manual_options)."""
    commands, sections = Commands(root), _configured(root)
    own = re.compile(r"(?<![\w./@-])(%s)\.([a-z][a-z0-9_]*)\b(?![./(-])" % "|".join(sections))
    for path in tracked(root, "README.md", "docs/*.md", "src/*.def"):
        if path in ("docs/performance.md", "docs/events.md", "docs/diagnose.md"):
            continue  # the first is about other programs, too; the others are made of the catalogue
        catalogue, fenced = path.endswith(".def"), False
        for number, line in lines(root, path):
            fenced ^= line.startswith("```")
            for complaint in _promised(commands, line, fenced):
                yield f"{path}:{number}: {complaint}"
            bare = r"(?<![\w-])--([a-z][a-z0-9-]+)" if catalogue else r"`--([a-z][a-z0-9-]+)"
            for option in re.findall(bare, line):
                if option not in commands.every | FOREIGN:
                    yield f"{path}:{number}: no command has --{option}"
            yield from _unconfigured(path, number, own.findall(line), sections)
    numbers = {n[1] for _, line in lines(root, "src/events/events.def")
               for n in [re.match(r"EVENT\((\d+),", line)] if n}
    for path in tracked(root, "README.md", "docs/*.md", "docs/*.[1-8]", "src/*.def"):
        for number, line in lines(root, path):
            for event in re.findall(r"\bevent (\d{4})\b(?! of)", line):
                if event not in numbers:
                    yield f"{path}:{number}: there is no event {event}"
    for path in tracked(root, "src/*.c", "docs/culvert.1"):
        for number, line in lines(root, path):
            said = " ".join(re.findall(r'"((?:[^"\\]|\\.)*)"', line)) if path.endswith(".c") else line
            for option in re.findall(r"(?<![\w-])--([a-z][a-z0-9-]+)", said):
                if option not in commands.every | FOREIGN:
                    yield f"{path}:{number}: no command has --{option}"
            if not path.endswith(".c"):
                yield from _unconfigured(path, number, own.findall(line), sections)


def manual_options(root):
    """culvert(1) names under each command the options that it has."""
    commands, path, here, synopsis, before = Commands(root), "docs/culvert.1", [], False, ""
    for number, line in lines(root, path):
        title = re.match(r"\.Ss culvert (.*)", line)
        named = re.match(r"\.Cm (.*)", line) if synopsis and before == ".Nm" else None
        before = line
        if title:
            here = [w for w in re.split(r"[ ,]+", title[1]) if w and w != "culvert"]
        elif re.match(r"\.Sh", line):
            here, synopsis = [], "SYNOPSIS" in line
        elif named:
            here = [w for w in re.split(r"[ |]+", named[1]) if w in commands.options] or here
        for name, word in re.findall(r"\.Cm (\w+) ([a-z]+)\b(?! \|)", line):
            if name in SUBCOMMANDS and not commands.has_word(name, word):
                yield f"{path}:{number}: there is no `culvert {name} {word}`"
        for name in here:
            if name not in commands.options:
                yield f"{path}:{number}: there is no `culvert {name}`"
        if not here:
            continue
        known = {"help"}.union(*(commands.options.get(n, set()) for n in here))
        for option in re.findall(r"Fl (?:\w , )?-([a-z][a-z0-9-]*)", line):
            if option not in known:
                yield f"{path}:{number}: `culvert {' '.join(here)}` has no --{option}"


def manuals(root):
    for path in tracked(root, "docs/*.[1-8]"):
        r = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", path], cwd=root,
                           capture_output=True, text=True)
        yield from [ln for ln in r.stdout.splitlines() if "WARNING" in ln or "ERROR" in ln]


def helps(root):
    """--help goes out as it stands: a doubled percent sign or backslash would be seen."""
    for path in tracked(root, "src/cli/*.c", "src/cli/*.h"):
        with open(os.path.join(root, path)) as f:
            text = f.read()
        for found in re.finditer(r"(?:\w*usage\w*\[\] =|#define \w*USAGE)(.*?)(?:;\n|\n\n)", text, re.S):
            words = "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', found[1]))
            if "%%" in words or "\\\\\\\\" in words:
                yield f"{path}: %% or a doubled backslash in the text of --help"


def manual_names(root):
    """culvert(1) has every command, action and option that src/cli takes."""
    with open(os.path.join(root, "docs/culvert.1")) as f:
        page = f.read()
    page_words = set(re.findall(r"[\w-]+", page))
    for name in sorted(connect_options(root)):
        if not re.search(rf"(?:Fl|,) -{name}\b(?!-)", page):
            yield f"src/cli/connect.def: --{name} is not in docs/culvert.1"
    for path in tracked(root, "src/cli/*.c", "src/cli/*.h"):
        with open(os.path.join(root, path)) as f:
            text = f.read()
        for name in re.findall(r'\{"([\w-]+)",\s*(?:required|no|optional)_argument', text):
            if not re.search(rf"(?:Fl|,) -{name}\b(?!-)", page):
                yield f"{path}: --{name} is not in docs/culvert.1"
        for name in re.findall(r'\{"(\w+)",\s*(?:cmd_\w+|\w+,\s*(?:NAME|NOTHING))', text):
            if name not in page_words or not re.search(rf"\.(?:Cm|Ss|Op|Nm)\b.*\b{name}\b", page):
                yield f"{path}: the command {name} is not in docs/culvert.1"


def control_commands(root):
    """docs/control.md has each command of the control socket and its parameters."""
    with open(os.path.join(root, "docs/control.md")) as f:
        page = f.read()
    with open(os.path.join(root, "src/admin/commands.def")) as f:
        table = f.read()
    for name, words in re.findall(r'COMMAND\((\w+), +"([^"]*)"\)', table):
        row = re.search(rf"^\| `{name}` \|.*$", page, re.M)
        for word in [name, *words.split()]:
            if not row or f"`{word}`" not in row[0]:
                yield f"docs/control.md: {word} of the command {name} is missing"


def deviations(root):
    """Each DEVIATION of the source has its row in docs/interop.md, and each row its mark."""
    with open(os.path.join(root, "docs/interop.md")) as f:
        part = f.read().split("## Deviations")[1].split("\n## ")[0]
    rows = re.findall(r"^\| `(src/[^`]+)` \|", part, re.M)
    for path in tracked(root, "src/*.c", "src/*.h"):
        with open(os.path.join(root, path)) as f:
            marks = f.read().count("DEVIATION:")
        if marks != rows.count(path):
            yield f"{path}: {marks} marked DEVIATION, {rows.count(path)} in docs/interop.md"


def prose(root):
    """Comments, texts and pages are in plain English (tests/prose.py has the words that are not)."""
    yield from words.prose(root, tracked(root, "src/*.c", "src/*.h", "src/*.def", "docs/*", "README.md",
                                         "CHANGELOG.md"))


def spdx(root):
    yield from words.spdx(root, tracked(root, "src/*.c", "src/*.h", "tests/*.c"))


WIDTH = 108  # some grace: a comment is not cut for three letters


def circles(root):
    """
    No two files need each other's symbols, or include each other's headers (tests/circles.py). The
    library is the one that `./dev test` and `./dev lint` have built before.
    """
    library = os.path.join(root, "build-asan", "libculvert.a")
    import circles as files
    if os.path.exists(library):
        yield from files.complaints(library)
    yield from files.by_headers(root, tracked(root, "src/*.c", "src/*.h"))


def dead(root):
    """No code that nothing calls, or that only tests call (tests/dead.py)."""
    import dead as code
    library = os.path.join(root, "build-asan", "libculvert.a")
    yield from code.complaints(root, tracked(root, "src/*.c", "src/*.h", "src/*.def", "tests/*.c",
                                             "tests/*.h"), library)


CHECKS = (circles, dead, layering, rooms, drawing, purity, dialling, outputs, formatting, width, names, events, raised, promises,
          manual_options, pages, manuals, helps, manual_names, control_commands, deviations, prose, spdx)


def all_checks(root):
    for check in CHECKS:
        yield check.__name__, list(check(root))


if __name__ == "__main__":
    bad = False
    for name, complaints in all_checks(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))):
        print(f"{name}: {'ok' if not complaints else len(complaints)}")
        for complaint in complaints:
            print(f"  {complaint}")
        bad = bad or bool(complaints)
    sys.exit(bad)
