// SPDX-License-Identifier: Apache-2.0
/*
 * client/options.h — what `culvert connect` was asked for. Strings are borrowed.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/credentials.h"
#include "ip/pushed.h"

#define CLIENT_ROUTES_MAX 64
#define CLIENT_PINS_MAX 8
#define CLIENT_DNS_DOMAINS_MAX 16
#define CLIENT_SERVERS_MAX 8
#define CLIENT_KNOWN_MAX 16
#define CLIENT_NAME_SERVERS_MAX 6

struct eap_peer;
struct proxy; /* front/proxy_connect.h */

/* What a negotiation gave; what does not belong here (client/permit.h) is left out. */
struct client_facts {
	char tun[16];
	struct endpoint server;  /* or the proxy */
	struct addr own4, peer4; /* AF_UNSPEC: none */
	struct addr own6;        /* of an advertised prefix of 64 bits */
	bool onward6;            /* the server takes IPv6 for other networks, too */
	uint16_t mtu;
	struct addr dns[CLIENT_NAME_SERVERS_MAX]; /* AF_UNSPEC: no more */
	char domains[CLIENT_DNS_DOMAINS_MAX][PUSHED_NAME_LEN];
	struct prefix routes[PUSHED_ROUTES_MAX]; /* pushed, and followed */
	size_t n_domains, n_routes;
	bool split; /* only `routes` go through the tunnel */
};

struct client_server {
	const char *host;
	uint16_t port;
};

/* The addresses of a server as the DNS gave them last, for when it cannot be asked. */
struct client_known {
	char host[256];
	struct endpoint at[CLIENT_KNOWN_MAX];
	size_t n;
};

struct client;
struct uv_loop_s;

struct client_opts {
	const char *user, *password;
	struct client_server servers[CLIENT_SERVERS_MAX]; /* in the order in which they are tried */
	size_t n_servers;
	bool lock, lock_lan;       /* the kill switch (client/guard.h) */
	bool once;                 /* ends at the first loss; else it comes back by itself */
	const struct proxy *proxy; /* NULL: straight to the server */
	const char *ca_file;       /* NULL: the system's store */
	const char *pins[CLIENT_PINS_MAX];
	size_t n_pins;
	bool insecure;
	const char *sni; /* NULL: host */
	const char *keylog;
	const char *tun_name; /* NULL: culvert%d */
	unsigned no_offloads; /* TUN_OFFLOAD_* (os/tun.h) not to ask for */
	enum auth_method methods[AUTH_METHODS];
	size_t n_methods;
	struct eap_peer *eap; /* with AUTH_EAP among them; outlives the call */
	bool default_route, dns, ipv6;
	bool follow_pushed; /* routes that the server pushes; with default_route in its place */
	bool accept_pushed; /* ... and what is refused otherwise (ip/pushed.h) */
	bool lanes;      /* a second connection for sparse flows, when it helps (client/lane.h) */
	bool block_ipv6; /* what IPv6 the tunnel does not take goes nowhere */
	struct prefix routes[CLIENT_ROUTES_MAX], excluded[CLIENT_ROUTES_MAX];
	size_t n_routes, n_excluded;
	const char *dns_domains[CLIENT_DNS_DOMAINS_MAX]; /* A-labels */
	size_t n_dns_domains;
	uint16_t mtu;           /* 0: 1400 */
	unsigned hello_s;       /* 0: 10 */
	const char *congestion; /* NULL: auto, see tunnel/congestion.h */
	bool verbose;           /* a line per step on standard error */
	bool apart; /* the interface has a network of its own, without another way (os/apart.h) */
	bool hands_off; /* another program sets address, routes and name servers, by the facts */
	const struct client_known *known; /* NULL: none */
	/* IPv4 flows, or the facts have changed. NULL: none asks. */
	void (*on_up)(void *arg, const struct client_facts *facts);
	/*
	 * For an owner that is asked from outside while the client runs (client_status()); all or none. The
	 * loop begins: handles may be added to it. Another phase. The loop ends: they are closed.
	 */
	void (*on_begin)(void *arg, struct client *c, struct uv_loop_s *loop);
	void (*on_change)(void *arg);
	void (*on_close)(void *arg);
	void *arg;
};
