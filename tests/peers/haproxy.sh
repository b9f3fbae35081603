#!/bin/bash
# haproxy.sh - Debian's haproxy 2.6 in front of a server under test.
#   haproxy.sh start LISTEN_IP:PORT SERVER_IP:PORT [MODE]     MODE: v2 (default: PROXY v2 header, TLS passed through),
#       v1 (PROXY v1), none (no header), v2-check (v2 + TCP health checks every second: a LOCAL header and a close),
#       offload (haproxy terminates TLS with HP_PEM and speaks plain SSTP + PROXY v2 to the server),
#       offload-plain (the same without a PROXY header)
#   haproxy.sh stop | status | log
# Environment: HP_DIR (/tmp/hp-peer) HP_PEM (certificate + key in one file)
# Needs: apt-get install -y --no-install-recommends haproxy
set -u
HP_NS=${HP_NS:-} HP_DIR=${HP_DIR:-/tmp/hp-peer} HP_PEM=${HP_PEM:-}
die() { echo "haproxy.sh: $*" >&2; exit 1; }
in_ns() { if [ -n "$HP_NS" ]; then exec ip netns exec "$HP_NS" "$@"; else exec "$@"; fi; } # only ever started with &: its pid is the program's
alive() { [ -s "$HP_DIR/pid" ] && kill -0 "$(cat "$HP_DIR/pid")" 2>/dev/null; }
start() {
  [ $# -ge 2 ] || die "start LISTEN SERVER [MODE]"
  command -v haproxy >/dev/null || die "haproxy is not installed"
  alive && die "already running"
  mkdir -p "$HP_DIR"
  local bind="bind $1" srv="server s1 $2" mode=${3:-v2}
  case $mode in
  v2) srv="$srv send-proxy-v2" ;; v1) srv="$srv send-proxy" ;; none) ;;
  v2-check) srv="$srv send-proxy-v2 check inter 1s" ;;
  offload | offload-plain)
    [ -f "$HP_PEM" ] || die "offload needs HP_PEM"; bind="$bind ssl crt $HP_PEM"
    [ $mode = offload-plain ] || srv="$srv send-proxy-v2" ;;
  *) die "mode $mode?" ;;
  esac
  cat >"$HP_DIR/cfg" <<C
global
  log stdout format raw local0 info
  maxconn 4096
defaults
  mode tcp
  log global
  option tcplog
  timeout connect 3s
  timeout client 1h
  timeout server 1h
listen sstp
  $bind
  $srv
C
  in_ns haproxy -db -f "$HP_DIR/cfg" >"$HP_DIR/log" 2>&1 </dev/null &
  echo $! >"$HP_DIR/pid"
  sleep 0.5
  alive || { cat "$HP_DIR/log"; die "did not start"; }
  echo "haproxy $mode on $1 -> $2 (pid $(cat "$HP_DIR/pid"))"
}
stop() {
  if alive; then
    local p i; p=$(cat "$HP_DIR/pid"); kill -TERM "$p"
    for i in $(seq 50); do kill -0 "$p" 2>/dev/null || break; sleep 0.1; done
  fi
  case $HP_DIR in /tmp/?*) rm -rf "$HP_DIR" ;; esac
  echo stopped
}
case ${1:-} in
start) shift; start "$@" ;; stop) stop ;; status) alive && echo runs || echo "not running" ;; log) cat "$HP_DIR/log" ;;
*) sed -n '2,10p' "$0"; exit 2 ;;
esac
