/* The engine: two ends in memory, and a bare OpenSSL client as the stranger. */
#include "unit/tls/pair.h"

static const char *const names[] = {"vpn.test", "192.0.2.1"};

static void make_files(enum cert_key key, const char *crt, const char *keyfile)
{
	struct tls_failure f = {0};
	int r = cert_create(
		&(struct cert_opts){.key = key, .names = names, .n_names = 2, .now_s = NOW},
		in_dir(crt), in_dir(keyfile), &f);

	if (r < 0)
		fail_msg("%s", f.text);
}

static int setup(void **state)
{
	if (make_test_dir(state))
		return -1;
	make_files(CERT_RSA_2048, "server.crt", "server.key");
	make_files(CERT_P256, "server-ec.crt", "server-ec.key");
	return 0;
}

static void handshake_and_data_pass_both_ways(void **state)
{
	struct tls_ctx *sctx = server_of("server.crt", "server.key");
	struct tls_ctx *cctx = client_of((struct tls_client_opts){.ca_file = in_dir("server.crt")});
	struct pair *p = pair_new(sctx, cctx, "vpn.test");

	pair_run(p);
	if (!tls_established(p->client))
		fail_msg("%s", tls_failure(p->client)->text);
	assert_true(tls_established(p->server));
	assert_int_equal(tls_write(p->client, "hello", 5), 0);
	assert_int_equal(tls_write(p->server, "world!", 6), 0);
	pair_run(p);
	assert_int_equal(p->n[0], 5);
	assert_memory_equal(p->got[0], "hello", 5);
	assert_int_equal(p->n[1], 6);
	assert_memory_equal(p->got[1], "world!", 6);
	pair_free(p);
	tls_ctx_free(sctx);
	tls_ctx_free(cctx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(handshake_and_data_pass_both_ways),
	};

	return cmocka_run_group_tests_name("tls/engine", tests, setup, remove_test_dir);
}
