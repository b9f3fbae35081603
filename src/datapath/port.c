// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation
 *
 * One turn of the loop, TUN side: the links take a batch of super-packets, each onto the queue of the
 * link whose it is, which is flushed when a write's worth lies there, else at the end of the turn; at most
 * TUN_READS_PER_TURN reads, so that sockets (and with them acknowledgements) get their turn. Socket
 * side: see link.c. Links are called through port->links, once a batch.
 *
 * Nothing here waits for more to come: a lone packet is sealed and written in the turn in which it
 * was read. After a pause the port does not read the TUN a second time: that would be one more system
 * call for the lone packet, and poll reports further packets anyway. First of all, the port prefetches
 * the code and data for the packet (base/hot.h).
 */
#include "datapath/port.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "base/hot.h"
#include "base/line.h"
#include "tunnel/limits.h"
#include "tunnel/tunnel.h"

#define TUN_READS_PER_TURN 16
#define TUN_PAUSE_US 500
#define SWEEP_MS 1000
#define ASLEEP_US 2000  /* without packets: then the caches are taken for others' */
#define STACK_USED 1536 /* octets */

/* ---- waking ------------------------------------------------------------------- */

static void prefetch_buffers(const struct port *p)
{
	coalesce_prefetch(p->coalesce);
	pbuf_pool_prefetch(p->pool);
	prefetch(p->scratch, HOT_BEGINNING);
	prefetch(p->rx, HOT_BEGINNING);
	prefetch(p->tx, HOT_BEGINNING);
	prefetch((const char *)__builtin_frame_address(0) - STACK_USED, STACK_USED);
}

/* Which link a packet from the TUN is for is not known yet: the one that was awake last. */
HOT void port_wake(struct port *p, const struct port_link *l, uint64_t now_us)
{
	bool slept = now_us - p->awake_us > ASLEEP_US;

	p->awake_us = now_us;
	if (!slept)
		return;
	prefetch_code();
	prefetch(p, sizeof(*p));
	prefetch(p->loop, sizeof(*p->loop));
	if (l || p->warm)
		p->links->prefetch(l ? l : p->warm);
	prefetch_buffers(p);
}

/* ---- TUN → links ----------------------------------------------------------- */

void port_mark_dirty(struct port *p, struct port_link *l)
{
	if (l->is_dirty)
		return;
	l->is_dirty = true;
	l->next_dirty = NULL;
	*p->dirty_tail = l;
	p->dirty_tail = &l->next_dirty;
}

void port_flush(struct port *p)
{
	struct port_link *l;

	while ((l = p->dirty)) {
		p->dirty = l->next_dirty;
		if (!p->dirty)
			p->dirty_tail = &p->dirty;
		l->is_dirty = false;
		p->links->flush(l);
	}
}

static ssize_t read_tun(struct port *p, struct vnet_hdr *vnet, struct pbuf *pkt)
{
	struct iovec iov[2] = {{vnet, sizeof(*vnet)}, {pkt->octets, pkt->cap}};
	ssize_t n = readv(p->tun_fd, iov, 2);

	return n < 0 ? -errno : n - (ssize_t)sizeof(*vnet);
}

HOT struct pbuf *port_read_tun(struct port *p, struct vnet_hdr *vnet, size_t *ret_len)
{
	struct pbuf *pkt = pbuf_get(p->pool, SEGMENT_SUPER_MAX);
	ssize_t n;

	if (!pkt)
		return NULL; /* all buffers are in queues: leave the rest to the kernel's own */
	n = read_tun(p, vnet, pkt);
	if (n > 0) {
		*ret_len = (size_t)n;
		return pkt;
	}
	pbuf_free(pkt);
	return NULL;
}

HOT static void on_tun(uv_poll_t *poll, int status UNUSED, int events UNUSED)
{
	struct port *p = poll->data;
	uint64_t now_us = clock_mono_us();
	int reads = now_us - p->tun_read_us < TUN_PAUSE_US ? TUN_READS_PER_TURN : 1;

	p->tun_read_us = now_us;
	port_wake(p, NULL, now_us);
	p->links->take_batch(p, reads);
	port_flush(p);
}

int port_set_tun_polling(struct port *p, bool on)
{
	if (p->tun_fd < 0)
		return 0;
	return on ? uv_poll_start(&p->tun_poll, UV_READABLE, on_tun) : uv_poll_stop(&p->tun_poll);
}

/* ---- links → TUN ------------------------------------------------------------- */

HOT static void drain_coalesced(struct port *p)
{
	struct coalesced out;

	while (coalesce_next(p->coalesce, &out)) {
		ssize_t n = p->tun_fd < 0 ? 0 : writev(p->tun_fd, out.iov, out.iovcnt);

		if (n < 0)
			stat_add(&p->stats.drop_tun, out.packets);
		else
			stat_add(&p->stats.rx_packets, out.packets);
	}
}

HOT void port_deliver(struct port *p, const uint8_t *octets, const struct ip_packet *ip)
{
	stat_add(&p->stats.rx_octets, ip->len);
	while (!coalesce_add(p->coalesce, octets, ip))
		drain_coalesced(p);
}

void port_deliver_end(struct port *p)
{
	coalesce_flush(p->coalesce);
	drain_coalesced(p);
}

/* ---- handshakes within their time ---------------------------------------------------------- */

void port_defer(struct port *p, struct port_link *l)
{
	if (l->is_deferred)
		return;
	l->is_deferred = true;
	l->next_deferred = NULL;
	*p->deferred_tail = l;
	p->deferred_tail = &l->next_deferred;
}

bool port_run_deferred(struct port *p, uint64_t most_us)
{
	uint64_t begin_us = p->deferred ? clock_mono_us() : 0, now_us = begin_us;
	struct port_link *l;

	while ((l = p->deferred)) {
		p->deferred = l->next_deferred;
		if (!p->deferred)
			p->deferred_tail = &p->deferred;
		l->is_deferred = false;
		p->links->read(l, now_us);
		now_us = clock_mono_us();
		if (now_us - begin_us >= most_us)
			break;
	}
	return p->deferred;
}

void port_forget(struct port *p, struct port_link *l)
{
	struct port_link **at;

	for (at = &p->dirty; *at && *at != l; at = &(*at)->next_dirty)
		;
	if (*at && !(*at = l->next_dirty))
		p->dirty_tail = at;
	for (at = &p->deferred; *at && *at != l; at = &(*at)->next_deferred)
		;
	if (*at && !(*at = l->next_deferred))
		p->deferred_tail = at;
	for (at = &p->warm; *at && *at != l; at = &(*at)->next_warm)
		;
	if (*at)
		*at = l->next_warm;
}

/* ---- memory of links that fell idle ---------------------------------------------------------- */

static void on_sweep(uv_timer_t *timer)
{
	struct port *p = timer->data;
	uint64_t now = uv_now(p->loop);
	struct port_link **at = &p->warm, *l;

	while ((l = *at)) {
		if (now - l->active_ms < SWEEP_MS || !p->links->cool(l)) {
			at = &l->next_warm;
			continue;
		}
		*at = l->next_warm;
		l->is_warm = false;
	}
	pbuf_pool_trim(p->pool);
	if (!p->warm)
		uv_timer_stop(timer);
}

void port_warm(struct port *p, struct port_link *l)
{
	l->active_ms = uv_now(p->loop);
	if (l->is_warm)
		return;
	l->is_warm = true;
	l->next_warm = p->warm;
	p->warm = l;
	if (!uv_is_active((uv_handle_t *)&p->sweep))
		uv_timer_start(&p->sweep, on_sweep, SWEEP_MS, SWEEP_MS);
}

/* ---- birth and death ---------------------------------------------------------- */

static const uint32_t pool_max[PBUF_CLASSES] = {[PBUF_SMALL] = PBUF_SMALL_MAX,
	[PBUF_MEDIUM] = PBUF_MEDIUM_MAX,
	[PBUF_LARGE] = PBUF_LARGE_MAX};

int port_init(struct port *p, uv_loop_t *loop, int tun_fd, enum coalesce_kinds joins,
	const struct port_ops *ops, const struct port_calls *links)
{
	int r;

	*p = (struct port){.loop = loop, .ops = ops, .links = links, .tun_fd = tun_fd};
	p->dirty_tail = &p->dirty;
	p->deferred_tail = &p->deferred;
	p->scratch = line_alloc(TUNNEL_SCRATCH_LEN);
	p->rx = line_alloc(PORT_RX_LEN);
	p->tx = line_alloc(PORT_TX_LEN);
	if (!p->scratch || !p->rx || !p->tx || pbuf_pool_new(pool_max, &p->pool) < 0)
		return -ENOMEM;
	crypto_random(&p->seed, sizeof(p->seed));
	r = coalesce_new(joins, &p->coalesce);
	if (r < 0)
		return r;
	uv_timer_init(loop, &p->sweep);
	p->sweep.data = p;
	if (tun_fd < 0)
		return 0;
	r = uv_poll_init(loop, &p->tun_poll, tun_fd);
	if (r < 0)
		return r;
	p->tun_poll.data = p;
	return port_set_tun_polling(p, true);
}

void port_close(struct port *p)
{
	uv_close((uv_handle_t *)&p->sweep, NULL);
	if (p->tun_fd >= 0)
		uv_close((uv_handle_t *)&p->tun_poll, NULL);
}

void port_done(struct port *p)
{
	coalesce_free(p->coalesce);
	pbuf_pool_free(p->pool);
	free(p->scratch);
	free(p->rx);
	free(p->tx);
}
