"""
Reading again while running: configuration and certificates change, sessions go on.

        cli  culvert connect ==tunnel== srv  culvert serve <- new files, SIGHUP, culvert reload
"""

import json
import os
import re
import shutil
import signal
import threading
import time

import pytest

from harness import pump
from harness.certificate import make_certificate, pin_of
from harness.host import wait_for
from harness.program import USER, run

SPLIT = ("--no-default-route", "--no-dns")


@pytest.fixture
def ask(net, binary, state):
    def call(*words, check=True):
        return run(binary, *words, "--state", state, host=net.srv, check=check)
    return call


def conf(server):
    return os.path.join(os.path.dirname(server.state), "state.conf")


def write_conf(server, text):
    with open(conf(server) + ".new", "w") as f:
        f.write(text)
    os.rename(conf(server) + ".new", conf(server))


def new_certificate(folder, name):
    made = folder / f"new-{time.monotonic_ns()}"
    made.mkdir()
    return make_certificate(made, name)


@pytest.fixture
def own(start_server, workers, tmp_path):
    """A server with a certificate of its own, in a folder where it can be replaced."""
    folder = tmp_path / "live"
    folder.mkdir()
    certificate, key = new_certificate(tmp_path, "vpn.example")
    shutil.copy(certificate, folder / "own.crt")
    shutil.copy(key, folder / "own.key")
    server = start_server({"server": {"workers": workers},
                           "tls": {"certificate": folder / "own.crt", "key": folder / "own.key"}})
    server.folder = folder
    return server


def replace(server, certificate, key):
    for made, name in ((key, "own.key"), (certificate, "own.crt")):
        shutil.copy(made, server.folder / f"{name}.new")
        os.rename(server.folder / f"{name}.new", server.folder / name)


@pytest.mark.parametrize("how", ["inotify", "command", "signal"])
def test_a_new_certificate_is_for_new_calls_while_traffic_runs(net, own, connect, ask, tmp_path,
                                                               how):
    old = connect(*SPLIT, "--ca", str(own.folder / "own.crt"), trust=False)
    certificate, key = new_certificate(tmp_path, "vpn.example")
    moved = {}

    def traffic():
        moved["result"] = pump.transfer(net.cli, net.srv, own.address(), 24 << 20)
    mover = threading.Thread(target=traffic)
    mover.start()
    replace(own, certificate, key)
    if how == "command":
        assert pin_of(certificate) in ask("reload")[1]
    elif how == "signal":
        own.process.send_signal(signal.SIGHUP)
    own.wait_log("CERTIFICATES_RELOADED" if how == "inotify" else " RELOADED")
    fresh = connect(*SPLIT, "--pin", pin_of(certificate), trust=False, tun="cv-cli2")
    assert net.cli.ok(f"ping -c1 -W5 -I {fresh.tun} {fresh.peer}")
    mover.join()
    assert moved["result"].sent == moved["result"].received
    assert old.running() and net.cli.ping(old.peer, 2) == 2
    assert pin_of(certificate) in ask("status", "--json")[1]


def test_a_certificate_is_noticed_where_others_write_all_the_time(own, tmp_path):
    over = threading.Event()

    def write():
        while not over.wait(0.1):
            (own.folder / "noise").write_text(str(time.monotonic()))
    writer = threading.Thread(target=write)
    writer.start()
    try:
        replace(own, *new_certificate(tmp_path, "vpn.example"))
        own.wait_log("CERTIFICATES_RELOADED", 12)
    finally:
        over.set()
        writer.join()


def test_generated_certificates_are_watched_and_not_the_database_beside_them(server):
    watched = ""
    for fd in os.listdir(f"/proc/{server.pid}/fdinfo"):
        with open(f"/proc/{server.pid}/fdinfo/{fd}") as f:
            watched += "".join(ln for ln in f if ln.startswith("inotify"))
    certificate = os.path.join(server.state, "server-p256.crt")
    assert f"ino:{os.stat(certificate).st_ino:x} " in watched
    assert f"ino:{os.stat(server.state).st_ino:x} " not in watched
    for n in (1, 2):  # the watch goes with the file that was replaced, and comes back
        shutil.copy(certificate, certificate + ".new")
        os.rename(certificate + ".new", certificate)
        wait_for(lambda want=n: server.err.count("CERTIFICATES_RELOADED") == want, 10,
                 f"notice {n} of a new certificate")
    os.rename(certificate, certificate + ".away")
    server.wait_log("RELOAD_FAILED", 10)
    told = len(server.err)
    os.rename(certificate + ".away", certificate)
    wait_for(lambda: "CERTIFICATES_RELOADED" in server.err[told:], 10, "it to come back")


def test_sessions_go_on_over_twenty_reloads(net, server, connect, ask):
    client = connect(*SPLIT)
    for _ in range(20):
        ask("reload")
        assert net.cli.ping(client.peer, 1) == 1
    assert len(json.loads(ask("sessions", "--json")[1])) == 1


@pytest.mark.parametrize("broken", ["certificate", "key", "gone"])
def test_a_bad_certificate_changes_nothing(net, own, connect, ask, tmp_path, broken):
    good = pin_of(own.folder / "own.crt")
    if broken == "gone":
        os.unlink(own.folder / "own.crt")
    else:
        name = "own.crt" if broken == "certificate" else "own.key"
        (own.folder / name).write_text("nothing of use\n")
    own.wait_log("RELOAD_FAILED")
    code, _, err = ask("reload", check=False)
    assert code == 1 and "own." in err
    client = connect(*SPLIT, "--pin", good, trust=False)
    assert net.cli.ping(client.peer, 1) == 1


def test_a_bad_file_changes_nothing_and_says_line_and_reason(net, start_server, connect, ask,
                                                             workers):
    server = start_server({"server": {"workers": workers}, "ppp": {"mru": 1300}})
    write_conf(server, "[ppp]\nmru = 1350\nipv6 = perhaps\n")
    code, _, err = ask("reload", check=False)
    assert code == 1 and "state.conf:3" in err and "ipv6" in err and "perhaps" in err
    server.wait_log(r"RELOAD_FAILED.*state.conf:3")
    server.process.send_signal(signal.SIGHUP)
    client = connect(*SPLIT)
    assert "mtu 1300" in net.srv.run(f"ip link show {server.tun}")
    assert net.cli.ping(client.peer, 1) == 1


def test_new_options_are_for_new_sessions_and_others_are_named(net, start_server, connect, ask,
                                                               workers):
    server = start_server({"server": {"workers": workers}, "ppp": {"auth": "mschapv2"}})
    first = connect(*SPLIT)
    write_conf(server, f"[server]\nworkers = 3\nmax_sessions = 1\nlog = debug\n"
                       f"[tunnel]\nnbns = 10.9.8.7\n")
    diff = ask("config", "diff")[1]
    assert "server.max_sessions: 10000 -> 1 (takes effect at once" in diff
    assert f"server.workers: {workers} -> 3 (takes effect on restart)" in diff
    assert "tunnel.nbns" in diff and "tls" not in diff
    out = ask("reload")[1]
    assert "server.workers" in out and "reloaded" in out
    server.wait_log("RELOAD_NEEDS_RESTART.*server.workers")
    refused = connect(*SPLIT, wait=False, tun="cv-cli2")
    assert refused.wait_exit() == 15, "max_sessions = 1 holds at once"
    assert net.cli.ping(first.peer, 1) == 1
    assert "server.workers" in ask("config", "diff")[1], "still to come"


def test_expiry_is_warned_of(start_server, tmp_path):
    certificate, key = make_certificate(tmp_path, days=(-1, 20))
    server = start_server({"tls": {"certificate": certificate, "key": key}})
    server.wait_log(r"CERT_ENDS_SOON.*own\.crt.*days=(19|20)")


def test_the_binding_follows_the_certificate_that_sni_chose(net, start_server, workers, connect,
                                                            tmp_path):
    pairs = []
    for name in ("vpn.example", "other.example"):
        folder = tmp_path / name
        folder.mkdir()
        pairs.append(make_certificate(folder, name))
    server = start_server({"server": {"workers": workers}, "tls": {
        "certificate": " ".join(p[0] for p in pairs), "key": " ".join(p[1] for p in pairs)}})
    for n, name in enumerate(("vpn.example", "other.example")):
        client = connect(*SPLIT, "--ca", pairs[n][0], trust=False, server=name, tun=f"cv-cli{n}")
        assert net.cli.ok(f"ping -c1 -W5 -I {client.tun} {client.peer}")
    server.wait_log("BINDING")


def test_cert_renew_keeps_pins_and_names(net, server, connect, ask, binary, state):
    def shown():
        return json.loads(run(binary, "cert", "show", "--json", "--state", state)[1])
    before = shown()
    old = connect(*SPLIT)
    ask("cert", "renew", "--name", "another.example")
    after = shown()
    assert [c["pin"] for c in before] == [c["pin"] for c in after]
    assert [c["sha256"] for c in before] != [c["sha256"] for c in after]
    assert all("vpn.example" in c["names"] and "another.example" in c["names"] for c in after)
    assert run(binary, "cert", "pin", "--state", state)[1].split() == [c["pin"] for c in after]
    fresh = connect(*SPLIT, tun="cv-cli2")  # trusts the new server.crt
    assert old.running() and fresh.running()


def test_after_a_failed_login_the_next_one_waits(net, start_server, connect):
    start_server({"auth": {"fail_delay": "8s"}})
    client = connect(*SPLIT, password="wrong", wait=False)
    assert client.wait_exit() == 19
    begin = time.monotonic()
    connect(*SPLIT)
    assert time.monotonic() - begin > 4, "8 s from the verdict"


def test_a_server_that_holds_a_login_back_ends_at_once(net, start_server, connect):
    server = start_server({"auth": {"fail_delay": "10s"}, "server": {"log": "debug"}})
    assert connect(*SPLIT, password="wrong", wait=False).wait_exit() == 19
    client = connect(*SPLIT, wait=False)
    wait_for(lambda: len(re.findall("SESSION_STEP.*step=4", server.err)) == 2, 30, "the second call")
    time.sleep(0.5)
    assert "AUTH_ACCEPTED" not in server.err, "the second one is held"
    begin = time.monotonic()
    assert server.stop() == 0
    assert time.monotonic() - begin < 8
    client.wait_exit()
