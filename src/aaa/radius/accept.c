// SPDX-License-Identifier: Apache-2.0
/*
 * The column of grant.def that names attributes, as code: which attribute fills which value, and
 * how.
 */
#include "aaa/radius/accept.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "base/credentials.h"
#include "base/text.h"

struct filling {
	struct grant_values *v;
	enum grant_origin origin;
	struct rd data;
};

/* An address that one host can have: not this net, loopback, link-local, multicast or above. */
static bool is_host(const struct addr *a)
{
	uint32_t v = addr_v4_value(a);

	return v >> 24 != 0 && v >> 24 != 127 && v >> 16 != 0xa9fe && v >> 28 < 14;
}

/* 255.255.255.254: the NAS chooses; 255.255.255.255: the user may (RFC 2865 section 5.8). */
static bool fill_address(const struct filling *f)
{
	struct addr a;

	if (!radius_addr(f->data, AF_INET, &a))
		return false;
	if (addr_v4_value(&a) >= 0xfffffffe)
		return true;
	if (!is_host(&a))
		return false;
	f->v->address = (struct grant_addr){f->origin, a};
	return true;
}

static bool fill_word(const struct filling *f, struct grant_word *to)
{
	size_t n = rd_left(&f->data);

	if (!n || n > GRANT_WORD_MAX || memchr(f->data.p, 0, n))
		return false;
	to->origin = f->origin;
	memcpy(to->value, f->data.p, n);
	to->value[n] = '\0';
	return true;
}

static bool fill_pool(const struct filling *f)
{
	return fill_word(f, &f->v->pool);
}

static bool fill_addrs(const struct filling *f, struct grant_addrs *to, bool first)
{
	struct addr a;

	if (!radius_addr(f->data, AF_INET, &a) || !is_host(&a) || to->n == GRANT_ADDRS_MAX)
		return false;
	to->origin = f->origin;
	if (first)
		memmove(to->item + 1, to->item, to->n * sizeof(*to->item));
	to->item[first ? 0 : to->n] = a;
	to->n++;
	return true;
}

static bool fill_dns(const struct filling *f)
{
	return fill_addrs(f, &f->v->dns, true);
}

static bool fill_dns2(const struct filling *f)
{
	return fill_addrs(f, &f->v->dns, false);
}

static bool fill_nbns(const struct filling *f)
{
	return fill_addrs(f, &f->v->nbns, true);
}

static bool fill_nbns2(const struct filling *f)
{
	return fill_addrs(f, &f->v->nbns, false);
}

static bool fill_sessions(const struct filling *f)
{
	uint32_t n;

	if (!radius_u32(f->data, &n) || !n)
		return false;
	f->v->sessions = (struct grant_count){f->origin, n};
	return true;
}

static bool fill_span(const struct filling *f, struct grant_span *to)
{
	uint32_t n;

	if (!radius_u32(f->data, &n))
		return false;
	*to = (struct grant_span){f->origin, n};
	return true;
}

static bool fill_session_time(const struct filling *f)
{
	return fill_span(f, &f->v->session_time);
}

/* RFC 2869 section 5.16: 60 s at least. */
static bool fill_interim(const struct filling *f)
{
	bool good = fill_span(f, &f->v->interim);

	if (good && f->v->interim.value < 60)
		f->v->interim.value = 60;
	return good;
}

static bool fill_idle(const struct filling *f)
{
	return fill_span(f, &f->v->idle);
}

static bool fill_rate(const struct filling *f, struct grant_rate *to)
{
	uint32_t n;

	if (!radius_u32(f->data, &n))
		return false;
	*to = (struct grant_rate){f->origin, n};
	return true;
}

static bool fill_rate_up(const struct filling *f)
{
	return fill_rate(f, &f->v->rate_up);
}

static bool fill_rate_down(const struct filling *f)
{
	return fill_rate(f, &f->v->rate_down);
}

/* Digits with k or M behind them; 0 with *at unmoved: none. */
static uint64_t read_rate(const char **at, const char *end)
{
	uint64_t n = 0;

	for (; *at < end && isdigit((unsigned char)**at) && n < UINT32_MAX; (*at)++)
		n = n * 10 + (uint64_t)(**at - '0');
	if (*at < end && (**at == 'k' || **at == 'K'))
		return (*at)++, n * 1000;
	if (*at < end && (**at == 'm' || **at == 'M'))
		return (*at)++, n * 1000000;
	return n;
}

/*
 * "rx/tx burst…" as the router sees it: what it receives is the client's upload. One number: both.
 */
static bool fill_mikrotik(const struct filling *f)
{
	const char *at = (const char *)f->data.p, *end = (const char *)f->data.end, *start = at;
	uint64_t up = read_rate(&at, end), down = up;

	if (at == start)
		return false;
	if (at < end && *at == '/') {
		start = ++at;
		down = read_rate(&at, end);
		if (at == start)
			return false;
	}
	if (at < end && *at != ' ')
		return false;
	f->v->rate_up = (struct grant_rate){f->origin, up};
	f->v->rate_down = (struct grant_rate){f->origin, down};
	return true;
}

static bool fill_filter(const struct filling *f)
{
	struct grant_names *to = &f->v->filter;
	size_t n = rd_left(&f->data);

	if (!n || n > GRANT_WORD_MAX || memchr(f->data.p, 0, n) || to->n == GRANT_NAMES_MAX)
		return false;
	to->origin = f->origin;
	memcpy(to->item[to->n], f->data.p, n);
	to->item[to->n++][n] = '\0';
	return true;
}

static const struct row {
	uint64_t id;
	bool (*fill)(const struct filling *f);
} rows[] = {
	{RADIUS_FRAMED_IP_ADDRESS, fill_address},
	{RADIUS_FRAMED_POOL, fill_pool},
	{RADIUS_MS_PRIMARY_DNS, fill_dns},
	{RADIUS_MS_SECONDARY_DNS, fill_dns2},
	{RADIUS_MS_PRIMARY_NBNS, fill_nbns},
	{RADIUS_MS_SECONDARY_NBNS, fill_nbns2},
	{RADIUS_PORT_LIMIT, fill_sessions},
	{RADIUS_SESSION_TIMEOUT, fill_session_time},
	{RADIUS_IDLE_TIMEOUT, fill_idle},
	{RADIUS_ACCT_INTERIM_INTERVAL, fill_interim},
	{RADIUS_FILTER_ID, fill_filter},
	{RADIUS_WISPR_MAX_UP, fill_rate_up},
	{RADIUS_WISPR_MAX_DOWN, fill_rate_down},
	{RADIUS_MIKROTIK_RATE_LIMIT, fill_mikrotik},
};

static const struct row *row_of(uint64_t id)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].id == id)
			return &rows[i];
	return NULL;
}

bool radius_grants_at_once(uint64_t id)
{
	switch (id) {
	case RADIUS_SESSION_TIMEOUT:
	case RADIUS_IDLE_TIMEOUT:
	case RADIUS_FILTER_ID:
	case RADIUS_WISPR_MAX_UP:
	case RADIUS_WISPR_MAX_DOWN:
	case RADIUS_MIKROTIK_RATE_LIMIT: return true;
	default: return false;
	}
}

unsigned radius_grant(
	const struct radius_packet *p, enum grant_origin origin, struct grant_values *ret)
{
	struct radius_walk walk;
	struct radius_attribute a;
	unsigned bad = 0;

	radius_attributes(p, &walk);
	while (radius_next(&walk, &a)) {
		const struct row *row = row_of(a.id);

		bad += row && !row->fill(&(struct filling){ret, origin, a.data});
	}
	return bad;
}

/* ---- Class --------------------------------------------------------------- */

int radius_classes_new(const struct radius_packet *p, struct radius_classes **ret)
{
	uint8_t octets[RADIUS_CLASSES_LEN];
	struct wr w = wr_init(octets, sizeof(octets));
	struct radius_walk walk;
	struct radius_attribute a;
	struct radius_classes *c;

	radius_attributes(p, &walk);
	while (radius_next(&walk, &a)) {
		size_t n = rd_left(&a.data);

		if (a.id != RADIUS_CLASS || wr_len(&w) + n + 2 > sizeof(octets))
			continue;
		wr_u8(&w, RADIUS_CLASS);
		wr_u8(&w, (uint8_t)(n + 2));
		wr_octets(&w, a.data.p, n);
	}
	*ret = NULL;
	if (!wr_len(&w))
		return 0;
	c = malloc(sizeof(*c) + wr_len(&w));
	if (!c)
		return -ENOMEM;
	atomic_init(&c->refs, 1);
	c->len = wr_len(&w);
	memcpy(c->octets, octets, c->len);
	*ret = c;
	return 0;
}

struct radius_classes *radius_classes_ref(struct radius_classes *c)
{
	atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
	return c;
}

void radius_classes_unref(struct radius_classes *c)
{
	if (c && atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) == 1)
		free(c);
}

/* ---- MS-CHAP-Error ------------------------------------------------------- */

int radius_chap_error(struct rd data, char *ret_message, size_t cap)
{
	char text[RADIUS_VALUE_MAX + 1], *at;
	int code = 0;

	*ret_message = '\0';
	rd_u8(&data); /* the identifier */
	text_of_octets(data.p, rd_left(&data), text, sizeof(text));
	if (!strncmp(text, "E=", 2))
		for (at = text + 2; *at >= '0' && *at <= '9' && code < 10000; at++)
			code = code * 10 + (*at - '0');
	at = strstr(text, "M=");
	if (at)
		text_of_octets(at + 2, strlen(at + 2), ret_message, cap);
	return code ? code : AUTH_FAILED;
}
