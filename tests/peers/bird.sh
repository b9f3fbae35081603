#!/bin/bash
# bird.sh - two of Debian's BIRD 2: a learns the routes of one kernel table that bear a certain protocol number and
#   announces them by BGP to b in another namespace, which puts them into its kernel's main table (so that it reaches them).
#   bird.sh start | stop | status | log
#   bird.sh routes              what b has learnt by BGP: prefix, next hop
#   bird.sh wait PREFIX [gone]  until b has PREFIX (or no more), 10 s at most
#   bird.sh birdc a|b COMMAND...        e.g. birdc a show route protocol k4
# Environment: BI_NS, BI_NS_B (a process in the namespace of a and one in that of b; made and linked by the caller)
#   BI_IP, BI_IP_B (192.0.2.1, 192.0.2.2: addresses of a and b on the link)   BI_IP6, BI_IP6_B (empty; for IPv6: global addresses)
#   BI_TABLE (254, main)   BI_PROTO (83)   BI_AS, BI_AS_B (65001, 65002)   BI_DIR (/var/tmp/bird-peer)
# Needs: apt-get install -y --no-install-recommends bird2
set -u
BI_NS=${BI_NS:-} BI_NS_B=${BI_NS_B:-} BI_IP=${BI_IP:-192.0.2.1} BI_IP_B=${BI_IP_B:-192.0.2.2} BI_IP6=${BI_IP6:-} BI_IP6_B=${BI_IP6_B:-}
BI_TABLE=${BI_TABLE:-254} BI_PROTO=${BI_PROTO:-83} BI_AS=${BI_AS:-65001} BI_AS_B=${BI_AS_B:-65002} BI_DIR=${BI_DIR:-/var/tmp/bird-peer}
die() { echo "bird.sh: $*" >&2; exit 1; }
pid() { cat "$BI_DIR/$1.pid" 2>/dev/null; }
alive() { local p; p=$(pid "$1") && [ -n "$p" ] && { tr '\0' ' ' <"/proc/$p/cmdline"; } 2>/dev/null | grep -qF -- "$BI_DIR/$1.conf"; }
birdc() { birdcl -r -s "$BI_DIR/$1.ctl" "${@:2}" | grep -v '^BIRD .* ready\.$\|^Access restricted$'; }
session() { # NAME LOCAL AS NEIGHBOUR AS CHANNEL IMPORT EXPORT
  echo "protocol bgp $1 { local $2 as $3; neighbor $4 as $5; connect delay time 1; connect retry time 1; error wait time 1, 5;"
  echo "  hold time 9; $6 { import $7; export $8; }; }"
}
start() {
  command -v bird >/dev/null || PATH=$PATH:/usr/sbin; command -v bird >/dev/null || die "bird2 is not installed"
  [ -n "$BI_NS" ] && [ -n "$BI_NS_B" ] || die "BI_NS and BI_NS_B must be given"
  alive a && die "already running"
  mkdir -p "$BI_DIR"
  local f n ns
  for n in a b; do
    {
      echo "log \"$BI_DIR/$n.log\" all;"
      [ $n = a ] && echo "router id $BI_IP;" || echo "router id $BI_IP_B;"
      echo "protocol device { scan time 1; }"
      for f in 4 6; do
        if [ $n = a ]; then
          echo "protocol kernel k$f { learn; scan time 1; kernel table $BI_TABLE; ipv$f { import where krt_source = $BI_PROTO; export none; }; }"
        else
          echo "protocol kernel k$f { scan time 1; ipv$f { import none; export where source = RTS_BGP; }; }"
        fi
      done
      if [ $n = a ]; then
        session peer4 "$BI_IP" "$BI_AS" "$BI_IP_B" "$BI_AS_B" ipv4 none all
        [ -z "$BI_IP6" ] || session peer6 "$BI_IP6" "$BI_AS" "$BI_IP6_B" "$BI_AS_B" ipv6 none all
      else
        session peer4 "$BI_IP_B" "$BI_AS_B" "$BI_IP" "$BI_AS" ipv4 all none
        [ -z "$BI_IP6" ] || session peer6 "$BI_IP6_B" "$BI_AS_B" "$BI_IP6" "$BI_AS" ipv6 all none
      fi
    } >"$BI_DIR/$n.conf"
    [ $n = a ] && ns=$BI_NS || ns=$BI_NS_B
    nsenter --net="/proc/$ns/ns/net" bird -f -c "$BI_DIR/$n.conf" -s "$BI_DIR/$n.ctl" >"$BI_DIR/$n.out" 2>&1 </dev/null &
    echo $! >"$BI_DIR/$n.pid"
  done
  for _ in $(seq 100); do
    alive a && alive b || { cat "$BI_DIR"/*.out; die "ended at once"; }
    n=$({ birdc a show protocols; birdc b show protocols; } 2>/dev/null | grep -c Established)
    [ "$n" = "$([ -z "$BI_IP6" ] && echo 2 || echo 4)" ] && { echo "BIRD a (AS $BI_AS, $BI_NS, table $BI_TABLE, protocol $BI_PROTO) and b (AS $BI_AS_B, $BI_NS_B): BGP established"; return; }
    sleep 0.1
  done
  birdc a show protocols; die "BGP not established after 10 s"
}
routes() { birdc b show route primary | awk '/^[0-9a-f].*\// { p = $1 } /via/ { print p, $2 }'; }
wait_for() {
  for _ in $(seq 100); do
    if routes | grep -qF "$1 "; then [ -n "${2:-}" ] || { routes | grep -F "$1 "; return; }; elif [ -n "${2:-}" ]; then echo "$1 gone"; return; fi
    sleep 0.1
  done
  die "$1: not so after 10 s"
}
stop() {
  local n p
  for n in a b; do
    alive $n || continue; p=$(pid $n); kill "$p"
    for _ in $(seq 50); do kill -0 "$p" 2>/dev/null || break; sleep 0.1; done
  done
  case $BI_DIR in /tmp/?* | /var/tmp/?*) rm -rf "$BI_DIR" ;; esac
  echo stopped
}
case ${1:-} in
start) start ;; stop) stop ;; routes) routes ;; wait) wait_for "${2:?}" "${3:-}" ;;
birdc) shift; birdc "$@" ;;
status) for n in a b; do alive $n && { echo "$n: pid $(pid $n)"; birdc $n show protocols; } || echo "$n: not running"; done ;;
log) tail -n 50 "$BI_DIR"/*.log ;;
*) sed -n '2,12p' "$0"; exit 2 ;;
esac
