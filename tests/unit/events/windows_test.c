// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "unit/events/windows_facts.h"

static int fact_of(enum windows_kind kind, uint32_t number)
{
	for (size_t i = 0; i < ARRAY_SIZE(facts); i++)
		if (facts[i].kind == kind && facts[i].number == number)
			return (int)i;
	return -1;
}

static void each_number_is_that_of_microsoft(void **state)
{
	const struct windows_code *c;
	unsigned n = 0;
	int i;

	for (; (c = windows_at(n)); n++) {
		i = fact_of(c->kind, c->number);
		if (i < 0)
			fail_msg("kind %d, %u is in no table of Microsoft", c->kind, c->number);
		if (strcmp(facts[i].symbol, c->symbol))
			fail_msg("%u is %s, not %s", c->number, facts[i].symbol, c->symbol);
		if (facts[i].layers != ANY_LAYER && !(facts[i].layers & 1u << c->layer))
			fail_msg("%u is not of layer %s", c->number, layer_name(c->layer));
	}
	assert_int_equal(n, ARRAY_SIZE(facts)); /* each is explained, and none twice */
}

/* One item of what an event shows: "691", "RasSstp event 4 with status 503", "0x800B0109". */
static int fact_of_text(const char *text)
{
	enum windows_kind kind = strncmp(text, "0x", 2) ? WINDOWS_RAS : WINDOWS_HRESULT;
	char *end;
	unsigned long number;

	if (!strncmp(text, "RasSstp event ", 14)) {
		kind = WINDOWS_RASSSTP;
		text += 14;
	} else if (!strncmp(text, "RasClient event ", 16)) {
		kind = WINDOWS_RASCLIENT;
		text += 16;
	}
	number = strtoul(text, &end, 0);
	if (kind == WINDOWS_RASSSTP && number == 4 && !strncmp(end, " with status ", 13))
		strtoul(end + 13, &end, 10);
	return *end || end == text ? -1 : fact_of(kind, (uint32_t)number);
}

static void what_an_event_shows_exists(void **state)
{
	const struct event_info *info;
	char shown[200], *save, *item;

	for (unsigned i = 0; (info = event_at(i)); i++) {
		assert_true(snprintf(shown, sizeof(shown), "%s", info->windows) < 200);
		for (item = strtok_r(shown, ",;", &save); item; item = strtok_r(NULL, ",;", &save))
			if (fact_of_text(item + strspn(item, " ")) < 0)
				fail_msg("%d %s shows \"%s\"", info->number, info->name, item);
	}
}

/* Where Microsoft's tables name the cause, the event of that cause shows that number. */
static void a_cause_that_is_published_has_its_number(void **state)
{
	static const struct {
		enum event ev;
		const char *shows;
	} rows[] = {
		{EV_DNS_NO_SUCH_NAME, "868"},
		{EV_DNS_NO_SUCH_NAME, "0x80072AF9"},
		{EV_DNS_FAILED, "868"},
		{EV_DNS_TIMEOUT, "0x80072EE7"},
		{EV_DNS_NO_ADDRESS, "0x80072AFC"},
		{EV_DNS_FILTERED, "0x8007274D"},
		{EV_TCP_REFUSED, "0x8007274D"},
		{EV_TCP_TIMEOUT, "0x8007274C"},
		{EV_TCP_TIMEOUT, "809"},
		{EV_TCP_UNREACHABLE, "769"},
		{EV_TCP_RESET, "0x80072746"},
		{EV_PROXY_AUTH_NEEDED, "RasSstp event 23"},
		{EV_PROXY_AUTH_NEEDED, "0x80070005"},
		{EV_PROXY_UNREACHABLE, "0x80072EFD"},
		{EV_PROXY_NO_RESPONSE, "0x80072EE2"},
		{EV_TLS_NOT_TLS, "0x80090308"},
		{EV_TLS_VERSION, "0x80090326"},
		{EV_TLS_NOTHING_IN_COMMON, "0x80090331"},
		{EV_TLS_PEER_WANTS_CERT, "0x80090326"},
		{EV_TLS_CLOSED_IN_HANDSHAKE, "0x80072746"},
		{EV_TLS_TIMEOUT, "0x80072EE2"},
		{EV_CERT_EXPIRED, "0x800B0101"},
		{EV_CERT_NOT_YET_VALID, "0x800B0101"},
		{EV_CERT_CLOCK_WRONG, "0x80072F8F"},
		{EV_CERT_NAME_MISMATCH, "0x800B010F"},
		{EV_CERT_SELF_SIGNED, "0x800B0109"},
		{EV_CERT_UNTRUSTED_ROOT, "0x800B0109"},
		{EV_CERT_ISSUER_UNKNOWN, "0x800B010A"},
		{EV_CERT_INTERMEDIATE_MISSING, "0x800B010A"},
		{EV_CERT_REVOKED, "0x800B010C"},
		{EV_CERT_REVOKED, "0x80092010"},
		{EV_CERT_REVOCATION_OFFLINE, "0x80092013"},
		{EV_CERT_WRONG_USAGE, "0x800B0110"},
		{EV_CERT_WRONG_USAGE, "RasSstp event 16"},
		{EV_HTTP_STATUS, "RasSstp event 4"},
		{EV_HTTP_VERSION, "RasSstp event 3"},
		{EV_HTTP_NO_RESPONSE, "RasSstp event 2"},
		{EV_HTTP_TIMEOUT, "0x80072EE2"},
		{EV_HTTP_PROXY_AUTH, "RasSstp event 4"},
		{EV_SSTP_CONNECT_REFUSED, "RasSstp event 5"},
		{EV_SSTP_PEER_DISCONNECTED, "629"},
		{EV_SSTP_PEER_SILENT, "829"},
		{EV_SSTP_BINDING_MISSING, "629"},
		{EV_SSTP_BINDING_NONCE, "629"},
		{EV_SSTP_BINDING_HASH_PROTOCOL, "629"},
		{EV_SSTP_BINDING_MAC, "629"},
		{EV_SSTP_BINDING_UNCHECKED, "629"},
		{EV_SSTP_BINDING_REFUSED, "RasSstp event 6"},
		{EV_SSTP_BINDING_REFUSED, "629"},
		{EV_SSTP_BINDING_MISMATCH, "RasSstp event 6"},
		{EV_SSTP_BINDING_MISMATCH, "629"},
		{EV_LCP_NO_ANSWER, "721"},
		{EV_LCP_TIMEOUT, "718"},
		{EV_LCP_NOT_CONVERGING, "732"},
		{EV_LCP_LOOPBACK, "737"},
		{EV_LCP_PEER_TERMINATED, "719"},
		{EV_LCP_AUTH_REFUSED, "919"},
		{EV_LCP_AUTH_NOT_COMMON, "919"},
		{EV_AUTH_ACCEPTED, "RasClient event 20225"},
		{EV_AUTH_FAILED, "691"},
		{EV_AUTH_RESTRICTED_HOURS, "646"},
		{EV_AUTH_DISABLED, "647"},
		{EV_AUTH_PASSWORD_EXPIRED, "648"},
		{EV_AUTH_NO_DIALIN, "649"},
		{EV_AUTH_PASSWORD_NOT_CHANGED, "709"},
		{EV_AUTH_SERVER_NOT_PROVEN, "778"},
		{EV_AUTH_NO_ANSWER, "718"},
		{EV_AUTH_USER_DISABLED, "647"},
		{EV_AUTH_USER_EXPIRED, "648"},
		{EV_IPCP_TIMEOUT, "718"},
		{EV_IPCP_REJECTED, "733"},
		{EV_IPCP_TERMINATED, "736"},
		{EV_IPCP_STATIC_ADDRESS, "735"},
		{EV_IPCP_NO_ADDRESS, "738"},
		{EV_NCP_NOTHING_TO_OFFER, "720"},
		{EV_NCP_MPPE_DEMANDED, "741"},
		{EV_NCP_TIMEOUT, "720"},
		{EV_SERVER_BUSY, "930"},
		{EV_USER_DATE_PASSED, "648"},
		{EV_SERVER_HANDSHAKES_FULL, "0x80072746"},
		{EV_SESSION_KICKED, "629"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct event_info *info = event_info(rows[i].ev);

		if (!strstr(info->windows, rows[i].shows))
			fail_msg("%s shows \"%s\" without %s", info->name, info->windows,
				rows[i].shows);
	}
}

/* A call that goes on, or one that the client itself ends on purpose, shows no error. */
static void what_is_no_error_shows_none(void **state)
{
	static const enum event none[] = {EV_SSTP_BINDING_OK, EV_SSTP_BINDING_UNKEYED,
		EV_SSTP_BINDING_IGNORED, EV_CLIENT_STOPPED};

	for (size_t i = 0; i < ARRAY_SIZE(none); i++)
		assert_string_equal(event_info(none[i])->windows, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_number_is_that_of_microsoft),
		cmocka_unit_test(what_an_event_shows_exists),
		cmocka_unit_test(a_cause_that_is_published_has_its_number),
		cmocka_unit_test(what_is_no_error_shows_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
