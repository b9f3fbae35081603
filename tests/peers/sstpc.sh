#!/bin/bash
# sstpc.sh - Debian's sstp-client 1.0.18 (sstpc) with Debian's pppd 2.4.9 as an independent SSTP client, on a kernel
# without PPP (pppemu.c beside this file stands in for /dev/ppp; it is compiled on first use).
#
#   sstpc.sh start SERVER[:PORT] [sstpc options] [-- pppd options]
#   sstpc.sh wait [SECONDS]     until the interface has an address (default 15); prints it; 1 when it failed
#   sstpc.sh stop               hang up (TERM to pppd: LCP Terminate, then SSTP Call Disconnect)
#   sstpc.sh kill               cut it off without a word
#   sstpc.sh status | log
#
# Environment: SC_NS namespace (empty: the current one)  SC_UNIT (7: the interface is ppp7)
#   SC_USER / SC_PASS (alice / Secret-1)   SC_DIR (/tmp/sc-peer)
#   SC_AUTH  mschap-v2 (default) | pap | chap | mschap | eap | any    the only method pppd agrees to
#   SC_CA    a CA file: check the server's certificate against it (unset: --cert-warn)
#   SC_NAME  server name to check and to send as SNI (sets --tls-ext; SERVER is then this name: put it in /etc/hosts)
# Examples of options: --proxy http://user:pass@127.0.0.1:3128   -- +ipv6   -- mtu 1300 mru 1300   -- usepeerdns
# sstpc speaks SHA-1 and SHA-256 crypto binding and gets the MPPE keys from pppd through its plugin (MS-CHAPv2 only).
# Needs: apt-get install -y --no-install-recommends sstp-client ppp gcc libc6-dev linux-libc-dev
set -u
SC_NS=${SC_NS:-} SC_UNIT=${SC_UNIT:-7} SC_USER=${SC_USER:-alice} SC_PASS=${SC_PASS:-Secret-1}
SC_DIR=${SC_DIR:-/tmp/sc-peer} SC_AUTH=${SC_AUTH:-mschap-v2} SC_CA=${SC_CA:-} SC_NAME=${SC_NAME:-}
here=$(cd "$(dirname "$0")" && pwd)
die() { echo "sstpc.sh: $*" >&2; exit 1; }
in_ns() { if [ -n "$SC_NS" ]; then ip netns exec "$SC_NS" "$@"; else "$@"; fi; }
alive() { [ -s "$SC_DIR/pid" ] && kill -0 "$(cat "$SC_DIR/pid")" 2>/dev/null; }
start() {
  command -v sstpc >/dev/null && command -v pppd >/dev/null || die "sstp-client and ppp are not installed"
  [ $# -ge 1 ] || die "start SERVER"
  alive && die "already running"
  mkdir -p "$SC_DIR" /run/sstpc
  local so=${PPPEMU:-/tmp/pppemu.$(cksum <"$here/pppemu.c" | cut -d' ' -f1).so}
  [ -f "$so" ] || { cc -O2 -shared -fPIC -o "$so.$$" "$here/pppemu.c" -lpthread && mv "$so.$$" "$so"; } || die "pppemu.c"
  local witness=/tmp/culvert-witness.$(cksum <"$here/witness.c" | cut -d' ' -f1).so
  [ -f "$witness" ] || { cc -O2 -shared -fPIC -o "$witness.$$" "$here/witness.c" -ldl && mv "$witness.$$" "$witness"; } || die "witness.c"
  local server=$1 sopt=() popt=() seen=; shift
  for a; do if [ "$a" = -- ] && [ -z "$seen" ]; then seen=1; elif [ -n "$seen" ]; then popt+=("$a"); else sopt+=("$a"); fi; done
  if [ -n "$SC_CA" ]; then sopt+=(--ca-cert "$SC_CA"); else sopt+=(--cert-warn); fi
  [ -z "$SC_NAME" ] || sopt+=(--tls-ext)
  local ref="" m
  for m in pap chap mschap mschap-v2 eap; do [ "$SC_AUTH" = any ] || [ "$m" = "$SC_AUTH" ] || ref="$ref refuse-$m"; done
  local id="peer$SC_UNIT"
  printf '#!/bin/sh\necho $$ >%s/sstpc.pid\nexec sstpc --nolaunchpppd --ipparam %s --log-level 4 --log-stderr' "$SC_DIR" "$id" >"$SC_DIR/pty.sh"
  printf ' %q' "${sopt[@]}" "$server" >>"$SC_DIR/pty.sh"; printf ' 2>>%q\n' "$SC_DIR/sstpc.log" >>"$SC_DIR/pty.sh"; chmod 755 "$SC_DIR/pty.sh"
  # shellcheck disable=SC2086
  (export LD_PRELOAD="$so"
    if [ -n "$SC_NS" ]; then set -- ip netns exec "$SC_NS" pppd; else set -- pppd; fi
    exec "$@" nodetach debug logfile "$SC_DIR/pppd.log" noauth nodefaultroute noccp user "$SC_USER" password "$SC_PASS" $ref \
      unit "$SC_UNIT" ipparam "$id" plugin sstp-pppd-plugin.so sstp-sock "/run/sstpc/sstpc-$id" \
      pty "env LD_PRELOAD=$witness WITNESS=$SC_DIR/witness $SC_DIR/pty.sh" "${popt[@]}") >"$SC_DIR/out.log" 2>&1 </dev/null &
  echo $! >"$SC_DIR/pid"
  sleep 0.3; alive || { cat "$SC_DIR"/*.log; die "pppd ended at once"; }
  echo "pppd + sstpc to $server (pid $(cat "$SC_DIR/pid")), interface ppp$SC_UNIT, logs in $SC_DIR"
}
waitup() {
  local i a
  for i in $(seq $((${1:-15} * 5))); do
    a=$(in_ns ip -4 -o addr show dev "ppp$SC_UNIT" 2>/dev/null | awk '{print $4}')
    [ -z "$a" ] || { echo "$a"; return 0; }
    alive || break; sleep 0.2
  done
  tail -n 5 "$SC_DIR"/pppd.log "$SC_DIR"/sstpc.log 2>/dev/null; return 1
}
stop() {
  if alive; then
    local p; p=$(cat "$SC_DIR/pid"); kill "-${1:-TERM}" "$p"
    for _ in $(seq 80); do kill -0 "$p" 2>/dev/null || break; sleep 0.1; done
    kill -0 "$p" 2>/dev/null && kill -KILL "$p"
  fi
  if [ -s "$SC_DIR/sstpc.pid" ]; then # sstpc can outlive a pppd which failed
    kill -0 "$(cat "$SC_DIR/sstpc.pid")" 2>/dev/null && sleep 1
    kill -KILL "$(cat "$SC_DIR/sstpc.pid")" 2>/dev/null
  fi
  rm -f "$SC_DIR/pid" "$SC_DIR/sstpc.pid"; echo stopped
}
case ${1:-} in
start) shift; rm -rf "$SC_DIR"; start "$@" ;; wait) waitup "${2:-}" ;; stop) stop ;; kill) stop KILL ;;
status) alive && in_ns ip addr show "ppp$SC_UNIT" || { echo "not running"; exit 1; } ;;
log) tail -n +1 "$SC_DIR"/*.log ;;
*) sed -n '2,20p' "$0"; exit 2 ;;
esac
