// SPDX-License-Identifier: Apache-2.0
/* ppp/auth/schemes.c — the methods there are, and how LCP's option 3 names them. */
#include "ppp/auth/auth.h"

#include "base/auto.h"
#include "ppp/auth/chap.h"
#include "ppp/auth/eap.h"
#include "ppp/auth/pap.h"

static const struct auth_scheme *const schemes[] = {
	&eap_scheme, &mschapv2_scheme, &chap_md5_scheme, &pap_scheme};

const struct auth_scheme *auth_scheme_of_method(enum auth_method method)
{
	for (size_t i = 0; i < ARRAY_SIZE(schemes); i++)
		if (schemes[i]->method == method)
			return schemes[i];
	return NULL;
}

const struct auth_scheme *auth_scheme_of_option(struct rd value)
{
	uint16_t protocol = rd_be16(&value);
	size_t n = rd_left(&value);

	for (size_t i = 0; i < ARRAY_SIZE(schemes); i++) {
		const struct auth_scheme *s = schemes[i];

		if (s->protocol == protocol && s->option_data_len == n &&
			(!n || s->option_data[0] == *value.p))
			return s;
	}
	return NULL;
}
