"""
`culvert run`: a tunnel in a network namespace of its own, by a user without rights; curl is the judge.

    cli, user 65534: culvert run ─ socket ── srv: culvert serve ── www 203.0.113.2 (web server)
                      └ namespace: TUN, the command, the proxies' connections
"""

import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile

import pytest

from harness.desktop import NameServer
from harness.host import wait_for
from harness.program import PASSWORD, SANITIZED, Program, environment

NOBODY = 65534
INNER = "10.77.0.53"
PUSH = {"tunnel": {"dns": INNER}}


class Run(Program):
    """`culvert run` as nobody, by setpriv; what it needs lies where nobody may read it."""

    def __init__(self, net, state, *extra, command=(), server="vpn.example", user="alice",
                 uid=NOBODY, before=()):
        self.folder = tempfile.mkdtemp(prefix="culvert-run-")
        os.chmod(self.folder, 0o755)
        for name, text in (("password", PASSWORD + "\n"),
                           ("ca", open(os.path.join(state, "server.crt")).read())):
            with open(os.path.join(self.folder, name), "w") as f:
                f.write(text)
            os.chmod(f.name, 0o644)
        drop = ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups"] if uid else ["env"]
        tail = ["--", *command] if command else []
        super().__init__(net.cli, drop[0], *drop[1:], *before, SANITIZED, "run", f"{user}@{server}",
                         "--password-file", f"{self.folder}/password", "--ca", f"{self.folder}/ca",
                         *extra, *tail)

    def close(self):
        super().close()
        shutil.rmtree(self.folder, ignore_errors=True)


@pytest.fixture
def run(net, state, keep):
    def start(*extra, wait=False, **kw):
        program = Run(net, state, *extra, **kw)
        keep.append(program)
        if wait:
            program.wait_line(r"^culvert: connected ")
        return program
    return start


@pytest.fixture
def web(net):
    """A web server at www, IPv4, that prints who asked; and the inner name server at srv."""
    net.srv.ip(f"address add {INNER}/32 dev lo")
    names = NameServer(net.srv, INNER, "203.0.113.2")
    script = ("import http.server as h\n"
              "class H(h.BaseHTTPRequestHandler):\n"
              "    def do_GET(s):\n"
              "        t = f'{s.client_address[0]} {s.path} {s.headers}'.encode()\n"
              "        s.send_response(200); s.send_header('Content-Length', str(len(t)))\n"
              "        s.end_headers(); s.wfile.write(t)\n"
              "    def log_message(s, *a): pass\n"
              "h.ThreadingHTTPServer(('203.0.113.2', 8080), H).serve_forever()\n")
    server = net.www.popen("/usr/bin/python3", "-c", script)
    wait_for(lambda: net.www.ok("bash", "-c", ": </dev/tcp/203.0.113.2/8080"), 20, "the web server")
    yield names
    server.kill()
    server.wait()
    names.close()
    net.srv.ip(f"address del {INNER}/32 dev lo")


def curl(net, *arguments):
    return net.cli.run("curl", "-sS", "-m", "20", *arguments, check=False, env=environment())


def test_a_command_runs_in_the_tunnel_and_nothing_outside_changes(net, web, start_server, run):
    """The name server is asked inside; the address that www sees is the server's."""
    start_server(PUSH)
    before = net.cli.run("cat /etc/resolv.conf"), net.cli.run("ip -o link")
    program = run(command=("sh", "-c",
                           "id -u; ip -br link; cat /etc/resolv.conf; grep CapEff /proc/self/status; "
                           "curl -sS -m 20 http://intranet.example:8080/x; exit 7"))
    assert program.wait_exit() == 7, program.story()
    out = program.out
    assert out.startswith(f"{NOBODY}\n") and "culvert0" in out and "eth0" not in out, out
    assert f"nameserver {INNER}" in out and "CapEff:\t0000000000000000" in out, out
    assert "192.0.2.1 /x " in out, out
    assert "connected" not in out, "standard output is the command's"
    assert web.asked("intranet.example")
    assert (net.cli.run("cat /etc/resolv.conf"), net.cli.run("ip -o link")) == before


@pytest.mark.parametrize("command, code", [(("true",), 0), (("sh", "-c", "kill -9 $$"), 137),
                                           (("/nonexistent",), 127), (("/etc",), 126)])
def test_the_exit_code_is_the_command_s(net, start_server, run, command, code):
    start_server()
    program = run(command=command)
    assert program.wait_exit() == code, program.story()


def test_a_tunnel_that_cannot_be_made_runs_nothing(net, start_server, run):
    start_server()
    program = run(command=("echo", "it ran"), user="mallory")
    assert program.wait_exit() == 19, program.story()
    assert "it ran" not in program.out


def test_a_tunnel_that_is_lost_ends_the_command(net, start_server, run):
    server = start_server()
    program = run("--once", command=("sh", "-c", "echo up; exec sleep 600")) if once() else \
        run(command=("sh", "-c", "echo up; exec sleep 600"))
    program.wait_line("^up$")
    server.stop()
    assert program.wait_exit() not in (0, 600), program.story()


def once():
    return "--once" in subprocess.run([SANITIZED, "connect", "--help"], capture_output=True,
                                      text=True, check=True).stdout


@pytest.mark.parametrize("how, code", [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_signals_go_to_the_command(net, start_server, run, how, code):
    start_server()
    program = run(command=("sh", "-c", "echo up; exec sleep 600"))
    program.wait_line("^up$")
    assert program.stop(how) == code, program.story()


def test_a_killed_supervisor_leaves_nothing(net, start_server, run):
    start_server()
    program = run("--socks", "127.0.0.1:1080", wait=True)
    with open(f"/proc/{program.pid}/task/{program.pid}/children") as f:
        children = f.read().split()
    assert len(children) == 2
    program.stop(signal.SIGKILL)
    wait_for(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in children), 20,
             "the client and the proxies to end")


def test_socks_resolves_names_inside_and_takes_ipv6(net, web, start_server, run):
    server = start_server(PUSH)
    peer6 = re.search(r"inet6 (fd[0-9a-f:]+)", net.srv.run(
        f"ip -6 -o address show dev {server.tun} scope global")).group(1)
    run("--socks", "127.0.0.1:1080", "--route", f"{peer6}/128", "--route", "0.0.0.0/1",
        "--route", "128.0.0.0/1", "--no-default-route", wait=True)
    assert curl(net, "--proxy", "socks5h://127.0.0.1:1080", "http://intranet.example:8080/s"
                ).startswith("192.0.2.1 /s ")
    assert web.asked("intranet.example")
    assert curl(net, "--proxy", "socks5://127.0.0.1:1080", "http://203.0.113.2:8080/a"
                ).startswith("192.0.2.1 /a ")
    refused = "(5)"  # RFC 1928's connection refused
    wait_for(lambda: refused in curl(net, "--proxy", "socks5h://127.0.0.1:1080",
                                     f"http://[{peer6}]:9/"), 20, "IPv6 by SOCKS")
    assert refused in curl(net, "--proxy", "socks5h://127.0.0.1:1080", "http://203.0.113.2:9/")


def test_http_proxy_connects_and_passes_requests_on(net, web, start_server, run):
    start_server(PUSH)
    run("--http", "127.0.0.1:3128", wait=True)
    plain = curl(net, "--proxy", "http://127.0.0.1:3128", "-H", "Proxy-Authorization: Basic eA==",
                 "-H", "X-Mine: yes", "http://intranet.example:8080/p?q=1")
    assert plain.startswith("192.0.2.1 /p?q=1 ") and "X-Mine: yes" in plain, plain
    assert "Proxy-" not in plain and "Connection: close" in plain, plain
    assert curl(net, "--proxy", "http://127.0.0.1:3128", "--proxytunnel",
                "http://intranet.example:8080/t").startswith("192.0.2.1 /t ")
    assert curl(net, "-w", "%{http_code}", "-o", "/dev/null", "--proxy", "http://127.0.0.1:3128",
                "http://203.0.113.2:9/") == "502"


def test_forward_leads_to_one_port(net, web, start_server, run):
    start_server(PUSH)
    run("--forward", "18080:intranet.example:8080", "--forward", "[::1]:18081:203.0.113.2:8080",
        wait=True)
    assert curl(net, "http://127.0.0.1:18080/f").startswith("192.0.2.1 /f ")
    assert curl(net, "http://[::1]:18081/g").startswith("192.0.2.1 /g ")


def test_hostile_requests_end_their_connection_only(net, web, start_server, run):
    start_server(PUSH)
    run("--socks", "127.0.0.1:1080", "--http", "127.0.0.1:3128", wait=True)

    def say(port, octets):
        with net.cli.socket() as s:
            s.settimeout(20)
            s.connect(("127.0.0.1", port))
            s.sendall(octets)
            s.shutdown(socket.SHUT_WR)
            got = b""
            while more := s.recv(4096):
                got += more
            return got

    assert say(1080, b"\x04\x01\x00\x50\x7f\0\0\1\0") == b""                 # SOCKS 4
    assert say(1080, b"\x05\x01\x02") == b"\x05\xff"                          # password only
    assert say(1080, b"\x05\x01\x00\x05\x02\x00\x01\x7f\0\0\1\0\x50")[2:4] == b"\x05\x07"  # BIND
    assert say(1080, b"\x05\x01\x00\x05\x01\x00\x09\0\0")[2:4] == b"\x05\x08"
    assert say(1080, b"\x05\x01\x00\x05\x01\x00\x03\x00\0\x50")[2:4] == b"\x05\x01"
    assert say(1080, b"\x05\x01\x00\x05\x01\x00\x03\x03a\0b\0\x50")[2:4] == b"\x05\x01"
    for request in (b"GET / HTTP/1.1\r\n\r\n", b"CONNECT x HTTP/1.1\r\n\r\n", b"\n\n", b"A" * 20000,
                    b"CONNECT a:99999 HTTP/1.1\r\n\r\n", b"GET ftp://x/ HTTP/1.1\r\n\r\n"):
        assert say(3128, request).startswith(b"HTTP/1.1 400 "), request
    assert say(3128, b"CONNECT nothing") == b""
    assert curl(net, "--proxy", "socks5h://127.0.0.1:1080", "http://203.0.113.2:8080/").startswith("192.")


@pytest.mark.parametrize("option, value", [
    ("--socks", "0.0.0.0:1080"), ("--http", "[::]:3128"), ("--socks", "198.51.100.2:1080"),
    ("--forward", "0.0.0.0:1:a:2"), ("--socks", "127.0.0.1"), ("--socks", "127.0.0.1:0"),
    ("--forward", "1:2"), ("--forward", "1:a b:2"), ("--forward", "x:a:2"), ("--forward", ":a:2")])
def test_no_open_proxy_and_no_half_option(net, run, option, value):
    program = run(option, value, server="192.0.2.1")
    assert program.wait_exit() == 2, program.story()
    assert option in program.err


def test_open_lets_others_in(net, web, start_server, run):
    start_server(PUSH)
    run("--open", "--socks", "198.51.100.2:1080", wait=True)
    assert net.rtr.run("curl", "-sS", "-m", "20", "--proxy", "socks5h://198.51.100.2:1080",
                       "http://203.0.113.2:8080/o").startswith("192.0.2.1 /o ")


def test_closed_user_namespaces_are_named_with_the_cure(net, run):
    """The limit is that of a namespace around it: the machine's own stays."""
    program = run(command=("true",), server="192.0.2.1", uid=0, before=(
        "unshare", "-U", "--map-root-user", "sh", "-c",
        'echo 0 >/proc/sys/user/max_user_namespaces; exec setpriv --bounding-set=-all --inh-caps=-all '
        '--securebits=+noroot,+noroot_locked "$@"', "sh"))
    assert program.wait_exit() == 21, program.story()
    assert "event 5068" in program.err and "user.max_user_namespaces" in program.err, \
        program.story()


def test_a_closed_tun_is_named_with_the_cure(net, run):
    net.cli.run("sh", "-c", "mkdir -p /run/dev && cp -a /dev/net/tun /run/dev/tun && "
                "chmod 600 /run/dev/tun && mount --bind /run/dev/tun /dev/net/tun")
    try:
        program = run(command=("true",), server="192.0.2.1")
        assert program.wait_exit() == 21, program.story()
        assert "TUN_FORBIDDEN" in program.err and "chmod 0666 /dev/net/tun" in program.err
    finally:
        net.cli.run("umount /dev/net/tun")


def test_root_needs_no_user_namespace(net, web, start_server, run):
    start_server(PUSH)
    program = run(command=("sh", "-c", "cat /proc/self/uid_map; curl -sS -m 20 "
                           "http://intranet.example:8080/r"), uid=0)
    assert program.wait_exit() == 0, program.story()
    assert "4294967295" in program.out and "192.0.2.1 /r " in program.out, program.story()


def test_a_profile_by_its_name(net, start_server, run):
    """Of a user without rights, in a folder of the user's own; its kill switch is not asked for."""
    start_server()
    program = run(command=("true",))
    assert program.wait_exit() == 0
    folder = os.path.join(program.folder, "culvert", "profiles")
    os.makedirs(folder)
    for path, text in (("work.conf", f"server = alice@vpn.example\nca = {program.folder}/ca\nlock = yes\n"
                                     "mtu = 1280\n"), ("work.secret", f'password = "{PASSWORD}"\n')):
        with open(os.path.join(folder, path), "w") as f:
            f.write(text)
        os.chmod(f.name, 0o600)
        os.chown(f.name, NOBODY, NOBODY)
    for extra, mtu in (((), 1280), (("--mtu", "1290"), 1290)):
        r = net.cli.run("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups",
                        SANITIZED, "run", *extra, "work", "--", "sh", "-c", "ip -o link show culvert0",
                        env={**environment(), "XDG_CONFIG_HOME": program.folder})
        assert f"mtu {mtu} " in r, r
