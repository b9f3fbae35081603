// SPDX-License-Identifier: Apache-2.0
/*
 * client/setup.h — what a connected client changes on this machine, and how it is undone.
 *
 * client_setup_free() undoes all of it. After a kill -9 the interface's own settings are gone with
 * the process; the rest is found by its mark and undone by the next client_setup_new().
 *
 * Threads: the client's one.
 */
#pragma once
#include "base/credentials.h"
#include "client/options.h"
#include "os/failure.h"
#include "os/tun.h"

struct client_setup;
struct dhcp_ack;
struct ra;

/* Cleans up what a killed client left; nothing is changed yet. */
int client_setup_new(const struct client_opts *opts, const struct tun *tun,
	struct client_setup **ret, struct os_failure *why);
void client_setup_free(struct client_setup *s);
/*
 * Address, MTU, routes, resolver; what an earlier negotiation gave is taken back. An address that
 * stands for something else here (client/permit.h) is not used: for this machine itself that is an
 * error, for the peer and name servers a line of the log.
 */
int client_setup_ipv4(struct client_setup *s, const struct ppp_addresses *a, uint16_t mtu,
	struct os_failure *why);
/* Peer, name servers, domains and routes that may be used, for a program that sets them. */
void client_setup_facts(struct client_setup *s, struct client_facts *f);
/* The link-local address of the negotiated interface identifier. */
int client_setup_ipv6(struct client_setup *s, const struct ppp_addresses *a);
/* A router advertisement came out of the tunnel: an address, and the way to the rest of IPv6. */
void client_setup_advertised(struct client_setup *s, const struct ra *ra);
/* What the server answers to DHCPINFORM; NULL: nothing, so that an earlier answer counts no longer. */
void client_setup_answered(struct client_setup *s, const struct dhcp_ack *ack);
/* This machine's networks have changed: what the server pushed is judged again. */
void client_setup_judge_again(struct client_setup *s);
/* When the next advertised lifetime ends, by clock_mono_ms(); NEVER: nothing has one. */
uint64_t client_setup_next_end_ms(const struct client_setup *s);
/* Takes back what is past its lifetime: address, routes, the way to the rest of IPv6. */
void client_setup_end_due(struct client_setup *s);
/* Our address of an advertised prefix; AF_UNSPEC: none. */
struct addr client_setup_own6(const struct client_setup *s);
/* Whether IPv6 for other networks goes into the tunnel; without --no-default-route it should. */
bool client_setup_ipv6_onward(const struct client_setup *s);
/* For SO_MARK of the tunnel's own sockets (client/policy.h). */
uint32_t client_setup_mark(const struct client_setup *s);
/* Where the connection goes from now on: the server or the proxy. */
void client_setup_server(struct client_setup *s, const struct endpoint *server);

/*
 * Name servers to be asked for the server's name in the place of this machine's resolver, which points
 * into the tunnel. 0: the resolver will do. Returns how many.
 */
size_t client_setup_names(const struct client_setup *s, struct addr *ret, size_t cap);

/* How this machine reaches the server without the tunnel. All zeros: it does not. */
struct client_way {
	unsigned ifindex;
	struct addr via;
};

/*
 * This machine's links, addresses or routes have changed: logs it when the way to the server has. True
 * when there is one, and it is another one than at the last look.
 */
bool client_setup_follow_uplink(struct client_setup *s);
/* As it was at the last look. */
struct client_way client_setup_way(const struct client_setup *s);
/*
 * This machine has lost the address `local`, from which the connection to the server was made, and
 * has a way to the server: by another address, then.
 */
bool client_setup_is_cut_off(struct client_setup *s, const struct addr *local);
/* Warns of IPv6 traffic that bypasses a tunnel which is the default route. */
void client_setup_warn_of_leak(struct client_setup *s);
