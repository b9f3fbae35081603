# SPDX-License-Identifier: Apache-2.0
"""
Profiles: made, brought up in the background, listed, ended.

    cli  culvert profile, up, list, down  ----  srv  culvert serve        (tests/conftest.py)
"""

import json
import os
import re
import signal
import socket
import subprocess
import tempfile

import pytest

from harness.host import wait_for
from harness.program import PASSWORD, ROOT, SLOW, USER, Program, run

WWW = "203.0.113.2"


class Profiles:
    """The commands as root of cli, whose /etc, /run and /var/lib are its own."""

    def __init__(self, net, binary, state):
        self.net, self.binary, self.state = net, binary, state
        self.folder = tempfile.mkdtemp(prefix="culvert-profile-")
        self.ca = os.path.join(state, "server.crt")
        self.password = self.secret("password", PASSWORD)

    def secret(self, name, text, mode=0o600):
        path = os.path.join(self.folder, name)
        with open(path, "w") as f:
            f.write(text + "\n")
        os.chmod(path, mode)
        return path

    def __call__(self, *arguments, check=True, stdin=""):
        return run(self.binary, *arguments, check=check, host=self.net.cli, stdin=stdin)

    def add(self, name, *extra, user=USER, password=None, server="vpn.example"):
        self("profile", "add", name, "--", f"{user}@{server}", "--password-file",
             password or self.password, "--ca", self.ca, *extra)

    def write(self, name, text, mode=0o600):
        path = f"{self.net.cli.root}/etc/culvert/profiles/{name}"
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as f:
            f.write(text if isinstance(text, bytes) else text.encode())
        os.chmod(path, mode)
        return path

    def read(self, name):
        with open(f"{self.net.cli.root}/etc/culvert/profiles/{name}") as f:
            return f.read()

    def listed(self, name):
        return next(o for o in json.loads(self("list", "--json")[1]) if o["name"] == name)

    def state_of(self, name):
        return self.listed(name)["state"]

    def close(self):
        code, out, _ = self("list", "--json", check=False)
        for o in json.loads(out) if not code else []:
            if o["state"] != "down":
                self("down", o["name"], check=False)
        for left in ("etc/culvert", "var/lib/culvert-client", "run/culvert"):
            self.net.cli.run("rm", "-rf", f"/{left}")
        subprocess.run(["rm", "-rf", self.folder], check=True)


@pytest.fixture
def profiles(net, binary, state):
    p = Profiles(net, binary, state)
    yield p
    p.close()


def test_up_list_down(net, start_server, profiles):
    start_server({"tunnel": {"dns": "203.0.113.53"}})
    before = net.cli.run("ip rule"), net.cli.run("cat /etc/resolv.conf")
    profiles.add("work", "--tun", "cv-work")
    assert profiles.listed("work") == {"name": "work", "state": "down", "server": "alice@vpn.example"}
    code, out, err = profiles("up", "work")
    address, peer = re.search(r"^culvert: connected (\S+) \(peer (\S+)\)$", out,
                              re.MULTILINE).groups()
    assert net.cli.ping(WWW, 2) == 2
    o = profiles.listed("work")
    assert (o["state"], o["address"], o["peer"], o["tun"]) == ("connected", address, peer, "cv-work")
    assert o["server"] == "vpn.example" and o["endpoint"] == "192.0.2.1:443"
    assert o["rx_octets"] >= 2 * 84 and o["tx_octets"] >= 2 * 84 and "waits_for" not in o
    assert "work" in profiles("list")[1] and address in profiles("list", "work")[1]
    assert "203.0.113.53" in net.cli.run("cat /etc/resolv.conf")
    again = profiles("up", "work", check=False)
    assert again[0] == 1 and "7036" in again[2], again
    assert profiles("down", "work")[1] == "culvert: work is down\n"
    assert (net.cli.run("ip rule"), net.cli.run("cat /etc/resolv.conf")) == before
    assert not net.cli.processes()
    assert profiles.state_of("work") == "down"
    again = profiles("down", "work", check=False)
    assert again[0] == 1 and "7038" in again[2], again


def test_the_shell_does_not_wait_for_the_client(net, start_server, profiles):
    """$(culvert up x) ends, and so does the session that started it."""
    start_server()
    profiles.add("work")
    out = net.cli.run("bash", "-c", f'exec 9>/run/mine; x=$({profiles.binary} up work); echo "<$x>"',
                      env={**os.environ, "ASAN_OPTIONS": "detect_leaks=0"})
    assert re.search(r"<[^<>]*culvert: connected \S+ \(peer \S+\)[^<>]*>", out), out
    pid = profiles.listed("work")["pid"]
    assert not any(os.readlink(f"/proc/{pid}/fd/{fd}").endswith("/run/mine")
                   for fd in os.listdir(f"/proc/{pid}/fd"))
    assert os.getsid(pid) == pid and os.readlink(f"/proc/{pid}/cwd") == net.cli.root + "/" or \
        os.path.samefile(f"/proc/{pid}/cwd", net.cli.root)


def test_it_comes_back_and_list_says_so(net, start_server, profiles):
    server = start_server()
    profiles.add("work")
    profiles("up", "work")
    server.stop()
    wait_for(lambda: profiles.state_of("work") in ("waiting", "connecting"), SLOW, "the loss")
    o = wait_for(lambda: (lambda o: o if o["state"] == "waiting" and "reason" in o else None)(
        profiles.listed("work")), SLOW, "a wait with its reason")
    assert re.search(r"the next attempt in \d+ s", o["waits_for"])
    assert o["reason"]["text"] and o["reason"]["event"]
    start_server()
    wait_for(lambda: profiles.state_of("work") == "connected", 60, "it to come back")
    assert net.cli.ping(WWW, 1) == 1
    profiles("down", "work")
    log = f"{net.cli.root}/run/culvert/client/work.log"
    assert os.stat(log).st_mode & 0o777 == 0o600
    with open(log) as f:
        text = f.read()
    assert "CLIENT_CONNECTS_AGAIN" in text and text.count("culvert: connected") == 1, text


def test_a_wrong_password_is_the_exit_code_and_the_last_reason(net, start_server, profiles):
    start_server()
    profiles.add("work", password=profiles.secret("other", "wrong"))
    code, out, err = profiles("up", "work", check=False)
    assert (code, out) == (19, ""), err
    assert "AUTH_FAILED" in err
    o = profiles.listed("work")
    assert o["state"] == "down" and o["reason"]["event"] and o["since"]
    profiles("profile", "edit", "work", "--", "--password-file", profiles.password)
    profiles("up", "work")
    assert profiles.state_of("work") == "connected"


def test_two_at_once(net, start_server, profiles):
    start_server()
    profiles.add("one", "--route", "203.0.113.0/24", "--no-dns")
    profiles.add("two", "--no-default-route", "--no-dns")
    profiles("up", "one")
    profiles("up", "two")
    one, two = profiles.listed("one"), profiles.listed("two")
    assert one["state"] == two["state"] == "connected" and one["address"] != two["address"]
    profiles("down", "two")
    assert net.cli.ping(WWW, 1) == 1
    assert profiles.state_of("one") == "connected"


def test_killed_and_up_again(net, start_server, profiles):
    start_server({"tunnel": {"dns": "203.0.113.53"}})
    profiles.add("work")
    for _ in range(2):
        profiles("up", "work")
        os.kill(profiles.listed("work")["pid"], signal.SIGKILL)
        wait_for(lambda: profiles.state_of("work") == "down", SLOW, "its end")
    profiles("up", "work")
    assert net.cli.ping(WWW, 1) == 1
    profiles("down", "work")


def test_interrupted_while_it_connects(net, profiles, keep):
    """No server answers: ^C ends both."""
    listener = net.srv.call(lambda: socket.create_server(("192.0.2.1", 443)))
    profiles.add("work")
    up = Program(net.cli, profiles.binary, "up", "work")
    keep.append(up)
    wait_for(lambda: profiles.state_of("work") == "connecting" and
             "waits_for" in profiles.listed("work"), SLOW, "the attempt")
    assert up.stop(signal.SIGINT) in (130, -signal.SIGINT)
    wait_for(lambda: not net.cli.processes(), SLOW, "the client to end")
    listener.close()


def test_the_service_manager_hears_each_state(net, start_server, profiles, keep, tmp_path):
    """As culvert@work.service starts it; a socket stands for systemd."""
    unit = open(os.path.join(ROOT, "contrib/systemd/culvert@.service.in")).read()
    words = re.search(r"^ExecStart=@bindir@/culvert (.*)$", unit, re.M)[1].replace("%i", "work").split()
    path = str(tmp_path / "notify")
    manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    manager.bind(path)
    manager.settimeout(SLOW)
    heard = ""

    def hears(pattern):
        nonlocal heard
        while not re.search(pattern, heard, re.M):
            heard += manager.recv(4096).decode() + "\n"
    server = start_server()
    profiles.add("work")
    client = Program(net.cli, "env", f"NOTIFY_SOCKET={path}", profiles.binary, *words)
    keep.append(client)
    hears(r"^READY=1\nSTATUS=connected: \S+, server vpn\.example$")
    server.stop()
    hears(r"^STATUS=waits for the next attempt in \d+ s.*; lost: ")
    heard = ""
    start_server()
    hears(r"^STATUS=connected: ")
    assert client.stop() == 0, client.story()
    hears(r"^STOPPING=1")
    manager.close()


HOSTILE = {
    "no key": ("bogus = 1\n", r"bad\.conf:1: there is no key bogus"),
    "meant": ("server = x\nrotue = 10.0.0.0/8\n", r":2: there is no key rotue; did you mean route\?"),
    "value": ("server = x\n\nmtu = 5\n", r":3: mtu: expected 576 to 4087, got \"5\""),
    "twice": ("mtu = 1400\nmtu = 1300\n", r":2: mtu: expected once, but it stands in line 1"),
    "flag": ("lock = perhaps\n", r":1: lock: expected yes or no"),
    "section": ("[server]\nx = 1\n", r":1: expected no section but \[connect\]"),
    "escape": ("server = x\nuser = \"a\x1b[2J\"\n", r":2: user: expected a text without control"),
    "binary": (b"server = \xff\xfe\n", r":1: expected text"),
    "utf-16": ("server = x\n".encode("utf-16"), r":1: expected text"),
    "long line": ("user = " + "a" * 5000 + "\n", r":1: expected at most 4096 octets"),
    "long file": ("#" * 100 + "\n") * 1000,
    "many": ("server = x\n" + "route = 10.0.0.0/8\n" * 300, r"expected at most 256 values"),
    "routes": ("server = x\n" + "route = 10.0.0.0/8\n" * 70, r":66: route: expected .*64 at most"),
    "no server": ("mtu = 1300\n", r"expected \[USER@\]HOST"),
    "standard input": ("server = x\npassword-file = -\n", r":2: password-file: expected a file"),
    "contradiction": ("server = x\nall = yes\nno-default-route = yes\n", r"expected one of them"),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_hostile_profiles(profiles, what):
    text, wanted = HOSTILE[what] if isinstance(HOSTILE[what], tuple) else (HOSTILE[what], "large")
    profiles.write("bad.conf", text)
    code, out, err = profiles("up", "bad", check=False)
    assert code in (2,) and re.search(wanted, err), (code, err)
    assert "\x1b" not in err


@pytest.mark.parametrize("name", ["../x", "/etc/passwd", ".hidden", "-x", "a/b", "a..b", "", "a" * 65,
                                  "a b", "a\nb", "é"])
def test_names_lead_nowhere(net, profiles, name):
    for words in (("profile", "add", name, "--", "x"), ("up", name), ("down", name), ("list", name),
                  ("profile", "show", name), ("profile", "remove", name)):
        assert profiles(*words, check=False)[0] == 2, words
    assert not net.cli.ok("ls /etc/culvert")


def test_files_of_others_are_refused(net, profiles):
    profiles.write("open.conf", "server = a@x\n", 0o666)
    code, _, err = profiles("up", "open", check=False)
    assert code == 2 and "7033" in err and "other users can change it" in err, err
    os.chown(profiles.write("theirs.conf", "server = a@x\n"), 65534, -1)
    code, _, err = profiles("up", "theirs", check=False)
    assert code == 2 and "another user owns it" in err, err
    profiles.write("secret.conf", "server = a@x\n")
    profiles.write("secret.secret", 'password = "x"\n', 0o644)
    code, _, err = profiles("up", "secret", check=False)
    assert code == 2 and "7033" in err and "other users can read it" in err, err
    path = profiles.secret("shown", "x", 0o644)
    profiles.write("file.conf", f"server = a@x\npassword-file = {path}\n")
    code, _, err = profiles("up", "file", check=False)
    assert code == 2 and "7033" in err, err
    net.cli.run("mkfifo /etc/culvert/profiles/pipe.conf")
    code, _, err = profiles("up", "pipe", check=False)
    assert code == 2 and "no regular file" in err, err


def test_a_password_that_others_can_read_is_copied(net, start_server, profiles):
    start_server()
    profiles.add("work", password=profiles.secret("shown", PASSWORD, 0o644))
    secret = f"{net.cli.root}/etc/culvert/profiles/work.secret"
    assert os.stat(secret).st_mode & 0o777 == 0o600
    assert "password" not in profiles.read("work.conf")
    assert PASSWORD not in "".join(profiles("profile", "show", "work")[1:])
    profiles("up", "work")
    profiles("down", "work")
    profiles("profile", "add", "typed", "--", "alice@vpn.example", "--password-file", "-", "--ca",
             profiles.ca, stdin=PASSWORD + "\n")
    profiles("up", "typed")
    profiles("profile", "remove", "work")
    assert not os.path.exists(secret)
    code, _, err = profiles("profile", "remove", "typed", check=False)
    assert code == 1 and "7036" in err, err


def test_odd_secrets_survive(net, binary, start_server, profiles, state):
    odd = "a\"b\\c#d, e = f "
    start_server()
    run(binary, "user", "add", "odd", "--password-stdin", "--state", state, stdin=odd + "\n")
    profiles("profile", "add", "odd", "--", "odd@vpn.example", "--password-file", "-", "--ca",
             profiles.ca, stdin=odd + "\n")
    profiles("up", "odd")


def test_edit(net, profiles):
    profiles.add("work", "--route", "10.1.0.0/16", "--mtu", "1300", "--lock-lan")
    profiles("profile", "edit", "work", "--unset", "lock-lan", "--", "--route", "10.2.0.0/16",
             "--route", "10.3.0.0/16")
    text = profiles.read("work.conf")
    assert "10.1." not in text and "route = 10.2.0.0/16\nroute = 10.3.0.0/16\n" in text, text
    assert "mtu = 1300" in text and "lock" not in text
    code, _, err = profiles("profile", "edit", "work", "--", "--mtu", "9", check=False)
    assert code == 2 and profiles.read("work.conf") == text
    for script, good in (("sed -i s/1300/1310/", True), ("sed -i s/mtu/mut/", False), ("false", False)):
        r = net.cli.run("env", f"EDITOR={script}", "ASAN_OPTIONS=detect_leaks=0", profiles.binary,
                        "profile", "edit", "work", check=False)
        assert ("nothing is changed" in r) != good, r
        if good:
            text = text.replace("1300", "1310")
        assert profiles.read("work.conf") == text
    shown = json.loads(profiles("profile", "show", "work", "--json")[1])
    assert shown["options"]["mtu"] == "1310" and shown["options"]["server"] == ["alice@vpn.example"]
    code, _, err = profiles("profile", "add", "work", "--", "x", check=False)
    assert code == 2 and "7034" in err, err


@pytest.mark.parametrize("with_password", [False, True])
def test_an_invite(net, binary, start_server, profiles, state, with_password):
    """One file from the server's admin is all that the client needs, but for the password."""
    start_server()
    path = os.path.join(profiles.folder, "invite")
    words = ["--password-stdin"] if with_password else []
    _, out, _ = run(binary, "user", "invite", USER, "--state", state, "--server", "vpn.example:443",
                    "--route", "203.0.113.0/24", "--out", path, *words, stdin=PASSWORD + "\n")
    assert out == path + "\n" and os.stat(path).st_mode & 0o777 == 0o600
    with open(path) as f:
        text = f.read()
    assert (PASSWORD in text) == with_password
    code, out, _ = run(binary, "user", "invite", USER, "--state", state, "--qr")
    assert "\N{UPPER HALF BLOCK}" in out or "\N{LOWER HALF BLOCK}" in out
    profiles("profile", "import", path, "--name", "work")
    if not with_password:
        assert not os.path.exists(f"{net.cli.root}/etc/culvert/profiles/work.secret")
        profiles("profile", "edit", "work", "--", "--password-file", "-", stdin=PASSWORD + "\n")
    profiles("up", "work")
    assert net.cli.ping(WWW, 1) == 1
    assert "203.0.113.0/24" in net.cli.run("ip route show table all proto 83")
    profiles("down", "work")
    profiles("profile", "import", path)
    assert profiles.state_of("vpn.example") == "down"
    code, _, err = profiles("profile", "import", path, check=False)
    assert code == 2 and "7034" in err, err
    code, _, err = run(binary, "user", "invite", "nobody-knows", "--state", state, check=False)
    assert code and "nobody-knows" in err, err


def test_a_hostile_invite_changes_nothing(net, profiles):
    """Its names lead nowhere, it opens no file, weakens no check, runs nothing."""
    before = "name = x\nserver = a@x\n"
    for text in (before + "insecure = yes\n", before + "keylog = /etc/cron.d/x\n", before + "ca = /etc/shadow\n",
                 before + "password-file = /etc/shadow\n", "name = ../../x\nserver = a@x\n",
                 before + "proxy = http://evil:1\n", before + "lock = yes\n", before + "mtu = 1\n",
                 before + "ca-data = -----\n", before + "pin = x\n", "name = x\n", "\0" * 100,
                 "server = a@x\n"):
        path = profiles.secret("invite", text)
        code, out, err = profiles("profile", "import", path, check=False)
        assert code == 2 and not out, (text, err)
    assert not net.cli.ok("ls /etc/culvert/profiles")


def test_an_export_carries_its_certificates(net, start_server, profiles):
    start_server()
    profiles.add("work", "--route", "203.0.113.0/24", "--tun", "cv-x")
    code, out, err = profiles("profile", "export", "work")
    assert "ca-data = " in out and PASSWORD not in out and "password" not in out
    assert "tun is of this machine" in err
    profiles("profile", "import", profiles.secret("export", out), "--name", "again")
    text = profiles.read("again.conf")
    assert "ca = /etc/culvert/profiles/again.crt" in text
    profiles("profile", "edit", "again", "--", "--password-file", profiles.password)
    profiles("up", "again")


@pytest.mark.parametrize("kind", [".nmconnection", ".sstpc.sh", ".pbk"])
def test_what_the_server_writes_for_other_clients_is_read(net, binary, start_server, profiles, state, kind):
    """`culvert user show --how` of the server, through `culvert profile import`, is a connection."""
    start_server()
    out = os.path.join(profiles.folder, "out")
    run(binary, "user", "show", USER, "--how", "--state", state, "--server", "vpn.example", "--route",
        "203.0.113.0/24", "--out", out)
    profiles("profile", "import", os.path.join(out, "vpn.example" + kind), "--name", "other")
    profiles("profile", "edit", "other", "--", "--password-file", profiles.password, "--ca", profiles.ca,
             "--user", USER, "--route", "203.0.113.0/24")
    text = profiles.read("other.conf")
    assert "no-default-route = yes" in text and "server = vpn.example" in text, text
    profiles("up", "other")
    assert net.cli.ping(WWW, 1) == 1


def test_an_import_says_what_it_leaves_out(net, profiles):
    path = profiles.secret("entry", "[Work]\r\nVpnStrategy=7\r\nPhoneNumber=vpn.example\r\nShiny=\x1b[2J\r\n")
    code, out, err = profiles("profile", "import", path)
    assert f"{path}:2: VpnStrategy=7" in err and f"{path}:4: Shiny=" in err and "\x1b" not in err, err
    xml = ("<VPNProfile><NativeProfile><Servers>vpn.example</Servers></NativeProfile></VPNProfile>")
    path = os.path.join(profiles.folder, "utf16")
    with open(path, "wb") as f:
        f.write(xml.encode("utf-16"))
    profiles("profile", "import", path, "--name", "wide")
    assert profiles.read("wide.conf") == "server = vpn.example\n"
