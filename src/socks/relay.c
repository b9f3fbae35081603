// SPDX-License-Identifier: Apache-2.0
#include "socks/relay.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

#include "base/auto.h"

#define BUFFER_LEN 65536

struct half { /* from one socket to the other */
	int from, to;
	bool ended; /* `from` has no more */
	bool over;  /* and `to` knows, or is gone */
	size_t at, n;
	char *buffer;
};

static void finish(struct half *h)
{
	if (!h->over)
		shutdown(h->to, SHUT_WR);
	h->over = true;
}

static void fill(struct half *h)
{
	ssize_t n = recv(h->from, h->buffer, BUFFER_LEN, MSG_DONTWAIT);

	if (n > 0) {
		h->at = 0;
		h->n = (size_t)n;
	} else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
		h->ended = true;
		finish(h);
	}
}

static void drain(struct half *h)
{
	ssize_t n = send(h->to, h->buffer + h->at, h->n - h->at, MSG_DONTWAIT | MSG_NOSIGNAL);

	if (n >= 0)
		h->at += (size_t)n;
	else if (errno != EAGAIN && errno != EINTR)
		h->over = h->ended = true;
	if (h->at == h->n)
		h->at = h->n = 0;
}

/* What to wait for: room for what was read, else something to read. */
static struct pollfd wanted(const struct half *h)
{
	if (h->over)
		return (struct pollfd){.fd = -1};
	return h->n ? (struct pollfd){h->to, POLLOUT, 0} : (struct pollfd){h->from, POLLIN, 0};
}

static void step(struct half *h, short revents)
{
	if (!revents || h->over)
		return;
	if (!h->n)
		fill(h);
	if (h->n)
		drain(h);
}

void relay_run(int a, int b)
{
	AUTO_MEM char *up = malloc(BUFFER_LEN);
	AUTO_MEM char *down = malloc(BUFFER_LEN);
	struct half halves[] = {
		{.from = a, .to = b, .buffer = up}, {.from = b, .to = a, .buffer = down}};

	while (up && down && !(halves[0].over && halves[1].over)) {
		struct pollfd p[] = {wanted(&halves[0]), wanted(&halves[1])};

		if (poll(p, 2, -1) < 0 && errno != EINTR)
			return;
		for (size_t i = 0; i < 2; i++)
			step(&halves[i], p[i].revents);
	}
}
