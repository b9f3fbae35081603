// SPDX-License-Identifier: Apache-2.0
/*
 * sharing.c — reads valgrind's trace of a program (lackey, --trace-mem=yes --trace-sched=yes) and
 * tells which cache lines its threads share, and which instructions each of them executed.
 *
 *     sharing FIFO      SIGUSR1: the window opens; SIGUSR2: it closes, the result goes to stdout
 *
 * valgrind runs one thread at a time and says in the log which: what follows is that thread's.
 *
 *     line ADDRESS THREAD r|w COUNT PC        a cache line that more than one thread touched and
 *                                             one of them wrote; PC is where it was touched last
 *     pc ADDRESS THREAD COUNT FROM            an instruction, how often it was executed, and from which
 *                                             other file (more than a MiB away) it was come to last
 *     total THREAD INSTRUCTIONS LOADS STORES
 */
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LINE_SHIFT = 6, THREADS = 8, SLOTS = 1 << 20, FAR = 1 << 20 };

struct slot {
	uint64_t key; /* address or line, plus one: 0 is free */
	uint32_t reads[THREADS], writes[THREADS];
	uint64_t pc[THREADS];
};

static struct slot *lines, *codes;
static uint64_t totals[THREADS][3];
static volatile sig_atomic_t open_now, close_now;

static void on_open(int signum)
{
	(void)signum;
	open_now = 1;
}

static void on_close(int signum)
{
	(void)signum;
	close_now = 1;
}

static struct slot *find(struct slot *table, uint64_t key)
{
	uint64_t i = key * 0x9e3779b97f4a7c15u >> 44;

	while (table[i].key && table[i].key != key + 1)
		i = (i + 1) % SLOTS;
	table[i].key = key + 1;
	return &table[i];
}

static void touch(unsigned thread, uint64_t address, unsigned size, char kind, uint64_t pc)
{
	uint64_t last = (address + (size ? size - 1 : 0)) >> LINE_SHIFT;

	for (uint64_t line = address >> LINE_SHIFT; line <= last; line++) {
		struct slot *s = find(lines, line);

		s->reads[thread] += kind != 'S';
		s->writes[thread] += kind != 'L';
		s->pc[thread] = pc;
	}
	totals[thread][1] += kind != 'S';
	totals[thread][2] += kind != 'L';
}

static void execute(unsigned thread, uint64_t pc)
{
	static uint64_t last[THREADS], from[THREADS];
	struct slot *s = find(codes, pc);

	if (pc - last[thread] + FAR > 2 * FAR)
		from[thread] = last[thread];
	last[thread] = pc;
	s->reads[thread]++;
	s->pc[thread] = from[thread];
	totals[thread][0]++;
}

static void take(const char *text, unsigned *thread)
{
	static uint64_t pc;
	char *end;
	uint64_t address;

	if (text[0] == '-') { /* "--1234--   SCHED[3]: acquired lock (...)" */
		const char *at = strstr(text, "SCHED[");

		if (at && strstr(at, "acquired lock"))
			*thread = (unsigned)strtoul(at + 6, NULL, 10) % THREADS;
		return;
	}
	if (!open_now || (text[0] != 'I' && text[0] != ' '))
		return;
	address = strtoull(text + 3, &end, 16);
	if (*end != ',')
		return;
	if (text[0] == 'I') {
		pc = address;
		execute(*thread, pc);
	} else if (strchr("LSM", text[1])) {
		touch(*thread, address, (unsigned)strtoul(end + 1, NULL, 10), text[1], pc);
	}
}

static bool is_shared(const struct slot *s)
{
	unsigned touched = 0, wrote = 0;

	for (unsigned t = 0; t < THREADS; t++) {
		touched += s->reads[t] || s->writes[t];
		wrote += s->writes[t] > 0;
	}
	return touched > 1 && wrote;
}

static void tell(void)
{
	for (size_t i = 0; i < SLOTS; i++) {
		const struct slot *s = &lines[i];

		for (unsigned t = 0; s->key && is_shared(s) && t < THREADS; t++) {
			if (s->reads[t])
				printf("line %lx %u r %u %lx\n", (s->key - 1) << LINE_SHIFT, t,
					s->reads[t], s->pc[t]);
			if (s->writes[t])
				printf("line %lx %u w %u %lx\n", (s->key - 1) << LINE_SHIFT, t,
					s->writes[t], s->pc[t]);
		}
	}
	for (size_t i = 0; i < SLOTS; i++)
		for (unsigned t = 0; codes[i].key && t < THREADS; t++)
			if (codes[i].reads[t])
				printf("pc %lx %u %u %lx\n", codes[i].key - 1, t, codes[i].reads[t],
					codes[i].pc[t]);
	for (unsigned t = 0; t < THREADS; t++)
		if (totals[t][0])
			printf("total %u %lu %lu %lu\n", t, totals[t][0], totals[t][1],
				totals[t][2]);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	FILE *in = argc == 2 ? fopen(argv[1], "r") : NULL;
	unsigned thread = 1;
	bool told = false;
	char text[512];

	lines = calloc(SLOTS, sizeof(*lines));
	codes = calloc(SLOTS, sizeof(*codes));
	if (!in || !lines || !codes)
		return 1;
	signal(SIGUSR1, on_open);
	signal(SIGUSR2, on_close);
	while (fgets(text, sizeof(text), in)) {
		if (close_now && !told) {
			open_now = 0;
			told = true;
			tell();
		}
		take(text, &thread);
	}
	return 0;
}
