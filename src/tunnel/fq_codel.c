// SPDX-License-Identifier: Apache-2.0
/*
 * tunnel/fq_codel.c — flow queueing and controlled delay (RFC 8290, 8289).
 *
 * A hash assigns flows to a table of SETS x WAYS queues. As in CAKE, a flow may take any
 * way of its set that is not in use, so that collisions are rare long before the table is full; a
 * queue that ran empty keeps its flow's CoDel state until another flow needs it.
 *
 * Queues that have something to send are in one of two lists: the new ones, served first, and the
 * old ones (RFC 8290 4.2). A sparse flow, one that has less than a quantum per turn, is always new:
 * its packets wait for no bulk transfer. Each turn gives a flow a quantum of octets.
 *
 * CoDel (RFC 8289 5) looks at how long the head of a queue has waited. Above the target for an
 * interval, it marks or drops one packet, then the next ones in ever shorter times. A super-packet
 * that is marked is marked as a whole (its segments share the header), as Linux does; of one that
 * cannot be marked, a single segment is dropped.
 *
 * Over the limits, half of the longest queue is dropped (RFC 8290 4.1.3), from its head, because the
 * sender notices a drop there first.
 *
 * Left out: nothing bypasses the queue here; a caller with an empty queue and an open socket may.
 */
#include "tunnel/fq_codel.h"
#include "base/hot.h"

#include <stdlib.h>

enum {
	SETS = 16,
	WAYS = 8,
	DROP_BATCH = 64,
	BUFFER_WEIGHT =
		512, /* octets that a buffer counts beside its content, to find the fattest */
};

enum flow_state {
	FLOW_IDLE, /* in no list, empty */
	FLOW_NEW,
	FLOW_OLD,
};

struct codel {
	uint64_t
		above_since_us; /* when the sojourn time began to be above the target; 0: it is not */
	uint64_t drop_next_us;
	uint32_t count, last_count;
	bool dropping;
};

struct flow {
	struct flow *next; /* in the list */
	struct pbuf *head, *tail;
	uint32_t hash;
	uint32_t octets, packets;
	int32_t deficit;
	enum flow_state state;
	struct codel codel;
};

struct flow_list {
	struct flow *head, *tail;
};

struct fq_table {
	struct flow_list new, old;
	struct flow flows[SETS][WAYS];
};

void fq_codel_init(struct fq_codel *q, const struct fq_codel_opts *opts, uint32_t seed)
{
	*q = (struct fq_codel){.opts = opts, .seed = seed};
}

void fq_codel_prefetch(const struct fq_codel *q)
{
	if (q->table) /* which flow it will be is not known yet */
		prefetch(q->table, offsetof(struct fq_table, flows));
}

static void list_append(struct flow_list *l, struct flow *f)
{
	f->next = NULL;
	if (l->tail)
		l->tail->next = f;
	else
		l->head = f;
	l->tail = f;
}

static void list_pop(struct flow_list *l)
{
	l->head = l->head->next;
	if (!l->head)
		l->tail = NULL;
}

/* ---- packets of one flow ---- */

static void flow_append(struct fq_codel *q, struct flow *f, struct pbuf *p)
{
	uint32_t octets = (uint32_t)segment_all_frames(&p->segment);

	p->next = NULL;
	if (f->tail)
		f->tail->next = p;
	else
		f->head = p;
	f->tail = p;
	f->octets += octets;
	f->packets++;
	q->octets += octets;
	q->packets++;
}

/* n octets of the head went out or away; what is done is given back. */
HOT static void flow_advanced(struct fq_codel *q, struct flow *f, uint32_t n)
{
	struct pbuf *p = f->head;

	f->octets -= n;
	q->octets -= n;
	if (!segment_done(&p->segment))
		return;
	f->head = p->next;
	if (!f->head)
		f->tail = NULL;
	f->packets--;
	q->packets--;
	pbuf_free(p);
}

static void flow_drop_segment(struct fq_codel *q, struct flow *f)
{
	uint32_t n = (uint32_t)segment_next_frame(&f->head->segment);

	segment_skip(&f->head->segment);
	flow_advanced(q, f, n);
}

static void flow_drop_packet(struct fq_codel *q, struct flow *f)
{
	uint32_t n = (uint32_t)segment_all_frames(&f->head->segment);

	f->head->segment.next = f->head->segment.len;
	flow_advanced(q, f, n);
}

void fq_codel_done(struct fq_codel *q)
{
	for (size_t i = 0; q->table && i < SETS * WAYS; i++)
		while (q->table->flows[i / WAYS][i % WAYS].head)
			flow_drop_packet(q, &q->table->flows[i / WAYS][i % WAYS]);
	free(q->table);
	q->table = NULL;
}

void fq_codel_trim(struct fq_codel *q, uint64_t now_us)
{
	if (!q->table || q->packets || now_us - q->empty_since_us < FQ_IDLE_US)
		return;
	free(q->table);
	q->table = NULL;
}

/* ---- enqueue ---- */

static struct flow *find_flow(struct fq_codel *q, const struct pbuf *p)
{
	uint32_t hash;
	struct flow *set, *unused = NULL;

	hash = packet_flow_hash(p->segment.packet, &p->ip, q->seed);
	set = q->table->flows[hash % SETS];
	for (size_t i = 0; i < WAYS; i++) {
		if (set[i].hash == hash)
			return &set[i];
		if (set[i].state == FLOW_IDLE)
			unused = &set[i];
	}
	if (!unused)
		return &set[hash / SETS % WAYS]; /* all ways in use: it shares one */
	*unused = (struct flow){.hash = hash};
	return unused;
}

static struct flow *fattest_flow(struct fq_codel *q)
{
	struct flow *fattest = NULL;
	uint64_t most = 0;

	for (size_t i = 0; i < SETS * WAYS; i++) {
		struct flow *f = &q->table->flows[i / WAYS][i % WAYS];
		uint64_t weight = f->octets + (uint64_t)f->packets * BUFFER_WEIGHT;

		if (weight > most) {
			most = weight;
			fattest = f;
		}
	}
	return fattest;
}

static bool over_limit(const struct fq_codel *q)
{
	return q->octets > q->opts->limit_octets || q->packets > q->opts->limit_packets;
}

/* A batch, since finding the fattest is dear, but no more than a batch: one buffer may be 48 packets. */
static void drop_from_fattest(struct fq_codel *q)
{
	struct flow *f = fattest_flow(q);
	uint32_t octets = f->octets / 2, packets = f->packets / 2, dropped = 0;

	while (f->head && dropped < DROP_BATCH &&
		(!dropped || f->octets > octets || f->packets > packets)) {
		dropped += segment_count(&f->head->segment);
		flow_drop_packet(q, f);
	}
	q->stats.dropped_full += dropped;
}

HOT void fq_codel_enqueue(struct fq_codel *q, struct pbuf *p, uint64_t now_us)
{
	struct flow *f;

	if (!q->table)
		q->table = calloc(1, sizeof(*q->table));
	if (!q->table) {
		q->stats.dropped_full += segment_count(&p->segment);
		pbuf_free(p);
		return;
	}
	f = find_flow(q, p);
	p->enqueued_us = now_us;
	flow_append(q, f, p);
	if (f->state == FLOW_IDLE) {
		f->state = FLOW_NEW;
		f->deficit = (int32_t)q->opts->quantum;
		list_append(&q->table->new, f);
	}
	while (over_limit(q))
		drop_from_fattest(q);
}

static struct pbuf *flow_take(struct fq_codel *q, struct flow *f)
{
	struct pbuf *p = f->head;
	uint32_t octets = (uint32_t)segment_all_frames(&p->segment);

	f->head = p->next;
	if (!f->head)
		f->tail = NULL;
	f->octets -= octets;
	f->packets--;
	q->octets -= octets;
	q->packets--;
	return p;
}

void fq_codel_pour(struct fq_codel *from, struct fq_codel *to, uint64_t now_us)
{
	for (size_t i = 0; from->table && i < SETS * WAYS; i++) {
		struct flow *f = &from->table->flows[i / WAYS][i % WAYS];

		while (f->head)
			fq_codel_enqueue(to, flow_take(from, f), now_us);
	}
	from->empty_since_us = now_us;
}

/* ---- CoDel, RFC 8289 5.5 ---- */

static uint32_t isqrt(uint64_t n)
{
	uint64_t root = 0;

	for (uint64_t bit = (uint64_t)1 << 31; bit; bit >>= 1)
		if ((root | bit) * (root | bit) <= n)
			root |= bit;
	return (uint32_t)root;
}

/* t + interval / sqrt(count), eight binary places in the root */
static uint64_t control_law(const struct fq_codel *q, uint64_t t_us, uint32_t count)
{
	return t_us + ((uint64_t)q->opts->interval_us << 8) / isqrt((uint64_t)count << 16);
}

/* "ok_to_drop": the head has waited too long, and has done so for an interval. */
HOT static bool has_waited(struct fq_codel *q, struct flow *f, uint64_t now_us)
{
	struct codel *c = &f->codel;

	/* Not the last packet of all: the link would stand still. */
	if (!f->head || now_us - f->head->enqueued_us < q->opts->target_us ||
		q->octets <= q->opts->quantum + segment_next_frame(&f->head->segment)) {
		c->above_since_us = 0;
		return false;
	}
	if (!c->above_since_us)
		c->above_since_us = now_us;
	return now_us - c->above_since_us >= q->opts->interval_us;
}

/* True: the head was marked and goes out; false: a packet is gone. */
static bool mark_or_drop(struct fq_codel *q, struct flow *f)
{
	struct pbuf *p = f->head;

	if (q->opts->ecn && packet_mark_ce(p->octets)) {
		q->stats.marked++;
		return true;
	}
	flow_drop_segment(q, f);
	q->stats.dropped++;
	return false;
}

static void codel_drop_more(struct fq_codel *q, struct flow *f, uint64_t now_us)
{
	struct codel *c = &f->codel;

	while (c->dropping && now_us >= c->drop_next_us) {
		bool marked = mark_or_drop(q, f);

		c->count++;
		c->drop_next_us = control_law(q, c->drop_next_us, c->count);
		if (marked)
			return;
		c->dropping = has_waited(q, f, now_us);
	}
}

static void codel_begin(struct fq_codel *q, struct flow *f, uint64_t now_us)
{
	struct codel *c = &f->codel;
	uint32_t recent = c->count - c->last_count;

	mark_or_drop(q, f);
	/* Just out of the dropping state: go on where the rate was (RFC 8289 5.4). */
	c->count = recent > 1 && now_us - c->drop_next_us < 16 * (uint64_t)q->opts->interval_us
			   ? recent
			   : 1;
	c->last_count = c->count;
	c->dropping = true;
	c->drop_next_us = control_law(q, now_us, c->count);
}

/* Before the head of f goes out: marks it, or drops until one may go. */
static void codel_control(struct fq_codel *q, struct flow *f, uint64_t now_us)
{
	bool waited = has_waited(q, f, now_us);

	if (!waited)
		f->codel.dropping = false;
	else if (f->codel.dropping)
		codel_drop_more(q, f, now_us);
	else
		codel_begin(q, f, now_us);
}

/* ---- dequeue ---- */

/* The first flow whose turn it is; turns that are over are passed on. */
static struct flow *next_flow(struct fq_codel *q, uint32_t quantum)
{
	struct fq_table *t = q->table;

	for (;;) {
		struct flow_list *l = t->new.head ? &t->new : &t->old;
		struct flow *f = l->head;

		if (!f || f->deficit > 0)
			return f;
		f->deficit += (int32_t)quantum;
		f->state = FLOW_OLD;
		list_pop(l);
		list_append(&t->old, f);
	}
}

/* f, at the head of its list, has nothing more. RFC 8290 4.2: a new one is kept once as an old one. */
static void retire_flow(struct fq_table *t, struct flow *f)
{
	if (f->state == FLOW_NEW) {
		list_pop(&t->new);
		f->state = FLOW_OLD;
		if (t->old.head) {
			list_append(&t->old, f);
			return;
		}
	} else {
		list_pop(&t->old);
	}
	f->state = FLOW_IDLE;
}

/* As much of f's head as its turn and the room allow, at least one frame; 0: it does not fit. */
static size_t send_turn(
	struct fq_codel *q, struct flow *f, uint64_t now_us, uint8_t *out, size_t room)
{
	size_t next = segment_next_frame(&f->head->segment), turn = (size_t)f->deficit;
	uint32_t before = segment_count(&f->head->segment);
	size_t n;

	if (turn < next)
		turn = next;
	n = segment_frames(&f->head->segment, out, turn < room ? turn : room);
	f->deficit -= (int32_t)n;
	q->stats.sent += before - segment_count(&f->head->segment);
	q->stats.turns++;
	q->stats.waited_us += now_us - f->head->enqueued_us;
	if (n)
		flow_advanced(q, f, (uint32_t)n);
	return n;
}

static bool head_fits(const struct flow *f, size_t room)
{
	return !f->head || segment_next_frame(&f->head->segment) <= room;
}

HOT size_t fq_codel_fill(
	struct fq_codel *q, uint64_t now_us, uint32_t burst, uint8_t *out, size_t room)
{
	/* A quarter of a burst keeps four flows in each write, and runs of packets that can be joined. */
	uint32_t quantum = burst / 4 > q->opts->quantum ? burst / 4 : q->opts->quantum;
	size_t done = 0;
	struct flow *f;

	while (q->packets && done < burst) {
		f = next_flow(q, quantum);
		if (!head_fits(f, room - done))
			break;
		if (f->head)
			codel_control(q, f, now_us);
		if (!f->head)
			retire_flow(q->table, f);
		else if (!head_fits(f, room - done))
			break;
		else
			done += send_turn(q, f, now_us, out + done, room - done);
	}
	if (!q->packets)
		q->empty_since_us = now_us;
	return done;
}
