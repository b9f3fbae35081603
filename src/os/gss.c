// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation
 *
 * RFC 2744 fixes the types of the C binding, so the few that are needed stand here and the build needs no
 * Kerberos. A step runs in a thread; the caller waits for it. A caller that does not want to wait any
 * more leaves the thread its login, which is freed by the last of the two.
 */
#include "os/gss.h"

#include <dlfcn.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"

/* ---- the library ---------------------------------------------------------- */

typedef struct { /* gss_buffer_desc */
	size_t length;
	void *value;
} token_desc;

typedef struct { /* gss_OID_desc */
	uint32_t length;
	const void *elements;
} oid_desc;

#define GSS_ERRORS 0xffff0000u
#define GSS_OF_GSS 1  /* GSS_C_GSS_CODE */
#define GSS_OF_MECH 2 /* GSS_C_MECH_CODE */
#define TOKEN_MAX (64u << 10)

static const oid_desc host_based = {10, "\x2a\x86\x48\x86\xf7\x12\x01\x02\x01\x04"};
static const oid_desc spnego = {6, "\x2b\x06\x01\x05\x05\x02"};

static struct {
	uint32_t (*import_name)(uint32_t *minor, const token_desc *, const oid_desc *, void **ret);
	uint32_t (*release_name)(uint32_t *minor, void **name);
	uint32_t (*init)(uint32_t *minor, const void *credential, void **context, const void *name,
		const oid_desc *mech, uint32_t flags, uint32_t time, const void *bindings,
		const token_desc *in, void *mech_used, token_desc *out, uint32_t *flags_used,
		uint32_t *time_used);
	uint32_t (*delete_context)(uint32_t *minor, void **context, token_desc *);
	uint32_t (*release_buffer)(uint32_t *minor, token_desc *);
	uint32_t (*status)(uint32_t *minor, uint32_t code, int type, const oid_desc *,
		uint32_t *more, token_desc *ret);
	bool loaded;
} lib;

static void find(void *from, const char *name, void *ret)
{
	void *found = dlsym(from, name);

	lib.loaded &= found != NULL;
	memcpy(ret, &found, sizeof(found));
}

/* MIT's, or Heimdal's: both are the C binding of RFC 2744. It stays. */
static void load(void)
{
	void *from = dlopen("libgssapi_krb5.so.2", RTLD_NOW | RTLD_LOCAL);

	if (!from)
		from = dlopen("libgssapi.so.3", RTLD_NOW | RTLD_LOCAL);
	lib.loaded = from != NULL;
	if (!from)
		return;
	find(from, "gss_import_name", &lib.import_name);
	find(from, "gss_release_name", &lib.release_name);
	find(from, "gss_init_sec_context", &lib.init);
	find(from, "gss_delete_sec_context", &lib.delete_context);
	find(from, "gss_release_buffer", &lib.release_buffer);
	find(from, "gss_display_status", &lib.status);
}

static bool is_there(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, load);
	return lib.loaded;
}

/* ---- one login ---------------------------------------------------------- */

struct gss {
	atomic_int owners; /* the last one frees */
	int done;          /* eventfd: the step is over */
	char name[300];
	void *target, *context;
	struct buf in, out;
	int result;
	char why[GSS_WHY_MAX];
};

int gss_new(const char *service, const char *host, struct gss **ret)
{
	struct gss *g = calloc(1, sizeof(*g));

	if (!g)
		return -ENOMEM;
	g->owners = 1;
	buf_init(&g->in, 0);
	buf_init(&g->out, TOKEN_MAX);
	snprintf(g->name, sizeof(g->name), "%s@%s", service, host);
	g->done = eventfd(0, EFD_CLOEXEC);
	if (g->done < 0) {
		free(g);
		return -ENOMEM;
	}
	*ret = g;
	return 0;
}

void gss_free(struct gss *g)
{
	uint32_t minor;

	if (!g || atomic_fetch_sub(&g->owners, 1) != 1)
		return;
	if (g->context)
		lib.delete_context(&minor, &g->context, NULL);
	if (g->target)
		lib.release_name(&minor, &g->target);
	buf_done(&g->in);
	buf_done(&g->out);
	close(g->done);
	free(g);
}

static void add_status(struct gss *g, uint32_t code, int type)
{
	size_t used = strlen(g->why);
	uint32_t minor, more = 0;
	token_desc text = {0};

	if (!code || (lib.status(&minor, code, type, &spnego, &more, &text) & GSS_ERRORS))
		return;
	text_format(g->why + used, sizeof(g->why) - used, "%s%.*s", used ? "; " : "",
		(int)text.length, (const char *)text.value);
	lib.release_buffer(&minor, &text);
}

static int refuse(struct gss *g, uint32_t major, uint32_t minor)
{
	*g->why = '\0';
	add_status(g, major, GSS_OF_GSS);
	add_status(g, minor, GSS_OF_MECH);
	return -EACCES;
}

static int import(struct gss *g)
{
	token_desc name = {strlen(g->name), g->name};
	uint32_t minor, major = lib.import_name(&minor, &name, &host_based, &g->target);

	return major & GSS_ERRORS ? refuse(g, major, minor) : 0;
}

static int step(struct gss *g)
{
	token_desc in = {buf_len(&g->in), (void *)(uintptr_t)buf_data(&g->in)}, out = {0};
	uint32_t minor, major;
	int r;

	if (!is_there()) {
		snprintf(g->why, sizeof(g->why), "the library libgssapi_krb5 is not installed");
		return -ENOENT;
	}
	r = g->target ? 0 : import(g);
	if (r)
		return r;
	major = lib.init(&minor, NULL, &g->context, g->target, &spnego, 0, 0, NULL,
		in.length ? &in : NULL, NULL, &out, NULL, NULL);
	if (major & GSS_ERRORS)
		r = refuse(g, major, minor);
	else
		r = buf_append(&g->out, out.value, out.length);
	if (out.value)
		lib.release_buffer(&minor, &out);
	return r;
}

static void *run(void *arg)
{
	struct gss *g = arg;

	g->result = step(g);
	eventfd_write(g->done, 1);
	gss_free(g);
	return NULL;
}

/* Signals are for the caller's threads. */
static int start(struct gss *g)
{
	pthread_attr_t attr;
	sigset_t all, before;
	pthread_t thread;
	int r;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	atomic_fetch_add(&g->owners, 1);
	r = pthread_create(&thread, &attr, run, g);
	if (r)
		atomic_fetch_sub(&g->owners, 1);
	pthread_attr_destroy(&attr);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return -r;
}

static int wait_for(const struct gss *g, int cancel_fd, uint64_t until_ms)
{
	struct pollfd p[] = {
		{.fd = g->done, .events = POLLIN}, {.fd = cancel_fd, .events = POLLIN}};

	for (;;) {
		uint64_t now = clock_mono_ms();
		int n = poll(p, ARRAY_SIZE(p),
			until_ms == NEVER ? -1
			: now < until_ms  ? (int)(until_ms - now)
					  : 0);

		if (n == 0)
			return -ETIMEDOUT;
		if (n > 0)
			return p[0].revents ? 0 : -ECANCELED;
		if (errno != EINTR)
			return -errno;
	}
}

int gss_step(struct gss *g, const void *octets, size_t n, int cancel_fd, uint64_t until_ms,
	struct buf *ret_token, char ret_why[static GSS_WHY_MAX])
{
	eventfd_t done;
	int r;

	buf_consume(&g->in, buf_len(&g->in));
	buf_consume(&g->out, buf_len(&g->out));
	*g->why = '\0';
	r = n ? buf_append(&g->in, octets, n) : 0;
	if (!r)
		r = start(g);
	if (!r)
		r = wait_for(g, cancel_fd, until_ms);
	if (!r) {
		eventfd_read(g->done, &done);
		snprintf(ret_why, GSS_WHY_MAX, "%s", g->why);
		r = g->result;
	} else {
		snprintf(ret_why, GSS_WHY_MAX, "%s", strerror(-r));
	}
	return r ? r : buf_append(ret_token, buf_data(&g->out), buf_len(&g->out));
}
