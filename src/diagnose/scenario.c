// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation
 *
 * Each message becomes a line, as it passes. What the server sent waits until we answer: an
 * acknowledgement is written as $ack, which means "of the message that the last line named", so that
 * line must come last. Octets that are secret, or that would be others in another run (proofs, keys,
 * nonces, addresses given), become names; a message with a password in it is one name as a whole.
 */
#include "diagnose/scenario.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/hex.h"
#include "base/text.h"
#include "ppp/frame.h"
#include "sstp/packet.h"

#define WAITING_MAX 16

enum { REQUEST = 1, ACK = 2, NAK = 3, REJECT = 4, TERMINATE_ACK = 6 };

struct waiting {
	char words[200];
	uint16_t protocol;
	uint8_t code, id;
	size_t options; /* their octets */
};

struct scenario {
	FILE *out;
	struct waiting waiting[WAITING_MAX];
	size_t n;
	struct waiting last_nak; /* of IPCP */
};

int scenario_new(const char *file, const char *host, struct scenario **ret)
{
	int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	struct scenario *r = fd < 0 ? NULL : calloc(1, sizeof(*r));

	if (fd < 0)
		return -errno;
	if (r)
		r->out = fdopen(fd, "w");
	if (!r || !r->out) {
		close(fd);
		free(r);
		return -ENOMEM;
	}
	text_fprintf(r->out,
		"# culvert diagnose --record, server %s. From the server's point of view: < received, > sent.\n"
		"# Passwords, proofs and keys are names; the player fills them in.\n\n"
		">? IPv6   # what goes through the tunnel is not recorded\n",
		host);
	*ret = r;
	return 0;
}

static void flush(struct scenario *r)
{
	for (size_t i = 0; i < r->n; i++)
		text_fprintf(r->out, ">  %s\n", r->waiting[i].words);
	r->n = 0;
}

/* All but those to which an answer is owed that names them. */
static void flush_answered(struct scenario *r)
{
	size_t kept = 0;

	for (size_t i = 0; i < r->n; i++)
		if (r->waiting[i].code == REQUEST && r->waiting[i].protocol)
			r->waiting[kept++] = r->waiting[i];
		else
			text_fprintf(r->out, ">  %s\n", r->waiting[i].words);
	r->n = kept;
}

/* The line of this message, last. */
static void flush_up_to(struct scenario *r, uint16_t protocol, uint8_t code, uint8_t id)
{
	struct waiting w;
	size_t i = 0;

	while (i < r->n && (r->waiting[i].protocol != protocol || r->waiting[i].code != code ||
				   r->waiting[i].id != id))
		i++;
	if (i == r->n) {
		flush_answered(r);
		return;
	}
	w = r->waiting[i];
	memmove(&r->waiting[i], &r->waiting[i + 1], (r->n - i - 1) * sizeof(r->waiting[0]));
	r->n--;
	flush_answered(r);
	text_fprintf(r->out, ">  %s\n", w.words);
}

void scenario_free(struct scenario *r)
{
	if (!r)
		return;
	flush(r);
	fclose(r->out);
	free(r);
}

static void put_hex(struct scenario *r, const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		text_fprintf(r->out, " %02x", p[i]);
}

static void put_raw(struct scenario *r, const uint8_t *p, size_t n, const char *comment)
{
	flush_answered(r);
	fputs("< ", r->out);
	put_hex(r, p, n);
	text_fprintf(r->out, "%s%s\n", *comment ? "   # " : "", comment);
}

/* ---- what the server sent ------------------------------------------------------------------------ */

static const char *code_words(uint16_t protocol, uint8_t code)
{
	static const char *const ncp[] = {"", "Configure-Request", "Configure-Ack", "Configure-Nak",
		"Configure-Reject", "Terminate-Request", "Terminate-Ack", "Code-Reject",
		"Protocol-Reject", "Echo-Request", "Echo-Reply", "Discard-Request",
		"Identification"};
	static const char *const chap[] = {"", "Challenge", "Response", "Success", "Failure"};
	static const char *const pap[] = {"", "Authenticate-Request", "Ack", "Nak"};

	if (protocol == PPP_CHAP)
		return code < 5 ? chap[code] : "";
	if (protocol == PPP_PAP)
		return code < 4 ? pap[code] : "";
	return code < sizeof(ncp) / sizeof(ncp[0]) ? ncp[code] : "";
}

static const char *protocol_words(uint16_t protocol)
{
	switch (protocol) {
	case PPP_LCP: return "LCP";
	case PPP_PAP: return "PAP";
	case PPP_CHAP: return "CHAP";
	case PPP_EAP: return "EAP";
	case PPP_IPCP: return "IPCP";
	case PPP_IPV6CP: return "IPV6CP";
	case PPP_CCP: return "CCP";
	}
	return "";
}

/* The options that are no accident of this run: how to log in. */
static void add_auth(char *words, size_t cap, struct rd body)
{
	while (rd_left(&body) >= 2) {
		uint8_t code = rd_u8(&body), len = rd_u8(&body);
		struct rd value = rd_sub(&body, len < 2 ? 0 : (size_t)len - 2);
		char hex[33];

		if (code != 3 || !rd_left(&value) || rd_left(&value) > 16)
			continue;
		hex_encode(value.p, rd_left(&value), hex);
		text_format(words + strlen(words), cap - strlen(words), " 3=%s", hex);
	}
}

static void hear_frame(struct scenario *r, struct rd frame)
{
	struct waiting *w = &r->waiting[r->n];
	struct ppp_packet packet;
	uint16_t protocol;

	if (ppp_frame_parse(&frame, &protocol) < 0 || ppp_protocol_is_data(protocol) ||
		!*protocol_words(protocol) || ppp_packet_parse(frame, &packet) < 0)
		return;
	*w = (struct waiting){.protocol = protocol,
		.code = packet.code,
		.id = packet.identifier,
		.options = rd_left(&packet.body)};
	snprintf(w->words, sizeof(w->words), "%s %s", protocol_words(protocol),
		code_words(protocol, packet.code));
	if (protocol == PPP_LCP && packet.code == REQUEST)
		add_auth(w->words, sizeof(w->words), packet.body);
	else if (protocol != PPP_CHAP && packet.code >= ACK && packet.code <= REJECT)
		snprintf(w->words + strlen(w->words), sizeof(w->words) - strlen(w->words), " id=%u",
			packet.identifier);
	if (protocol == PPP_IPCP && packet.code == NAK)
		r->last_nak = *w;
	r->n++;
}

static void hear(struct scenario *r, const uint8_t *octets, size_t n)
{
	struct rd in = rd_init(octets, n);
	struct sstp_packet packet;
	struct sstp_message m;

	if (r->n == WAITING_MAX)
		flush(r);
	if (sstp_packet_parse(&in, &packet) < 0)
		return;
	if (!packet.control) {
		hear_frame(r, packet.body);
		return;
	}
	sstp_message_parse(packet.body, &m);
	r->waiting[r->n] = (struct waiting){0};
	snprintf(r->waiting[r->n].words, sizeof(r->waiting[0].words), "%s",
		sstp_msg_name(m.type) ? sstp_msg_name(m.type) + strlen("SSTP_MSG_") : "unknown");
	r->n++;
}

/* ---- what we sent ---------------------------------------------------------------------------------- */

static void say_connected(struct scenario *r, const uint8_t *p, size_t n)
{
	if (n != SSTP_CALL_CONNECTED_LEN)
		return;
	flush_answered(r);
	fputs("< ", r->out);
	put_hex(r, p, 16);
	text_fprintf(r->out, " $nonce %s $mac   # Call Connected\n",
		p[15] == CERT_HASH_PROTOCOL_SHA256
			? "$certificate_sha256"
			: "$certificate_sha1 00 00 00 00 00 00 00 00 00 00 00 00");
}

/* RFC 2759 4: the value is the peer challenge, eight zeros, the proof and flags. */
static void say_chap(
	struct scenario *r, const uint8_t *p, size_t n, const struct ppp_packet *packet)
{
	size_t head = n - rd_left(&packet->body);
	struct rd body = packet->body;

	flush_up_to(r, PPP_CHAP, 1, packet->identifier);
	fputs("< ", r->out);
	if (packet->code != 2 || rd_u8(&body) != 49 || rd_left(&body) < 49) {
		fputs(" $chap_response   # left out: a proof of the password\n", r->out);
		return;
	}
	put_hex(r, p, head - 3);
	fputs(" $id", r->out);
	put_hex(r, p + head - 2, 2);
	fputs(" 31 $peer_challenge 00 00 00 00 00 00 00 00 $nt_response 00", r->out);
	rd_ptr(&body, 49);
	put_hex(r, body.p, rd_left(&body));
	fputs("   # Response, then the user name\n", r->out);
}

static void say_packet(struct scenario *r, const uint8_t *p, size_t n, uint16_t protocol,
	const struct ppp_packet *packet)
{
	if (protocol == PPP_CHAP) {
		say_chap(r, p, n, packet);
	} else if (protocol == PPP_PAP || protocol == PPP_EAP) {
		flush_answered(r);
		fputs("<  $pap_request   # left out: it holds the password\n", r->out);
	} else if (packet->code == ACK) {
		flush_up_to(r, protocol, REQUEST, packet->identifier);
		fputs("<  $ack\n", r->out);
	} else if (protocol == PPP_IPCP && packet->code == REQUEST &&
		   r->last_nak.options == rd_left(&packet->body)) {
		size_t head = n - rd_left(&packet->body);

		flush_up_to(r, PPP_IPCP, NAK, r->last_nak.id);
		fputs("< ", r->out);
		put_hex(r, p, head);
		fputs(" $options   # the addresses given\n", r->out);
	} else {
		put_raw(r, p, n, code_words(protocol, packet->code));
	}
}

static void say(struct scenario *r, const uint8_t *octets, size_t n)
{
	struct rd in = rd_init(octets, n), frame;
	struct sstp_packet packet;
	struct sstp_message m;
	struct ppp_packet ppp;
	uint16_t protocol;

	if (sstp_packet_parse(&in, &packet) < 0)
		return;
	if (packet.control) {
		sstp_message_parse(packet.body, &m);
		if (m.type == SSTP_MSG_CALL_CONNECTED)
			say_connected(r, octets, n);
		else
			put_raw(r, octets, n,
				sstp_msg_name(m.type) ? sstp_msg_name(m.type) + strlen("SSTP_MSG_")
						      : "");
		return;
	}
	frame = packet.body;
	if (ppp_frame_parse(&frame, &protocol) < 0 || ppp_protocol_is_data(protocol) ||
		ppp_packet_parse(frame, &ppp) < 0)
		return;
	say_packet(r, octets, n, protocol, &ppp);
}

static void say_head(struct scenario *r, const char *p, size_t n)
{
	while (n) {
		const char *end = memmem(p, n, "\r\n", 2);
		size_t len = end ? (size_t)(end - p) : n;
		bool last = end && n >= len + 4 && !memcmp(end, "\r\n\r\n", 4);

		text_fprintf(r->out, last ? "<  \"%.*s\\r\\n\\r\\n\"\n" : "<  \"%.*s\\r\\n\"\n",
			(int)len, p);
		if (!end || last)
			return;
		p += len + 2;
		n -= len + 2;
	}
}

void scenario_message(void *arg, bool sent, bool http, const uint8_t *octets, size_t n)
{
	struct scenario *r = arg;

	if (http && sent)
		say_head(r, (const char *)octets, n);
	else if (http)
		text_fprintf(r->out, ">  HTTP %.*s\n", n > 12 ? 3 : 0, (const char *)octets + 9);
	else if (sent)
		say(r, octets, n);
	else
		hear(r, octets, n);
	fflush(r->out);
}
