// SPDX-License-Identifier: Apache-2.0
/* os/nft.c with the real nft, in a namespace. */
#include "netns.h"

#include <sys/stat.h>

#include "base/auto.h"
#include "os/child.h"
#include "os/nft.h"

#define NEED_NFT()                                                                                 \
	do {                                                                                       \
		char path_[CHILD_PATH_LEN];                                                        \
		if (child_find("", "nft", path_) < 0) {                                            \
			print_message("skipped: the nft program is not installed\n");              \
			skip();                                                                    \
		}                                                                                  \
		NEED_NETNS();                                                                      \
	} while (0)

static struct prefix prefix(const char *text)
{
	struct prefix p;

	assert_int_equal(prefix_parse(text, &p), 0);
	return p;
}

static int apply(const char *instance, const char *tun, const char *four, const char *six)
{
	struct prefix pools[2] = {prefix(four)};
	struct nft_rules rules = {
		.instance = instance, .tun = tun, .masquerade = pools, .n_masquerade = 1};

	if (six)
		pools[rules.n_masquerade++] = prefix(six);
	return nft_apply(&rules, NULL);
}

static void the_pools_are_masqueraded_wherever_they_leave_but_the_tunnel(void **state)
{
	NEED_NFT();
	assert_int_equal(apply("main", "culvert0", "10.20.4.0/22", "fd12:3456::/64"), 0);
	assert_true(
		output_has("nft list table inet culvert_main", "hook postrouting priority srcnat"));
	assert_true(output_has("nft list table inet culvert_main",
		"oifname != \"culvert0\" ip saddr 10.20.4.0/22 masquerade"));
	assert_true(output_has("nft list table inet culvert_main",
		"oifname != \"culvert0\" ip6 saddr fd12:3456::/64 masquerade"));
}

static void writing_again_replaces_and_leaves_others_alone(void **state)
{
	NEED_NFT();
	RUN("nft add table inet mine && nft add table inet culvert_other");
	assert_int_equal(apply("main", "culvert0", "10.20.4.0/22", NULL), 0);
	assert_int_equal(apply("main", "culvert1", "10.30.0.0/22", NULL), 0);
	assert_false(output_has("nft list ruleset", "10.20.4.0"));
	assert_true(
		output_has("nft list ruleset", "oifname != \"culvert1\" ip saddr 10.30.0.0/22"));
	assert_int_equal(nft_remove("main", NULL), 0);
	assert_false(output_has("nft list ruleset", "culvert_main"));
	assert_true(output_has("nft list ruleset", "table inet mine"));
	assert_true(output_has("nft list ruleset", "table inet culvert_other"));
	assert_int_equal(nft_remove("main", NULL), 0); /* once more does no harm */
}

/* What ip/guard.c forbids does not pass here either, not as "related" to a known connection. */
static void of_icmp_echo_and_errors_pass_alone(void **state)
{
	struct prefix pool = prefix("10.20.4.0/22");
	struct nft_rules rules = {.instance = "main",
		.tun = "culvert0",
		.masquerade = &pool,
		.n_masquerade = 1,
		.guard_host = true};
	static const char list[] =
		"nft list chain inet culvert_main input | grep iifname | tr '\\n' '~'";

	NEED_NFT();
	assert_int_equal(nft_apply(&rules, NULL), 0);
	assert_true(output_has(list,
		"iifname \"culvert0\" icmp type { echo-reply, destination-unreachable, echo-request, "
		"time-exceeded, parameter-problem } accept~"));
	assert_true(output_has(list,
		"iifname \"culvert0\" icmpv6 type { destination-unreachable, packet-too-big, "
		"time-exceeded, parameter-problem, echo-request, echo-reply } accept~"));
	assert_true(
		output_has(list, "counter packets 0 bytes 0 drop~\t\tiifname \"culvert0\" ct state "
				 "established,related accept~"));
}

static void a_refused_change_leaves_everything_as_it_was(void **state)
{
	struct prefix bad = prefix("10.20.4.0/22");
	struct nft_rules rules = {
		.instance = "main", .tun = "culvert0", .masquerade = &bad, .n_masquerade = 1};
	struct os_failure why = {0};

	NEED_NFT();
	assert_int_equal(nft_apply(&rules, NULL), 0);
	bad.len = 77;
	assert_int_equal(nft_apply(&rules, &why), -EIO);
	assert_int_equal(why.event, EV_NFT_REFUSED);
	assert_non_null(strstr(why.text, "culvert_main"));
	assert_true(output_has("nft list ruleset", "ip saddr 10.20.4.0/22 masquerade"));
}

static void an_instance_name_cannot_leave_its_table(void **state)
{
	char name[NFT_TABLE_LEN];

	assert_string_equal(
		nft_table_name("a-b; flush ruleset", name), "culvert_a_b__flush_ruleset");
	assert_string_equal(nft_table_name("x1", name), "culvert_x1");
	NEED_NFT();
	assert_int_equal(apply("a b\"}", "culvert0", "10.20.4.0/22", NULL), 0);
	assert_true(output_has("nft list tables", "table inet culvert_a_b__"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_pools_are_masqueraded_wherever_they_leave_but_the_tunnel),
		cmocka_unit_test(writing_again_replaces_and_leaves_others_alone),
		cmocka_unit_test(of_icmp_echo_and_errors_pass_alone),
		cmocka_unit_test(a_refused_change_leaves_everything_as_it_was),
		cmocka_unit_test(an_instance_name_cannot_leave_its_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
