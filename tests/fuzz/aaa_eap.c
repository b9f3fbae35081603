// SPDX-License-Identifier: Apache-2.0
/*
 * aaa/eap/: any packets to the authenticator with all its methods. The first octet chooses what is
 * enabled; then steps: up to 0xdf the length of a packet's type and data that follow (its header is made
 * right), up to 0xff the same with a header of its own; after a question one octet is the judge's answer.
 * Nothing gets in but by the judge.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "aaa/eap/anchors.h"
#include "aaa/eap/eap.h"
#include "tls/anchors.h"
#include "tls/ca.h"
#include "tls/cert.h"
#include "tls/ctx.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t n);

static struct tls_ctx *tls, *peap;
static struct eap_anchors anchors;
static struct eap_anchor anchor = {.names = EAP_ANCHOR_CN};

static void same_octets(void *ret, size_t n)
{
	memset(ret, 0x21, n);
}

static struct tls_ctx *context_of(const char *crt, const char *key, struct tls_anchors *a)
{
	const struct tls_pair pair = {crt, key, NULL};
	struct tls_ctx *ctx = NULL;

	if (tls_server_ctx_new(
		    &(struct tls_server_opts){
			    .pairs = &pair, .n_pairs = 1, .inner = true, .anchors = a},
		    &ctx, NULL) < 0)
		abort();
	return ctx;
}

static void make_anchors(void)
{
	struct ca_blob cert = {0}, key = {0};

	if (ca_make_root(&(struct ca_root_opts){.name = "fuzz", .now_s = time(NULL)}, &cert, &key,
		    NULL) < 0 ||
		tls_anchors_new(&(struct tls_anchor){.cert = cert.p, .cert_len = cert.n}, 1,
			&anchors.tls, NULL) < 0)
		abort();
	atomic_init(&anchors.refs, 1);
	anchors.item = &anchor;
	anchors.n = 1;
	ca_blob_free(&cert);
	ca_blob_free(&key);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	char folder[] = "/tmp/culvert-fuzz-XXXXXX", crt[64], key[64];
	const char *names[] = {"fuzz.test"};

	if (!mkdtemp(folder))
		abort();
	snprintf(crt, sizeof(crt), "%s/crt", folder);
	snprintf(key, sizeof(key), "%s/key", folder);
	if (cert_create(
		    &(struct cert_opts){
			    .key = CERT_P256, .names = names, .n_names = 1, .now_s = time(NULL)},
		    crt, key, NULL) < 0)
		abort();
	make_anchors();
	tls = context_of(crt, key, anchors.tls);
	peap = context_of(crt, key, NULL);
	unlink(crt);
	unlink(key);
	rmdir(folder);
	return 0;
}

static enum eap_step packet(struct eap *e, struct rd *in, size_t n, bool headed)
{
	uint8_t octets[EAP_HEADER_LEN + 256];
	struct rd body = rd_sub(in, n);
	size_t len = rd_left(&body);

	if (!headed)
		return eap_receive(e, body, 300);
	eap_header(octets, EAP_RESPONSE, 7, len);
	if (len)
		memcpy(octets + EAP_HEADER_LEN, body.p, len);
	return eap_receive(e, rd_init(octets, EAP_HEADER_LEN + len), 300);
}

static enum eap_step judge(struct eap *e, uint8_t op)
{
	const struct proof *q = eap_question(e);
	struct aaa_answer a = {.outcome = op & 1 ? AAA_ACCEPT : AAA_REJECT,
		.event = op & 1   ? EV_AUTH_ACCEPTED
			 : op & 2 ? EV_AUTH_PASSWORD_OLD
				  : EV_AUTH_WRONG_PASSWORD,
		.code = op & 2 ? AUTH_PASSWORD_EXPIRED : AUTH_FAILED,
		.keys.auth_response = "S=407A5589115FD0D6209F510FE9C04566932CDA56"};

	assert(q->user_len <= USER_NAME_MAX && q->user[q->user_len] == '\0');
	assert(q->method == AUTH_MSCHAPV2 || q->method == AUTH_CHAP_MD5 || q->method == AUTH_EAP);
	return eap_judged(e, &a);
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t n)
{
	static const uint8_t types[] = {
		EAP_TLS, EAP_PEAP, EAP_MSCHAPV2, EAP_MD5, EAP_TLS, EAP_PEAP};
	struct rd in = rd_init(octets, n);
	struct eap_opts opts = {.methods = eap_methods,
		.types = types + rd_u8(&in) % 3,
		.n_types = 4,
		.name = "culvert",
		.tls = tls,
		.anchors = &anchors,
		.peap = peap,
		.random = same_octets};
	enum eap_step step = EAP_STEP_SEND;
	bool accepted = false;
	struct eap *e;

	if (eap_new(&opts, &e) < 0)
		return 0;
	while (rd_left(&in) && step != EAP_STEP_SUCCESS) {
		uint8_t op = rd_u8(&in);
		const uint8_t *request;

		if (step == EAP_STEP_ASK) {
			accepted |= op & 1;
			step = judge(e, op);
		} else {
			step = packet(e, &in, op, op < 0xe0);
		}
		if (step == EAP_STEP_SEND)
			assert(eap_request(e, &request) <= 300 && request[0] == EAP_REQUEST);
	}
	assert(step != EAP_STEP_SUCCESS || accepted);
	eap_free(e);
	return 0;
}
