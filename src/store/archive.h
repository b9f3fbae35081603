// SPDX-License-Identifier: Apache-2.0
/*
 * store/archive.h — the file that `culvert backup` writes: a server's state under a passphrase.
 *
 *     "CULVERT BACKUP 1"  16 octets
 *     salt                16 octets     key = scrypt(passphrase, salt, N 2^15, r 8, p 1)
 *     nonce               12 octets
 *     AES-256-GCM         of the entries; the 44 octets before are associated data
 *     tag                 16 octets
 *     SHA-256             32 octets     of all before: distinguishes damage from a wrong passphrase
 *
 * An entry is a kind (1 octet, enum archive_kind), a length (8 octets, big-endian) and the octets. A
 * kind stands for one fixed file, so no name and no path comes out of an archive; each occurs once at
 * most. Nothing is read before the tag is right, and nothing is written before all entries are.
 *
 * Ownership: archive_free() wipes the contents.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/auto.h"

#define ARCHIVE_TLS_PAIRS 8

enum archive_kind {
	ARCHIVE_DATABASE = 1,
	ARCHIVE_KEY,
	ARCHIVE_CONFIG,
	ARCHIVE_SERVER_CRT,
	ARCHIVE_P256_CRT,
	ARCHIVE_P256_KEY,
	ARCHIVE_RSA_CRT,
	ARCHIVE_RSA_KEY,
	ARCHIVE_TLS, /* tls.certificate and tls.key of the configuration: two kinds for each pair */
	ARCHIVE_KINDS = ARCHIVE_TLS + 2 * ARCHIVE_TLS_PAIRS,
};

#define ARCHIVE_SIZE_MAX (UINT64_C(1) << 30) /* of a whole file; larger ones are refused unread */

struct archive {
	struct archive_entry {
		uint8_t *octets; /* NULL: not in it */
		size_t n;
	} entry[ARCHIVE_KINDS];
};

void archive_free(struct archive *a); /* wipes the entries, not the struct */

/* Takes `octets` over. */
void archive_put(struct archive *a, enum archive_kind kind, uint8_t *octets, size_t n);
/* Writes a new file, 0600. -EEXIST: there is one. */
int archive_write(const struct archive *a, const char *path, const char *passphrase);
/*
 * -EINVAL: no backup of this kind. -EFBIG. -EBADMSG: cut or damaged. -EKEYREJECTED: whole, and of
 * another passphrase. -EPROTO: not as this version writes it. `*a` is empty after a failure.
 */
int archive_read(struct archive *a, const char *path, const char *passphrase);
/* The entries of an archive, in the clear; -EPROTO, -ENOMEM, and then `*a` is empty. */
int archive_parse(struct archive *a, const uint8_t *payload, size_t n);
