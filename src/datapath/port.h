// SPDX-License-Identifier: Apache-2.0
/*
 * datapath/port.h — what one thread needs to move packets: its event loop, its TUN queue, buffers.
 *
 * Server workers and the client have one port each; tunnels (datapath/link.h) hang on it. Packets
 * that the kernel routes into the TUN are offered to ops->route(), which names the link, or takes
 * the packet elsewhere, or drops it. Packets from tunnels are joined (offload/coalesce.h) and
 * written to the TUN when the batch of one recv() has been parsed.
 *
 * Ownership: the creator owns the port, its loop and the TUN descriptor; links are their owners'.
 * Threads:   a port and all its links belong to the thread that runs the loop. The counters are
 *            written by it alone and may be read by others (relaxed; monotonic).
 */
#pragma once
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "ip/packet.h"
#include "offload/coalesce.h"
#include "offload/vnet.h"
#include "tunnel/pbuf.h"

struct link;
struct port;

/* Counters of one thread (datapath/counters.def), on cache lines of their own. */
struct port_stats {
#define COUNTER(name, ...) _Atomic uint64_t name;
#include "datapath/counters.def"
#undef COUNTER
} __attribute__((aligned(64)));

static inline void stat_add(_Atomic uint64_t *counter, uint64_t n)
{
	/* One writer: a plain add, not a locked one. */
	atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + n,
		memory_order_relaxed);
}

struct port_ops {
	/*
	 * A packet came out of the TUN: return the link of this port that takes it, or NULL when it
	 * was handed on (copied) or is to be dropped.
	 */
	struct link *(*route)(struct port *p, const struct vnet_hdr *vnet, const uint8_t *octets,
		const struct ip_packet *ip);
	/*
	 * A packet came out of a tunnel and passed the source check: takes it instead of the TUN.
	 * NULL: the TUN. The octets live as long as the call.
	 */
	void (*deliver)(struct link *l, const uint8_t *octets, size_t n);
};

/* The port's part of a link: its places in the port's lists. Embedded in struct link, shown for that. */
struct port_link {
	struct port_link *next_dirty, *next_warm, *next_deferred;
	bool is_dirty, is_warm, is_deferred;
	uint64_t active_ms; /* when buffers were last in use */
};

/* How the port calls its links: once a batch, not once a packet. link.h: link_calls. */
struct port_calls {
	void (*take_batch)(struct port *p, int reads); /* from the TUN, by port_read_tun() */
	void (*flush)(struct port_link *l);
	void (*read)(struct port_link *l, uint64_t now_us); /* its socket is readable */
	void (*prefetch)(const struct port_link *l); /* what the next packet touches (base/hot.h) */
	bool (*cool)(struct port_link *l); /* gives idle buffers back; false: not idle yet */
};

struct port {
	uv_loop_t *loop;
	const struct port_ops *ops;
	const struct port_calls *links;
	int tun_fd;
	uint64_t tun_read_us; /* when its turn was last */
	uint64_t awake_us;    /* when packets last came, from either side */
	uv_poll_t tun_poll;
	uv_timer_t sweep; /* gives buffers of links back that fell idle */
	struct pbuf_pool *pool;
	uint32_t seed; /* of flow hashes */
	struct coalesce *coalesce;
	uint8_t *scratch;        /* plaintext of tunnel/tunnel.h, one batch */
	uint8_t *rx;             /* ciphertext from a socket */
	uint8_t *tx;             /* plaintext on its way out */
	struct port_link *dirty; /* links with something to flush, in order */
	struct port_link **dirty_tail;
	struct port_link *deferred; /* links before login with something to read, in order */
	struct port_link **deferred_tail;
	struct port_link *warm; /* links that hold buffers */
	struct port_stats stats;
};

#define PORT_RX_LEN (512 * 1024) /* longer batches, longer super-packets, fewer wake-ups */
#define PORT_TX_LEN (80 * 1024)  /* a super-packet of 64 KiB as frames: 45 headers of 8 octets */

/* tun_fd -1: no TUN (packets from tunnels are only counted). joins: what the TUN takes joined. */
int port_init(struct port *p, uv_loop_t *loop, int tun_fd, enum coalesce_kinds joins,
	const struct port_ops *ops, const struct port_calls *links);
void port_done(struct port *p);  /* after the loop has run dry */
void port_close(struct port *p); /* closes its handles; run the loop until they are gone */
/* Reads nothing more from the TUN, whose queue keeps what comes, or again. Negative: libuv's errno. */
int port_set_tun_polling(struct port *p, bool on);
/*
 * Reads for the links that wait (link.deferred), once each, until that has taken `most_us`; for one of
 * them in any case. True when more wait.
 */
bool port_run_deferred(struct port *p, uint64_t most_us);
/* Flushes links that got packets by link_send_copy(); the TUN's own reads do so themselves. */
void port_flush(struct port *p);

/* ---- for links ---- */

/* Packets come. l: the link that has them, NULL: the TUN has. */
void port_wake(struct port *p, const struct port_link *l, uint64_t now_us);
/* The next packet of the TUN; NULL: none, or no buffer is free. */
struct pbuf *port_read_tun(struct port *p, struct vnet_hdr *vnet, size_t *ret_len);
void port_mark_dirty(struct port *p, struct port_link *l);
void port_deliver(struct port *p, const uint8_t *octets, const struct ip_packet *ip);
void port_deliver_end(struct port *p);
void port_defer(struct port *p, struct port_link *l);
void port_forget(struct port *p, struct port_link *l);
void port_warm(struct port *p, struct port_link *l);
