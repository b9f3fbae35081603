// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>

#include "http/digest.h"

/* RFC 7616 3.9.1, which is written for GET. */
static const char md5[] =
	"Digest realm=\"http-auth@example.org\", qop=\"auth, auth-int\", algorithm=MD5, "
	"nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", "
	"opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\"";
static const char sha256[] =
	"Digest realm=\"http-auth@example.org\", qop=\"auth, auth-int\", algorithm=SHA-256, "
	"nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", "
	"opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\"";

static int answer(const char *challenge, const char *user, char *ret, size_t cap)
{
	struct http_digest_opts o = {.challenge = challenge,
		.user = user,
		.password = "Circle of Life",
		.method = "GET",
		.uri = "/dir/index.html",
		.cnonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"};

	return http_digest_answer(&o, ret, cap);
}

static void the_examples_of_the_rfc_come_out(void **state)
{
	char text[800];

	(void)state;
	assert_int_equal(answer(md5, "Mufasa", text, sizeof(text)), 0);
	assert_non_null(strstr(text, "response=\"8ca523f5e9506fed4657c9700eebdbec\""));
	assert_non_null(strstr(text, "opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\""));
	assert_int_equal(answer(sha256, "Mufasa", text, sizeof(text)), 0);
	assert_non_null(strstr(text, "response=\"753927fa0e85d155564e2e272a28d1802ca10daf4496794697"
				     "cf8db5856cb6c1\""));
	assert_null(strstr(text, "Circle"));
}

static void what_is_not_spoken_is_refused(void **state)
{
	char text[800];

	(void)state;
	assert_int_equal(answer("Basic realm=\"x\"", "a", text, sizeof(text)), -EINVAL);
	assert_int_equal(answer("Digest realm=\"x\"", "a", text, sizeof(text)), -EINVAL);
	assert_int_equal(answer("Digest realm=\"x\", nonce=\"y\", algorithm=SHA-512-256", "a", text,
				 sizeof(text)),
		-ENOTSUP);
	assert_int_equal(answer("Digest realm=\"x\", nonce=\"y\", qop=\"auth-int\"", "a", text,
				 sizeof(text)),
		-ENOTSUP);
	assert_int_equal(answer(md5, "a\"b", text, sizeof(text)), -EINVAL);
	assert_int_equal(answer(md5, "Mufasa", text, 60), -ENOSPC);
}

/* RFC 9110 5.6.4 and 11.2: escapes, blanks around "=", parameters in any case, unknown ones. */
static void forms_of_a_challenge_are_read(void **state)
{
	static const char *const same[] = {
		"Digest realm=\"a \\\"b\\\\c\", nonce=\"n, 1\", qop=\"auth\"",
		"dIGEST REALM = \"a \\\"b\\\\c\",nOnce=\"n, 1\" , Qop=auth",
		"Digest stale=false, domain=\"/a, realm=x\", qop=\"auth-int, auth\",realm=\"a \\\"b\\\\c\"   , nonce=\"n, 1\"",
		"Digest realm=\"a \\\"b\\\\c\", nonce=\"n, 1\", qop=\"auth\", realm=\"second\""};
	char first[800], text[800];

	(void)state;
	assert_int_equal(answer(same[0], "Mufasa", first, sizeof(first)), 0);
	assert_non_null(strstr(first, "realm=\"a \\\"b\\\\c\", nonce=\"n, 1\""));
	for (size_t i = 1; i < sizeof(same) / sizeof(*same); i++) {
		assert_true(http_digest_can_answer(same[i]));
		assert_int_equal(answer(same[i], "Mufasa", text, sizeof(text)), 0);
		assert_string_equal(text, first);
	}
}

/* A nonce that was cut would give an answer that is wrong, and count as a failed login. */
static void a_value_too_long_is_no_challenge(void **state)
{
	char challenge[700], text[3000];

	(void)state;
	for (int n = 300; n <= 600; n += 100) {
		snprintf(challenge, sizeof(challenge), "Digest realm=\"r\", nonce=\"%0*d\"", n, 7);
		assert_int_equal(http_digest_can_answer(challenge), n < 400);
		assert_int_equal(answer(challenge, "a", text, sizeof(text)), n < 400 ? 0 : -EINVAL);
	}
	snprintf(challenge, sizeof(challenge), "Digest realm=r, nonce=n, x=\"%0*d\"", 600, 7);
	assert_true(http_digest_can_answer(challenge)); /* one that is not used may be long */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_examples_of_the_rfc_come_out),
		cmocka_unit_test(forms_of_a_challenge_are_read),
		cmocka_unit_test(a_value_too_long_is_no_challenge),
		cmocka_unit_test(what_is_not_spoken_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
