// SPDX-License-Identifier: Apache-2.0
/* The SSTP call: what the server answers to CALL_CONNECT_REQUEST ([MS-SSTP] 3.2.5.3). */
#include <string.h>

#include "diagnose/private.h"
#include "sstp/attr.h"

static bool acknowledged(const struct call *c)
{
	return c->talk.stage > TALK_SSTP;
}

static bool acknowledged_or_over(const struct call *c)
{
	return acknowledged(c) || c->reason;
}

static const char *hashes_text(uint8_t mask)
{
	switch (mask & 3) {
	case CERT_HASH_PROTOCOL_SHA1: return "SHA-1 only";
	case CERT_HASH_PROTOCOL_SHA256: return "SHA-256";
	case CERT_HASH_PROTOCOL_SHA1 | CERT_HASH_PROTOCOL_SHA256: return "SHA-256 and SHA-1";
	}
	return "none that is known";
}

static enum event reason(const struct call *c)
{
	const struct talk *t = &c->talk;

	if (*t->nak && !*t->abort)
		return EV_SSTP_CONNECT_REFUSED;
	if (c->reason == EV_TCP_CLOSED_BY_PEER || c->reason == EV_TLS_CUT)
		return EV_SSTP_HTTPS_GONE;
	return c->reason;
}

void probe_sstp(struct diagnosis *d, struct probe *p)
{
	struct call *c = d->call;
	struct talk *t;

	if (!c || c->talk.stage < TALK_SSTP) {
		probe_skip(p, "the HTTPS request was not accepted");
		return;
	}
	t = &c->talk;
	call_advance(c, acknowledged_or_over);
	if (*t->nak)
		probe_fact(p, "CALL_CONNECT_NAK", "%s, %u times", t->nak, t->naks);
	if (*t->abort && !acknowledged(c))
		probe_fact(p, "end", "%s", t->abort);
	if (!acknowledged(c)) {
		probe_find(p, OUTCOME_FAILED, reason(c), "%s",
			*t->abort ? t->abort
			: *t->nak ? t->nak
				  : c->text);
		return;
	}
	probe_fact(p, "CALL_CONNECT_ACK", "after %.1f ms", (double)t->ack_us / 1000);
	probe_fact(p, "binding hashes", "%s", hashes_text(t->hashes));
	probe_summary(p, "acknowledged in %.1f ms, asks for a binding by %s",
		(double)t->ack_us / 1000, hashes_text(t->hashes));
}
