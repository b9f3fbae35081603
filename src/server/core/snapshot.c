// SPDX-License-Identifier: Apache-2.0
#include "server/core/snapshot.h"

#include <errno.h>
#include <stdlib.h>

#include "aaa/eap/anchors.h"
#include "aaa/grant.h"
#include "aaa/radius/settings.h"
#include "config/config.h"
#include "server/core/filters.h"
#include "tls/ctx.h"

int snapshot_new(struct config *config, struct snapshot **ret)
{
	struct snapshot *l = calloc(1, sizeof(*l));

	if (!l)
		return -ENOMEM;
	atomic_init(&l->refs, 1);
	l->config = config_ref(config);
	*ret = l;
	return 0;
}

void snapshot_set_anchors(struct snapshot *l, struct eap_anchors *anchors)
{
	l->anchors = anchors ? eap_anchors_ref(anchors) : NULL;
}

struct snapshot *snapshot_ref(struct snapshot *l)
{
	atomic_fetch_add_explicit(&l->refs, 1, memory_order_relaxed);
	return l;
}

void snapshot_free(struct snapshot *l)
{
	if (!l || atomic_fetch_sub_explicit(&l->refs, 1, memory_order_acq_rel) != 1)
		return;
	tls_ctx_free(l->tls);
	tls_ctx_free(l->eap_tls);
	tls_ctx_free(l->eap_peap);
	eap_anchors_unref(l->anchors);
	radius_settings_unref(l->radius);
	grant_unref(l->defaults);
	filters_free(l->filters);
	config_free(l->config);
	free(l);
}
