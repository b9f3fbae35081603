// SPDX-License-Identifier: Apache-2.0
/*
 * Theory: a type is a row of `types`: it parses one word (or, for lists, each of them), prints,
 * and frees. A list type adds an item per word through `add`; the rest is common to all lists.
 * A value is built aside and replaces the old one only when every word was good.
 */
#include "config/value.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/text.h"

union any {
	bool yes;
	int number;
	uint64_t wide;
	char *text;
	struct word_set set;
	struct endpoint endpoint;
	struct endpoint_list endpoints;
	struct addr_list addrs;
	struct prefix prefix;
	struct text_list texts;
};

struct type {
	const char *name;
	size_t size;
	bool list;
	bool cut_at_blanks;
	int (*parse)(
		const char *valid, const char *word, void *field, char *why); /* lists: adds one */
	void (*print)(const char *valid, const void *field, FILE *out);
};

static int __attribute__((format(printf, 3, 4)))
expected(char *why, const char *got, const char *fmt, ...)
{
	va_list ap;
	size_t n;

	strcpy(why, "expected ");
	n = strlen(why);
	va_start(ap, fmt);
	text_vformat(why + n, CONFIG_WHY_LEN - n, fmt, ap);
	va_end(ap);
	n = strlen(why);
	text_format(why + n, CONFIG_WHY_LEN - n, ", got \"%.*s\"", CONFIG_QUOTE_MAX, got);
	return -EINVAL;
}

/* --- words of `valid` --- */

/* The n-th word of `words`, or NULL; not terminated, *ret_len long. */
static const char *nth_word(const char *words, int n, size_t *ret_len)
{
	for (; words && *words; n--) {
		words += strspn(words, " ");
		*ret_len = strcspn(words, " ");
		if (n == 0)
			return *ret_len ? words : NULL;
		words += *ret_len;
	}
	return NULL;
}

static int word_place(const char *words, const char *word)
{
	size_t len;
	const char *w;

	for (int i = 0; (w = nth_word(words, i, &len)); i++)
		if (strlen(word) == len && !memcmp(w, word, len))
			return i;
	return -1;
}

static bool allows_auto(const char *valid)
{
	return word_place(valid, "auto") == 0;
}

/* --- numbers with units --- */

struct unit {
	const char *name;
	uint64_t worth;
};

static const struct unit no_units[] = {{"", 1}, {NULL, 0}};
static const struct unit size_units[] = {
	{"G", 1 << 30}, {"M", 1 << 20}, {"k", 1 << 10}, {"", 1}, {NULL, 0}};
static const struct unit duration_units[] = {
	{"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}, {NULL, 0}};

/* Decimal digits and one of the units; -EINVAL for anything else, also what needs over 62 bits. */
static int parse_amount(const char *text, size_t len, const struct unit *units, uint64_t *ret)
{
	uint64_t v = 0;
	size_t digits = 0;

	for (; digits < len && isdigit((unsigned char)text[digits]); digits++) {
		if (v > INT64_MAX / 100)
			return -EINVAL;
		v = v * 10 + (uint64_t)(text[digits] - '0');
	}
	if (!digits)
		return -EINVAL;
	for (; units->name; units++) {
		if (strlen(units->name) != len - digits ||
			memcmp(units->name, text + digits, len - digits))
			continue;
		if (v > INT64_MAX / 2 / units->worth)
			return -EINVAL;
		*ret = v * units->worth;
		return 0;
	}
	return -EINVAL;
}

static void print_amount(uint64_t v, const struct unit *units, FILE *out)
{
	const struct unit *u = units;

	while (u[1].name && (!v || v % u->worth))
		u++;
	if (units == duration_units && !v)
		u = &duration_units[3]; /* 0s, not 0ms */
	fprintf(out, "%" PRIu64 "%s", v / u->worth, u->name);
}

/* The word "lo..hi" in `valid`, as its places. */
static const char *range_word(
	const char *valid, size_t *ret_lo_len, const char **ret_hi, size_t *ret_hi_len)
{
	size_t len;
	const char *w;

	for (int i = 0; (w = nth_word(valid, i, &len)); i++) {
		const char *dots = memmem(w, len, "..", 2);

		if (!dots)
			continue;
		*ret_lo_len = (size_t)(dots - w);
		*ret_hi = dots + 2;
		*ret_hi_len = len - *ret_lo_len - 2;
		return w;
	}
	return NULL;
}

/* Whether v lies in the range that `valid` names (no range: any). */
static bool in_range(const char *valid, const struct unit *units, uint64_t v)
{
	size_t lo_len, hi_len;
	uint64_t lo, hi;
	const char *hi_text, *w = range_word(valid, &lo_len, &hi_text, &hi_len);

	if (!w)
		return true;
	if (parse_amount(w, lo_len, units, &lo) < 0 ||
		parse_amount(hi_text, hi_len, units, &hi) < 0)
		abort(); /* a row of options.def is wrong; config_test.c visits each */
	return v >= lo && v <= hi;
}

static void describe_range(const char *valid, char ret[static CONFIG_WHY_LEN])
{
	size_t lo_len, hi_len;
	const char *hi, *lo = range_word(valid, &lo_len, &hi, &hi_len);

	*ret = '\0';
	if (lo)
		snprintf(ret, CONFIG_WHY_LEN, "%.*s to %.*s%s", (int)lo_len, lo, (int)hi_len, hi,
			allows_auto(valid) ? ", or auto" : "");
}

static int amount(const char *valid, const char *word, const struct unit *units, const char *what,
	uint64_t *ret, char *why)
{
	char range[CONFIG_WHY_LEN];
	uint64_t v;

	describe_range(valid, range);
	if (parse_amount(word, strlen(word), units, &v) < 0 || !in_range(valid, units, v))
		return expected(why, word, "%s%s%s", what, *range ? " from " : "", range);
	*ret = v;
	return 0;
}

/* --- the types: parse and print of each --- */

static int bool_parse(const char *valid UNUSED, const char *word, void *field, char *why)
{
	static const char words[] = "no yes false true off on";
	int place = word_place(words, word);

	if (place < 0)
		return expected(why, word, "yes or no");
	*(bool *)field = place % 2;
	return 0;
}

static void bool_print(const char *valid UNUSED, const void *field, FILE *out)
{
	fputs(*(const bool *)field ? "yes" : "no", out);
}

static int int_parse(const char *valid, const char *word, void *field, char *why)
{
	uint64_t v = 0;

	if ((!allows_auto(valid) || strcmp(word, "auto")) &&
		amount(valid, word, no_units, "a number", &v, why) < 0)
		return -EINVAL;
	if (v > INT32_MAX)
		return expected(why, word, "a number below %d", INT32_MAX);
	*(int *)field = (int)v;
	return 0;
}

static void int_print(const char *valid, const void *field, FILE *out)
{
	int v = *(const int *)field;

	if (!v && allows_auto(valid))
		fputs("auto", out);
	else
		fprintf(out, "%d", v);
}

static int size_parse(const char *valid, const char *word, void *field, char *why)
{
	return amount(valid, word, size_units, "a size like 512, 64k or 4M", field, why);
}

static void size_print(const char *valid UNUSED, const void *field, FILE *out)
{
	print_amount(*(const uint64_t *)field, size_units, out);
}

static int duration_parse(const char *valid, const char *word, void *field, char *why)
{
	return amount(valid, word, duration_units, "a time like 250ms, 10s, 5m, 1h", field, why);
}

static void duration_print(const char *valid UNUSED, const void *field, FILE *out)
{
	print_amount(*(const uint64_t *)field, duration_units, out);
}

/* A control character would not survive a dump, and no name or path needs one. */
static bool is_plain(const char *word)
{
	for (; *word; word++)
		if ((unsigned char)*word < 0x20 || *word == 0x7f)
			return false;
	return true;
}

static int text_parse(const char *valid, const char *word, void *field, char *why)
{
	char range[CONFIG_WHY_LEN], *copy;

	describe_range(valid, range);
	if (!in_range(valid, no_units, strlen(word)))
		return expected(why, word, "a text of %s octets", range);
	if (!is_plain(word))
		return expected(why, word, "a text without control characters");
	copy = strdup(word);
	if (!copy)
		return -ENOMEM;
	*(char **)field = copy;
	return 0;
}

/* Bare when it reads back as itself, else in quotes. */
static void print_word(const char *word, FILE *out)
{
	if (*word && !strpbrk(word, " \t,\"#\\")) {
		fputs(word, out);
		return;
	}
	fputc('"', out);
	for (; *word; word++) {
		if (*word == '"' || *word == '\\')
			fputc('\\', out);
		fputc(*word, out);
	}
	fputc('"', out);
}

static void text_print(const char *valid UNUSED, const void *field, FILE *out)
{
	print_word(*(char *const *)field, out);
}

static int choice_parse(const char *valid, const char *word, void *field, char *why)
{
	char words[CONFIG_WHY_LEN];
	int place = word_place(valid, word);

	value_describe(VALUE_CHOICE, valid, words);
	if (place < 0)
		return expected(why, word, "%s", words);
	*(int *)field = place;
	return 0;
}

static void print_place(const char *valid, int place, FILE *out)
{
	size_t len = 0;
	const char *w = nth_word(valid, place, &len);

	fprintf(out, "%.*s", (int)len, w ? w : "");
}

static void choice_print(const char *valid, const void *field, FILE *out)
{
	print_place(valid, *(const int *)field, out);
}

static int set_add(const char *valid, const char *word, void *field, char *why)
{
	struct word_set *set = field;
	int place;

	if (choice_parse(valid, word, &place, why) < 0)
		return -EINVAL;
	for (size_t i = 0; i < set->n; i++)
		if (set->item[i] == place)
			return expected(why, word, "each word once");
	if (set->n == CONFIG_SET_MAX)
		return expected(why, word, "at most %d words", CONFIG_SET_MAX);
	set->item[set->n++] = place;
	return 0;
}

static void set_print(const char *valid, const void *field, FILE *out)
{
	const struct word_set *set = field;

	fputs(set->n ? "" : "\"\"", out);
	for (size_t i = 0; i < set->n; i++) {
		fputs(i ? " " : "", out);
		print_place(valid, set->item[i], out);
	}
}

static int address_parse(const char *valid, const char *word, void *field, char *why)
{
	if (endpoint_parse(word, (uint16_t)atoi(valid), field) < 0)
		return expected(why, word, "an address and port like 192.0.2.1:%s or [::]:%s",
			valid, valid);
	return 0;
}

static void address_print(const char *valid UNUSED, const void *field, FILE *out)
{
	char text[ENDPOINT_TEXT_LEN];

	fputs(endpoint_format(field, text), out);
}

static int address_list_add(const char *valid, const char *word, void *field, char *why)
{
	struct endpoint_list *list = field;
	struct endpoint e;

	if (address_parse(valid, word, &e, why) < 0)
		return -EINVAL;
	if (list->n == CONFIG_ITEMS_MAX)
		return expected(why, word, "at most %d addresses", CONFIG_ITEMS_MAX);
	list->item[list->n++] = e;
	return 0;
}

static void address_list_print(const char *valid, const void *field, FILE *out)
{
	const struct endpoint_list *list = field;

	fputs(list->n ? "" : "\"\"", out);
	for (size_t i = 0; i < list->n; i++) {
		fputs(i ? " " : "", out);
		address_print(valid, &list->item[i], out);
	}
}

static int ip_list_add(const char *valid, const char *word, void *field, char *why)
{
	struct addr_list *list = field;
	bool automatic = allows_auto(valid);
	struct addr a;

	if (automatic && !list->n && !list->automatic && !strcmp(word, "auto")) {
		list->automatic = true;
		return 0;
	}
	if (addr_parse(word, &a) < 0 || list->automatic)
		return expected(
			why, word, "addresses without ports%s", automatic ? ", or auto alone" : "");
	if (list->n == CONFIG_ITEMS_MAX)
		return expected(why, word, "at most %d addresses", CONFIG_ITEMS_MAX);
	list->item[list->n++] = a;
	return 0;
}

static void ip_list_print(const char *valid UNUSED, const void *field, FILE *out)
{
	const struct addr_list *list = field;
	char text[ADDR_TEXT_LEN];

	if (!list->n)
		fputs(list->automatic ? "auto" : "\"\"", out);
	for (size_t i = 0; i < list->n; i++)
		fprintf(out, "%s%s", i ? " " : "", addr_format(&list->item[i], text));
}

static int prefix_value_parse(const char *valid, const char *word, void *field, char *why)
{
	bool four = word_place(valid, "ipv4") >= 0;
	char range[CONFIG_WHY_LEN];
	struct prefix p;

	if (allows_auto(valid) && !strcmp(word, "auto")) {
		*(struct prefix *)field = (struct prefix){0};
		return 0;
	}
	describe_range(valid, range);
	if (prefix_parse(word, &p) < 0 || p.addr.family != (four ? AF_INET : AF_INET6))
		return expected(why, word, "a prefix without host bits like %s",
			four ? "10.8.0.0/22" : "fd00:1:2:3::/64");
	if (!in_range(valid, no_units, p.len))
		return expected(why, word, "a prefix length of %s", range);
	*(struct prefix *)field = p;
	return 0;
}

static void prefix_print(const char *valid UNUSED, const void *field, FILE *out)
{
	const struct prefix *p = field;
	char text[PREFIX_TEXT_LEN];

	fputs(p->addr.family == AF_UNSPEC ? "auto" : prefix_format(p, text), out);
}

static int text_list_add(const char *valid UNUSED, const char *word, void *field, char *why)
{
	struct text_list *list = field;

	if (list->n == CONFIG_ITEMS_MAX)
		return expected(why, word, "at most %d texts", CONFIG_ITEMS_MAX);
	if (!*word || !is_plain(word))
		return expected(
			why, word, "texts that are not empty and without control characters");
	list->item[list->n] = strdup(word);
	if (!list->item[list->n])
		return -ENOMEM;
	list->n++;
	return 0;
}

static void text_list_print(const char *valid UNUSED, const void *field, FILE *out)
{
	const struct text_list *list = field;

	fputs(list->n ? "" : "\"\"", out);
	for (size_t i = 0; i < list->n; i++) {
		fputs(i ? " " : "", out);
		print_word(list->item[i], out);
	}
}

// clang-format off
static const struct type types[VALUE_TYPES] = {
	[VALUE_BOOL]         = {"yes or no",          sizeof(bool),                 false, true,  bool_parse,         bool_print},
	[VALUE_INT]          = {"number",             sizeof(int),                  false, true,  int_parse,          int_print},
	[VALUE_SIZE]         = {"size",               sizeof(uint64_t),             false, true,  size_parse,         size_print},
	[VALUE_DURATION]     = {"time",               sizeof(uint64_t),             false, true,  duration_parse,     duration_print},
	[VALUE_TEXT]         = {"text",               sizeof(char *),               false, false, text_parse,         text_print},
	[VALUE_PATH]         = {"path",               sizeof(char *),               false, false, text_parse,         text_print},
	[VALUE_CHOICE]       = {"one word",           sizeof(int),                  false, true,  choice_parse,       choice_print},
	[VALUE_SET]          = {"words, in order",    sizeof(struct word_set),      true,  true,  set_add,            set_print},
	[VALUE_ADDRESS]      = {"address and port",   sizeof(struct endpoint),      false, true,  address_parse,      address_print},
	[VALUE_ADDRESS_LIST] = {"addresses and ports", sizeof(struct endpoint_list), true, true,  address_list_add,   address_list_print},
	[VALUE_IP_LIST]      = {"addresses",          sizeof(struct addr_list),     true,  true,  ip_list_add,        ip_list_print},
	[VALUE_PREFIX]       = {"prefix",             sizeof(struct prefix),        false, true,  prefix_value_parse, prefix_print},
	[VALUE_LIST]         = {"texts",              sizeof(struct text_list),     true,  false, text_list_add,      text_list_print},
	[VALUE_PATH_LIST]    = {"paths",              sizeof(struct text_list),     true,  false, text_list_add,      text_list_print},
};
// clang-format on

/* --- what the others call --- */

const char *value_type_name(enum value_type type)
{
	return types[type].name;
}

bool value_is_list(enum value_type type)
{
	return types[type].list;
}

bool value_is_cut_at_blanks(enum value_type type)
{
	return types[type].cut_at_blanks;
}

void value_done(enum value_type type, void *field)
{
	struct text_list *list = field;

	if (type == VALUE_TEXT || type == VALUE_PATH)
		free(*(char **)field);
	if (type == VALUE_LIST || type == VALUE_PATH_LIST)
		for (size_t i = 0; i < list->n; i++)
			free(list->item[i]);
	memset(field, 0, types[type].size);
}

void value_print(enum value_type type, const char *valid, const void *field, FILE *out)
{
	types[type].print(valid, field, out);
}

static int parse_list(const struct type *t, const char *valid, const struct words *words,
	union any *built, char *why)
{
	int r = 0;

	for (size_t i = 0; i < words->n && !r; i++)
		r = t->parse(valid, words->word[i], built, why);
	return r;
}

/* A text may be empty: `key =` and `key = ""` are the same. */
static int parse_one(enum value_type type, const char *valid, const struct words *words,
	union any *built, char *why)
{
	bool text = type == VALUE_TEXT || type == VALUE_PATH;

	if (words->n > 1)
		return expected(why, words->word[1],
			text ? "one text, in quotes when blanks or commas belong to it"
			     : "one value");
	if (!words->n && !text)
		return expected(why, "", "a value");
	return types[type].parse(valid, words->n ? words->word[0] : "", built, why);
}

int value_parse(enum value_type type, const char *valid, const struct words *words, void *field,
	char ret_why[static CONFIG_WHY_LEN])
{
	const struct type *t = &types[type];
	/* `key = ""` empties a list as `key =` does. */
	bool empty = words->n == 1 && !*words->word[0];
	union any built = {0};
	int r;

	strcpy(ret_why, strerror(ENOMEM));
	if (t->list)
		r = empty ? 0 : parse_list(t, valid, words, &built, ret_why);
	else
		r = parse_one(type, valid, words, &built, ret_why);
	if (r < 0) {
		value_done(type, &built);
		return r;
	}
	value_done(type, field);
	memcpy(field, &built, t->size);
	return 0;
}

int value_append(enum value_type type, const char *valid, const struct words *words, void *field,
	char ret_why[static CONFIG_WHY_LEN])
{
	strcpy(ret_why, strerror(ENOMEM));
	return parse_list(&types[type], valid, words, field, ret_why);
}

/* "a, b or c" */
static void describe_words(const char *valid, char ret[static CONFIG_WHY_LEN])
{
	size_t len, after, n = 0;
	const char *w;

	*ret = '\0';
	for (int i = 0; (w = nth_word(valid, i, &len)) && n < CONFIG_WHY_LEN; i++) {
		const char *joint = !i ? "" : nth_word(valid, i + 1, &after) ? ", " : " or ";

		n += (size_t)snprintf(ret + n, CONFIG_WHY_LEN - n, "%s%.*s", joint, (int)len, w);
	}
}

void value_describe(enum value_type type, const char *valid, char ret[static CONFIG_WHY_LEN])
{
	switch (type) {
	case VALUE_CHOICE:
	case VALUE_SET: describe_words(valid, ret); break;
	case VALUE_INT:
	case VALUE_SIZE:
	case VALUE_DURATION: describe_range(valid, ret); break;
	case VALUE_PREFIX:
		snprintf(ret, CONFIG_WHY_LEN, "%s prefix%s",
			word_place(valid, "ipv4") >= 0 ? "IPv4" : "IPv6",
			allows_auto(valid) ? ", or auto" : "");
		break;
	case VALUE_IP_LIST: strcpy(ret, allows_auto(valid) ? "or auto" : ""); break;
	default: *ret = '\0';
	}
}
