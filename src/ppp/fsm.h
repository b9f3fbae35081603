// SPDX-License-Identifier: Apache-2.0
/*
 * ppp/fsm.h — the option negotiation automaton of RFC 1661 section 4, once for LCP, IPCP and IPv6CP.
 *
 * The automaton owns codes 1 to 7: it parses and answers them, keeps the restart timer and queues
 * what must go out. It never calls upward: "this layer up/down/started/finished" are bits that the
 * owner takes after each call. What is particular to a protocol are its option rows.
 */
#pragma once
#include "base/buf.h"
#include "base/clock.h"
#include "ppp/fault.h"
#include "ppp/frame.h"
#include "ppp/options.h"

/* RFC 1661 4.2, in the order of the table's columns. */
enum fsm_state {
	FSM_INITIAL,
	FSM_STARTING,
	FSM_CLOSED,
	FSM_STOPPED,
	FSM_CLOSING,
	FSM_STOPPING,
	FSM_REQ_SENT,
	FSM_ACK_RCVD,
	FSM_ACK_SENT,
	FSM_OPENED,
	FSM_STATES
};

/* RFC 1661 4.3, in the order of the table's rows. */
enum fsm_event {
	FSM_UP,
	FSM_DOWN,
	FSM_OPEN,
	FSM_CLOSE,
	FSM_TO_PLUS,
	FSM_TO_MINUS,
	FSM_RCR_PLUS,
	FSM_RCR_MINUS,
	FSM_RCA,
	FSM_RCN,
	FSM_RTR,
	FSM_RTA,
	FSM_RUC,
	FSM_RXJ_PLUS,
	FSM_RXJ_MINUS,
	FSM_RXR,
	FSM_EVENTS
};

/* RFC 1661 4.4. */
enum fsm_action {
	FSM_TLU = 1 << 0, /* this layer up */
	FSM_TLD = 1 << 1,
	FSM_TLS = 1 << 2, /* this layer started: it needs the one below */
	FSM_TLF = 1 << 3, /* this layer finished */
	FSM_IRC = 1 << 4, /* initialise the restart counter */
	FSM_ZRC = 1 << 5, /* zero it */
	FSM_SCR = 1 << 6,
	FSM_SCA = 1 << 7,
	FSM_SCN = 1 << 8, /* Configure-Nak or -Reject */
	FSM_STR = 1 << 9,
	FSM_STA = 1 << 10,
	FSM_SCJ = 1 << 11,
	FSM_SER = 1 << 12,
};

/* RFC 1661 5 and RFC 1570 2. */
enum ppp_code {
	CONFIGURE_REQUEST = 1,
	CONFIGURE_ACK,
	CONFIGURE_NAK,
	CONFIGURE_REJECT,
	TERMINATE_REQUEST,
	TERMINATE_ACK,
	CODE_REJECT,
	PROTOCOL_REJECT, /* from here on LCP alone */
	ECHO_REQUEST,
	ECHO_REPLY,
	DISCARD_REQUEST,
	IDENTIFICATION,
	TIME_REMAINING,
};

/* One cell of the table: what to do and the state that follows; next < 0: cannot happen. */
struct fsm_cell {
	uint16_t actions;
	int8_t next;
};

struct fsm_protocol {
	const char *name;
	uint16_t number;
	struct option_table options;
	void (*begin)(void *self);  /* before the options of a Request are checked */
	void (*agreed)(void *self); /* after that, when it gets its Ack */
	/* A Request in Opened with the same options as the one acked gets another Ack, whatever its
	 * identifier. For LCP: see fsm.c. */
	bool negotiates_once;
	enum event no_answer, timeout, not_converging, refused, terminated; /* how it can end */
};

struct fsm {
	const struct fsm_protocol *protocol;
	void *self;
	struct buf *queue;
	struct ppp_fault *fault;

	enum fsm_state state;
	unsigned restart_count;
	uint64_t first_restart_ms; /* the first interval for a Configure-Request; 3 s or less */
	uint64_t restart_ms;       /* the interval that runs */
	uint64_t deadline;         /* of the restart timer, or NEVER */
	uint16_t mtu;              /* what the peer takes: Code-Rejects are cut to it */
	unsigned layer;            /* FSM_TLU … FSM_TLF not yet taken */
	enum event end;            /* set with FSM_TLF: why */
	char *end_text;            /* what the peer's Terminate-Request says; NULL: nothing */
	unsigned impossible_events;

	uint8_t next_identifier, request_identifier;
	bool resend;          /* the next Configure-Request is the last one again */
	bool acked;           /* the peer has acked our last Request */
	bool heard;           /* the peer sent anything at all */
	bool may_be_lost;     /* our last Request went out before the peer had sent anything */
	bool peer_terminated; /* its Terminate-Request was seen */
	uint8_t request[FSM_OWN_REQUEST_MAX]; /* our last one */
	size_t request_len;
	uint32_t left_out; /* option rows that the peer has rejected */
	unsigned naks_sent, naks_heard, requests_heard;
	uint8_t peer_request[128], peer_request_identifier; /* the last one acked, if it fits */
	size_t peer_request_len;
	bool peer_request_kept;
	/* A Request that is sent again is answered with the same Nak, which counts once. */
	bool naked, repeats;
	uint8_t naked_identifier;
	unsigned repeated;

	/* What the packet in hand is answered with; code 0: nothing. */
	struct {
		uint8_t code, identifier;
		const uint8_t *octets;
		size_t n;
	} answer;
	const char *terminate_text; /* of our Terminate-Request, or NULL */
};

void fsm_init(struct fsm *f, const struct fsm_protocol *protocol, void *self, struct buf *queue,
	struct ppp_fault *fault);
void fsm_done(struct fsm *f);
/* FSM_UP, FSM_DOWN, FSM_OPEN, FSM_CLOSE; the others come from within, or from LCP. */
void fsm_event(struct fsm *f, enum fsm_event ev, uint64_t now_ms);
void fsm_recv(struct fsm *f, const struct ppp_packet *packet, uint64_t now_ms);
void fsm_tick(struct fsm *f, uint64_t now_ms); /* does nothing before f->deadline */
unsigned fsm_take_layer(
	struct fsm *f); /* FSM_TLU | FSM_TLD | FSM_TLS | FSM_TLF since the last call */
const char *fsm_end_text(const struct fsm *f); /* "": none */
const struct fsm_cell *fsm_cell(enum fsm_event ev, enum fsm_state state);
