"""
A renewal as certbot makes it: new files in archive/, links in live/ moved, the hook run.

        contrib/certbot/culvert-deploy --copies--> /etc/culvert/tls <--watches-- culvert serve
"""

import os
import shutil
import subprocess

from harness.certificate import make_certificate, pin_of
from harness.program import ROOT

HOOK = os.path.join(ROOT, "contrib", "certbot", "culvert-deploy")
SPLIT = ("--no-default-route", "--no-dns")


def renew(tmp_path, to, n):
    archive, live = tmp_path / "archive" / "vpn.example", tmp_path / "live" / "vpn.example"
    folder = tmp_path / f"made{n}"
    for p in (archive, live, folder):
        p.mkdir(parents=True, exist_ok=True)
    made = make_certificate(folder, "vpn.example")
    for source, name in zip(made, ("fullchain", "privkey")):
        shutil.copy(source, archive / f"{name}{n}.pem")
        link = live / f"{name}.pem"
        link.unlink(missing_ok=True)
        link.symlink_to(archive / f"{name}{n}.pem")
    subprocess.run([HOOK], check=True, env={**os.environ, "RENEWED_LINEAGE": str(live),
                                            "CULVERT_CERTS": str(to)})
    return pin_of(made[0])


def test_a_renewed_certificate_is_used_and_sessions_go_on(net, start_server, workers, connect,
                                                          tmp_path):
    to = tmp_path / "tls"
    first = renew(tmp_path, to, 1)
    assert oct(os.stat(to / "privkey.pem").st_mode & 0o777) == "0o640"
    server = start_server({"server": {"workers": workers},
                           "tls": {"certificate": to / "fullchain.pem", "key": to / "privkey.pem"}})
    old = connect(*SPLIT, "--pin", first, trust=False)
    second = renew(tmp_path, to, 2)
    server.wait_log("CERTIFICATES_RELOADED")
    connect(*SPLIT, "--pin", second, trust=False, tun="cv-cli2")
    assert old.running()
    assert "RELOAD_FAILED" not in server.err


def test_another_lineage_is_left_alone(tmp_path):
    live = tmp_path / "other.example"
    live.mkdir()
    subprocess.run([HOOK], check=True, env={**os.environ, "RENEWED_LINEAGE": str(live),
                                            "CULVERT_DOMAIN": "vpn.example",
                                            "CULVERT_CERTS": str(tmp_path / "tls")})
    assert not (tmp_path / "tls").exists()
