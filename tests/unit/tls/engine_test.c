// SPDX-License-Identifier: Apache-2.0
/* The engine: two ends in memory, and a bare OpenSSL client as the stranger. */
#include "tls/private.h"
#include "unit/tls/pair.h"

static const char *const names[] = {"vpn.test", "192.0.2.1"};
static struct tls_ctx *server_rsa, *server_ec, *client;

static void make_files(enum cert_key key, const char *crt, const char *keyfile)
{
	struct cert_opts opts = {.key = key, .names = names, .n_names = 2, .now_s = NOW};
	struct tls_failure f = {0};

	if (cert_create(&opts, in_dir(crt), in_dir(keyfile), &f) < 0)
		fail_msg("%s", f.text);
}

static int setup(void **state)
{
	if (make_test_dir(state))
		return -1;
	make_files(CERT_RSA_2048, "server.crt", "server.key");
	make_files(CERT_P256, "server-ec.crt", "server-ec.key");
	server_rsa = server_of("server.crt", "server.key");
	server_ec = server_of("server-ec.crt", "server-ec.key");
	client = client_of((struct tls_client_opts){.ca_file = in_dir("server.crt")});
	return 0;
}

static int teardown(void **state)
{
	tls_ctx_free(server_rsa);
	tls_ctx_free(server_ec);
	tls_ctx_free(client);
	return remove_test_dir(state);
}

static struct pair *connected(void)
{
	struct pair *p = pair_new(server_rsa, client, "vpn.test");

	pair_run(p);
	if (!tls_established(p->client))
		fail_msg("%s", tls_failure(p->client)->text);
	assert_true(tls_established(p->server));
	return p;
}

static void fill(uint8_t *octets, size_t n)
{
	for (size_t i = 0; i < n; i++)
		octets[i] = (uint8_t)(i * 2654435761u >> 13);
}

static void data_passes_both_ways(void **state)
{
	struct pair *p = connected();

	assert_int_equal(tls_write(p->client, "hello", 5), 0);
	assert_int_equal(tls_write(p->server, "world!", 6), 0);
	pair_run(p);
	assert_int_equal(p->n[0], 5);
	assert_memory_equal(p->got[0], "hello", 5);
	assert_int_equal(p->n[1], 6);
	assert_memory_equal(p->got[1], "world!", 6);
	assert_int_equal(p->end[0], -EAGAIN);
	assert_int_equal(p->end[1], -EAGAIN);
	pair_free(p);
}

static void each_version_and_kind_of_key_works(void **state)
{
	static const char *const versions[] = {"TLSv1.2", "TLSv1.3"};
	struct tls_ctx *servers[] = {server_rsa, server_ec};
	static const int numbers[] = {TLS1_2_VERSION, TLS1_3_VERSION};

	for (int i = 0; i < 4; i++) {
		struct stranger s = stranger_new(numbers[i / 2], numbers[i / 2]);
		struct tls_info info;
		struct tls *t;
		char got[16];

		assert_int_equal(tls_new(servers[i % 2], NULL, &t), 0);
		stranger_dial(&s);
		stranger_run(&s, t, got, sizeof(got));
		tls_info(t, &info);
		assert_string_equal(info.version, versions[i / 2]);
		assert_string_equal(info.group, "x25519");
		SSL_write(s.ssl, "abc", 3);
		assert_int_equal(stranger_run(&s, t, got, sizeof(got)), 3);
		tls_free(t);
		stranger_done(&s);
	}
}

/* What a lane's proof is made over: OpenSSL exports the same, and no other connection does. */
static void both_ends_export_the_same_octets_as_openssl_does(void **state)
{
	static const int numbers[] = {TLS1_2_VERSION, TLS1_3_VERSION};
	uint8_t before[32] = {0}, ours[32], theirs[32];

	for (int i = 0; i < 4; i++) {
		struct stranger s = stranger_new(numbers[i / 2], numbers[i / 2]);
		struct tls *t;
		char got[16];

		assert_int_equal(tls_new(server_rsa, NULL, &t), 0);
		assert_int_equal(tls_export(t, "EXPORTER-test", ours, sizeof(ours)), -EAGAIN);
		stranger_dial(&s);
		stranger_run(&s, t, got, sizeof(got));
		assert_int_equal(tls_export(t, "EXPORTER-test", ours, sizeof(ours)), 0);
		assert_int_equal(SSL_export_keying_material(s.ssl, theirs, sizeof(theirs),
					 "EXPORTER-test", 13, (const unsigned char *)"", 0, 1),
			1);
		assert_memory_equal(ours, theirs, sizeof(ours));
		assert_memory_not_equal(ours, before, sizeof(ours));
		memcpy(before, ours, sizeof(before));
		assert_int_equal(tls_export(t, "EXPORTER-other", ours, sizeof(ours)), 0);
		assert_memory_not_equal(ours, before, sizeof(ours));
		tls_free(t);
		stranger_done(&s);
	}
}

/* RFC 7627 1: whoever stands between can make two such connections export the same. */
static void nothing_is_exported_without_an_extended_master_secret(void **state)
{
	struct stranger s = stranger_new(TLS1_2_VERSION, TLS1_2_VERSION);
	uint8_t octets[32];
	struct tls *t;
	char got[16];

	SSL_CTX_set_options(s.ctx, SSL_OP_NO_EXTENDED_MASTER_SECRET);
	assert_int_equal(tls_new(server_rsa, NULL, &t), 0);
	stranger_dial(&s);
	stranger_run(&s, t, got, sizeof(got));
	assert_true(tls_established(t));
	assert_int_equal(tls_export(t, "EXPORTER-test", octets, sizeof(octets)), -ENOTSUP);
	tls_free(t);
	stranger_done(&s);
}

/* Ciphertext cut at every boundary: octet by octet, and at each size up to two records' headers. */
static void ciphertext_may_come_in_any_pieces(void **state)
{
	static const size_t chunks[] = {1, 2, 3, 5, 7, 16, 4095, 16384 + 22, 40000};
	static uint8_t text[50000];

	fill(text, sizeof(text));
	for (size_t i = 0; i < ARRAY_SIZE(chunks); i++) {
		struct pair *p = pair_new(server_rsa, client, "vpn.test");

		p->chunk = chunks[i];
		pair_run(p);
		assert_int_equal(tls_write(p->server, text, sizeof(text)), 0);
		assert_int_equal(tls_write(p->client, text, 1234), 0);
		pair_run(p);
		assert_int_equal(p->n[1], sizeof(text));
		assert_memory_equal(p->got[1], text, sizeof(text));
		assert_int_equal(p->n[0], 1234);
		assert_memory_equal(p->got[0], text, 1234);
		pair_free(p);
	}
}

static void every_single_cut_of_a_stream_of_records_is_harmless(void **state)
{
	struct pair *p = connected();
	uint8_t wire[512], got[64];

	for (size_t cut = 1;; cut++) {
		struct buf *out = tls_output(p->client);
		size_t len, n;

		tls_write(p->client, "one", 3);
		tls_write(p->client, "two", 3);
		len = buf_len(out);
		memcpy(wire, buf_data(out), len);
		buf_consume(out, len);
		if (cut == len)
			break;
		tls_recv(p->server, wire, cut);
		ssize_t first = tls_read(p->server, got, sizeof(got));

		n = first > 0 ? (size_t)first : 0;
		if (n)
			assert_int_equal(tls_read(p->server, got + n, sizeof(got) - n), -EAGAIN);
		tls_recv(p->server, wire + cut, len - cut);
		assert_int_equal(tls_read(p->server, got + n, sizeof(got) - n), 6 - n);
		assert_memory_equal(got, "onetwo", 6);
	}
	pair_free(p);
}

static void a_large_write_becomes_full_records_in_one_output(void **state)
{
	static uint8_t text[16384 * 4 + 1];
	struct pair *p = connected();
	struct buf *out = tls_output(p->server);
	struct rd r;
	int full = 0, records = 0;

	fill(text, sizeof(text));
	assert_int_equal(tls_write(p->server, text, sizeof(text)), 0);
	r = rd_init(buf_data(out), buf_len(out));
	while (rd_left(&r)) {
		assert_int_equal(rd_u8(&r), 23);
		assert_int_equal(rd_be16(&r), 0x0303);
		size_t len = rd_be16(&r);

		full += len == 16384 + 17; /* type octet and tag */
		records++;
		rd_ptr(&r, len);
	}
	assert_false(r.short_read);
	assert_int_equal(full, 4);
	assert_int_equal(records, 5);
	pair_run(p);
	assert_int_equal(p->n[1], sizeof(text));
	assert_memory_equal(p->got[1], text, sizeof(text));
	pair_free(p);
}

static void one_read_returns_many_records(void **state)
{
	struct pair *p = connected();
	struct buf *out = tls_output(p->client);
	uint8_t got[1024];

	for (int i = 0; i < 100; i++)
		assert_int_equal(tls_write(p->client, "abcdefg", 7), 0);
	tls_recv(p->server, buf_data(out), buf_len(out));
	assert_int_equal(tls_read(p->server, got, 10), 7); /* whole records */
	assert_true(tls_pending(p->server));
	assert_int_equal(tls_read(p->server, got, sizeof(got)), 693);
	assert_false(tls_pending(p->server));
	assert_int_equal(tls_read(p->server, got, sizeof(got)), -EAGAIN);
	pair_free(p);
}

static void a_record_larger_than_the_room_comes_in_pieces(void **state)
{
	struct pair *p = connected();
	struct buf *out = tls_output(p->client);
	uint8_t text[1000], got[1000];
	size_t n = 0;

	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (uint8_t)(i * 7);
	assert_int_equal(tls_write(p->client, text, sizeof(text)), 0);
	tls_recv(p->server, buf_data(out), buf_len(out));
	while (n < sizeof(got)) {
		ssize_t r =
			tls_read(p->server, got + n, sizeof(got) - n < 33 ? sizeof(got) - n : 33);

		assert_true(r > 0 && r <= 33);
		n += (size_t)r;
	}
	assert_false(tls_pending(p->server));
	assert_memory_equal(text, got, sizeof(got));
	pair_free(p);
}

/* A connected stranger's octets, all at once; what the engine says behind the text that it returns. */
static ssize_t verdict_behind(struct stranger *s, struct tls *t, bool damage, char *got, size_t cap)
{
	uint8_t wire[4096];
	int n = BIO_read(s->out, wire, sizeof(wire));

	assert_true(n > 0 && n < (int)sizeof(wire));
	if (damage)
		wire[n - 1] ^= 1;
	tls_recv(t, wire, (size_t)n);
	assert_int_equal(tls_read(t, got, cap), 4);
	assert_memory_equal(got, "good", 4);
	assert_true(tls_pending(t));
	return tls_read(t, got, cap);
}

/* In one read with good data: the data first, the end with the next read, and with its own reason. */
static void what_ends_it_behind_good_data_is_noticed_at_once(void **state)
{
	static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

	for (int i = 0; i < 4; i++) {
		struct stranger s = stranger_new(versions[i % 2], versions[i % 2]);
		bool damage = i / 2;
		struct tls *t;
		char got[64];

		assert_int_equal(tls_new(server_rsa, NULL, &t), 0);
		stranger_dial(&s);
		stranger_run(&s, t, got, sizeof(got));
		assert_int_equal(SSL_write(s.ssl, "good", 4), 4);
		if (damage)
			assert_int_equal(SSL_write(s.ssl, "bad", 3), 3);
		else
			SSL_shutdown(s.ssl);
		assert_int_equal(
			verdict_behind(&s, t, damage, got, sizeof(got)), damage ? -EPROTO : 0);
		assert_false(tls_pending(t));
		if (damage)
			assert_int_equal(tls_failure(t)->event, EV_TLS_DAMAGED);
		tls_free(t);
		stranger_done(&s);
	}
}

/* OpenSSL reads ahead: records that found no room beside the first ones are still pending. */
static void what_found_no_room_is_pending(void **state)
{
	static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

	for (int i = 0; i < 2; i++) {
		struct stranger s = stranger_new(versions[i], versions[i]);
		uint8_t wire[4096];
		size_t sum = 0;
		struct tls *t;
		char got[64];
		int n;

		assert_int_equal(tls_new(server_rsa, NULL, &t), 0);
		stranger_dial(&s);
		stranger_run(&s, t, got, sizeof(got));
		for (int k = 0; k < 20; k++)
			assert_int_equal(SSL_write(s.ssl, "12345678", 8), 8);
		n = BIO_read(s.out, wire, sizeof(wire));
		tls_recv(t, wire, (size_t)n);
		do {
			ssize_t r = tls_read(t, got, 16);

			sum += r > 0 ? (size_t)r : 0;
		} while (tls_pending(t));
		assert_int_equal(sum, 160);
		tls_free(t);
		stranger_done(&s);
	}
}

static void writing_waits_for_the_handshake_and_stops_at_the_limit(void **state)
{
	static uint8_t text[256 * 1024];
	struct pair *p = pair_new(server_rsa, client, "vpn.test");
	int n = 0, r;
	size_t before;

	assert_int_equal(tls_write(p->client, "x", 1), -EAGAIN);
	assert_int_equal(tls_write(p->server, "x", 1), -EAGAIN);
	pair_run(p);
	assert_int_equal(tls_write(p->client, text, 0), 0);
	assert_int_equal(buf_len(tls_output(p->client)), 0);
	while ((r = tls_write(p->client, text, sizeof(text))) == 0)
		n++;
	assert_int_equal(r, -ENOBUFS);
	assert_int_equal(n, 3);
	before = buf_len(tls_output(p->client));
	assert_int_equal(tls_write(p->client, text, SIZE_MAX / 2), -ENOBUFS);
	assert_int_equal(buf_len(tls_output(p->client)), before);
	assert_true(before <= TLS_OUTPUT_MAX);
	pair_free(p);
}

static void close_notify_arrives_after_the_data_and_the_other_way_stays_open(void **state)
{
	struct pair *p = connected();

	tls_write(p->client, "bye", 3);
	tls_close(p->client);
	tls_close(p->client);
	assert_int_equal(tls_write(p->client, "x", 1), -EPIPE);
	pair_run(p);
	assert_int_equal(p->n[0], 3);
	assert_int_equal(p->end[0], 0);
	assert_int_equal(tls_failure(p->server)->event, EV_NONE);
	assert_int_equal(tls_write(p->server, "late", 4), 0);
	tls_close(p->server);
	pair_run(p);
	assert_int_equal(p->n[1], 4);
	assert_int_equal(p->end[1], 0);
	tls_eof(p->server);
	assert_int_equal(tls_failure(p->server)->event, EV_NONE);
	pair_free(p);
}

static void an_end_without_close_notify_is_named(void **state)
{
	struct pair *p = connected();
	char c;

	tls_eof(p->server);
	assert_int_equal(tls_failure(p->server)->event, EV_TLS_CUT);
	assert_int_equal(tls_read(p->server, &c, 1), -EPROTO);
	pair_free(p);
	p = pair_new(server_rsa, client, "vpn.test");
	pair_read(p, 1);
	tls_eof(p->client);
	assert_int_equal(tls_failure(p->client)->event, EV_TLS_CLOSED_IN_HANDSHAKE);
	assert_string_equal(tls_failure(p->client)->text, "without a single octet");
	pair_free(p);
}

/* Every call, after a failure, in each order that an owner might come upon. */
static void use_after_failure_is_harmless(void **state)
{
	struct pair *p = connected();
	uint8_t junk[64] = {23, 3, 3, 0, 59}, hash[SHA256_LEN], got[8];
	struct tls_info info;

	tls_recv(p->server, junk, sizeof(junk));
	assert_int_equal(tls_read(p->server, got, sizeof(got)), -EPROTO);
	assert_int_equal(tls_failure(p->server)->event, EV_TLS_DAMAGED);
	assert_false(tls_established(p->server));
	tls_recv(p->server, junk, sizeof(junk));
	assert_int_equal(tls_read(p->server, got, sizeof(got)), -EPROTO);
	assert_int_equal(tls_write(p->server, "x", 1), -EPROTO);
	tls_close(p->server);
	tls_eof(p->server);
	tls_idle(p->server);
	tls_info(p->server, &info);
	tls_leaf_hash(p->server, HASH_SHA256, hash);
	assert_int_equal(tls_failure(p->server)->event, EV_TLS_DAMAGED);
	pair_run(p); /* the alert is delivered */
	assert_int_equal(p->end[1], -EPROTO);
	assert_int_equal(tls_failure(p->client)->event, EV_TLS_DAMAGED);
	assert_string_equal(
		tls_failure(p->client)->text, "alert from the peer: bad_record_mac (20)");
	pair_free(p);
}

/* A bit flipped anywhere in a record is found, never delivered. */
static void no_altered_record_passes(void **state)
{
	for (size_t bit = 0;; bit++) {
		struct pair *p = connected();
		struct buf *out = tls_output(p->client);
		uint8_t wire[64], got[16];
		size_t len;

		tls_write(p->client, "secret", 6);
		len = buf_len(out);
		memcpy(wire, buf_data(out), len);
		if (bit == 8 * len) {
			pair_free(p);
			break;
		}
		wire[bit / 8] ^= (uint8_t)(1 << bit % 8);
		tls_recv(p->server, wire, len);
		assert_true(tls_read(p->server, got, sizeof(got)) < 0);
		pair_free(p);
	}
}

static void what_is_not_tls_is_recognised(void **state)
{
	static const struct {
		const char *text, *what;
	} rows[] = {
		{"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "it looks like plain HTTP: \"GET / HT\""},
		{"SSTP_DUPLEX_POST /sra_",
			"it looks like SSTP's HTTP request without TLS: \"SSTP_DUP\""},
		{"SSH-2.0-x\r\n", "it looks like SSH: \"SSH-2.0-\""},
		{"PROXY TCP4 1.2.3.4", "it looks like the PROXY protocol: \"PROXY TC\""},
		{"CONNECT x:443 HTTP/1.1\r\n", "it looks like a proxy request: \"CONNECT \""},
		{"\x10\x01\x02\x03\x04\x05\x06\x07",
			"it looks like SSTP without TLS: \"\\x10\\x01\\x02\\x03\\x04\\x05\\x06\\x07\""},
		{"aaaaaaaaaaa", "it looks like something else: \"aaaaaaaa\""},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct tls_info info;
		struct tls *t;
		char got[8];

		assert_int_equal(tls_new(server_rsa, NULL, &t), 0);
		tls_recv(t, rows[i].text, strlen(rows[i].text));
		assert_int_equal(tls_read(t, got, sizeof(got)), -EPROTO);
		assert_int_equal(tls_failure(t)->event, EV_TLS_NOT_TLS);
		assert_string_equal(tls_failure(t)->text, rows[i].what);
		tls_info(t, &info); /* there is nothing to tell, and no crash */
		assert_string_equal(info.group, "");
		tls_free(t);
	}
}

static void a_server_that_does_not_speak_tls_is_named_to_the_client(void **state)
{
	static const char text[] = "HTTP/1.1 400 Bad Request\r\n\r\n";
	struct pair *p = pair_new(server_rsa, client, "vpn.test");
	char got[8];

	pair_read(p, 1);
	tls_recv(p->client, text, strlen(text));
	assert_int_equal(tls_read(p->client, got, sizeof(got)), -EPROTO);
	assert_int_equal(tls_failure(p->client)->event, EV_TLS_NOT_TLS);
	assert_string_equal(tls_failure(p->client)->text, "it looks like plain HTTP: \"HTTP/1.1\"");
	pair_free(p);
}

static void an_old_version_is_refused_and_what_was_offered_is_told(void **state)
{
	struct stranger s = stranger_new(TLS1_VERSION, TLS1_1_VERSION);
	struct tls *t;
	char got[8];

	assert_int_equal(tls_new(server_rsa, NULL, &t), 0);
	stranger_dial(&s);
	assert_int_equal(stranger_run(&s, t, got, sizeof(got)), -EPROTO);
	assert_int_equal(tls_failure(t)->event, EV_TLS_VERSION);
	assert_string_equal(tls_failure(t)->text,
		"unsupported protocol; the newest the client offers: TLS 1.1");
	tls_free(t);
	stranger_done(&s);
}

static void a_server_that_wants_1_3_says_so_to_a_client_with_1_2(void **state)
{
	struct tls_pair files = {in_dir("server.crt"), in_dir("server.key"), NULL};
	struct tls_server_opts opts = {.pairs = &files, .n_pairs = 1, .min_version = "1.3"};
	struct stranger s = stranger_new(TLS1_2_VERSION, TLS1_2_VERSION);
	struct tls_ctx *ctx;
	struct tls *t;
	char got[8];

	assert_int_equal(tls_server_ctx_new(&opts, &ctx, NULL), 0);
	assert_int_equal(tls_new(ctx, NULL, &t), 0);
	stranger_dial(&s);
	assert_int_equal(stranger_run(&s, t, got, sizeof(got)), -EPROTO);
	assert_int_equal(tls_failure(t)->event, EV_TLS_VERSION);
	tls_free(t);
	tls_ctx_free(ctx);
	stranger_done(&s);
}

static void nothing_in_common_is_named(void **state)
{
	struct stranger s = stranger_new(TLS1_2_VERSION, TLS1_2_VERSION);
	struct tls *t;
	char got[8];

	SSL_CTX_set_cipher_list(s.ctx, "ECDHE-ECDSA-AES128-GCM-SHA256");
	assert_int_equal(tls_new(server_rsa, NULL, &t), 0);
	stranger_dial(&s);
	assert_int_equal(stranger_run(&s, t, got, sizeof(got)), -EPROTO);
	assert_int_equal(tls_failure(t)->event, EV_TLS_NOTHING_IN_COMMON);
	tls_free(t);
	stranger_done(&s);
}

/* RouterOS: RSA key exchange, AES-CBC, SHA-1. */
static void an_old_router_gets_through(void **state)
{
	struct stranger s = stranger_new(TLS1_2_VERSION, TLS1_2_VERSION);
	struct tls_info info;
	struct tls *t;
	char got[8];

	SSL_CTX_set_cipher_list(s.ctx, "AES128-SHA");
	assert_int_equal(tls_new(server_rsa, NULL, &t), 0);
	stranger_dial(&s);
	stranger_run(&s, t, got, sizeof(got));
	assert_true(tls_established(t));
	tls_info(t, &info);
	assert_string_equal(info.cipher, "AES128-SHA");
	assert_string_equal(info.group, "");
	tls_free(t);
	stranger_done(&s);
}

static void alpn_is_answered_with_http_1_1_or_not_at_all(void **state)
{
	static const struct {
		const char *offer, *answer;
	} rows[] = {
		{"\x02h2\x08http/1.1", "http/1.1"}, {"\x02h2", ""}, {"\x08http/1.0", ""}, {"", ""}};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct stranger s = stranger_new(TLS1_2_VERSION, TLS1_3_VERSION);
		struct tls_info info;
		struct tls *t;
		char got[8];

		SSL_CTX_set_alpn_protos(
			s.ctx, (const uint8_t *)rows[i].offer, (unsigned)strlen(rows[i].offer));
		assert_int_equal(tls_new(server_rsa, NULL, &t), 0);
		stranger_dial(&s);
		stranger_run(&s, t, got, sizeof(got));
		assert_true(tls_established(t));
		tls_info(t, &info);
		assert_string_equal(info.alpn, rows[i].answer);
		tls_free(t);
		stranger_done(&s);
	}
}

static void the_name_asked_for_is_known_and_free_to_choose(void **state)
{
	static const struct {
		const char *host, *sni, *seen;
	} rows[] = {{"vpn.test", NULL, "vpn.test"}, {"vpn.test.", NULL, "vpn.test"},
		{"vpn.test", "cdn.test", "cdn.test"}, {"vpn.test", "", ""}, {"192.0.2.1", NULL, ""},
		{"192.0.2.1", "cdn.test", "cdn.test"}};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct tls_peer_opts peer = {rows[i].host, rows[i].sni, NOW};
		struct pair *p = pair_new(server_rsa, client, "vpn.test");
		struct tls_info info;

		tls_free(p->client);
		assert_int_equal(tls_new(client, &peer, &p->client), 0);
		pair_run(p);
		assert_true(tls_established(p->client));
		tls_info(p->server, &info);
		assert_string_equal(info.sni, rows[i].seen);
		assert_string_equal(info.alpn, "http/1.1");
		assert_false(info.resumed);
		pair_free(p);
	}
}

static void both_ends_agree_on_the_hash_of_the_leaf(void **state)
{
	struct pair *p = pair_new(server_rsa, client, "vpn.test");
	uint8_t a[SHA256_LEN], b[SHA256_LEN];
	struct cert_info info, file;

	assert_int_equal(tls_leaf_hash(p->server, HASH_SHA256, a), -EAGAIN);
	assert_int_equal(tls_leaf_hash(p->client, HASH_SHA256, a), -EAGAIN);
	assert_int_equal(tls_leaf_info(p->client, &info), -EAGAIN);
	pair_run(p);
	assert_int_equal(cert_info_load(in_dir("server.crt"), &file, NULL), 0);
	assert_int_equal(tls_leaf_hash(p->server, HASH_SHA256, a), 0);
	assert_int_equal(tls_leaf_hash(p->client, HASH_SHA256, b), 0);
	assert_memory_equal(a, b, SHA256_LEN);
	assert_memory_equal(a, file.sha256, SHA256_LEN);
	assert_int_equal(tls_leaf_hash(p->server, HASH_SHA1, a), 0);
	assert_int_equal(tls_leaf_hash(p->client, HASH_SHA1, b), 0);
	assert_memory_equal(a, b, SHA1_LEN);
	assert_memory_equal(a, file.sha1, SHA1_LEN);
	assert_int_equal(tls_leaf_hash(p->client, HASH_MD5, b), -EINVAL);
	assert_int_equal(tls_leaf_info(p->client, &info), 0);
	assert_string_equal(info.pin, file.pin);
	pair_free(p);
}

/* RSA and EC side by side: the hash is that of the certificate this client was shown. */
static void the_hash_is_of_the_certificate_chosen_for_this_client(void **state)
{
	struct tls_pair files[] = {{in_dir("server.crt"), in_dir("server.key"), NULL},
		{in_dir("server-ec.crt"), in_dir("server-ec.key"), NULL}};
	static const char *const suites[] = {
		"ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES128-GCM-SHA256", "AES256-SHA"};
	static const char *const sigalgs[] = {"RSA-PSS+SHA256", "ECDSA+SHA256"};
	struct tls_server_opts opts = {.pairs = files, .n_pairs = 2};
	struct tls_ctx *both;

	assert_int_equal(tls_server_ctx_new(&opts, &both, NULL), 0);
	for (int i = 0; i < 5; i++) {
		int v = i < 3 ? TLS1_2_VERSION : TLS1_3_VERSION;
		struct stranger s = stranger_new(v, v);
		uint8_t ours[SHA256_LEN], theirs[SHA256_LEN];
		struct tls *t;
		unsigned n;
		X509 *x;

		if (i < 3)
			SSL_CTX_set_cipher_list(s.ctx, suites[i]);
		else
			SSL_CTX_set1_sigalgs_list(s.ctx, sigalgs[i - 3]);
		assert_int_equal(tls_new(both, NULL, &t), 0);
		stranger_dial(&s);
		stranger_run(&s, t, ours, sizeof(ours));
		assert_true(tls_established(t));
		x = SSL_get1_peer_certificate(s.ssl);
		assert_int_equal(EVP_PKEY_get_base_id(X509_get0_pubkey(x)),
			i % 3 == 1 || i == 4 ? EVP_PKEY_EC : EVP_PKEY_RSA);
		X509_digest(x, EVP_sha256(), theirs, &n);
		assert_int_equal(tls_leaf_hash(t, HASH_SHA256, ours), 0);
		assert_memory_equal(ours, theirs, SHA256_LEN);
		X509_free(x);
		tls_free(t);
		stranger_done(&s);
	}
	tls_ctx_free(both);
}

/* A client that can use either is shown the first: the one whose pin was handed out. */
static void the_first_pair_is_shown_to_every_client_that_can_use_it(void **state)
{
	static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
	struct tls_pair files[] = {{in_dir("server.crt"), in_dir("server.key"), NULL},
		{in_dir("server-ec.crt"), in_dir("server-ec.key"), NULL}};

	for (int i = 0; i < 4; i++) {
		struct tls_pair ordered[] = {files[i % 2], files[1 - i % 2]};
		struct tls_server_opts opts = {.pairs = ordered, .n_pairs = 2};
		struct stranger s = stranger_new(versions[i / 2], versions[i / 2]);
		struct cert_info shown, first;
		struct tls_ctx *both;
		struct tls *t;
		char got[8];

		assert_int_equal(tls_server_ctx_new(&opts, &both, NULL), 0);
		assert_int_equal(tls_new(both, NULL, &t), 0);
		stranger_dial(&s);
		stranger_run(&s, t, got, sizeof(got));
		assert_int_equal(tls_leaf_info(t, &shown), 0);
		assert_int_equal(cert_info_load(ordered[0].cert_file, &first, NULL), 0);
		assert_string_equal(shown.pin, first.pin);
		tls_free(t);
		tls_ctx_free(both);
		stranger_done(&s);
	}
}

static int keep_session(SSL *ssl, SSL_SESSION *session)
{
	SSL_SESSION **kept = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));

	SSL_SESSION_free(*kept);
	*kept = session;
	return 1;
}

/*
 * A client that comes back with a saved session after the certificate was renewed must be shown the
 * new one: it hashes what it was shown, and the server what it thinks it has shown.
 */
static void a_saved_session_is_not_resumed_after_a_certificate_change(void **state)
{
	static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

	for (int i = 0; i < 2; i++) {
		struct stranger s = stranger_new(versions[i], versions[i]);
		uint8_t before[SHA256_LEN], after[SHA256_LEN], seen[SHA256_LEN];
		SSL_SESSION *kept = NULL;
		struct tls_info info;
		struct tls *t;
		unsigned n;
		X509 *x;

		SSL_CTX_set_app_data(s.ctx, &kept);
		SSL_CTX_sess_set_new_cb(s.ctx, keep_session);
		assert_int_equal(tls_new(server_rsa, NULL, &t), 0);
		stranger_dial(&s);
		stranger_run(&s, t, seen, sizeof(seen));
		assert_int_equal(tls_leaf_hash(t, HASH_SHA256, before), 0);
		tls_free(t);
		if (!kept) /* 1.3 without tickets gives none: show what there is */
			kept = SSL_get1_session(s.ssl);

		assert_int_equal(tls_new(server_ec, NULL, &t), 0);
		stranger_dial(&s);
		SSL_set_session(s.ssl, kept);
		stranger_run(&s, t, seen, sizeof(seen));
		assert_true(tls_established(t));
		assert_int_equal(SSL_session_reused(s.ssl), 0);
		tls_info(t, &info);
		assert_false(info.resumed);
		x = SSL_get1_peer_certificate(s.ssl);
		X509_digest(x, EVP_sha256(), seen, &n);
		X509_free(x);
		assert_int_equal(tls_leaf_hash(t, HASH_SHA256, after), 0);
		assert_memory_equal(after, seen, SHA256_LEN);
		assert_memory_not_equal(after, before, SHA256_LEN);
		tls_free(t);
		SSL_SESSION_free(kept);
		stranger_done(&s);
	}
}

static void the_same_context_gives_no_session_to_come_back_with(void **state)
{
	static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

	for (int i = 0; i < 2; i++) {
		struct stranger s = stranger_new(versions[i], versions[i]);
		SSL_SESSION *kept = NULL;
		struct tls *t;
		char got[8];

		for (int round = 0; round < 2; round++) {
			assert_int_equal(tls_new(server_rsa, NULL, &t), 0);
			stranger_dial(&s);
			if (kept)
				SSL_set_session(s.ssl, kept);
			stranger_run(&s, t, got, sizeof(got));
			assert_true(tls_established(t));
			assert_int_equal(SSL_session_reused(s.ssl), 0);
			SSL_SESSION_free(kept);
			kept = SSL_get1_session(s.ssl);
			assert_false(SSL_SESSION_has_ticket(kept));
			tls_free(t);
		}
		SSL_SESSION_free(kept);
		stranger_done(&s);
	}
}

static void a_key_update_of_the_peer_is_followed_and_answered(void **state)
{
	static const int kinds[] = {SSL_KEY_UPDATE_NOT_REQUESTED, SSL_KEY_UPDATE_REQUESTED};
	struct stranger s = stranger_new(TLS1_3_VERSION, TLS1_3_VERSION);
	struct tls *t;
	char got[64], back[8];

	assert_int_equal(tls_new(server_rsa, NULL, &t), 0);
	stranger_dial(&s);
	stranger_run(&s, t, got, sizeof(got));
	for (int i = 0; i < 20; i++) {
		assert_int_equal(SSL_write(s.ssl, "before", 6), 6);
		assert_int_equal(SSL_key_update(s.ssl, kinds[i % 2]), 1);
		assert_int_equal(SSL_write(s.ssl, "behind", 6), 6);
		assert_int_equal(stranger_run(&s, t, got, sizeof(got)), 12);
		assert_memory_equal(got, "beforebehind", 12);
		assert_int_equal(tls_write(t, "answer", 6), 0);
		stranger_run(&s, t, got, sizeof(got));
		assert_int_equal(SSL_read(s.ssl, back, sizeof(back)), 6);
	}
	tls_free(t);
	stranger_done(&s);
}

/* Our own, after so many records: a peer that is not this engine keeps understanding us. */
static void keys_are_renewed_after_their_share_of_records(void **state)
{
	struct tls_pair files = {in_dir("server.crt"), in_dir("server.key"), NULL};
	struct tls_server_opts opts = {.pairs = &files, .n_pairs = 1, .records_per_key = 4};
	struct stranger s = stranger_new(TLS1_3_VERSION, TLS1_3_VERSION);
	struct tls_ctx *ctx;
	struct tls *t;
	char got[64], back[8];
	int updates = 0;

	assert_int_equal(tls_server_ctx_new(&opts, &ctx, NULL), 0);
	assert_int_equal(tls_new(ctx, NULL, &t), 0);
	stranger_dial(&s);
	stranger_run(&s, t, got, sizeof(got));
	for (int i = 0; i < 40; i++) {
		assert_int_equal(tls_write(t, "answer", 6), 0);
		updates +=
			buf_len(tls_output(t)) > 5 + 6 + 17; /* another record beside the data's */
		stranger_run(&s, t, got, sizeof(got));
		assert_int_equal(SSL_read(s.ssl, back, sizeof(back)), 6);
		assert_memory_equal(back, "answer", 6);
	}
	assert_int_equal(updates, 10);
	tls_free(t);
	tls_ctx_free(ctx);
	stranger_done(&s);
}

enum { BULK = 1 << 20, STEP = 40000 };

struct bulk {
	uint8_t sent[BULK], got[BULK + 16640];
	size_t n_sent, n_got;
};

static unsigned bulk_random(unsigned below)
{
	static uint32_t x = 8446;

	x = x * 1664525 + 1013904223;
	return (x >> 8) % below;
}

static size_t bulk_next(const struct bulk *b)
{
	size_t left = BULK - b->n_sent, n = 1 + bulk_random(STEP);

	return n < left ? n : left;
}

/* The stranger's octets reach the engine in pieces that fit no record. */
static void bulk_to_engine(struct stranger *s, struct tls *t, struct bulk *b)
{
	uint8_t wire[STEP];
	int len;

	while ((len = BIO_read(s->out, wire, (int)(1 + bulk_random(STEP)))) > 0) {
		ssize_t n;

		tls_recv(t, wire, (size_t)len);
		while ((n = tls_read(t, b->got + b->n_got, sizeof(b->got) - b->n_got)) > 0)
			b->n_got += (size_t)n;
		assert_int_equal(n, -EAGAIN);
	}
}

static void bulk_to_stranger(struct stranger *s, struct tls *t, struct bulk *b)
{
	while (buf_len(tls_output(t))) {
		size_t len = 1 + bulk_random(STEP);
		int n;

		if (len > buf_len(tls_output(t)))
			len = buf_len(tls_output(t));
		BIO_write(s->in, buf_data(tls_output(t)), (int)len);
		buf_consume(tls_output(t), len);
		while ((n = SSL_read(s->ssl, b->got + b->n_got, STEP)) > 0)
			b->n_got += (size_t)n;
		assert_int_equal(SSL_get_error(s->ssl, n), SSL_ERROR_WANT_READ);
	}
}

/* Both ways at once, both ends change keys and ask for it: neither loses its place. */
static void keys_change_in_the_midst_of_bulk(void **state)
{
	static const int kinds[] = {SSL_KEY_UPDATE_NOT_REQUESTED, SSL_KEY_UPDATE_REQUESTED};
	struct tls_pair files = {in_dir("server.crt"), in_dir("server.key"), NULL};
	struct tls_server_opts opts = {.pairs = &files, .n_pairs = 1, .records_per_key = 7};
	struct stranger s = stranger_new(TLS1_3_VERSION, TLS1_3_VERSION);
	struct bulk *up = calloc(1, sizeof(*up)), *down = calloc(1, sizeof(*down));
	struct tls_ctx *ctx;
	struct tls *t;
	int updates = 0;

	assert_int_equal(tls_server_ctx_new(&opts, &ctx, NULL), 0);
	assert_int_equal(tls_new(ctx, NULL, &t), 0);
	stranger_dial(&s);
	stranger_run(&s, t, up->got, sizeof(up->got));
	for (size_t i = 0; i < BULK; i++) {
		up->sent[i] = (uint8_t)bulk_random(256);
		down->sent[i] = (uint8_t)bulk_random(256);
	}
	while (up->n_sent < BULK || down->n_sent < BULK) {
		size_t n = bulk_next(up);

		if (n)
			assert_int_equal(SSL_write(s.ssl, up->sent + up->n_sent, (int)n), n);
		up->n_sent += n;
		if (bulk_random(2))
			updates += SSL_key_update(s.ssl, kinds[bulk_random(2)]);
		n = bulk_next(down);
		assert_int_equal(tls_write(t, down->sent + down->n_sent, n), 0);
		down->n_sent += n;
		bulk_to_engine(&s, t, up);
		bulk_to_stranger(&s, t, down);
	}
	assert_true(updates > 10);
	assert_int_equal(up->n_got, BULK);
	assert_int_equal(down->n_got, BULK);
	assert_memory_equal(up->got, up->sent, BULK);
	assert_memory_equal(down->got, down->sent, BULK);
	free(up);
	free(down);
	tls_free(t);
	tls_ctx_free(ctx);
	stranger_done(&s);
}

/* RFC 8446 5.5: 2^24.5 full records; nobody has to set it. */
static void a_key_seals_fewer_records_than_gcm_bears(void **state)
{
	(void)state;
	assert_true(TLS_RECORDS_PER_KEY <= 23726566);
	assert_true(server_rsa->records_per_key == TLS_RECORDS_PER_KEY);
}

/* The attack of limits.h: ask for answers, never read one. */
static void a_flood_of_key_updates_ends_the_connection(void **state)
{
	struct stranger s = stranger_new(TLS1_3_VERSION, TLS1_3_VERSION);
	struct tls *t;
	char got[64];
	ssize_t r = -EAGAIN;

	assert_int_equal(tls_new(server_rsa, NULL, &t), 0);
	stranger_dial(&s);
	stranger_run(&s, t, got, sizeof(got));
	for (int i = 0; i < 100000 && r == -EAGAIN; i++) {
		uint8_t wire[256];
		int n;

		SSL_key_update(s.ssl, SSL_KEY_UPDATE_REQUESTED);
		SSL_do_handshake(s.ssl);
		n = BIO_read(s.out, wire, sizeof(wire));
		assert_true(n > 0);
		tls_recv(t, wire, (size_t)n);
		r = tls_read(t, got, sizeof(got));
		assert_true(buf_len(tls_output(t)) <= TLS_OUTPUT_MAX + 16384);
	}
	assert_int_equal(r, -EPROTO);
	assert_int_equal(tls_failure(t)->event, EV_TLS_FLOOD);
	tls_free(t);
	stranger_done(&s);
}

static void renegotiation_is_refused_and_the_connection_goes_on(void **state)
{
	struct stranger s = stranger_new(TLS1_2_VERSION, TLS1_2_VERSION);
	struct buf *out;
	struct tls *t;
	char got[16];
	uint8_t hello[1024];
	int n;

	assert_int_equal(tls_new(server_rsa, NULL, &t), 0);
	out = tls_output(t);
	stranger_dial(&s);
	stranger_run(&s, t, got, sizeof(got));
	assert_true(tls_established(t));
	assert_int_equal(SSL_renegotiate(s.ssl), 1);
	SSL_do_handshake(s.ssl);
	n = BIO_read(s.out, hello, sizeof(hello));
	assert_true(n > 0);
	tls_recv(t, hello, (size_t)n);
	assert_int_equal(tls_read(t, got, sizeof(got)), -EAGAIN);
	assert_int_equal(buf_data(out)[0], 21); /* the alert no_renegotiation, and no ServerHello */
	assert_true(buf_len(out) < 64);
	assert_true(tls_established(t));
	assert_int_equal(tls_write(t, "still", 5), 0);
	tls_free(t);
	stranger_done(&s);
}

static char keylog[4096];

static void take_keylog(void *arg, const char *line)
{
	strncat(keylog, line, sizeof(keylog) - strlen(keylog) - 1);
	strncat(keylog, arg, sizeof(keylog) - strlen(keylog) - 1);
}

static void the_key_log_has_the_secrets_of_both_directions(void **state)
{
	struct tls_ctx *ctx = client_of((struct tls_client_opts){.ca_file = in_dir("server.crt"),
		.keylog = take_keylog,
		.keylog_arg = (char[]){"\n"}});
	struct pair *p = pair_new(server_rsa, ctx, "vpn.test");

	pair_run(p);
	assert_non_null(strstr(keylog, "CLIENT_TRAFFIC_SECRET_0 "));
	assert_non_null(strstr(keylog, "\nSERVER_TRAFFIC_SECRET_0 "));
	pair_free(p);
	tls_ctx_free(ctx);
}

static void a_running_connection_keeps_its_context_after_a_reload(void **state)
{
	struct tls_ctx *old = server_of("server.crt", "server.key");
	struct pair *p = pair_new(old, client, "vpn.test");

	tls_ctx_free(old); /* replaced while the handshake has not even begun */
	pair_run(p);
	assert_true(tls_established(p->server));
	assert_int_equal(tls_write(p->server, "x", 1), 0);
	pair_run(p);
	assert_int_equal(p->n[1], 1);
	pair_free(p);
}

static void going_idle_changes_nothing_for_the_data(void **state)
{
	struct pair *p = connected();
	struct buf *out = tls_output(p->client);
	uint8_t got[16], wire[64];

	for (int i = 0; i < 3; i++) {
		tls_idle(p->client);
		tls_idle(p->server);
		assert_int_equal(tls_write(p->client, "data", 4), 0);
		size_t len = buf_len(out);

		memcpy(wire, buf_data(out), len);
		buf_consume(out, len);
		tls_recv(p->server, wire, 9);
		assert_int_equal(tls_read(p->server, got, sizeof(got)), -EAGAIN);
		tls_idle(p->server); /* in the middle of a record */
		tls_recv(p->server, wire + 9, len - 9);
		assert_int_equal(tls_read(p->server, got, sizeof(got)), 4);
	}
	pair_free(p);
}

static void a_handshake_can_end_at_every_octet_without_harm(void **state)
{
	for (size_t limit = 0;; limit += 13) {
		struct pair *p = pair_new(server_rsa, client, "vpn.test");
		size_t left = limit;
		bool any = true;

		pair_read(p, 1);
		for (int to = 0; any && left; to = !to) {
			struct buf *out = tls_output(to ? p->server : p->client);
			size_t n = buf_len(out) < left ? buf_len(out) : left;

			any = n > 0;
			tls_recv(to ? p->client : p->server, buf_data(out), n);
			pair_read(p, to);
			buf_consume(out, n);
			left -= n;
		}
		any = tls_established(p->server);
		tls_eof(p->server);
		tls_eof(p->client);
		pair_free(p);
		if (any)
			break;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(data_passes_both_ways),
		cmocka_unit_test(each_version_and_kind_of_key_works),
		cmocka_unit_test(both_ends_export_the_same_octets_as_openssl_does),
		cmocka_unit_test(nothing_is_exported_without_an_extended_master_secret),
		cmocka_unit_test(ciphertext_may_come_in_any_pieces),
		cmocka_unit_test(every_single_cut_of_a_stream_of_records_is_harmless),
		cmocka_unit_test(a_large_write_becomes_full_records_in_one_output),
		cmocka_unit_test(one_read_returns_many_records),
		cmocka_unit_test(a_record_larger_than_the_room_comes_in_pieces),
		cmocka_unit_test(what_ends_it_behind_good_data_is_noticed_at_once),
		cmocka_unit_test(what_found_no_room_is_pending),
		cmocka_unit_test(writing_waits_for_the_handshake_and_stops_at_the_limit),
		cmocka_unit_test(close_notify_arrives_after_the_data_and_the_other_way_stays_open),
		cmocka_unit_test(an_end_without_close_notify_is_named),
		cmocka_unit_test(use_after_failure_is_harmless),
		cmocka_unit_test(no_altered_record_passes),
		cmocka_unit_test(what_is_not_tls_is_recognised),
		cmocka_unit_test(a_server_that_does_not_speak_tls_is_named_to_the_client),
		cmocka_unit_test(an_old_version_is_refused_and_what_was_offered_is_told),
		cmocka_unit_test(a_server_that_wants_1_3_says_so_to_a_client_with_1_2),
		cmocka_unit_test(nothing_in_common_is_named),
		cmocka_unit_test(an_old_router_gets_through),
		cmocka_unit_test(alpn_is_answered_with_http_1_1_or_not_at_all),
		cmocka_unit_test(the_name_asked_for_is_known_and_free_to_choose),
		cmocka_unit_test(both_ends_agree_on_the_hash_of_the_leaf),
		cmocka_unit_test(the_hash_is_of_the_certificate_chosen_for_this_client),
		cmocka_unit_test(the_first_pair_is_shown_to_every_client_that_can_use_it),
		cmocka_unit_test(a_saved_session_is_not_resumed_after_a_certificate_change),
		cmocka_unit_test(the_same_context_gives_no_session_to_come_back_with),
		cmocka_unit_test(a_key_update_of_the_peer_is_followed_and_answered),
		cmocka_unit_test(keys_are_renewed_after_their_share_of_records),
		cmocka_unit_test(keys_change_in_the_midst_of_bulk),
		cmocka_unit_test(a_key_seals_fewer_records_than_gcm_bears),
		cmocka_unit_test(a_flood_of_key_updates_ends_the_connection),
		cmocka_unit_test(renegotiation_is_refused_and_the_connection_goes_on),
		cmocka_unit_test(the_key_log_has_the_secrets_of_both_directions),
		cmocka_unit_test(a_running_connection_keeps_its_context_after_a_reload),
		cmocka_unit_test(going_idle_changes_nothing_for_the_data),
		cmocka_unit_test(a_handshake_can_end_at_every_octet_without_harm),
	};

	return cmocka_run_group_tests_name("tls/engine", tests, setup, teardown);
}
