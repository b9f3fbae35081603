/*
 * Theory: aaa_submit() hands a request to a backend, which answers through the request's mailbox.
 * Today there is one backend, the local users. A RADIUS client becomes a second row, chosen by
 * configuration; EAP methods (eap/) become steps in front of a backend, since what they end with is
 * again a proof to be judged, or a verdict.
 */
#include "aaa/aaa.h"

#include <errno.h>

#include "aaa/backend.h"

static const struct backend backends[] = {
	{"local", local_submit},
};

int aaa_new(const struct aaa_opts *opts, struct aaa **ret)
{
	struct aaa *aaa = calloc(1, sizeof(*aaa));

	if (!aaa)
		return -ENOMEM;
	*aaa = (struct aaa){.opts = *opts, .backend = &backends[0]};
	*ret = aaa;
	return 0;
}

void aaa_free(struct aaa *aaa)
{
	free(aaa);
}

int aaa_submit(struct aaa *aaa, struct aaa_request *req)
{
	req->verdict = (struct verdict){0};
	req->outcome = EV_NONE;
	req->detail[0] = req->user[0] = '\0';
	req->user_id = 0;
	req->ipv4 = (struct addr){0};
	return aaa->backend->submit(aaa, req);
}
