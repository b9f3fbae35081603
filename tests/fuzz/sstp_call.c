/*
 * One call, either role, against a peer, an owner and a clock that do what the input says.
 *
 * The first octet: bit 0 the role (1: server), bit 1 the binding is not required, bit 2 only
 * SHA-256. Then steps, an octet each with its operand:
 *     0 n, octets   receive n octets           4      the HLAK is there
 *     1 nn, octets  receive up to 4 KiB        5      disconnect
 *     2             the deadline has come      6 n    PPP sends the next n octets
 *     3 n           n * 400 ms pass            7      HTTPS is gone
 * Nonce, key and certificate are those of vector e2e-mschapv2-sha256.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/hex.h"
#include "sstp/call.h"

#define CHECK(cond)                                                                                \
	do {                                                                                       \
		if (!(cond))                                                                       \
			abort();                                                                   \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t n);

struct run {
	struct sstp_call *call;
	struct rd in;
	uint64_t now_ms;
	bool started, up, closed, keyed, server, required;
};

static struct sstp_call *new_call(const struct run *run, uint8_t config)
{
	struct sstp_cert_hash cert;
	struct sstp_call_opts opts = {.role = run->server ? SSTP_SERVER : SSTP_CLIENT,
		.certs = &cert,
		.n_certs = 1,
		.hashes = config & 4 ? CERT_HASH_PROTOCOL_SHA256 : 0,
		.require_binding = run->required};
	struct sstp_call *call;

	CHECK(!hex_decode("821ddbf50dda9ce03b4e2e6e79095be5f269b5e3", cert.sha1, 20));
	CHECK(!hex_decode("0b29cbc47d1f59c46497a8ba305753bc228c1234713ebb32693393ea5c20f288",
		cert.sha256, 32));
	for (uint8_t i = 0; i < SSTP_NONCE_LEN; i++)
		opts.nonce[i] = i;
	CHECK(!sstp_call_new(&opts, &call));
	return call;
}

/* Whatever we send must be SSTP that our own parser likes. */
static void check_output(struct run *run)
{
	struct buf *out = sstp_call_output(run->call);
	struct rd in = rd_init(buf_data(out), buf_len(out));
	struct sstp_message msg;
	struct sstp_packet pkt;

	CHECK(buf_len(out) <= SSTP_OUTPUT_MAX);
	while (rd_left(&in)) {
		CHECK(!sstp_packet_parse(&in, &pkt));
		if (!pkt.control)
			continue;
		CHECK(!sstp_message_parse(pkt.body, &msg) && !msg.extra);
		for (size_t i = 0; i < msg.n_attrs; i++)
			CHECK(msg.attrs[i].fault == SSTP_ATTR_OK);
	}
	buf_consume(out, buf_len(out));
}

static void check_event(struct run *run, const struct sstp_call_event *ev)
{
	CHECK(!run->closed);
	switch (ev->type) {
	case SSTP_CALL_PPP_START:
		CHECK(!run->started);
		run->started = true;
		break;
	case SSTP_CALL_PPP_FRAME:
		CHECK(run->started && rd_left(&ev->frame) && rd_left(&ev->frame) <= SSTP_FRAME_MAX);
		for (const uint8_t *p = ev->frame.p; p < ev->frame.end; p++)
			*(volatile const uint8_t *)p; /* readable */
		break;
	case SSTP_CALL_CONNECTED:
		CHECK(run->started && run->keyed && !run->up);
		CHECK(!run->required || !sstp_call_binding(run->call).failure);
		run->up = true;
		break;
	case SSTP_CALL_CLOSED:
		CHECK(ev->reason != EV_NONE && ev->reason == sstp_call_reason(run->call));
		run->closed = true;
		break;
	}
}

static void pull(struct run *run)
{
	struct sstp_call_event ev;

	while (sstp_call_next_event(run->call, &ev))
		check_event(run, &ev);
	check_output(run);
	CHECK(!sstp_call_data_ok(run->call) || (run->up && !run->closed));
	CHECK(sstp_call_data_ok(run->call) || run->closed ||
		sstp_call_deadline(run->call) <= run->now_ms + SSTP_NEGOTIATION_MS);
	CHECK(!run->closed || sstp_call_deadline(run->call) == NEVER);
}

static void step_recv(struct run *run, size_t n)
{
	uint8_t *copy;

	if (n > rd_left(&run->in))
		n = rd_left(&run->in);
	copy = malloc(n + 1);
	CHECK(copy);
	rd_copy(&run->in, copy, n);
	sstp_call_recv(run->call, copy, n, run->now_ms);
	pull(run);
	free(copy);
}

static void step_tick(struct run *run)
{
	uint64_t deadline = sstp_call_deadline(run->call);

	if (deadline != NEVER && deadline > run->now_ms)
		run->now_ms = deadline;
	sstp_call_tick(run->call, run->now_ms);
}

static void step(struct run *run)
{
	static const uint8_t hlak[HLAK_LEN] = {0xd5, 0xf0, 0xe9, 0x52, 0x1e, 0x3e, 0xa9, 0x58, 0x96,
		0x45, 0xe8, 0x60, 0x51, 0xc8, 0x22, 0x26, 0x8b, 0x7c, 0xdc, 0x14, 0x9b, 0x99, 0x3a,
		0x1b, 0xa1, 0x18, 0xcb, 0x15, 0x3f, 0x56, 0xdc, 0xcb};
	size_t n;

	switch (rd_u8(&run->in) & 7) {
	case 0: step_recv(run, rd_u8(&run->in)); break;
	case 1: step_recv(run, rd_be16(&run->in) & 0x0fff); break;
	case 2: step_tick(run); break;
	case 3:
		run->now_ms += rd_u8(&run->in) * 400u;
		sstp_call_tick(run->call, run->now_ms);
		break;
	case 4:
		run->keyed |= run->started;
		sstp_call_set_hlak(run->call, hlak, run->now_ms);
		break;
	case 5: sstp_call_disconnect(run->call, EV_OUT_OF_MEMORY, run->now_ms); break;
	case 6:
		n = rd_u8(&run->in);
		n = n < rd_left(&run->in) ? n : rd_left(&run->in);
		(void)!sstp_call_send_frame(run->call, rd_ptr(&run->in, n), n);
		break;
	case 7: sstp_call_https_gone(run->call); break;
	}
	pull(run);
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t n)
{
	struct run run = {.in = rd_init(octets, n)};
	uint8_t config = rd_u8(&run.in);

	run.server = config & 1;
	run.required = !(config & 2);
	run.call = new_call(&run, config);
	sstp_call_start(run.call, run.now_ms);
	pull(&run);
	while (rd_left(&run.in))
		step(&run);
	/* Left alone, every call ends: Hello twice, or a negotiation and its farewell. */
	for (int i = 0; i < 3 && !run.closed; i++) {
		step_tick(&run);
		pull(&run);
	}
	CHECK(run.closed);
	sstp_call_free(run.call);
	return 0;
}
