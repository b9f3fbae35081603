// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>

#include "store/authorities.h"
#include "unit/store/state.h"

struct fixture {
	struct state state;
	struct db *db;
	struct db_authority own;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	state_make(&f->state);
	f->db = state_open(&f->state);
	f->own = (struct db_authority){.name = "Own",
		.own = true,
		.names = AUTHORITY_UPN,
		.sha256 = "aa",
		.certificate = {1, 2, 3},
		.certificate_len = 3};
	assert_int_equal(db_authority_add(f->db, &f->own, "the key", 7), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	db_close(f->db);
	state_remove(&f->state);
	free(f);
	return 0;
}

static void the_key_comes_back_and_is_not_in_the_file(void **state)
{
	struct fixture *f = *state;
	uint8_t key[STORE_CA_KEY_MAX];
	char file[120], octets[200000];
	size_t n = 0;
	ssize_t got;
	int fd;

	assert_int_equal(db_authority_key(f->db, f->own.id, key, &n), 0);
	assert_int_equal(n, 7);
	assert_memory_equal(key, "the key", 7);
	snprintf(file, sizeof(file), "%s-wal", f->state.file);
	fd = open(file, O_RDONLY);
	got = read(fd, octets, sizeof(octets));
	close(fd);
	assert_true(got > 0);
	assert_null(memmem(octets, (size_t)got, "the key", 7));
}

static void with_another_database_key_it_does_not_open(void **state)
{
	struct fixture *f = *state;
	uint8_t key[STORE_CA_KEY_MAX];
	struct db_error err;
	size_t n;

	db_close(f->db);
	f->db = NULL;
	assert_int_equal(unlink(f->state.key), 0);
	assert_int_equal(db_open(&(struct db_opts){.state = f->state.folder}, &f->db, &err), 0);
	assert_int_equal(db_authority_key(f->db, f->own.id, key, &n), -EKEYREJECTED);
	assert_int_equal(db_error(f->db)->event, EV_STORE_KEY_WRONG);
}

static void names_and_certificates_are_there_once(void **state)
{
	struct fixture *f = *state;
	struct db_authority a = {.name = "OWN", .sha256 = "bb"};

	assert_int_equal(db_authority_add(f->db, &a, NULL, 0), -EEXIST);
	assert_int_equal(db_error(f->db)->event, EV_CA_EXISTS);
	strcpy(a.name, "Other");
	strcpy(a.sha256, "aa");
	assert_int_equal(db_authority_add(f->db, &a, NULL, 0), -EEXIST);
	assert_int_equal(db_authority_find(f->db, "own", &a), 0);
	assert_int_equal(a.id, f->own.id);
	assert_int_equal(a.certificate_len, 3);
	assert_int_equal(db_authority_find(f->db, "nobody's", &a), -ENOENT);
}

static void an_imported_one_has_no_key_and_a_rule(void **state)
{
	struct fixture *f = *state;
	struct db_authority a = {.name = "Azure", .sha256 = "bb"}, found;
	uint8_t key[STORE_CA_KEY_MAX];
	size_t n;

	assert_int_equal(db_authority_add(f->db, &a, NULL, 0), 0);
	assert_int_equal(db_authority_key(f->db, a.id, key, &n), -ENOENT);
	a.names = AUTHORITY_CN;
	strcpy(a.pattern, "P2S*");
	a.crl = AUTHORITY_CRL_REQUIRE;
	strcpy(a.crl_path, "/etc/crl");
	a.strip = true;
	assert_int_equal(db_authority_set_rule(f->db, &a), 0);
	assert_int_equal(db_authority_find(f->db, "azure", &found), 0);
	assert_int_equal(found.names, AUTHORITY_CN);
	assert_string_equal(found.pattern, "P2S*");
	assert_int_equal(found.crl, AUTHORITY_CRL_REQUIRE);
	assert_string_equal(found.crl_path, "/etc/crl");
	assert_true(found.strip && !found.own);
}

static void add_certificate(struct fixture *f, const char *user, const char *serial)
{
	struct db_certificate c = {.authority_id = f->own.id, .not_after = 100};

	snprintf(c.user, sizeof(c.user), "%s", user);
	snprintf(c.serial, sizeof(c.serial), "%s", serial);
	snprintf(c.sha1, sizeof(c.sha1), "5a%s", serial);
	assert_int_equal(db_certificate_add(f->db, &c), 0);
}

static int count_good(const struct db_certificate *c, void *arg)
{
	*(int *)arg += !c->revoked_at;
	return 0;
}

static int count_thumbprints(const char *sha1, int64_t at, void *arg)
{
	assert_true(at > 0 && *sha1);
	++*(int *)arg;
	return 0;
}

static void a_users_certificates_are_revoked_once_and_stay_so(void **state)
{
	struct fixture *f = *state;
	int n = 0;

	add_certificate(f, "alice", "01");
	add_certificate(f, "Alice", "02");
	add_certificate(f, "bob", "03");
	assert_int_equal(db_certificate_revoke_user(f->db, "ALICE"), 2);
	assert_int_equal(db_certificate_revoke_user(f->db, "alice"), 0);
	assert_int_equal(db_certificate_revoke_user(f->db, "mallory"), 0);
	assert_int_equal(db_certificate_list(f->db, NULL, count_good, &n), 0);
	assert_int_equal(n, 1);
	assert_int_equal(db_certificate_revoke_serial(f->db, "03"), 1);
	assert_int_equal(db_certificate_revoke_serial(f->db, "03"), 0);
	n = 0;
	assert_int_equal(db_thumbprint_list(f->db, count_thumbprints, &n), 0);
	assert_int_equal(n, 3);
}

static void a_thumbprint_counts_once_and_marks_our_own(void **state)
{
	struct fixture *f = *state;
	int n = 0;

	add_certificate(f, "alice", "01");
	assert_int_equal(db_thumbprint_revoke(f->db, "5a01"), 0);
	assert_int_equal(db_thumbprint_revoke(f->db, "5a01"), 0);
	assert_int_equal(db_certificate_list(f->db, "alice", count_good, &n), 0);
	assert_int_equal(n, 0);
	assert_int_equal(db_thumbprint_revoke(f->db, "ff"), 0);
	assert_int_equal(db_thumbprint_list(f->db, count_thumbprints, &n), 0);
	assert_int_equal(n, 2);
}

static int take_user(const struct db_binding *b, void *arg)
{
	snprintf(arg, 100, "%s", b->user);
	return 0;
}

static void a_binding_is_of_the_last_user(void **state)
{
	struct fixture *f = *state;
	struct db_binding b = {.authority_id = f->own.id, .user = "alice", .sha256 = "cc"};
	char user[100] = "";

	assert_int_equal(db_binding_add(f->db, &b), 0);
	strcpy(b.user, "bob");
	assert_int_equal(db_binding_add(f->db, &b), 0);
	assert_int_equal(db_binding_list(f->db, 0, take_user, user), 0);
	assert_string_equal(user, "bob");
	assert_int_equal(db_binding_list(f->db, f->own.id + 1, take_user, user), 0);
	assert_int_equal(db_binding_remove(f->db, &b), 0);
	assert_int_equal(db_binding_remove(f->db, &b), -ENOENT);
}

static void what_an_authority_issued_goes_with_it(void **state)
{
	struct fixture *f = *state;
	struct db_binding b = {.authority_id = f->own.id, .user = "alice", .sha256 = "cc"};
	int n = 0;
	char user[100] = "";

	add_certificate(f, "alice", "01");
	assert_int_equal(db_binding_add(f->db, &b), 0);
	assert_int_equal(db_authority_remove(f->db, f->own.id), 0);
	assert_int_equal(db_certificate_list(f->db, NULL, count_good, &n), 0);
	assert_int_equal(db_binding_list(f->db, 0, take_user, user), 0);
	assert_int_equal(n, 0);
	assert_string_equal(user, "");
	assert_int_equal(db_authority_own(f->db, &f->own), -ENOENT);
	assert_int_equal(db_error(f->db)->event, EV_CA_NONE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_key_comes_back_and_is_not_in_the_file),
		TEST(with_another_database_key_it_does_not_open),
		TEST(names_and_certificates_are_there_once),
		TEST(an_imported_one_has_no_key_and_a_rule),
		TEST(a_users_certificates_are_revoked_once_and_stay_so),
		TEST(a_thumbprint_counts_once_and_marks_our_own),
		TEST(a_binding_is_of_the_last_user),
		TEST(what_an_authority_issued_goes_with_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
