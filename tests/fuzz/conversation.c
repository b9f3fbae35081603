// SPDX-License-Identifier: Apache-2.0
/*
 * Whole conversations: a client's and a server's tunnel (tunnel/stack.c and all layers above TLS) joined
 * in memory, in the clear. A list of steps (conversation_steps.h) says what happens to the messages
 * between them, what strangers add, and when time passes.
 *
 * What must hold, whatever comes:
 *   - no IP passes before the binding and the family's control protocol are up, nor after they are down;
 *   - a server's call is bound only after a login that was accepted;
 *   - nothing happens after the end, the end has a reason, and a peer that falls silent is ended;
 *   - what waits to be sent stays within its bounds, and no octet makes many.
 *
 * The set-up octet: bits 0 and 1 the method, 2 no binding required, 3 no IPv6, 4 verdicts wait for
 * STEP_VERDICT, 5 and 6 the client or the server is played by the steps alone, 7 another password.
 */
#include <assert.h>
#include <stdio.h>

#include "base/mschap.h"
#include "conversation_steps.h"
#include "sstp/packet.h"
#include "tls/limits.h"
#include "tunnel/private.h"

#define must(b) assert(b)

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t n);
size_t LLVMFuzzerCustomMutator(uint8_t *octets, size_t n, size_t cap, unsigned seed);
size_t LLVMFuzzerCustomCrossOver(const uint8_t *a, size_t na, const uint8_t *b, size_t nb,
	uint8_t *ret, size_t cap, unsigned seed);
size_t LLVMFuzzerMutate(uint8_t *octets, size_t n, size_t cap);

/* Each run the same: the linker puts these in the place of base/crypto.c's. */
static uint32_t random_state;

void __wrap_crypto_random(void *ret, size_t n);
void __wrap_crypto_random(void *ret, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		random_state = random_state * 1664525u + 1013904223u;
		((uint8_t *)ret)[i] = (uint8_t)(random_state >> 16);
	}
}

/* ---- the two ends ---- */

enum { SERVER, CLIENT };

#define MESSAGES_MAX 64 /* under way to one end; what is more is lost */
#define MESSAGE_MAX 16384
#define OUTPUT_MAX (TLS_OUTPUT_MAX + 65536)
#define SILENCE_MAX 64 /* deadlines that a peer's silence may last */

struct message {
	uint8_t *octets;
	size_t n;
};

struct end {
	struct tunnel *tunnel;
	struct message under_way[MESSAGES_MAX]; /* to this end */
	size_t n_under_way;
	uint8_t last[PPP_FRAME_MAX + SSTP_HEADER_LEN]; /* the last SSTP packet that it said */
	size_t last_len;
	bool bound, up[2], ended, asked, accepted, deaf;
	size_t in, out, ticks;
};

static struct {
	struct end ends[2];
	uint8_t set_up;
	uint64_t now;
	uint8_t scratch[TUNNEL_SCRATCH_LEN];
} talk;

static const enum auth_method methods[] = {AUTH_MSCHAPV2, AUTH_CHAP_MD5, AUTH_PAP};

static bool is_bare(int which)
{
	return talk.set_up & (which == CLIENT ? 0x20 : 0x40);
}

static void drop_first(struct end *e)
{
	free(e->under_way[0].octets);
	e->n_under_way--;
	memmove(e->under_way, e->under_way + 1, e->n_under_way * sizeof(*e->under_way));
}

static void put(struct end *to, const uint8_t *octets, size_t n)
{
	struct message *m = &to->under_way[to->n_under_way];

	if (to->n_under_way == MESSAGES_MAX || !n)
		return;
	*m = (struct message){malloc(n), n}; /* of exactly this size, for the sanitizer's eyes */
	memcpy(m->octets, octets, n);
	to->n_under_way++;
}

/* The next message of what an end says: an HTTP head, or an SSTP packet. */
static size_t message_len(const uint8_t *octets, size_t n)
{
	const uint8_t *blank;
	size_t len;

	if (octets[0] != SSTP_VERSION_1_0) {
		blank = memmem(octets, n, "\r\n\r\n", 4);
		return blank ? (size_t)(blank + 4 - octets) : n;
	}
	len = n < SSTP_HEADER_LEN ? n : (size_t)(octets[2] << 8 | octets[3]) & SSTP_LENGTH_MASK;
	return len && len < n ? len : n;
}

static void collect(int from)
{
	struct end *e = &talk.ends[from], *to = &talk.ends[!from];
	struct buf *out = tunnel_output(e->tunnel);

	must(buf_len(out) <= OUTPUT_MAX);
	if (e->deaf)
		return;
	while (buf_len(out)) {
		size_t n = message_len(buf_data(out), buf_len(out));

		if (n <= sizeof(e->last)) {
			memcpy(e->last, buf_data(out), n);
			e->last_len = n;
		}
		e->out += n;
		if (!is_bare(!from))
			put(to, buf_data(out), n);
		buf_consume(out, n);
	}
	/* Echoes, rejects and Naks are as long as what they answer; the rest is counted by time. */
	must(e->out <= 65536 + 6 * e->in + 8192 * e->ticks);
}

static void judge(struct end *e, const struct proof *p, bool accept)
{
	struct verdict v = {.error = AUTH_FAILED};
	uint8_t hash[16], want[24];

	mschap_nt_hash("Secret-1", hash);
	if (accept && p && p->method == AUTH_MSCHAPV2) {
		mschap_nt_response(
			p->challenge, p->peer_challenge, p->user, p->user_len, hash, want);
		accept = !memcmp(want, p->nt_response, sizeof(want));
		mschap_auth_response(hash, want, p->challenge, p->peer_challenge, p->user,
			p->user_len, v.auth_response);
		v.auth_response[42] = '\0';
		mschap_hlak(hash, want, v.hlak);
	}
	if (accept)
		v.error = AUTH_OK;
	e->accepted = e->accepted || accept;
	v.addresses = (struct ppp_addresses){.local = addr_v4(0x0a090001),
		.peer = addr_v4(0x0a090002),
		.dns = {addr_v4(0x09090909)},
		.ipv6 = !(talk.set_up & 8),
		.local_ifid = {0, 0, 0, 0, 0, 0, 0, 1}};
	tunnel_auth_verdict(e->tunnel, &v, talk.now);
}

static void on_event(int which, const struct tunnel_event *ev)
{
	struct end *e = &talk.ends[which];

	must(!e->ended); /* nothing follows the end */
	switch (ev->type) {
	case TUNNEL_STEP: must(ev->text); break;
	case TUNNEL_HTTP_REQUEST:
		must(which == SERVER);
		tunnel_http_answer(e->tunnel, 200, 0, talk.now);
		break;
	case TUNNEL_AUTH_REQUEST:
		must(which == SERVER && !e->asked && ev->proof);
		e->asked = true;
		if (!(talk.set_up & 0x10))
			judge(e, ev->proof, true);
		break;
	case TUNNEL_BOUND:
		must(!e->bound && (which == CLIENT || e->accepted));
		e->bound = true;
		break;
	case TUNNEL_UP:
		must(e->bound && !e->up[ev->family != AF_INET] && ev->addresses);
		e->up[ev->family != AF_INET] = true;
		break;
	case TUNNEL_DOWN:
		must(e->up[ev->family != AF_INET] ||
			ev->reason); /* or it never comes up, and why */
		e->up[ev->family != AF_INET] = false;
		break;
	case TUNNEL_PACKET:
		must(e->bound && e->up[ev->family != AF_INET]);
		must(rd_left(&ev->packet) <= SSTP_FRAME_MAX);
		break;
	case TUNNEL_LANE_REQUEST:
	case TUNNEL_LANE_UP: must(false); break; /* none without TLS */
	case TUNNEL_BATCH_END: break;
	case TUNNEL_IDENTIFIED: must(strlen(ev->text) < PPP_TEXT_MAX); break;
	case TUNNEL_ENDED:
		must(ev->reason != EV_NONE && ev->text);
		must(tunnel_deadline(e->tunnel) == NEVER);
		e->ended = true;
		break;
	}
}

static void check(const struct end *e)
{
	const struct tunnel *t = e->tunnel;

	must(!t->call || buf_len(sstp_call_output(t->call)) <= SSTP_OUTPUT_MAX);
	for (int i = 0; i < 2; i++)
		must(!tunnel_data_ok(t, i ? AF_INET6 : AF_INET) || (e->bound && !e->ended));
	must(tunnel_peer_mru(t) >= PPP_MRU_MIN && tunnel_peer_mru(t) <= PPP_MRU_MAX);
}

static void pull(int which)
{
	struct end *e = &talk.ends[which];
	struct tunnel_event ev;
	size_t most = 64 + e->in;

	for (size_t n = 0; tunnel_next_event(e->tunnel, talk.now, &ev); n++) {
		must(n < most);
		on_event(which, &ev);
	}
	check(e);
	collect(which);
}

static void arrive(int which, const uint8_t *octets, size_t n)
{
	struct end *e = &talk.ends[which];

	if (is_bare(which))
		return;
	e->in += n;
	tunnel_recv(e->tunnel, octets, n, talk.now);
	pull(which);
}

/* The first message that is under way, or n octets of it. */
static void deliver(int which, size_t n)
{
	struct end *e = &talk.ends[which];
	struct message m;

	if (!e->n_under_way)
		return;
	m = e->under_way[0];
	if (n >= m.n) {
		e->under_way[0].octets = NULL;
		drop_first(e);
		arrive(which, m.octets, m.n);
		free(m.octets);
		return;
	}
	e->under_way[0] = (struct message){malloc(m.n - n), m.n - n};
	memcpy(e->under_way[0].octets, m.octets + n, m.n - n);
	arrive(which, m.octets, n);
	free(m.octets);
}

static void deliver_all_at_once(int which)
{
	struct end *e = &talk.ends[which];
	static uint8_t all[MESSAGES_MAX * MESSAGE_MAX];
	size_t n = 0;

	while (e->n_under_way) {
		if (e->under_way[0].n <= sizeof(all) - n) {
			memcpy(all + n, e->under_way[0].octets, e->under_way[0].n);
			n += e->under_way[0].n;
		}
		drop_first(e);
	}
	if (n)
		arrive(which, all, n);
}

/* ---- steps ---- */

static void say_http(int to, struct rd body)
{
	static const char request[] =
		"SSTP_DUPLEX_POST /sra_{BA195980-CD49-458b-9E23-C84EE0ADCD75}/ HTTP/1.1\r\n"
		"Content-Length: 18446744073709551615\r\nHost: fuzz.test\r\n";
	static const char *const texts[] = {request, "GET / HTTP/1.1\r\nHost: x\r\n",
		"X-Header: ", "HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551615\r\n",
		"HTTP/1.1 503 Service Unavailable\r\n"};
	char text[STEP_BODY_MAX + 400];
	size_t n = rd_left(&body);
	int len = snprintf(
		text, sizeof(text), "%s", texts[rd_u8(&body) % (sizeof(texts) / sizeof(*texts))]);

	if (n > 1) {
		memcpy(text + len, body.p, n - 1);
		len += (int)n - 1;
	}
	memcpy(text + len, "\r\n", 2);
	arrive(to, (const uint8_t *)text, (size_t)len + 2);
}

static void say_control(int to, struct rd body)
{
	uint8_t packet[STEP_BODY_MAX + SSTP_CONTROL_HEADER_LEN] = {SSTP_VERSION_1_0, SSTP_FLAG_C};
	size_t n;

	packet[5] = rd_u8(&body);
	packet[7] = rd_u8(&body);
	n = rd_left(&body);
	rd_copy(&body, packet + SSTP_CONTROL_HEADER_LEN, n);
	n += SSTP_CONTROL_HEADER_LEN;
	packet[3] = (uint8_t)n;
	packet[2] = (uint8_t)(n >> 8);
	arrive(to, packet, n);
}

static void say_frame(
	int to, const uint8_t *protocol, size_t protocol_len, const uint8_t *octets, size_t n)
{
	uint8_t packet[STEP_BODY_MAX + 16];
	size_t at = SSTP_HEADER_LEN;

	packet[at++] = 0xff;
	packet[at++] = 0x03;
	memcpy(packet + at, protocol, protocol_len);
	at += protocol_len;
	memcpy(packet + at, octets, n);
	at += n;
	sstp_data_header(packet, at - SSTP_HEADER_LEN);
	arrive(to, packet, at);
}

static void say_packet(int to, struct rd body)
{
	static const uint8_t protocols[][2] = {{0xc0, 0x21}, {0xc0, 0x23}, {0xc2, 0x23},
		{0x80, 0x21}, {0x80, 0x57}, {0x80, 0xfd}, {0xc0, 0x25}};
	const uint8_t *protocol = protocols[rd_u8(&body) % (sizeof(protocols) / 2)];
	uint8_t packet[STEP_BODY_MAX + 4];
	size_t n;

	packet[0] = rd_u8(&body);
	packet[1] = rd_u8(&body);
	n = rd_left(&body);
	packet[2] = (uint8_t)((n + 4) >> 8);
	packet[3] = (uint8_t)(n + 4);
	rd_copy(&body, packet + 4, n);
	say_frame(to, protocol, 2, packet, n + 4);
}

static void say_ip(int to, struct rd body)
{
	static const uint8_t protocol[2][2] = {{0, 0x21}, {0, 0x57}};
	uint8_t packet[STEP_BODY_MAX] = {rd_u8(&body) == 6 ? 0x60 : 0x45};
	size_t n = rd_left(&body);

	rd_copy(&body, packet + 1, n);
	say_frame(to, protocol[packet[0] == 0x60], 2, packet, n + 1);
}

static void send_ip(int from, uint8_t n)
{
	struct end *e = &talk.ends[from];
	uint8_t packet[SSTP_HEADER_LEN + 4 + UINT8_MAX] = {0, 0, 0, 0, 0xff, 0x03, 0, 0x21, 0x45};

	sstp_data_header(packet, 4u + n);
	if (!tunnel_data_ok(e->tunnel, AF_INET)) {
		must(e->bound || tunnel_send_frames(e->tunnel, packet, 8u + n) < 0);
		return;
	}
	e->in += 8u + n; /* what it sends counts as said by its owner */
	must(tunnel_send_frames(e->tunnel, packet, 8u + n) == 0 || e->deaf);
	collect(from);
}

/* Its next deadline: the time goes on, and a deadline that was served is over. */
static bool pass_time(int which)
{
	struct end *e = &talk.ends[which];
	uint64_t at = tunnel_deadline(e->tunnel);

	if (at == NEVER)
		return false;
	if (at > talk.now)
		talk.now = at;
	e->ticks++;
	tunnel_tick(e->tunnel, talk.now);
	pull(which);
	must(tunnel_deadline(e->tunnel) > talk.now);
	return true;
}

static void answer(int to, uint8_t code)
{
	struct end *e = &talk.ends[to];

	if (e->last_len <= SSTP_HEADER_LEN + 4)
		return;
	e->last[e->last[1] & SSTP_FLAG_C ? 5 : 8] = code;
	arrive(to, e->last, e->last_len);
}

static void swap_first(struct end *e)
{
	struct message first = e->under_way[0];

	if (e->n_under_way < 2)
		return;
	e->under_way[0] = e->under_way[1];
	e->under_way[1] = first;
}

static void edit_first(struct end *e, uint8_t at, uint8_t value)
{
	if (e->n_under_way)
		e->under_way[0].octets[at % e->under_way[0].n] = value;
}

static void arrive_end(int which, int error)
{
	if (is_bare(which))
		return;
	tunnel_recv_end(talk.ends[which].tunnel, error, talk.now);
	pull(which);
	must(talk.ends[which].ended);
}

static void run_step(const struct step *s)
{
	struct rd body = rd_init(s->body, s->n);
	int who = rd_u8(&body) & 1;
	struct end *e = &talk.ends[who];
	uint8_t value = rd_u8(&body);
	struct rd rest = rd_init(s->body + (s->n > 0), s->n - (size_t)(s->n > 0));

	switch ((enum operation)s->op) {
	case STEP_PASS:
		for (unsigned i = 0; i <= value; i++, who = value > 1 ? !who : who)
			deliver(who, SIZE_MAX);
		break;
	case STEP_DROP:
		if (e->n_under_way)
			drop_first(e);
		break;
	case STEP_TWICE:
		if (e->n_under_way)
			arrive(who, e->under_way[0].octets, e->under_way[0].n);
		break;
	case STEP_SWAP: swap_first(e); break;
	case STEP_CUT: deliver(who, 1u + value); break;
	case STEP_JOIN: deliver_all_at_once(who); break;
	case STEP_EDIT: edit_first(e, value, rd_u8(&body)); break;
	case STEP_ANSWER: answer(who, value); break;
	case STEP_OCTETS: arrive(who, rest.p, rd_left(&rest)); break;
	case STEP_HTTP: say_http(who, rest); break;
	case STEP_CONTROL: say_control(who, rest); break;
	case STEP_FRAME: say_frame(who, s->body, 0, rest.p, rd_left(&rest)); break;
	case STEP_PACKET: say_packet(who, rest); break;
	case STEP_IP: say_ip(who, rest); break;
	case STEP_SEND: send_ip(who, value); break;
	case STEP_TIME: pass_time(who); break;
	case STEP_VERDICT:
		judge(&talk.ends[SERVER], NULL, !(s->body[0] & 1));
		pull(SERVER);
		break;
	case STEP_EOF: arrive_end(who, value); break;
	case STEP_CLOSE:
		tunnel_close(e->tunnel, EV_SERVER_STOPPING, talk.now);
		pull(who);
		break;
	case STEP_DEAF:
		e->deaf = !e->deaf;
		collect(who);
		break;
	case STEPS: break;
	}
}

/* ---- a conversation ---- */

static void begin(void)
{
	static const struct sstp_cert_hash certs = {{1}, {2}};
	enum auth_method method = methods[(talk.set_up & 3) % 3];
	struct tunnel_opts opts = {.role = TUNNEL_SERVER,
		.certs = &certs,
		.n_certs = 1,
		.scratch = talk.scratch,
		.require_binding = !(talk.set_up & 4),
		.handshake_ms = 10000,
		.login_ms = 60000,
		.methods = (talk.set_up & 3) == 3 ? methods : &method,
		.n_methods = (talk.set_up & 3) == 3 ? 3 : 1,
		.name = "fuzz",
		.ipv4 = true,
		.ipv6 = !(talk.set_up & 8)};

	must(tunnel_new(&opts, talk.now, &talk.ends[SERVER].tunnel) == 0);
	opts.role = TUNNEL_CLIENT;
	opts.login_ms = 0;
	opts.host = "fuzz.test";
	opts.port = 443;
	opts.user = "User";
	opts.password = talk.set_up & 0x80 ? "other" : "Secret-1";
	opts.want_dns = true;
	must(tunnel_new(&opts, talk.now, &talk.ends[CLIENT].tunnel) == 0);
	for (int i = 0; i < 2; i++) {
		tunnel_start(talk.ends[i].tunnel, talk.now);
		pull(i);
	}
}

/* The peer has gone without a word: each end notices within its own time. */
static void fall_silent(int which)
{
	unsigned n = 0;

	if (is_bare(which))
		return;
	while (!talk.ends[which].ended && pass_time(which))
		must(++n < SILENCE_MAX);
	if (!talk.ends[which].ended)
		fprintf(stderr, "phase %d, no deadline\n", talk.ends[which].tunnel->phase);
	must(talk.ends[which].ended);
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t n)
{
	struct rd in = rd_init(octets, n);
	struct step step;

	random_state = 1;
	memset(talk.ends, 0, sizeof(talk.ends));
	talk.now = 1000000;
	talk.set_up = rd_u8(&in);
	begin();
	for (unsigned i = 0; i < STEPS_MAX && step_next(&in, &step); i++)
		run_step(&step);
	for (int i = 0; i < 2; i++)
		fall_silent(i);
	for (int i = 0; i < 2; i++) {
		while (talk.ends[i].n_under_way)
			drop_first(&talk.ends[i]);
		tunnel_free(talk.ends[i].tunnel);
	}
	return 0;
}

/* ---- libFuzzer's side ---- */

size_t LLVMFuzzerCustomMutator(uint8_t *octets, size_t n, size_t cap, unsigned seed)
{
	static struct script s;

	if (draw(&seed, 16) == 0)
		return LLVMFuzzerMutate(octets, n, cap);
	script_read(&s, octets, n);
	for (unsigned i = draw(&seed, 4) + 1; i; i--)
		script_change(&s, &seed);
	return script_write(&s, octets, cap);
}

/* The beginning of one, then the end of the other. */
size_t LLVMFuzzerCustomCrossOver(const uint8_t *a, size_t na, const uint8_t *b, size_t nb,
	uint8_t *ret, size_t cap, unsigned seed)
{
	static struct script first, second;
	size_t from;

	script_read(&first, a, na);
	script_read(&second, b, nb);
	first.n = draw(&seed, first.n + 1);
	from = draw(&seed, second.n + 1);
	while (from < second.n && first.n < STEPS_MAX)
		first.steps[first.n++] = second.steps[from++];
	return script_write(&first, ret, cap);
}
