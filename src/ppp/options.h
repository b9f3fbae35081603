// SPDX-License-Identifier: Apache-2.0
/*
 * ppp/options.h — Configuration Options (RFC 1661 6) as descriptor rows. A new option is a new row.
 *
 * A protocol (LCP, IPCP, IPv6CP) is a table of rows. The same rows serve both directions:
 *   the peer asks:  judge() says what its Request deserves, append() asks for what it left out;
 *   we ask:         encode() writes our Request, on_nak() and on_reject() hear what came back.
 * A row without judge() is one that we know and refuse; so is every code without a row.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/rd.h"
#include "base/wr.h"
#include "ppp/limits.h"

enum option_answer { OPTION_ACK, OPTION_NAK, OPTION_REJECT };

struct ppp_option {
	uint8_t code;
	uint8_t length; /* of the whole option; 0: any. With another one it is rejected */
	uint8_t index;  /* for the row's own use: which of several alike */
	const char *name;
	/* OPTION_NAK: writes the value that would do to `nak`. */
	enum option_answer (*judge)(
		void *self, const struct ppp_option *row, struct rd value, struct wr *nak);
	/* The option is missing: writes the value we want and returns true, or false: we can do without. */
	bool (*append)(void *self, const struct ppp_option *row, struct wr *nak);
	/* Writes the value of our own Request; false: we do not ask for it. NULL: never. */
	bool (*encode)(void *self, const struct ppp_option *row, struct wr *value);
	void (*on_nak)(void *self, const struct ppp_option *row, struct rd value);
	void (*on_reject)(void *self,
		const struct ppp_option *row); /* NULL: it is just left out from now on */
};

struct option_table {
	const struct ppp_option *rows;
	size_t n; /* at most 32 */
};

/* A Configure-Ack, -Nak or -Reject in the making. */
struct option_reply {
	enum option_answer answer;
	size_t n;
	uint8_t octets[FSM_REPLY_MAX];
};

/* Our Request, without the rows in the bit mask `left_out`. Returns its length. */
size_t options_encode(
	const struct option_table *t, void *self, uint32_t left_out, uint8_t *ret, size_t cap);

/*
 * The peer's Request. Reject goes before Nak (RFC 1661 5.4); with `no_more_naks` (Max-Failure) what
 * would be Nak'd is rejected and nothing is appended. -EPROTO: malformed or beyond the limits, drop it.
 */
int options_judge(const struct option_table *t, void *self, struct rd request, bool no_more_naks,
	struct option_reply *ret);

/* The peer's Nak or Reject of `sent`, our last Request. -EPROTO: malformed, or (Reject) not part of it. */
int options_naked(const struct option_table *t, void *self, struct rd nak);
int options_rejected(const struct option_table *t, void *self, struct rd sent, struct rd reject,
	uint32_t *left_out);
