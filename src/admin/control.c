// SPDX-License-Identifier: Apache-2.0
#include "admin/control.h"

#include <errno.h>
#include <grp.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "admin/listener.h"
#include "admin/unix_socket.h"
#include "base/auto.h"
#include "base/buf.h"
#include "base/json.h"

struct admin {
	struct admin_listener listener;
	char path[108];
	admin_handler *handler;
	void *arg;
	struct client *clients;
	unsigned n_clients;
	_Atomic unsigned n_followers;
};

struct client {
	uv_pipe_t pipe; /* first: handles get back to the client */
	struct admin *control;
	struct client *next, **prev;
	struct buf in;
	unsigned owed; /* replies that are still being made */
	bool gone, follows;
};

struct admin_reply {
	struct client *client;
};

struct out {
	uv_write_t write;
	char *text;
};

/* ---- a client's end ----------------------------------------------------- */

static void client_free_when_done(struct client *c)
{
	if (!c->gone || c->owed)
		return;
	buf_done(&c->in);
	free(c);
}

static void on_client_closed(uv_handle_t *h)
{
	struct client *c = (struct client *)h;

	c->gone = true;
	client_free_when_done(c);
}

static void client_close(struct client *c)
{
	if (uv_is_closing((uv_handle_t *)&c->pipe))
		return;
	*c->prev = c->next;
	if (c->next)
		c->next->prev = c->prev;
	c->control->n_clients--;
	if (c->follows)
		c->control->n_followers--;
	uv_close((uv_handle_t *)&c->pipe, on_client_closed);
}

/* ---- answers ---------------------------------------------------------- */

static void on_written(uv_write_t *w, UNUSED int status)
{
	struct out *o = container_of(w, struct out, write);

	free(o->text);
	free(o);
}

static void send_line(struct client *c, json_t *answer)
{
	char *text = json_dumps(answer, JSON_COMPACT), *line;
	struct out *o = calloc(1, sizeof(*o));
	uv_buf_t b;

	json_decref(answer);
	if (!text || !o || asprintf(&line, "%s\n", text) < 0) {
		free(text);
		free(o);
		return;
	}
	free(text);
	o->text = line;
	b = uv_buf_init(line, (unsigned)strlen(line));
	if (c->gone || uv_is_closing((uv_handle_t *)&c->pipe) ||
		uv_write(&o->write, (uv_stream_t *)&c->pipe, &b, 1, on_written)) {
		free(line);
		free(o);
	}
}

static void reply(struct admin_reply *r, json_t *answer)
{
	struct client *c = r->client;

	free(r);
	c->owed--;
	send_line(c, answer);
	client_free_when_done(c);
}

void admin_answer(struct admin_reply *r, json_t *result)
{
	reply(r, json_pack("{s:i, s:b, s:o}", "v", CONTROL_VERSION, "ok", 1, "result", result));
}

void admin_refuse(struct admin_reply *r, const char *error)
{
	reply(r, json_pack("{s:i, s:b, s:o}", "v", CONTROL_VERSION, "ok", 0, "error",
			 json_text(error)));
}

void admin_follow(struct admin_reply *r, json_t *result)
{
	struct client *c = r->client;

	if (!c->follows && !uv_is_closing((uv_handle_t *)&c->pipe)) {
		c->follows = true;
		c->control->n_followers++;
	}
	admin_answer(r, result);
}

void admin_tell(struct admin *ctl, json_t *event)
{
	json_t *line = json_pack("{s:i, s:o}", "v", CONTROL_VERSION, "event", event);

	for (struct client *c = ctl->clients, *next; c; c = next) {
		next = c->next;
		if (!c->follows)
			continue;
		if (uv_stream_get_write_queue_size((uv_stream_t *)&c->pipe) > CONTROL_BACKLOG_MAX)
			client_close(c); /* it does not read */
		else
			send_line(c, json_incref(line));
	}
	json_decref(line);
}

bool admin_followed(struct admin *c)
{
	return atomic_load_explicit(&c->n_followers, memory_order_relaxed) > 0;
}

/* ---- requests ---------------------------------------------------------- */

static void on_line(struct client *c, const char *line, size_t n)
{
	struct admin_reply *r = calloc(1, sizeof(*r));
	json_error_t err;
	json_t *request;

	if (!r) {
		client_close(c);
		return;
	}
	r->client = c;
	c->owed++;
	request = json_loadb(line, n, 0, &err);
	if (!json_is_object(request))
		admin_refuse(r, "expected one JSON object a line");
	else if (json_integer_value(json_object_get(request, "v")) != CONTROL_VERSION)
		admin_refuse(r, "this server speaks version 1 of the control protocol");
	else if (!json_is_string(json_object_get(request, "cmd")))
		admin_refuse(r, "the request has no \"cmd\"");
	else
		c->control->handler(c->control->arg, request, r);
	json_decref(request);
}

static void on_alloc(uv_handle_t *h, UNUSED size_t want, uv_buf_t *ret)
{
	struct client *c = (struct client *)h;
	uint8_t *p;

	*ret = buf_reserve(&c->in, 4096, &p) < 0 ? uv_buf_init(NULL, 0)
						 : uv_buf_init((char *)p, 4096);
}

static void on_read(uv_stream_t *stream, ssize_t n, UNUSED const uv_buf_t *b)
{
	struct client *c = (struct client *)stream;
	const char *end;

	if (n < 0) {
		client_close(c);
		return;
	}
	buf_commit(&c->in, (size_t)n);
	while (buf_len(&c->in) && (end = memchr(buf_data(&c->in), '\n', buf_len(&c->in)))) {
		size_t len = (size_t)(end - (const char *)buf_data(&c->in));

		on_line(c, (const char *)buf_data(&c->in), len);
		buf_consume(&c->in, len + 1);
	}
	if (buf_len(&c->in) >= CONTROL_LINE_MAX)
		client_close(c);
}

static void on_connection(void *arg, int fd)
{
	struct admin *ctl = arg;
	struct client *c = calloc(1, sizeof(*c));

	if (!c) {
		close(fd);
		return;
	}
	c->control = ctl;
	buf_init(&c->in, CONTROL_LINE_MAX + 4096);
	uv_pipe_init(ctl->listener.poll.loop, &c->pipe, 0);
	c->next = ctl->clients;
	c->prev = &ctl->clients;
	if (c->next)
		c->next->prev = &c->next;
	ctl->clients = c;
	ctl->n_clients++;
	if (uv_pipe_open(&c->pipe, fd)) {
		close(fd);
		client_close(c);
	} else if (ctl->n_clients > CONTROL_CLIENTS_MAX ||
		   uv_read_start((uv_stream_t *)&c->pipe, on_alloc, on_read))
		client_close(c);
}

/* 0660, and of the group culvert where there is one. */
static int listen_for_group(const char *path)
{
	struct group *g = getgrnam("culvert");
	mode_t mask = umask(0117);
	int fd = admin_listen_unix(path), error = 0;

	umask(mask);
	if (fd >= 0 && g && chown(path, (uid_t)-1, g->gr_gid) < 0)
		error = errno;
	if (!error)
		return fd;
	close(fd);
	unlink(path);
	return -error;
}

int admin_new(
	uv_loop_t *loop, const char *path, admin_handler *handler, void *arg, struct admin **ret)
{
	struct admin *c = calloc(1, sizeof(*c));
	int r, fd;

	if (!c)
		return -ENOMEM;
	c->handler = handler;
	c->arg = arg;
	r = strlen(path) >= sizeof(c->path) ? -ENAMETOOLONG : unix_socket_clear(path);
	fd = r < 0 ? r : listen_for_group(path);
	r = fd < 0 ? fd : admin_listener_open(&c->listener, loop, fd, on_connection, c);
	if (r < 0) {
		free(c);
		return r;
	}
	strcpy(c->path, path);
	*ret = c;
	return 0;
}

void admin_close(struct admin *c)
{
	if (!c || !c->listener.open)
		return;
	unlink(c->path);
	admin_listener_close(&c->listener);
	for (struct client *cl = c->clients, *next; cl; cl = next) {
		next = cl->next;
		client_close(cl);
	}
}

void admin_free(struct admin *c)
{
	free(c);
}

/* ---- the other end ---------------------------------------------------------- */

static int read_line(int fd, struct buf *in)
{
	uint8_t *p;
	ssize_t n;

	while (!buf_len(in) || !memchr(buf_data(in), '\n', buf_len(in))) {
		if (buf_reserve(in, 16384, &p) < 0)
			return -ENOMEM;
		n = read(fd, p, 16384);
		if (n <= 0)
			return n < 0 ? -errno : -EPIPE;
		buf_commit(in, (size_t)n);
	}
	return 0;
}

static int exchange(int fd, json_t *request, struct buf *in)
{
	char *text = json_dumps(request, JSON_COMPACT);
	size_t n = text ? strlen(text) : 0, sent = 0;
	int r = 0;

	if (!text)
		return -ENOMEM;
	text[n] = '\n'; /* the zero's place */
	while (!r && sent <= n) {
		ssize_t k = send(fd, text + sent, n + 1 - sent, MSG_NOSIGNAL);

		sent += k > 0 ? (size_t)k : 0;
		r = k < 0 && errno != EINTR ? -errno : 0;
	}
	free(text);
	return r ? r : read_line(fd, in);
}

static int take_answer(const struct buf *in, json_t **ret_result, char *why, size_t why_cap)
{
	json_error_t err;
	const char *end = memchr(buf_data(in), '\n', buf_len(in));
	json_t *answer = json_loadb((const char *)buf_data(in),
		end ? (size_t)(end - (const char *)buf_data(in)) : buf_len(in), 0, &err);
	const char *error = json_string_value(json_object_get(answer, "error"));
	int r = 0;

	if (json_is_true(json_object_get(answer, "ok"))) {
		*ret_result = json_incref(json_object_get(answer, "result"));
	} else {
		snprintf(why, why_cap, "the server refused: %s",
			error ? error : "answer not understood");
		r = -EPROTO;
	}
	json_decref(answer);
	return r;
}

/* Connects and asks; the answer's line is in *in, perhaps with more behind it. */
static int ask(
	const char *path, json_t *request, struct buf *in, int *ret_fd, char *why, size_t why_cap)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), r = 0;

	if (fd < 0 || strlen(path) >= sizeof(sa.sun_path))
		r = fd < 0 ? -errno : -ENAMETOOLONG;
	if (!r) {
		strcpy(sa.sun_path, path);
		r = connect(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0 ? -errno
									: exchange(fd, request, in);
	}
	if (r)
		snprintf(why, why_cap, "%s: %s%s", path, strerror(-r),
			r == -ENOENT || r == -ECONNREFUSED
				? " (is `culvert serve` running with this state folder?)"
			: r == -EACCES ? " (root or a member of group culvert may ask)"
			: r == -EPIPE || r == -ECONNRESET
				? " (the server closed the connection; perhaps it has too many clients)"
				: "");
	*ret_fd = fd;
	return r;
}

int admin_call(const char *path, json_t *request, json_t **ret_result, char *why, size_t why_cap)
{
	struct buf in;
	int fd, r;

	buf_init(&in, 0);
	r = ask(path, request, &in, &fd, why, why_cap);
	if (!r)
		r = take_answer(&in, ret_result, why, why_cap);
	if (fd >= 0)
		close(fd);
	buf_done(&in);
	json_decref(request);
	return r;
}

/* Hands over the events that are there. False: enough. */
static bool take_events(struct buf *in, bool (*each)(json_t *event, void *arg), void *arg)
{
	const char *end;
	bool more = true;

	while (more && buf_len(in) && (end = memchr(buf_data(in), '\n', buf_len(in)))) {
		size_t n = (size_t)(end - (const char *)buf_data(in));
		json_error_t err;
		json_t *line = json_loadb((const char *)buf_data(in), n, 0, &err);
		json_t *event = json_object_get(line, "event");

		if (event)
			more = each(event, arg);
		json_decref(line);
		buf_consume(in, n + 1);
	}
	return more;
}

int admin_listen(const char *path, json_t *request, bool (*each)(json_t *event, void *arg),
	void *arg, char *why, size_t why_cap)
{
	json_t *result = NULL;
	struct buf in;
	uint8_t *p;
	int fd, r;
	ssize_t n = 1;

	buf_init(&in, 0);
	r = ask(path, request, &in, &fd, why, why_cap);
	if (!r)
		r = take_answer(&in, &result, why, why_cap);
	json_decref(result);
	while (!r && n > 0 && take_events(&in, each, arg) && !buf_reserve(&in, 16384, &p)) {
		n = read(fd, p, 16384);
		buf_commit(&in, n > 0 ? (size_t)n : 0);
	}
	if (fd >= 0)
		close(fd);
	buf_done(&in);
	json_decref(request);
	return r;
}
