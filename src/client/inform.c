// SPDX-License-Identifier: Apache-2.0
#include "client/inform.h"

#include "base/clock.h"

static void begin(struct inform *f, uint32_t xid, uint64_t now_ms)
{
	f->open = true;
	f->soon = false;
	f->tries = 0;
	f->xid = xid;
	f->next_ms = now_ms;
}

static void end(struct inform *f, uint64_t packets, uint64_t now_ms)
{
	f->open = false;
	f->ended_ms = now_ms;
	f->packets = packets;
	f->next_ms = now_ms + (f->soon ? INFORM_HURRY_MS : INFORM_AGAIN_MS);
}

void inform_up(struct inform *f, uint32_t xid, uint64_t now_ms)
{
	*f = (struct inform){.up = true};
	begin(f, xid, now_ms);
}

void inform_down(struct inform *f)
{
	*f = (struct inform){0};
}

void inform_hurry(struct inform *f, uint64_t now_ms)
{
	uint64_t earliest = f->ended_ms + INFORM_HURRY_MS;

	if (!f->up)
		return;
	f->soon = true;
	if (!f->open)
		f->next_ms = earliest > now_ms ? earliest : now_ms;
}

enum inform_order inform_tick(struct inform *f, uint32_t xid, uint64_t packets, uint64_t now_ms)
{
	if (!f->up || now_ms < f->next_ms)
		return INFORM_NOTHING;
	if (!f->open && !f->soon && packets == f->packets) {
		f->next_ms = now_ms + INFORM_AGAIN_MS;
		return INFORM_NOTHING;
	}
	if (!f->open)
		begin(f, xid, now_ms);
	if (f->tries == INFORM_TRIES) {
		end(f, packets, now_ms);
		return INFORM_SILENT;
	}
	f->next_ms = now_ms + ((uint64_t)INFORM_FIRST_WAIT_MS << f->tries++);
	return INFORM_ASK;
}

bool inform_answered(struct inform *f, uint32_t xid, uint64_t packets, uint64_t now_ms)
{
	if (!f->open || !f->tries || xid != f->xid)
		return false;
	end(f, packets, now_ms);
	return true;
}

uint64_t inform_deadline_ms(const struct inform *f)
{
	return f->up ? f->next_ms : NEVER;
}
