/*
 * Theory of operation
 *
 * The tunnel is up, and no interface is needed to try it: IPv4 packets are made here and go into the
 * tunnel as frames (and IPv6 is left at "agreed or not"). Pinged are the server's own inner address,
 * then what is behind it. The path's MTU is searched downwards from what the server takes, with
 * "don't fragment" set, once towards the server and once towards --target. A size that vanishes
 * without an ICMP word, while smaller ones pass, is a black hole.
 */
#include <ifaddrs.h>
#include <netinet/ip_icmp.h>
#include <string.h>

#include "base/crypto.h"
#include "base/wr.h"
#include "diagnose/private.h"
#include "ip/packet.h"
#include "offload/csum.h"

#define PING_MS 1000
#define PINGS 4
#define MTU_LEAST 576
#define DNS_TRIES 2
#define SPEED_WINDOW 32 /* echoes under way: enough for 200 Mbit/s over 2 ms, and no flood */

struct inner {
	struct call *call;
	struct addr own, gateway;
	uint16_t id, seq;      /* of the echo waited for */
	uint16_t dns_id, port; /* of the DNS question */
	bool echoed, dns_answered, too_big;
	int dns_rcode;
	uint16_t next_mtu; /* of an ICMP "fragmentation needed" */
	uint64_t sent_us, rtt_us;
	uint64_t octets, packets; /* --speed */
};

/* ---- packets ------------------------------------------------------------------------------------ */

static size_t put_ipv4(uint8_t *p, const struct addr *from, const struct addr *to, uint8_t protocol,
	size_t payload)
{
	struct wr w = wr_init(p, IPV4_HEADER_LEN);
	uint16_t check;

	wr_u8(&w, 0x45);
	wr_u8(&w, 0);
	wr_be16(&w, (uint16_t)(IPV4_HEADER_LEN + payload));
	wr_be16(&w, 0);
	wr_be16(&w, 0x4000); /* don't fragment */
	wr_u8(&w, 64);
	wr_u8(&w, protocol);
	wr_be16(&w, 0);
	wr_octets(&w, from->octets, 4);
	wr_octets(&w, to->octets, 4);
	check = csum_finish(csum_add(0, p, IPV4_HEADER_LEN));
	memcpy(p + 10, &check, 2);
	return IPV4_HEADER_LEN + payload;
}

static int send_echo(struct inner *in, const struct addr *to, uint16_t seq, size_t size)
{
	uint8_t packet[2048] = {0}, *icmp = packet + IPV4_HEADER_LEN;
	size_t payload = size - IPV4_HEADER_LEN;
	struct wr w = wr_init(icmp, 8);
	uint16_t check;

	wr_u8(&w, ICMP_ECHO);
	wr_u8(&w, 0);
	wr_be16(&w, 0);
	wr_be16(&w, in->id);
	wr_be16(&w, seq);
	check = csum_finish(csum_add(0, icmp, payload));
	memcpy(icmp + 2, &check, 2);
	return call_send_ip(
		in->call, AF_INET, packet, put_ipv4(packet, &in->own, to, IPPROTO_ICMP, payload));
}

static void on_icmp(struct inner *in, struct rd r)
{
	uint8_t type = rd_u8(&r), code = rd_u8(&r);
	uint16_t a, b;

	rd_be16(&r);
	a = rd_be16(&r);
	b = rd_be16(&r);
	if (type == ICMP_ECHOREPLY && a == in->id) {
		in->packets++;
		if (b != in->seq)
			return;
		in->echoed = true;
		in->rtt_us = clock_mono_us() - in->sent_us;
	} else if (type == ICMP_DEST_UNREACH && code == ICMP_FRAG_NEEDED) {
		in->too_big = true;
		in->next_mtu = b;
	}
}

static void on_udp(struct inner *in, struct rd r)
{
	uint16_t from = rd_be16(&r), to = rd_be16(&r), flags;

	rd_be32(&r);
	if (from != 53 || to != in->port || rd_be16(&r) != in->dns_id)
		return;
	flags = rd_be16(&r);
	in->dns_answered = !r.short_read;
	in->dns_rcode = flags & 15;
}

static void on_packet(void *arg, int family, struct rd packet)
{
	struct inner *in = arg;
	struct ip_view v;
	struct rd r = packet;

	if (family != AF_INET || packet_parse(packet.p, rd_left(&packet), &v) < 0 ||
		v.later_fragment)
		return;
	rd_ptr(&r, v.header_len);
	in->octets += v.len;
	if (v.protocol == IPPROTO_ICMP)
		on_icmp(in, r);
	else if (v.protocol == IPPROTO_UDP)
		on_udp(in, r);
}

/* ---- ping ----------------------------------------------------------------------------------------- */

static struct inner *current; /* what the predicates below look at: there is one call at a time */

static bool echo_done(const struct call *c)
{
	return current->echoed || current->too_big;
}

static bool ping(struct inner *in, const struct addr *to, size_t size)
{
	in->echoed = in->too_big = false;
	in->seq++;
	in->sent_us = clock_mono_us();
	if (send_echo(in, to, in->seq, size) < 0)
		return false;
	call_run(in->call, echo_done, clock_mono_ms() + PING_MS);
	return in->echoed;
}

/* How many of PINGS were answered, with their mean time; gives up after two that were not. */
static unsigned ping_some(struct inner *in, const struct addr *to, double *ret_ms)
{
	unsigned n = 0, lost = 0;
	double sum = 0;

	for (int i = 0; i < PINGS && lost < 2; i++)
		if (ping(in, to, 84)) {
			sum += (double)in->rtt_us / 1000;
			n++;
		} else {
			lost++;
		}
	*ret_ms = n ? sum / n : 0;
	return n;
}

/* ---- MTU ------------------------------------------------------------------------------------------ */

/* One lost packet is no proof: each size gets two chances. */
static bool passes(struct inner *in, const struct addr *to, size_t size)
{
	return ping(in, to, size) || (!in->too_big && ping(in, to, size));
}

static void judge_mtu(struct inner *in, struct probe *p, const char *name, const struct addr *to)
{
	size_t most = tunnel_peer_mru(in->call->tunnel), good = MTU_LEAST, bad;
	char where[ADDR_TEXT_LEN];
	bool told = false;

	if (most > 1500)
		most = 1500;
	if (passes(in, to, most)) {
		probe_fact(p, name, "%zu, as agreed (MSS %zu)", most, most - 40);
		return;
	}
	told = in->too_big;
	if (!told && !ping(in, to, good)) {
		probe_fact(p, name,
			"not measured, because pings of %d octets have no answer either",
			MTU_LEAST);
		return;
	}
	if (told && in->next_mtu >= MTU_LEAST && in->next_mtu < most &&
		passes(in, to, in->next_mtu))
		good = in->next_mtu;
	for (bad = most; !told && bad - good > 8;) {
		size_t middle = (good + bad) / 2;

		if (passes(in, to, middle))
			good = middle;
		else
			bad = middle;
	}
	probe_fact(p, name, "%zu (MSS %zu)%s", good, good - 40, told ? ", told by ICMP" : "");
	if (!told)
		probe_find(p, OUTCOME_FAILED, EV_PROBE_MTU_BLACK_HOLE,
			"towards %s: %zu octets pass, %zu vanish; set MTU %zu, MSS %zu",
			addr_format(to, where), good, most, good, good - 40);
}

/* ---- DNS ------------------------------------------------------------------------------------------- */

static size_t put_question(struct inner *in, const char *name, uint8_t *udp, size_t cap)
{
	struct wr w = wr_init(udp, cap);

	wr_be16(&w, in->port);
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
	wr_be16(&w, 1); /* A */
	wr_be16(&w, 1); /* IN */
	wr_patch_be16(udp + 4, wr_len(&w));
	return w.overflow ? 0 : wr_len(&w);
}

static bool dns_done(const struct call *c)
{
	return current->dns_answered;
}

static bool ask(struct inner *in, const struct addr *server, const char *name)
{
	uint8_t packet[600] = {0};
	size_t n;

	in->dns_answered = false;
	crypto_random(&in->dns_id, sizeof(in->dns_id));
	crypto_random(&in->port, sizeof(in->port));
	in->port |= 0x8000;
	n = put_question(in, name, packet + IPV4_HEADER_LEN, sizeof(packet) - IPV4_HEADER_LEN);
	if (!n)
		return false;
	in->sent_us = clock_mono_us();
	call_send_ip(in->call, AF_INET, packet, put_ipv4(packet, &in->own, server, IPPROTO_UDP, n));
	return call_run(in->call, dns_done, clock_mono_ms() + 1500);
}

static void judge_dns(struct inner *in, struct probe *p)
{
	const char *host = in->call->d->opts->host;
	struct addr literal;

	if (addr_parse(host, &literal) == 0)
		host = "localhost";
	if (!in->call->v4.dns[0].family)
		probe_fact(p, "DNS", "the server hands out no name server");
	for (int i = 0; i < 2; i++) {
		const struct addr *server = &in->call->v4.dns[i];
		char text[ADDR_TEXT_LEN];
		bool ok = false;

		if (!server->family)
			continue;
		for (int k = 0; k < DNS_TRIES && !ok; k++)
			ok = ask(in, server, host);
		addr_format(server, text);
		if (ok)
			probe_fact(p, "DNS", "%s answers in %.1f ms (code %d)", text,
				(double)(clock_mono_us() - in->sent_us) / 1000, in->dns_rcode);
		else
			probe_find(p, i ? OUTCOME_WARNING : OUTCOME_FAILED, EV_PROBE_INNER_DNS_DEAD,
				"%s: no answer through the tunnel", text);
	}
}

/* ---- the rest ---------------------------------------------------------------------------------------- */

/* Does a network that this machine is in hold an address of the tunnel's? Then one of both is lost. */
static void judge_overlap(struct inner *in, struct probe *p)
{
	const struct addr *inside[] = {&in->own, &in->gateway, &in->call->v4.dns[0]};
	struct ifaddrs *list = NULL;
	char text[ADDR_TEXT_LEN];

	if (getifaddrs(&list) < 0)
		return;
	for (const struct ifaddrs *i = list; i; i = i->ifa_next) {
		struct endpoint own, mask;
		uint32_t m;

		if (!i->ifa_addr || i->ifa_addr->sa_family != AF_INET || !i->ifa_netmask)
			continue;
		endpoint_from_sockaddr(i->ifa_addr, &own);
		endpoint_from_sockaddr(i->ifa_netmask, &mask);
		m = addr_v4_value(&mask.addr);
		for (size_t k = 0; m && m != UINT32_MAX && k < ARRAY_SIZE(inside); k++)
			if (inside[k]->family == AF_INET &&
				(addr_v4_value(inside[k]) & m) == (addr_v4_value(&own.addr) & m))
				probe_find(p, OUTCOME_WARNING, EV_PROBE_OVERLAP,
					"%s is in the network of this machine's %s",
					addr_format(inside[k], text), i->ifa_name);
	}
	freeifaddrs(list);
}

static void measure_speed(struct inner *in, struct probe *p, unsigned seconds)
{
	size_t size = tunnel_peer_mru(in->call->tunnel);
	uint64_t begin = clock_mono_us(), until = clock_mono_ms() + seconds * 1000ull, sent = 0;
	double s;

	in->octets = in->packets = 0;
	in->seq = 0; /* none is waited for by itself */
	while (clock_mono_ms() < until && !in->call->ended) {
		while (sent < in->packets + SPEED_WINDOW &&
			send_echo(in, &in->gateway, (uint16_t)(sent % 60000 + 1), size) == 0)
			sent++;
		call_run(in->call, NULL, clock_mono_ms() + 1);
		if (sent > in->packets + SPEED_WINDOW)
			sent = in->packets;
	}
	s = (double)(clock_mono_us() - begin) / 1e6;
	probe_fact(p, "throughput",
		"%.1f Mbit/s each way (echoes of %zu octets, %.1f s, %.1f %% lost)",
		(double)in->octets * 8 / 1e6 / s, size, s,
		sent ? 100.0 * (double)(sent - in->packets) / (double)sent : 0);
}

static void judge_target(struct inner *in, struct probe *p, const char *target, bool gateway_ok)
{
	struct addr to;
	double ms;
	unsigned n;

	if (!target)
		return;
	if (addr_parse(target, &to) < 0 || to.family != AF_INET) {
		probe_fact(p, "target", "not measured, because --target takes an IPv4 address");
		return;
	}
	n = ping_some(in, &to, &ms);
	if (!n) {
		probe_fact(p, "target", "%s: no answer", target);
		probe_find(p, OUTCOME_FAILED, EV_PROBE_NO_FORWARDING, "%s answers no ping%s",
			target, gateway_ok ? ", the server's inner address does" : "");
		return;
	}
	probe_fact(p, "target", "%s: %u answered, %.1f ms", target, n, ms);
	judge_mtu(in, p, "MTU to the target", &to);
}

void probe_inner(struct diagnosis *d, struct probe *p)
{
	struct inner in = {.call = d->call};
	char text[ADDR_TEXT_LEN];
	double ms;
	unsigned n;

	if (!d->call || !d->call->up4) {
		probe_skip(p, d->call && d->call->up6 ? "the tunnel carries IPv6 only"
			      : d->opts->user         ? "the tunnel did not come up"
						      : "nobody logged in");
		return;
	}
	current = &in;
	in.own = d->call->v4.local;
	in.gateway = d->call->v4.peer;
	crypto_random(&in.id, sizeof(in.id));
	d->call->packet = on_packet;
	d->call->packet_arg = &in;
	n = ping_some(&in, &in.gateway, &ms);
	addr_format(&in.gateway, text);
	if (n) {
		probe_fact(p, "gateway", "%s: %u answered, %.1f ms", text, n, ms);
		judge_mtu(&in, p, "MTU", &in.gateway);
	} else {
		probe_fact(p, "gateway", "%s: no answer", text);
		probe_find(p, OUTCOME_WARNING, EV_PROBE_NO_GATEWAY, "%s", text);
	}
	judge_target(&in, p, d->opts->target, n > 0); /* first: without it DNS is dead as well */
	judge_dns(&in, p);
	judge_overlap(&in, p);
	if (d->opts->speed_s && n)
		measure_speed(&in, p, d->opts->speed_s);
	probe_summary(p, "gateway %s answers in %.1f ms, MTU %u", text, ms,
		tunnel_peer_mru(d->call->tunnel));
	d->call->packet = NULL;
	current = NULL;
}
