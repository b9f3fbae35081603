/* datapath/private.h — what port.c and link.c want of each other. */
#pragma once
#include "datapath/link.h"

void link_enqueue(struct link *l, struct pbuf *pkt); /* takes pkt, whose segment is begun */
void link_flush(struct link *l);
void link_readable(struct link *l, uint64_t now_us);
/* CoDel's target and interval; `grows`: inflight_grows() */
void link_follow_target(struct link *l, uint32_t rtt_us, bool grows);
/* As far as is known: with a congestion control that is not ours to choose, nothing is. */
static inline bool link_path_loses(const struct link *l)
{
	return l->chooses_congestion && l->congestion.in_force == CONGESTION_BBR;
}
void link_prefetch(const struct link *l); /* what the next packet touches (base/hot.h) */
bool link_cool(struct link *l);           /* gives idle buffers back; false: not idle yet */

extern const struct fq_codel_opts port_queue_opts;
/* Packets come. l: the link that has them, NULL: the TUN has. */
void port_wake(struct port *p, const struct link *l, uint64_t now_us);
void port_mark_dirty(struct port *p, struct link *l);
void port_deliver(struct port *p, const uint8_t *octets, size_t n);
void port_deliver_end(struct port *p);
void port_defer(struct port *p, struct link *l);
void port_forget(struct port *p, struct link *l);
void port_warm(struct port *p, struct link *l);
