// SPDX-License-Identifier: Apache-2.0
/*
 * server/host/anchors.c — the authorities of the store as what EAP-TLS judges certificates by.
 *
 * Rows that are read one after another fill arrays that grow; what is whole at the end becomes one
 * immutable struct eap_anchors. Without an authority there is none, and EAP-TLS is not offered.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "aaa/eap/anchors.h"
#include "base/clock.h"
#include "base/hex.h"
#include "base/text.h"
#include "server/host/crl_files.h"
#include "server/host/host.h"
#include "store/authorities.h"
#include "tls/anchors.h"

struct reading {
	struct db *db;
	struct eap_anchors *to;
	struct tls_anchor tls[STORE_AUTHORITIES_MAX];
	uint8_t *certificates[STORE_AUTHORITIES_MAX];
	struct crl_files crls[STORE_AUTHORITIES_MAX];
	anchors_note *note;
	void *arg;
};

/* One more element at the end; NULL: no memory. */
static void *grow(void **list, size_t *n, size_t size)
{
	void *bigger = reallocarray(*list, *n + 1, size);

	if (!bigger)
		return NULL;
	*list = bigger;
	return memset((char *)bigger + size * (*n)++, 0, size);
}

static int take_binding(const struct db_binding *b, void *arg)
{
	struct eap_anchor *a = arg;
	struct eap_anchor_binding *to =
		grow((void **)&a->bindings, &a->n_bindings, sizeof(*a->bindings));

	if (!to)
		return -ENOMEM;
	to->by_sha256 = *b->sha256 && !hex_decode(b->sha256, to->sha256, sizeof(to->sha256));
	strcpy(to->issuer, b->issuer);
	strcpy(to->serial, b->serial);
	strcpy(to->user, b->user);
	return 0;
}

/* Users of this authority cannot log in, or a list is of little use: said once, when it is read. */
static void tell_about_lists(
	struct reading *r, const struct eap_anchor *a, bool required, const struct crl_files *crls)
{
	char text[400];

	if (*crls->fault || (required && !crls->n)) {
		text_format(text, sizeof(text), "ca=\"%s\" crl_file=\"%s\" %s", a->name,
			a->crl_path, *crls->fault ? crls->fault : "there is no list");
		r->note(r->arg, EV_CA_CRL_MISSING, text);
	}
	if (crls->n && crls->next_update_s && crls->next_update_s <= clock_wall_s()) {
		text_format(text, sizeof(text), "ca=\"%s\" crl_file=\"%s\"", a->name, a->crl_path);
		r->note(r->arg, EV_CA_CRL_OLD, text);
	}
}

static int take_authority(const struct db_authority *a, void *arg)
{
	struct reading *r = arg;
	size_t i = r->to->n;
	struct eap_anchor *to;

	if (i == STORE_AUTHORITIES_MAX)
		return 0;
	to = grow((void **)&r->to->item, &r->to->n, sizeof(*r->to->item));
	r->certificates[i] = malloc(a->certificate_len);
	if (!to || !r->certificates[i])
		return -ENOMEM;
	strcpy(to->name, a->name);
	strcpy(to->pattern, a->pattern);
	strcpy(to->crl_path, a->crl == AUTHORITY_CRL_OFF ? "" : a->crl_path);
	to->own = a->own;
	to->strip = a->strip;
	to->names = a->names;
	memcpy(r->certificates[i], a->certificate, a->certificate_len);
	r->tls[i] = (struct tls_anchor){.cert = r->certificates[i],
		.cert_len = a->certificate_len,
		.require_crl = a->crl == AUTHORITY_CRL_REQUIRE ||
			       (a->crl == AUTHORITY_CRL_AUTO && *a->crl_path)};
	crl_files_read(to->crl_path, &r->crls[i]);
	r->tls[i].crls = r->crls[i].item;
	r->tls[i].n_crls = r->crls[i].n;
	tell_about_lists(r, to, r->tls[i].require_crl, &r->crls[i]);
	return db_binding_list(r->db, a->id, take_binding, to);
}

static int take_thumbprint(const char *sha1, int64_t at UNUSED, void *arg)
{
	struct eap_anchors *a = arg;
	void *to = grow((void **)&a->revoked, &a->n_revoked, sizeof(*a->revoked));

	return to ? hex_decode(sha1, to, sizeof(*a->revoked)) : -ENOMEM;
}

static int compare(const void *a, const void *b)
{
	return memcmp(a, b, 20);
}

static int read_all(struct reading *r, struct tls_failure *ret_failure)
{
	struct eap_anchors *a = r->to;
	int e = db_authority_list(r->db, take_authority, r);

	if (!e && !a->n)
		return -ENOENT;
	if (!e)
		e = db_thumbprint_list(r->db, take_thumbprint, a);
	if (e)
		return tls_failure_set(ret_failure, e,
			e == -ENOMEM ? EV_OUT_OF_MEMORY : db_error(r->db)->event, "%s",
			"the authorities for users' certificates");
	if (a->n_revoked)
		qsort(a->revoked, a->n_revoked, sizeof(*a->revoked), compare);
	return tls_anchors_new(r->tls, a->n, &a->tls, ret_failure);
}

static void log_note(void *arg UNUSED, enum event event, const char *text)
{
	log_event(NULL, event, "%s", text);
}

int host_try_anchors(struct db *db, anchors_note *note, void *arg, struct eap_anchors **ret,
	struct tls_failure *ret_failure)
{
	AUTO(eap_anchors) struct eap_anchors *a = calloc(1, sizeof(*a));
	struct reading *r = calloc(1, sizeof(*r));
	int e = -ENOMEM;

	if (a)
		atomic_init(&a->refs, 1);
	if (a && r) {
		*r = (struct reading){.db = db, .to = a, .note = note, .arg = arg};
		e = read_all(r, ret_failure);
		for (size_t i = 0; i < STORE_AUTHORITIES_MAX; i++) {
			free(r->certificates[i]);
			crl_files_free(&r->crls[i]);
		}
	}
	free(r);
	*ret = e ? NULL : TAKE(a);
	return e == -ENOENT ? 0 : e;
}

int host_load_anchors(struct db *db, struct eap_anchors **ret, struct tls_failure *ret_failure)
{
	return host_try_anchors(db, log_note, NULL, ret, ret_failure);
}
