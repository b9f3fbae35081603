#!/bin/bash
# eapol.sh - asks a RADIUS server for one EAP login with Debian's eapol_test 2.10 (the peer side of wpa_supplicant)
# and judges it: PASS when the server accepts and both ends have the same keys, and the keys themselves.
#   eapol.sh METHOD SERVER PORT SECRET [USER [PASSWORD]]      METHOD: tls | peap | mschapv2 | md5
#   eapol.sh tls 127.0.0.1 18120 testing123 alice
# Prints PASS or "FAIL why", then what there is of: "msk HEX" (64 bytes of TLS, PEAP; 32 of MSCHAPv2, as the server sent it:
#   MS-MPPE-Recv-Key, then MS-MPPE-Send-Key), "eap" (methods and TLS version) and "attr" lines (other attributes).
#   Status 0 PASS, 1 FAIL, 2 usage. md5 has no keys: PASS is the Access-Accept alone.
# Environment: EJ_NS (empty: current namespace) EJ_DIR (/var/tmp/eapol-judge.PID, removed; a name given is kept: conf, log)
#   EJ_CA (unset: the server's certificate is not checked) EJ_NAME (unset; the name or the end of it in the certificate)
#   EJ_CERT EJ_KEY (tls; the peer's) EJ_ANON (anonymous; peap's outer identity) EJ_TLS (1.2; 1.3 or both)
#   EJ_PHASE1 (more words of wpa_supplicant's phase1: crypto_binding=2 demands PEAP's crypto binding, =0 ignores it)
#   EJ_INNER (MSCHAPV2; peap's inner method, or TLS with EJ_CERT and EJ_KEY)
#   EJ_FRAG (1398; the longest EAP fragment it sends) EJ_TIMEOUT (10 s) EJ_ATTRS (more options of eapol_test, such as
#   "-N 61:d:5 -N 6:d:2") EJ_REPEAT (0; further logins in the same process, which resume the TLS session if they may)
# Needs: apt-get install -y --no-install-recommends eapoltest
set -u
EJ_NS=${EJ_NS:-} EJ_CA=${EJ_CA:-} EJ_NAME=${EJ_NAME:-} EJ_CERT=${EJ_CERT:-} EJ_KEY=${EJ_KEY:-} EJ_ANON=${EJ_ANON:-anonymous}
EJ_TLS=${EJ_TLS:-1.2} EJ_FRAG=${EJ_FRAG:-1398} EJ_TIMEOUT=${EJ_TIMEOUT:-10} EJ_ATTRS=${EJ_ATTRS:-} EJ_REPEAT=${EJ_REPEAT:-0}
EJ_PHASE1=${EJ_PHASE1:+ $EJ_PHASE1} EJ_INNER=${EJ_INNER:-MSCHAPV2}
die() { echo "eapol.sh: $*" >&2; exit 2; }
[ $# -ge 4 ] || { sed -n '2,/^set -u/{/^#/p}' "$0"; exit 2; }
METHOD=$1 SERVER=$2 PORT=$3 SECRET=$4 USER_=${5:-alice} PASS=${6:-Secret-1}
command -v eapol_test >/dev/null || die "eapol_test is not installed"
if [ -n "${EJ_DIR:-}" ]; then mkdir -p "$EJ_DIR" || exit 2
else EJ_DIR=/var/tmp/eapol-judge.$$; mkdir "$EJ_DIR" || exit 2; trap 'rm -rf "$EJ_DIR"' EXIT; fi
case $EJ_TLS in
1.2) PHASE1="tls_disable_tlsv1_3=1" ;; both) PHASE1="tls_disable_tlsv1_3=0" ;;
1.3) PHASE1="tls_disable_tlsv1_0=1 tls_disable_tlsv1_1=1 tls_disable_tlsv1_2=1 tls_disable_tlsv1_3=0" ;;
*) die "EJ_TLS is 1.2, 1.3 or both" ;;
esac
hex() { printf %s "$1" | od -An -tx1 -v | tr -d ' \n'; } # wpa_supplicant takes any string as hex digits without quotes
server_check() {
  [ -z "$EJ_CA" ] || echo "  ca_cert=\"$EJ_CA\""
  [ -z "$EJ_NAME" ] || echo "  domain_suffix_match=\"$EJ_NAME\""
}
{
  echo "network={"; echo "  key_mgmt=IEEE8021X"; echo "  eapol_flags=0"
  echo "  fragment_size=$EJ_FRAG"
  case $METHOD in
  tls)
    [ -n "$EJ_CERT" ] && [ -n "$EJ_KEY" ] || die "tls needs EJ_CERT and EJ_KEY"
    echo "  eap=TLS"; echo "  identity=$(hex "$USER_")"; echo "  client_cert=\"$EJ_CERT\""; echo "  private_key=\"$EJ_KEY\""
    echo "  phase1=\"$PHASE1$EJ_PHASE1\""; server_check ;;
  peap)
    echo "  eap=PEAP"; echo "  identity=$(hex "$USER_")"; echo "  anonymous_identity=$(hex "$EJ_ANON")"; echo "  password=\"$PASS\""
    echo "  phase1=\"peapver=0 $PHASE1$EJ_PHASE1\""; echo "  phase2=\"auth=$EJ_INNER\""; server_check
    if [ "$EJ_INNER" = TLS ]; then echo "  ca_cert2=\"$EJ_CA\""; echo "  client_cert2=\"$EJ_CERT\""; echo "  private_key2=\"$EJ_KEY\""; fi ;;
  mschapv2) echo "  eap=MSCHAPV2"; echo "  identity=$(hex "$USER_")"; echo "  password=\"$PASS\"" ;;
  md5) echo "  eap=MD5"; echo "  identity=$(hex "$USER_")"; echo "  password=\"$PASS\"" ;;
  *) die "METHOD is tls, peap, mschapv2 or md5" ;;
  esac
  echo "}"
} >"$EJ_DIR/conf" || exit 2
NS=(); [ -z "$EJ_NS" ] || NS=(ip netns exec "$EJ_NS")
NOKEY=(); [ "$METHOD" != md5 ] || NOKEY=(-n)
# shellcheck disable=SC2086
"${NS[@]}" eapol_test "${NOKEY[@]}" -c "$EJ_DIR/conf" -a "$SERVER" -p "$PORT" -s "$SECRET" -t "$EJ_TIMEOUT" \
  -r "$EJ_REPEAT" $EJ_ATTRS >"$EJ_DIR/log" 2>&1 </dev/null
echo "rc $?" >>"$EJ_DIR/log"
LOG=$EJ_DIR/log
bytes() { sed -n "s/^$1 - hexdump(len=[0-9]*): //p" "$LOG" | tail -n 1 | tr -d ' '; } # the last of that name
SENT=$(bytes 'MS-MPPE-Recv-Key (crypt)')$(bytes 'MS-MPPE-Send-Key (sign)') OWN=""
case $METHOD in tls) OWN=$(bytes 'EAP-TLS: Derived key') ;; peap) OWN=$(bytes 'EAP-PEAP: Derived key') ;;
mschapv2) OWN=$(bytes 'EAP-MSCHAPV2: Derived key') ;; esac
SENT=${SENT,,} OWN=${OWN,,} WHY=""
# eapol_test itself compares the first 32 bytes only (the PMK), so the whole MSK is compared here too
if ! grep -qx SUCCESS "$LOG"; then
  WHY=$(grep -m 1 -oE "^(TLS: Certificate verification failed, error .*|TLS: Domain suffix match .* not found)" "$LOG" ||
    sed -n 's/^EAP: Status notification: \(local\|remote\) TLS alert (param=\(.*\))/\1 TLS alert: \2/p' "$LOG" | head -n 1)
  [ -n "$WHY" ] || WHY=$(grep -m 1 -oE "Connection refused|TLS: Failed to .*|EAP-MSCHAPV2: Received failure|EAPOL test timed out|$(
    )EAP-PEAP: (Invalid Compound_MAC|No cryptobinding TLV).*" "$LOG")
  if grep -q "code=3 (Access-Reject)" "$LOG"; then WHY="Access-Reject${WHY:+, $WHY}"
  elif ! grep -q "^Received RADIUS message" "$LOG"; then WHY="no answer (silent, or another secret)${WHY:+, $WHY}"; fi
  grep -q "code=2 (Access-Accept)" "$LOG" && WHY="Access-Accept, but the peer is not content or the keys differ${WHY:+, $WHY}"
elif [ "$METHOD" != md5 ]; then
  grep -q "^MPPE keys OK: [1-9][0-9]*  mismatch: 0" "$LOG" || WHY="no MPPE keys"
  [ "$SENT" = "$OWN" ] || WHY="keys differ after the first 32 bytes: the peer has $OWN"
fi
[ -z "$WHY" ] && grep -qx SUCCESS "$LOG" && { echo "PASS $METHOD $USER_"; RC=0; } || { echo "FAIL $METHOD $USER_: ${WHY:-see the log}"; RC=1; }
[ -z "$SENT" ] || echo "msk $SENT"
echo "eap $(sed -n 's/^CTRL-EVENT-EAP-METHOD EAP vendor 0 method [0-9]* (\(.*\)) selected/\1/p' "$LOG" | uniq | tr '\n' ' ')$(
  sed -n 's/^SSL: Using TLS version //p' "$LOG" | tail -n 1) $(grep -c "code=1 (Access-Request)" "$LOG") requests, $(
  grep -cE "^OpenSSL: Handshake finished - resumed=1|Session resumed" "$LOG") resumed"
# the attributes of the last Access-Accept or -Reject, but EAP, State, Message-Authenticator and the keys
awk '/^RADIUS message: code=/ { on = /code=[23] /; n = 0 } on && /^   Attribute / { a = $2 " " $3; next }
  on && /^      Value: / && a !~ /^(24|26|79|80|102) / { sub(/^ *Value: /, ""); l[++n] = "attr " a " " $0 }
  END { for (i = 1; i <= n; i++) print l[i] }' "$LOG"
exit $RC
