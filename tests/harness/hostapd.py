# SPDX-License-Identifier: Apache-2.0
"""
Debian's hostapd without any radio, as a RADIUS server with EAP methods of its own.

    with Hostapd(net.www, folder, tls="1.2") as radius: …

PEAP with TLS 1.3 is left out: hostapd 2.10 derives other keys for its crypto binding than its own client.
The lines of `users` are looked up in their order; those with [2] are for what is inside PEAP.
"""

import os
import subprocess

from .host import wait_for

SECRET = "testing123"
NAME = "radius.test"
_FLAGS = {"1.2": "[DISABLE-TLSv1.3]",
          "1.3": "[DISABLE-TLSv1.0][DISABLE-TLSv1.1][DISABLE-TLSv1.2][ENABLE-TLSv1.3]"}
_USERS = """
"alice"\t{methods}\t"Secret-1"
"cert-{serial}"\tTLS
*\tPEAP,TLS
"alice"\t{inner}\t"Secret-1"\t[2]
"cert-{serial}"\tTLS\t[2]
"""
_CONFIG = """
driver=none
interface=culvert-eap
logger_stdout=-1
logger_stdout_level=0
eap_server=1
eap_user_file={dir}/users
ca_cert={dir}/ca.pem
server_cert={dir}/srv.pem
private_key={dir}/srv.key
server_id={name}
tls_flags={flags}
fragment_size={fragment}
radius_server_clients={dir}/clients
radius_server_auth_port=1812
"""


class Hostapd:
    def __init__(self, host, folder, tls="1.2", methods="MSCHAPV2,PEAP,TLS,MD5", inner="MSCHAPV2,TLS", fragment=1200):
        self.host, self.folder, self.process = host, str(folder), None
        os.makedirs(self.folder, exist_ok=True)
        self.make_certificates()
        self._write("users", _USERS.format(methods=methods, inner=inner, serial=self.serial()))
        self._write("clients", f"0.0.0.0/0\t{SECRET}\n")
        self._write("hostapd.conf", _CONFIG.format(dir=self.folder, flags=_FLAGS[tls], name=NAME, fragment=fragment))

    def path(self, name):
        return os.path.join(self.folder, name)

    def _write(self, name, text):
        with open(self.path(name), "w") as f:
            f.write(text)

    def _openssl(self, *arguments):
        return subprocess.run(["openssl", *arguments], cwd=self.folder, check=True, capture_output=True, text=True).stdout

    def serial(self):
        return self._openssl("x509", "-noout", "-serial", "-in", "cli.pem").strip().split("=")[1]

    def make_certificates(self):
        if os.path.exists(self.path("cli.pem")):
            return
        self._openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", "/CN=peer radius CA",
                      "-keyout", "ca.key", "-out", "ca.pem")
        for name, subject, more in (("srv", NAME, f"subjectAltName=DNS:{NAME}\nextendedKeyUsage=serverAuth\n"),
                                    ("cli", "alice", "extendedKeyUsage=clientAuth\n")):
            self._write("ext", more)
            self._openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={subject}", "-keyout", f"{name}.key",
                          "-out", "csr")
            self._openssl("x509", "-req", "-in", "csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
                          "-days", "30", "-extfile", "ext", "-out", f"{name}.pem")

    @property
    def log(self):
        with open(self.path("hostapd.log"), errors="replace") as f:
            return f.read()

    def start(self):
        out = open(self.path("hostapd.log"), "w")
        self.process = self.host.popen("hostapd", "-dd", "-K", "-t", self.path("hostapd.conf"), stdout=out, stderr=out)
        out.close()
        wait_for(lambda: "AP-ENABLED" in self.log or self.process.poll() is not None, 30, "hostapd")
        assert self.process.poll() is None, self.log
        return self

    def kill(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait(30)
        self.process = None

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.kill()
