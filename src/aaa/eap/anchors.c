// SPDX-License-Identifier: Apache-2.0
#include "aaa/eap/anchors.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/peer_cert.h"
#include "tls/anchors.h"

struct eap_anchors *eap_anchors_ref(struct eap_anchors *a)
{
	atomic_fetch_add_explicit(&a->refs, 1, memory_order_relaxed);
	return a;
}

void eap_anchors_unref(struct eap_anchors *a)
{
	if (!a || atomic_fetch_sub_explicit(&a->refs, 1, memory_order_acq_rel) != 1)
		return;
	for (size_t i = 0; i < a->n; i++)
		free(a->item[i].bindings);
	free(a->item);
	free(a->revoked);
	tls_anchors_free(a->tls);
	free(a);
}

static int compare_thumbprints(const void *a, const void *b)
{
	return memcmp(a, b, 20);
}

static bool is_revoked(const struct eap_anchors *a, const struct tls_client_cert *cert)
{
	return a->n_revoked && bsearch(cert->sha1, a->revoked, a->n_revoked, sizeof(*a->revoked),
				       compare_thumbprints);
}

static bool is_bound(const struct eap_anchor_binding *b, const struct tls_client_cert *cert)
{
	if (b->by_sha256)
		return !memcmp(b->sha256, cert->sha256, sizeof(b->sha256));
	return *b->serial && !strcasecmp(b->serial, cert->serial) &&
	       !strcmp(b->issuer, cert->issuer);
}

/* What the * of the pattern matched, or all of it; false: no match. */
static bool match(const struct eap_anchor *a, const char *name, const char **ret, size_t *ret_len)
{
	const char *star = strchr(a->pattern, '*');
	size_t n = strlen(name), head = star ? (size_t)(star - a->pattern) : 0,
	       tail = star ? strlen(star + 1) : 0;

	*ret = name;
	*ret_len = n;
	if (!*a->pattern)
		return true;
	if (!star)
		return !strcasecmp(a->pattern, name);
	if (n < head + tail || strncasecmp(a->pattern, name, head) ||
		strcasecmp(star + 1, name + n - tail))
		return false;
	if (a->strip) {
		*ret = name + head;
		*ret_len = n - head - tail;
	}
	return true;
}

/* The first name that is there decides: one that does not match is not passed over for another. */
static const char *name_of(const struct eap_anchor *a, const struct tls_client_cert *cert)
{
	if (a->names & EAP_ANCHOR_UPN && *cert->upn)
		return cert->upn;
	if (a->names & EAP_ANCHOR_EMAIL && *cert->email)
		return cert->email;
	return a->names & EAP_ANCHOR_CN ? cert->cn : "";
}

enum event eap_anchors_user(const struct eap_anchors *a, const struct tls_client_cert *cert,
	char ret_user[static USER_NAME_MAX + 1])
{
	const struct eap_anchor *anchor = cert->anchor < a->n ? &a->item[cert->anchor] : NULL;
	const char *name, *user;
	size_t n;

	if (is_revoked(a, cert))
		return EV_AUTH_CERT_REVOKED;
	if (!anchor)
		return EV_AUTH_CERT_UNKNOWN_CA;
	for (size_t i = 0; i < anchor->n_bindings; i++)
		if (is_bound(&anchor->bindings[i], cert)) {
			strcpy(ret_user, anchor->bindings[i].user);
			return EV_NONE;
		}
	name = name_of(anchor, cert);
	if (!*name || !match(anchor, name, &user, &n) || !n || n > USER_NAME_MAX)
		return EV_AUTH_CERT_NO_NAME;
	memcpy(ret_user, user, n);
	ret_user[n] = '\0';
	return EV_NONE;
}

/* The name with which the session is known is the store's spelling, without DOMAIN\. */
static bool same_user(const char *found, const char *user)
{
	const char *cut = strrchr(found, '\\');

	return !strcasecmp(cut ? cut + 1 : found, user);
}

enum event eap_anchors_recheck(
	const struct eap_anchors *a, const struct peer_cert *cert, const char *user)
{
	const struct octets der = {cert->der, cert->n};
	char found[USER_NAME_MAX + 1];
	struct tls_client_cert c;
	enum event event;
	size_t i = 0;

	while (a && i < a->n && strcmp(a->item[i].name, cert->anchor))
		i++;
	if (!a || i == a->n || tls_client_cert_read(der, &c) < 0)
		return EV_AUTH_CERT_UNKNOWN_CA;
	c.anchor = i;
	event = eap_anchors_user(a, &c, found);
	if (!event && tls_anchors_list(a->tls, der))
		return EV_AUTH_CERT_REVOKED;
	return event ? event : same_user(found, user) ? EV_NONE : EV_AUTH_CERT_NO_NAME;
}
