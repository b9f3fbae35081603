// SPDX-License-Identifier: Apache-2.0
/*
 * Octets from a client that has not shown who it is: everything the server's TLS sees before a key is
 * agreed on. The first octet says how they are cut; the engine must stay usable whatever they are.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tls/cert.h"
#include "tls/engine.h"
#include "tls/limits.h"

static struct tls_ctx *ctx;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static const char *const names[] = {"vpn.test"};
	char dir[] = "/tmp/culvert-fuzz-XXXXXX", files[4][64];
	struct tls_pair pairs[2];

	if (!mkdtemp(dir))
		abort();
	for (int i = 0; i < 2; i++) {
		struct cert_opts opts = {.key = i ? CERT_P256 : CERT_RSA_2048,
			.names = names,
			.n_names = 1,
			.now_s = 1800000000};

		snprintf(files[2 * i], sizeof(files[0]), "%s/%d.crt", dir, i);
		snprintf(files[2 * i + 1], sizeof(files[0]), "%s/%d.key", dir, i);
		pairs[i] = (struct tls_pair){files[2 * i], files[2 * i + 1], NULL};
		if (cert_create(&opts, files[2 * i], files[2 * i + 1], NULL) < 0)
			abort();
	}
	if (tls_server_ctx_new(
		    &(struct tls_server_opts){.pairs = pairs, .n_pairs = 2}, &ctx, NULL) < 0)
		abort();
	for (int i = 0; i < 4; i++)
		unlink(files[i]);
	rmdir(dir);
	return 0;
}

/* Hands over one piece and reads until nothing comes; no plaintext can come of this. */
static ssize_t feed(struct tls *t, const uint8_t *octets, size_t n)
{
	char got[64];
	ssize_t r;

	tls_recv(t, octets, n);
	r = tls_read(t, got, sizeof(got));
	if (r > 0 || tls_established(t))
		abort();
	if ((r == -EPROTO) != (tls_failure(t)->event != EV_NONE))
		abort();
	return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t n)
{
	AUTO(tls) struct tls *t = NULL;
	struct tls_info info;
	uint8_t hash[SHA256_LEN];
	size_t step;

	if (!n || tls_new(ctx, NULL, &t) < 0)
		return 0;
	step = octets[0] ? octets[0] : n;
	for (size_t at = 1; at < n; at += step)
		feed(t, octets + at, n - at < step ? n - at : step);
	tls_info(t, &info);
	tls_leaf_hash(t, HASH_SHA256, hash);
	tls_write(t, "x", 1);
	tls_close(t);
	tls_eof(t);
	tls_idle(t);
	if (buf_len(tls_output(t)) > 16384)
		abort();
	return 0;
}
