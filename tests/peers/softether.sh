#!/bin/bash
# softether.sh - run Debian's SoftEther 5.01 (softether-vpnserver + softether-vpncmd) as an independent
# userspace SSTP server in its own network namespace, with throw-away state.
#
#   softether.sh start        start it, configure it, wait until SSTP answers on $SE_IP:443
#   softether.sh status       process, listeners, hub sessions
#   softether.sh vpncmd ...   run vpncmd commands on the server (e.g. softether.sh vpncmd SessionList)
#   softether.sh log          server + hub packet/security logs
#   softether.sh stop         end the server by its pid, remove the namespace and the state
#
# Everything is overridable by environment:
#   SE_NS    namespace of the server            (se-peer); `-`: the current one, whose network is
#            the caller's affair (SE_IP must be there); SE_PEER_NS and SE_IF are not used then
#   SE_PEER_NS  namespace that gets the other veth end (empty: the root namespace)
#   SE_IF    name of that other veth end        (veth-se)
#   SE_IP    server's address                   (10.201.0.2)   SE_PEER_IP other end (10.201.0.1), both /24
#   SE_DIR   state folder, not under /tmp       (/var/tmp/se-peer)
#   SE_USER / SE_PASS                           (alice / Secret-1)
#   SE_HUB                                      (VPN)
#   SE_NET   inner /24 prefix of the SecureNAT  (10.202.0): .1 virtual host+DHCP+DNS, .10-.99 leases
#   SE_CN    common name (and SAN) of the certificate made for it  (sstp.test)
#   SE_CIPHER  ServerCipherSet value            (unset: server default)
#   SE_BIN   folder with another SoftEther's vpnserver, vpncmd and hamcore.se2 (unset: Debian's package)
#
# Debian 12's build (5.01.9674+git20200806+8181039+dfsg2-2+b2, amd64) never answers SSTP: in that snapshot
# ProtoHandleConnection() looks the protocol up by name and forgets to keep what it found (upstream fixed
# it in December 2020), so every SSTP_DUPLEX_POST to the right path ends in silence. start therefore runs a
# private copy of the program with that one loop re-assembled to keep it (50 bytes, only where the md5 is
# that build's; the installed file is not touched). Any other build is run as it is.
# The certificate is left in $SE_DIR/cert.pem (key.pem beside it).
set -u
SE_NS=${SE_NS:-se-peer} SE_PEER_NS=${SE_PEER_NS:-} SE_IF=${SE_IF:-veth-se}
SE_IP=${SE_IP:-10.201.0.2} SE_PEER_IP=${SE_PEER_IP:-10.201.0.1}
SE_DIR=${SE_DIR:-/var/tmp/se-peer} SE_USER=${SE_USER:-alice} SE_PASS=${SE_PASS:-Secret-1}
SE_HUB=${SE_HUB:-VPN} SE_NET=${SE_NET:-10.202.0} SE_CN=${SE_CN:-sstp.test} SE_CIPHER=${SE_CIPHER:-}
SE_BIN=${SE_BIN:-}
if [ -n "$SE_BIN" ]; then VPNSERVER=$SE_BIN/vpnserver VPNCMD=$SE_BIN/vpncmd
else VPNSERVER=/usr/libexec/softether/vpnserver/vpnserver VPNCMD=/usr/libexec/softether/vpncmd/vpncmd; fi
die() { echo "softether.sh: $*" >&2; exit 1; }
need() { [ -x "$VPNSERVER" ] && [ -x "$VPNCMD" ] ||
  die "apt-get install -y --no-install-recommends softether-vpnserver softether-vpncmd"; }
# a private copy of Debian's vpnserver whose SSTP works (see above); prints the program to run
runnable() {
  [ -z "$SE_BIN" ] && [ "$(md5sum <"$VPNSERVER")" = "fa080f0255d3bca8799622bd501440e4  -" ] ||
    { echo "$VPNSERVER"; return; }
  mkdir -p "$SE_DIR/bin" && cp "$VPNSERVER" "$SE_DIR/bin/vpnserver" &&
    ln -sf "$(readlink -f "$(dirname "$VPNSERVER")/hamcore.se2")" "$SE_DIR/bin/hamcore.se2" &&
    python3 - "$SE_DIR/bin/vpnserver" <<'PY' || die "could not prepare the copy"
import sys
AT, NEW = 0x3a00f, bytes.fromhex(
    "4531ed498b57084885d27435443b6a08732f488b52104e8b24ea498b3c244889"
    "eee89b1b130041ffc585c075d64c89e0eb70")
with open(sys.argv[1], "r+b") as f:
    f.seek(AT)
    if f.read(8) != bytes.fromhex("488b470831db4889"):
        sys.exit("not the expected code")
    f.seek(AT)
    f.write(NEW)
PY
  echo "$SE_DIR/bin/vpnserver"
}
pid() { [ -f "$SE_DIR/pid" ] && cat "$SE_DIR/pid"; }
alive() { local p; p=$(pid) && [ -n "$p" ] && kill -0 "$p" 2>/dev/null; }
# vpncmd fails to talk on a fresh server for a second or two; stdin must not be a terminal
here() { [ "$SE_NS" = - ]; }
in_ns() { if here; then "$@"; else ip netns exec "$SE_NS" "$@"; fi; }
vpncmd() { in_ns "$VPNCMD" 127.0.0.1:443 /SERVER "$@" </dev/null; }
hubcmd() { vpncmd /ADMINHUB:"$SE_HUB" /CMD "$@"; }

# one veth pair, server end in SE_NS
network() {
  ip netns list | grep -qw "$SE_NS" || ip netns add "$SE_NS" || die "netns"
  ip -n "$SE_NS" link set lo up
  if ! ip -n "$SE_NS" link show eth-se >/dev/null 2>&1; then
    ip link add "$SE_IF" type veth peer name eth-se netns "$SE_NS" || die "veth"
    ip -n "$SE_NS" addr add "$SE_IP/24" dev eth-se; ip -n "$SE_NS" link set eth-se up
    if [ -n "$SE_PEER_NS" ]; then
      ip link set "$SE_IF" netns "$SE_PEER_NS" || die "no namespace $SE_PEER_NS"
      ip -n "$SE_PEER_NS" addr add "$SE_PEER_IP/24" dev "$SE_IF"; ip -n "$SE_PEER_NS" link set "$SE_IF" up
    else
      ip addr add "$SE_PEER_IP/24" dev "$SE_IF"; ip link set "$SE_IF" up
    fi
  fi
}

start() {
  need
  alive && die "already running (pid $(pid))"
  mkdir -p "$SE_DIR"/{lib,run,log,tmp} /var/lib/softether /run/softether /var/log/softether
  [ -f "$SE_DIR/cert.pem" ] || openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj "/CN=$SE_CN" \
    -addext "subjectAltName=DNS:$SE_CN,IP:$SE_IP" -keyout "$SE_DIR/key.pem" -out "$SE_DIR/cert.pem" 2>/dev/null ||
    die "openssl req failed"
  here || network
  # a private mount namespace: Debian's build keeps its state in three fixed folders and its lock in /tmp
  in_ns unshare -m --propagation private sh -c '
    echo $$ >"$1/pid"
    mount --bind "$1/lib" /var/lib/softether && mount --bind "$1/run" /run/softether &&
    mount --bind "$1/log" /var/log/softether && mount --bind "$1/tmp" /tmp || exit 1
    exec "$2" execsvc' sh "$SE_DIR" "$(runnable)" >"$SE_DIR/out.log" 2>&1 </dev/null &
  local i
  for i in $(seq 50); do [ -s "$SE_DIR/pid" ] && break; sleep 0.1; done
  for i in $(seq 60); do
    vpncmd /CMD ServerInfoGet >/dev/null 2>&1 && break
    alive || { cat "$SE_DIR/out.log"; die "server ended at once"; }
    sleep 0.5
  done
  {
    vpncmd /CMD ServerCertSet /LOADCERT:"$SE_DIR/cert.pem" /LOADKEY:"$SE_DIR/key.pem"
    [ -z "$SE_CIPHER" ] || vpncmd /CMD ServerCipherSet "$SE_CIPHER"
    vpncmd /CMD HubDelete DEFAULT
    vpncmd /CMD HubCreate "$SE_HUB" /PASSWORD:
    hubcmd UserCreate "$SE_USER" /GROUP:none /REALNAME:none /NOTE:none
    hubcmd UserPasswordSet "$SE_USER" /PASSWORD:"$SE_PASS"
    hubcmd SecureNatHostSet /MAC:none /IP:"$SE_NET.1" /MASK:255.255.255.0
    hubcmd DhcpSet /START:"$SE_NET.10" /END:"$SE_NET.99" /MASK:255.255.255.0 /EXPIRE:7200 /GW:"$SE_NET.1" \
      /DNS:"$SE_NET.1" /DNS2:none /DOMAIN:peer.test /LOG:no
    hubcmd SecureNatEnable
    vpncmd /CMD ProtoOptionsSet SSTP /NAME:Enabled /VALUE:true
    # nothing of these is wanted on a test peer: other listeners, OpenVPN, keep-alive packets
    for p in 992 1194 5555; do vpncmd /CMD ListenerDelete $p; done
    vpncmd /CMD ProtoOptionsSet OpenVPN /NAME:Enabled /VALUE:false
    vpncmd /CMD PortsUDPSet 0
    vpncmd /CMD KeepDisable
  } >"$SE_DIR/setup.log" 2>&1
  if grep -q "^Error occurred" "$SE_DIR/setup.log"; then
    grep -B3 -A1 "^Error occurred" "$SE_DIR/setup.log" >&2
  fi
  echo "SoftEther SSTP on $SE_IP:443 (pid $(pid), ns $SE_NS), hub $SE_HUB, user $SE_USER / $SE_PASS," \
    "inner $SE_NET.10-99 gw+dns $SE_NET.1, cert $SE_DIR/cert.pem"
}
# the server is two processes; both live in the mount namespace that start made, and nobody else does
members() {
  local ns p
  ns=$(readlink "/proc/$1/ns/mnt") || return
  for p in /proc/[0-9]*; do [ "$(readlink "$p/ns/mnt" 2>/dev/null)" != "$ns" ] || echo "${p#/proc/}"; done
}
stop() {
  local p all
  if p=$(pid) && [ -n "$p" ] && kill -0 "$p" 2>/dev/null; then
    all=$(members "$p")
    kill -TERM "$p"
    for _ in $(seq 80); do kill -0 "$p" 2>/dev/null || break; sleep 0.1; done
    for p in $all; do kill -KILL "$p" 2>/dev/null; done
  fi
  if ! here && ip netns list | grep -qw "$SE_NS"; then
    for p in $(ip netns pids "$SE_NS"); do kill -KILL "$p" 2>/dev/null; done # only what runs in our own namespace
    ip netns del "$SE_NS"
  fi
  here || [ -n "$SE_PEER_NS" ] || ip link del "$SE_IF" 2>/dev/null
  case $SE_DIR in /var/tmp/?*) rm -rf "$SE_DIR" ;; esac
  echo stopped
}
case ${1:-} in
start) start ;;
stop) stop ;;
status)
  alive && echo "pid $(pid) runs" || echo "not running"
  in_ns ss -ltnp 2>/dev/null
  hubcmd SessionList 2>/dev/null | sed -n '/Item/,$p'
  ;;
vpncmd) shift; hubcmd "$@" ;;
log) cat "$SE_DIR"/out.log; find "$SE_DIR"/lib "$SE_DIR"/log -name '*.log' -exec sh -c 'echo "== $1"; cat "$1"' sh {} \; ;;
*) sed -n '2,36p' "$0"; exit 2 ;;
esac
