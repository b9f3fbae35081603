// SPDX-License-Identifier: Apache-2.0
/*
 * store/authorities.h — certificate authorities for users, the certificates that our own one issued,
 * what was revoked, and which certificate is whose.
 *
 * Octets and words only: what is inside a certificate is read by tls/ca.h.
 *
 * Errors:  as in db.h; -ENOENT no such row, -EEXIST a name or certificate is there already.
 * Secrets: the key of our own authority is sealed with the key of the database (AES-256-GCM; the
 *          authority's number is associated data). db_authority_key() gives it in clear, and the caller
 *          wipes it. No server asks for it.
 */
#pragma once
#include "store/db.h"

#define STORE_AUTHORITY_NAME_MAX 63
#define STORE_AUTHORITIES_MAX 32    /* more anchors make every login slower */
#define STORE_CERTIFICATE_MAX 16384 /* octets of a certificate in DER */
#define STORE_CA_KEY_MAX 4096       /* of a private key in DER */
#define STORE_SERIAL_MAX 63         /* hexadecimal digits */

/* Where a certificate of this authority has the user's name: a mask. */
enum authority_names {
	AUTHORITY_UPN = 1,
	AUTHORITY_EMAIL = 2,
	AUTHORITY_CN = 4,
};

enum authority_crl {
	AUTHORITY_CRL_AUTO,    /* required when a list is named */
	AUTHORITY_CRL_REQUIRE, /* no login without a list that is in its time */
	AUTHORITY_CRL_USE, /* what a list has is refused; a list that is missing or old is not */
	AUTHORITY_CRL_OFF,
};

struct db_authority {
	int64_t id;
	char name[STORE_AUTHORITY_NAME_MAX + 1];
	bool own;
	unsigned names;    /* enum authority_names; 0: only bound certificates */
	char pattern[128]; /* that a name has to match, with one * at most; "": any */
	bool strip;        /* what the * matched is the user */
	enum authority_crl crl;
	char crl_path[256]; /* a file or folder; "": none */
	int64_t created_at, not_after;
	char sha256[65];
	uint8_t certificate[STORE_CERTIFICATE_MAX]; /* DER */
	size_t certificate_len;
};

/* `key` (NULL: not ours) is sealed. Sets a->id and created_at. */
int db_authority_add(struct db *db, struct db_authority *a, const void *key, size_t key_len);
int db_authority_find(struct db *db, const char *name, struct db_authority *ret); /* any case */
int db_authority_own(struct db *db, struct db_authority *ret); /* -ENOENT: `ca init` was not run */
int db_authority_set_rule(struct db *db, const struct db_authority *a); /* names … crl_path */
/* With the certificates that it issued and its bindings. */
int db_authority_remove(struct db *db, int64_t id);
int db_authority_list(
	struct db *db, int (*each)(const struct db_authority *a, void *arg), void *arg);
int db_authority_key(
	struct db *db, int64_t id, uint8_t ret[static STORE_CA_KEY_MAX], size_t *ret_n);

/* One that our own authority issued. */
struct db_certificate {
	int64_t authority_id;
	char user[USER_NAME_MAX + 1];
	char serial[STORE_SERIAL_MAX + 1], sha1[41], sha256[65];
	int64_t not_before, not_after, issued_at, revoked_at; /* revoked_at 0: it is good */
};

int db_certificate_add(struct db *db, const struct db_certificate *c);
/* `user` NULL: all; by user and date. */
int db_certificate_list(struct db *db, const char *user,
	int (*each)(const struct db_certificate *c, void *arg), void *arg);
/* All of a user that are good, or the one of this serial number. Returns how many; 0: none. */
int db_certificate_revoke_user(struct db *db, const char *user);
int db_certificate_revoke_serial(struct db *db, const char *serial);

/* Thumbprints (SHA-1 of the DER, 40 lower-case digits) that no authority's certificate may have. */
/* Also one of our own. Again: nothing. */
int db_thumbprint_revoke(struct db *db, const char *sha1);
/* Of the list and of our own authority's revoked certificates. */
int db_thumbprint_list(
	struct db *db, int (*each)(const char *sha1, int64_t at, void *arg), void *arg);

/* A certificate that is one user's whatever names are in it. */
struct db_binding {
	int64_t authority_id;
	char user[USER_NAME_MAX + 1];
	char sha256[65];  /* "": by issuer and serial number */
	char issuer[300]; /* the issuer's name, "/CN=…" */
	char serial[STORE_SERIAL_MAX + 1];
};

int db_binding_add(struct db *db, const struct db_binding *b); /* takes the place of an older one */
int db_binding_remove(struct db *db, const struct db_binding *b);
/* `authority_id` 0: of all. */
int db_binding_list(struct db *db, int64_t authority_id,
	int (*each)(const struct db_binding *b, void *arg), void *arg);
