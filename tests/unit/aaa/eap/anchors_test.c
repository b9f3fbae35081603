// SPDX-License-Identifier: Apache-2.0
/* Which user a certificate is of. */
#include "hexlit.h"

#include "aaa/eap/anchors.h"
#include "tls/anchors.h"

#define ALL (EAP_ANCHOR_UPN | EAP_ANCHOR_EMAIL | EAP_ANCHOR_CN)

static struct tls_client_cert cert(void)
{
	return (struct tls_client_cert){.upn = "alice@corp.test",
		.email = "a.l@corp.test",
		.cn = "Alice L.",
		.serial = "0A11",
		.issuer = "/CN=Corp CA",
		.sha1 = {1, 2, 3},
		.sha256 = {4, 5, 6}};
}

static enum event user_of(struct eap_anchor *anchor, const struct tls_client_cert *c, char *ret)
{
	struct eap_anchors a = {.item = anchor, .n = 1};

	strcpy(ret, "nobody");
	return eap_anchors_user(&a, c, ret);
}

static void the_first_name_of_the_rule_that_is_there_decides(void **state)
{
	static const struct {
		unsigned names;
		const char *user;
	} rows[] = {{ALL, "alice@corp.test"}, {EAP_ANCHOR_EMAIL | EAP_ANCHOR_CN, "a.l@corp.test"},
		{EAP_ANCHOR_CN, "Alice L."}};
	char user[USER_NAME_MAX + 1];
	struct tls_client_cert c = cert();

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct eap_anchor a = {.names = rows[i].names};

		assert_int_equal(user_of(&a, &c, user), EV_NONE);
		assert_string_equal(user, rows[i].user);
	}
	*c.upn = '\0';
	assert_int_equal(user_of(&(struct eap_anchor){.names = ALL}, &c, user), EV_NONE);
	assert_string_equal(user, "a.l@corp.test");
	assert_int_equal(user_of(&(struct eap_anchor){.names = EAP_ANCHOR_UPN}, &c, user),
		EV_AUTH_CERT_NO_NAME);
	assert_int_equal(user_of(&(struct eap_anchor){.names = 0}, &c, user), EV_AUTH_CERT_NO_NAME);
}

static void a_pattern_must_match_and_may_be_cut_off(void **state)
{
	static const struct {
		const char *pattern, *upn, *user; /* NULL: no match */
		bool strip;
	} rows[] = {
		{"*@corp.test", "alice@corp.test", "alice@corp.test", false},
		{"*@corp.test", "alice@corp.test", "alice", true},
		{"*@CORP.test", "alice@corp.TEST", "alice", true},
		{"*@corp.test", "alice@evil.test", NULL, true},
		{"*@corp.test", "alice@corp.test.evil.test", NULL, true},
		{"*@corp.test", "@corp.test", NULL, true},
		{"*@corp.test", "corp.test", NULL, false},
		{"vpn-*", "vpn-alice", "alice", true},
		{"vpn-*", "alice", NULL, true},
		{"a*a", "a", NULL, true},
		{"a*a", "aba", "b", true},
		{"alice", "alice", "alice", true},
		{"alice", "alice2", NULL, true},
	};
	char user[USER_NAME_MAX + 1];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct tls_client_cert c = cert();
		struct eap_anchor a = {.names = EAP_ANCHOR_UPN, .strip = rows[i].strip};

		strcpy(a.pattern, rows[i].pattern);
		strcpy(c.upn, rows[i].upn);
		assert_int_equal(
			user_of(&a, &c, user), rows[i].user ? EV_NONE : EV_AUTH_CERT_NO_NAME);
		if (rows[i].user)
			assert_string_equal(user, rows[i].user);
	}
}

static void a_bound_certificate_is_its_users_whatever_it_says(void **state)
{
	struct eap_anchor_binding b[] = {{.by_sha256 = true, .sha256 = {4, 5, 6}, .user = "bob"},
		{.issuer = "/CN=Corp CA", .serial = "0a12", .user = "carol"}, {.user = "empty"}};
	struct eap_anchor a = {.bindings = b, .n_bindings = 3};
	char user[USER_NAME_MAX + 1];
	struct tls_client_cert c = cert();

	(void)state;
	assert_int_equal(user_of(&a, &c, user), EV_NONE);
	assert_string_equal(user, "bob");
	c.sha256[0] = 9;
	assert_int_equal(user_of(&a, &c, user), EV_AUTH_CERT_NO_NAME);
	strcpy(c.serial, "0A12");
	assert_int_equal(user_of(&a, &c, user), EV_NONE);
	assert_string_equal(user, "carol");
	strcpy(c.issuer, "/CN=Other CA"); /* the same number of another CA */
	assert_int_equal(user_of(&a, &c, user), EV_AUTH_CERT_NO_NAME);
}

static void a_revoked_thumbprint_is_refused_before_anything_else(void **state)
{
	uint8_t revoked[][20] = {{0}, {1, 2, 2}, {1, 2, 3}, {7}};
	struct eap_anchor item = {.names = ALL};
	struct eap_anchors a = {.item = &item, .n = 1, .revoked = revoked, .n_revoked = 4};
	char user[USER_NAME_MAX + 1];
	struct tls_client_cert c = cert();

	(void)state;
	assert_int_equal(eap_anchors_user(&a, &c, user), EV_AUTH_CERT_REVOKED);
	c.sha1[2] = 4;
	assert_int_equal(eap_anchors_user(&a, &c, user), EV_NONE);
	c.anchor = 1;
	assert_int_equal(eap_anchors_user(&a, &c, user), EV_AUTH_CERT_UNKNOWN_CA);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_name_of_the_rule_that_is_there_decides),
		cmocka_unit_test(a_pattern_must_match_and_may_be_cut_off),
		cmocka_unit_test(a_bound_certificate_is_its_users_whatever_it_says),
		cmocka_unit_test(a_revoked_thumbprint_is_refused_before_anything_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
