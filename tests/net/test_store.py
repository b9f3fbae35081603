"""
The database on a bad day: a full disk, a damaged file; copies of it.

        cli ==tunnel== srv, whose state folder lies on a file system of four MiB
"""

import os
import shutil
import sqlite3

import pytest

from harness import program, sstp
from harness.host import wait_for
from harness.program import PASSWORD, USER


@pytest.fixture
def small_disk(net, state):
    """The state folder, on srv, on a small file system of its own."""
    net.srv.run("cp", "-a", state, "/run/kept")
    net.srv.run("mount", "-t", "tmpfs", "-o", "size=4m,mode=0750", "tmpfs", state)
    net.srv.run("sh", "-c", f"cp -a /run/kept/. {state}/; rm -r /run/kept")
    yield state
    net.srv.run("umount", state)


def test_on_a_full_disk_sessions_go_on_and_it_is_told(net, small_disk, start_server, connect,
                                                      binary):
    server = start_server()
    client = connect("--no-default-route", "--no-dns")
    assert net.cli.ping(client.peer, 1) == 1
    net.srv.run("sh", "-c", f"dd if=/dev/zero of={small_disk}/filler bs=4k 2>/dev/null; true")
    refused = connect("--no-default-route", "--no-dns", tun="cv-two", wait=False)
    server.wait_log("STORE_FULL")
    assert refused.wait_exit(60) != 0
    assert net.cli.ping(client.peer, 3) == 3, "who is up does not notice"
    assert server.running()
    net.srv.run("rm", f"{small_disk}/filler")
    again = connect("--no-default-route", "--no-dns", tun="cv-two")
    server.wait_log("STORE_RECOVERED")
    assert net.cli.ping(again.peer, 1) == 1
    assert client.stop() == 0 and again.stop() == 0
    assert server.stop() == 0


def test_a_damaged_database_is_told_with_what_to_do(net, state, start_server, binary):
    path = os.path.join(state, "culvert.db")
    with open(path, "r+b") as f:
        size = f.seek(0, 2)
        f.seek(4096)
        f.write(os.urandom(min(size - 4096, 8192)))
    server = start_server(ready=False)
    assert server.wait_exit() == 1
    assert "STORE_CORRUPT" in server.err
    code, _, err = program.run(binary, "check", "--state", state, check=False)
    assert code == 1 and "culvert.db" in err and "backup" in err, err


def test_check_says_that_a_good_database_is_good(net, server, binary):
    _, out, _ = program.run(binary, "check", "--state", server.state, host=net.srv)
    assert "good: 1 user" in out


def test_a_backup_of_a_running_server_serves_in_its_place(net, start_server, state, connect, binary,
                                                          tmp_path):
    server = start_server()
    connect("--no-default-route", "--no-dns")
    copy = tmp_path / "culvert.db"
    program.run(binary, "backup", "--state", state, copy)
    assert b"Secret" not in copy.read_bytes()
    code, _, err = program.run(binary, "backup", "--state", state, copy, check=False)
    assert code == 1 and "File exists" in err
    assert server.stop() == 0
    for name in ("culvert.db", "culvert.db-wal", "culvert.db-shm"):
        if os.path.exists(os.path.join(state, name)):
            os.remove(os.path.join(state, name))
    shutil.copy(copy, os.path.join(state, "culvert.db"))
    start_server()
    connect("--no-default-route", "--no-dns", tun="cv-two")
    assert sqlite3.connect(copy).execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_a_copy_without_its_key_opens_no_password(net, start_server, state, tmp_path):
    os.rename(os.path.join(state, "culvert.key"), str(tmp_path / "kept"))
    server = start_server(ready=False)
    assert server.wait_exit() == 1
    assert "STORE_KEY_WRONG" in server.err
