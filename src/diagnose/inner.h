// SPDX-License-Identifier: Apache-2.0
/*
 * diagnose/inner.h — shared by the files that try the inside of the tunnel.
 */
#pragma once
#include "diagnose/inner_packet.h"
#include "diagnose/private.h"
#include "ip/packet.h"
#include "ip/pushed.h"

#define PING_SIZE 84
#define MTU_MOST 1400 /* what the tunnel agrees on, as a rule */
#define MTU_LEAST 576 /* RFC 791: each host takes so much */
#define INNER_QUESTIONS_MAX 8
#define INNER_DNS_MAX 512 /* a DNS answer over UDP (RFC 1035 section 2.3.4) */

struct dhcp_ack;

struct inner_dns { /* one name server that the VPN server hands out */
	bool answered;
	int rcode;
	double ms;
};

struct inner {
	struct call *call;
	struct addr own, gateway;
	struct addr own6; /* AF_UNSPEC: no address was advertised */
	struct inner_question questions[INNER_QUESTIONS_MAX]; /* asked at the same time */
	struct inner_answer answers[INNER_QUESTIONS_MAX];
	size_t n;
	uint16_t next_seq, id;
	uint64_t sent_us, rtt_us; /* of the first question */

	uint16_t dns_id, dns_port; /* of the DNS question that is asked */
	uint8_t dns_octets[INNER_DNS_MAX];
	size_t dns_len; /* 0: no answer */
	int dns_rcode;
	struct inner_dns dns[2];

	struct dhcp_ack *dhcp; /* while it is asked for */
	uint32_t dhcp_xid;
	bool dhcp_answered;
	struct pushed pushed; /* by DHCP and advertisements */

	bool gateway_ok;
	bool stalled; /* nothing passes any more, since a large packet went out */
	double gateway_ms;
	bool counting; /* --speed: every echo counts */
	uint64_t octets, packets;
};

/* ---- inner_ask.c ---- */
/* Of struct call: `arg` is a struct inner. */
void inner_on_packet(void *arg, int family, struct rd packet);
int inner_send(struct inner *in, const struct inner_question *q);
/* Asks all of in->questions; until each has its answer or the time is over. Returns how many have. */
size_t inner_ask(struct inner *in, unsigned wait_ms);
/* An echo of `size` octets: the only question. */
bool inner_ping(struct inner *in, const struct addr *to, size_t size);
/* How many of a few were answered, with their mean time; gives up after two that were not. */
unsigned inner_ping_some(struct inner *in, const struct addr *to, double *ret_ms);
struct inner_question inner_echo_to(struct inner *in, const struct addr *to, size_t size);
/* Our address of that family inside; AF_UNSPEC: none. */
struct addr inner_own(const struct inner *in, int family);

/* ---- inner_mtu.c ---- */
void inner_judge_mtu(struct inner *in, struct probe *p, const char *name, const struct addr *to);

/* ---- inner_dns.c ---- */
/* Asks the name servers that were handed out for the name of the VPN server; fills in->dns. */
void inner_ask_dns(struct inner *in);
void inner_judge_dns(const struct inner *in, struct probe *p);
/* A name by way of the tunnel's name servers. Returns an addrinfo-like rcode text, "" when found. */
const char *inner_resolve(struct inner *in, const char *name, struct addr *ret);
void inner_on_udp(struct inner *in, struct rd r);
/* Asks the name server for the domain itself: "" when it knows it, else what it says. */
const char *inner_knows(struct inner *in, const struct addr *server, const char *domain);

/* ---- inner_pushed.c ---- */
void inner_judge_pushed(struct inner *in, struct probe *p);
void inner_on_dhcp(struct inner *in, const uint8_t *octets, const struct ip_packet *ip);

/* ---- inner_target.c ---- */
/* Returns whether the target, or a router on the way to it, answered. */
bool inner_judge_target(struct diagnosis *d, struct inner *in, struct probe *p);
