# SPDX-License-Identifier: Apache-2.0
"""
Debian's FreeRADIUS 3.2 on a host of the test, with a configuration of its own (nothing of /etc is read).

    with FreeRadius(net.www, "203.0.113.2", folder, users=USERS) as radius: …

3.2.1 does not put a Message-Authenticator into a PAP, CHAP or MS-CHAP answer by itself; `sealed` lets it.
"""

import os
import signal
import subprocess

from .host import wait_for

SECRET = "testing123"
USERS = """
alice	Cleartext-Password := "Secret-1"
	Service-Type = Framed-User, Framed-Protocol = PPP,
	Class = 0x70656572, Class += 0x32

bob	Cleartext-Password := "Secret-2"
	Service-Type = Framed-User, Idle-Timeout = 1800, Session-Timeout = 3600
"""

_CONFIG = """
prefix = /usr
libdir = /usr/lib/freeradius
confdir = {dir}
run_dir = {dir}
logdir = {dir}
name = freeradius
max_request_time = 10
cleanup_delay = 2
max_requests = 16384
hostname_lookups = no
log {{
  destination = files
  file = {dir}/radius.log
  auth = yes
  auth_accept = yes
  auth_reject = yes
}}
security {{
  allow_core_dumps = no
  max_attributes = 200
  reject_delay = 0
  status_server = yes
}}
proxy_requests = no
thread pool {{
  start_servers = 2
  max_servers = 8
  min_spare_servers = 1
  max_spare_servers = 4
  max_requests_per_server = 0
}}
client any {{
  ipaddr = 0.0.0.0/0
  secret = "{secret}"
}}
modules {{
  pap {{
    normalise = yes
  }}
  chap {{ }}
  mschap {{
    use_mppe = {mppe}
    require_encryption = yes
    require_strong = yes
    with_ntdomain_hack = yes
  }}
  files {{
    usersfile = {dir}/users
  }}
  detail {{
    filename = {dir}/detail
    permissions = 0600
    header = "%t"
  }}
  always ok {{
    rcode = ok
  }}
  always handled {{
    rcode = handled
  }}
  eap {{
    default_eap_type = {eap}
    timer_expire = 60
    ignore_unknown_eap_types = no
    max_sessions = 1024
    md5 {{ }}
    mschapv2 {{ }}
    tls-config tls-common {{
      private_key_file = {dir}/srv.key
      certificate_file = {dir}/srv.pem
      ca_file = {dir}/ca.pem
      cipher_list = "DEFAULT"
      tls_min_version = "{tls}"
      tls_max_version = "{tls}"
      ecdh_curve = "prime256v1"
      fragment_size = 1024
    }}
    tls {{
      tls = tls-common
    }}
    peap {{
      tls = tls-common
      default_eap_type = mschapv2
      copy_request_to_tunnel = no
      use_tunneled_reply = no
      virtual_server = default
    }}
  }}
}}
server default {{
  listen {{
    type = auth
    ipaddr = {address}
    port = 1812
  }}
  listen {{
    type = acct
    ipaddr = {address}
    port = 1813
  }}
  authorize {{
    {silent}
    chap
    mschap
    eap {{
      ok = return
    }}
    files
    pap
  }}
  authenticate {{
    Auth-Type PAP {{
      pap
    }}
    Auth-Type CHAP {{
      chap
    }}
    Auth-Type MS-CHAP {{
      mschap
    }}
    eap
  }}
  preacct {{
    ok
  }}
  accounting {{
    detail
    ok
  }}
  post-auth {{
    {seal}
    Post-Auth-Type REJECT {{
      {seal}
    }}
  }}
}}
"""
_SEAL = "update reply {\n      &Message-Authenticator := 0x00\n    }"
_SILENT = "update control {\n      &Response-Packet-Type := Do-Not-Respond\n    }\n    handled"


class FreeRadius:
    def __init__(self, host, address, folder, users=USERS, secret=SECRET, sealed=True, mppe="yes",
                 eap="mschapv2", silent=False, tls="1.2"):
        self.host, self.address, self.folder = host, address, str(folder)
        self.process = None
        os.makedirs(self.folder, exist_ok=True)
        self.make_certificates()
        self._write("users", users)
        self._write("radiusd.conf", _CONFIG.format(
            dir=self.folder, secret=secret, mppe=mppe, eap=eap, address=address, tls=tls,
            seal=_SEAL if sealed else "", silent=_SILENT if silent else ""))

    def _write(self, name, text):
        with open(os.path.join(self.folder, name), "w") as f:
            f.write(text)

    def make_certificates(self):
        if os.path.exists(f"{self.folder}/srv.pem"):
            return
        self._write("san", "subjectAltName=DNS:radius.test\n")
        for command in (
                "req -x509 -newkey rsa:2048 -nodes -days 30 -subj '/CN=peer radius CA' "
                "-keyout ca.key -out ca.pem",
                "req -newkey rsa:2048 -nodes -subj /CN=radius.test -keyout srv.key -out srv.csr",
                "x509 -req -in srv.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 30 "
                "-extfile san -out srv.pem"):
            subprocess.run(f"openssl {command}", shell=True, cwd=self.folder, check=True,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def read(self, name):
        try:
            with open(os.path.join(self.folder, name), errors="replace") as f:
                return f.read()
        except FileNotFoundError:
            return ""

    @property
    def log(self):
        return self.read("radius.log")

    def records(self):
        """The accounting records it took: dictionaries, in their order."""
        found = []
        for block in self.read("detail").split("\n\n"):
            rows = [line.strip().split(" = ", 1) for line in block.splitlines() if " = " in line]
            if rows:
                found.append({k: v.strip('"') for k, v in rows})
        return found

    def start(self):
        out = open(os.path.join(self.folder, "out.log"), "a")
        ready = self.log.count("Ready to process requests")
        self.process = self.host.popen("freeradius", "-f", "-d", self.folder, "-n", "radiusd",
                                       stdout=out, stderr=out)
        wait_for(lambda: self.log.count("Ready to process requests") > ready
                 or self.process.poll() is not None, 30, f"FreeRADIUS\n{self.read('out.log')}")
        assert self.process.poll() is None, self.read("out.log") + self.log
        return self

    def kill(self, how=signal.SIGKILL):
        if self.process and self.process.poll() is None:
            self.process.send_signal(how)
            self.process.wait(30)
        self.process = None

    def __enter__(self):
        return self.start()

    def __exit__(self, *exc):
        self.kill()
