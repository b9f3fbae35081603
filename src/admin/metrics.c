// SPDX-License-Identifier: Apache-2.0
#include "admin/metrics.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "admin/listener.h"
#include "admin/unix_socket.h"
#include "base/addr.h"
#include "base/auto.h"
#include "http/message.h"

#define CLIENTS_MAX 16
#define CLIENT_MS 10000 /* one request and its answer */

struct metrics {
	struct admin_listener listener;
	char path[108]; /* of a unix socket; "" for TCP */
	metrics_writer *writer;
	void *arg;
	struct asker *askers;
	unsigned n_askers;
};

struct asker {
	union {
		uv_tcp_t tcp;
		uv_pipe_t pipe;
		uv_stream_t stream;
		uv_handle_t handle;
	} h;
	uv_timer_t timer;
	uv_write_t write;
	struct metrics *metrics;
	struct asker *next, **prev;
	int handles;
	char *answer;
	struct http_reader reader;
	char octets[2048]; /* of one read */
};

static void on_closed(uv_handle_t *h)
{
	struct asker *a = h->data;

	if (--a->handles)
		return;
	http_reader_done(&a->reader);
	free(a->answer);
	free(a);
}

static void asker_close(struct asker *a)
{
	if (uv_is_closing(&a->h.handle))
		return;
	*a->prev = a->next;
	if (a->next)
		a->next->prev = a->prev;
	a->metrics->n_askers--;
	uv_close(&a->h.handle, on_closed);
	uv_close((uv_handle_t *)&a->timer, on_closed);
}

static void on_written(uv_write_t *w, UNUSED int status)
{
	asker_close(container_of(w, struct asker, write));
}

static bool wants_metrics(const struct http_message *m)
{
	struct http_text rest = m->target, path;

	if (!http_text_cut(&rest, '?', &path))
		path = m->target;
	return m->method.n == 3 && !memcmp(m->method.p, "GET", 3) && path.n == 8 &&
	       !memcmp(path.p, "/metrics", 8);
}

static void answer(struct asker *a, const char *status, bool metrics)
{
	char *body = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&body, &n);
	uv_buf_t b;
	int len;

	if (!f) {
		asker_close(a);
		return;
	}
	if (metrics)
		a->metrics->writer(a->metrics->arg, f);
	else
		fputs("only GET /metrics is answered here\n", f);
	fclose(f);
	len = asprintf(&a->answer,
		"HTTP/1.1 %s\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n"
		"Content-Length: %zu\r\nConnection: close\r\n\r\n%s",
		status, n, body);
	free(body);
	b = uv_buf_init(a->answer, len < 0 ? 0 : (unsigned)len);
	if (len < 0 || uv_write(&a->write, &a->h.stream, &b, 1, on_written)) {
		if (len < 0)
			a->answer = NULL;
		asker_close(a);
	}
}

static void on_alloc(uv_handle_t *h, UNUSED size_t want, uv_buf_t *ret)
{
	struct asker *a = h->data;

	*ret = uv_buf_init(a->octets, sizeof(a->octets));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *b)
{
	struct asker *a = stream->data;
	struct http_message m;
	size_t used;
	int r;

	if (n < 0) {
		asker_close(a);
		return;
	}
	r = http_reader_feed(&a->reader, HTTP_REQUEST, b->base, (size_t)n, &m, &used);
	if (r == -EAGAIN)
		return;
	uv_read_stop(stream);
	if (r < 0)
		answer(a, "400 Bad Request", false);
	else
		answer(a, wants_metrics(&m) ? "200 OK" : "404 Not Found", wants_metrics(&m));
}

static void on_late(uv_timer_t *t)
{
	asker_close(t->data);
}

/* The handle is there in any case; negative: it has no descriptor. */
static int open_stream(struct asker *a, uv_loop_t *loop, bool is_unix, int fd)
{
	if (is_unix) {
		uv_pipe_init(loop, &a->h.pipe, 0);
		return uv_pipe_open(&a->h.pipe, fd);
	}
	uv_tcp_init(loop, &a->h.tcp);
	return uv_tcp_open(&a->h.tcp, fd);
}

static void on_connection(void *arg, int fd)
{
	struct metrics *m = arg;
	uv_loop_t *loop = m->listener.poll.loop;
	struct asker *a = calloc(1, sizeof(*a));
	int r;

	if (!a) {
		close(fd);
		return;
	}
	a->metrics = m;
	http_reader_init(&a->reader);
	r = open_stream(a, loop, *m->path, fd);
	if (r < 0)
		close(fd);
	uv_timer_init(loop, &a->timer);
	a->h.handle.data = a->timer.data = a;
	a->handles = 2;
	a->next = m->askers;
	a->prev = &m->askers;
	if (a->next)
		a->next->prev = &a->next;
	m->askers = a;
	m->n_askers++;
	uv_timer_start(&a->timer, on_late, CLIENT_MS, 0);
	if (r < 0 || m->n_askers > CLIENTS_MAX || uv_read_start(&a->h.stream, on_alloc, on_read))
		asker_close(a);
}

/* A descriptor that listens there. */
static int listen_at(struct metrics *m, const char *at)
{
	struct endpoint e;
	int r = *at == '/' ? unix_socket_clear(at) : endpoint_parse(at, 9443, &e);

	if (r < 0)
		return r;
	if (*at != '/')
		return admin_listen_tcp(&e);
	r = admin_listen_unix(at);
	if (r >= 0)
		snprintf(m->path, sizeof(m->path), "%s", at);
	return r;
}

int metrics_new(
	uv_loop_t *loop, const char *at, metrics_writer *writer, void *arg, struct metrics **ret)
{
	struct metrics *m = calloc(1, sizeof(*m));
	int fd;

	if (!m)
		return -ENOMEM;
	m->writer = writer;
	m->arg = arg;
	*ret = m; /* also after a failure: the handles must be closed by the loop */
	fd = listen_at(m, at);
	return fd < 0 ? fd : admin_listener_open(&m->listener, loop, fd, on_connection, m);
}

void metrics_close(struct metrics *m)
{
	if (!m || !m->listener.open)
		return;
	if (*m->path)
		unlink(m->path);
	admin_listener_close(&m->listener);
	for (struct asker *a = m->askers, *next; a; a = next) {
		next = a->next;
		asker_close(a);
	}
}

void metrics_free(struct metrics *m)
{
	free(m);
}
