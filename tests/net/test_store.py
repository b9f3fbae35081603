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
    program.run(binary, "backup", "--database-only", "--state", state, copy)
    assert b"Secret" not in copy.read_bytes()
    code, _, err = program.run(binary, "backup", "--database-only", "--state", state, copy, check=False)
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


def backup(binary, file, passphrase, *options, command="backup", check=True):
    return program.run(binary, command, "--passphrase-file", "-", *options, file,
                       stdin=passphrase + "\n", check=check)


def test_a_new_machine_takes_over_with_the_certificate_that_clients_know(net, start_server, state,
                                                                         connect, binary, tmp_path):
    """Users, passwords, leases, pools, keys, configuration: a client that pins notices nothing."""
    server = start_server({"tunnel": {"dns": "203.0.113.9"}})
    pins = program.run(binary, "cert", "pin", "--state", state)[1].split()
    address = connect("--no-default-route", "--no-dns").address
    file = tmp_path / "culvert.backup"
    backup(binary, file, "open sesame", "--state", state, "--config", f"{state}.conf")
    octets = file.read_bytes()
    assert file.stat().st_mode & 0o777 == 0o600
    for secret in (b"PRIVATE KEY", b"SQLite", b"203.0.113.9", b"alice"):
        assert secret not in octets
    assert not list(tmp_path.glob("*.part")), "no copy of the database lies beside it"
    assert server.stop() == 0
    new, conf = str(tmp_path / "new"), str(tmp_path / "new.conf")
    backup(binary, file, "open sesame", "--state", new, "--config", conf, command="restore")
    assert "203.0.113.9" in open(conf).read()
    assert os.stat(f"{new}/server.key").st_mode & 0o777 == 0o600
    assert program.run(binary, "cert", "pin", "--state", new)[1].split() == pins
    start_server(state=new, extra=["--name", "other.example"])
    client = connect("--no-default-route", "--no-dns", "--pin", pins[0], trust=False, tun="cv-two")
    assert client.address == address, "and the lease is the same"


def test_a_restore_replaces_nothing_by_itself(net, start_server, state, binary, tmp_path):
    file = tmp_path / "culvert.backup"
    server = start_server()
    backup(binary, file, "x y z", "--state", state)
    conf = ("--config", str(tmp_path / "c.conf"))
    before = {f: os.stat(os.path.join(state, f)).st_ino for f in os.listdir(state)}
    for force in ((), ("--force",)):
        code, _, err = backup(binary, file, "x y z", "--state", state, *conf, *force,
                              command="restore", check=False)
        assert code == 1 and "a server runs there" in err and str(server.pid) in err
    assert server.stop() == 0
    code, _, err = backup(binary, file, "x y z", "--state", state, *conf, command="restore",
                          check=False)
    assert code == 1 and "it is there already" in err and "--force" in err
    kept = {f: i for f, i in before.items() if not f.endswith(("-wal", "-shm", ".sock"))}
    now = {f: os.stat(os.path.join(state, f)).st_ino for f in os.listdir(state)}
    assert {f: now.get(f) for f in kept if f in now} == {f: i for f, i in kept.items() if f in now}
    backup(binary, file, "x y z", "--state", state, *conf, "--force", command="restore")
    start_server()


@pytest.mark.parametrize("harm", ["passphrase", "bit", "cut", "longer", "empty", "other", "folder",
                                  "missing", "fifo", "huge"])
def test_a_hostile_backup_is_refused_and_changes_nothing(net, fresh_state, binary, tmp_path, harm):
    file = tmp_path / "culvert.backup"
    backup(binary, file, "right", "--state", fresh_state)
    octets, word = bytearray(file.read_bytes()), "right"
    if harm == "passphrase":
        word = "wrong"
    elif harm == "bit":
        octets[len(octets) // 2] ^= 1
    elif harm == "cut":
        del octets[-5:]
    elif harm == "longer":
        octets += b"x"
    elif harm == "empty":
        octets.clear()
    elif harm == "other":
        octets = bytearray(b"SQLite format 3\0" + bytes(4000))
    file.write_bytes(octets)
    if harm in ("folder", "missing", "fifo"):
        file.unlink()
    if harm == "folder":
        file.mkdir()
    elif harm == "fifo":
        os.mkfifo(file)
    elif harm == "huge":
        os.truncate(file, 2 << 30)
    new = tmp_path / "new"
    code, _, err = backup(binary, file, word, "--state", new, command="restore", check=False)
    assert code == 1 and "6126" in err, err
    words = {"passphrase": "not its passphrase", "bit": "damaged", "cut": "damaged",
             "longer": "damaged"}
    assert words.get(harm, "") in err, err
    assert not new.exists()


def test_a_restore_replaces_links_and_writes_through_none(fresh_state, binary, tmp_path):
    """Links in the target folder, by a user of this machine: what they point to stays as it is."""
    file, victim, new = (tmp_path / name for name in ("culvert.backup", "victim", "new"))
    backup(binary, file, "right", "--state", fresh_state)
    victim.write_text("untouched")
    new.mkdir()
    for name in ("culvert.db", "culvert.key", "culvert.db-wal"):
        (new / name).symlink_to(victim)
    code, _, err = backup(binary, file, "right", "--state", new, command="restore", check=False)
    assert code == 1 and "it is there already" in err
    backup(binary, file, "right", "--state", new, "--force", command="restore")
    assert victim.read_text() == "untouched"
    for name in ("culvert.db", "culvert.key"):
        assert (new / name).is_file() and not (new / name).is_symlink()
    assert not (new / "culvert.db-wal").is_symlink()
