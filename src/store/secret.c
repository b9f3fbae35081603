// SPDX-License-Identifier: Apache-2.0
#include "store/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hex.h"
#include "base/text.h"
#include "store/db.h"

static int unreadable(struct db_error *err, const char *path, const char *why)
{
	err->event = EV_STORE_KEY_UNREADABLE;
	text_format(err->text, sizeof(err->text), "%.300s: %s", path, why);
	return -EACCES;
}

/*
 * 32 octets, or 64 digits with or without a newline. A line of digits that is cut short may have 32
 * octets, too.
 */
static bool is_raw_key(const char *text, size_t n)
{
	return n == AEAD_KEY_LEN &&
	       (text[n - 1] != '\n' || strspn(text, "0123456789abcdefABCDEF\r\n") < n);
}

static int decode_key(
	const char *path, char *text, size_t n, struct secret_key *ret, struct db_error *err)
{
	text[n] = '\0';
	if (is_raw_key(text, n)) {
		memcpy(ret->key, text, n);
		return 0;
	}
	while (n && strchr(" \t\r\n", text[n - 1]))
		n--;
	text[n] = '\0';
	if (hex_decode(text, ret->key, sizeof(ret->key)) == 0)
		return 0;
	err->event = EV_STORE_KEY_BAD;
	text_format(err->text, sizeof(err->text),
		"%.300s: expected 32 octets or 64 hexadecimal digits, got %zu octets", path, n);
	return -EINVAL;
}

/* -ENOENT without an error when there is no such file. */
static int read_key(const char *path, struct secret_key *ret, struct db_error *err)
{
	char text[STORE_KEY_FILE_MAX + 1];
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY), r;
	ssize_t n = 0, got = 1;

	if (fd < 0 && errno == ENOENT)
		return -ENOENT;
	if (fd < 0)
		return unreadable(err, path, strerror(errno));
	while (n < STORE_KEY_FILE_MAX && got > 0) { /* a pipe may give it in pieces */
		got = read(fd, text + n, STORE_KEY_FILE_MAX - (size_t)n);
		n += got > 0 ? got : 0;
	}
	r = got < 0 ? unreadable(err, path, strerror(errno)) : 0;
	close(fd);
	if (r < 0)
		return r;
	r = decode_key(path, text, (size_t)n, ret, err);
	explicit_bzero(text, sizeof(text));
	return r;
}

/* Owner and rights as the folder's owner needs them, also when root runs this. */
static int write_key_file(int fd, const char *state)
{
	uint8_t key[AEAD_KEY_LEN];
	char text[2 * AEAD_KEY_LEN + 2];
	struct stat folder;
	ssize_t n;

	crypto_random(key, sizeof(key));
	hex_encode(key, sizeof(key), text);
	strcat(text, "\n");
	n = write(fd, text, strlen(text));
	explicit_bzero(key, sizeof(key));
	explicit_bzero(text, sizeof(text));
	if (n < 0 || fsync(fd) < 0)
		return -errno;
	if (n != 2 * AEAD_KEY_LEN + 1)
		return -ENOSPC;
	if (!geteuid() && !stat(state, &folder) && fchown(fd, folder.st_uid, folder.st_gid) < 0)
		return -errno;
	return 0;
}

/*
 * Makes the key file whole or not at all: written under another name and linked, so that of two
 * processes that start at once both end up with the key of the first.
 */
static int make_key(const char *state, const char *path, struct db_error *err)
{
	char temporary[4200];
	int fd, r;

	snprintf(temporary, sizeof(temporary), "%.4000s/.culvert.key.XXXXXX", state);
	fd = mkostemp(temporary, O_CLOEXEC); /* 0600 */
	if (fd < 0)
		return unreadable(err, path, strerror(errno));
	r = write_key_file(fd, state);
	close(fd);
	if (!r && link(temporary, path) < 0 && errno != EEXIST)
		r = -errno;
	unlink(temporary);
	return r < 0 ? unreadable(err, path, strerror(-r)) : 0;
}

static int find_key(const char *state, const char *key_file, bool make, struct secret_key *ret,
	struct db_error *err)
{
	const char *credentials = getenv("CREDENTIALS_DIRECTORY");
	char path[4200];
	int r;

	if (key_file && *key_file) {
		r = read_key(key_file, ret, err);
		return r == -ENOENT ? unreadable(err, key_file, strerror(ENOENT)) : r;
	}
	if (credentials) {
		snprintf(path, sizeof(path), "%.4000s/culvert-key", credentials);
		r = read_key(path, ret, err);
		if (r != -ENOENT)
			return r;
	}
	snprintf(path, sizeof(path), "%.4000s/culvert.key", state);
	r = read_key(path, ret, err);
	if (r != -ENOENT)
		return r;
	if (!make)
		return -ENOKEY;
	r = make_key(state, path, err);
	return r < 0 ? r : read_key(path, ret, err);
}

int secret_key_load(const char *state, const char *key_file, bool make, struct secret_key *ret,
	struct db_error *ret_err)
{
	static const char label[] = "culvert key id";
	uint8_t digest[SHA256_LEN];
	struct octets parts[] = {{label, sizeof(label)}, {ret->key, sizeof(ret->key)}};
	int r = find_key(state, key_file, make, ret, ret_err);

	if (r < 0)
		return r;
	r = hash_parts(HASH_SHA256, parts, 2, digest);
	if (r < 0)
		return unreadable(ret_err, "SHA-256", strerror(-r));
	hex_encode(digest, 8, ret->id);
	return 0;
}

struct associated {
	char label[15];
	uint8_t kind;
	uint8_t user_id[8];
};

static struct associated associated(int64_t user_id, enum secret_kind kind)
{
	struct associated a = {"culvert secret", (uint8_t)kind, {0}};

	for (int i = 0; i < 8; i++)
		a.user_id[i] = (uint8_t)((uint64_t)user_id >> (56 - 8 * i));
	return a;
}

int secret_seal(const struct secret_key *key, int64_t user_id, enum secret_kind kind,
	const void *octets, size_t n, struct secret_sealed *ret)
{
	struct associated a = associated(user_id, kind);

	if (n > sizeof(ret->ciphertext))
		return -EINVAL;
	crypto_random(ret->nonce, sizeof(ret->nonce));
	ret->n = n;
	return aead_encrypt(
		key->key, ret->nonce, &a, sizeof(a), octets, n, ret->ciphertext, ret->tag);
}

int secret_open(const struct secret_key *key, int64_t user_id, enum secret_kind kind,
	const struct secret_sealed *sealed, void *ret)
{
	struct associated a = associated(user_id, kind);

	return aead_decrypt(key->key, sealed->nonce, &a, sizeof(a), sealed->ciphertext, sealed->n,
		sealed->tag, ret);
}
