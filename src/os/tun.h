// SPDX-License-Identifier: Apache-2.0
/*
 * os/tun.h — one TUN interface with a queue per worker (tun.c explains it).
 *
 * Ownership: the creator owns the tun; closing the last queue removes the interface, so nothing
 *            outlives the process, however it ends.
 * Octets:    each read and write is a struct virtio_net_hdr (TUN_VNET_HDR_LEN octets, native byte
 *            order) and one IP packet or super-packet.
 * Threads:   a queue's fd belongs to one worker; everything else to the creator.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/auto.h"
#include "os/failure.h"

#define TUN_VNET_HDR_LEN                                                                           \
	10 /* struct virtio_net_hdr; the 12 of mrg_rxbuf would carry nothing more */
#define TUN_NAME_DEFAULT "culvert%d"

/* What the kernel may hand us unfinished, and takes from us; the values of TUN_F_* in linux/if_tun.h. */
enum {
	TUN_OFFLOAD_CSUM = 0x01, /* checksum left to us */
	TUN_OFFLOAD_TSO4 = 0x02, /* TCP super-packets */
	TUN_OFFLOAD_TSO6 = 0x04,
	TUN_OFFLOAD_ECN = 0x08,  /* ... also with CWR set */
	TUN_OFFLOAD_USO4 = 0x20, /* UDP super-packets; Linux 6.2, only both together */
	TUN_OFFLOAD_USO6 = 0x40,
	TUN_OFFLOAD_TSO = TUN_OFFLOAD_TSO4 | TUN_OFFLOAD_TSO6,
	TUN_OFFLOAD_USO = TUN_OFFLOAD_USO4 | TUN_OFFLOAD_USO6,
	TUN_OFFLOAD_ALL = 0x6f,
};

struct tun_opts {
	const char *name;     /* NULL: TUN_NAME_DEFAULT; one %d is the first free number */
	unsigned queues;      /* 0 counts as 1 */
	unsigned no_offloads; /* TUN_OFFLOAD_* not to ask for */
};

struct tun;

/*
 * -EEXIST: an interface of that name is already there (it is left alone); -EACCES, -EPERM: no
 * right; -ENOENT: no driver.
 */
int tun_new(const struct tun_opts *opts, struct tun **ret, struct os_failure *why);
void tun_free(struct tun *t); /* NULL is fine */
DEFINE_AUTO(tun, struct tun *, tun_free)

/*
 * Is that interface of this network namespace a TUN device, whose ever it is? /sys would answer for the
 * namespace that it was mounted in.
 */
bool tun_is(const char *name);

int tun_fd(const struct tun *t, unsigned queue); /* non-blocking, close-on-exec */
unsigned tun_queues(const struct tun *t);
const char *tun_name(const struct tun *t);
unsigned tun_ifindex(const struct tun *t);
unsigned tun_offloads(const struct tun *t); /* what was granted */
/*
 * Whether super-packets of TCP, or of UDP, may be written. What the kernel does not hand over it is
 * not given either: before 6.2 it refuses a UDP super-packet.
 */
bool tun_takes_tcp(const struct tun *t);
bool tun_takes_udp(const struct tun *t);
const char *tun_offload_text(const struct tun *t); /* "tcp udp", "tcp", "none" */
