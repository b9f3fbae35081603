// SPDX-License-Identifier: Apache-2.0
#include "base/peer_cert.h"

#include <errno.h>
#include <string.h>

int peer_cert_new(const void *der, size_t n, struct peer_cert **ret)
{
	struct peer_cert *c;

	if (n > PEER_CERT_MAX)
		return -E2BIG;
	c = calloc(1, sizeof(*c) + n);
	if (!c)
		return -ENOMEM;
	atomic_init(&c->refs, 1);
	memcpy(c->der, der, n);
	c->n = n;
	*ret = c;
	return 0;
}

struct peer_cert *peer_cert_ref(struct peer_cert *c)
{
	atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
	return c;
}

void peer_cert_unref(struct peer_cert *c)
{
	if (c && atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) == 1)
		free(c);
}
