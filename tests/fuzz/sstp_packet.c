/*
 * Any octets as a stream of SSTP packets: what parses lies inside the input, what was built from
 * it parses to the same again, and a cut changes nothing. The first octet says where to cut.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sstp/nak.h"
#include "sstp/packet.h"
#include "sstp/stream.h"

#define CHECK(cond)                                                                                \
	do {                                                                                       \
		if (!(cond))                                                                       \
			abort();                                                                   \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t n);

static bool attr_same(const struct sstp_attr *a, const struct sstp_attr *b)
{
	if (a->id != b->id)
		return false;
	switch (a->id) {
	case SSTP_ATTRIB_ENCAPSULATED_PROTOCOL_ID: return a->protocol_id == b->protocol_id;
	case SSTP_ATTRIB_STATUS_INFO:
		return a->status_info.attrib_id == b->status_info.attrib_id &&
		       a->status_info.status == b->status_info.status &&
		       rd_left(&a->status_info.value) == rd_left(&b->status_info.value);
	case SSTP_ATTRIB_CRYPTO_BINDING:
		return a->crypto_binding.hash == b->crypto_binding.hash &&
		       !memcmp(a->crypto_binding.nonce, b->crypto_binding.nonce, 96);
	case SSTP_ATTRIB_CRYPTO_BINDING_REQ:
		return a->crypto_binding_req.hashes == b->crypto_binding_req.hashes &&
		       !memcmp(a->crypto_binding_req.nonce, b->crypto_binding_req.nonce, 32);
	default: return false;
	}
}

static void build_again(const struct sstp_message *msg)
{
	uint8_t built[SSTP_PACKET_MAX];
	struct sstp_message again;
	struct sstp_packet pkt;
	struct rd in;

	for (size_t i = 0; i < msg->n_attrs; i++)
		if (msg->attrs[i].fault != SSTP_ATTR_OK)
			return;
	in = rd_init(built, sstp_message_build((enum sstp_msg)msg->type, msg->attrs, msg->n_attrs,
				    built, sizeof(built)));
	CHECK(sstp_packet_parse(&in, &pkt) == 0 && pkt.control && !rd_left(&in));
	CHECK(sstp_message_parse(pkt.body, &again) == 0);
	CHECK(again.type == msg->type && again.n_attrs == msg->n_attrs && !again.extra);
	for (size_t i = 0; i < msg->n_attrs; i++)
		CHECK(attr_same(&msg->attrs[i], &again.attrs[i]));
}

static void answer(const struct sstp_message *msg)
{
	struct sstp_attr faults[SSTP_NAK_FAULTS_MAX];
	uint8_t built[SSTP_MESSAGE_MAX];
	size_t n = sstp_nak_faults(msg, faults);

	CHECK(n <= SSTP_NAK_FAULTS_MAX);
	CHECK(sstp_message_build(SSTP_MSG_CALL_CONNECT_NAK, faults, n, built, sizeof(built)) > 0);
}

static int whole(const uint8_t *octets, size_t n, size_t *ret_packets)
{
	struct rd in = rd_init(octets, n);
	struct sstp_message msg;
	struct sstp_packet pkt;
	int r;

	for (*ret_packets = 0; (r = sstp_packet_parse(&in, &pkt)) == 0; (*ret_packets)++) {
		CHECK(pkt.start >= octets && pkt.body.p == pkt.start + SSTP_HEADER_LEN);
		CHECK(pkt.body.end == in.p && in.p <= octets + n);
		if (!pkt.control || sstp_message_parse(pkt.body, &msg) < 0)
			continue;
		build_again(&msg);
		answer(&msg);
	}
	return r;
}

static int in_pieces(const uint8_t *octets, size_t n, size_t piece, size_t *ret_packets)
{
	struct sstp_stream stream = {0};
	struct sstp_packet pkt;
	int r = -EAGAIN;

	*ret_packets = 0;
	for (size_t at = 0; at < n && r == -EAGAIN; at += piece) {
		size_t len = n - at < piece ? n - at : piece;
		uint8_t *copy = malloc(len);

		CHECK(copy);
		memcpy(copy, octets + at, len);
		sstp_stream_feed(&stream, copy, len);
		while ((r = sstp_stream_next(&stream, &pkt)) == 0)
			(*ret_packets)++;
		free(copy);
	}
	sstp_stream_done(&stream);
	return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t n)
{
	size_t packets, cut_packets;

	if (n < 2)
		return 0;
	CHECK(whole(octets + 1, n - 1, &packets) ==
		in_pieces(octets + 1, n - 1, octets[0] + 1u, &cut_packets));
	CHECK(packets == cut_packets);
	return 0;
}
