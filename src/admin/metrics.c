// SPDX-License-Identifier: Apache-2.0
#include "admin/metrics.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "admin/unix_socket.h"
#include "base/addr.h"
#include "base/auto.h"
#include "http/message.h"

#define CLIENTS_MAX 16
#define CLIENT_MS 10000 /* one request and its answer */

struct metrics {
	union {
		uv_tcp_t tcp;
		uv_pipe_t pipe;
		uv_stream_t stream;
		uv_handle_t handle;
	} listener;
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

static void on_connection(uv_stream_t *listener, int status)
{
	struct metrics *m = listener->data;
	struct asker *a = status < 0 ? NULL : calloc(1, sizeof(*a));

	if (!a)
		return;
	a->metrics = m;
	http_reader_init(&a->reader);
	if (*m->path)
		uv_pipe_init(listener->loop, &a->h.pipe, 0);
	else
		uv_tcp_init(listener->loop, &a->h.tcp);
	uv_timer_init(listener->loop, &a->timer);
	a->h.handle.data = a->timer.data = a;
	a->handles = 2;
	a->next = m->askers;
	a->prev = &m->askers;
	if (a->next)
		a->next->prev = &a->next;
	m->askers = a;
	m->n_askers++;
	uv_timer_start(&a->timer, on_late, CLIENT_MS, 0);
	if (uv_accept(listener, &a->h.stream) || m->n_askers > CLIENTS_MAX ||
		uv_read_start(&a->h.stream, on_alloc, on_read))
		asker_close(a);
}

static int bind_to(uv_loop_t *loop, struct metrics *m, const char *at)
{
	struct sockaddr_storage sa;
	struct endpoint e;
	int r;

	if (*at == '/') {
		uv_pipe_init(loop, &m->listener.pipe, 0);
		r = unix_socket_clear(at); /* longer than a socket's path may be: -ENAMETOOLONG */
		if (!r)
			r = uv_pipe_bind(&m->listener.pipe, at);
		if (!r)
			snprintf(m->path, sizeof(m->path), "%s", at);
		return r;
	}
	uv_tcp_init(loop, &m->listener.tcp);
	r = endpoint_parse(at, 9443, &e);
	if (r < 0)
		return r;
	endpoint_to_sockaddr(&e, &sa);
	return uv_tcp_bind(&m->listener.tcp, (struct sockaddr *)&sa, 0);
}

int metrics_new(
	uv_loop_t *loop, const char *at, metrics_writer *writer, void *arg, struct metrics **ret)
{
	struct metrics *m = calloc(1, sizeof(*m));
	int r;

	if (!m)
		return -ENOMEM;
	m->writer = writer;
	m->arg = arg;
	r = bind_to(loop, m, at);
	m->listener.handle.data = m;
	*ret = m; /* also after a failure: the handle must be closed by the loop */
	return r ? r : uv_listen(&m->listener.stream, 16, on_connection);
}

void metrics_close(struct metrics *m)
{
	if (!m || uv_is_closing(&m->listener.handle))
		return;
	if (*m->path)
		unlink(m->path);
	uv_close(&m->listener.handle, NULL);
	for (struct asker *a = m->askers, *next; a; a = next) {
		next = a->next;
		asker_close(a);
	}
}

void metrics_free(struct metrics *m)
{
	free(m);
}
