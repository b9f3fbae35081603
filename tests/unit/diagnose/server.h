// SPDX-License-Identifier: Apache-2.0
/*
 * unit/diagnose/server.h — a server in a process of its own, on loopback, that answers every connection
 * in one way. Included once in a test's program, behind unit/diagnose/report.h.
 */
#pragma once
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tls/cert.h"
#include "tls/ctx.h"
#include "tls/engine.h"

enum serve { SERVE_TLS, SERVE_PLAIN, SERVE_CLOSE };

static char certs[64]; /* a folder with s.crt, for 127.0.0.1, and s.key */
static char cert_file[100], key_file[100];
static pid_t server;

static inline int make_certs(void **state)
{
	const char *name = "127.0.0.1";
	struct cert_opts made = {
		.key = CERT_P256, .names = &name, .n_names = 1, .now_s = clock_wall_s()};

	(void)state;
	strcpy(certs, "/tmp/culvert-diagnose-XXXXXX");
	if (!mkdtemp(certs))
		return -1;
	snprintf(cert_file, sizeof(cert_file), "%s/s.crt", certs);
	snprintf(key_file, sizeof(key_file), "%s/s.key", certs);
	signal(SIGPIPE, SIG_IGN);
	return cert_create(&made, cert_file, key_file, NULL);
}

static inline int remove_certs(void **state)
{
	(void)state;
	unlink(cert_file);
	unlink(key_file);
	return rmdir(certs);
}

static inline void send_all(int fd, struct buf *out)
{
	while (buf_len(out)) {
		ssize_t n = send(fd, buf_data(out), buf_len(out), 0);

		if (n <= 0)
			return;
		buf_consume(out, (size_t)n);
	}
}

/* The handshake, a head, the answer to it, and the end. */
static inline void serve_tls(int fd, struct tls_ctx *ctx, const char *answer)
{
	static char head[16384], cipher[16384];
	size_t n = 0;
	struct tls *t;

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &(struct timeval){30, 0}, sizeof(struct timeval));
	if (tls_new(ctx, NULL, &t) < 0)
		return;
	for (;;) {
		ssize_t k = tls_read(t, head + n, sizeof(head) - 1 - n), got;

		send_all(fd, tls_output(t));
		n += k > 0 ? (size_t)k : 0;
		head[n] = '\0';
		if (strstr(head, "\r\n\r\n")) {
			tls_write(t, answer, strlen(answer));
			tls_close(t);
			send_all(fd, tls_output(t));
			shutdown(fd, SHUT_WR);
			while (recv(fd, cipher, sizeof(cipher), 0) > 0)
				;
			break;
		}
		if (k > 0)
			continue;
		got = k == -EAGAIN ? recv(fd, cipher, sizeof(cipher), 0) : 0;
		if (got <= 0)
			break;
		tls_recv(t, cipher, (size_t)got);
	}
	tls_free(t);
}

/* In a process of its own: some probes keep one connection while they make others. */
static inline void serve_one(int fd, enum serve how, struct tls_ctx *ctx, const char *answer)
{
	if (!fork()) {
		if (how == SERVE_TLS)
			serve_tls(fd, ctx, answer);
		else if (how == SERVE_PLAIN)
			send(fd, answer, strlen(answer), 0);
		_exit(0);
	}
	close(fd);
}

/* Until server_end(). The diagnosis leads to it. */
static inline void server_begin(enum serve how, const char *answer)
{
	struct tls_pair pair = {cert_file, key_file, NULL};
	struct tls_server_opts made = {.pairs = &pair, .n_pairs = 1};
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	int l = socket(AF_INET, SOCK_STREAM, 0);
	socklen_t len = sizeof(at);
	struct tls_ctx *ctx;

	assert_int_equal(bind(l, (struct sockaddr *)&at, len), 0);
	assert_int_equal(listen(l, 64), 0);
	getsockname(l, (struct sockaddr *)&at, &len);
	assert_int_equal(tls_server_ctx_new(&made, &ctx, NULL), 0);
	server = fork();
	if (!server) {
		signal(SIGCHLD, SIG_IGN);
		for (;;)
			serve_one(accept(l, NULL, NULL), how, ctx, answer);
	}
	close(l);
	tls_ctx_free(ctx);
	opts.host = "127.0.0.1";
	opts.port = ntohs(at.sin_port);
	opts.timeout_ms = 20000;
	d->reachable = true;
	d->server = d->addresses[0] = (struct endpoint){addr_v4(INADDR_LOOPBACK), opts.port};
}

static inline void server_end(void)
{
	if (server > 0) {
		kill(server, SIGKILL);
		waitpid(server, NULL, 0);
	}
	server = 0;
}
