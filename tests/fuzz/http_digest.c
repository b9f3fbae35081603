// SPDX-License-Identifier: Apache-2.0
/* The challenge of a hostile proxy: read, and answered without ever showing the password. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "http/digest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char *text = malloc(n + 8), answer[700];
	struct http_digest_opts o = {.challenge = text,
		.user = "carol",
		.password = "Tunnel-9-Tunnel",
		.method = "CONNECT",
		.uri = "vpn.example:443",
		.cnonce = "0a4f113b"};

	memcpy(text, "Digest ", 7);
	memcpy(text + 7, data, n);
	text[7 + n] = '\0';
	if (http_digest_answer(&o, answer, sizeof(answer)) == 0 &&
		(strchr(answer, '\n') || strstr(answer, "Tunnel-9-Tunnel")) &&
		!strstr(text, "Tunnel"))
		abort();
	free(text);
	return 0;
}
