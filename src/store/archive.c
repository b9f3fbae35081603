// SPDX-License-Identifier: Apache-2.0
#include "store/archive.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/crypto.h"

static const char magic[16] = {
	'C', 'U', 'L', 'V', 'E', 'R', 'T', ' ', 'B', 'A', 'C', 'K', 'U', 'P', ' ', '1'};

#define SALT_LEN 16
#define HEADER_LEN (sizeof(magic) + SALT_LEN + AEAD_NONCE_LEN)
#define ENTRY_HEADER_LEN 9
#define LEN_MIN (HEADER_LEN + AEAD_TAG_LEN + SHA256_LEN)

/* --- memory --- */

static void wipe(uint8_t *octets, size_t n)
{
	if (octets)
		explicit_bzero(octets, n);
	free(octets);
}

void archive_free(struct archive *a)
{
	for (size_t i = 0; i < ARCHIVE_KINDS; i++)
		wipe(a->entry[i].octets, a->entry[i].n);
	*a = (struct archive){0};
}

void archive_put(struct archive *a, enum archive_kind kind, uint8_t *octets, size_t n)
{
	wipe(a->entry[kind].octets, a->entry[kind].n);
	a->entry[kind] = (struct archive_entry){octets, n};
}

/* --- entries --- */

static size_t payload_len(const struct archive *a)
{
	size_t n = 0;

	for (size_t i = 0; i < ARCHIVE_KINDS; i++)
		if (a->entry[i].octets)
			n += ENTRY_HEADER_LEN + a->entry[i].n;
	return n;
}

static void write_entries(const struct archive *a, uint8_t *at)
{
	for (size_t i = 0; i < ARCHIVE_KINDS; i++) {
		const struct archive_entry *e = &a->entry[i];

		if (!e->octets)
			continue;
		*at++ = (uint8_t)i;
		for (int shift = 56; shift >= 0; shift -= 8)
			*at++ = (uint8_t)((uint64_t)e->n >> shift);
		memcpy(at, e->octets, e->n);
		at += e->n;
	}
}

static int read_entry(struct archive *a, const uint8_t **at, const uint8_t *end)
{
	uint64_t n = 0;
	uint8_t kind;
	uint8_t *copy;

	if (end - *at < ENTRY_HEADER_LEN)
		return -EPROTO;
	kind = *(*at)++;
	for (int i = 0; i < 8; i++)
		n = n << 8 | *(*at)++;
	if (!kind || kind >= ARCHIVE_KINDS || a->entry[kind].octets || n > (uint64_t)(end - *at))
		return -EPROTO;
	copy = malloc(n ? n : 1);
	if (!copy)
		return -ENOMEM;
	memcpy(copy, *at, n);
	archive_put(a, kind, copy, n);
	*at += n;
	return 0;
}

/* --- the file --- */

static int write_all(int fd, const uint8_t *octets, size_t n)
{
	while (n) {
		ssize_t done = write(fd, octets, n);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return done < 0 ? -errno : -ENOSPC;
		octets += done;
		n -= (size_t)done;
	}
	return fsync(fd) < 0 ? -errno : 0;
}

/* `n` entries' octets become header, ciphertext, tag and checksum. */
static int seal(const struct archive *a, const char *passphrase, uint8_t *file, size_t n)
{
	uint8_t key[AEAD_KEY_LEN], *payload = malloc(n ? n : 1);
	int r;

	if (!payload)
		return -ENOMEM;
	memcpy(file, magic, sizeof(magic));
	crypto_random(file + sizeof(magic), SALT_LEN + AEAD_NONCE_LEN);
	write_entries(a, payload);
	r = crypto_scrypt(passphrase, file + sizeof(magic), SALT_LEN, key, sizeof(key));
	if (!r)
		r = aead_encrypt(key, file + sizeof(magic) + SALT_LEN, file, HEADER_LEN, payload, n,
			file + HEADER_LEN, file + HEADER_LEN + n);
	if (!r)
		r = hash_one(HASH_SHA256, file, HEADER_LEN + n + AEAD_TAG_LEN,
			file + HEADER_LEN + n + AEAD_TAG_LEN);
	explicit_bzero(key, sizeof(key));
	wipe(payload, n);
	return r;
}

int archive_write(const struct archive *a, const char *path, const char *passphrase)
{
	size_t n = payload_len(a), total = LEN_MIN + n;
	AUTO_MEM uint8_t *file = NULL;
	int fd, r;

	if (total > ARCHIVE_SIZE_MAX)
		return -EFBIG;
	file = malloc(total);
	if (!file)
		return -ENOMEM;
	r = seal(a, passphrase, file, n);
	if (r < 0)
		return r;
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	r = write_all(fd, file, total);
	close(fd);
	if (r < 0)
		unlink(path);
	return r;
}

/* A regular file of a size that an archive can have, whole. */
static int slurp(const char *path, uint8_t **ret, size_t *ret_n)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY), r = 0;
	struct stat st;
	size_t n = 0;
	ssize_t got = 1;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || (size_t)st.st_size < sizeof(magic))
		r = -EINVAL;
	else if ((uint64_t)st.st_size > ARCHIVE_SIZE_MAX)
		r = -EFBIG;
	*ret = r ? NULL : malloc((size_t)st.st_size);
	if (!r && !*ret)
		r = -ENOMEM;
	while (!r && got > 0 && n < (size_t)st.st_size) {
		got = read(fd, *ret + n, (size_t)st.st_size - n);
		n += got > 0 ? (size_t)got : 0;
	}
	if (!r && n != (size_t)st.st_size)
		r = -EIO;
	close(fd);
	*ret_n = n;
	return r;
}

static int unseal(const uint8_t *file, size_t n, const char *passphrase, uint8_t *ret)
{
	uint8_t key[AEAD_KEY_LEN];
	int r = crypto_scrypt(passphrase, file + sizeof(magic), SALT_LEN, key, sizeof(key));

	if (!r)
		r = aead_decrypt(key, file + sizeof(magic) + SALT_LEN, file, HEADER_LEN,
			file + HEADER_LEN, n, file + HEADER_LEN + n, ret);
	explicit_bzero(key, sizeof(key));
	return r;
}

/* Anyone can make a checksum: it distinguishes damage from a wrong passphrase; only the tag is trusted. */
static int look_at(const uint8_t *file, size_t total)
{
	uint8_t sum[SHA256_LEN];
	int r;

	if (memcmp(file, magic, sizeof(magic)))
		return -EINVAL;
	if (total < LEN_MIN)
		return -EBADMSG;
	r = hash_one(HASH_SHA256, file, total - SHA256_LEN, sum);
	return r ? r : memcmp(sum, file + total - SHA256_LEN, SHA256_LEN) ? -EBADMSG : 0;
}

int archive_parse(struct archive *a, const uint8_t *payload, size_t n)
{
	const uint8_t *at = payload;
	int r = 0;

	*a = (struct archive){0};
	while (!r && at < payload + n)
		r = read_entry(a, &at, payload + n);
	if (r < 0)
		archive_free(a);
	return r;
}

int archive_read(struct archive *a, const char *path, const char *passphrase)
{
	AUTO_MEM uint8_t *file = NULL;
	uint8_t *payload;
	size_t total = 0, n;
	int r;

	*a = (struct archive){0};
	r = slurp(path, &file, &total);
	if (!r)
		r = look_at(file, total);
	if (r < 0)
		return r;
	n = total - LEN_MIN;
	payload = malloc(n ? n : 1);
	if (!payload)
		return -ENOMEM;
	r = unseal(file, n, passphrase, payload);
	if (r == -EBADMSG)
		r = -EKEYREJECTED;
	if (!r)
		r = archive_parse(a, payload, n);
	wipe(payload, n);
	return r;
}
