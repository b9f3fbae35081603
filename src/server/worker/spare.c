// SPDX-License-Identifier: Apache-2.0
#include "server/worker/spare.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

/* The lock is held. */
static bool reopen(struct spare *s)
{
	if (s->fd < 0)
		s->fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	atomic_store_explicit(&s->in_doubt, s->fd < 0, memory_order_seq_cst);
	return s->fd >= 0;
}

void spare_init(struct spare *s)
{
	*s = (struct spare){.fd = -1};
	pthread_mutex_init(&s->lock, NULL);
	reopen(s);
}

void spare_done(struct spare *s)
{
	if (s->fd >= 0)
		close(s->fd);
	pthread_mutex_destroy(&s->lock);
}

bool spare_refuse_one(struct spare *s, int listener)
{
	bool refused = false;
	int fd;

	pthread_mutex_lock(&s->lock);
	if (reopen(s)) { /* it may have been missing, and a descriptor free again */
		/* Before the close: a thread whose accept() takes the place sees it and waits. */
		atomic_store_explicit(&s->in_doubt, true, memory_order_seq_cst);
		close(s->fd);
		s->fd = -1;
		fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		refused = fd >= 0;
		if (refused)
			close(fd);
		reopen(s);
	}
	pthread_mutex_unlock(&s->lock);
	return refused;
}

bool spare_repaid(struct spare *s, int fd)
{
	bool repaid = false;

	if (!atomic_load_explicit(&s->in_doubt, memory_order_seq_cst))
		return false;
	pthread_mutex_lock(&s->lock);
	if (!reopen(s)) {
		close(fd);
		repaid = true;
		reopen(s);
	}
	pthread_mutex_unlock(&s->lock);
	return repaid;
}
