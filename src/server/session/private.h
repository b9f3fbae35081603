// SPDX-License-Identifier: Apache-2.0
/*
 * server/session/private.h — the session's own struct, and what the files of this room ask of each
 * other: session.c (from door to end), login.c (who is it), place.c (is there room), grant.c (and with
 * what), addresses.c, onlink.c, second.c (its lane).
 */
#pragma once
#include "aaa/aaa.h"
#include "aaa/radius/accept.h"
#include "base/auto.h"
#include "datapath/link.h"
#include "server/admission/admission.h"
#include "server/core/directory.h"
#include "server/core/ranges.h"
#include "server/core/context.h"
#include "server/session/session.h"
#include "server/core/site.h"
#include "store/store.h"

struct allowance;
struct eap_anchors;
struct inform_answer;
struct peer_cert;
struct question; /* one under way to aaa or the store */
struct dhcpv6_request;
struct session_delegation;
struct session_networks;
struct session_regrant; /* the same, about a grant that may have changed */

/* What leads to a session: its entries in the table and the steering map. */
enum claim { CLAIM_IPV4, CLAIM_LINK_LOCAL, CLAIM_IPV6, CLAIMS };

struct session {
	struct link link; /* first: link callbacks get back to the session */
	struct site *site;
	struct session *next, *prev;
	struct door *door; /* NULL: it has logged in, or is no more */
	struct directory_entry place;
	struct log_scope scope;
	struct endpoint peer;
	char user[USER_NAME_MAX + 1]; /* for people; escaped where it is printed */
	uint64_t interim_ms;          /* when its counters are reported next */
	int64_t opened_s;
	uint64_t opened_ms;
	struct aaa_conversation *conversation; /* begun, and no question under way */
	struct question *question;
	struct grant *grant;           /* what the user may have; NULL before the login */
	struct peer_cert *cert;        /* by which the user came in; NULL: by a password */
	struct eap_anchors *judged_by; /* the authorities that the certificate was judged by last */
	struct {
		bool some;                /* the grant has any of the limits that a second checks */
		uint64_t since_ms;        /* the login */
		uint64_t moved, moved_ms; /* packets that passed, and when that was last so */
	} limits;
	uint64_t own_packets; /* of the server to this client, among tx_packets */
	struct session_regrant *regrant;
	struct session *regrant_next, **regrant_prev; /* prev NULL: not in the line */
	struct allowance *allowance;    /* rates and filters; NULL: the user never had any */
	struct directory_handle handle; /* by which a lane names this session */
	struct session_lane *lane;
	enum event refused; /* reported already: why its last proof of EAP was wrong */
	struct ppp_addresses addresses;
	int64_t user_id; /* below 0: of RADIUS */
	bool by_radius;
	struct radius_classes *classes;    /* to be repeated in accounting; NULL: none */
	struct addr leased_address;        /* AF_UNSPEC: none */
	struct prefix claims[CLAIMS];      /* AF_UNSPEC: not held */
	struct session_networks *networks; /* that lead here beside these; NULL: none */
	bool alone; /* clients are kept apart, and the packet filter does not know its address */
	struct session_delegation *delegation; /* NULL: it has not asked the store */
	struct prefix delegated;               /* by DHCPv6; AF_UNSPEC: none */
	uint64_t advertised_ms;
	bool advertised_onward;
	/* What the last advertisement was made of, to take back what is not so any more. */
	struct grant *advertised, *advertised_defaults;
	struct {
		uint64_t second;    /* in which ... */
		unsigned in_second; /* ... so many requests came */
		bool flooded;
		size_t left_routes, left_names; /* of the last answer, as logged */
	} inform;
	bool proved;         /* it came to a login */
	bool regrant_wanted; /* the user changed while its proof was judged */
	bool lasting;        /* its correlation is this client's in all its connections */
	bool tls_up, authenticated, up4, up6, recorded, started, leaving;
	enum event ended_by;
};

static inline struct session *session_of(struct link *l)
{
	return container_of(l, struct session, link);
}

/* ---- report.c ---- */

/* One row for each connection; the first outcome counts. */
void session_record_attempt(struct session *s, enum event outcome, const char *detail);
/* A login that failed, with its row; detail "": the user's name. */
void session_record_refusal(struct session *s, enum event why, const char *detail);
void session_count_login(struct session *s, enum login_result result);
/* EV_NONE: it begins; else it ends so, and the lease goes back. Once each. */
void session_record(struct session *s, enum event ended);
/* Reports its counters when that is due. */
void session_record_interim(struct session *s, uint64_t now_ms);

/* What RADIUS servers learn of it. */
struct aaa_connection session_connection(const struct session *s);

/* ---- login.c ---- */

/* Begins the session's conversation: what LCP offers. Negative errno. */
int login_methods(struct session *s, enum auth_method ret[static AUTH_METHODS]);
void login_request(struct session *s, const struct proof *proof);

/* ---- question.c ---- */

/* The session ends before its answer came. */
void question_abandon(struct question *q);

/* ---- grant.c ---- */

/* Takes a reference, and gives the one before back; NULL: none from now on. */
void session_take_grant(struct session *s, struct grant *grant);
/* May the user's static address be given? As ranges_check_static(). */
int session_check_address(const struct session *s);
/* Where the user's addresses come from; logs when it is not where they should. */
struct prefix session_pool(const struct session *s);
/* How many sessions the user may have. */
unsigned session_most_of_user(const struct session *s, const struct prefix *pool);
/* What IPCP and IPv6CP give to the client, into s->addresses. */
void session_fill_addresses(struct session *s, const struct addr *peer);

/* ---- apply.c ---- */

/* Rates and filters of the grant to the data path. */
void session_apply_grant(struct session *s);

/* ---- limits.c ---- */

/* The session has another grant. */
void limits_take(struct session *s);
/* EV_NONE, or why the session ends now. It has a grant. */
enum event limits_judge(struct session *s, int64_t now_s, uint64_t now_ms);
/* Ends the session when a limit is reached. */
void limits_enforce(struct session *s);

/* ---- regrants.c ---- */

void regrant_forget(struct session *s); /* it is gone */

/* ---- addresses.c ---- */

void addresses_up(struct session *s, const struct tunnel_event *ev);
/* What it has stays its own until addresses_give_back(): the family may come up again. */
void addresses_down(struct session *s, int family);
void addresses_give_back(struct session *s);
/* Of struct link_ops. */
bool addresses_accept_source(struct link *l, const uint8_t *octets, const struct ip_packet *ip);

/* ---- networks.c ---- */

/* What leads to the session follows from its grant and the families that are up; claims and releases. */
void networks_settle(struct session *s);
/* Once a second: those that another session had are asked for again. */
void networks_tick(struct session *s);
void networks_give_back(struct session *s);
/* Of a session that is alone: is this IPv4 address no client's own? */
bool networks_admit(const struct session *s, const uint8_t address[static 4]);
/* "10.1.0.0/16 2001:db8:1::/48": those behind it and delegated ones, as far as there is room. */
size_t networks_list(const struct session *s, char *ret, size_t cap);

bool networks_holds(const struct session *s, const struct prefix *p);

/* ---- delegation.c ---- */

/* `prefix` AF_UNSPEC: none. */
typedef void delegation_reply(
	struct session *s, const struct dhcpv6_request *req, const struct prefix *prefix);
/* Calls `reply` now, or when the store has said which prefix it is; or never: the client repeats itself. */
void delegation_answer(
	struct session *s, const struct dhcpv6_request *req, delegation_reply *reply);
void delegation_end(struct session *s); /* the prefix is free for the next session */

/* ---- order.c ---- */

typedef void order_fn(struct site *site, uint64_t session);
/* `do_it` runs on the worker of that session. Without memory it does not. */
void order_send(struct context *c, const struct directory_hit *to, order_fn *do_it);

/* ---- onlink.c ---- */

void onlink_advertise(struct session *s);
/* Grant or configuration are others. True: the client learns of it with the next flush of the port. */
bool onlink_changed(struct session *s);
void onlink_forget(struct session *s); /* it is gone */
/* Of struct link_ops: a packet to the link itself is answered here. */
void onlink_intercept(
	struct link *l, enum guard_verdict kind, const uint8_t *octets, const struct ip_packet *ip);

/* ---- inform_reply.c ---- */

/* The answer to a packet to the DHCP server of the link; none: ret->n is 0. */
void inform_reply(struct session *s, const uint8_t *octets, const struct ip_packet *ip,
	struct inform_answer *ret);
