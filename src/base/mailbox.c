// SPDX-License-Identifier: Apache-2.0
#include "base/mailbox.h"

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

int mailbox_init(struct mailbox *m)
{
	*m = (struct mailbox){.fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)};
	m->tail = &m->head;
	if (m->fd < 0)
		return -errno;
	pthread_mutex_init(&m->lock, NULL);
	return 0;
}

void mailbox_done(struct mailbox *m)
{
	if (m->fd < 0)
		return;
	close(m->fd);
	pthread_mutex_destroy(&m->lock);
	m->fd = -1;
}

void mailbox_post(struct mailbox *m, struct letter *l)
{
	uint64_t one = 1;
	int was_empty;

	l->next = NULL;
	pthread_mutex_lock(&m->lock);
	was_empty = !m->head;
	*m->tail = l;
	m->tail = &l->next;
	pthread_mutex_unlock(&m->lock);
	/* The counter cannot overflow: there is one write per change from empty. */
	if (was_empty && write(m->fd, &one, sizeof(one)) < 0)
		return;
}

/* The oldest letter or NULL; clears the eventfd when it found none. */
static struct letter *take(struct mailbox *m)
{
	struct letter *l;
	uint64_t n;

	pthread_mutex_lock(&m->lock);
	l = m->head;
	if (l) {
		m->head = l->next;
		if (!m->head)
			m->tail = &m->head;
	} else if (read(m->fd, &n, sizeof(n)) < 0) {
		n = 0; /* nothing to clear */
	}
	pthread_mutex_unlock(&m->lock);
	return l;
}

void mailbox_deliver(struct mailbox *m)
{
	struct letter *l;

	while ((l = take(m)))
		l->deliver(l);
}
