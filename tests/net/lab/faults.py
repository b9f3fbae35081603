"""
What can be wrong between a client and an SSTP server, made for real, and what the diagnosis must say.

FAULTS was written before the probes: name -> (layer, event, words of the cure, how it is made).
`layer` None: nothing is wrong that a diagnosis may call so. A weight of "warning" means the tunnel
works all the same. docs/diagnose.md is made from this table (pages.py).
"""

import contextlib
import os
import shutil
import socket
import ssl
import subprocess
import tempfile
import time

from cryptography.x509.oid import ExtendedKeyUsageOID

import servers
from certificates import Authority, Pki, weak_key
from harness import program
from harness.host import wait_for
from harness.program import PASSWORD, USER, Client, Server

SRV, WWW, CLI = "192.0.2.1", "203.0.113.2", "198.51.100.2"
_pki = None


class Lab:
    """The network of tests/conftest.py with a fault in it; undo() takes everything away again."""

    def __init__(self, net, fresh_state, binary):
        global _pki
        self.net, self.binary = net, binary
        self._undo = contextlib.ExitStack()
        self.folder = self._undo.enter_context(tempfile.TemporaryDirectory(prefix="culvert-lab-"))
        self.state = shutil.copytree(fresh_state, os.path.join(self.folder, "state"))
        if not _pki:
            folder = tempfile.mkdtemp(prefix="culvert-lab-pki-")
            os.chmod(folder, 0o755)
            _pki = Pki(folder)
        self.pki = _pki
        self.host, self.user, self.password = "vpn.example", USER, PASSWORD
        self.arguments, self.environment = [], {}
        self.ca = self.pki.ca
        self.server = None
        self.certificate = None
        self.uses_server = True
        self._names = {}
        self.names(WWW, names={"vpn.example": [SRV]})  # the one that the server hands out

    def later(self, function, *arguments):
        self._undo.callback(function, *arguments)

    def undo(self):
        self._undo.close()

    # --- the server

    def serve(self, certificate=None, listen=f"{SRV}:443", **config):
        """Our own server; certificate: paths of certificate and key."""
        certificate = certificate or self.certificate or self.pki.server()
        config.setdefault("tls", {}).update(certificate=certificate[0], key=certificate[1])
        config.setdefault("tunnel", {}).setdefault("dns", WWW)
        config.setdefault("tunnel", {}).setdefault("ipv4_pool", "10.99.0.0/24")
        config.setdefault("auth", {}).setdefault("fail_delay", "0s")
        self.server = Server(self.net.srv, self.state, self.binary, listen=listen, config=config)
        self.later(self.server.close)
        self.server.wait_ready()
        return self.server

    def listen(self, serve, port=443, address=SRV, host=None):
        listener = servers.Listener(host or self.net.srv, address, port, serve)
        self.later(listener.close)
        self.uses_server = False
        return listener

    def https(self, serve, certificate=None, **settings):
        certificate = certificate or self.certificate or self.pki.server()
        return self.listen(servers.over_tls(servers.context(*certificate, **settings), serve))

    def names(self, address, **kw):
        """A name server on that host, or other answers of the one that is there."""
        if address not in self._names:
            host = {WWW: self.net.www, SRV: self.net.srv}[address]
            self._names[address] = servers.NameServer(host, address)
            self.later(self._names[address].close)
        self._names[address].set(**kw)

    # --- the client's machine

    def write_etc(self, name, text):
        path = f"/etc/{name}"
        old = self.net.cli.run("cat", path)
        put = lambda t: self.net.cli.run("sh", "-c", 'printf "%s\\n" "$1" >"$2"', "sh", t, path)
        put(text)
        self.later(put, old)

    def resolv(self, *addresses):
        self.write_etc("resolv.conf", "\n".join(f"nameserver {a}" for a in addresses))

    def drop(self, host, rule):
        """An nft rule in a table of its own; input, output and forward chains are there."""
        host.run("nft", "add table inet lab")
        for chain in ("prerouting", "input", "output", "forward"):
            host.run("nft", f"add chain inet lab {chain} {{ type filter hook {chain} priority 0; }}")
        host.run("nft", f"add rule inet lab {rule}")
        self.later(host.run, "nft", "delete table inet lab")

    def start(self, *command, host=None, ready=None):
        process = (host or self.net.srv).popen(*command, stdout=subprocess.DEVNULL,
                                               stderr=subprocess.DEVNULL)

        def stop():
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.later(stop)
        if ready:
            wait_for(lambda: (host or self.net.srv).call(lambda: _connects(*ready)), 20, command[0])
        return process

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w") as f:
            f.write(text if text.endswith("\n") else text + "\n")
        os.chmod(self.folder, 0o755)
        return path


def _connects(address, port):
    try:
        socket.create_connection((address, port), 1).close()
        return True
    except OSError:
        return False


# --- DNS


def nxdomain(lab):
    lab.names(WWW, names={"lab.example": [SRV]})
    lab.resolv(WWW)
    lab.host = "nowhere.example"


def dns_timeout(lab):
    lab.resolv("203.0.113.77")
    lab.drop(lab.net.rtr, "forward ip daddr 203.0.113.77 drop")
    lab.host = "lab.example"


def dns_servfail(lab):
    lab.names(WWW, rcode=2)
    lab.resolv(WWW)
    lab.host = "lab.example"


def dns_no_address(lab):
    lab.names(WWW, names={"lab.example": []})
    lab.resolv(WWW)
    lab.host = "lab.example"


def dns_refused(lab):
    lab.names(WWW, rcode=5)
    lab.resolv(WWW)
    lab.host = "lab.example"


def dns_other_error(lab):
    lab.names(WWW, rcode=4)
    lab.resolv(WWW)
    lab.host = "lab.example"


def dns_one_refuses(lab):
    lab.names(WWW, names={"lab.example": [SRV]})
    lab.names(SRV, rcode=5)
    lab.resolv(WWW, SRV)
    lab.host = "lab.example"
    lab.certificate = lab.pki.server(name="lab.example")


def _resolves_to(*addresses):
    def make(lab):
        lab.names(WWW, names={"lab.example": addresses})
        lab.resolv(WWW)
        lab.host = "lab.example"
    return make


def loopback_is_meant(lab):
    """A port of this machine that leads on to the server: nothing is wrong with the name."""
    _resolves_to("127.0.0.1")(lab)
    lab.certificate = lab.pki.server(name="lab.example")
    lab.start("haproxy", "-db", "-f", lab.write("here.cfg", f"""
        defaults
            mode tcp
            timeout connect 1s
            timeout client 30s
            timeout server 30s
        listen here
            bind 127.0.0.1:443
            server one {SRV}:443
        """), host=lab.net.cli, ready=("127.0.0.1", 443))


def split_horizon(lab):
    lab.names(WWW, names={"lab.example": [SRV]})
    lab.names(SRV, names={"lab.example": ["10.1.1.1"]})
    lab.resolv(WWW, SRV)
    lab.host = "lab.example"
    lab.certificate = lab.pki.server(name="lab.example")


def name_server_silent(lab):
    lab.names(WWW, names={"lab.example": [SRV]})
    lab.resolv(WWW, "203.0.113.77")
    lab.drop(lab.net.rtr, "forward ip daddr 203.0.113.77 drop")
    lab.host = "lab.example"
    lab.certificate = lab.pki.server(name="lab.example")


def hosts_file(lab):
    lab.names(WWW, names={"vpn.example": ["192.0.2.99"]})
    lab.resolv(WWW)


# --- reachability


def icmp_blocked(lab):
    lab.drop(lab.net.rtr, "forward icmp type echo-request drop")


def filtered(lab):
    lab.drop(lab.net.rtr, "forward tcp dport 443 drop")


def refused(lab):
    lab.uses_server = False


def prohibited(lab):
    lab.drop(lab.net.rtr, "forward tcp dport 443 reject with icmp type admin-prohibited")


def unreachable(lab):
    lab.net.rtr.ip("route add unreachable 192.0.2.1/32")
    lab.later(lab.net.rtr.ip, "route del unreachable 192.0.2.1/32")


def reset(lab):
    def slam(connection):
        connection.recv(100)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    lab.listen(slam)


def one_address_dead(lab):
    lab.names(WWW, names={"lab.example": [SRV, "192.0.2.50"]})
    lab.resolv(WWW)
    lab.drop(lab.net.rtr, "forward ip daddr 192.0.2.50 drop")
    lab.host = "lab.example"
    lab.certificate = lab.pki.server(name="lab.example")


def half_of_the_attempts(lab):
    """Each second SYN is lost."""
    lab.drop(lab.net.rtr, "forward ip daddr 192.0.2.1 tcp flags & (syn | ack) == syn "
             "numgen inc mod 2 0 drop")


def blackhole_route(lab):
    lab.net.cli.ip("route add blackhole 192.0.2.1/32")
    lab.later(lab.net.cli.ip, "route del blackhole 192.0.2.1/32")


def outer_black_hole(lab):
    lab.drop(lab.net.rtr, "forward ip saddr 192.0.2.1 ip length > 600 drop")
    lab.net.srv.sysctl("net.ipv4.tcp_timestamps", 1)


def large_lost_to_the_server(lab):
    lab.drop(lab.net.rtr, "forward ip daddr 192.0.2.1 ip length > 1400 drop")
    lab.arguments += ["--target", WWW]


def stream_stops(lab):
    """One large packet gets to the server, the one of the HTTP probe; no other does."""
    lab.serve()
    lab.drop(lab.net.rtr, "forward ip daddr 192.0.2.1 ip length > 1400 quota over 2000 bytes drop")


# --- TLS


def no_sni_fails_once(lab):
    """Without SNI it fails the first time only: that is no need of SNI."""
    c, failed = servers.context(*lab.pki.server()), []

    def choose(stream, name, _):
        if name or failed:
            return None
        failed.append(True)
        return ssl.ALERT_DESCRIPTION_INTERNAL_ERROR
    c.sni_callback = choose
    lab.user = None
    lab.listen(servers.over_tls(c, servers.Sstp("auth", None, None)))


def weak_ciphers_only(lab):
    lab.https(servers.says(servers.answer("404 Not Found")), ciphers="AES128-SHA:@SECLEVEL=0",
              maximum_version=ssl.TLSVersion.TLSv1_2)


def ssh(lab):
    lab.listen(lambda c: (c.sendall(b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n"), c.recv(4096)))


def plain_http(lab):
    lab.listen(lambda c: (c.recv(4096), c.sendall(servers.answer("400 Bad Request"))))


def tcp_silent(lab):
    lab.listen(lambda c: servers.Sstp._silence(c))


def tls10_only(lab):
    lab.https(servers.says(servers.answer("404 Not Found")), ciphers="ALL:@SECLEVEL=0",
              minimum_version=ssl.TLSVersion.TLSv1, maximum_version=ssl.TLSVersion.TLSv1)


def sni_required(lab):
    with_sni = servers.context(*lab.pki.server())

    def choose(stream, name, _):
        return None if name else ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
    with_sni.sni_callback = choose
    lab.user = None  # the SSTP server behind it has no users
    lab.listen(servers.over_tls(with_sni, servers.Sstp("auth", None, None)))


def client_certificate_wanted(lab):
    c = servers.context(*lab.pki.server())
    c.verify_mode = ssl.CERT_REQUIRED
    c.load_verify_locations(lab.pki.ca)
    lab.listen(servers.over_tls(c, servers.says(servers.answer("200 OK"))))


# --- certificates


def _with(**kw):
    def make(lab):
        lab.certificate = lab.pki.server(**kw)
    return make


def untrusted_root(lab):
    lab.certificate = lab.pki.server(lab.pki.stranger, chain=[lab.pki.stranger])


def self_signed(lab):
    lab.certificate = [os.path.join(lab.state, f) for f in ("server-rsa.crt", "server-rsa.key")]


def private_ca_alone(lab):
    """A leaf of a root of one's own, sent by itself: nothing says that an intermediate is missing."""
    lab.certificate = lab.pki.server(lab.pki.stranger)


def issued_by_a_box(lab):
    box = Authority("Zscaler Root CA")
    lab.certificate = lab.pki.server(box, chain=[box])


def intermediate_missing(lab):
    lab.certificate = lab.pki.server(lab.pki.middle)


def key_too_weak(lab):
    lab.https(servers.Sstp("sstp", lab.user, lab.password), lab.pki.server(key=weak_key()),
              ciphers="ALL:@SECLEVEL=0")


def _publish(lab, octets):
    body = (f"HTTP/1.1 200 OK\r\nContent-Length: {len(octets)}\r\n\r\n").encode() + octets
    lab.listen(servers.says(body), port=80, address=WWW, host=lab.net.www)
    lab.uses_server = True


def revoked(lab):
    certificate, key = lab.pki.root.leaf(crl=f"http://{WWW}/lab.crl")
    lab.certificate = lab.pki.files(certificate, key)
    _publish(lab, lab.pki.root.crl(certificate))


def revocation_offline(lab):
    lab.certificate = lab.pki.server(crl=f"http://{WWW}:81/lab.crl")


def clock_wrong(lab):
    """The certificate begins tomorrow, and by the server's clock it is the day after tomorrow."""
    lab.https(servers.says(servers.answer("404 Not Found", date=servers.http_date(2 * 86400))),
              lab.pki.server(days=(1, 90)))


def other_key(lab):
    lab.arguments += ["--pin", "sha256//" + "A" * 43 + "="]


# --- HTTP


def _http(status, *headers):
    def make(lab):
        lab.https(servers.says(servers.answer(status, *headers)))
    return make


def ordinary_web_server(lab):
    """What nginx answers to a length of 2^64-1."""
    lab.https(servers.says(servers.answer("400 Bad Request", "Server: nginx/1.22.1")))


def not_http(lab):
    lab.https(servers.says(b"220 mail.example ESMTP ready\r\n\r\n"))


def closes(lab):
    lab.https(lambda stream: servers.read_head(stream))


def no_backend(lab):
    """HAProxy in HTTP mode with no server behind it."""
    pem = lab.write("front.pem", "".join(open(p).read() for p in lab.pki.server()))
    lab.start("haproxy", "-db", "-f", lab.write("haproxy.cfg", f"""
        defaults
            mode http
            timeout connect 1s
            timeout client 5s
            timeout server 5s
        frontend front
            bind {SRV}:443 ssl crt {pem}
            default_backend none
        backend none
            server one 127.0.0.1:9 check inter 200ms fall 1
        """), ready=(SRV, 443))
    time.sleep(0.6)
    lab.uses_server = False


# --- SSTP and PPP


def _stops(step):
    def make(lab):
        lab.https(servers.Sstp(step, lab.user, lab.password))
    return make


def wrong_password(lab):
    lab.password = "not-it-at-all"


def unknown_user(lab):
    lab.user = "mallory"


def disabled_account(lab):
    program.run(lab.binary, "user", "disable", USER, "--state", lab.state)


def expired_account(lab):
    program.run(lab.binary, "user", "expire", USER, "2020-01-01", "--state", lab.state)


def no_common_method(lab):
    lab.serve(ppp={"auth": "pap"})


def pool_empty(lab):
    lab.serve(tunnel={"ipv4_pool": "10.99.0.0/30"}, ppp={"ipv6": "no"})
    _occupy(lab)


def session_limit(lab):
    lab.serve(server={"max_sessions": "1"})
    _occupy(lab)


def _occupy(lab):
    """Somebody else is connected already."""
    program.add_user(lab.binary, lab.state, "bob", PASSWORD)
    client = Client(lab.net.www, lab.binary, "bob", PASSWORD, SRV, "--insecure", "--no-dns",
                    "--no-default-route", tun="cv-bob")
    lab.later(client.close)
    client.wait_connected()


def _terminator(lab, to, host=None, at=(SRV, 443), authority=None):
    pem = lab.write("front.pem", "".join(open(p).read() for p in lab.pki.server(authority)))
    lab.start("haproxy", "-db", "-f", lab.write("haproxy.cfg", f"""
        defaults
            mode tcp
            timeout connect 1s
            timeout client 30s
            timeout server 30s
        listen front
            bind {at[0]}:{at[1]} {to.format(pem=pem)}
        """), host=host, ready=at)


def binding_mismatch(lab):
    """HAProxy ends TLS with a certificate that the client trusts, and starts it again."""
    lab.serve(listen="127.0.0.1:8443")
    _terminator(lab, "ssl crt {pem}\n            server one 127.0.0.1:8443 ssl verify none")


def inspected(lab):
    """A box on the way to the proxy's other side; its root is trusted here, as on a company's machine."""
    lab.serve()
    box = lab.pki.stranger
    lab.ca = lab.write("both.pem", (lab.pki.root.pem() + box.pem()).decode())
    _terminator(lab, f"ssl crt {{pem}}\n            server one {SRV}:443 ssl verify none", lab.net.www,
                (WWW, 8443), box)
    proxy = servers.Proxy(lab.net.www, WWW, 3128, through=(WWW, 8443))
    lab.later(proxy.close)
    lab.arguments += ["--proxy", f"http://{WWW}:3128"]


def passed_through(lab):
    """HAProxy that passes TLS on: nothing is wrong."""
    lab.serve(listen="127.0.0.1:8443")
    _terminator(lab, "\n            server one 127.0.0.1:8443")


# --- inside


def inner_dns_dead(lab):
    lab.serve(tunnel={"dns": "203.0.113.77"})
    lab.drop(lab.net.rtr, "forward ip daddr 203.0.113.77 drop")


def inner_black_hole(lab):
    lab.serve()
    lab.drop(lab.net.srv, 'input iifname "cv-srv" ip length > 1200 drop')


def no_forwarding(lab):
    lab.serve(tunnel={"nat": "no"})
    lab.drop(lab.net.rtr, "forward ip saddr 10.99.0.0/24 drop")
    lab.arguments += ["--target", WWW]


# --- the target: what a user wants to reach


FAR = "203.0.113.77"  # behind the router, where no host is


def _target(what, rule=None, on="www", port=None, host=None, **config):
    """The target, a rule in the way, and a TCP service on that port."""
    def make(lab):
        lab.serve(**config)
        if rule:
            lab.drop(getattr(lab.net, on), rule)
        if port:
            lab.listen(lambda c: c.recv(100), port=port, address=host or WWW, host=lab.net.www)
            lab.uses_server = True
        lab.arguments += ["--target", what]
    return make


def target_by_name(lab):
    lab.names(WWW, names={"vpn.example": [SRV], "files.example": [WWW]})
    _target("files.example:8445", port=8445)(lab)


def target_loop(lab):
    lab.net.rtr.ip(f"route add 10.55.0.0/16 via {WWW}")
    lab.later(lab.net.rtr.ip, f"route del 10.55.0.0/16 via {WWW}")
    lab.net.www.sysctl("net.ipv4.ip_forward", 1)
    lab.later(lab.net.www.sysctl, "net.ipv4.ip_forward", 0)
    _target("10.55.0.1:443")(lab)


def target_over_ipv6(lab):
    """srv, rtr and www have IPv6; www drops echo requests."""
    for host, interface, address in ((lab.net.srv, "eth0", "2001:db8:1::1/64"),
                                     (lab.net.rtr, "s0", "2001:db8:1::fe/64"),
                                     (lab.net.rtr, "w0", "2001:db8:2::1/64"),
                                     (lab.net.www, "eth0", "2001:db8:2::2/64")):
        host.ip(f"address add {address} dev {interface} nodad")
        lab.later(host.ip, f"address del {address} dev {interface}")
    lab.net.rtr.sysctl("net.ipv6.conf.all.forwarding", 1)
    for host, gateway in ((lab.net.www, "2001:db8:2::1"), (lab.net.srv, "2001:db8:1::fe")):
        host.ip(f"-6 route add default via {gateway}")
        lab.later(host.ip, "-6 route del default")
    lab.later(lab.net.srv.sysctl, "net.ipv6.conf.all.forwarding", 0)
    _target("[2001:db8:2::2]:8445", "input icmpv6 type echo-request drop", port=8445,
            host="2001:db8:2::2")(lab)


def server_does_not_forward(lab):
    _target(f"{WWW}:8445", port=8445)(lab)
    lab.net.srv.sysctl("net.ipv4.ip_forward", 0)


def inner_dns_refuses(lab):
    lab.serve()
    lab.names(WWW, rcode=5)


def overlap(lab):
    lab.net.cli.ip("address add 10.99.0.200/24 dev lo")
    lab.later(lab.net.cli.ip, "address del 10.99.0.200/24 dev lo")


def route_missing(lab):
    lab.serve()
    client = Client(lab.net.cli, lab.binary, USER, PASSWORD, "vpn.example", "--ca", lab.ca, "--no-dns",
                    "--no-default-route")
    lab.later(client.close)
    client.wait_connected()
    lab.arguments += ["--target", WWW]


def other_name_servers(lab):
    """A tunnel is up that hands out a name server, and the machine asks another one."""
    lab.serve()
    lab.names(SRV, names={"vpn.example": [SRV]})
    lab.resolv(SRV)
    client = Client(lab.net.cli, lab.binary, USER, PASSWORD, "vpn.example", "--ca", lab.ca, "--no-dns",
                    "--no-default-route")
    lab.later(client.close)
    client.wait_connected()


# --- proxies


def _proxy(url_login="", **kw):
    def make(lab):
        proxy = servers.Proxy(lab.net.www, WWW, 3128, **kw)
        lab.later(proxy.close)
        lab.arguments += ["--proxy", f"http://{url_login}{WWW}:3128"]
    return make


def squid(lab, *rules, url_login=""):
    """Debian's squid with a password file."""
    users = lab.write("users", "carol:" + _crypt("Tunnel-9") + "\n")
    folder = os.path.join(lab.folder, "squid")
    os.mkdir(folder)
    os.chmod(folder, 0o777)
    os.chmod(users, 0o644)
    config = lab.write("squid.conf", "\n".join((
        f"http_port {WWW}:3128", f"pid_filename {folder}/pid", f"cache_log {folder}/log",
        "access_log none", "cache deny all", "shutdown_lifetime 0 seconds", "cache_mem 8 MB",
        "hosts_file /etc/hosts", "workers 1", "pinger_enable off",
        "visible_hostname proxy.example",
        f"auth_param basic program /usr/lib/squid/basic_ncsa_auth {users}",
        "auth_param basic children 1", "acl known proxy_auth REQUIRED", *rules)) + "\n")
    lab.start("squid", "-N", "-f", config, host=lab.net.www, ready=(WWW, 3128))
    lab.arguments += ["--proxy", f"http://{url_login}{WWW}:3128"]


def _crypt(password):
    return subprocess.run(["openssl", "passwd", "-apr1", password], capture_output=True, text=True,
                          check=True).stdout.strip()


def squid_wants_login(lab):
    squid(lab, "http_access allow known", "http_access deny all")


def squid_denies(lab):
    squid(lab, "http_access deny all")


def proxy_down(lab):
    lab.arguments += ["--proxy", f"http://{WWW}:3129"]


WARNING = "warning"

FAULTS = {
    # name: (layer, event, words of the cure, how, [weight])
    "DNS: the name does not exist": ("dns", "DNS_NO_SUCH_NAME", "spelling", nxdomain),
    "DNS: no name server answers": ("dns", "DNS_TIMEOUT", "port 53", dns_timeout),
    "DNS: the zone is broken": ("dns", "DNS_SERVFAIL", "zone", dns_servfail),
    "DNS: the name has no address": ("dns", "DNS_NO_ADDRESS", "Add the record", dns_no_address),
    "DNS: the resolver refuses": ("dns", "DNS_REFUSED", "this network", dns_refused),
    "DNS: the resolver has another error": ("dns", "DNS_FAILED", "resolv.conf", dns_other_error),
    "DNS: one of two resolvers refuses": ("dns", "DNS_REFUSED", "this network", dns_one_refuses, WARNING),
    "DNS: a filter answers 0.0.0.0": ("dns", "DNS_FILTERED", "filter", _resolves_to("0.0.0.0")),
    "DNS: a filter answers ::": ("dns", "DNS_FILTERED", "filter", _resolves_to("0.0.0.0", "::")),
    "DNS: a filter answers 127.0.0.1": ("dns", "DNS_FILTERED", "filter", _resolves_to("127.0.0.1")),
    "DNS: a filter answers with its block page": ("dns", "DNS_FILTERED", "filter",
                                                  _resolves_to("146.112.61.106")),
    "DNS: a loopback address that is meant": (None, None, None, loopback_is_meant),
    "DNS: an address for the inside only": ("dns", "DNS_PRIVATE", "inside only", _resolves_to("10.1.1.1")),
    "DNS: IPv6 only, and none is here": ("dns", "DNS_IPV6_ONLY", "A record",
                                         _resolves_to("2001:db8::1", "2001:db8::2")),
    "DNS: split horizon": ("dns", "DNS_ANSWERS_DIFFER", "one side only", split_horizon, WARNING),
    "DNS: one name server is dead": ("dns", "DNS_SERVER_SILENT", "resolv.conf", name_server_silent,
                                     WARNING),
    "DNS: a stale line in the hosts file": ("dns", "DNS_HOSTS_FILE", "/etc/hosts", hosts_file, WARNING),
    "the kernel refuses the connection": ("tcp", "TCP_FAILED", "error", blackhole_route),
    "connection attempts are lost": ("tcp", "TCP_LOSSY", "mtr", half_of_the_attempts, WARNING),
    "the stream stands still after a large packet": ("tcp", "PROBE_STREAM_STALLED", "MTU", stream_stops),
    "ping is blocked": (None, None, None, icmp_blocked),
    "the port is filtered": ("tcp", "TCP_TIMEOUT", "443", filtered),
    "nothing listens": ("tcp", "TCP_REFUSED", "server runs", refused),
    "a firewall prohibits it": ("tcp", "TCP_PROHIBITED", "allow TCP 443", prohibited),
    "no route on the way": ("tcp", "TCP_UNREACHABLE", "routes", unreachable),
    "connections are reset": ("tcp", "TCP_RESET", "inspects", reset),
    "one of two addresses is dead": ("tcp", "TCP_SOME_ADDRESSES", "dead address", one_address_dead,
                                     WARNING),
    "an MTU black hole on the way": ("tcp", "PROBE_LARGE_OUTER_LOST", "MTU", outer_black_hole),
    "large packets to the server are lost": ("tcp", "PROBE_LARGE_OUTER_LOST", "MTU",
                                             large_lost_to_the_server),
    "SSH on 443": ("tls", "TLS_NOT_TLS", "Another service", ssh),
    "plain HTTP on 443": ("tls", "TLS_NOT_TLS", "Another service", plain_http),
    "the server hangs": ("tls", "PROBE_SILENT_AFTER_TCP", "firewall", tcp_silent),
    "TLS 1.0 only": ("tls", "TLS_OLD_ONLY", "TLS 1.2", tls10_only),
    "SNI is required": ("tls", "TLS_NEEDS_SNI", "by name", sni_required, WARNING),
    "a handshake without SNI fails once": (None, None, None, no_sni_fails_once),
    "weak ciphers only": ("tls", "TLS_NOTHING_IN_COMMON", "AES-GCM", weak_ciphers_only),
    "a client certificate is wanted": ("tls", "TLS_PEER_WANTS_CERT", "client certificates",
                                       client_certificate_wanted),
    "certificate: expired": ("cert", "CERT_EXPIRED", "Renew", _with(days=(-30, -1))),
    "certificate: not valid yet": ("cert", "CERT_NOT_YET_VALID", "clock", _with(days=(2, 90))),
    "certificate: another name": ("cert", "CERT_NAME_MISMATCH", "names in the certificate",
                                  _with(name="www.example")),
    "certificate: self-signed": ("cert", "CERT_SELF_SIGNED", "--ca", self_signed),
    "certificate: unknown root": ("cert", "CERT_UNTRUSTED_ROOT", "root", untrusted_root),
    "certificate: a private CA's, without it": ("cert", "CERT_ISSUER_UNKNOWN", "--ca", private_ca_alone),
    "certificate: issued by a box that inspects TLS": ("cert", "CERT_UNTRUSTED_ROOT", "root",
                                                       issued_by_a_box),
    "certificate: intermediate missing": ("cert", "CERT_INTERMEDIATE_MISSING", "full chain",
                                          intermediate_missing),
    "certificate: wrong usage": ("cert", "CERT_WRONG_USAGE", "serverAuth",
                                 _with(usage=ExtendedKeyUsageOID.CLIENT_AUTH)),
    "certificate: weak key": ("cert", "CERT_WEAK", "RSA-2048", key_too_weak),
    "certificate: revoked": ("cert", "CERT_REVOKED", "new certificate", revoked),
    "certificate: revocation list out of reach": ("cert", "CERT_REVOCATION_OFFLINE", "Publish",
                                                  revocation_offline, WARNING),
    "certificate: expires in days": ("cert", "CERT_EXPIRES_SOON", "Renew", _with(days=(-80, 5)),
                                     WARNING),
    "certificate: another key than the pinned one": ("cert", "CERT_PIN_MISMATCH", "pin", other_key),
    "this machine's clock is wrong": ("cert", "CERT_CLOCK_WRONG", "Set the clock", clock_wrong),
    "HTTP 301": ("http", "PROBE_HTTP_REDIRECT", "no redirects",
                 _http("301 Moved Permanently", "Location: https://www.example/")),
    "HTTP 401": ("http", "PROBE_HTTP_LOGIN", "web authentication", _http("401 Unauthorized")),
    "HTTP 403": ("http", "PROBE_HTTP_FORBIDDEN", "SSTP_DUPLEX_POST", _http("403 Forbidden")),
    "HTTP 404": ("http", "PROBE_HTTP_NOT_FOUND", "name and port", _http("404 Not Found")),
    "HTTP 405": ("http", "PROBE_HTTP_METHOD", "TCP mode", _http("405 Method Not Allowed")),
    "HTTP 502": ("http", "PROBE_HTTP_BACKEND", "Start the VPN server", _http("502 Bad Gateway")),
    "HTTP 503": ("http", "PROBE_HTTP_FULL", "sessions", _http("503 Service Unavailable")),
    "an ordinary web server": ("http", "PROBE_HTTP_WEB_SERVER", "address and port",
                               ordinary_web_server),
    "a balancer with no server behind it": ("http", "PROBE_HTTP_FULL", "backend", no_backend),
    "no HTTP inside TLS": ("http", "HTTP_NOT_HTTP", "", not_http),
    "the server closes without an answer": ("http", "HTTP_NO_RESPONSE", "not SSTP", closes),
    "silence after the request": ("http", "HTTP_TIMEOUT", "TCP mode", _stops("http")),
    "silence after CALL_CONNECT_REQUEST": ("sstp", "SSTP_NO_CONNECT_ACK", "SSTP log", _stops("sstp")),
    "CALL_CONNECT_NAK": ("sstp", "SSTP_CONNECT_REFUSED", "carry PPP", _stops("nak")),
    "CALL_ABORT": ("sstp", "SSTP_PEER_ABORTED", "log", _stops("abort")),
    "CALL_CONNECT_ACK without a binding": ("sstp", "SSTP_BAD_CONNECT_ACK", "update", _stops("no_binding")),
    "no hash in common": ("sstp", "SSTP_NO_COMMON_HASH", "SHA-256", _stops("other_hash")),
    "the end in place of CALL_CONNECT_ACK": ("sstp", "SSTP_HTTPS_GONE", "killed", _stops("goes")),
    "silence instead of LCP": ("lcp", "LCP_NO_ANSWER", "PPP did not start", _stops("lcp")),
    "silence instead of the login": ("auth", "AUTH_NO_ANSWER", "RADIUS", _stops("auth")),
    "Challenge after Challenge": ("auth", "AUTH_WITHOUT_END", "hostile", _stops("challenges")),
    "addresses are asked for and none is agreed on": ("addresses", "NCP_TIMEOUT", "pool",
                                                      _stops("no_agreement")),
    "the end in place of the login": ("tcp", "TCP_CLOSED_BY_PEER", "log", _stops("goes_after_lcp")),
    "silence instead of an address": ("addresses", "IPCP_TIMEOUT", "addresses", _stops("ncp")),
    "wrong password": ("auth", "AUTH_FAILED", "case of the letters", wrong_password),
    "unknown user": ("auth", "AUTH_FAILED", "user list", unknown_user),
    "account disabled": ("auth", "AUTH_DISABLED", "enable", disabled_account),
    "account expired": ("auth", "AUTH_PASSWORD_EXPIRED", "user expire", expired_account),
    "no common login method": ("lcp", "LCP_AUTH_NOT_COMMON", "MS-CHAPv2", no_common_method),
    "no address is left": ("addresses", None, "pool", pool_empty),
    "no session is left": ("http", "PROBE_HTTP_FULL", "max_sessions", session_limit),
    "TLS ends before the server": ("binding", "SSTP_BINDING_REFUSED", "certificate", binding_mismatch),
    "TLS is inspected on the way": ("binding", "SSTP_BINDING_REFUSED", "inspects TLS", inspected),
    "TLS is passed through": (None, None, None, passed_through),
    "inner DNS is dead": ("ip", "PROBE_INNER_DNS_DEAD", "port 53", inner_dns_dead),
    "an MTU black hole inside": ("ip", "PROBE_MTU_BLACK_HOLE", "MSS", inner_black_hole),
    "nothing behind the server answers": ("ip", "PROBE_NO_FORWARDING", "NAT", no_forwarding),
    "the server does not forward": ("ip", "PROBE_NO_FORWARDING", "forwarding", server_does_not_forward),
    "the inner name server refuses": ("ip", "PROBE_INNER_DNS_ERROR", "allow-query", inner_dns_refuses,
                                      WARNING),
    "target: it drops ping, its port is open": (None, None, None, _target(
        f"{WWW}:8445", "input icmp type echo-request drop", port=8445)),
    "target: it drops ping, and no port is named": (None, None, None, _target(
        WWW, "input icmp type echo-request drop")),
    "target: by name, the tunnel's name server knows it": (None, None, None, target_by_name),
    "target: the server's address drops ping": (None, None, None, _target(
        f"{WWW}:8445", 'input iifname "cv-srv" meta l4proto icmp drop', "srv", port=8445)),
    "target: over IPv6": (None, None, None, target_over_ipv6),
    "target: nothing listens": ("ip", "PROBE_TARGET_REFUSED", "service", _target(f"{WWW}:8446")),
    "target: a firewall drops its port": ("ip", "PROBE_TARGET_PORT_SILENT", "firewall", _target(
        f"{WWW}:8445", "input tcp dport 8445 drop", port=8445)),
    "target: a firewall drops all TCP": ("ip", "PROBE_TARGET_TCP_SILENT", "Name the port", _target(
        WWW, "forward ip daddr 203.0.113.2 meta l4proto tcp drop", "rtr"), WARNING),
    "target: off, others answer": ("ip", "PROBE_TARGET_SILENT", "target is off", _target(
        f"{FAR}:443", f"forward ip daddr {FAR} drop", "rtr")),
    "target: a firewall prohibits it": ("ip", "PROBE_TARGET_PROHIBITED", "allow", _target(
        f"{FAR}:443", f"forward ip daddr {FAR} reject with icmp type admin-prohibited", "rtr")),
    "target: a firewall rejects its port": ("ip", "PROBE_TARGET_PROHIBITED", "allow", _target(
        f"{WWW}:8445", "forward tcp dport 8445 reject with icmp type port-unreachable", "rtr")),
    "target: host unreachable": ("ip", "PROBE_TARGET_UNREACHABLE", "is off", _target(
        f"{FAR}:443", f"forward ip daddr {FAR} reject with icmp type host-unreachable", "rtr")),
    "target: no route to its network": ("ip", "PROBE_TARGET_UNREACHABLE", "lacks a route",
                                        _target("10.55.0.1:443")),
    "target: a routing loop": ("ip", "PROBE_TARGET_LOOP", "their routes", target_loop),
    "target: its name is unknown": ("ip", "PROBE_TARGET_NAME", "tunnel.dns",
                                    _target("nowhere.example:445")),
    "target: IPv6, and the tunnel has none": ("ip", "PROBE_TARGET_FAMILY", "family", _target(
        "[2001:db8::1]:443", ppp={"ipv6": "no"})),
    "nothing inside answers": ("ip", "PROBE_NOTHING_INSIDE", "tcpdump", _target(
        f"{WWW}:8445", 'prerouting iifname "cv-srv" drop', "srv")),
    "overlapping networks": ("ip", "PROBE_OVERLAP", "pool", overlap, WARNING),
    "the machine asks other name servers": ("ip", "PROBE_LOCAL_DNS", "--no-dns", other_name_servers, WARNING),
    "a route is missing": ("ip", "PROBE_ROUTE_MISSING", "--route", route_missing, WARNING),
    "proxy: squid wants a login": ("proxy", "PROXY_AUTH_NEEDED", "--proxy", squid_wants_login),
    "proxy: squid denies CONNECT": ("proxy", "PROXY_FORBIDS", "443", squid_denies),
    "proxy: wrong password (Digest)": ("proxy", "PROXY_AUTH_REFUSED", "administrator", _proxy(
        "carol:wrong@", scheme="Digest", user="carol", password="Tunnel-9")),
    "proxy: Digest": (None, None, None, _proxy(
        "carol:Tunnel-9@", scheme="Digest", user="carol", password="Tunnel-9")),
    "proxy: NTLM, which breaks off": ("proxy", "PROXY_AUTH_REFUSED", "administrator", _proxy(
        "carol:x@", scheme="NTLM")),
    "proxy: a login that is not spoken": ("proxy", "PROXY_AUTH_SCHEME", "Negotiate", _proxy(
        "carol:x@", scheme="Bearer")),
    "proxy: is not there": ("proxy", "PROXY_UNREACHABLE", "name and port", proxy_down),
}

# Two at once: the first must be named first, the other found as well.
PAIRS = [
    ("certificate: expired", "certificate: another name", lambda lab: _with(
        days=(-30, -1), name="www.example")(lab)),
    ("certificate: expired", "HTTP 404", None),
    ("certificate: unknown root", "HTTP 503", None),
    ("certificate: not valid yet", "CALL_CONNECT_NAK", None),
    ("certificate: another name", "CALL_ABORT", None),
    ("certificate: intermediate missing", "silence instead of LCP", None),
    ("DNS: split horizon", "wrong password", None),
    ("DNS: one name server is dead", "account disabled", None),
    ("DNS: a stale line in the hosts file", "HTTP 403", None),
    ("certificate: revocation list out of reach", "wrong password", None),
    ("inner DNS is dead", "overlapping networks", None),
    ("certificate: another key than the pinned one", "HTTP 405", None),
    ("ping is blocked", "unknown user", None),
]
