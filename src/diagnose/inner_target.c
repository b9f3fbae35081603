// SPDX-License-Identifier: Apache-2.0
/*
 * The target: a host behind the server, tried as a user would. With a port that is a TCP connection
 * to it; without, ping and a few common ports, of which any answer shows that TCP gets there. Ping
 * alone decides nothing: many hosts drop it (Windows does until it is allowed).
 *
 * Silence has several causes. Each has a counter-test: the server's own address and its name servers
 * show whether the tunnel carries packets; packets whose hop limit ends one, two, … routers behind
 * the server show how far they get, since a router reports those (RFC 1812 section 5.2.7.3).
 */
#include <netdb.h>
#include <string.h>

#include "base/crypto.h"
#include "diagnose/inner.h"
#include "ip/packet.h"

#define HOPS_MAX 8
#define SILENT_HOPS_MAX 2
#define HOP_MS 800
#define SYN_MS 1000 /* RFC 6298 section 2: the first retransmission */
#define SYN_TRIES 3

/* HTTPS, HTTP, SSH, file shares, remote desktop, RPC, DNS, an other web server */
static const uint16_t common_ports[] = {443, 80, 22, 445, 3389, 135, 53, 8080};
_Static_assert(ARRAY_SIZE(common_ports) <= INNER_QUESTIONS_MAX, "asked at the same time");

struct trial {
	struct diagnosis *d;
	struct inner *in;
	struct probe *p;
	struct addr to;
	uint16_t port; /* 0: none was named */
	char name[ENDPOINT_TEXT_LEN];
	unsigned pings;
	struct inner_answer ping; /* when none was answered: the last */
	struct inner_answer tcp;  /* of the port, or the best of the common ones */
	uint16_t tcp_port;
	struct addr router; /* the last that answers on the way */
	unsigned routers;   /* its hop; 0: none */
};

/* ---- measuring ---------------------------------------------------------------------------------- */

static void try_ping(struct trial *t)
{
	char from[ADDR_TEXT_LEN];
	double ms;

	t->pings = inner_ping_some(t->in, &t->to, &ms);
	t->ping = t->in->answers[0];
	if (t->pings)
		probe_fact(t->p, "target, ping", "%u answered, %.1f ms", t->pings, ms);
	else if (t->ping.kind == INNER_SILENCE)
		probe_fact(t->p, "target, ping", "no answer; many hosts drop ping");
	else
		probe_fact(t->p, "target, ping", "%s from %s", inner_answer_text(t->ping.kind),
			addr_format(&t->ping.from, from));
}

static void hang_up(struct inner *in)
{
	uint8_t packet[IPV6_HEADER_LEN + TCP_HEADER_LEN];

	for (size_t i = 0; i < in->n; i++)
		if (in->answers[i].kind == INNER_TCP_OPEN)
			call_send_ip(in->call, in->questions[i].to.family, packet,
				inner_make_reset(&in->questions[i], packet, sizeof(packet)));
}

/* Answers of the target itself count most, then those of a router. */
static int worth(enum inner_answer_kind k)
{
	return k == INNER_TCP_OPEN ? 3 : k == INNER_TCP_REFUSED ? 2 : k != INNER_SILENCE;
}

static struct inner_question syn_to(struct inner *in, const struct addr *to, uint16_t port)
{
	struct inner_question q = {
		.from = inner_own(in, to->family), .to = *to, .protocol = IP_TCP, .to_port = port};

	crypto_random(&q.from_port, sizeof(q.from_port));
	crypto_random(&q.tcp_seq, sizeof(q.tcp_seq));
	q.from_port |= 0x8000;
	return q;
}

static void keep_best(struct trial *t)
{
	const struct inner *in = t->in;

	for (size_t i = 0; i < in->n; i++)
		if (worth(in->answers[i].kind) > worth(t->tcp.kind)) {
			t->tcp = in->answers[i];
			t->tcp_port = in->questions[i].to_port;
		}
}

static void try_tcp(struct trial *t)
{
	struct inner *in = t->in;
	char from[ADDR_TEXT_LEN];

	in->n = t->port ? 1 : ARRAY_SIZE(common_ports);
	for (size_t i = 0; i < in->n; i++) {
		in->questions[i] = syn_to(in, &t->to, t->port ? t->port : common_ports[i]);
		in->answers[i] = (struct inner_answer){0};
	}
	for (int i = 0; i < SYN_TRIES && worth(t->tcp.kind) < 2; i++) {
		inner_ask(in, SYN_MS);
		keep_best(t);
	}
	hang_up(in);
	if (!t->port && t->tcp.kind == INNER_SILENCE)
		probe_fact(t->p, "target, TCP",
			"no answer on ports 443, 80, 22, 445, 3389, 135, 53, 8080");
	else
		probe_fact(t->p, "target, TCP", "port %u: %s%s%s", t->port ? t->port : t->tcp_port,
			inner_answer_text(t->tcp.kind),
			t->tcp.kind > INNER_TCP_REFUSED ? " from " : "",
			t->tcp.kind > INNER_TCP_REFUSED ? addr_format(&t->tcp.from, from) : "");
}

/* How far do packets get? Those whose hop limit ends on the way are reported by the router there. */
static void try_hops(struct trial *t)
{
	struct inner *in = t->in;
	char text[ADDR_TEXT_LEN];
	unsigned silent = 0;

	for (unsigned hop = 1; hop <= HOPS_MAX && silent < SILENT_HOPS_MAX; hop++) {
		in->n = 1;
		in->questions[0] =
			t->port ? syn_to(in, &t->to, t->port) : inner_echo_to(in, &t->to, 84);
		in->questions[0].hops = (uint8_t)hop;
		in->answers[0] = (struct inner_answer){0};
		inner_ask(in, HOP_MS);
		if (in->answers[0].kind == INNER_HOPS_OVER) {
			t->router = in->answers[0].from;
			t->routers = hop;
			silent = 0;
		} else {
			silent++;
		}
	}
	if (t->routers)
		probe_fact(t->p, "way to the target", "the last router that reports is %s (hop %u)",
			addr_format(&t->router, text), t->routers);
	else
		probe_fact(t->p, "way to the target", "no router reports, the server neither");
}

/* ---- judging ------------------------------------------------------------------------------------ */

static const struct addr *name_server_beyond(const struct inner *in)
{
	for (int i = 0; i < 2; i++)
		if (in->dns[i].answered && !addr_equal(&in->call->v4.dns[i], &in->gateway))
			return &in->call->v4.dns[i];
	return NULL;
}

static enum event event_of(enum inner_answer_kind k)
{
	switch (k) {
	case INNER_PROHIBITED:
	case INNER_NO_PORT: return EV_PROBE_TARGET_PROHIBITED;
	case INNER_HOPS_OVER: return EV_PROBE_TARGET_LOOP;
	case INNER_TCP_REFUSED: return EV_PROBE_TARGET_REFUSED;
	case INNER_NO_HOST:
	case INNER_NO_NET:
	case INNER_SILENCE:
	case INNER_ECHO:
	case INNER_TCP_OPEN:
	case INNER_TOO_BIG: break;
	}
	return EV_PROBE_TARGET_UNREACHABLE;
}

/* There is an ICMP error: which one, and its sender. */
static void tell_answer(struct trial *t, const struct inner_answer *a)
{
	const struct inner *in = t->in;
	char from[ADDR_TEXT_LEN];

	addr_format(&a->from, from);
	probe_find(t->p, OUTCOME_FAILED, event_of(a->kind), "%s: %s, said by %s%s", t->name,
		inner_answer_text(a->kind), from,
		addr_equal(&a->from, &t->to)         ? ", the target's address"
		: addr_equal(&a->from, &in->gateway) ? ", the VPN server"
						     : "");
}

static void judge_silence(struct trial *t)
{
	const struct addr *beyond = name_server_beyond(t->in);
	char text[ADDR_TEXT_LEN];

	try_hops(t);
	if (t->routers > 1)
		probe_find(t->p, OUTCOME_FAILED, EV_PROBE_TARGET_SILENT,
			"%s: packets to it get as far as %s, hop %u", t->name,
			addr_format(&t->router, text), t->routers);
	else if (beyond)
		probe_find(t->p, OUTCOME_FAILED, EV_PROBE_TARGET_SILENT,
			"%s: the name server %s answers, the target does not", t->name,
			addr_format(beyond, text));
	else if (t->routers)
		probe_find(t->p, OUTCOME_FAILED, EV_PROBE_NO_FORWARDING,
			"%s: no answer; the server itself forwards (it reports a packet whose hops end there)",
			t->name);
	else if (t->in->gateway_ok)
		probe_find(t->p, OUTCOME_FAILED, EV_PROBE_NO_FORWARDING,
			"%s: no answer, and the server does not report a packet whose hops end there",
			t->name);
	else
		probe_find(t->p, OUTCOME_FAILED, EV_PROBE_NOTHING_INSIDE,
			"neither %s nor the server's inner address", t->name);
}

/* A port was named: its answer decides, whatever ping came to. */
static void judge_port(struct trial *t)
{
	if (t->tcp.kind == INNER_TCP_OPEN)
		return;
	if (t->tcp.kind == INNER_TCP_REFUSED)
		probe_find(t->p, OUTCOME_FAILED, EV_PROBE_TARGET_REFUSED, "%s: %s", t->name,
			inner_answer_text(t->tcp.kind));
	else if (t->tcp.kind != INNER_SILENCE)
		tell_answer(t, &t->tcp);
	else if (t->pings)
		probe_find(t->p, OUTCOME_FAILED, EV_PROBE_TARGET_PORT_SILENT,
			"%s: no answer to %d attempts; ping is answered", t->name, SYN_TRIES);
	else if (t->ping.kind != INNER_SILENCE)
		tell_answer(t, &t->ping);
	else
		judge_silence(t);
}

static void judge_host(struct trial *t)
{
	if (worth(t->tcp.kind) > 1)
		return; /* the host itself answered */
	if (t->pings)
		probe_find(t->p, OUTCOME_WARNING, EV_PROBE_TARGET_TCP_SILENT, "%s: TCP %s", t->name,
			t->tcp.kind == INNER_SILENCE ? "has no answer on eight common ports"
						     : inner_answer_text(t->tcp.kind));
	else if (t->tcp.kind != INNER_SILENCE)
		tell_answer(t, &t->tcp);
	else if (t->ping.kind != INNER_SILENCE)
		tell_answer(t, &t->ping);
	else
		judge_silence(t);
}

/* ---- the target's address ------------------------------------------------------------------------ */

/* What is no address is a name: the tunnel's name servers know inside names, else the system does. */
static bool find_target(struct trial *t)
{
	const char *name = t->d->opts->target, *why;
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list;
	char text[ADDR_TEXT_LEN];
	struct endpoint e;

	if (addr_parse(name, &t->to) == 0)
		return true;
	why = inner_resolve(t->in, name, &t->to);
	if (!*why) {
		probe_fact(t->p, "target's name", "%s is %s by the tunnel's name server", name,
			addr_format(&t->to, text));
		return true;
	}
	if (getaddrinfo(name, NULL, &hints, &list)) {
		probe_find(t->p, OUTCOME_FAILED, EV_PROBE_TARGET_NAME,
			"%s: by the tunnel's name server: %s; by this machine's: not found", name,
			why);
		return false;
	}
	endpoint_from_sockaddr(list->ai_addr, &e);
	freeaddrinfo(list);
	t->to = e.addr;
	probe_fact(t->p, "target's name",
		"%s is %s by this machine's resolver; by the tunnel's: %s", name,
		addr_format(&t->to, text), why);
	return true;
}

bool inner_judge_target(struct diagnosis *d, struct inner *in, struct probe *p)
{
	struct trial t = {.d = d, .in = in, .p = p, .port = d->opts->target_port};
	struct endpoint e;

	if (!d->opts->target || !find_target(&t))
		return false;
	e = (struct endpoint){t.to, t.port};
	d->target = t.to;
	if (t.port)
		endpoint_format(&e, t.name);
	else
		addr_format(&t.to, t.name);
	if (!inner_own(in, t.to.family).family) {
		probe_find(p, OUTCOME_FAILED, EV_PROBE_TARGET_FAMILY, "%s: no IPv%d address here",
			t.name, t.to.family == AF_INET ? 4 : 6);
		return false;
	}
	try_ping(&t);
	try_tcp(&t);
	if (t.port)
		judge_port(&t);
	else
		judge_host(&t);
	if (t.pings)
		inner_judge_mtu(in, p, "MTU to the target", &t.to);
	return t.pings || worth(t.tcp.kind) > 0 || t.ping.kind != INNER_SILENCE;
}
