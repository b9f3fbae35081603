// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "base/auto.h"
#include "base/crypto.h"
#include "store/archive.h"
#include "unit/store/state.h"

#define WORD "open sesame"

struct kept {
	struct state folder;
	char path[96];
	uint8_t file[512];
	size_t n;
};

static void put_text(struct archive *a, enum archive_kind kind, const char *text)
{
	archive_put(a, kind, (uint8_t *)strdup(text), strlen(text));
}

static void put_file(const struct kept *k, const uint8_t *octets, size_t n)
{
	FILE *f = fopen(k->path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(octets, 1, n, f), n);
	assert_int_equal(fclose(f), 0);
}

/* One with a few entries, as a file and in memory. */
static int make(void **state)
{
	struct kept *k = calloc(1, sizeof(*k));
	struct archive a = {0};
	FILE *f;

	state_make(&k->folder);
	snprintf(k->path, sizeof(k->path), "%s/backup", k->folder.folder);
	put_text(&a, ARCHIVE_DATABASE, "SQLite format 3");
	put_text(&a, ARCHIVE_KEY, "../../etc/passwd");
	put_text(&a, ARCHIVE_CONFIG, "");
	put_text(&a, ARCHIVE_KINDS - 1, "/etc/shadow");
	assert_int_equal(archive_write(&a, k->path, WORD), 0);
	archive_free(&a);
	f = fopen(k->path, "r");
	assert_non_null(f);
	k->n = fread(k->file, 1, sizeof(k->file), f);
	fclose(f);
	*state = k;
	return 0;
}

static int unmake(void **state)
{
	struct kept *k = *state;

	state_remove(&k->folder);
	free(k);
	return 0;
}

static void assert_refused(const struct kept *k, const char *word, int error)
{
	static const struct archive none;
	struct archive a;

	memset(&a, 0xff, sizeof(a));
	assert_int_equal(archive_read(&a, k->path, word), error);
	assert_memory_equal(&a, &none, sizeof(a));
}

static void assert_text(const struct archive *a, unsigned kind, const char *text)
{
	assert_non_null(a->entry[kind].octets);
	assert_int_equal(a->entry[kind].n, strlen(text));
	assert_memory_equal(a->entry[kind].octets, text, strlen(text));
}

static void what_was_written_is_read(void **state)
{
	struct kept *k = *state;
	struct archive a;
	struct stat st;

	assert_int_equal(stat(k->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(archive_read(&a, k->path, WORD), 0);
	assert_text(&a, ARCHIVE_DATABASE, "SQLite format 3");
	assert_text(&a, ARCHIVE_KEY, "../../etc/passwd");
	assert_text(&a, ARCHIVE_CONFIG, "");
	assert_text(&a, ARCHIVE_KINDS - 1, "/etc/shadow");
	assert_null(a.entry[ARCHIVE_SERVER_CRT].octets);
	assert_int_equal(archive_write(&a, k->path, WORD), -EEXIST);
	archive_free(&a);
}

static void a_wrong_passphrase_is_not_called_damage(void **state)
{
	assert_refused(*state, "open sesam", -EKEYREJECTED);
	assert_refused(*state, "", -EKEYREJECTED);
}

static void each_cut_is_noticed(void **state)
{
	struct kept *k = *state;

	for (size_t n = 0; n < k->n; n++) {
		put_file(k, k->file, n);
		assert_refused(k, WORD, n < 16 ? -EINVAL : -EBADMSG);
	}
	k->file[k->n] = 'x';
	put_file(k, k->file, k->n + 1);
	assert_refused(k, WORD, -EBADMSG);
}

static void each_flipped_bit_is_noticed(void **state)
{
	struct kept *k = *state;

	for (size_t bit = 0; bit < 8 * k->n; bit++) {
		k->file[bit / 8] ^= (uint8_t)(1 << bit % 8);
		put_file(k, k->file, k->n);
		assert_refused(k, WORD, bit / 8 < 16 ? -EINVAL : -EBADMSG);
		k->file[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
}

/* The checksum is anybody's; salt, nonce, entries and tag stand under the passphrase all the same. */
static void a_checksum_put_right_helps_nobody(void **state)
{
	static const size_t at[] = {16, 31, 32, 43, 44, 53, 70};
	struct kept *k = *state;
	size_t body = k->n - SHA256_LEN;

	for (size_t i = 0; i <= ARRAY_SIZE(at); i++) {
		size_t where = i < ARRAY_SIZE(at) ? at[i] : body - 1;

		k->file[where] ^= 0x80;
		assert_int_equal(hash_one(HASH_SHA256, k->file, body, k->file + body), 0);
		put_file(k, k->file, k->n);
		assert_refused(k, WORD, -EKEYREJECTED);
		k->file[where] ^= 0x80;
	}
}

static void what_is_no_file_of_ours_is_refused(void **state)
{
	struct kept *k = *state;

	assert_int_equal(truncate(k->path, (off_t)ARCHIVE_SIZE_MAX + 1), 0);
	assert_refused(k, WORD, -EFBIG);
	assert_int_equal(unlink(k->path), 0);
	assert_refused(k, WORD, -ENOENT);
	assert_int_equal(mkfifo(k->path, 0600), 0);
	assert_refused(k, WORD, -EINVAL);
	assert_int_equal(unlink(k->path), 0);
	assert_int_equal(mkdir(k->path, 0700), 0);
	assert_refused(k, WORD, -EINVAL);
}

/* An entry's header: kind and the eight octets of its length. */
#define ENTRY(kind, n) kind, 0, 0, 0, 0, 0, 0, 0, n

static void only_known_entries_are_read_and_each_once(void **state)
{
	static const struct {
		uint8_t octets[24];
		size_t n;
		int result;
	} rows[] = {
		{{0}, 0, 0},
		{{ENTRY(1, 1), 'a'}, 10, 0},
		{{ENTRY(1, 0), ENTRY(2, 0)}, 18, 0},
		{{ENTRY(2, 1), 'b', ENTRY(1, 1), 'a'}, 20, 0},
		{{ENTRY(1, 1), 'a', ENTRY(1, 1), 'b'}, 20, -EPROTO},
		{{ENTRY(1, 0), ENTRY(1, 0)}, 18, -EPROTO},
		{{ENTRY(0, 1), 'a'}, 10, -EPROTO},
		{{ENTRY(ARCHIVE_KINDS - 1, 1), 'a'}, 10, 0},
		{{ENTRY(ARCHIVE_KINDS, 1), 'a'}, 10, -EPROTO},
		{{ENTRY(255, 1), 'a'}, 10, -EPROTO},
		{{ENTRY(1, 2), 'a'}, 10, -EPROTO},
		{{ENTRY(1, 0), 'a'}, 10, -EPROTO},
		{{1, 255, 255, 255, 255, 255, 255, 255, 255, 'a'}, 10, -EPROTO},
		{{1, 128, 0, 0, 0, 0, 0, 0, 1, 'a'}, 10, -EPROTO},
		{{1, 0, 0, 0, 1, 0, 0, 0, 1, 'a'}, 10, -EPROTO},
		{{1, 0, 0, 0, 0, 0, 0, 0}, 8, -EPROTO},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		uint8_t *copy =
			malloc(rows[i].n + !rows[i].n); /* so that one octet too far is seen */
		struct archive a;

		memcpy(copy, rows[i].octets, rows[i].n);
		if (archive_parse(&a, copy, rows[i].n) != rows[i].result)
			fail_msg("row %zu", i);
		archive_free(&a);
		free(copy);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_was_written_is_read, make, unmake),
		cmocka_unit_test_setup_teardown(
			a_wrong_passphrase_is_not_called_damage, make, unmake),
		cmocka_unit_test_setup_teardown(each_cut_is_noticed, make, unmake),
		cmocka_unit_test_setup_teardown(each_flipped_bit_is_noticed, make, unmake),
		cmocka_unit_test_setup_teardown(a_checksum_put_right_helps_nobody, make, unmake),
		cmocka_unit_test_setup_teardown(what_is_no_file_of_ours_is_refused, make, unmake),
		cmocka_unit_test(only_known_entries_are_read_and_each_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
