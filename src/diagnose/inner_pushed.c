// SPDX-License-Identifier: Apache-2.0
/*
 * What the server pushes for a split tunnel, asked for as `culvert connect` does (DHCPINFORM; routes of
 * advertisements come by themselves), and judged by the same rules (ip/pushed.h).
 */
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/crypto.h"
#include "base/text.h"
#include "diagnose/inner.h"
#include "ip/dhcp.h"
#include "os/netlink.h"
#include "os/resolver.h"
#include "os/surroundings.h"

#define TRIES 2
#define WAIT_MS 1000
#define ROUTES_SHOWN 8
#define FINDINGS_MAX 8 /* about what is refused: a hostile server has much of it */

/* ---- asking ---------------------------------------------------------- */

void inner_on_dhcp(struct inner *in, const uint8_t *octets, const struct ip_packet *ip)
{
	if (!in->dhcp || in->dhcp_answered || dhcp_parse_ack(octets, ip, in->dhcp) < 0)
		return;
	in->dhcp_answered =
		in->dhcp->xid == in->dhcp_xid && addr_equal(&in->dhcp->ciaddr, &in->own);
}

static bool is_answered(const struct call *c)
{
	return ((const struct inner *)c->packet_arg)->dhcp_answered;
}

static bool ask(struct inner *in)
{
	static const uint8_t wanted[] = {
		DHCP_ROUTES, DHCP_ROUTES_MS, DHCP_DNS, DHCP_DOMAIN, DHCP_SEARCH};
	struct dhcp_inform inform = {.from = in->own,
		.to = {AF_INET, {255, 255, 255, 255}},
		.port = DHCP_PORT_CLIENT,
		.ciaddr = in->own,
		.max_size = MTU_MOST,
		.asks = true,
		.n_asked = sizeof(wanted)};
	uint8_t packet[600];
	size_t n;

	crypto_random(&in->dhcp_xid, sizeof(in->dhcp_xid));
	inform.xid = in->dhcp_xid;
	memcpy(inform.asked, wanted, sizeof(wanted));
	n = dhcp_build_inform(&inform, packet, sizeof(packet));
	for (int i = 0; n && i < TRIES && !in->dhcp_answered && !in->call->ended; i++) {
		call_send_ip(in->call, AF_INET, packet, n);
		call_run(in->call, is_answered, clock_mono_ms() + WAIT_MS);
	}
	return in->dhcp_answered;
}

/* ---- judging ---------------------------------------------------------- */

static void look_at_this_machine(struct inner *in)
{
	AUTO(netlink) struct netlink *nl = NULL;
	struct addr names[8];
	struct surroundings here = {
		.outer = &in->call->d->server.addr, .n_outer = 1, .resolvers = names};

	if (netlink_new(&nl, NULL) < 0)
		return;
	here.n_resolvers = resolver_upstreams("", names, ARRAY_SIZE(names));
	surroundings_judge(nl, &here, &in->pushed);
}

static void judge_route(struct probe *p, const struct pushed_route *r)
{
	char to[PREFIX_TEXT_LEN], here[PREFIX_TEXT_LEN];

	if (r->against.addr.family)
		probe_find(p, OUTCOME_WARNING, EV_PROBE_PUSHED_OVERLAP, "%s: %s (%s)",
			prefix_format(&r->to, to), r->why, prefix_format(&r->against, here));
	else
		probe_find(p, OUTCOME_WARNING, EV_PROBE_PUSHED_REFUSED, "%s: %s",
			prefix_format(&r->to, to), r->why);
}

static void judge_routes(const struct pushed *pushed, struct probe *p)
{
	char line[ROUTES_SHOWN * (PREFIX_TEXT_LEN + 1) + 1] = "";
	size_t n = 0, refused = 0, at = 0;

	for (size_t i = 0; i < pushed->n_routes; i++) {
		char text[PREFIX_TEXT_LEN];

		if (pushed->routes[i].why && refused++ < FINDINGS_MAX)
			judge_route(p, &pushed->routes[i]);
		else if (!pushed->routes[i].why && n++ < ROUTES_SHOWN)
			at += text_format(line + at, sizeof(line) - at, " %s",
				prefix_format(&pushed->routes[i].to, text));
	}
	if (n)
		probe_fact(p, "pushed", "routes:%s%s", line, n > ROUTES_SHOWN ? " ..." : "");
	if (pushed->left_out || refused > FINDINGS_MAX)
		probe_fact(p, "pushed", "%zu routes are refused, %u items are beyond the bounds",
			refused, pushed->left_out);
}

/* In a split tunnel a name server that no route leads to is asked past the tunnel, if at all. */
static bool is_reached(const struct inner *in, const struct addr *server)
{
	return !pushed_followed(&in->pushed) || pushed_reaches(&in->pushed, server) ||
	       addr_equal(server, &in->gateway);
}

static void judge_name_server(
	struct inner *in, struct probe *p, const struct addr *server, const char *domain)
{
	char text[ADDR_TEXT_LEN];
	const char *answer;

	addr_format(server, text);
	if (!is_reached(in, server)) {
		probe_find(p, OUTCOME_WARNING, EV_PROBE_PUSHED_DNS_OUTSIDE,
			"no route that it pushes leads to %s", text);
		return;
	}
	if (server->family != AF_INET)
		return; /* the question would need an address of IPv6 */
	answer = inner_knows(in, server, domain);
	if (!*answer)
		probe_fact(p, "DNS", "%s knows %s", text, domain);
	else
		probe_find(p, OUTCOME_WARNING, EV_PROBE_PUSHED_DNS_UNKNOWN, "%s about %s: %s", text,
			domain, answer);
}

static const char *first_domain(const struct pushed *pushed)
{
	for (size_t i = 0; i < pushed->n_domains; i++)
		if (!pushed->domains[i].why)
			return pushed->domains[i].name;
	return NULL;
}

static void judge_names(struct inner *in, struct probe *p)
{
	const struct pushed *pushed = &in->pushed;
	const char *domain = first_domain(pushed);

	for (size_t i = 0; i < pushed->n_domains; i++)
		if (pushed->domains[i].why)
			probe_find(p, OUTCOME_WARNING, EV_PROBE_PUSHED_REFUSED, "domain %s: %s",
				pushed->domains[i].name, pushed->domains[i].why);
	if (domain)
		probe_fact(p, "pushed", "domain %s%s", domain,
			pushed->n_domains > 1 ? " and more" : "");
	for (size_t i = 0; domain && i < pushed->n_dns; i++)
		judge_name_server(in, p, &pushed->dns[i].addr, domain);
}

void inner_judge_pushed(struct inner *in, struct probe *p)
{
	in->dhcp = malloc(sizeof(*in->dhcp));
	if (in->dhcp && ask(in))
		pushed_dhcp(&in->pushed, in->dhcp);
	else
		probe_fact(p, "pushed",
			"the server does not answer DHCPINFORM: it pushes no routes of IPv4");
	look_at_this_machine(in);
	pushed_judge(&in->pushed, false);
	judge_routes(&in->pushed, p);
	judge_names(in, p);
	free(in->dhcp);
	in->dhcp = NULL;
}
