// SPDX-License-Identifier: Apache-2.0
/*
 * tests/bench/hsbench.c — CPU of TLS 1.3 handshakes without sockets, split by side.
 *
 *   hsbench CERT KEY SECONDS [GROUPS]
 *
 * Client and server talk through a pair of memory BIOs; each step is booked to the side that took
 * it. The client checks the certificate against itself. Prints one line of JSON, in microseconds:
 * the least that a login over TLS can cost.
 */
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum side { SERVER, CLIENT };

static double spent[2];

static double cpu(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void die(const char *what)
{
	fprintf(stderr, "hsbench: %s\n", what);
	ERR_print_errors_fp(stderr);
	exit(1);
}

static SSL_CTX *make_ctx(enum side side, char **argv)
{
	SSL_CTX *ctx = SSL_CTX_new(side == SERVER ? TLS_server_method() : TLS_client_method());

	SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_num_tickets(ctx, 0);
	if (argv[4] && SSL_CTX_set1_groups_list(ctx, argv[4]) != 1)
		die(argv[4]);
	if (side == CLIENT) {
		SSL_CTX_load_verify_locations(ctx, argv[1], NULL);
		SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	} else if (SSL_CTX_use_certificate_chain_file(ctx, argv[1]) != 1 ||
		   SSL_CTX_use_PrivateKey_file(ctx, argv[2], SSL_FILETYPE_PEM) != 1) {
		die(argv[1]);
	}
	return ctx;
}

static SSL *begin(SSL_CTX *ctx, enum side side, BIO *bio)
{
	double start = cpu();
	SSL *ssl = SSL_new(ctx);

	SSL_set_bio(ssl, bio, bio);
	if (side == SERVER)
		SSL_set_accept_state(ssl);
	else
		SSL_set_connect_state(ssl);
	spent[side] += cpu() - start;
	return ssl;
}

/* One step; 1 when this side is done. */
static int step(SSL *ssl, enum side side)
{
	double start = cpu();
	int r = SSL_do_handshake(ssl);

	spent[side] += cpu() - start;
	if (r != 1 && SSL_get_error(ssl, r) != SSL_ERROR_WANT_READ)
		die("handshake");
	return r == 1;
}

static void end(SSL *ssl, enum side side)
{
	double start = cpu();

	SSL_free(ssl);
	spent[side] += cpu() - start;
}

static void one(SSL_CTX *ctx[static 2])
{
	int done[2] = {0, 0};
	SSL *ssl[2];
	BIO *bio[2];

	BIO_new_bio_pair(&bio[SERVER], 65536, &bio[CLIENT], 65536);
	for (enum side s = SERVER; s <= CLIENT; s++)
		ssl[s] = begin(ctx[s], s, bio[s]);
	while (!done[SERVER] || !done[CLIENT]) {
		done[CLIENT] = done[CLIENT] || step(ssl[CLIENT], CLIENT);
		done[SERVER] = done[SERVER] || step(ssl[SERVER], SERVER);
	}
	for (enum side s = SERVER; s <= CLIENT; s++)
		end(ssl[s], s);
}

int main(int argc, char **argv)
{
	SSL_CTX *ctx[2];
	double stop;
	long n = 0;

	if (argc < 4)
		die("usage: hsbench CERT KEY SECONDS [GROUPS]");
	ctx[SERVER] = make_ctx(SERVER, argv);
	ctx[CLIENT] = make_ctx(CLIENT, argv);
	stop = cpu() + strtod(argv[3], NULL);
	for (; cpu() < stop; n++)
		one(ctx);
	printf("{\"n\": %ld, \"server_us\": %.1f, \"client_us\": %.1f}\n", n,
		spent[SERVER] / (double)n * 1e6, spent[CLIENT] / (double)n * 1e6);
	return 0;
}
