// SPDX-License-Identifier: Apache-2.0
/* os/rule.c against the kernel, in a namespace of the test's own. */
#include "netns.h"

#include "os/rule.h"

struct found {
	struct rule rules[8];
	size_t n;
};

static bool keep(const struct rule *rule, void *arg)
{
	struct found *f = arg;

	f->rules[f->n++] = *rule;
	return f->n < 8;
}

static void what_is_added_is_listed_and_deleted(void **state)
{
	static const struct rule rules[] = {
		{.family = AF_INET, .priority = 20000, .table = 254, .mark = 0x63760003},
		{.family = AF_INET, .priority = 20001, .mark = 0x63760003},
		{.family = AF_INET,
			.priority = 20002,
			.table = 254,
			.to = {{AF_INET, {192, 0, 2, 1}}, 32},
			.tcp_port = 443},
		{.family = AF_INET, .priority = 20003, .table = 254, .longer_than = true},
		{.family = AF_INET,
			.priority = 20004,
			.table = 0x63760003,
			.to = {{AF_INET, {10}}, 8},
			.longer_than = true,
			.suppress_len = 8},
	};
	struct found f = {0};

	(void)state;
	NEED_NETNS();
	RUN("ip rule add pref 100 lookup 7"); /* another program's */
	for (size_t i = 0; i < 5; i++)
		assert_int_equal(rule_add(&rules[i], NULL), 0);
	assert_int_equal(rule_add(&rules[4], NULL), -EEXIST);
	assert_int_equal(rule_list(AF_INET, keep, &f, NULL), 0);
	assert_int_equal(f.n, 5);
	for (size_t i = 0; i < 5; i++) {
		const struct rule *a = &rules[i], *b = &f.rules[i];

		assert_int_equal(a->priority, b->priority);
		assert_int_equal(a->table, b->table);
		assert_int_equal(a->mark, b->mark);
		assert_int_equal(a->to.len, b->to.len);
		assert_memory_equal(&a->to, &b->to, sizeof(a->to));
		assert_int_equal(a->longer_than, b->longer_than);
		assert_int_equal(a->suppress_len, b->suppress_len);
		assert_int_equal(a->tcp_port, b->tcp_port);
	}
	assert_true(output_has("ip rule", "fwmark 0x63760003 lookup main"));
	assert_true(output_has("ip rule", "unreachable"));
	assert_true(output_has("ip rule", "suppress_prefixlength 8"));
	for (size_t i = 0; i < 5; i++)
		assert_int_equal(rule_del(&rules[i], NULL), 0);
	assert_int_equal(rule_del(&rules[0], NULL), -ENOENT);
	f.n = 0;
	assert_int_equal(rule_list(AF_INET, keep, &f, NULL), 0);
	assert_int_equal(f.n, 0);
	assert_true(output_has("ip rule", "lookup 7"));
}

static void ipv6_has_its_own(void **state)
{
	struct rule rule = {.family = AF_INET6,
		.priority = 20000,
		.table = 254,
		.to = {{AF_INET6, {0x20, 0x01, 0x0d, 0xb8}}, 32}};
	struct found f = {0};
	struct os_failure why;

	(void)state;
	NEED_NETNS();
	NEED_IPV6();
	assert_int_equal(rule_add(&rule, NULL), 0);
	assert_int_equal(rule_list(AF_INET, keep, &f, NULL), 0);
	assert_int_equal(f.n, 0);
	assert_int_equal(rule_list(AF_INET6, keep, &f, NULL), 0);
	assert_int_equal(f.n, 1);
	assert_memory_equal(&f.rules[0].to, &rule.to, sizeof(rule.to));
	assert_int_equal(rule_del(&rule, &why), 0);
	assert_int_equal(rule_del(&rule, &why), -ENOENT);
	assert_int_equal(why.event, EV_ROUTE_REFUSED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_added_is_listed_and_deleted),
		cmocka_unit_test(ipv6_has_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
