"""
Every fault of faults.py, made for real, and found: layer, cause and cure. A fresh process each, in an
order that is shuffled anew every time (CULVERT_LAB_SEED repeats one).

        cli                      rtr                      srv
    culvert diagnose ----------- faults ----------- culvert serve, or what stands in its place
                                  |
                                 www    name servers, proxies, revocation lists

(Drawing with addresses: tests/conftest.py.)
"""

import json
import os
import random
import re
import shutil
from xml.etree import ElementTree

import pytest

import servers
from certificates import Authority
from faults import (CLI, FAULTS, PAIRS, SRV, WWW, Lab, inspected, intermediate_missing, issued_by_a_box,
                    private_ca_alone, untrusted_root)
from harness import program
from harness.program import PASSWORD, USER, Client

SEED = int(os.environ.get("CULVERT_LAB_SEED", random.SystemRandom().randrange(10 ** 6)))
NOBODY = 65534


def shuffled(things):
    things = list(things)
    random.Random(SEED).shuffle(things)
    return things


@pytest.fixture(scope="module", autouse=True)
def tell_seed():
    print(f"\nCULVERT_LAB_SEED={SEED}")


@pytest.fixture
def lab(net, fresh_state, binary):
    lab = Lab(net, fresh_state, binary)
    yield lab
    lab.undo()


def diagnose(lab, *more, uid=None, check=True):
    """Runs it; returns the report as an object, with the exit code and both streams in it."""
    target = f"{lab.user}@{lab.host}" if lab.user else lab.host
    arguments = ["diagnose", target, "--ca", lab.ca, "--timeout", "2", "--json", *lab.arguments, *more]
    secret = os.path.join(lab.folder, "secret")
    with open(secret, "w") as f:
        f.write(lab.password + "\n")
    if lab.user:
        arguments += ["--password-file", secret]
    command = lab.net.cli.argv(lab.binary, *arguments)
    if uid:
        os.chmod(lab.folder, 0o755)
        os.chmod(secret, 0o644)
        command = lab.net.cli.argv("setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups",
                                   lab.binary, *arguments)
    r = program.subprocess.run(command, stdin=program.subprocess.DEVNULL, capture_output=True,
                               text=True, timeout=120,
                               env={**program.environment(), **lab.environment})
    assert "Sanitizer" not in r.stderr and "runtime error" not in r.stderr, r.stderr
    try:
        report = json.loads(r.stdout)
    except ValueError:
        raise AssertionError(f"no report: exit {r.returncode}\n{r.stdout}{r.stderr}") from None
    report["text"], report["exit"] = r.stdout, r.returncode
    return report


def story(report):
    lines = [f"{p['probe']} {p['outcome']} {p.get('because', p['summary'])}" for p in report["probes"]]
    lines += [f"  {f['weight']} {f['layer']} {f['name']}: {f['found']}" for f in report["findings"]]
    return "\n".join(lines) + f"\nexit {report['exit']}"


def prepare(lab, how):
    how(lab)
    if lab.uses_server and not lab.server:
        lab.serve()


def well(report):
    assert report["outcome"] == "ok", story(report)
    assert not [f for f in report["findings"] if f["weight"] != "note"], story(report)
    assert report["exit"] == 0
    for p in report["probes"]:
        assert p["outcome"] in ("ok", "not measured"), story(report)
        assert p["outcome"] == "ok" or p["because"], story(report)


def find(report, name):
    """The finding of this fault; its layer, cause and cure are what the table says."""
    layer, event, cure, _, *weight = FAULTS[name]
    weight = weight[0] if weight else "failed"
    found = [f for f in report["findings"] if f["weight"] == weight
             and f["layer"] == layer and event in (None, f["name"])]
    assert found, f"{name}: {layer} {event} was not found\n{story(report)}"
    assert cure.lower() in found[0]["cure"].lower(), f"{cure!r} not in {found[0]['cure']!r}"
    return found[0]


@pytest.mark.parametrize("name", shuffled(FAULTS))
def test_fault(lab, name):
    layer, _, _, how, *weight = FAULTS[name]
    prepare(lab, how)
    report = diagnose(lab)
    for secret in (lab.password, "Tunnel-9"):  # the latter is the proxies'
        assert secret not in report["text"], "a password in the report"
    if layer is None:
        well(report)
        return
    found = find(report, name)
    assert report["findings"][0] == found, f"{name} is not what is named first\n{story(report)}"
    assert report["layer"] == layer
    assert (report["exit"] != 0) == (not weight), story(report)
    assert found["by_hand"] or layer in ("proxy",), "no command by hand"


@pytest.mark.parametrize("pair", shuffled(PAIRS), ids=lambda p: f"{p[0]} + {p[1]}")
def test_two_faults_at_once(lab, pair):
    first, second, how = pair
    if how:
        prepare(lab, how)
    else:
        FAULTS[first][3](lab)
        prepare(lab, FAULTS[second][3])
    report = diagnose(lab)
    for name in (first, second):
        if FAULTS[name][0]:
            find(report, name)
    order = [n for n in (first, second) if FAULTS[n][0]]
    order.sort(key=lambda n: len(FAULTS[n]) > 4)  # failures before warnings
    assert report["findings"][0] == find(report, order[0]), story(report)


def test_a_healthy_server_gives_no_warning_and_fits_one_screen(lab):
    lab.serve()
    well(diagnose(lab))
    secret = os.path.join(lab.folder, "secret")
    out = lab.net.cli.run(lab.binary, "diagnose", f"{USER}@vpn.example", "--ca", lab.ca,
                          "--password-file", secret, env=program.environment())
    assert "All that was measured is well." in out
    assert len(out.splitlines()) <= 24
    assert "\033" not in out


def test_without_root(lab):
    lab.serve()
    report = diagnose(lab, uid=NOBODY)
    well(report)
    inner = next(p for p in report["probes"] if p["probe"] == "tunnel")
    assert inner["outcome"] == "ok"


def test_nothing_measured_is_never_a_verdict(lab):
    lab.uses_server = False
    report = diagnose(lab)
    for p in report["probes"][3:]:
        assert p["outcome"] == "not measured" and p["because"], story(report)


def test_no_secret_is_written_anywhere(lab):
    """Neither the password, nor its hash, nor what proves it, in report, record or page."""
    from harness import mschapv2
    lab.serve()
    record, page = (os.path.join(lab.folder, n) for n in ("record.txt", "page.html"))
    report = diagnose(lab, "--record", record, "--html", page)
    text = report["text"] + open(record).read() + open(page).read()
    nt_hash = mschapv2.md4(PASSWORD.encode("utf-16-le")).hex()
    packed = text.replace(" ", "").lower()
    for secret in (PASSWORD.lower(), nt_hash, mschapv2.md4(bytes.fromhex(nt_hash)).hex()):
        assert secret not in packed
    assert "$nt_response" in text and "$mac" in text
    assert PASSWORD.encode().hex() not in packed


def test_a_record_can_be_played_again(lab):
    import sys
    sys.path.insert(0, os.path.join(program.ROOT, "tests", "peers"))
    from harness import sstp
    from replay import Replay
    lab.serve()
    record = os.path.join(lab.folder, "record.txt")
    diagnose(lab, "--record", record)
    tunnel = sstp.Tunnel(lab.net.cli, "192.0.2.1").tls()
    Replay(tunnel, USER, PASSWORD).play(record)
    tunnel.close()


@pytest.mark.parametrize("how", ["--proxy", "https_proxy", "--proxy-password-file"])
def test_connect_goes_through_a_proxy_that_wants_digest(lab, how, keep, tmp_path):
    """The same code as the diagnosis has; the route to the proxy, not to the server, is kept."""
    lab.serve()
    proxy = servers.Proxy(lab.net.www, WWW, 3128, "Digest", "carol", "Tunnel-9")
    lab.later(proxy.close)
    lab.drop(lab.net.rtr, f"forward ip saddr {CLI} ip daddr {SRV} drop")
    url = f"http://carol:Tunnel-9@{WWW}:3128"
    (tmp_path / "proxy").write_text("Tunnel-9\n")
    extra = {"--proxy": ["--proxy", url], "https_proxy": [], "--proxy-password-file": [
        "--proxy", f"http://{WWW}:3128", "--proxy-user", "carol",
        "--proxy-password-file", tmp_path / "proxy"]}[how]
    environment = program.environment
    program.environment = lambda: {**environment(), **({how: url} if not extra else {})}
    try:
        client = Client(lab.net.cli, lab.binary, USER, PASSWORD, "vpn.example", "--ca", lab.ca,
                        "--no-dns", "-v", *extra)
    finally:
        program.environment = environment
    keep.append(client)
    client.wait_connected()
    assert lab.net.cli.ping(client.peer, 2) == 2
    assert "Tunnel-9" not in client.err
    # a password in the arguments is warned of, and `ps` does not go on showing it
    assert ("can read a password in the arguments" in client.err) == (how == "--proxy")
    with open(f"/proc/{client.process.pid}/cmdline") as f:
        assert "Tunnel-9" not in f.read()
    assert client.stop() == 0


def test_a_dead_proxy_leaves_tcp_unmeasured(lab):
    lab.arguments += ["--proxy", f"http://{WWW}:3129"]
    report = diagnose(lab)
    tcp = next(p for p in report["probes"] if p["probe"] == "tcp")
    assert tcp["outcome"] == "not measured", story(report)


def test_waiting_times_are_measured(lab):
    """--timeout 2: a text that speaks of 60 seconds is a constant."""
    prepare(lab, FAULTS["silence after CALL_CONNECT_REQUEST"][3])
    report = diagnose(lab)
    words = report["findings"][0]["what"] + report["findings"][0]["found"]
    assert "60" not in words and re.search(r"\b[23]\.\d s", words), words


def test_large_packets_lost_name_nothing_else(lab):
    """The stream would stand still after the first large one: forwarding, NAT, DNS are well."""
    prepare(lab, FAULTS["large packets to the server are lost"][3])
    names = [f["name"] for f in diagnose(lab)["findings"] if f["weight"] != "note"]
    assert names == ["PROBE_LARGE_OUTER_LOST"], names


@pytest.mark.parametrize("answer", ["511 Network Authentication Required", "302 Found"])
def test_a_captive_portal_is_guessed(lab, answer):
    """The router answers in the server's place, with a certificate of another name on 443."""
    rtr = lab.net.rtr
    rtr.run("nft", "add table ip portal; add chain ip portal in "
            "{ type nat hook prerouting priority -100; }; add rule ip portal in ip daddr "
            f"{SRV} tcp dport {{ 80, 443 }} redirect")
    lab.later(rtr.run, "nft", "delete table ip portal")
    page = servers.answer(answer, "Location: http://login.wlan.invalid/")
    lab.listen(servers.says(page), port=80, address="198.51.100.1", host=rtr)
    lab.listen(servers.over_tls(servers.context(*lab.pki.server(name="login.wlan.invalid")),
                                servers.says(page)), address="198.51.100.1", host=rtr)
    report = diagnose(lab)
    found = [f for f in report["findings"] if f["name"] == "PROBE_CAPTIVE_PORTAL"]
    assert found and "first router" in found[0]["found"], story(report)
    assert "perhaps" in found[0]["cure"].lower() or "would" in found[0]["what"], found


def test_a_health_check_that_fails_is_a_note(lab):
    """A server that takes tunnels and answers HEAD with 404, as a balancer's probe sees it."""
    serve = servers.Sstp("auth", None, None)
    serve.health = "404 Not Found"
    lab.user = None
    lab.https(serve)
    report = diagnose(lab)
    found = [f for f in report["findings"] if f["name"] == "PROBE_HTTP_HEALTH"]
    assert found and found[0]["weight"] == "note" and "404" in found[0]["found"], story(report)
    assert report["exit"] == 0, story(report)


def test_an_ordinary_web_server_is_no_portal(lab):
    prepare(lab, FAULTS["HTTP 404"][3])
    lab.listen(servers.says(servers.answer("301 Moved", f"Location: https://{lab.host}/")), port=80)
    assert "PROBE_CAPTIVE_PORTAL" not in [f["name"] for f in diagnose(lab)["findings"]]


def test_other_login_methods_can_be_allowed(lab):
    lab.serve(ppp={"auth": "pap"})
    report = diagnose(lab, "--auth", "mschapv2,pap")
    assert [f["name"] for f in report["findings"]] == ["PROBE_BINDING_WITHOUT_KEY"], report
    assert report["outcome"] == "warning" and "acknowledged in" in json.dumps(report)


def test_interception_is_suspected_by_the_issuer(lab):
    """Where its root is trusted only the issuer, which is another on the direct way, and the binding tell."""
    inspected(lab)
    assert "CERT_INTERCEPTED" in [f["name"] for f in diagnose(lab)["findings"]]


@pytest.mark.parametrize("target", ["[fd00::1", "10.0.0.1:", "10.0.0.1:0", "10.0.0.1:65536", "fd00::1:x",
                                    "[10.0.0.1]:80", "http://10.0.0.1", "a..b", "", "name:80:81",
                                    "[fd00::1]80", "a b"])
def test_a_target_that_is_none_is_refused(binary, target):
    r = program.subprocess.run([binary, "diagnose", "192.0.2.1", "--target", target],
                               capture_output=True, text=True, timeout=30)
    assert r.returncode == 2 and "--target" in r.stderr, r.stderr


@pytest.mark.parametrize("how, says", [
    (private_ca_alone, 'issued by "Somebody\'s Root", which is not trusted here; it was not sent: either'),
    (intermediate_missing, 'issued by "Lab Intermediate", which is not trusted here; a guess from its name'),
    (issued_by_a_box, 'issued by "Zscaler Root CA", which is not trusted here; the name is that of a box'),
    (untrusted_root, 'issued by "Somebody\'s Root", which is not trusted here'),
])
def test_who_issued_it_and_that_it_is_not_trusted_is_said_first(lab, how, says):
    prepare(lab, how)
    report = diagnose(lab)
    first = report["findings"][0]
    summary = next(p["summary"] for p in report["probes"] if p["probe"] == "tls")
    assert summary.endswith(", not trusted here"), summary
    assert first["found"].startswith(says), first
    if how is private_ca_alone:
        assert "INTERMEDIATE" not in first["name"]


def test_a_box_is_known_by_its_organization_too(lab):
    """FortiGate's own CA has the device's serial number as its common name."""
    box = Authority("FG100D3G00000001", organization="Fortinet")
    lab.certificate = lab.pki.server(box, chain=[box])
    lab.serve()
    found = {f["name"]: f["found"] for f in diagnose(lab)["findings"]}
    assert found["CERT_UNTRUSTED_ROOT"].endswith("the name is that of a box that inspects TLS"), found
    assert "O=Fortinet" in found["CERT_INTERCEPTED"]


def test_throughput_is_measured_when_asked(lab):
    lab.serve()
    report = diagnose(lab, "--speed=1")
    facts = {f["name"]: f["value"] for p in report["probes"] for f in p["facts"]}
    assert float(facts["throughput"].split()[0]) > 1, facts["throughput"]
    well(report)


def test_the_page_is_one_file_and_looks_like_a_report(lab):
    """Its picture is looked at in headless Chromium where that is installed."""
    page, picture = (os.path.join(lab.folder, n) for n in ("page.html", "page.png"))
    lab.serve()
    lab.password = "not-it-at-all"
    diagnose(lab, "--html", page)
    text = open(page).read()
    ElementTree.fromstring(re.search(r"<svg.*?</svg>", text, re.DOTALL)[0])  # well formed
    assert text.count("<rect ") == 9, "a bar for each layer"
    assert not re.search(r'(src|href)="|url\(|@import', text), "it needs nothing else"
    assert "The user name or the password is wrong" in text
    browser = shutil.which("chromium") or shutil.which("chromium-browser")
    if not browser:
        pytest.skip("chromium is not installed: the page was not looked at")
    r = program.subprocess.run(
        [browser, "--headless", "--no-sandbox", "--disable-gpu", "--window-size=900,1400",
         f"--screenshot={picture}", f"file://{page}"], capture_output=True, timeout=60)
    assert r.returncode == 0, r.stderr
    colours = pixels(picture)
    assert (207, 34, 46) in colours, "the failed layer's bar is not red"
    assert (45, 164, 78) in colours, "no layer's bar is green"


def test_the_page_fits_a_phone(lab):
    """390 pixels wide: nothing reaches beyond the screen, and the letters of the picture keep their size."""
    page = os.path.join(lab.folder, "page.html")
    lab.names(WWW, names={"lab.example": ["10.1.1.1"]})
    lab.password = "not-it-at-all"
    lab.serve()
    diagnose(lab, "--html", page)
    text = open(page).read()
    assert 'name="viewport"' in text and "viewBox" not in text
    browser = shutil.which("chromium") or shutil.which("chromium-browser")
    if not browser:
        pytest.skip("chromium is not installed: the page was not looked at")
    frame = os.path.join(lab.folder, "frame.html")  # a window is never narrower than 500: a frame is
    with open(frame, "w") as f:
        f.write('<iframe id=f width=390 height=844 src="page.html"></iframe><pre id=w>?</pre><script>'
                'f.onload=()=>{w.textContent="wide "+f.contentDocument.documentElement.scrollWidth+" of "+'
                'f.contentDocument.documentElement.clientWidth}</script>')
    r = program.subprocess.run(
        [browser, "--headless", "--no-sandbox", "--disable-gpu", "--allow-file-access-from-files",
         "--virtual-time-budget=3000", "--dump-dom", f"file://{frame}"],
        capture_output=True, text=True, timeout=60)
    found = re.search(r"wide (\d+) of (\d+)", r.stdout)
    assert found and int(found[1]) <= int(found[2]), r.stdout[-300:] + r.stderr[-300:]


def pixels(png):
    """The colours of a PNG of 8-bit RGB or RGBA, without a library."""
    import struct
    import zlib
    octets = open(png, "rb").read()
    width, height, _, kind = struct.unpack(">IIBB", octets[16:26])
    data, at = b"", 8
    while at < len(octets):
        length, name = struct.unpack(">I4s", octets[at:at + 8])
        if name == b"IDAT":
            data += octets[at + 8:at + 8 + length]
        at += 12 + length
    step, rows, found = {2: 3, 6: 4}[kind], zlib.decompress(data), set()
    before = bytearray(width * step)
    for y in range(height):
        row = bytearray(rows[y * (width * step + 1):(y + 1) * (width * step + 1)])
        method, row = row[0], row[1:]
        for x in range(len(row)):
            left = row[x - step] if x >= step else 0
            up, corner = before[x], before[x - step] if x >= step else 0
            guess = left + up - corner
            paeth = min((left, up, corner), key=lambda v: (abs(guess - v), (left, up, corner).index(v)))
            row[x] = (row[x] + (0, left, up, (left + up) // 2, paeth)[method]) & 255
        found.update(tuple(row[x:x + 3]) for x in range(0, len(row), step))
        before = row
    return found
