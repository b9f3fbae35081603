// SPDX-License-Identifier: Apache-2.0
#include "store/authorities.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "store/internal.h"

/* Names of authorities and users differ by more than the case of ASCII letters. */
static void fold(const char *name, char ret[static USER_NAME_MAX + 1])
{
	size_t n = strlen(name);

	if (n > USER_NAME_MAX)
		n = USER_NAME_MAX;
	for (size_t i = 0; i < n; i++)
		ret[i] = (char)(name[i] >= 'A' && name[i] <= 'Z' ? name[i] + 'a' - 'A' : name[i]);
	ret[n] = '\0';
}

static void bind_text(struct query *q, const char *text)
{
	query_bind_text(q, text, strlen(text));
}

#define TAKE_TEXT(field, q) snprintf(field, sizeof(field), "%s", query_text(q))

/* --- the key of our own authority --- */

struct associated {
	char label[16];
	uint8_t id[8];
};

static struct associated associated(int64_t id)
{
	struct associated a = {"culvert ca key", {0}};

	for (int i = 0; i < 8; i++)
		a.id[i] = (uint8_t)((uint64_t)id >> (56 - 8 * i));
	return a;
}

static int bind_key(struct db *db, struct query *q, int64_t id, const void *key, size_t n)
{
	struct associated a = associated(id);
	uint8_t nonce[AEAD_NONCE_LEN], tag[AEAD_TAG_LEN], sealed[STORE_CA_KEY_MAX];
	int r = 0;

	if (!key) {
		bind_text(q, "");
		for (int i = 0; i < 3; i++)
			query_bind_octets(q, "", 0);
		return 0;
	}
	if (n > sizeof(sealed))
		return -EINVAL;
	crypto_random(nonce, sizeof(nonce));
	r = aead_encrypt(db->key.key, nonce, &a, sizeof(a), key, n, sealed, tag);
	bind_text(q, db->key.id);
	query_bind_octets(q, nonce, sizeof(nonce));
	query_bind_octets(q, sealed, n);
	query_bind_octets(q, tag, sizeof(tag));
	return r;
}

static int open_key(struct db *db, struct query *q, uint8_t *ret, size_t *ret_n)
{
	int64_t id = query_int(q);
	const char *key_id = query_text(q);
	size_t nonce_len, n, tag_len;
	const void *nonce = query_octets(q, &nonce_len), *sealed = query_octets(q, &n);
	const void *tag = query_octets(q, &tag_len);
	struct associated a = associated(id);
	int r = -EKEYREJECTED;

	if (nonce_len != AEAD_NONCE_LEN || tag_len != AEAD_TAG_LEN || !n || n > STORE_CA_KEY_MAX)
		return db_fail(db, -EUCLEAN, EV_STORE_CORRUPT, "the key of the authority");
	if (!strcmp(key_id, db->key.id))
		r = aead_decrypt(db->key.key, nonce, &a, sizeof(a), sealed, n, tag, ret);
	if (r < 0)
		return db_fail(db, -EKEYREJECTED, EV_STORE_KEY_WRONG,
			"the authority's key was sealed with key %s, the key in use is %s", key_id,
			db->key.id);
	*ret_n = n;
	return 0;
}

int db_authority_key(struct db *db, int64_t id, uint8_t ret[static STORE_CA_KEY_MAX], size_t *ret_n)
{
	struct query q = query_start(db, SQL_AUTHORITY_KEY);
	int r = -ENOENT, end;

	query_bind_int(&q, id);
	if (query_row(&q))
		r = open_key(db, &q, ret, ret_n);
	end = query_end(&q);
	if (end < 0)
		return end;
	return r == -ENOENT ? db_fail(db, r, EV_CA_NONE, "no authority has its key here") : r;
}

/* --- authorities --- */

int db_authority_add(struct db *db, struct db_authority *a, const void *key, size_t key_len)
{
	char folded[USER_NAME_MAX + 1];
	struct query q;
	int r = query_next_number(db, "authority", &a->id), sealed;

	if (r < 0)
		return r;
	fold(a->name, folded);
	a->created_at = clock_wall_s();
	q = query_start(db, SQL_AUTHORITY_ADD);
	query_bind_int(&q, a->id);
	bind_text(&q, a->name);
	bind_text(&q, folded);
	query_bind_int(&q, a->own);
	query_bind_octets(&q, a->certificate, a->certificate_len);
	bind_text(&q, a->sha256);
	query_bind_int(&q, a->names);
	bind_text(&q, a->pattern);
	query_bind_int(&q, a->strip);
	query_bind_int(&q, a->crl);
	bind_text(&q, a->crl_path);
	query_bind_int(&q, a->created_at);
	query_bind_int(&q, a->not_after);
	sealed = bind_key(db, &q, a->id, key, key_len);
	r = sealed < 0 ? (query_end(&q), sealed) : query_run(&q);
	if (sealed < 0)
		return db_fail(db, sealed, EV_STORE_FAILED, "AES-256-GCM: %s", strerror(-sealed));
	if (r == -EEXIST)
		return db_fail(db, r, EV_CA_EXISTS,
			!strcmp(db->error.taken, "authorities.sha256")
				? "this certificate is imported already"
				: "an authority \"%.60s\" is there already",
			a->name);
	return r < 0 ? r : 0;
}

static void take_authority(struct query *q, struct db_authority *ret)
{
	const void *octets;
	size_t n;

	*ret = (struct db_authority){.id = query_int(q)};
	TAKE_TEXT(ret->name, q);
	ret->own = query_int(q);
	octets = query_octets(q, &n);
	if (n && n <= sizeof(ret->certificate)) {
		memcpy(ret->certificate, octets, n);
		ret->certificate_len = n;
	}
	TAKE_TEXT(ret->sha256, q);
	ret->names = (unsigned)query_int(q);
	TAKE_TEXT(ret->pattern, q);
	ret->strip = query_int(q);
	ret->crl = (enum authority_crl)query_int(q);
	TAKE_TEXT(ret->crl_path, q);
	ret->created_at = query_int(q);
	ret->not_after = query_int(q);
}

static int one_authority(struct db *db, struct query *q, const char *name, struct db_authority *ret)
{
	bool found = query_row(q);
	int r;

	if (found)
		take_authority(q, ret);
	r = query_end(q);
	if (r < 0 || found)
		return r < 0 ? r : 0;
	return db_fail(db, -ENOENT, EV_CA_NONE, name ? "there is no authority \"%.100s\"" : "%s",
		name ? name : "`culvert ca init` makes one");
}

int db_authority_find(struct db *db, const char *name, struct db_authority *ret)
{
	struct query q = query_start(db, SQL_AUTHORITY_FIND);
	char folded[USER_NAME_MAX + 1];

	fold(name, folded);
	bind_text(&q, folded);
	return one_authority(db, &q, name, ret);
}

int db_authority_own(struct db *db, struct db_authority *ret)
{
	struct query q = query_start(db, SQL_AUTHORITY_OWN);

	return one_authority(db, &q, NULL, ret);
}

int db_authority_set_rule(struct db *db, const struct db_authority *a)
{
	struct query q = query_start(db, SQL_AUTHORITY_SET_RULE);
	int r;

	query_bind_int(&q, a->names);
	bind_text(&q, a->pattern);
	query_bind_int(&q, a->strip);
	query_bind_int(&q, a->crl);
	bind_text(&q, a->crl_path);
	query_bind_int(&q, a->id);
	r = query_run(&q);
	return r < 0 ? r : r ? 0 : db_fail(db, -ENOENT, EV_CA_NONE, "\"%.100s\"", a->name);
}

int db_authority_remove(struct db *db, int64_t id)
{
	struct query q = query_start(db, SQL_AUTHORITY_REMOVE);
	int r;

	query_bind_int(&q, id);
	r = query_run(&q);
	return r < 0 ? r : 0;
}

int db_authority_list(
	struct db *db, int (*each)(const struct db_authority *a, void *arg), void *arg)
{
	struct query q = query_start(db, SQL_AUTHORITY_LIST);
	struct db_authority a;
	int stop = 0, r;

	while (!stop && query_row(&q)) {
		take_authority(&q, &a);
		stop = each(&a, arg);
	}
	r = query_end(&q);
	return r < 0 ? r : stop;
}

/* --- certificates that we issued --- */

int db_certificate_add(struct db *db, const struct db_certificate *c)
{
	struct query q = query_start(db, SQL_CERTIFICATE_ADD);
	char folded[USER_NAME_MAX + 1];
	int r;

	fold(c->user, folded);
	query_bind_int(&q, c->authority_id);
	bind_text(&q, c->user);
	bind_text(&q, folded);
	bind_text(&q, c->serial);
	bind_text(&q, c->sha1);
	bind_text(&q, c->sha256);
	query_bind_int(&q, c->not_before);
	query_bind_int(&q, c->not_after);
	query_bind_int(&q, c->issued_at);
	r = query_run(&q);
	return r < 0 ? r : 0;
}

static void take_certificate(struct query *q, struct db_certificate *ret)
{
	*ret = (struct db_certificate){.authority_id = query_int(q)};
	TAKE_TEXT(ret->user, q);
	TAKE_TEXT(ret->serial, q);
	TAKE_TEXT(ret->sha1, q);
	TAKE_TEXT(ret->sha256, q);
	ret->not_before = query_int(q);
	ret->not_after = query_int(q);
	ret->issued_at = query_int(q);
	ret->revoked_at = query_int(q);
}

int db_certificate_list(struct db *db, const char *user,
	int (*each)(const struct db_certificate *c, void *arg), void *arg)
{
	struct query q = query_start(db, user ? SQL_CERTIFICATE_OF_USER : SQL_CERTIFICATE_LIST);
	char folded[USER_NAME_MAX + 1];
	struct db_certificate c;
	int stop = 0, r;

	if (user) {
		fold(user, folded);
		bind_text(&q, folded);
	}
	while (!stop && query_row(&q)) {
		take_certificate(&q, &c);
		stop = each(&c, arg);
	}
	r = query_end(&q);
	return r < 0 ? r : stop;
}

static int revoke(struct db *db, enum statement s, const char *key)
{
	struct query q = query_start(db, s);

	query_bind_int(&q, clock_wall_s());
	bind_text(&q, key);
	return query_run(&q);
}

int db_certificate_revoke_user(struct db *db, const char *user)
{
	char folded[USER_NAME_MAX + 1];

	fold(user, folded);
	return revoke(db, SQL_CERTIFICATE_REVOKE_USER, folded);
}

int db_certificate_revoke_serial(struct db *db, const char *serial)
{
	return revoke(db, SQL_CERTIFICATE_REVOKE_SERIAL, serial);
}

/* --- thumbprints --- */

int db_thumbprint_revoke(struct db *db, const char *sha1)
{
	struct query q = query_start(db, SQL_THUMBPRINT_ADD);
	int r;

	bind_text(&q, sha1);
	query_bind_int(&q, clock_wall_s());
	r = query_run(&q);
	if (r >= 0)
		r = revoke(db, SQL_CERTIFICATE_REVOKE_SHA1, sha1);
	return r < 0 ? r : 0;
}

int db_thumbprint_list(
	struct db *db, int (*each)(const char *sha1, int64_t at, void *arg), void *arg)
{
	struct query q = query_start(db, SQL_THUMBPRINT_LIST);
	int stop = 0, r;

	while (!stop && query_row(&q)) {
		char sha1[41];

		TAKE_TEXT(sha1, &q);
		stop = each(sha1, query_int(&q), arg);
	}
	r = query_end(&q);
	return r < 0 ? r : stop;
}

/* --- bindings --- */

static void bind_which(struct query *q, const struct db_binding *b)
{
	query_bind_int(q, b->authority_id);
	bind_text(q, b->sha256);
	bind_text(q, b->issuer);
	bind_text(q, b->serial);
}

int db_binding_add(struct db *db, const struct db_binding *b)
{
	struct query q = query_start(db, SQL_BINDING_ADD);
	int r;

	bind_which(&q, b);
	bind_text(&q, b->user);
	r = query_run(&q);
	return r < 0 ? r : 0;
}

int db_binding_remove(struct db *db, const struct db_binding *b)
{
	struct query q = query_start(db, SQL_BINDING_REMOVE);
	int r;

	bind_which(&q, b);
	r = query_run(&q);
	return r < 0 ? r
	       : r   ? 0
		     : db_fail(db, -ENOENT, EV_CA_NO_CERTIFICATE, "it is bound to no user");
}

int db_binding_list(struct db *db, int64_t authority_id,
	int (*each)(const struct db_binding *b, void *arg), void *arg)
{
	struct query q = query_start(db, SQL_BINDING_LIST);
	struct db_binding b;
	int stop = 0, r;

	query_bind_int(&q, authority_id);
	while (!stop && query_row(&q)) {
		b = (struct db_binding){.authority_id = query_int(&q)};
		TAKE_TEXT(b.sha256, &q);
		TAKE_TEXT(b.issuer, &q);
		TAKE_TEXT(b.serial, &q);
		TAKE_TEXT(b.user, &q);
		stop = each(&b, arg);
	}
	r = query_end(&q);
	return r < 0 ? r : stop;
}
