// SPDX-License-Identifier: Apache-2.0
/* Questions to the name servers that the VPN server hands out, through the tunnel (RFC 1035). */
#include <ares.h>
#include <arpa/nameser.h>
#include <netdb.h>
#include <string.h>

#include "base/crypto.h"
#include "base/wr.h"
#include "diagnose/inner.h"
#include "ip/packet.h"

#define DNS_TRIES 2
#define DNS_MS 1500

static size_t put_question(
	struct inner *in, const char *name, uint16_t type, uint8_t *udp, size_t cap)
{
	struct wr w = wr_init(udp, cap);

	wr_be16(&w, in->dns_port);
	wr_be16(&w, 53);
	wr_be16(&w, 0);
	wr_be16(&w, 0); /* no checksum: IPv4 allows it, and TLS guards the way */
	wr_be16(&w, in->dns_id);
	wr_be16(&w, 0x0100); /* recursion desired */
	wr_be16(&w, 1);
	wr_zero(&w, 6);
	for (const char *p = name; *p;) {
		size_t n = strcspn(p, ".");

		if (!n || n > 63)
			return 0;
		wr_u8(&w, (uint8_t)n);
		wr_octets(&w, p, n);
		p += n + (p[n] == '.');
	}
	wr_u8(&w, 0);
	wr_be16(&w, type);
	wr_be16(&w, ns_c_in);
	wr_patch_be16(udp + 4, wr_len(&w));
	return w.overflow ? 0 : wr_len(&w);
}

void inner_on_udp(struct inner *in, struct rd r)
{
	uint16_t from = rd_be16(&r), to = rd_be16(&r), flags;
	struct rd dns;

	rd_be32(&r);
	dns = r;
	if (from != 53 || to != in->dns_port || rd_be16(&r) != in->dns_id)
		return;
	flags = rd_be16(&r);
	if (r.short_read || !(flags & 0x8000))
		return;
	in->dns_len = rd_left(&dns) < INNER_DNS_MAX ? rd_left(&dns) : INNER_DNS_MAX;
	memcpy(in->dns_octets, dns.p, in->dns_len);
	in->dns_rcode = flags & 15;
}

static bool dns_done(const struct call *c)
{
	return ((const struct inner *)c->packet_arg)->dns_len != 0;
}

static bool ask_once(struct inner *in, const struct addr *server, const char *name, uint16_t type)
{
	uint8_t packet[600] = {0};
	size_t n;

	in->dns_len = 0;
	crypto_random(&in->dns_id, sizeof(in->dns_id));
	crypto_random(&in->dns_port, sizeof(in->dns_port));
	in->dns_port |= 0x8000;
	n = put_question(
		in, name, type, packet + IPV4_HEADER_LEN, sizeof(packet) - IPV4_HEADER_LEN);
	if (!n)
		return false;
	in->sent_us = clock_mono_us();
	inner_put_ipv4(packet, &in->own, server, IP_UDP, n);
	call_send_ip(in->call, AF_INET, packet, IPV4_HEADER_LEN + n);
	return call_run(in->call, dns_done, clock_mono_ms() + DNS_MS);
}

static bool ask(struct inner *in, const struct addr *server, const char *name, uint16_t type)
{
	for (int k = 0; k < DNS_TRIES; k++)
		if (ask_once(in, server, name, type))
			return true;
	return false;
}

void inner_ask_dns(struct inner *in)
{
	const char *host = in->call->d->opts->host;
	struct addr literal;

	if (addr_parse(host, &literal) == 0)
		host = "localhost";
	for (int i = 0; i < 2; i++) {
		const struct addr *server = &in->call->v4.dns[i];

		if (!server->family || !ask(in, server, host, ns_t_a))
			continue;
		in->dns[i] = (struct inner_dns){.answered = true,
			.rcode = in->dns_rcode,
			.ms = (double)(clock_mono_us() - in->sent_us) / 1000};
	}
}

static const char *rcode_text(int rcode)
{
	switch (rcode) {
	case ns_r_noerror: return "no error";
	case ns_r_servfail: return "SERVFAIL: it failed to look the name up";
	case ns_r_nxdomain: return "NXDOMAIN: no such name";
	case ns_r_notimpl: return "NOTIMP";
	case ns_r_refused: return "REFUSED: it does not answer questions of this client";
	}
	return "an error";
}

void inner_judge_dns(const struct inner *in, struct probe *p)
{
	if (!in->call->v4.dns[0].family)
		probe_fact(p, "DNS", "the server hands out no name server");
	for (int i = 0; i < 2; i++) {
		const struct inner_dns *dns = &in->dns[i];
		char text[ADDR_TEXT_LEN];

		if (!in->call->v4.dns[i].family)
			continue;
		addr_format(&in->call->v4.dns[i], text);
		if (dns->answered)
			probe_fact(p, "DNS", "%s answers in %.1f ms (%s)", text, dns->ms,
				rcode_text(dns->rcode));
		else
			probe_find(p, i ? OUTCOME_WARNING : OUTCOME_FAILED, EV_PROBE_INNER_DNS_DEAD,
				"%s: no answer through the tunnel", text);
		if (dns->answered && dns->rcode != ns_r_noerror && dns->rcode != ns_r_nxdomain)
			probe_find(p, OUTCOME_WARNING, EV_PROBE_INNER_DNS_ERROR, "%s: %s", text,
				rcode_text(dns->rcode));
	}
}

/* The first address of the answer that was just received. */
static bool first_address(const struct inner *in, int family, struct addr *ret)
{
	struct hostent *host = NULL;
	int r = family == AF_INET
			? ares_parse_a_reply(in->dns_octets, (int)in->dns_len, &host, NULL, NULL)
			: ares_parse_aaaa_reply(
				  in->dns_octets, (int)in->dns_len, &host, NULL, NULL);
	bool found = r == ARES_SUCCESS && host && host->h_addr_list[0];

	if (found) {
		*ret = (struct addr){.family = (uint8_t)family};
		memcpy(ret->octets, host->h_addr_list[0], addr_len(ret));
	}
	if (host)
		ares_free_hostent(host);
	return found;
}

const char *inner_resolve(struct inner *in, const char *name, struct addr *ret)
{
	const char *why = "the tunnel has no name server";

	for (int i = 0; i < 2; i++) {
		const struct addr *server = &in->call->v4.dns[i];

		if (!in->own.family || !server->family)
			continue;
		why = "no answer";
		if (!ask(in, server, name, ns_t_a))
			continue;
		if (first_address(in, AF_INET, ret))
			return "";
		why = in->dns_rcode ? rcode_text(in->dns_rcode) : "the name has no address";
		if (ask(in, server, name, ns_t_aaaa) && first_address(in, AF_INET6, ret))
			return "";
	}
	return why;
}

const char *inner_knows(struct inner *in, const struct addr *server, const char *domain)
{
	if (!ask(in, server, domain, ns_t_soa))
		return "no answer";
	return in->dns_rcode ? rcode_text(in->dns_rcode) : "";
}
