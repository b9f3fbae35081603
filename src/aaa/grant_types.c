// SPDX-License-Identifier: Apache-2.0
#include "aaa/grant_types.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "aaa/method.h"
#include "base/auto.h"
#include "base/credentials.h"
#include "base/text.h"

static int expected(const char **ret, const char *what)
{
	*ret = what;
	return -EINVAL;
}

/* Digits at *at, which moves past them; false: none, or above `most`. */
static bool take_number(const char **at, uint64_t most, uint64_t *ret)
{
	const char *p = *at;
	uint64_t v = 0;

	for (; isdigit((unsigned char)*p); p++) {
		v = v * 10 + (uint64_t)(*p - '0');
		if (v > most)
			return false;
	}
	if (p == *at)
		return false;
	*at = p;
	*ret = v;
	return true;
}

/* ---- addresses --------------------------------------------------------- */

static int parse_addr(const char *text, void *value, const char **ret_expected)
{
	struct grant_addr *v = value;

	if (addr_parse(text, &v->value) < 0 || v->value.family != AF_INET)
		return expected(ret_expected, "an IPv4 address");
	return 0;
}

static void format_addr(const void *value, char *ret)
{
	addr_format(&((const struct grant_addr *)value)->value, ret);
}

static bool has(const struct grant_addrs *list, const struct addr *a)
{
	for (size_t i = 0; i < list->n; i++)
		if (addr_equal(&list->item[i], a))
			return true;
	return false;
}

static void add_addrs(struct grant_addrs *to, const struct grant_addrs *from)
{
	for (size_t i = 0; i < from->n && to->n < GRANT_ADDRS_MAX; i++)
		if (!has(to, &from->item[i]))
			to->item[to->n++] = from->item[i];
}

/* Beyond the bound the nearer ones stay. */
static void append_addrs(void *to, const void *nearer)
{
	struct grant_addrs both = {.origin = ((const struct grant_addrs *)nearer)->origin};

	add_addrs(&both, nearer);
	add_addrs(&both, to);
	*(struct grant_addrs *)to = both;
}

/* How many of a family are in the list. */
static size_t count(const struct grant_addrs *list, uint8_t family)
{
	size_t n = 0;

	for (size_t i = 0; i < list->n; i++)
		n += list->item[i].family == family;
	return n;
}

/* `most6`: of IPv6; of IPv4 IPCP has room for two. */
static int take_addrs(const char *text, struct grant_addrs *v, size_t most6)
{
	char word[ADDR_TEXT_LEN];

	v->n = 0;
	if (!strcmp(text, "none"))
		return 0;
	for (;;) {
		size_t n = strcspn(text, ",");
		struct addr a;

		if (n >= sizeof(word))
			return -EINVAL;
		memcpy(word, text, n);
		word[n] = '\0';
		if (addr_parse(word, &a) < 0 ||
			count(v, a.family) >= (a.family == AF_INET ? PPP_NAME_SERVERS : most6))
			return -EINVAL;
		v->item[v->n++] = a;
		if (!text[n])
			return 0;
		text += n + 1;
	}
}

static int parse_addrs(const char *text, void *value, const char **ret_expected)
{
	return take_addrs(text, value, 0) < 0
		       ? expected(ret_expected, "one or two IPv4 addresses with a comma, or none")
		       : 0;
}

static int parse_dns(const char *text, void *value, const char **ret_expected)
{
	return take_addrs(text, value, GRANT_DNS6_MAX) < 0
		       ? expected(ret_expected,
				 "up to two IPv4 and three IPv6 addresses with commas, or none")
		       : 0;
}

static void format_addrs(const void *value, char *ret)
{
	const struct grant_addrs *list = value;
	char a[ADDR_TEXT_LEN];
	size_t n = 0;

	strcpy(ret, list->n ? "" : "none");
	for (size_t i = 0; i < list->n; i++)
		n += text_format(ret + n, GRANT_VALUE_LEN - n, "%s%s", i ? "," : "",
			addr_format(&list->item[i], a));
}

/* ---- words ------------------------------------------------------------- */

static size_t name_len(const char *text)
{
	return strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-");
}

static int parse_word(const char *text, void *value, const char **ret_expected)
{
	size_t n = strlen(text);

	if (n < 1 || n > GRANT_WORD_MAX)
		return expected(ret_expected, "a name of at most 31 octets");
	strcpy(((struct grant_word *)value)->value, text);
	return 0;
}

static void format_word(const void *value, char *ret)
{
	strcpy(ret, ((const struct grant_word *)value)->value);
}

static bool add_name(struct grant_names *v, const char *name, size_t n)
{
	for (size_t i = 0; i < v->n; i++)
		if (strlen(v->item[i]) == n && !memcmp(v->item[i], name, n))
			return true;
	if (v->n == GRANT_NAMES_MAX)
		return false;
	memcpy(v->item[v->n], name, n);
	v->item[v->n++][n] = '\0';
	return true;
}

static int parse_names(const char *text, void *value, const char **ret_expected)
{
	struct grant_names *v = value;

	for (v->n = 0;;) {
		size_t n = name_len(text);

		if (n < 1 || n > GRANT_WORD_MAX || (text[n] && text[n] != ',') ||
			!add_name(v, text, n))
			return expected(ret_expected,
				"up to 8 names with commas, each of at most 31 letters, digits, - _ .");
		if (!text[n])
			return 0;
		text += n + 1;
	}
}

static void format_names(const void *value, char *ret)
{
	const struct grant_names *v = value;
	size_t n = 0;

	*ret = '\0';
	for (size_t i = 0; i < v->n; i++)
		n += text_format(ret + n, GRANT_VALUE_LEN - n, "%s%s", i ? "," : "", v->item[i]);
}

static void append_names(void *to, const void *nearer)
{
	struct grant_names both = *(const struct grant_names *)nearer, *farther = to;

	for (size_t i = 0; i < farther->n; i++)
		add_name(&both, farther->item[i], strlen(farther->item[i]));
	*farther = both;
}

static int parse_methods(const char *text, void *value, const char **ret_expected)
{
	uint32_t mask = method_mask(text);

	if (!mask)
		return expected(ret_expected,
			"methods with commas: eap-tls eap-mschapv2 eap-peap eap-md5 eap mschapv2 chap pap");
	((struct grant_methods *)value)->mask = mask;
	return 0;
}

static void format_methods(const void *value, char *ret)
{
	method_words(((const struct grant_methods *)value)->mask, ret);
}

/* ---- yes and no, numbers ----------------------------------------------- */

static int parse_flag(const char *text, void *value, const char **ret_expected)
{
	static const char *const words[] = {"no", "yes", "off", "on", "false", "true"};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (strcmp(text, words[i]))
			continue;
		((struct grant_flag *)value)->value = i % 2;
		return 0;
	}
	return expected(ret_expected, "yes or no");
}

static void format_flag(const void *value, char *ret)
{
	strcpy(ret, ((const struct grant_flag *)value)->value ? "yes" : "no");
}

static const char *const totp_words[] = {[GRANT_TOTP_OFF] = "off",
	[GRANT_TOTP_REQUIRED] = "required",
	[GRANT_TOTP_NOT_WITH_CERTIFICATE] = "not-with-certificate"};

static int parse_totp(const char *text, void *value, const char **ret_expected)
{
	for (size_t i = 0; i < ARRAY_SIZE(totp_words); i++) {
		if (strcmp(text, totp_words[i]))
			continue;
		((struct grant_totp *)value)->value = (enum grant_totp_value)i;
		return 0;
	}
	return expected(ret_expected, "required, not-with-certificate or off");
}

static void format_totp(const void *value, char *ret)
{
	strcpy(ret, totp_words[((const struct grant_totp *)value)->value]);
}

static int parse_count(const char *text, void *value, const char **ret_expected)
{
	uint64_t n = 0;

	if (strcmp(text, "auto") && (!take_number(&text, 1000000, &n) || *text || !n))
		return expected(ret_expected, "a number from 1 to 1000000, or auto");
	((struct grant_count *)value)->value = (unsigned)n;
	return 0;
}

static void format_count(const void *value, char *ret)
{
	unsigned n = ((const struct grant_count *)value)->value;

	if (n)
		text_format(ret, GRANT_VALUE_LEN, "%u", n);
	else
		strcpy(ret, "auto");
}

struct unit {
	const char *name;
	uint64_t worth;
};

static uint64_t worth_of(const struct unit *units, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(units[i].name, name))
			return units[i].worth;
	return 0;
}

static const struct unit spans[] = {{"d", 86400}, {"h", 3600}, {"m", 60}, {"s", 1}, {"", 1}};
static const struct unit rates[] = {
	{"G", 1000000000}, {"M", 1000000}, {"k", 1000}, {"K", 1000}, {"", 1}};

#define SPAN_MAX_S (366 * 86400u)
#define RATE_MIN 8000
#define RATE_MAX UINT64_C(400000000000)

static int parse_span(const char *text, void *value, const char **ret_expected)
{
	uint64_t n = 0, worth = 1;

	if (strcmp(text, "off")) {
		worth = take_number(&text, SPAN_MAX_S, &n)
				? worth_of(spans, ARRAY_SIZE(spans), text)
				: 0;
		if (!worth || !n || n * worth > SPAN_MAX_S)
			return expected(ret_expected,
				"a time like 90s, 10m, 8h or 30d, up to 366d, or off");
	}
	((struct grant_span *)value)->value = (uint32_t)(n * worth);
	return 0;
}

/* The largest unit that needs no fraction. */
static void format_amount(uint64_t v, const struct unit *u, char *ret)
{
	while (v % u->worth)
		u++;
	if (v)
		text_format(ret, GRANT_VALUE_LEN, "%" PRIu64 "%s", v / u->worth, u->name);
	else
		strcpy(ret, "off");
}

static void format_span(const void *value, char *ret)
{
	format_amount(((const struct grant_span *)value)->value, spans, ret);
}

/* Up to three decimals; false: none after the point, or more. */
static bool take_thousandths(const char **at, uint64_t *ret)
{
	uint64_t digit = 100;

	*ret = 0;
	if (**at != '.')
		return true;
	for (++*at; isdigit((unsigned char)**at) && digit; ++*at, digit /= 10)
		*ret += digit * (uint64_t)(**at - '0');
	return digit < 100;
}

static int parse_rate(const char *text, void *value, const char **ret_expected)
{
	uint64_t n = 0, thousandths = 0, worth = 0;

	if (!strcmp(text, "off")) {
		((struct grant_rate *)value)->value = 0;
		return 0;
	}
	if (take_number(&text, RATE_MAX, &n) && take_thousandths(&text, &thousandths))
		worth = worth_of(rates, ARRAY_SIZE(rates), text);
	if (!worth || n > RATE_MAX / worth || n * worth + thousandths * worth / 1000 < RATE_MIN)
		return expected(
			ret_expected, "bits a second like 512k, 10M or 1G, at least 8k, or off");
	((struct grant_rate *)value)->value = n * worth + thousandths * worth / 1000;
	return 0;
}

static void format_rate(const void *value, char *ret)
{
	format_amount(((const struct grant_rate *)value)->value, rates, ret);
}

/* ---- dates ------------------------------------------------------------- */

/* A day that the month has; the local time zone's. */
static bool to_seconds(struct tm tm, int64_t *ret)
{
	int day = tm.tm_mday, hour = tm.tm_hour;

	tm.tm_isdst = -1;
	*ret = mktime(&tm);
	return *ret > 0 && tm.tm_mday == day && (tm.tm_hour == hour || tm.tm_isdst > 0);
}

static int parse_date(const char *text, void *value, const char **ret_expected)
{
	static const char *const forms[] = {
		"%Y-%m-%d", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M:%S"};
	int64_t *ret = &((struct grant_date *)value)->value;
	const char *digits = text + 1;
	uint64_t n;

	if (!strcmp(text, "never")) {
		*ret = 0;
		return 0;
	}
	if (*text == '@' && take_number(&digits, INT64_MAX / 16, &n) && !*digits) {
		*ret = (int64_t)n;
		return 0;
	}
	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		struct tm tm = {0};
		const char *end = strptime(text, forms[i], &tm);

		if (end && !*end && to_seconds(tm, ret))
			return 0;
	}
	return expected(ret_expected, "a date like 2027-01-31 or \"2027-01-31 18:00\", or never");
}

static void format_date(const void *value, char *ret)
{
	int64_t at = ((const struct grant_date *)value)->value;
	time_t t = at;
	struct tm tm;
	const char *form = "%F";

	strcpy(ret, "never");
	if (!at || !localtime_r(&t, &tm))
		return;
	if (tm.tm_sec)
		form = "%F %H:%M:%S";
	else if (tm.tm_hour || tm.tm_min)
		form = "%F %H:%M";
	strftime(ret, GRANT_VALUE_LEN, form, &tm);
}

static void store_date(const void *value, char *ret)
{
	text_format(ret, GRANT_VALUE_LEN, "@%" PRId64, ((const struct grant_date *)value)->value);
}

/* ---- hours ------------------------------------------------------------- */

static const char *const days[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat"};
#define ALL_DAYS 0x7f
#define DAY_MIN (24 * 60)

static bool take_day(const char **at, unsigned *ret)
{
	for (unsigned i = 0; i < ARRAY_SIZE(days); i++) {
		if (strncasecmp(*at, days[i], 3))
			continue;
		*at += 3;
		*ret = i;
		return true;
	}
	return false;
}

/* "mon" or "fri-mon" */
static bool take_days(const char **at, uint8_t *ret)
{
	unsigned from, to;

	if (!take_day(at, &from))
		return false;
	to = from;
	if (**at == '-') {
		++*at;
		if (!take_day(at, &to))
			return false;
	}
	*ret = (uint8_t)(1 << from);
	while (from != to) {
		from = (from + 1) % 7;
		*ret |= (uint8_t)(1 << from);
	}
	return true;
}

static bool take_clock(const char **at, uint16_t *ret)
{
	uint64_t hour, minute;

	if (!take_number(at, 24, &hour) || *(*at)++ != ':' || !take_number(at, 59, &minute) ||
		(hour == 24 && minute))
		return false;
	*ret = (uint16_t)(hour * 60 + minute);
	return true;
}

static bool take_hours(const char **at, struct grant_hours_item *ret)
{
	*ret = (struct grant_hours_item){ALL_DAYS, 0, DAY_MIN};
	if (isalpha((unsigned char)**at)) {
		if (!take_days(at, &ret->days))
			return false;
		if (**at != '/' && **at != ' ')
			return true;
		++*at;
	}
	if (!take_clock(at, &ret->from) || *(*at)++ != '-' || !take_clock(at, &ret->to))
		return false;
	return ret->from != ret->to && ret->from < DAY_MIN && ret->to > 0;
}

static int parse_hours(const char *text, void *value, const char **ret_expected)
{
	struct grant_hours *v = value;

	v->n = 0;
	if (!strcmp(text, "always"))
		return 0;
	for (;;) {
		if (v->n == GRANT_HOURS_MAX || !take_hours(&text, &v->item[v->n]))
			break;
		v->n++;
		if (!*text)
			return 0;
		if (*text++ != ',')
			break;
	}
	return expected(ret_expected,
		"hours like mon-fri/08:00-18:00, up to 8 of them with commas, or always");
}

static size_t format_days(uint8_t mask, char *ret)
{
	unsigned first = 0, last;
	size_t n = 0;

	if (mask == ALL_DAYS)
		return 0;
	while (!(mask >> first & 1) || mask >> (first + 6) % 7 & 1)
		first++;
	for (last = first; mask >> (last + 1) % 7 & 1;)
		last = (last + 1) % 7;
	n += text_format(ret, 8, "%s", days[first]);
	if (last != first)
		n += text_format(ret + n, 8, "-%s", days[last]);
	return n;
}

static void format_hours(const void *value, char *ret)
{
	const struct grant_hours *v = value;
	size_t n = 0;

	strcpy(ret, v->n ? "" : "always");
	for (size_t i = 0; i < v->n; i++) {
		const struct grant_hours_item *h = &v->item[i];
		size_t d;

		if (i)
			ret[n++] = ',';
		d = format_days(h->days, ret + n);
		n += d;
		n += text_format(ret + n, GRANT_VALUE_LEN - n, "%s%02u:%02u-%02u:%02u",
			d ? "/" : "", h->from / 60u, h->from % 60u, h->to / 60u, h->to % 60u);
	}
}

/* ---- the table ---------------------------------------------------------- */

// clang-format off
const struct grant_type
	grant_type_ADDR = {sizeof(struct grant_addr), parse_addr, format_addr, NULL, NULL, NULL},
	grant_type_ADDRS = {sizeof(struct grant_addrs), parse_addrs, format_addrs, NULL, append_addrs, NULL},
	grant_type_DNS = {sizeof(struct grant_addrs), parse_dns, format_addrs, NULL, append_addrs, NULL},
	grant_type_WORD = {sizeof(struct grant_word), parse_word, format_word, NULL, NULL, NULL},
	grant_type_FLAG = {sizeof(struct grant_flag), parse_flag, format_flag, NULL, NULL, NULL},
	grant_type_DATE = {sizeof(struct grant_date), parse_date, format_date, store_date, NULL, NULL},
	grant_type_COUNT = {sizeof(struct grant_count), parse_count, format_count, NULL, NULL, NULL},
	grant_type_SPAN = {sizeof(struct grant_span), parse_span, format_span, NULL, NULL, NULL},
	grant_type_RATE = {sizeof(struct grant_rate), parse_rate, format_rate, NULL, NULL, NULL},
	grant_type_METHODS = {sizeof(struct grant_methods), parse_methods, format_methods, NULL, NULL, NULL},
	grant_type_NAMES = {sizeof(struct grant_names), parse_names, format_names, NULL, append_names, NULL},
	grant_type_HOURS = {sizeof(struct grant_hours), parse_hours, format_hours, NULL, NULL, NULL},
	grant_type_TOTP = {sizeof(struct grant_totp), parse_totp, format_totp, NULL, NULL, NULL};
// clang-format on
