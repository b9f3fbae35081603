// SPDX-License-Identifier: Apache-2.0
/*
 * pingturns INTERVAL_US ROUNDS ADDRESS... — pings each address once a round, one packet at a time:
 * what the machine does to one of them it does to all. Each round has an order of its own, for the one
 * before leaves the kernel's code in the caches or does not (behind a ping without a tunnel the same
 * contender took a tenth longer than behind one with). For each address a line: the address, and
 * the times that its answers took, in us. An answer that takes more than half a second is lost.
 */
#include <arpa/inet.h>
#include <netinet/ip_icmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define TARGETS_MAX 16
#define PAYLOAD 56 /* octets, as ping's */

struct echo {
	struct icmphdr header;
	uint8_t payload[PAYLOAD];
};

static uint16_t checksum(const struct echo *e)
{
	const uint8_t *p = (const uint8_t *)e;
	uint32_t sum = 0;

	for (size_t i = 0; i < sizeof(*e); i += 2) {
		uint16_t word;

		memcpy(&word, p + i, 2);
		sum += word;
	}
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static double now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void sleep_until(double us)
{
	struct timespec t = {(time_t)(us / 1e6), 0};

	t.tv_nsec = (long)((us - (double)t.tv_sec * 1e6) * 1e3);
	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
}

/* The time it took, or -1. */
static double ping(int fd, const struct sockaddr_in *to, uint16_t id, uint16_t sequence)
{
	struct echo e = {.header = {.type = ICMP_ECHO}};
	uint8_t octets[2048];
	double sent;
	ssize_t n;

	e.header.un.echo.id = id;
	e.header.un.echo.sequence = sequence;
	e.header.checksum = checksum(&e);
	sent = now_us();
	if (sendto(fd, &e, sizeof(e), 0, (const struct sockaddr *)to, sizeof(*to)) < 0)
		return -1;
	while ((n = recv(fd, octets, sizeof(octets), 0)) > 0) {
		size_t ip = (octets[0] & 15) * 4u;
		struct icmphdr h;

		if ((size_t)n < ip + sizeof(h))
			continue;
		memcpy(&h, octets + ip, sizeof(h));
		if (h.type == ICMP_ECHOREPLY && h.un.echo.id == id &&
			h.un.echo.sequence == sequence)
			return now_us() - sent;
	}
	return -1;
}

/* Fisher and Yates; the same orders in every run. */
static void shuffle(int *order, int n, uint32_t *seed)
{
	for (int i = n - 1; i > 0; i--) {
		int other, was = order[i];

		*seed = *seed * 1664525 + 1013904223;
		other = (int)((*seed >> 16) % (uint32_t)(i + 1));
		order[i] = order[other];
		order[other] = was;
	}
}

int main(int argc, char **argv)
{
	int targets = argc - 3, fd = socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);
	struct sockaddr_in to[TARGETS_MAX] = {0};
	struct timeval longest = {.tv_usec = 500000};
	long interval_us, rounds;
	int order[TARGETS_MAX];
	uint32_t seed = 1;
	double *took, next;
	uint16_t sequence = 0;

	if (targets < 1 || targets > TARGETS_MAX || fd < 0) {
		fprintf(stderr, "usage: pingturns INTERVAL_US ROUNDS ADDRESS..., as root\n");
		return 2;
	}
	interval_us = strtol(argv[1], NULL, 10);
	rounds = strtol(argv[2], NULL, 10);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &longest, sizeof(longest));
	for (int i = 0; i < targets; i++) {
		order[i] = i;
		to[i].sin_family = AF_INET;
		if (inet_pton(AF_INET, argv[3 + i], &to[i].sin_addr) != 1) {
			fprintf(stderr, "pingturns: %s is no IPv4 address\n", argv[3 + i]);
			return 2;
		}
	}
	took = calloc((size_t)(rounds * targets), sizeof(*took));
	if (!took)
		return 1;
	next = now_us();
	for (long r = 0; r < rounds; r++) {
		shuffle(order, targets, &seed);
		for (int i = 0; i < targets; i++, next += (double)interval_us) {
			int t = order[i];

			sleep_until(next);
			took[r * targets + t] = ping(fd, &to[t], (uint16_t)getpid(), sequence++);
		}
	}
	for (int i = 0; i < targets; i++) {
		printf("%s", argv[3 + i]);
		for (long r = 0; r < rounds; r++)
			if (took[r * targets + i] >= 0)
				printf(" %.1f", took[r * targets + i]);
		printf("\n");
	}
	free(took);
	return 0;
}
