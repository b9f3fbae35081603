/*
 * aaa/backend.h — who can judge a proof. Inside aaa/ only.
 *
 * A backend is a row in aaa.c. submit() takes a request with all fields cleared that are filled when
 * done; it comes back through req->reply_to, never before submit() has returned.
 */
#pragma once
#include "aaa/aaa.h"

struct aaa {
	struct aaa_opts opts;
	const struct backend *backend;
};

struct backend {
	const char *name;
	int (*submit)(struct aaa *aaa, struct aaa_request *req);
};

int local_submit(struct aaa *aaa, struct aaa_request *req);
