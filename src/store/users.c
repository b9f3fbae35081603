// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "store/internal.h"

/* --- names and passwords --- */

static bool is_utf8_without_controls(const char *text, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
			return false;
	return text_is_utf8(text, n);
}

/* A name is shown and typed: no controls, nothing invisible, no blank but the usual one. */
static bool is_printable(const char *text)
{
	size_t n = strlen(text);
	uint32_t c;

	for (size_t i = 0, len; i < n; i += len) {
		len = text_decode(text + i, n - i, &c);
		if (!len || !text_is_printable(c))
			return false;
	}
	return true;
}

static int check_name(struct db *db, const char *name)
{
	size_t n = strlen(name);

	if (n < 1 || n >= USER_NAME_MAX || name[0] == ' ' || name[n - 1] == ' ' ||
		strchr(name, '\\') || !is_printable(name))
		return db_fail(db, -EINVAL, EV_STORE_BAD_NAME, "\"%.100s\"", name);
	return 0;
}

/*
 * The part of a name after DOMAIN\, in lower case. Only ASCII folds: which letters of other scripts
 * are the same differs from one system to the next.
 */
static size_t fold(const char *name, size_t n, char ret[static USER_NAME_MAX + 1])
{
	const char *slash = memchr(name, '\\', n);
	size_t skip = slash ? (size_t)(slash - name) + 1 : 0;

	n -= skip;
	if (n > USER_NAME_MAX)
		n = USER_NAME_MAX;
	for (size_t i = 0; i < n; i++) {
		char c = name[skip + i];

		ret[i] = (char)(c >= 'A' && c <= 'Z' ? c + 'a' - 'A' : c);
	}
	ret[n] = '\0';
	return n;
}

/* --- changing users --- */

/* "10.0.0.5 is bob's" */
static int tell_whose(struct db *db, const struct addr *ipv4)
{
	struct query q = query_start(db, SQL_USER_OF_IPV4);
	char name[USER_NAME_MAX + 1] = "", text[ADDR_TEXT_LEN];
	int r;

	query_bind_addr(&q, ipv4);
	if (query_row(&q))
		snprintf(name, sizeof(name), "%s", query_text(&q));
	r = query_end(&q);
	return r < 0 ? r
		     : db_fail(db, -EEXIST, EV_STORE_ADDRESS_TAKEN, "%s is that of \"%.100s\"",
			       addr_format(ipv4, text), name);
}

/* Which of two unique columns -EEXIST was about. */
static int tell_taken(struct db *db, const char *name, const struct addr *ipv4)
{
	if (!strcmp(db->error.taken, "users.ipv4"))
		return tell_whose(db, ipv4);
	return db_fail(db, -EEXIST, EV_STORE_NAME_TAKEN, "\"%.100s\"", name);
}

int db_user_add(struct db *db, const char *name, const struct addr *ipv4, int64_t expires_at,
	int64_t *ret_id)
{
	char folded[USER_NAME_MAX + 1];
	size_t n;
	struct query q;
	int64_t id = 0;
	int r = check_name(db, name);

	if (!r)
		r = query_next_number(db, "user", &id);
	if (r < 0)
		return r;
	n = fold(name, strlen(name), folded);
	q = query_start(db, SQL_USER_ADD);
	query_bind_int(&q, id);
	query_bind_text(&q, name, strlen(name));
	query_bind_text(&q, folded, n);
	query_bind_int(&q, 0);
	query_bind_int(&q, expires_at);
	query_bind_addr(&q, ipv4);
	query_bind_int(&q, clock_wall_s());
	r = query_run(&q);
	if (r == -EEXIST)
		return tell_taken(db, name, ipv4);
	if (r < 0)
		return r;
	*ret_id = id;
	return 0;
}

static int set_secret(
	struct db *db, int64_t id, enum secret_kind kind, const void *octets, size_t n)
{
	struct secret_sealed sealed;
	struct query q;
	int r = secret_seal(&db->key, id, kind, octets, n, &sealed);

	if (r < 0)
		return db_fail(db, r, EV_STORE_FAILED, "AES-256-GCM: %s", strerror(-r));
	q = query_start(db, SQL_SECRET_SET);
	query_bind_int(&q, id);
	query_bind_int(&q, kind);
	query_bind_text(&q, db->key.id, strlen(db->key.id));
	query_bind_octets(&q, sealed.nonce, sizeof(sealed.nonce));
	query_bind_octets(&q, sealed.ciphertext, sealed.n);
	query_bind_octets(&q, sealed.tag, sizeof(sealed.tag));
	r = query_run(&q);
	return r < 0 ? r : 0;
}

static int remove_secret(struct db *db, int64_t id, enum secret_kind kind)
{
	struct query q = query_start(db, SQL_SECRET_REMOVE);
	int r;

	query_bind_int(&q, id);
	query_bind_int(&q, kind);
	r = query_run(&q);
	return r < 0 ? r : 0;
}

/* UPDATE users SET … = v WHERE id; -ENOENT when there is no such row. */
static int set_int(struct db *db, enum statement s, int64_t v, int64_t id)
{
	struct query q = query_start(db, s);
	int r;

	query_bind_int(&q, v);
	query_bind_int(&q, id);
	r = query_run(&q);
	return r < 0 ? r
	       : r   ? 0
		     : db_fail(db, -ENOENT, EV_STORE_NO_USER, "number %lld", (long long)id);
}

int db_user_set_password(struct db *db, int64_t id, const char *password, bool reversible)
{
	uint8_t hash[MSCHAP_NT_HASH_LEN];
	size_t n = strlen(password);
	int r;

	if (n < 1 || n > STORE_PASSWORD_MAX || !is_utf8_without_controls(password, n))
		return db_fail(db, -EINVAL, EV_STORE_BAD_PASSWORD, "got %zu octets", n);
	r = mschap_nt_hash(password, hash);
	if (r < 0)
		return db_fail(db, r, EV_AUTH_CRYPTO_MISSING, "MD4: %s", strerror(-r));
	r = set_int(db, SQL_USER_SET_PASSWORD_AT, clock_wall_s(), id);
	if (!r)
		r = set_secret(db, id, SECRET_NT, hash, sizeof(hash));
	explicit_bzero(hash, sizeof(hash));
	if (r < 0)
		return r;
	return reversible ? set_secret(db, id, SECRET_REVERSIBLE, password, n)
			  : remove_secret(db, id, SECRET_REVERSIBLE);
}

int db_user_set_nt_hash(struct db *db, int64_t id, const uint8_t hash[static MSCHAP_NT_HASH_LEN])
{
	int r = set_int(db, SQL_USER_SET_PASSWORD_AT, clock_wall_s(), id);

	if (!r)
		r = set_secret(db, id, SECRET_NT, hash, MSCHAP_NT_HASH_LEN);
	return r < 0 ? r : remove_secret(db, id, SECRET_REVERSIBLE);
}

int db_user_set_totp(struct db *db, int64_t id, const uint8_t seed[static TOTP_SEED_LEN])
{
	int r = set_secret(db, id, SECRET_TOTP, seed, TOTP_SEED_LEN);
	struct query q;

	if (r < 0)
		return r;
	q = query_start(db, SQL_TOTP_SET);
	query_bind_int(&q, id);
	r = query_run(&q);
	return r < 0 ? r : 0;
}

int db_user_remove_totp(struct db *db, int64_t id)
{
	struct query q = query_start(db, SQL_TOTP_REMOVE);
	int r;

	query_bind_int(&q, id);
	r = query_run(&q);
	if (r < 0)
		return r;
	return r ? remove_secret(db, id, SECRET_TOTP)
		 : db_fail(db, -ENOENT, EV_STORE_NO_TOTP, "user number %lld", (long long)id);
}

int db_totp_use(struct db *db, int64_t id, int64_t step)
{
	struct query q = query_start(db, SQL_TOTP_USE);
	int r;

	query_bind_int(&q, step);
	query_bind_int(&q, id);
	query_bind_int(&q, step);
	r = query_run(&q);
	return r < 0 ? r : r ? 0 : -EALREADY;
}

int db_user_set_disabled(struct db *db, int64_t id, bool disabled)
{
	return set_int(db, SQL_USER_SET_DISABLED, disabled, id);
}

int db_user_set_expiry(struct db *db, int64_t id, int64_t expires_at)
{
	return set_int(db, SQL_USER_SET_EXPIRY, expires_at, id);
}

int db_user_set_ipv4(struct db *db, int64_t id, const struct addr *ipv4)
{
	struct query q = query_start(db, SQL_USER_SET_IPV4);
	int r;

	query_bind_addr(&q, ipv4);
	query_bind_int(&q, id);
	r = query_run(&q);
	if (r == -EEXIST)
		return tell_taken(db, "", ipv4);
	return r < 0 ? r
	       : r   ? 0
		     : db_fail(db, -ENOENT, EV_STORE_NO_USER, "number %lld", (long long)id);
}

int db_user_set_pool(struct db *db, int64_t id, const char *pool)
{
	struct query q = query_start(db, SQL_USER_SET_POOL);
	int r;

	query_bind_text(&q, pool, strlen(pool));
	query_bind_int(&q, id);
	r = query_run(&q);
	return r < 0 ? r
	       : r   ? 0
		     : db_fail(db, -ENOENT, EV_STORE_NO_USER, "number %lld", (long long)id);
}

int db_user_remove(struct db *db, int64_t id)
{
	struct query q = query_start(db, SQL_USER_REMOVE_LEASES);
	int r;

	query_bind_int(&q, id);
	r = query_run(&q);
	if (r < 0)
		return r;
	q = query_start(db, SQL_USER_REMOVE);
	query_bind_int(&q, id);
	r = query_run(&q);
	return r < 0 ? r
	       : r   ? 0
		     : db_fail(db, -ENOENT, EV_STORE_NO_USER, "number %lld", (long long)id);
}

/* --- reading users --- */

static void take_name(struct query *q, char ret[static USER_NAME_MAX + 1])
{
	snprintf(ret, USER_NAME_MAX + 1, "%s", query_text(q));
}

static void take_user(struct query *q, struct db_user *ret)
{
	*ret = (struct db_user){.id = query_int(q)};
	take_name(q, ret->name);
	ret->disabled = query_int(q);
	ret->expires_at = query_int(q);
	ret->ipv4 = query_addr(q);
	ret->created_at = query_int(q);
	ret->password_at = query_int(q);
	ret->login_at = query_int(q);
	ret->reversible = query_int(q);
	snprintf(ret->pool, sizeof(ret->pool), "%s", query_text(q));
	ret->totp = query_int(q);
}

int db_user_find(struct db *db, const char *name, struct db_user *ret)
{
	struct query q = query_start(db, SQL_USER_FIND);
	char folded[USER_NAME_MAX + 1];
	bool found = false;
	int r;

	query_bind_text(&q, folded, fold(name, strlen(name), folded));
	if (query_row(&q)) {
		take_user(&q, ret);
		found = true;
	}
	r = query_end(&q);
	if (r < 0)
		return r;
	return found ? 0 : db_fail(db, -ENOENT, EV_STORE_NO_USER, "\"%.100s\"", name);
}

int db_user_list(struct db *db, int (*each)(const struct db_user *user, void *arg), void *arg)
{
	struct query q = query_start(db, SQL_USER_LIST);
	struct db_user user;
	int stop = 0, r;

	while (!stop && query_row(&q)) {
		take_user(&q, &user);
		stop = each(&user, arg);
	}
	r = query_end(&q);
	return r < 0 ? r : stop;
}

/* --- logins --- */

/* Where a secret of this kind goes to, and its length; 0: any. NULL: there is no such kind. */
static void *place_of(struct db_login *l, enum secret_kind kind, size_t *ret_n)
{
	switch (kind) {
	case SECRET_NT: *ret_n = sizeof(l->nt_hash); return l->nt_hash;
	case SECRET_REVERSIBLE: *ret_n = 0; return l->password;
	case SECRET_TOTP: *ret_n = sizeof(l->totp_seed); return l->totp_seed;
	} /* no default */
	return NULL;
}

static int open_secret(struct db *db, struct query *q, struct db_login *l)
{
	enum secret_kind kind = (enum secret_kind)query_int(q);
	const char *key_id = query_text(q);
	struct secret_sealed sealed = {0};
	size_t nonce_len, n, tag_len, exactly = 0;
	const void *nonce = query_octets(q, &nonce_len), *octets = query_octets(q, &n);
	const void *tag = query_octets(q, &tag_len);
	void *place = place_of(l, kind, &exactly);
	int r = -EKEYREJECTED;

	if (nonce_len != sizeof(sealed.nonce) || tag_len != sizeof(sealed.tag) ||
		n > sizeof(sealed.ciphertext) || (exactly && n != exactly) || !place)
		return db_fail(
			db, -EUCLEAN, EV_STORE_CORRUPT, "the secret of user \"%.100s\"", l->name);
	memcpy(sealed.nonce, nonce, nonce_len);
	memcpy(sealed.tag, tag, tag_len);
	if (n)
		memcpy(sealed.ciphertext, octets, n);
	sealed.n = n;
	if (!strcmp(key_id, db->key.id))
		r = secret_open(&db->key, l->id, kind, &sealed, place);
	if (r < 0)
		return db_fail(db, -EKEYREJECTED, EV_STORE_KEY_WRONG,
			"the secret of user \"%.100s\" was sealed with key %s, the key in use is %s",
			l->name, key_id, db->key.id);
	l->has_nt |= kind == SECRET_NT;
	l->has_reversible |= kind == SECRET_REVERSIBLE;
	l->has_totp |= kind == SECRET_TOTP;
	return 0;
}

/* A row is the user with one of the secrets, or with NULLs when there is none. */
static int take_login(struct db *db, struct query *q, struct db_login *l)
{
	l->id = query_int(q);
	take_name(q, l->name);
	l->disabled = query_int(q);
	l->expires_at = query_int(q);
	l->ipv4 = query_addr(q);
	snprintf(l->pool, sizeof(l->pool), "%s", query_text(q));
	l->password_at = query_int(q);
	if (query_null(q))
		return 0;
	return open_secret(db, q, l);
}

int db_login(struct db *db, const char *name, size_t n, struct db_login *ret)
{
	struct query q = query_start(db, SQL_USER_LOGIN);
	char folded[USER_NAME_MAX + 1];
	struct db_login l = {0};
	int rows = 0, r = 0, end;

	query_bind_text(&q, folded, fold(name, n, folded));
	for (; !r && query_row(&q); rows++)
		r = take_login(db, &q, &l);
	end = query_end(&q);
	if (end < 0)
		r = end;
	if (!r && !rows) {
		secret_open(&db->key, 0, SECRET_NT, &db->decoy, l.nt_hash);
		r = db_fail(db, -ENOENT, EV_STORE_NO_USER, "\"%.100s\"", folded);
	}
	if (!r)
		*ret = l;
	db_login_wipe(&l);
	return r;
}
