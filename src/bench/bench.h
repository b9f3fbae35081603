// SPDX-License-Identifier: Apache-2.0
/*
 * bench/bench.h — `culvert bench`: many real tunnels from one process, without interfaces.
 *
 * Each tunnel is the client's own (TLS, HTTP, SSTP, PPP, a socket and a queue); its packets are
 * made and read here instead of by a TUN. So it measures how fast a server lets clients in, what
 * holding them costs, and how it answers under load.
 *
 * Ownership: options are borrowed for the call.
 * Threads:   runs its own loop on the caller's thread; SIGINT and SIGTERM end it early.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/credentials.h"
#include "bench/tally.h"
#include "events/event.h"

#define BENCH_TUNNELS_MAX 200000
#define BENCH_SOURCES_MAX 1024
#define BENCH_PINS_MAX 8
#define BENCH_FAILURES_MAX 16 /* different ones that are counted separately */

struct bench_user {
	char name[USER_NAME_MAX + 1], password[PAP_PASSWORD_MAX + 1];
};

enum bench_load { BENCH_LOAD_NONE, BENCH_LOAD_ECHO, BENCH_LOAD_UDP };

enum bench_phase { BENCH_LOGIN, BENCH_HOLD, BENCH_CLOSE, BENCH_DONE };

struct bench_result {
	enum bench_phase phase;
	uint32_t wanted, up, up_most; /* tunnels: asked for; now; at most at one time */

	uint32_t logins,
		failed;    /* complete ones (TCP to an IPv4 address); those that did not come up */
	uint64_t login_us; /* from the first attempt to the last login */
	uint64_t login_cpu_us; /* this process's */
	struct tally login;    /* each, from connect() to its address */
	struct tally steps[4]; /* the same up to: TLS, HTTP answer, SSTP call, authentication */

	uint64_t hold_us, hold_cpu_us;
	uint32_t lost;                   /* tunnels that ended by themselves */
	uint64_t sent, answered, others; /* packets of the load; `others` came and were not ours */
	uint64_t late;                   /* packets that this process was too slow to send */
	struct tally answer;

	struct bench_failure {
		enum event event;
		uint32_t count;
		char text[200]; /* of the first */
	} failures[BENCH_FAILURES_MAX];
	unsigned n_failures;
	bool interrupted, gave_up; /* gave_up: no early login succeeded, so the rest was skipped */
};

struct bench_opts {
	const char *host;
	uint16_t port;
	const struct bench_user *users; /* tunnel i logs in as users[i % n_users] */
	size_t n_users;
	const char *ca_file; /* the server's identity, as in client/client.h */
	const char *pins[BENCH_PINS_MAX];
	size_t n_pins;
	bool insecure;
	const char *sni;
	struct addr sources[BENCH_SOURCES_MAX]; /* in turn; none: the system chooses */
	size_t n_sources;
	unsigned tunnels;
	unsigned parallel;  /* logins under way at one time */
	unsigned rate;      /* logins begun per second; 0: as `parallel` allows */
	unsigned timeout_s; /* for one login */
	unsigned hold_s;    /* how long all stay up */
	bool churn;         /* for hold_s: each that is up is closed and logs in again */
	enum bench_load load;
	double per_second;      /* packets for each tunnel */
	unsigned size;          /* octets of their IP packets */
	struct endpoint target; /* AF_UNSPEC: the server's address inside */
	unsigned hello_s;       /* 0: 60 */
	const char *congestion; /* NULL: auto, see tunnel/congestion.h */
	/* About every second, and when the phase changes. */
	void (*progress)(void *arg, const struct bench_result *so_far);
	void *progress_arg;
};

/* EV_NONE, or why it could not start, with `detail`. `ret` is filled in any case. */
enum event bench_run(
	const struct bench_opts *opts, struct bench_result *ret, char *detail, size_t detail_cap);
