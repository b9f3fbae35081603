// SPDX-License-Identifier: Apache-2.0
/*
 * server/control/authorities.h — reads the authorities for users' certificates again, and ends the
 * sessions whose certificate they do not let in any more.
 *
 * Threads: the control thread; the store's reading thread does the work.
 */
#pragma once
struct admin_reply;
struct control;

/* `reply` (NULL: none wants one) is answered later, once. */
void authorities_refresh(struct control *c, struct admin_reply *reply);
