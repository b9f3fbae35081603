// SPDX-License-Identifier: Apache-2.0
/* What it all comes to: the findings in order, and how to see the same by hand. */
#include <string.h>

#include "diagnose/private.h"

static void collect(const struct diagnosis *d, enum outcome weight, struct diagnosis_verdict *ret)
{
	for (enum probe_id id = 0; id < PROBES; id++)
		for (size_t i = 0; i < d->probes[id].n_findings; i++)
			if (d->probes[id].findings[i].weight == weight)
				ret->lines[ret->n++] =
					(struct verdict_line){id, &d->probes[id].findings[i]};
}

void diagnosis_verdict(const struct diagnosis *d, struct diagnosis_verdict *ret)
{
	*ret = (struct diagnosis_verdict){.outcome = OUTCOME_OK};
	collect(d, OUTCOME_FAILED, ret);
	if (ret->n)
		ret->exit_code = layer_exit_code(event_info(ret->lines[0].finding->event)->layer);
	collect(d, OUTCOME_WARNING, ret);
	if (ret->n)
		ret->outcome = ret->lines[0].finding->weight;
	collect(d, OUTCOME_OK, ret); /* notes */
}

/* $h host, $p port, $a address, $s name for SNI. By event number from … to; the first that fits. */
// clang-format off
static const struct {
	int from, to;
	const char *command;
} commands[] = {
	{EV_DNS_NO_SUCH_NAME, EV_DNS_REFUSED, "dig $h A; dig $h AAAA; getent ahosts $h"},
	{EV_DNS_FILTERED, EV_DNS_PRIVATE, "dig $h A; dig @1.1.1.1 $h A; getent ahosts $h"},
	{EV_DNS_IPV6_ONLY, EV_DNS_IPV6_ONLY, "dig $h A; dig $h AAAA; ip -6 route get $a"},
	{EV_TCP_REFUSED, EV_TCP_REFUSED, "nc -vz $a $p"},
	{EV_TCP_TIMEOUT, EV_TCP_UNREACHABLE, "traceroute -T -p $p $a"},
	{EV_TCP_RESET, EV_TCP_PROHIBITED, "nc -vz $a $p; mtr -T -P $p $a"},
	{EV_PROXY_AUTH_NEEDED, EV_PROXY_BAD_URL, "curl -v --proxy http://PROXY:PORT https://$h:$p/"},
	{EV_TLS_OLD_ONLY, EV_TLS_OLD_ONLY, "openssl s_client -connect $h:$p -tls1 -cipher ALL@SECLEVEL=0"},
	{EV_TLS_NEEDS_SNI, EV_TLS_NEEDS_SNI, "openssl s_client -connect $h:$p -noservername"},
	{EV_CERT_REVOKED, EV_CERT_REVOCATION_OFFLINE, "openssl s_client -connect $h:$p -servername $s | openssl x509 -noout -ext crlDistributionPoints,authorityInfoAccess"},
	{EV_TLS_NOT_TLS, EV_CERT_EXPIRES_SOON, "openssl s_client -connect $h:$p -servername $s -showcerts -verify_hostname $h"},
	{EV_HTTP_STATUS, EV_HTTP_ANSWERED, "curl -vk -X SSTP_DUPLEX_POST 'https://$h:$p/sra_{BA195980-CD49-458b-9E23-C84EE0ADCD75}/' -H 'Content-Length: 18446744073709551615' -m 5"},
	{EV_PROBE_HTTP_WEB_SERVER, EV_PROBE_HTTP_HEALTH, "curl -vkg -I 'https://$h:$p/sra_{BA195980-CD49-458b-9E23-C84EE0ADCD75}/'"},
	{EV_PROBE_SILENT_AFTER_TCP, EV_PROBE_SILENT_AFTER_TCP, "openssl s_client -connect $h:$p -servername $s"},
	{EV_SSTP_NO_CONNECT_ACK, EV_SSTP_BINDING_OK, "sstpc --log-level 4 --log-stderr --cert-warn $h:$p (or tshark with culvert connect --keylog)"},
	{EV_LCP_NO_ANSWER, EV_NCP_TIMEOUT, "sstpc --log-level 4 --log-stderr $h:$p debug (pppd's debug log)"},
	{EV_PROBE_BINDING_OFFLOAD, EV_PROBE_BINDING_OFFLOAD, "openssl s_client -connect $h:$p -servername $s | openssl x509 -noout -fingerprint -sha256 (compare on the server)"},
	{EV_PROBE_NO_GATEWAY, EV_PROBE_NO_GATEWAY, "ping the server's inner address with the tunnel up"},
	{EV_PROBE_MTU_BLACK_HOLE, EV_PROBE_MTU_BLACK_HOLE, "ping -M do -s SIZE ADDRESS with the tunnel up"},
	{EV_PROBE_INNER_DNS_ERROR, EV_PROBE_INNER_DNS_ERROR, "dig @SERVER $h with the tunnel up"},
	{EV_PROBE_TARGET_REFUSED, EV_PROBE_TARGET_TCP_SILENT, "nc -vz TARGET PORT; traceroute -T -p PORT TARGET with the tunnel up"},
	{EV_PROBE_TARGET_NAME, EV_PROBE_TARGET_NAME, "dig @SERVER TARGET with the tunnel up"},
	{EV_PROBE_TARGET_FAMILY, EV_PROBE_TARGET_FAMILY, "ip address; ip -6 route with the tunnel up"},
	{EV_PROBE_NOTHING_INSIDE, EV_PROBE_NOTHING_INSIDE, "ping the server's inner address with the tunnel up; tcpdump on the server's tunnel interface"},
	{EV_PROBE_INNER_DNS_DEAD, EV_PROBE_INNER_DNS_DEAD, "dig @SERVER $h with the tunnel up"},
	{EV_PROBE_NO_FORWARDING, EV_PROBE_OVERLAP, "ip route; traceroute TARGET with the tunnel up"},
	{EV_PROBE_CAPTIVE_PORTAL, EV_PROBE_CAPTIVE_PORTAL, "curl -v http://$h/"},
	{EV_PROBE_STREAM_STALLED, EV_PROBE_STREAM_STALLED, "ping -M do -s 1472 $a; ss -tni dst $a"},
	{EV_PROBE_LARGE_OUTER_LOST, EV_PROBE_LARGE_OUTER_LOST, "ping -M do -s 1472 $a; tracepath $a"},
	{EV_PROBE_ROUTE_MISSING, EV_PROBE_LOCAL_DNS, "ip route; resolvectl status (Windows: route print)"},
};
// clang-format on

static const char *template_of(enum event ev)
{
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if ((int)ev >= commands[i].from && (int)ev <= commands[i].to)
			return commands[i].command;
	return "";
}

const char *manual_command(const struct diagnosis *d, enum event ev, char *ret, size_t cap)
{
	char address[ADDR_TEXT_LEN], port[8];
	const struct addr *a = d->server.addr.family ? &d->server.addr : &d->addresses[0].addr;
	const char *sni = d->sni && *d->sni ? d->sni : d->opts->host;
	size_t n = 0;

	snprintf(port, sizeof(port), "%u", d->opts->port);
	if (a->family)
		addr_format(a, address);
	else
		snprintf(address, sizeof(address), "%s", "ADDRESS");
	for (const char *p = template_of(ev); *p && n + 1 < cap; p++) {
		const char *insert = *p != '$'     ? NULL
				     : p[1] == 'h' ? d->opts->host
				     : p[1] == 'p' ? port
				     : p[1] == 'a' ? address
				     : p[1] == 's' ? sni
						   : NULL;

		if (!insert) {
			ret[n++] = *p;
			continue;
		}
		n += (size_t)snprintf(ret + n, cap - n, "%s", insert);
		p++;
	}
	ret[n < cap ? n : cap - 1] = '\0';
	return ret;
}
