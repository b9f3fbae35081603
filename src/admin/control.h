// SPDX-License-Identifier: Apache-2.0
/*
 * admin/control.h — the control socket: JSON lines over a unix stream socket, protocol version 1.
 *
 *     → {"v":1,"cmd":"status"}
 *     ← {"v":1,"ok":true,"result":{…}}      or   {"v":1,"ok":false,"error":"…"}
 *
 * After a request that follows events the answer goes on with one line for each:
 *
 *     ← {"v":1,"event":{…}}
 *
 * One request a line, answered in order; lines are bounded. Access is by file permission: 0660,
 * owned by root and, where it exists, group culvert. docs/control.md is the contract for scripts.
 *
 * Threads: server side: the loop's thread. admin_call(): any, blocking.
 */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <uv.h>

#define CONTROL_VERSION 1
#define CONTROL_SOCKET "control.sock"     /* in the state folder */
#define CONTROL_LINE_MAX (64 * 1024)      /* a request; answers may be longer */
#define CONTROL_CLIENTS_MAX 32            /* at one time; more are closed */
#define CONTROL_BACKLOG_MAX (1024 * 1024) /* octets that wait for a follower; then it is dropped */

struct admin;
struct admin_reply;

/* Called per request; answers now or later, exactly once, with one of the two functions. */
typedef void admin_handler(void *arg, const json_t *request, struct admin_reply *reply);

int admin_new(
	uv_loop_t *loop, const char *path, admin_handler *handler, void *arg, struct admin **ret);
void admin_close(struct admin *c); /* then run the loop dry */
void admin_free(struct admin *c);

void admin_answer(struct admin_reply *reply, json_t *result); /* steals result */
void admin_refuse(struct admin_reply *reply, const char *error);
/* Answers, and from now on admin_tell() reaches this client, until it hangs up. Steals result. */
void admin_follow(struct admin_reply *reply, json_t *result);
void admin_tell(struct admin *c, json_t *event); /* to all who follow; steals event */
bool admin_followed(struct admin *c);            /* by a client? Any thread. */

/*
 * The other end: sends one request and waits for the answer. 0 and *ret_result (a new reference),
 * or a negative errno with `why` filled: -ENOENT, -ECONNREFUSED (no server there), -EACCES.
 */
int admin_call(const char *path, json_t *request, json_t **ret_result, char *why, size_t why_cap);
/* The same for a request that follows: `each` gets every event until it returns false or the server
 * ends (0). */
int admin_listen(const char *path, json_t *request, bool (*each)(json_t *event, void *arg),
	void *arg, char *why, size_t why_cap);
