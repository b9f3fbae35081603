// SPDX-License-Identifier: Apache-2.0
/*
 * A Request of another type than ours gets a Nak with what we would take (RFC 3748 5.3.1), but only before
 * a method has begun: one that runs is not left for another, weaker one.
 */
#include "eap/peer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/crypto.h"
#include "eap/method.h"
#include "tls/ctx.h"

#define HOST_LEN 256

struct eap_client {
	struct eap_peer peer;
	struct eap_client_opts opts;
	char user[USER_NAME_MAX + 1];
	char host[HOST_LEN];
	struct eap_side side;
	const struct eap_peer_method *method; /* that runs; NULL: none yet */
	void *self;
};

static const struct eap_peer_method *const methods[] = {
	&eap_peer_md5, &eap_peer_mschapv2, &eap_peer_tls, &eap_peer_peap};

static const char *type_name(uint8_t type, char ret[static 16])
{
	switch (type) {
	case EAP_MD5: return "EAP-MD5";
	case EAP_TLS: return "EAP-TLS";
	case EAP_PEAP: return "PEAP";
	case EAP_MSCHAPV2: return "EAP-MSCHAPv2";
	default: snprintf(ret, 16, "type %u", type); return ret;
	}
}

static bool usable(const struct eap_peer_method *m, const struct eap_client_opts *o)
{
	bool in_tls = m->type == EAP_TLS || m->type == EAP_PEAP;

	if (m->type == EAP_PEAP && !o->password && !o->has_certificate)
		return false; /* for whatever is inside */
	return (!m->needs_password || o->password) && (!in_tls || o->tls);
}

static const struct eap_peer_method *find(const struct eap_client_opts *o, uint8_t type)
{
	if (!memchr(o->types, type, o->n_types))
		return NULL;
	for (size_t i = 0; i < ARRAY_SIZE(methods); i++)
		if (methods[i]->type == type)
			return usable(methods[i], o) ? methods[i] : NULL;
	return NULL;
}

static void leave_method(struct eap_client *c)
{
	if (c->method)
		c->method->end(c->self);
	c->method = NULL;
	c->self = NULL;
}

/* What this client takes, and what the server proposed: for the reader of a failure. */
static void note_proposal(struct eap_client *c, uint8_t type)
{
	char name[16], text[160];
	size_t n = (size_t)snprintf(
		text, sizeof(text), "the server proposed %s; wanted here:", type_name(type, name));

	for (size_t i = 0; i < c->opts.n_types && n < sizeof(text); i++)
		n += (size_t)snprintf(
			text + n, sizeof(text) - n, " %s", type_name(c->opts.types[i], name));
	eap_side_note(&c->side, EV_AUTH_EAP_NOT_WANTED, text);
}

static ssize_t nak(struct eap_client *c, const struct eap_packet *p, uint8_t *ret)
{
	size_t n = 0;

	ret[EAP_HEADER_LEN] = EAP_NAK;
	for (size_t i = 0; i < c->opts.n_types; i++)
		if (find(&c->opts, c->opts.types[i]))
			ret[EAP_HEADER_LEN + 1 + n++] = c->opts.types[i];
	if (!n)
		ret[EAP_HEADER_LEN + 1 + n++] = 0; /* none at all */
	note_proposal(c, p->type);
	eap_header(ret, EAP_RESPONSE, p->identifier, 1 + n);
	return (ssize_t)(EAP_HEADER_LEN + 1 + n);
}

/* 0: the method of this type runs; -EAGAIN: a Nak; -ENOENT: out of place. */
static int choose(struct eap_client *c, const struct eap_packet *p)
{
	const struct eap_peer_method *m = find(&c->opts, p->type);

	if (c->method && (c->method != m || !m->starts(p->data)))
		return c->method == m ? 0 : -ENOENT;
	if (!m)
		return -EAGAIN;
	leave_method(c);
	if (m->begin(&c->side, &c->self) < 0)
		return -ENOMEM;
	c->method = m;
	c->side.event = EV_NONE;
	*c->side.detail = '\0';
	return 0;
}

static ssize_t process(struct eap_peer *peer, struct rd request, size_t mtu, uint8_t *ret)
{
	struct eap_client *c = container_of(peer, struct eap_client, peer);
	struct eap_packet p;
	struct wr out;
	int r;

	if (eap_packet_parse(request, &p) < 0 || p.code != EAP_REQUEST || mtu < 64)
		return 0;
	r = choose(c, &p);
	if (r == -EAGAIN)
		return nak(c, &p, ret);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	c->side.identifier = p.identifier;
	c->side.room = (mtu < EAP_PACKET_MAX ? mtu : EAP_PACKET_MAX) - EAP_HEADER_LEN - 1;
	ret[EAP_HEADER_LEN] = p.type;
	out = wr_init(ret + EAP_HEADER_LEN + 1, c->side.room);
	switch (c->method->receive(c->self, p.data, &out)) {
	case EAP_ANSWER_DISCARD: return 0;
	case EAP_ANSWER_FAIL: return -EACCES;
	case EAP_ANSWER_SEND: break;
	}
	if (out.overflow)
		return -EMSGSIZE;
	eap_header(ret, EAP_RESPONSE, p.identifier, 1 + wr_len(&out));
	return (ssize_t)(EAP_HEADER_LEN + 1 + wr_len(&out));
}

static int key(struct eap_peer *peer, uint8_t ret_msk[static EAP_MSK_LEN])
{
	const struct eap_client *c = container_of(peer, struct eap_client, peer);

	memset(ret_msk, 0, EAP_MSK_LEN);
	return c->method ? c->method->key(c->self, ret_msk) : -EAGAIN;
}

static enum event why(const struct eap_peer *peer, const char **ret_detail)
{
	const struct eap_client *c = container_of(peer, struct eap_client, peer);

	*ret_detail = c->side.detail;
	return c->side.event;
}

static const struct eap_peer_ops ops = {process, key, why};

int eap_client_new(const struct eap_client_opts *opts, struct eap_peer **ret)
{
	struct eap_client *c;

	if (!opts->n_types || opts->n_types > EAP_CLIENT_TYPES_MAX ||
		strlen(opts->user) > USER_NAME_MAX ||
		(opts->password && strlen(opts->password) > PAP_PASSWORD_MAX))
		return -EINVAL;
	c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	c->peer.ops = &ops;
	c->opts = *opts;
	strcpy(c->user, opts->user);
	c->opts.user = c->user;
	snprintf(c->host, sizeof(c->host), "%s", opts->tls_host ? opts->tls_host : "");
	c->opts.tls_host = c->host;
	c->opts.tls = opts->tls ? tls_ctx_ref(opts->tls) : NULL;
	c->side.opts = &c->opts;
	c->side.has_password = opts->password;
	if (opts->password)
		strcpy(c->side.password, opts->password);
	c->opts.password = opts->password ? c->side.password : NULL;
	if (!c->opts.random)
		c->opts.random = crypto_random;
	*ret = &c->peer;
	return 0;
}

void eap_client_free(struct eap_peer *peer)
{
	struct eap_client *c = peer ? container_of(peer, struct eap_client, peer) : NULL;

	if (!c)
		return;
	leave_method(c);
	tls_ctx_free(c->opts.tls);
	explicit_bzero(c, sizeof(*c));
	free(c);
}
