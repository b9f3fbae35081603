// SPDX-License-Identifier: Apache-2.0
/*
 * eap_radius PORT SECRET WORDS SERVER.crt SERVER.key [CA.pem]: the server's EAP methods behind just enough
 * RADIUS (RFC 2865, 2869, 2548) that a judge from outside can play the client and compare the whole MSK.
 * One conversation at a time, on 127.0.0.1; one user, alice with the password Secret-1. Each line on
 * standard output is the end of a conversation: "accept USER METHOD" or "reject EVENT detail".
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "aaa/eap/anchors.h"
#include "aaa/eap/eap.h"
#include "aaa/judge.h"
#include "base/crypto.h"
#include "base/mschap.h"
#include "base/wr.h"
#include "store/db.h"
#include "tls/anchors.h"
#include "tls/ca.h"
#include "tls/ctx.h"

#define PACKET_MAX 4096
#define MTU 1400
enum { ACCESS_REQUEST = 1, ACCESS_ACCEPT, ACCESS_REJECT, ACCESS_CHALLENGE = 11 };
enum { USER_NAME = 1, STATE = 24, VENDOR = 26, EAP_MESSAGE = 79, AUTHENTICATOR = 80 };
enum { MS_SEND_KEY = 16, MS_RECV_KEY = 17 };

struct shim {
	const char *secret;
	struct eap_opts opts;
	struct eap *eap;
	char user[USER_NAME_MAX + 1];
};

/* ---- what stands in for aaa/local.c ---------------------------------------------------------- */

static enum eap_step answer_question(struct shim *s)
{
	const struct proof *proof = eap_question(s->eap);
	struct db_login login = {.has_nt = true, .has_reversible = true, .password = "Secret-1"};
	const struct judge_case c = {
		.proof = proof, .login = &login, .known = !strcasecmp(proof->user, "alice")};
	struct judgement j = {0};
	struct aaa_answer a = {0};

	mschap_nt_hash(login.password, login.nt_hash);
	judge_of_passwords.judge(&c, &j);
	a.outcome = j.outcome;
	a.event = j.event;
	a.code = j.code;
	a.keys = j.keys;
	snprintf(s->user, sizeof(s->user), "%s", proof->user);
	return eap_judged(s->eap, &a);
}

/* ---- RADIUS ---------------------------------------------------------------------------------- */

static void attribute(struct wr *w, uint8_t type, const void *value, size_t n)
{
	wr_u8(w, type);
	wr_u8(w, (uint8_t)(2 + n));
	wr_octets(w, value, n);
}

static void eap_attributes(struct wr *w, const uint8_t *packet, size_t n)
{
	while (n) {
		size_t piece = n < 253 ? n : 253;

		attribute(w, EAP_MESSAGE, packet, piece);
		packet += piece;
		n -= piece;
	}
}

/* RFC 2548 2.4.2 and 2.4.3. */
static void key_attribute(struct shim *s, struct wr *w, uint8_t type, const uint8_t *key,
	size_t key_len, const uint8_t *request_auth)
{
	uint8_t b[MD5_LEN], text[48] = {(uint8_t)key_len},
			    value[6 + 2 + 48] = {0, 0, 1, 0x37, type, 2 + 2 + 48, 0x80, type};

	memcpy(text + 1, key, key_len);
	for (size_t i = 0; i < sizeof(text); i += MD5_LEN) {
		struct octets parts[] = {{s->secret, strlen(s->secret)},
			{i ? value + 8 + i - MD5_LEN : request_auth, MD5_LEN},
			{value + 6, i ? 0 : 2}};

		hash_parts(HASH_MD5, parts, 3, b);
		for (size_t k = 0; k < MD5_LEN; k++)
			value[8 + i + k] = text[i + k] ^ b[k];
	}
	attribute(w, VENDOR, value, sizeof(value));
}

/* Message-Authenticator, then the Response Authenticator over all of it. */
static size_t seal(struct shim *s, uint8_t *packet, struct wr *w, const uint8_t *request_auth)
{
	uint8_t zero[MD5_LEN] = {0};
	struct octets secret = {s->secret, strlen(s->secret)};
	size_t n;

	attribute(w, AUTHENTICATOR, zero, sizeof(zero));
	n = wr_len(w);
	wr_patch_be16(packet + 2, n);
	memcpy(packet + 4, request_auth, 16);
	hmac_parts(
		HASH_MD5, secret.p, secret.n, &(struct octets){packet, n}, 1, packet + n - MD5_LEN);
	hash_parts(HASH_MD5, (struct octets[]){{packet, n}, secret}, 2, packet + 4);
	return n;
}

static size_t reply(struct shim *s, enum eap_step step, const uint8_t *request, uint8_t identifier,
	uint8_t *ret)
{
	static const uint8_t codes[] = {[EAP_STEP_SEND] = ACCESS_CHALLENGE,
		[EAP_STEP_SUCCESS] = ACCESS_ACCEPT,
		[EAP_STEP_FAILURE] = ACCESS_REJECT};
	struct wr w = wr_init(ret, PACKET_MAX);
	uint8_t end[EAP_HEADER_LEN];
	const uint8_t *p = end;
	size_t n = sizeof(end);

	wr_u8(&w, codes[step]);
	wr_u8(&w, request[1]);
	wr_zero(&w, 18);
	if (step == EAP_STEP_SEND)
		n = eap_request(s->eap, &p);
	else
		eap_header(
			end, step == EAP_STEP_SUCCESS ? EAP_SUCCESS : EAP_FAILURE, identifier, 0);
	eap_attributes(&w, p, n);
	attribute(&w, STATE, "1", 1);
	if (step == EAP_STEP_SUCCESS) {
		/* EAP-MSCHAPv2 yields two keys of 16 octets, the rest of its MSK is zero. */
		n = !strcmp(eap_word(s->eap), "eap-mschapv2") ? 16 : 32;
		key_attribute(s, &w, MS_RECV_KEY, eap_msk(s->eap), n, request + 4);
		key_attribute(s, &w, MS_SEND_KEY, eap_msk(s->eap) + n, n, request + 4);
		printf("accept %s %s\n", s->user, eap_word(s->eap));
	} else if (step == EAP_STEP_FAILURE) {
		printf("reject %s %s\n", event_info(eap_refusal(s->eap)->event)->name,
			eap_refusal(s->eap)->detail);
	}
	fflush(stdout);
	return seal(s, ret, &w, request + 4);
}

/* The EAP packet of a request, its attributes put together. */
static size_t eap_of(struct rd request, uint8_t *ret, bool *ret_first)
{
	size_t len = 0;

	*ret_first = true;
	rd_ptr(&request, 20);
	while (rd_left(&request)) {
		uint8_t type = rd_u8(&request), n = rd_u8(&request);
		struct rd value = rd_sub(&request, n < 2 ? 0 : n - 2u);

		*ret_first &= type != STATE;
		if (type != EAP_MESSAGE || len + rd_left(&value) > PACKET_MAX)
			continue;
		memcpy(ret + len, value.p, rd_left(&value));
		len += rd_left(&value);
	}
	return len;
}

static size_t serve(struct shim *s, const uint8_t *request, size_t n, uint8_t *ret)
{
	uint8_t packet[PACKET_MAX];
	enum eap_step step;
	bool first;
	size_t len;

	if (n < 20 || request[0] != ACCESS_REQUEST)
		return 0;
	len = eap_of(rd_init(request, n), packet, &first);
	if (first || !s->eap) {
		eap_free(s->eap);
		if (eap_new(&s->opts, &s->eap) < 0)
			return 0;
	}
	step = eap_receive(s->eap, rd_init(packet, len), MTU);
	while (step == EAP_STEP_ASK)
		step = answer_question(s);
	return reply(s, step, request, len > 1 ? packet[1] : 0, ret);
}

/* ---- set-up ---------------------------------------------------------------------------------- */

static size_t read_file(const char *path, uint8_t *ret, size_t cap)
{
	FILE *f = fopen(path, "r");
	size_t n = f ? fread(ret, 1, cap, f) : 0;

	if (f)
		fclose(f);
	return n;
}

static struct eap_anchors *anchors_of(const char *ca)
{
	struct eap_anchors *a = calloc(1, sizeof(*a));
	uint8_t pem[PACKET_MAX];
	struct tls_failure why = {0};
	struct ca_blob der = {0};

	atomic_init(&a->refs, 1);
	a->n = 1;
	a->item = calloc(1, sizeof(*a->item));
	a->item->names = EAP_ANCHOR_UPN | EAP_ANCHOR_EMAIL | EAP_ANCHOR_CN;
	if (ca_read_cert((struct octets){pem, read_file(ca, pem, sizeof(pem))}, &der, &why) < 0 ||
		tls_anchors_new(&(struct tls_anchor){.cert = der.p, .cert_len = der.n}, 1, &a->tls,
			&why) < 0) {
		fprintf(stderr, "%s: %s\n", ca, why.text);
		exit(2);
	}
	ca_blob_free(&der);
	return a;
}

static struct tls_ctx *inner_of(const char *cert, const char *key, struct tls_anchors *anchors)
{
	const struct tls_pair pair = {cert, key, NULL};
	struct tls_failure why = {0};
	struct tls_ctx *ctx;

	if (tls_server_ctx_new(
		    &(struct tls_server_opts){
			    .pairs = &pair, .n_pairs = 1, .inner = true, .anchors = anchors},
		    &ctx, &why) < 0) {
		fprintf(stderr, "%s: %s\n", cert, why.text);
		exit(2);
	}
	return ctx;
}

static size_t types_of(const char *words, uint8_t *ret)
{
	static const struct {
		const char *word;
		uint8_t type;
	} known[] = {
		{"tls", EAP_TLS}, {"peap", EAP_PEAP}, {"mschapv2", EAP_MSCHAPV2}, {"md5", EAP_MD5}};
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (strstr(words, known[i].word) &&
			(known[i].type != EAP_MSCHAPV2 || !strstr(words, "peap")))
			ret[n++] = known[i].type;
	return n;
}

int main(int argc, char **argv)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)},
			   from;
	uint8_t types[8], request[PACKET_MAX], answer[PACKET_MAX];
	struct shim s = {.opts = {.methods = eap_methods, .types = types, .name = "culvert"}};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (argc < 6)
		return 2;
	at.sin_port = htons((uint16_t)atoi(argv[1]));
	s.secret = argv[2];
	s.opts.n_types = types_of(argv[3], types);
	if (argc > 6)
		s.opts.anchors = anchors_of(argv[6]);
	s.opts.peap = inner_of(argv[4], argv[5], NULL);
	s.opts.tls = inner_of(argv[4], argv[5], s.opts.anchors ? s.opts.anchors->tls : NULL);
	if (bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0) {
		perror("bind");
		return 2;
	}
	printf("ready\n");
	fflush(stdout);
	for (;;) {
		socklen_t len = sizeof(from);
		ssize_t n =
			recvfrom(fd, request, sizeof(request), 0, (struct sockaddr *)&from, &len);
		size_t out = n > 0 ? serve(&s, request, (size_t)n, answer) : 0;

		if (out)
			sendto(fd, answer, out, 0, (struct sockaddr *)&from, len);
	}
}
