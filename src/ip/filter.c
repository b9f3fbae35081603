// SPDX-License-Identifier: Apache-2.0
#include "ip/filter.h"

#include <ctype.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

struct rule {
	bool allow, has_ports;
	uint8_t protocol; /* 0: any; IP_ICMP: ICMPv6, too */
	struct prefix to; /* AF_UNSPEC: anywhere */
	uint16_t low, high;
};

struct filter {
	atomic_uint refs;
	size_t n;
	struct rule rule[FILTER_RULES_MAX];
};

struct filter *filter_ref(struct filter *f)
{
	atomic_fetch_add_explicit(&f->refs, 1, memory_order_relaxed);
	return f;
}

void filter_unref(struct filter *f)
{
	if (f && atomic_fetch_sub_explicit(&f->refs, 1, memory_order_acq_rel) == 1)
		free(f);
}

/* ---- from text ------------------------------------------------------------- */

struct reader {
	const char *at;
	char word[64]; /* the present one; "": the rule ends */
	char *why;
};

static bool next_word(struct reader *r)
{
	size_t n;

	r->at += strspn(r->at, " \t");
	n = strcspn(r->at, " \t;");
	if (n >= sizeof(r->word))
		n = sizeof(r->word) - 1; /* no word is that long */
	memcpy(r->word, r->at, n);
	r->word[n] = '\0';
	r->at += strcspn(r->at, " \t;");
	return n;
}

static int expected(struct reader *r, const char *what)
{
	text_format(r->why, FILTER_WHY_LEN, "expected %s, got \"%.60s\"", what, r->word);
	return -EINVAL;
}

static bool take_protocol(struct reader *r, struct rule *rule)
{
	static const struct {
		const char *word;
		uint8_t number;
	} known[] = {{"tcp", IP_TCP}, {"udp", IP_UDP}, {"icmp", IP_ICMP}};

	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		if (strcmp(r->word, known[i].word))
			continue;
		rule->protocol = known[i].number;
		next_word(r);
		return true;
	}
	return false;
}

static int take_destination(struct reader *r, struct rule *rule)
{
	if (!strcmp(r->word, "to"))
		next_word(r);
	if (!*r->word || !strcmp(r->word, "port"))
		return 0;
	if (strcmp(r->word, "any") && prefix_parse(r->word, &rule->to) < 0)
		return expected(
			r, "a network like 10.9.0.0/16 (its host bits zero), an address, or any");
	next_word(r);
	return 0;
}

static bool take_port(const char **at, uint16_t *ret)
{
	char *end;
	unsigned long v;

	if (!isdigit((unsigned char)**at))
		return false;
	v = strtoul(*at, &end, 10);
	if (v < 1 || v > 65535)
		return false;
	*ret = (uint16_t)v;
	*at = end;
	return true;
}

static int add(struct reader *r, struct filter *f, const struct rule *rule)
{
	if (f->n == FILTER_RULES_MAX) {
		text_format(r->why, FILTER_WHY_LEN,
			"a filter has at most %d rules (one for each port)", FILTER_RULES_MAX);
		return -EINVAL;
	}
	f->rule[f->n++] = *rule;
	return 0;
}

/* "22,443,8000-8100": a rule for each. */
static int take_ports(struct reader *r, struct filter *f, struct rule *rule)
{
	static const char what[] =
		"ports from 1 to 65535 like 443 or 22,8000-8100, behind tcp or udp";
	const char *at = r->word;

	if (rule->protocol != IP_TCP && rule->protocol != IP_UDP)
		return expected(r, what);
	rule->has_ports = true;
	for (;;) {
		int wrong;

		if (!take_port(&at, &rule->low))
			return expected(r, what);
		rule->high = rule->low;
		if (*at == '-' && (at++, !take_port(&at, &rule->high) || rule->high < rule->low))
			return expected(r, what);
		wrong = add(r, f, rule);
		if (wrong)
			return wrong;
		if (!*at)
			return 0;
		if (*at++ != ',')
			return expected(r, what);
	}
}

static int take_rule(struct reader *r, struct filter *f)
{
	struct rule rule = {.allow = !strcmp(r->word, "allow")};
	int wrong;

	if (!rule.allow && strcmp(r->word, "deny"))
		return expected(r, "allow or deny");
	next_word(r);
	if (!take_protocol(r, &rule) && !*r->word)
		return expected(r, "a protocol (tcp, udp, icmp), a network, or any");
	wrong = take_destination(r, &rule);
	if (wrong)
		return wrong;
	if (!*r->word)
		return add(r, f, &rule);
	if (strcmp(r->word, "port"))
		return expected(r, "port, or the end of the rule (;)");
	next_word(r);
	wrong = take_ports(r, f, &rule);
	if (!wrong && next_word(r))
		wrong = expected(r, "the end of the rule (;)");
	return wrong;
}

int filter_parse(const char *text, struct filter **ret, char why[static FILTER_WHY_LEN])
{
	AUTO(filter) struct filter *f = calloc(1, sizeof(*f));
	struct reader r = {.at = text, .why = why};
	int wrong = 0;

	strcpy(why, "no memory");
	if (!f)
		return -ENOMEM;
	atomic_init(&f->refs, 1);
	while (!wrong && *r.at) {
		if (next_word(&r))
			wrong = take_rule(&r, f);
		if (!wrong && *r.at == ';')
			r.at++;
		else if (!wrong && *r.at && *r.at != ' ' && *r.at != '\t')
			wrong = expected(&r, "the end of the rule (;)");
	}
	if (!wrong && !f->n)
		wrong = expected(&r, "a rule like \"allow tcp 10.9.0.0/16 port 443\"");
	if (wrong)
		return wrong;
	*ret = TAKE(f);
	return 0;
}

/* ---- one packet ------------------------------------------------------------- */

struct side { /* the end that is not the client */
	uint8_t family, protocol;
	const uint8_t *address;
	uint16_t port;
	bool has_port;
	bool piece; /* a later fragment: its ports are in the first one */
	bool opens; /* a TCP segment for the client that begins a connection */
};

static bool is_in(const struct prefix *net, const struct side *s)
{
	size_t whole = net->len / 8, rest = net->len % 8;

	if (net->addr.family == AF_UNSPEC)
		return true;
	if (net->addr.family != s->family || memcmp(net->addr.octets, s->address, whole))
		return false;
	return !rest || !((net->addr.octets[whole] ^ s->address[whole]) >> (8 - rest));
}

static bool matches(const struct rule *r, const struct side *s)
{
	if (r->protocol && r->protocol != s->protocol)
		return false;
	if (!is_in(&r->to, s))
		return false;
	if (!r->has_ports)
		return true;
	if (s->piece)
		return r->allow;
	return s->has_port && s->port >= r->low && s->port <= r->high && !(r->allow && s->opens);
}

static bool passes(const struct filter_chain *c, const struct side *s)
{
	for (size_t i = 0; i < c->n; i++)
		for (size_t k = 0; k < c->item[i]->n; k++)
			if (matches(&c->item[i]->rule[k], s))
				return c->item[i]->rule[k].allow;
	return false;
}

static uint8_t one_icmp(uint8_t protocol)
{
	return protocol == IP_ICMPV6 ? IP_ICMP : protocol;
}

static struct side side_of(const uint8_t *octets, const struct ip_packet *p, bool up)
{
	struct side s = {.family = p->family,
		.protocol = one_icmp(p->protocol),
		.address = up ? packet_destination_at(octets, p) : packet_source_at(octets, p),
		.port = up ? p->destination_port : p->source_port,
		.has_port = p->destination_port || p->source_port,
		.piece = p->later_fragment};

	if (!up && p->protocol == IP_TCP && p->whole && !p->later_fragment &&
		(size_t)p->header_len + TCP_HEADER_LEN <= p->len)
		s.opens = (octets[p->header_len + 13] & 0x12) == 0x02;
	return s;
}

/* ---- ICMP errors: the packet that they quote decides --------------------------- */

#define QUOTE_AT 8

static bool is_error(const uint8_t *octets, const struct ip_packet *p)
{
	uint8_t type;

	if ((p->protocol != IP_ICMP && p->protocol != IP_ICMPV6) || !p->whole ||
		p->later_fragment || (size_t)p->header_len + QUOTE_AT + IPV4_HEADER_LEN > p->len)
		return false;
	type = octets[p->header_len];
	return p->protocol == IP_ICMPV6 ? type < 128 : type == 3 || type == 11 || type == 12;
}

/* The quoted packet went the other way: of an error for the client it is the client's own. */
static bool quoted_side(const uint8_t *q, size_t n, uint8_t family, bool up, struct side *ret)
{
	bool v4 = family == AF_INET;
	size_t header = v4 ? (size_t)(q[0] & 15) * 4 : IPV6_HEADER_LEN;
	const uint8_t *port;

	if (q[0] >> 4 != (v4 ? 4 : 6) || header < IPV4_HEADER_LEN || n < header)
		return false;
	*ret = (struct side){.family = family, .protocol = one_icmp(v4 ? q[9] : q[6])};
	ret->address = q + (v4 ? (up ? 16 : 12) : (up ? 24 : 8));
	ret->piece = v4 && ((q[6] & 0x1f) || q[7]);
	if (ret->piece || n < header + 4 || (ret->protocol != IP_TCP && ret->protocol != IP_UDP))
		return true;
	port = q + header + (up ? 2 : 0);
	ret->port = (uint16_t)(port[0] << 8 | port[1]);
	ret->has_port = true;
	return true;
}

static bool judge(
	const struct filter_chain *c, const uint8_t *octets, const struct ip_packet *p, bool up)
{
	struct side s;

	if (is_error(octets, p)) {
		size_t at = p->header_len + (size_t)QUOTE_AT;

		return quoted_side(octets + at, p->len - at, p->family, !up, &s) && passes(c, &s);
	}
	s = side_of(octets, p, up);
	return passes(c, &s);
}

bool filter_passes_up(
	const struct filter_chain *c, const uint8_t *octets, const struct ip_packet *p)
{
	return judge(c, octets, p, true);
}

bool filter_passes_down(
	const struct filter_chain *c, const uint8_t *octets, const struct ip_packet *p)
{
	return judge(c, octets, p, false);
}
