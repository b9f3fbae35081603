// SPDX-License-Identifier: Apache-2.0
#include "diagnose/talk.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/auto.h"
#include "ppp/frame.h"
#include "ppp/fsm.h"
#include "sstp/packet.h"

#define SIDE_MAX (64 * 1024)

static void on_octets(
	struct tunnel_tap *tap, enum tunnel_direction direction, const void *octets, size_t n);

void talk_init(struct talk *t, uint64_t (*now_us)(void))
{
	*t = (struct talk){.tap = {on_octets}, .now_us = now_us};
	buf_init(&t->side[0], SIDE_MAX);
	buf_init(&t->side[1], SIDE_MAX);
	t->at_us[TALK_TLS] = now_us();
}

void talk_done(struct talk *t)
{
	buf_done(&t->side[0]);
	buf_done(&t->side[1]);
}

static void reach(struct talk *t, enum talk_stage stage)
{
	if (stage <= t->stage)
		return;
	t->stage = stage;
	t->at_us[stage] = t->now_us();
}

/* ---- HTTP ------------------------------------------------------------------------------------ */

const char *head_value(const char *head, const char *name, char *ret, size_t cap)
{
	size_t n = strlen(name);

	*ret = '\0';
	for (const char *line = strstr(head, "\r\n"); line; line = strstr(line, "\r\n")) {
		line += 2;
		if (strncasecmp(line, name, n) || line[n] != ':')
			continue;
		line += n + 1;
		line += strspn(line, " \t");
		snprintf(ret, cap, "%.*s", (int)strcspn(line, "\r\n"), line);
		return ret;
	}
	return ret;
}

int64_t http_date(const char *text)
{
	struct tm tm = {0};

	/* RFC 9110 5.6.7, the only form that is sent today */
	return strptime(text, "%a, %d %b %Y %H:%M:%S GMT", &tm) ? (int64_t)timegm(&tm) : 0;
}

static void read_head(struct talk *t, const uint8_t *octets, size_t n)
{
	char head[2048];

	snprintf(head, sizeof(head), "%.*s", (int)n, (const char *)octets);
	snprintf(t->line, sizeof(t->line), "%.*s", (int)strcspn(head, "\r\n"), head);
	sscanf(t->line, "HTTP/%*u.%*u %u", &t->status);
	head_value(head, "Server", t->server, sizeof(t->server));
	head_value(head, "Via", t->via, sizeof(t->via));
	head_value(head, "Location", t->location, sizeof(t->location));
}

/* ---- PPP --------------------------------------------------------------------------------------- */

static void list_add(char *list, size_t cap, const char *word)
{
	size_t n = strlen(list);

	if (!strstr(list, word))
		snprintf(list + n, cap - n, "%s%s", n ? ", " : "", word);
}

/* The value of an Authentication-Protocol option (RFC 1661 6.2). */
static const char *method_text(struct rd value)
{
	size_t n = rd_left(&value); /* asked first: gcc 12 at -O3 misjudges reads past the end */
	uint16_t protocol = n >= 2 ? rd_be16(&value) : 0;
	uint8_t algorithm = n >= 3 ? rd_u8(&value) : 0;

	switch (protocol) {
	case PPP_PAP: return "PAP";
	case PPP_EAP: return "EAP";
	case PPP_CHAP:
		return algorithm == 0x81   ? "MS-CHAPv2"
		       : algorithm == 0x80 ? "MS-CHAP"
		       : algorithm == 5    ? "CHAP-MD5"
					   : "CHAP";
	}
	return "an unknown login";
}

static const char *option_text(uint8_t code, struct rd value, char *ret, size_t cap)
{
	static const char *const names[] = {[1] = "MRU",
		[2] = "ACCM",
		[3] = "authentication",
		[5] = "magic number",
		[7] = "PFC",
		[8] = "ACFC",
		[13] = "callback",
		[17] = "MRRU",
		[19] = "endpoint discriminator"};
	const char *name = code < sizeof(names) / sizeof(names[0]) ? names[code] : NULL;

	if (code == 1 && rd_left(&value) == 2) {
		snprintf(ret, cap, "MRU %u", rd_be16(&value));
	} else if (code == 3) {
		snprintf(ret, cap, "%s", method_text(value));
	} else if (name) {
		snprintf(ret, cap, "%s", name);
	} else {
		snprintf(ret, cap, "option %u", code);
	}
	return ret;
}

static void read_lcp_request(struct talk *t, struct rd options)
{
	char text[TALK_TEXT_LEN] = "", one[60];

	while (rd_left(&options) >= 2) {
		uint8_t code = rd_u8(&options), len = rd_u8(&options);
		struct rd value, v;

		if (len < 2)
			break;
		v = value = rd_sub(&options, (size_t)len - 2);
		option_text(code, value, one, sizeof(one));
		if (code == 1)
			t->mru = rd_be16(&v);
		if (code == 3)
			list_add(t->offered, sizeof(t->offered), one);
		list_add(text, sizeof(text), one);
	}
	if (!*t->lcp_options)
		snprintf(t->lcp_options, sizeof(t->lcp_options), "%s", *text ? text : "no options");
}

static void read_lcp(struct talk *t, const struct ppp_packet *packet)
{
	struct rd body = packet->body;

	t->lcp_heard = true;
	if (packet->code == CONFIGURE_REQUEST)
		read_lcp_request(t, body);
	else if (packet->code == TERMINATE_REQUEST)
		ppp_text(body, t->terminated, sizeof(t->terminated));
	else if (packet->code == PROTOCOL_REJECT)
		switch (rd_be16(&body)) {
		case PPP_IPCP: list_add(t->rejected, sizeof(t->rejected), "IPv4"); break;
		case PPP_IPV6CP: list_add(t->rejected, sizeof(t->rejected), "IPv6"); break;
		default: break;
		}
}

static void read_auth(struct talk *t, uint16_t protocol, const struct ppp_packet *packet)
{
	struct rd body = packet->body;
	bool chap = protocol == PPP_CHAP;

	reach(t, TALK_AUTH);
	if (packet->code == (chap ? 3 : 2)) {
		t->auth_passed = true;
		t->passed_us = t->now_us();
		reach(t, TALK_NCP);
	}
	if (packet->code != (chap ? 4 : 3))
		return;
	if (!chap)
		rd_u8(&body); /* its length */
	ppp_text(body, t->auth_message, sizeof(t->auth_message));
}

static void read_frame(struct talk *t, bool sent, struct rd frame)
{
	struct ppp_packet packet;
	uint16_t protocol;

	if (ppp_frame_parse(&frame, &protocol) < 0 || ppp_protocol_is_data(protocol) ||
		ppp_packet_parse(frame, &packet) < 0)
		return;
	if (protocol == PPP_CHAP || protocol == PPP_PAP || protocol == PPP_EAP)
		sent ? reach(t, TALK_AUTH) : read_auth(t, protocol, &packet);
	if (protocol == PPP_LCP && packet.code == CONFIGURE_ACK)
		t->lcp_acked[sent] = true;
	if (t->lcp_acked[0] && t->lcp_acked[1])
		reach(t, TALK_AUTH);
	if (sent)
		return;
	if (protocol == PPP_LCP)
		read_lcp(t, &packet);
	if (protocol == PPP_IPCP || protocol == PPP_IPV6CP) {
		t->ncp_heard = true;
		reach(t, TALK_NCP);
	}
}

/* ---- SSTP -------------------------------------------------------------------------------------- */

static void status_text(const struct sstp_message *m, char *ret, size_t cap)
{
	snprintf(ret, cap, "%s", m->n_attrs ? "" : "without a reason");
	for (size_t i = 0; i < m->n_attrs; i++) {
		struct sstp_status_info info;

		if (m->attrs[i].id != SSTP_ATTRIB_STATUS_INFO ||
			!sstp_status_info_read(m->attrs[i].value, &info))
			continue;
		snprintf(ret, cap, "%s: %s", sstp_attr_name(info.attrib_id),
			sstp_status_name(info.status));
		return;
	}
}

static void read_control(struct talk *t, bool sent, struct rd body)
{
	struct sstp_message m;
	char status[160];

	sstp_message_parse(body, &m);
	if (sent) {
		if (m.type == SSTP_MSG_CALL_CONNECT_REQUEST)
			reach(t, TALK_SSTP);
		if (m.type == SSTP_MSG_CALL_CONNECTED)
			t->connected_us = t->now_us();
		return;
	}
	status_text(&m, status, sizeof(status));
	if (m.type == SSTP_MSG_CALL_CONNECT_ACK) {
		reach(t, TALK_LCP);
		t->ack_us = t->now_us() - t->at_us[TALK_SSTP];
		for (size_t i = 0; i < m.n_attrs; i++)
			if (m.attrs[i].id == SSTP_ATTRIB_CRYPTO_BINDING_REQ &&
				m.attrs[i].fault == SSTP_ATTR_OK)
				t->hashes = m.attrs[i].crypto_binding_req.hashes;
	} else if (m.type == SSTP_MSG_CALL_CONNECT_NAK) {
		t->naks++;
		snprintf(t->nak, sizeof(t->nak), "%s", status);
	} else if (m.type == SSTP_MSG_CALL_ABORT || m.type == SSTP_MSG_CALL_DISCONNECT) {
		snprintf(t->abort, sizeof(t->abort), "%s, %s",
			sstp_msg_name(m.type) + strlen("SSTP_MSG_"), status);
	}
}

/* ---- octets into messages ------------------------------------------------------------------------ */

static bool take_head(struct talk *t, bool sent)
{
	struct buf *b = &t->side[sent];
	const uint8_t *end = buf_len(b) ? memmem(buf_data(b), buf_len(b), "\r\n\r\n", 4) : NULL;
	size_t n;

	if (!end)
		return false;
	n = (size_t)(end + 4 - buf_data(b));
	if (sent)
		reach(t, TALK_HTTP);
	else
		read_head(t, buf_data(b), n);
	if (t->message)
		t->message(t->message_arg, sent, true, buf_data(b), n);
	t->http_done[sent] = true;
	t->lost[sent] = !sent && t->status != 200; /* what follows is a page */
	buf_consume(b, n);
	return true;
}

static bool take_packet(struct talk *t, bool sent)
{
	struct buf *b = &t->side[sent];
	struct rd r = rd_init(buf_data(b), buf_len(b));
	struct sstp_packet packet;
	int e = buf_len(b) ? sstp_packet_parse(&r, &packet) : -EAGAIN;
	size_t n;

	if (e < 0) {
		t->lost[sent] = e == -EPROTO;
		return false;
	}
	n = (size_t)(r.p - buf_data(b));
	if (packet.control)
		read_control(t, sent, packet.body);
	else
		read_frame(t, sent, packet.body);
	if (t->message)
		t->message(t->message_arg, sent, false, buf_data(b), n);
	buf_consume(b, n);
	return true;
}

static void on_octets(
	struct tunnel_tap *tap, enum tunnel_direction direction, const void *octets, size_t n)
{
	struct talk *t = container_of(tap, struct talk, tap);
	bool sent = direction == TUNNEL_SENT;

	if (!sent)
		t->heard_ms = t->now_us() / 1000;
	if (t->lost[sent] || buf_append(&t->side[sent], octets, n) < 0)
		return;
	while (!t->lost[sent] && (t->http_done[sent] ? take_packet(t, sent) : take_head(t, sent)))
		;
}
