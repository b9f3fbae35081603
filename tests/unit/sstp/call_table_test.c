// SPDX-License-Identifier: Apache-2.0
/*
 * The state machines of [MS-SSTP] 3.2 and 3.3, written out as their tables print them: what each
 * stimulus does in each state, both roles, cell by cell.
 *
 *     ABORT aa,ss  CALL_ABORT with AttribID and Status, Call_Abort_Pending, 3 s
 *     abort2       CALL_ABORT, Call_Abort_Timeout_Pending, 1 s
 *     ->AT         Call_Abort_Timeout_Pending, 1 s, nothing sent
 *     ack-disc     CALL_DISCONNECT_ACK, Call_Disconnect_Timeout_Pending, 1 s
 *     disc         CALL_DISCONNECT, Call_Disconnect_Ack_Pending, 5 s
 *     clean        closed, nothing sent
 *     -            nothing at all: no octet, no event, no timer moved
 *     hello        as -, but the Hello timer starts again
 *     up           the frame reaches PPP; up+hello: and the Hello timer starts again
 *     send         the frame is in the output
 *     others       see outcome_is()
 */
#include "call_rig.h"

enum stimulus {
	RX,           /* the packet in `octets` */
	RX_CONNECTED, /* the right CALL_CONNECTED */
	RX_CONNECTED_WRONG_KEY,
	START,
	HLAK,
	PPP_SENDS, /* the frame in `octets` */
	HANG_UP,
	TIMER,
	HTTPS_GONE,
};

struct row {
	const char *what;
	enum stimulus stimulus;
	const char *octets;
	const char *cells[STATES];
};

#define IGNORED4 "-", "-", "-", "-"
#define WRONG "ABORT 02,05"
#define BAD "ABORT 02,07"

// clang-format off
static const struct row client_table[] = {
	/* event                                D        RS             AR             C            AP  AT  DA  DT */
	{"establish tunnel", START, "",       {"request", "-",          "-",           "-",         IGNORED4}},
	{"rx CONNECT_ACK, good", RX, ACK,      {"n/a", "ppp",           WRONG,         WRONG,       IGNORED4}},
	{"rx CONNECT_ACK, SHA-1", RX, ACK_SHA1, {"n/a", "ppp",          WRONG,         WRONG,       IGNORED4}},
	{"rx CONNECT_ACK, no attribute", RX, "10010008 0002 0000",
	                                       {"n/a", "ABORT 04,09",   WRONG,         WRONG,       IGNORED4}},
	{"rx CONNECT_ACK, attribute 1", RX, "1001000e 0002 0001 00010006 0001",
	                                       {"n/a", "ABORT 04,09",   WRONG,         WRONG,       IGNORED4}},
	{"rx CONNECT_ACK, attribute twice", RX, "10010058 0002 0002 00040028 00000003" NONCE "00040028 00000003" NONCE,
	                                       {"n/a", "ABORT 04,09",   WRONG,         WRONG,       IGNORED4}},
	{"rx CONNECT_ACK, attribute short", RX, "1001002f 0002 0001 00040027 00000003"
		"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e",
	                                       {"n/a", "ABORT 04,09",   WRONG,         WRONG,       IGNORED4}},
	{"rx CONNECT_ACK, no bit", RX, "10010030 0002 0001 00040028 00000000" NONCE,
	                                       {"n/a", "ABORT 04,04",   WRONG,         WRONG,       IGNORED4}},
	{"rx CONNECT_ACK, unknown hash", RX, "10010030 0002 0001 00040028 00000004" NONCE,
	                                       {"n/a", "ABORT 04,04",   WRONG,         WRONG,       IGNORED4}},
	{"rx CONNECT_NAK", RX, NAK,            {"n/a", "request",       WRONG,         WRONG,       IGNORED4}},
	{"rx CONNECT_REQUEST", RX, REQUEST,    {"n/a", WRONG,           WRONG,         WRONG,       IGNORED4}},
	{"rx CONNECTED", RX_CONNECTED, "",     {"n/a", WRONG,           WRONG,         WRONG,       IGNORED4}},
	{"rx CALL_ABORT", RX, ABORT_MSG,       {"n/a", "abort2",        "abort2",      "abort2",    "->AT", "-", "abort2", "-"}},
	{"rx CALL_ABORT, bare", RX, "10010008 0005 0000",
	                                       {"n/a", "abort2",        "abort2",      "abort2",    "->AT", "-", "abort2", "-"}},
	{"rx DISCONNECT", RX, DISCONNECT,      {"n/a", "ack-disc",      "ack-disc",    "ack-disc",  "-", "-", "ack-disc", "-"}},
	{"rx DISCONNECT, bare", RX, "10010008 0006 0000",
	                                       {"n/a", "ack-disc",      "ack-disc",    "ack-disc",  "-", "-", "ack-disc", "-"}},
	{"rx DISCONNECT_ACK", RX, DISCONNECT_ACK, {"n/a", WRONG,        WRONG,         WRONG,       "-", "-", "clean", "-"}},
	{"rx DISCONNECT_ACK, broken", RX, "10010009 0007 0001 00", {"n/a", WRONG, WRONG,            WRONG,       "-", "-", "clean", "-"}},
	{"rx DISCONNECT, broken", RX, "1001000c 0006 0002 00020003",
	                                       {"n/a", "ack-disc",      "ack-disc",    "ack-disc",  "-", "-", "ack-disc", "-"}},
	{"rx ECHO_REQUEST", RX, ECHO_REQUEST,  {"n/a", WRONG,           WRONG,         "echo",      IGNORED4}},
	{"rx ECHO_RESPONSE", RX, ECHO_RESPONSE, {"n/a", WRONG,          WRONG,         "hello",     IGNORED4}},
	{"rx PPP control frame", RX, LCP_PACKET, {"n/a", "-",           "up",          "up+hello",  IGNORED4}},
	{"rx PPP data frame", RX, IP_PACKET,   {"n/a", "-",             "-",           "up+hello",  IGNORED4}},
	{"rx empty data packet", RX, "10000004", {"n/a", "-",           "-",           "hello",     IGNORED4}},
	{"PPP sends control frame", PPP_SENDS, LCP_FRAME, {"-", "-",    "send",        "send",      IGNORED4}},
	{"PPP sends data frame", PPP_SENDS, IP_FRAME, {"-", "-",        "-",           "send",      IGNORED4}},
	{"authentication done", HLAK, "",      {"-", "-",               "connected",   "-",         IGNORED4}},
	{"disconnect wanted", HANG_UP, "",     {"clean", "disc",        "disc",        "disc",      IGNORED4}},
	{"rx unknown type", RX, UNKNOWN_TYPE,  {"n/a", BAD,             BAD,           BAD,         IGNORED4}},
	{"rx attribute overruns", RX, "1001000e 0003 0001 0002000c 0001", {"n/a", BAD, BAD,         BAD, IGNORED4}},
	{"rx attribute too short", RX, "1001000c 0003 0001 00020003", {"n/a", BAD, BAD,             BAD, IGNORED4}},
	{"rx fewer attributes than told", RX, "10010008 0003 0001", {"n/a", BAD,    BAD,            BAD, IGNORED4}},
	{"rx octets behind the message", RX, "10010009 0009 0000 00", {"n/a", BAD,  BAD,            "hello", IGNORED4}},
	{"rx version 1.1", RX, "11010008 0009 0000", {"n/a", "clean", "clean", "clean", "clean", "clean", "clean", "clean"}},
	{"rx Length 3", RX, "10000003",        {"n/a", "clean", "clean", "clean", "clean", "clean", "clean", "clean"}},
	{"rx control Length 7", RX, "10010007 0009 00", {"n/a", "clean", "clean", "clean", "clean", "clean", "clean", "clean"}},
	{"timer expires", TIMER, "",           {"-", "ABORT 02,08",     "ABORT 02,08", "ping",      "clean", "clean", "clean", "clean"}},
	{"HTTPS gone", HTTPS_GONE, "",         {"clean", "clean", "clean", "clean", "clean", "clean", "clean", "clean"}},
};

static const struct row server_table[] = {
	/* event                                D        RP             CP             C            AP  AT  DA  DT */
	{"new HTTPS connection", START, "",    {"wait", "-",            "-",           "-",         IGNORED4}},
	{"rx REQUEST, acceptable", RX, REQUEST, {"n/a", "ack",          WRONG,         WRONG,       IGNORED4}},
	{"rx REQUEST, unacceptable", RX, REQUEST_BAD, {"n/a", "nak",    WRONG,         WRONG,       IGNORED4}},
	{"rx CONNECTED, valid", RX_CONNECTED, "", {"n/a", WRONG,        "established", WRONG,       IGNORED4}},
	{"rx CONNECTED, invalid", RX_CONNECTED_WRONG_KEY, "", {"n/a", WRONG, "ABORT 03,04", WRONG,  IGNORED4}},
	{"rx CONNECTED, no attribute", RX, "10010008 0004 0000", {"n/a", WRONG, "ABORT 02,09", WRONG, IGNORED4}},
	{"rx CONNECT_ACK", RX, ACK,            {"n/a", WRONG,           WRONG,         WRONG,       IGNORED4}},
	{"rx CONNECT_NAK", RX, NAK,            {"n/a", WRONG,           WRONG,         WRONG,       IGNORED4}},
	{"rx CALL_ABORT", RX, ABORT_MSG,       {"n/a", "abort2",        "abort2",      "abort2",    "->AT", "-", "abort2", "-"}},
	{"rx CALL_ABORT, bare", RX, "10010008 0005 0000",
	                                       {"n/a", "abort2",        "abort2",      "abort2",    "->AT", "-", "abort2", "-"}},
	{"rx DISCONNECT", RX, DISCONNECT,      {"n/a", "ack-disc",      "ack-disc",    "ack-disc",  "-", "-", "ack-disc", "-"}},
	{"rx DISCONNECT_ACK", RX, DISCONNECT_ACK, {"n/a", WRONG,        WRONG,         WRONG,       "-", "-", "clean", "-"}},
	{"rx DISCONNECT_ACK, broken", RX, "10010009 0007 0001 00", {"n/a", WRONG, WRONG,            WRONG,       "-", "-", "clean", "-"}},
	{"rx DISCONNECT, broken", RX, "1001000c 0006 0002 00020003",
	                                       {"n/a", "ack-disc",      "ack-disc",    "ack-disc",  "-", "-", "ack-disc", "-"}},
	{"rx ECHO_REQUEST", RX, ECHO_REQUEST,  {"n/a", WRONG,           WRONG,         "echo",      IGNORED4}},
	{"rx ECHO_RESPONSE", RX, ECHO_RESPONSE, {"n/a", WRONG,          WRONG,         "hello",     IGNORED4}},
	{"rx ECHO_REQUEST with an attribute", RX, "1001000e 0008 0001 00010006 0001",
	                                       {"n/a", WRONG,           WRONG,         "ABORT 02,09", IGNORED4}},
	{"rx PPP control frame", RX, LCP_PACKET, {"n/a", "-",           "up",          "up+hello",  IGNORED4}},
	{"rx PPP data frame", RX, IP_PACKET,   {"n/a", "-",             "-",           "up+hello",  IGNORED4}},
	{"rx empty data packet", RX, "10000004", {"n/a", "-",           "-",           "hello",     IGNORED4}},
	{"PPP sends control frame", PPP_SENDS, LCP_FRAME, {"-", "-",    "send",        "send",      IGNORED4}},
	{"PPP sends data frame", PPP_SENDS, IP_FRAME, {"-", "-",        "-",           "send",      IGNORED4}},
	{"authentication done", HLAK, "",      {"-", "-",               "-",           "-",         IGNORED4}},
	{"management disconnect", HANG_UP, "", {"clean", "disc",        "disc",        "disc",      IGNORED4}},
	{"rx unknown type", RX, UNKNOWN_TYPE,  {"n/a", BAD,             BAD,           BAD,         IGNORED4}},
	{"rx attribute overruns", RX, "1001000e 0001 0001 00010007 0001", {"n/a", BAD, BAD,         BAD, IGNORED4}},
	{"rx attribute too short", RX, "1001000e 0001 0001 00010003 0001", {"n/a", BAD, BAD,        BAD, IGNORED4}},
	{"rx fewer attributes than told", RX, "1001000e 0001 0002 00010006 0001", {"n/a", BAD, BAD, BAD, IGNORED4}},
	{"rx octets behind the message", RX, "1001000f 0001 0001 00010006 0001 00", {"n/a", BAD, BAD, WRONG, IGNORED4}},
	{"rx version 1.1", RX, "11010008 0009 0000", {"n/a", "clean", "clean", "clean", "clean", "clean", "clean", "clean"}},
	{"rx Length 3", RX, "10000003",        {"n/a", "clean", "clean", "clean", "clean", "clean", "clean", "clean"}},
	{"rx control Length 7", RX, "10010007 0009 00", {"n/a", "clean", "clean", "clean", "clean", "clean", "clean", "clean"}},
	{"timer expires", TIMER, "",           {"-", "ABORT 02,08",     "ABORT 02,08", "ping",      "clean", "clean", "clean", "clean"}},
	{"HTTPS gone", HTTPS_GONE, "",         {"clean", "clean", "clean", "clean", "clean", "clean", "clean", "clean"}},
};
// clang-format on

static void apply(struct rig *rig, const struct row *row)
{
	struct hexlit h = hexlit(row->octets);
	uint64_t deadline = sstp_call_deadline(rig->call);

	switch (row->stimulus) {
	case RX: sstp_call_recv(rig->call, h.p, h.n, rig->now_ms); break;
	case RX_CONNECTED_WRONG_KEY: rig->hlak[0] ^= 1; /* fall through */
	case RX_CONNECTED:
		if (rig->role == SSTP_SERVER)
			sstp_call_set_hlak(rig->call, rig->hlak, rig->now_ms);
		sstp_call_recv(rig->call, rig->connected, sizeof(rig->connected), rig->now_ms);
		break;
	case START: sstp_call_start(rig->call, rig->now_ms); break;
	case HLAK: sstp_call_set_hlak(rig->call, rig->hlak, rig->now_ms); break;
	case PPP_SENDS: (void)!sstp_call_send_frame(rig->call, h.p, h.n); break;
	case HANG_UP: sstp_call_disconnect(rig->call, EV_OUT_OF_MEMORY, rig->now_ms); break;
	case TIMER:
		if (deadline != NEVER)
			rig->now_ms = deadline;
		sstp_call_tick(rig->call, rig->now_ms);
		break;
	case HTTPS_GONE: sstp_call_https_gone(rig->call); break;
	}
	rig_collect(rig);
}

/* What one cell may do; everything not named must not happen. */
struct outcome {
	const char *name;
	const char *sent; /* octets; NULL: not looked at here */
	int state;        /* -1: unchanged */
	int64_t timer_ms; /* from now; UNCHANGED, NO_TIMER */
	unsigned started, up, closed, frames;
};
#define SAME (-1)
#define UNCHANGED (-2)
#define NO_TIMER (-1)

// clang-format off
static const struct outcome outcomes[] = {
	{"-",           "",             SAME, UNCHANGED, 0, 0, 0, 0},
	{"hello",       "",             SAME, 60000,     0, 0, 0, 0},
	{"echo",        ECHO_RESPONSE,  SAME, 60000,     0, 0, 0, 0},
	{"ping",        ECHO_REQUEST,   SAME, 60000,     0, 0, 0, 0},
	{"up",          "",             SAME, UNCHANGED, 0, 0, 0, 1},
	{"up+hello",    "",             SAME, 60000,     0, 0, 0, 1},
	{"send",        NULL,           SAME, UNCHANGED, 0, 0, 0, 0},
	{"request",     REQUEST,        RS,   60000,     0, 0, 0, 0},
	{"ppp",         "",             AR,   60000,     1, 0, 0, 0},
	{"connected",   NULL,           C,    60000,     0, 1, 0, 0},
	{"wait",        "",             RP,   60000,     0, 0, 0, 0},
	{"ack",         ACK,            CP,   60000,     1, 0, 0, 0},
	{"nak",         NAK,            SAME, UNCHANGED, 0, 0, 0, 0},
	{"established", "",             C,    60000,     0, 1, 0, 0},
	{"abort2",      ABORT_MSG,      AT,   1000,      0, 0, 0, 0},
	{"->AT",        "",             AT,   1000,      0, 0, 0, 0},
	{"ack-disc",    DISCONNECT_ACK, DT,   1000,      0, 0, 0, 0},
	{"disc",        DISCONNECT,     DA,   5000,      0, 0, 0, 0},
	{"clean",       "",             D,    NO_TIMER,  0, 0, 1, 0},
	{"ABORT 02,05", "10010014 0005 0001 0002000c 00000002 00000005", AP, 3000, 0, 0, 0, 0},
	{"ABORT 02,07", "10010014 0005 0001 0002000c 00000002 00000007", AP, 3000, 0, 0, 0, 0},
	{"ABORT 02,08", "10010014 0005 0001 0002000c 00000002 00000008", AP, 3000, 0, 0, 0, 0},
	{"ABORT 02,09", "10010014 0005 0001 0002000c 00000002 00000009", AP, 3000, 0, 0, 0, 0},
	{"ABORT 03,04", "10010014 0005 0001 0002000c 00000003 00000004", AP, 3000, 0, 0, 0, 0},
	{"ABORT 04,04", "10010014 0005 0001 0002000c 00000004 00000004", AP, 3000, 0, 0, 0, 0},
	{"ABORT 04,09", "10010014 0005 0001 0002000c 00000004 00000009", AP, 3000, 0, 0, 0, 0},
};
// clang-format on

static const struct outcome *find_outcome(const char *cell)
{
	for (size_t i = 0; i < ARRAY_SIZE(outcomes); i++)
		if (!strcmp(outcomes[i].name, cell))
			return &outcomes[i];
	fail_msg("no outcome %s", cell);
	return NULL;
}

static void assert_sent_special(struct rig *rig, const struct row *row, const struct outcome *o)
{
	struct hexlit h = hexlit(row->octets);

	if (o->sent) {
		assert_sent(rig, o->sent);
	} else if (!strcmp(o->name, "send")) {
		uint8_t header[SSTP_HEADER_LEN];

		sstp_data_header(header, h.n);
		assert_int_equal(rig->sent.n, h.n + sizeof(header));
		assert_memory_equal(rig->sent.p, header, sizeof(header));
		assert_memory_equal(rig->sent.p + sizeof(header), h.p, h.n);
	} else {
		assert_int_equal(rig->sent.n, sizeof(rig->connected));
		assert_memory_equal(rig->sent.p, rig->connected, rig->sent.n);
	}
}

static void check_cell(enum sstp_role role, const struct row *row, enum where from)
{
	const struct outcome *o = find_outcome(row->cells[from]);
	uint64_t before, want;
	struct rig rig;

	rig_enter(&rig, role, from);
	rig.now_ms += 700; /* so that a timer started again is told from one that goes on */
	before = sstp_call_deadline(rig.call);
	apply(&rig, row);
	assert_sent_special(&rig, row, o);
	assert_in_state(&rig, o->state == SAME ? from : (enum where)o->state);
	want = o->timer_ms == UNCHANGED  ? before
	       : o->timer_ms == NO_TIMER ? NEVER
					 : rig.now_ms + (uint64_t)o->timer_ms;
	assert_int_equal(sstp_call_deadline(rig.call), want);
	assert_int_equal(rig.started, o->started);
	assert_int_equal(rig.up, o->up);
	assert_int_equal(rig.closed, o->closed);
	assert_int_equal(rig.frames, o->frames);
	assert_int_equal(
		sstp_call_data_ok(rig.call), (o->state == SAME ? (int)from : o->state) == C);
	rig_done(&rig);
}

static void check_table(enum sstp_role role, const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++)
		for (enum where from = D; from < STATES; from++) {
			if (!strcmp(rows[i].cells[from], "n/a"))
				continue;
			print_message("%s in %s: %s\n", rows[i].what, rig_state_names[role][from],
				rows[i].cells[from]);
			check_cell(role, &rows[i], from);
		}
}

static void every_cell_of_the_client_table(void **state)
{
	check_table(SSTP_CLIENT, client_table, ARRAY_SIZE(client_table));
}

static void every_cell_of_the_server_table(void **state)
{
	check_table(SSTP_SERVER, server_table, ARRAY_SIZE(server_table));
}

/* Column D again, but after a call: nothing wakes it. */
static void check_dead(enum sstp_role role, const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct rig rig;

		rig_enter(&rig, role, C);
		sstp_call_https_gone(rig.call);
		rig_collect(&rig);
		assert_int_equal(rig.closed, 1);
		apply(&rig, &rows[i]);
		assert_int_equal(rig.sent.n, 0);
		assert_int_equal(rig.started + rig.up + rig.closed + rig.frames, 0);
		assert_in_state(&rig, D);
		assert_int_equal(sstp_call_deadline(rig.call), NEVER);
		rig_done(&rig);
	}
}

static void nothing_happens_to_a_call_that_is_closed(void **state)
{
	check_dead(SSTP_CLIENT, client_table, ARRAY_SIZE(client_table));
	check_dead(SSTP_SERVER, server_table, ARRAY_SIZE(server_table));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_cell_of_the_client_table),
		cmocka_unit_test(every_cell_of_the_server_table),
		cmocka_unit_test(nothing_happens_to_a_call_that_is_closed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
