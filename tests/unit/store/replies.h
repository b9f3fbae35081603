// SPDX-License-Identifier: Apache-2.0
/* unit/store/replies.h — the thread of a test waits for the letters that the store's thread sends. */
#pragma once
#include <poll.h>

#include "base/clock.h"
#include "base/mailbox.h"

/* Delivers letters until *count, which their callbacks raise, is n. */
static inline void replies_wait(struct mailbox *box, const int *count, int n)
{
	uint64_t give_up = clock_mono_ms() + 20000;

	while (*count < n && clock_mono_ms() < give_up) {
		poll(&(struct pollfd){box->fd, POLLIN, 0}, 1, 100);
		mailbox_deliver(box);
	}
	assert_int_equal(*count, n);
}
