// SPDX-License-Identifier: Apache-2.0
#include "cli/instance.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "admin/control.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/lockfile.h"
#include "base/text.h"
#include "cli/cmd.h"
#include "cli/profile_store.h"
#include "os/notify.h"

#define STATE_MAX (64 * 1024)

/* ---- where ---------------------------------------------------------- */

/* "" when the environment has none. */
static void user_folder(const char *variable, const char *below_home, char ret[PATH_MAX / 2])
{
	const char *value = getenv(variable), *home = getenv("HOME");

	*ret = '\0';
	if (value && *value == '/' && strlen(value) < PATH_MAX / 4)
		snprintf(ret, PATH_MAX / 2, "%s/culvert", value);
	else if (below_home && home && *home == '/' && strlen(home) < PATH_MAX / 4)
		snprintf(ret, PATH_MAX / 2, "%s/%s/culvert", home, below_home);
}

static void folders(char run[PATH_MAX / 2], char state[PATH_MAX / 2])
{
	if (geteuid()) {
		user_folder("XDG_RUNTIME_DIR", NULL, run);
		user_folder("XDG_STATE_HOME", ".local/state", state);
		if (!*run)
			snprintf(run, PATH_MAX / 2, "/run/user/%u/culvert", (unsigned)geteuid());
		return;
	}
	strcpy(run, "/run/culvert/client");
	strcpy(state, "/var/lib/culvert-client");
}

void instance_paths(const char *name, struct instance_paths *ret)
{
	char run[PATH_MAX / 2], state[PATH_MAX / 2];

	folders(run, state);
	snprintf(ret->lock, sizeof(ret->lock), "%s/%s.lock", run, name);
	snprintf(ret->socket, sizeof(ret->socket), "%s/%s.sock", run, name);
	snprintf(ret->log, sizeof(ret->log), "%s/%s.log", run, name);
	snprintf(ret->state, sizeof(ret->state), "%s/%s.json", state, name);
}

pid_t instance_running(const struct instance_paths *p)
{
	pid_t pid = 0;
	int r = lockfile_holder(p->lock, &pid);

	if (r == -ESRCH)
		return 0;
	return r < 0 ? r : pid ? pid : 1; /* of another PID namespace */
}

/* ---- what is written down ---------------------------------------------------------- */

json_t *instance_last(const struct instance_paths *p)
{
	char *text = NULL;
	json_t *o = NULL;
	size_t n;

	if (!profile_read(p->state, STATE_MAX, &text, &n))
		o = json_loadb(text, n, 0, NULL);
	free(text);
	if (json_is_object(o))
		return o;
	json_decref(o);
	return NULL;
}

static void save(const struct instance_paths *p, json_t *o)
{
	char *text = json_dumps(o, JSON_COMPACT | JSON_ENSURE_ASCII);

	if (text)
		profile_write(p->state, text, strlen(text)); /* without it, only what was is lost */
	free(text);
}

static json_t *json_reason(enum event why, const char *text)
{
	const struct event_info *info = event_info(why);

	return json_pack("{s:i, s:s, s:s, s:o}", "event", info->number, "name", info->name, "what",
		info->what, "text", json_text(text));
}

static void put_reason(json_t *o, enum event why, const char *text)
{
	if (why)
		json_object_set_new(o, "reason", json_reason(why, text));
	else
		json_object_del(o, "reason");
}

/* As text, each of them. */
static json_t *json_known(const struct client_known *k)
{
	json_t *list = json_array();
	char text[ENDPOINT_TEXT_LEN];

	for (size_t i = 0; i < k->n; i++)
		json_array_append_new(list, json_string(endpoint_format(&k->at[i], text)));
	return list;
}

/* A file of ours, but a file: what cannot be read is left out. */
static void read_known(const json_t *o, struct client_known *ret)
{
	const json_t *list = json_object_get(o, "known"), *each;
	const char *host = json_string_value(json_object_get(o, "host"));
	size_t i;

	if (!host || strlen(host) >= sizeof(ret->host))
		return;
	strcpy(ret->host, host);
	json_array_foreach(list, i, each)
	{
		const char *text = json_string_value(each);

		if (text && ret->n < ARRAY_SIZE(ret->at) &&
			!endpoint_parse(text, 0, &ret->at[ret->n]) && ret->at[ret->n].port)
			ret->n++;
	}
}

static void remember(struct instance *i, const struct client_status *s)
{
	json_t *o = json_object();

	if (s->known.n)
		i->known = s->known;
	json_object_set_new(o, "at", json_integer((json_int_t)clock_wall_s()));
	if (i->known.n) {
		json_object_set_new(o, "host", json_string(i->known.host));
		json_object_set_new(o, "known", json_known(&i->known));
	}
	put_reason(o, s->lost, s->lost_text);
	save(&i->paths, o);
	json_decref(o);
}

/* ---- taking the name ---------------------------------------------------------- */

static int refuse(enum event ev, const char *path, int error)
{
	char text[PATH_MAX + 100];

	text_format(text, sizeof(text), "%s: %s", path, strerror(-error));
	return cmd_fail(ev, text);
}

static int make_folders(void)
{
	char run[PATH_MAX / 2], state[PATH_MAX / 2];
	int r;

	folders(run, state);
	r = profile_make_folder(run, 0700);
	if (r < 0)
		return refuse(EV_CLIENT_NO_FOLDER, run, r);
	if (*state)
		profile_make_folder(state, 0700); /* what fails is not remembered */
	return 0;
}

static int is_taken(const char *name, pid_t holder)
{
	char text[120];

	text_format(text, sizeof(text), "(%s, process %d)", name, (int)holder);
	return cmd_fail(EV_CLIENT_RUNS, text);
}

int instance_take(const char *name, struct instance *ret)
{
	json_t *last;
	pid_t holder;
	int r;

	*ret = (struct instance){.lock_fd = -1};
	strcpy(ret->name, name);
	instance_paths(name, &ret->paths);
	r = make_folders();
	if (r)
		return r;
	r = lockfile_take(ret->paths.lock, &ret->lock_fd, &holder);
	if (r == -EBUSY)
		return is_taken(name, holder);
	if (r < 0)
		return refuse(EV_CLIENT_NO_FOLDER, ret->paths.lock, r);
	last = instance_last(&ret->paths);
	read_known(last, &ret->known);
	json_decref(last);
	return 0;
}

/* ---- questions ---------------------------------------------------------- */

static const char *const phase_names[] = {
	[CLIENT_DIALS] = "connecting",
	[CLIENT_CALLS] = "connecting",
	[CLIENT_UP] = "connected",
	[CLIENT_WAITS] = "waiting",
	[CLIENT_ENDS] = "ending",
};

/* What it waits for, in words; "": nothing. */
static void waits_for(const struct client_status *s, char *ret, size_t cap)
{
	*ret = '\0';
	switch (s->phase) {
	case CLIENT_DIALS:
		text_format(ret, cap, "a TCP connection to %s port %u", s->host, s->port);
		break;
	case CLIENT_CALLS:
		text_format(ret, cap, "the answers of %s: TLS, login, address", s->host);
		break;
	case CLIENT_WAITS:
		text_format(ret, cap, "the next attempt in %llu s, or another network",
			(unsigned long long)(s->wait_ms + 999) / 1000);
		break;
	case CLIENT_ENDS: text_format(ret, cap, "the server's good-bye"); break;
	case CLIENT_UP: break;
	} /* no default */
}

static void put_address(json_t *o, const char *key, const struct addr *a)
{
	char text[ADDR_TEXT_LEN];

	if (a->family)
		json_object_set_new(o, key, json_string(addr_format(a, text)));
}

static json_t *status(const struct instance *i)
{
	char text[300], endpoint[ENDPOINT_TEXT_LEN];
	struct client_status s;
	json_t *o;

	client_status(i->client, &s);
	o = json_pack("{s:s, s:s, s:i, s:I, s:o, s:i, s:s, s:I, s:I}", "name", i->name, "state",
		phase_names[s.phase], "pid", (int)getpid(), "since", (json_int_t)s.since_s,
		"server", json_text(s.host), "port", (int)s.port, "tun", s.facts->tun, "rx_octets",
		(json_int_t)s.rx_octets, "tx_octets", (json_int_t)s.tx_octets);
	if (s.facts->server.addr.family)
		json_object_set_new(
			o, "endpoint", json_string(endpoint_format(&s.facts->server, endpoint)));
	put_address(o, "address", &s.facts->own4);
	put_address(o, "peer", &s.facts->peer4);
	put_address(o, "address6", &s.facts->own6);
	waits_for(&s, text, sizeof(text));
	if (*text)
		json_object_set_new(o, "waits_for", json_text(text));
	put_reason(o, s.lost, s.lost_text);
	return o;
}

static void on_request(void *arg, const json_t *request, struct admin_reply *reply)
{
	const char *cmd = json_string_value(json_object_get(request, "cmd"));
	struct instance *i = arg;

	if (!strcmp(cmd, "status")) {
		admin_answer(reply, status(i));
	} else if (!strcmp(cmd, "stop")) {
		admin_answer(reply, json_pack("{s:i}", "pid", (int)getpid()));
		client_stop(i->client);
	} else {
		admin_refuse(reply, "expected \"cmd\" status or stop");
	}
}

/* ---- the client's owner ---------------------------------------------------------- */

static void on_begin(void *arg, struct client *c, uv_loop_t *loop)
{
	struct instance *i = arg;
	int r;

	i->client = c;
	r = admin_new(loop, i->paths.socket, on_request, i, &i->admin);
	if (r < 0)
		log_event(NULL, EV_CONTROL_FAILED, "path=%s error=\"%s\"", i->paths.socket,
			strerror(-r));
}

static void on_close(void *arg)
{
	admin_close(((struct instance *)arg)->admin);
}

static void tell_manager(const struct client_status *s)
{
	char own[ADDR_TEXT_LEN], text[400], what[300];

	if (s->phase == CLIENT_UP) {
		text_format(text, sizeof(text), "connected: %s, server %s",
			addr_format(&s->facts->own4, own), s->host);
		notify_ready(text);
		return;
	}
	waits_for(s, what, sizeof(what));
	text_format(text, sizeof(text), "waits for %s%s%s", what, s->lost ? "; lost: " : "",
		s->lost ? event_info(s->lost)->what : "");
	notify_status(text);
}

static void on_change(void *arg)
{
	struct instance *i = arg;
	struct client_status s;

	client_status(i->client, &s);
	tell_manager(&s);
	if (s.phase == CLIENT_UP || s.phase == CLIENT_WAITS)
		remember(i, &s);
	if (s.phase == CLIENT_UP && i->leave) {
		i->leave(i->arg);
		i->leave = NULL;
	}
}

void instance_own(struct instance *i, struct client_opts *o)
{
	o->known = i->known.n ? &i->known : NULL;
	o->on_begin = on_begin;
	o->on_change = on_change;
	o->on_close = on_close;
	o->arg = i;
}

void instance_end(struct instance *i, enum event why, const char *text)
{
	struct client_status last = {.lost = why, .lost_text = text};

	notify_stopping(why ? event_info(why)->what : "ended");
	remember(i, &last);
	admin_free(i->admin);
	if (i->lock_fd >= 0)
		close(i->lock_fd);
	i->lock_fd = -1;
}
