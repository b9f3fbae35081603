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

#include "offload/coalesce.h"
#include "offload/ip_packet.h"
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
	struct link *(*route)(
		struct port *p, const struct vnet_hdr *vnet, const struct ip_packet *ip);
	/*
	 * A packet came out of a tunnel and passed the source check: takes it instead of the TUN.
	 * NULL: the TUN. The octets live as long as the call.
	 */
	void (*deliver)(struct link *l, const uint8_t *octets, size_t n);
};

struct port {
	uv_loop_t *loop;
	const struct port_ops *ops;
	int tun_fd;
	bool tun_polling;
	uint64_t tun_read_us; /* when its turn was last */
	uint64_t awake_us;    /* when packets last came, from either side */
	uv_poll_t tun_poll;
	uv_timer_t sweep; /* gives buffers of links back that fell idle */
	struct pbuf_pool *pool;
	uint32_t seed; /* of flow hashes */
	struct coalesce *coalesce;
	uint8_t *scratch;   /* plaintext of tunnel/tunnel.h, one batch */
	uint8_t *rx;        /* ciphertext from a socket */
	uint8_t *tx;        /* plaintext on its way out */
	struct link *dirty; /* links with something to flush, in order */
	struct link **dirty_tail;
	struct link *deferred; /* links before login with something to read, in order */
	struct link **deferred_tail;
	struct link *warm; /* links that hold buffers */
	struct port_stats stats;
};

#define PORT_RX_LEN (512 * 1024) /* longer batches, longer super-packets, fewer wake-ups */
#define PORT_TX_LEN (80 * 1024)  /* a super-packet of 64 KiB as frames: 45 headers of 8 octets */

/* tun_fd -1: no TUN (packets from tunnels are only counted). joins: what the TUN takes joined. */
int port_init(struct port *p, uv_loop_t *loop, int tun_fd, enum coalesce_kinds joins,
	const struct port_ops *ops);
void port_done(struct port *p);  /* after the loop has run dry */
void port_close(struct port *p); /* closes its handles; run the loop until they are gone */
/* Reads nothing more from the TUN (while draining), or again. */
void port_set_tun_polling(struct port *p, bool on);
/* Hands a packet to a link of this port, as if it had come from its TUN queue; copies it. */
void port_send_copy(
	struct port *p, struct link *l, const struct vnet_hdr *vnet, const void *octets, size_t n);
/*
 * Reads for the links that wait (link.deferred), once each, until that has taken `most_us`; for one of
 * them in any case. True when more wait.
 */
bool port_run_deferred(struct port *p, uint64_t most_us);
/* Flushes links that got packets by port_send(); the TUN's own reads do so themselves. */
void port_flush(struct port *p);
