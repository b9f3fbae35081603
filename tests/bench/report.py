"""Rows into medians, a table for people, and a picture."""

import statistics
from html import escape

QUIET = 0.4  # cores that others may have had in a row that counts, if there are such rows


def median(rows, key):
    values = [r[key] for r in rows if r.get(key) is not None]
    return statistics.median(values) if values else None


class Results:
    def __init__(self, rows):
        self.rows = rows

    def get(self, measure, contender, key, **match):
        """The median over quiet rows; over all when none was quiet."""
        rows = [r for r in self.rows if r["measure"] == measure and r["contender"] == contender
                and all(r.get(k) == v for k, v in match.items()) and "error" not in r]
        calm = [r for r in rows if r.get("foreign", 0) < QUIET]
        return median(calm or rows, key)

    def contenders(self, measure):
        return list(dict.fromkeys(r["contender"] for r in self.rows if r["measure"] == measure))

    def values(self, measure, key):
        return sorted({r[key] for r in self.rows if r["measure"] == measure and key in r})

    def unquiet(self):
        """(rows where others had more than QUIET cores, rows that know)"""
        known = [r["foreign"] for r in self.rows if "foreign" in r]
        return sum(f >= QUIET for f in known), len(known)


def number(v, digits=2):
    return "-" if v is None else f"{v:.{digits}f}"


def pair(a, b, digits=2):
    return "-" if a is None else f"{number(a, digits)}/{number(b, digits)}"


def grid(head, lines):
    widths = [max(len(str(line[i])) for line in [head, *lines]) for i in range(len(head))]
    rule = "  ".join("-" * w for w in widths)
    form = [head, None, *lines]
    return "\n".join(rule if line is None else "  ".join(
        str(x).ljust(w) if i == 0 else str(x).rjust(w) for i, (x, w) in
        enumerate(zip(line, widths))) for line in form)


def table(r, titles):
    """Everything that was measured, as text."""
    parts = []

    def section(title, head, lines):
        if lines:
            parts.append(f"{title}\n\n{grid(head, lines)}\n")

    section("TCP through one tunnel, Gbit/s; CPU seconds of both ends for a gigabyte",
            ["", "up 1", "up 4", "down 1", "down 4", "CPU up", "CPU down"],
            [[titles[c], *(number(r.get("bulk", c, "gbit", way=w, streams=s))
                           for w in ("up", "down") for s in (1, 4)),
              *(number(r.get("bulk", c, "cpu_per_gb", way=w, streams=1)) for w in ("up", "down"))]
             for c in r.contenders("bulk")])
    section("Ping, ms p50/p99: idle; beside a bulk transfer on the fast link",
            ["", "idle", "up", "down"],
            [[titles[c], pair(r.get("idle", c, "p50"), r.get("idle", c, "p99")),
              *(pair(r.get("loaded", c, "p50", way=w), r.get("loaded", c, "p99", way=w))
                for w in ("up", "down"))] for c in r.contenders("idle")])
    section("UDP, 200 octets, 100,000 packets/s offered",
            ["", "sent/s", "delivered %", "CPU us a packet"],
            [[titles[c], number(r.get("udp", c, "sent_per_second"), 0),
              number(r.get("udp", c, "delivered"), 1), number(r.get("udp", c, "us_per_packet"))]
             for c in r.contenders("udp")])
    for name in r.values("path", "path"):
        for outer in r.values("path", "outer"):
            section(f"Path {name}, outer {outer}: Mbit/s of one TCP transfer, ping p50/p99 in ms",
                    ["", "idle ping", "up", "ping", "down", "ping"],
                    [path_line(r, c, titles[c], path=name, outer=outer)
                     for c in r.contenders("path")
                     if r.get("path", c, "p50", way="idle", path=name, outer=outer) is not None])
    section("Start of the client to the first answered ping, ms", ["", "ms"],
            [[titles[c], number(r.get("connect", c, "ms"), 1)] for c in r.contenders("connect")])
    one = Many(r)
    section("Many sessions", ["", ""], one.lines())
    return "\n".join(parts)


def path_line(r, c, title, **match):
    line = [title, pair(r.get("path", c, "p50", way="idle", **match),
                        r.get("path", c, "p99", way="idle", **match), 1)]
    for way in ("up", "down"):
        line += [number(r.get("path", c, "mbit", way=way, **match), 1),
                 pair(r.get("path", c, "p50", way=way, **match),
                      r.get("path", c, "p99", way=way, **match), 0)]
    return line


class Many:
    def __init__(self, r):
        self.get = lambda measure, key: r.get(measure, "crowd", key)

    def lines(self):
        lines = []
        if self.get("logins", "per_second"):
            lines += [["logins a second, both ends on this machine",
                       number(self.get("logins", "per_second"), 0)],
                      ["server's CPU for a complete login, ms",
                       number(self.get("logins", "server_ms"))],
                      ["client's, ms", number(self.get("logins", "client_ms"))]]
        if self.get("handshake", "server_us"):
            lines += [["bare TLS 1.3 handshake, server's CPU, ms",
                       number(self.get("handshake", "server_us") / 1000)]]
        if self.get("memory", "kib"):
            lines += [["idle sessions held", number(self.get("memory", "sessions"), 0)],
                      ["lost of them", number(self.get("memory", "lost"), 0)],
                      ["server's private memory for each, KiB",
                       number(self.get("memory", "kib"), 1)],
                      ["server's CPU meanwhile, % of a core",
                       number(100 * self.get("memory", "idle_cores"), 1)]]
        return lines


# --- goals


def best(r, measure, key, peers, least=False, **match):
    values = [v for c in peers if (v := r.get(measure, c, key, **match)) is not None]
    return (min if least else max)(values) if values else None


def goals(r, peers):
    """[what, limit, measured, reached or None]; peers: contenders to be ahead of."""
    out = []

    def add(what, limit, got, digits=2, least=True, unit=""):
        if limit is None or got is None:
            return
        sign = "≥" if least else "≤"
        out.append([what, f"{sign} {number(limit, digits)}{unit}", f"{number(got, digits)}{unit}",
                    got >= limit if least else got <= limit])

    def times(a, factor):
        return None if a is None else a * factor

    for way in ("up", "down"):
        pump = r.get("bulk", "pump", "gbit", way=way, streams=1)
        for streams in (1, 4):
            ours = r.get("bulk", "culvert", "gbit", way=way, streams=streams)
            name = f"TCP {way}, {streams} stream{'s' * (streams > 1)}"
            if pump and ours:
                add(f"{name}, of the TLS pump", 0.5, ours / pump)
            for peer, factor in (("softether", 3), ("ocserv", 6), ("openvpn", 6)):
                add(f"{name}, {factor} x {peer}, Gbit/s",
                    times(r.get("bulk", peer, "gbit", way=way, streams=streams), factor), ours)
        add(f"CPU for a gigabyte {way}, 1.5 x the pump's, s",
            times(r.get("bulk", "pump", "cpu_per_gb", way=way, streams=1), 1.5),
            r.get("bulk", "culvert", "cpu_per_gb", way=way, streams=1), least=False)
    add("UDP delivered, %", 99, r.get("udp", "culvert", "delivered"), 1)
    add("UDP, CPU of a packet, us", 6, r.get("udp", "culvert", "us_per_packet"), least=False)
    for q in ("p50", "p99"):
        add(f"idle ping {q}, best peer's, ms", best(r, "idle", q, peers, least=True),
            r.get("idle", "culvert", q), 3, least=False)
    for name, rate, p50, p99 in (("A", 45, 51, 66), ("B", 42, 55, 100), ("C", 150, 60, None),
                                 ("D", 8.5, 125, 160)):
        for way in ("up", "down"):
            match = {"path": name, "outer": "bbr", "way": way}
            add(f"path {name} {way}, Mbit/s", rate, r.get("path", "culvert", "mbit", **match), 1)
            add(f"path {name} {way}, ping p50, ms", p50,
                r.get("path", "culvert", "p50", **match), 0, least=False)
            add(f"path {name} {way}, ping p99, ms", p99,
                r.get("path", "culvert", "p99", **match), 0, least=False)
    add("client's start to first ping, ms", 25, r.get("connect", "culvert", "ms"), 1, least=False)
    add("server's CPU for a login, ms", 0.5, r.get("logins", "crowd", "server_ms"), least=False)
    add("logins a second", 1500, r.get("logins", "crowd", "per_second"), 0)
    add("memory of an idle session, KiB", 32, r.get("memory", "crowd", "kib"), 1, least=False)
    return out


def goal_table(lines):
    return grid(["goal", "wanted", "measured", ""],
                [[a, b, c, "reached" if ok else "MISSED"] for a, b, c, ok in lines])


# --- a picture, without a library


def svg(r, titles):
    """Bars, panel by panel: one for each figure that tells contenders apart."""
    panels = []
    for title, measure, key, match in (
            ("TCP up, 1 stream, Gbit/s", "bulk", "gbit", {"way": "up", "streams": 1}),
            ("TCP down, 1 stream, Gbit/s", "bulk", "gbit", {"way": "down", "streams": 1}),
            ("CPU s of both ends for a gigabyte, up", "bulk", "cpu_per_gb",
             {"way": "up", "streams": 1}),
            ("ping idle p50, ms", "idle", "p50", {}), ("ping idle p99, ms", "idle", "p99", {}),
            ("UDP 100,000/s: delivered, %", "udp", "delivered", {}),
            ("UDP: CPU us a packet", "udp", "us_per_packet", {}),
            *((f"path {p}: ping p50 beside an upload, ms", "path", "p50",
               {"path": p, "outer": "bbr", "way": "up"}) for p in r.values("path", "path")),
            ("client's start to first ping, ms", "connect", "ms", {})):
        bars = [(titles[c], v) for c in r.contenders(measure)
                if (v := r.get(measure, c, key, **match)) is not None]
        if bars:
            panels.append((title, bars))
    return draw(panels)


def draw(panels, width=860, row=18, label=170):
    y, shapes = 10, []
    for title, bars in panels:
        y += 24
        shapes.append(f'<text x="10" y="{y}" class="t">{escape(title)}</text>')
        y += 8
        most = max(v for _, v in bars) or 1
        for name, value in bars:
            length = max(1, (width - label - 90) * value / most)
            ours = " ours" if name == "Culvert" else ""
            shapes.append(
                f'<text x="{label}" y="{y + 13}" class="n">{escape(name)}</text>'
                f'<rect x="{label + 8}" y="{y + 3}" width="{length:.1f}" height="12" '
                f'class="b{ours}"/>'
                f'<text x="{label + 14 + length:.1f}" y="{y + 13}" class="v">{value:.3g}</text>')
            y += row
    style = ("text{font:12px sans-serif;fill:#222}.t{font-weight:bold}.n{text-anchor:end}"
             ".b{fill:#9db2c9}.ours{fill:#1f6f43}")
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{y + 14}">'
            f'<style>{style}</style><rect width="100%" height="100%" fill="#fff"/>'
            + "\n".join(shapes) + "</svg>\n")
