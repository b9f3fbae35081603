// SPDX-License-Identifier: Apache-2.0
/*
 * A conversation as a hostile server may hold it: the listener and the recorder read all of it.
 * Octets: the first chooses how they are cut; then turns of one length octet (the high bit: sent by
 * us) and that many octets.
 */
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include "base/rd.h"
#include "diagnose/scenario.h"
#include "diagnose/talk.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static uint64_t now_us(void)
{
	static uint64_t now;

	return ++now;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static struct scenario *s;
	struct rd r = rd_init(data, n);
	struct talk t;

	if (!s && scenario_new("/dev/null", "vpn.example", &s) < 0)
		return 0;
	talk_init(&t, now_us);
	t.message = scenario_message;
	t.message_arg = s;
	if (rd_u8(&r) & 1) /* the HTTP head is behind us */
		t.http_done[0] = t.http_done[1] = true;
	while (rd_left(&r)) {
		uint8_t turn = rd_u8(&r);
		size_t len = turn & 0x7f, left = rd_left(&r);
		const uint8_t *p = rd_ptr(&r, len < left ? len : left);

		t.tap.octets(&t.tap, turn & 0x80 ? TUNNEL_SENT : TUNNEL_RECEIVED, p,
			len < left ? len : left);
	}
	talk_done(&t);
	return 0;
}
