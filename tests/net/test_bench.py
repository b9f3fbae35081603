"""
`culvert bench`: many tunnels from one process on cli, without an interface, to srv.

        cli  culvert bench (sockets only)  ==== n tunnels ====  cv-srv  srv
"""

import json
import os
import signal
import subprocess
import sys

from harness.host import wait_for
from harness.program import PASSWORD, ROOT, USER, Program, add_user


def bench(net, binary, server, keep, *arguments, user=USER, users=None):
    """Starts it; finish() gives (exit code, its JSON)."""
    who = ["--users", users] if users else ["--user", user, "--password-file",
                                            password_file(server)]
    p = Program(net.cli, binary, "bench", "vpn.example", "--ca", server.certificate, *who,
                "--json", *arguments)
    keep.append(p)
    return p


def password_file(server):
    path = server.state + ".password"
    with open(path, "w") as f:
        f.write(PASSWORD + "\n")
    return path


def finish(p):
    code = p.wait_exit(60)
    assert p.out, p.story()
    return code, json.loads(p.out)


def test_tunnels_come_up_answer_and_go(net, binary, server, keep):
    links = net.cli.run("ip -o link")
    p = bench(net, binary, server, keep, "-n", 30, "-t", 2, "--pps", 10)
    p.wait_log("holding 30 tunnels")
    assert net.cli.run("ip -o link") == links, "no interface is made"
    code, result = finish(p)
    assert code == 0, p.story()
    assert result["logins"]["ok"] == 30 and result["logins"]["failed"] == 0
    assert result["held"] == {**result["held"], "tunnels": 30, "lost": 0}
    load = result["load"]
    assert load["sent"] > 300
    assert load["answered"] >= load["sent"] - 30, "those of the last moment may be on their way"
    assert result["load"]["answer"]["p50_ms"] > 0
    wait_for(lambda: server.err.count("PEER_DISCONNECTED") >= 30, 10, "the ends in the server's log")


def test_churn_logs_in_again_and_again(net, binary, server, keep):
    p = bench(net, binary, server, keep, "-n", 8, "--parallel", 4, "-t", 3, "--churn")
    code, result = finish(p)
    assert code == 0, p.story()
    assert result["logins"]["ok"] > 8
    assert result["logins"]["failed"] == 0


def test_users_from_a_file_and_many_sources(net, binary, server, state, keep):
    add_user(binary, state, "bob", "Secret 2")
    path = state + ".users"
    with open(path, "w") as f:
        f.write(f"{USER} {PASSWORD}\nbob\tSecret 2\n")
    net.cli.ip("address add 198.51.100.64/32 dev eth0")
    net.cli.ip("address add 198.51.100.65/32 dev eth0")
    try:
        p = bench(net, binary, server, keep, "-n", 4, "-t", 1, "--source", "198.51.100.64/31",
                  users=path)
        code, result = finish(p)
    finally:
        net.cli.ip("address del 198.51.100.64/32 dev eth0")
        net.cli.ip("address del 198.51.100.65/32 dev eth0")
    assert code == 0, p.story()
    assert result["logins"]["ok"] == 4
    for name in (USER, "bob"):
        assert f'user="{name}" address=' in server.err
    for source in ("198.51.100.64", "198.51.100.65"):
        assert f"peer={source}:" in server.err


def test_a_wrong_password_is_told_and_spares_the_rest(net, binary, start_server, keep):
    server = start_server({"auth": {"fail_delay": "0s"}})
    with open(server.state + ".users", "w") as f:
        f.write(f"{USER} not-it\n")
    p = bench(net, binary, server, keep, "-n", 50, "--parallel", 5, users=server.state + ".users")
    code, result = finish(p)
    assert code == 19, p.story()
    assert result["gave_up"] and result["logins"]["ok"] == 0
    assert 5 <= result["logins"]["failed"] < 50
    assert result["failures"][0]["name"] == "AUTH_FAILED"


def test_nobody_there_ends_with_the_layers_exit_code(net, binary, keep):
    p = Program(net.cli, binary, "bench", f"{USER}@192.0.2.1:4433", "--insecure", "--users",
                "/dev/stdin", "-n", 3, "--json")
    keep.append(p)
    assert p.wait_exit() == 2, "no user in the file"
    path = "/etc/bench-users"
    net.cli.run("sh", "-c", f"echo 'alice x' >{path}")
    p = Program(net.cli, binary, "bench", "192.0.2.1:4433", "--insecure", "--users", path, "-n", 3,
                "--json")
    keep.append(p)
    assert p.wait_exit() == 11, p.story()


def test_an_interrupt_closes_politely(net, binary, server, keep):
    p = bench(net, binary, server, keep, "-n", 10, "-t", 60)
    p.wait_log("holding 10 tunnels")
    p.process.send_signal(signal.SIGINT)
    code, result = finish(p)
    assert code == 0, p.story()
    assert result["interrupted"]
    wait_for(lambda: server.err.count("PEER_DISCONNECTED") >= 10, 10, "the server to be told")


def test_the_measurements_themselves_run(tmp_path):
    """./dev bench, as short as it can be: the figures mean nothing here."""
    script = os.path.join(ROOT, "tests", "bench", "bench.py")
    r = subprocess.run(
        [sys.executable, "-B", script, "idle", "bulk", "logins", "memory", "pump",
         "culvert", "--runs", "1", "--seconds", "1", "--logins", "50", "--sessions", "50", "--hold",
         "3", "--out", str(tmp_path)], env={**os.environ, "BENCH_QUIET": "0"}, timeout=120,
        stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert r.returncode == 0, r.stdout + r.stderr
    with open(tmp_path / "result.json") as f:
        result = json.load(f)
    assert not [row for row in result["rows"] if "error" in row], result["rows"]
    assert {row["contender"] for row in result["rows"] if row["measure"] == "bulk"} == {
        "pump", "culvert"}
    memory = [row for row in result["rows"] if row["measure"] == "memory"]
    assert memory[0]["sessions"] == 50 and memory[0]["lost"] == 0
    assert result["goals"]
    table = (tmp_path / "table.txt").read_text()
    assert "TLS pump" in table and "Goals" in table
    assert (tmp_path / "plot.svg").read_text().startswith("<svg")
