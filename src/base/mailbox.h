// SPDX-License-Identifier: Apache-2.0
/*
 * base/mailbox.h — messages from any thread to one event loop.
 *
 * Letters are intrusive (the sender's struct holds a struct letter), so posting never allocates and
 * never fails. A sender whose letter outlives its struct allocates the letter first, and handles a failure.
 * The mailbox's eventfd becomes readable when letters wait; the owner then calls mailbox_deliver().
 * The sender bounds the number of letters in transit; each kind of letter names its bound.
 *
 * Threads: mailbox_post() any; all else the owner.
 */
#pragma once
#include <pthread.h>

struct letter {
	struct letter *next;
	/* Runs on the owner's thread; owns the letter from then on. */
	void (*deliver)(struct letter *l);
};

struct mailbox {
	pthread_mutex_t lock;
	struct letter *head, **tail;
	int fd;
};

int mailbox_init(struct mailbox *m);
void mailbox_done(struct mailbox *m);
void mailbox_post(struct mailbox *m, struct letter *l);
/* Takes and delivers all that wait now. */
void mailbox_deliver(struct mailbox *m);
