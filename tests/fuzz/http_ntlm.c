// SPDX-License-Identifier: Apache-2.0
/* The challenge of a hostile proxy, and a body behind it: read within bounds, never with the password. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "http/body.h"
#include "http/ntlm.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void read_body(const uint8_t *data, size_t n, enum http_body_state state)
{
	struct http_body b = {.state = state, .left = n / 2};
	struct rd in = rd_init(data, n), piece;
	size_t sum = 0;

	while (http_body_next(&b, &in, &piece) > 0)
		sum += rd_left(&piece);
	if (sum > n)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const uint8_t nonce[HTTP_NTLM_NONCE_LEN];
	char *text = malloc(4 * ((n + 2) / 3) + 1), answer[9000];
	struct http_ntlm_opts o = {
		.challenge = text, .user = "D\\carol", .password = "Tunnel-9", .nonce = nonce};

	base64_encode(data, n, text);
	if (http_ntlm_answer(&o, answer, sizeof(answer)) == 0 && strchr(answer, '\n'))
		abort();
	free(text);
	read_body(data, n, HTTP_BODY_SIZE);
	read_body(data, n, HTTP_BODY_PLAIN);
	return 0;
}
