// SPDX-License-Identifier: Apache-2.0
/* Lists of challenges as proxies send them, in one line and in the forms that RFC 9110 11.3 allows. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "http/challenge.h"

/* "scheme(params)" of each, with blanks between. */
static const char *read_all(const char *list)
{
	static char text[1000];
	char *copy = malloc(strlen(list) + 1); /* a read past the end is found */
	struct http_text t = {copy, strlen(list)};
	struct http_challenge c;
	size_t n = 0;

	memcpy(copy, list, t.n);
	copy = realloc(copy, t.n ? t.n : 1);
	t.p = copy;
	*text = '\0';
	while (http_challenge_next(&t, &c))
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%.*s(%.*s)", n ? " " : "",
			(int)c.scheme.n, c.scheme.p, (int)c.params.n, c.params.p);
	free(copy);
	return text;
}

static const struct {
	const char *list, *challenges;
} rows[] = {
	{"NEGOTIATE,NTLM,BASIC realm=\"abcde\"", "NEGOTIATE() NTLM() BASIC(realm=\"abcde\")"},
	{"Basic", "Basic()"},
	{"Basic realm=\"a\"", "Basic(realm=\"a\")"},
	{"basic REALM = \"a\"", "basic(REALM = \"a\")"},
	{"Negotiate, Basic realm=a", "Negotiate() Basic(realm=a)"},
	{"Basic realm=\"a, Digest nonce=1\"", "Basic(realm=\"a, Digest nonce=1\")"},
	{"Basic realm=\"a\\\", NTLM\", Digest realm=\"b\"",
		"Basic(realm=\"a\\\", NTLM\") Digest(realm=\"b\")"},
	{"Digest realm=\"r\", nonce=\"n\", qop=\"auth,auth-int\", Basic realm=\"b\", charset=\"UTF-8\"",
		"Digest(realm=\"r\", nonce=\"n\", qop=\"auth,auth-int\") "
		"Basic(realm=\"b\", charset=\"UTF-8\")"},
	{"Digest realm=r,nonce=n,Digest realm=r,nonce=m,algorithm=SHA-256",
		"Digest(realm=r,nonce=n) Digest(realm=r,nonce=m,algorithm=SHA-256)"},
	{"NTLM TlRMTVNTUAACAAAA+/==, Basic realm=x", "NTLM(TlRMTVNTUAACAAAA+/==) Basic(realm=x)"},
	{"Negotiate YII=,NTLM", "Negotiate(YII=) NTLM()"},
	{"Negotiate abc , Basic realm=x", "Negotiate(abc) Basic(realm=x)"},
	{", ,Basic realm=x, , ,Negotiate,", "Basic(realm=x) Negotiate()"},
	{"\tBasic\trealm=\"x\"\t,\tNTLM\t", "Basic(realm=\"x\") NTLM()"},
	{"Basic realm=\"x\"\r\n , NTLM", "Basic(realm=\"x\") NTLM()"},
	{"Newauth realm=\"apps\", type=1, title=\"Login to \\\"apps\\\"\", Basic realm=\"simple\"",
		"Newauth(realm=\"apps\", type=1, title=\"Login to \\\"apps\\\"\") Basic(realm=\"simple\")"},
	{"Basic realm=\"\", NTLM", "Basic(realm=\"\") NTLM()"},
	{"Basic realm=\"x\" NTLM", "Basic(realm=\"x\") NTLM()"}, /* a comma was forgotten */
	/* broken: what came before counts, nothing loops */
	{"", ""},
	{",,, ", ""},
	{"=", ""},
	{"\"Basic\"", ""},
	{"NTLM, \"x\", Basic", "NTLM()"},
	{"Basic realm=\"never closed, NTLM", "Basic(realm=\"never closed, NTLM)"},
	{"Basic realm=\"x\\", "Basic(realm=\"x\\)"},
	{"Basic realm=", "Basic(realm=)"},
	{"Basic =x, NTLM", "Basic()"},
	{"Basic/x", ""},
};

static void lists_are_taken_apart(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_string_equal(read_all(rows[i].list), rows[i].challenges);
}

static void every_prefix_ends(void **state)
{
	char text[200];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		for (size_t n = 0; n <= strlen(rows[i].list); n++) {
			snprintf(text, sizeof(text), "%.*s", (int)n, rows[i].list);
			read_all(text);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists_are_taken_apart),
		cmocka_unit_test(every_prefix_ends),
	};

	return cmocka_run_group_tests_name("http/challenge", tests, NULL, NULL);
}
