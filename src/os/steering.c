// SPDX-License-Identifier: Apache-2.0
/*
 * os/steering.c — TUN queue selection by eBPF (TUNSETSTEERINGEBPF, Linux 4.16).
 *
 * Theory of operation. Left to itself a multi-queue TUN sends a flow back to the queue that last
 * wrote it, and one that starts on the server's side to any. A tunnel belongs to one worker, so the
 * queue must follow from the destination address. The kernel asks a socket-filter program for
 * every packet; its result modulo the number of queues is the queue.
 *
 * The program is small enough to be written down as instructions, which spares the build an eBPF
 * compiler and the run a loader. It reads
 *
 *     IPv4: exact[destination]              IPv6: exact[first 64 bits of the destination]
 *                                                 exact[destination] where that is fe80::/10
 *     then, when nothing was found:  others[destination], a longest-prefix-match trie
 *     then: the packet's flow hash
 *
 * Nearly every session has a /32, a /64 and a link-local address, each found in a hash table at
 * the first try; the trie holds what else is routed to somebody. Where an exact entry hides a
 * longer prefix of another session the packet takes the detour over the wrong worker.
 */
#include "os/steering.h"

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/bpf.h>
#include <linux/if_tun.h>

/* The key of both maps, in the layout that the trie demands (struct bpf_lpm_trie_key). */
struct key {
	uint32_t bits; /* of what follows: 32 for the family, then the prefix length */
	uint32_t family;
	uint8_t address[16];
};

#define FAMILY_BITS 32

struct steering {
	int tun_fd; /* the tun's own, not ours to close */
	unsigned queues;
	int exact, others, program;
};

static int sys_bpf(int cmd, union bpf_attr *attr)
{
	long r = syscall(__NR_bpf, cmd, attr, sizeof(*attr));

	return r < 0 ? -errno : (int)r;
}

static int map_new(uint32_t type, unsigned max_entries)
{
	union bpf_attr attr = {
		.map_type = type,
		.key_size = sizeof(struct key),
		.value_size = sizeof(uint32_t),
		.max_entries = max_entries,
		.map_flags = BPF_F_NO_PREALLOC, /* memory for sessions that are there */
		.map_name = "culvert",
	};

	return sys_bpf(BPF_MAP_CREATE, &attr);
}

/* --- the program ------------------------------------------------------------------------- */

/*
 * Registers: r0 result, r1 to r5 arguments, r6 the packet (struct __sk_buff), r7 scratch, r10 the
 * stack's end. The key lies at r10 - 24.
 */
#define KEY ((short)-24)
#define KEY_FAMILY ((short)(KEY + 4))
#define KEY_ADDRESS ((short)(KEY + 8))
#define FIRST_OCTET ((short)-32)

#define IPV4_DESTINATION 16
#define IPV6_DESTINATION 24

struct program {
	struct bpf_insn insns[96];
	unsigned n;
};

/* Appends one instruction; returns its index, for land(). */
static unsigned emit(
	struct program *p, unsigned code, unsigned dst, unsigned src, short off, int imm)
{
	p->insns[p->n] = (struct bpf_insn){.code = (uint8_t)code,
		.dst_reg = dst & 15,
		.src_reg = src & 15,
		.off = off,
		.imm = imm};
	return p->n++;
}

/* The jump at index `from` comes here. */
static void land(struct program *p, unsigned from)
{
	p->insns[from].off = (short)(p->n - from - 1);
}

static void mov_reg(struct program *p, unsigned dst, unsigned src)
{
	emit(p, BPF_ALU64 | BPF_MOV | BPF_X, dst, src, 0, 0);
}

static void mov_imm(struct program *p, unsigned dst, int imm)
{
	emit(p, BPF_ALU64 | BPF_MOV | BPF_K, dst, 0, 0, imm);
}

static void store_imm(struct program *p, unsigned size, short at, int imm)
{
	emit(p, BPF_ST | size | BPF_MEM, BPF_REG_10, 0, at, imm);
}

static unsigned jump_eq(struct program *p, unsigned reg, int imm)
{
	return emit(p, BPF_JMP | BPF_JEQ | BPF_K, reg, 0, 0, imm);
}

static unsigned jump_ne(struct program *p, unsigned reg, int imm)
{
	return emit(p, BPF_JMP | BPF_JNE | BPF_K, reg, 0, 0, imm);
}

/* Copies n octets of the packet to the stack; a packet too short leaves zeros there. */
static void load_octets(struct program *p, int offset, short to, int n)
{
	mov_reg(p, BPF_REG_1, BPF_REG_6);
	mov_imm(p, BPF_REG_2, offset);
	mov_reg(p, BPF_REG_3, BPF_REG_10);
	emit(p, BPF_ALU64 | BPF_ADD | BPF_K, BPF_REG_3, 0, 0, to);
	mov_imm(p, BPF_REG_4, n);
	emit(p, BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_skb_load_bytes);
}

/* Returns the map's value for the key, if it has one; else goes on. */
static void lookup(struct program *p, int map)
{
	unsigned none;

	emit(p, BPF_LD | BPF_DW | BPF_IMM, BPF_REG_1, BPF_PSEUDO_MAP_FD, 0, map);
	emit(p, 0, 0, 0, 0, 0); /* the upper half of a 64-bit constant */
	mov_reg(p, BPF_REG_2, BPF_REG_10);
	emit(p, BPF_ALU64 | BPF_ADD | BPF_K, BPF_REG_2, 0, 0, KEY);
	emit(p, BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_map_lookup_elem);
	none = jump_eq(p, BPF_REG_0, 0);
	emit(p, BPF_LDX | BPF_W | BPF_MEM, BPF_REG_0, BPF_REG_0, 0, 0);
	emit(p, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
	land(p, none);
}

static void key_is(struct program *p, int family, int prefix_len)
{
	store_imm(p, BPF_W, KEY, FAMILY_BITS + prefix_len);
	store_imm(p, BPF_W, KEY_FAMILY, family);
}

static void write_v4(struct program *p, const struct steering *s)
{
	load_octets(p, IPV4_DESTINATION, KEY_ADDRESS, 4);
	key_is(p, AF_INET, 32);
	lookup(p, s->exact);
	lookup(p, s->others);
}

static void write_v6(struct program *p, const struct steering *s)
{
	unsigned link_local;

	load_octets(p, IPV6_DESTINATION, KEY_ADDRESS, 16);
	key_is(p, AF_INET6, 128);
	emit(p, BPF_LDX | BPF_H | BPF_MEM, BPF_REG_7, BPF_REG_10, KEY_ADDRESS, 0);
	emit(p, BPF_ALU | BPF_END | BPF_TO_BE, BPF_REG_7, 0, 0, 16);
	emit(p, BPF_ALU64 | BPF_AND | BPF_K, BPF_REG_7, 0, 0, 0xffc0);
	link_local = jump_eq(p, BPF_REG_7, 0xfe80);
	key_is(p, AF_INET6, 64);
	store_imm(p, BPF_DW, KEY_ADDRESS + 8, 0);
	land(p, link_local);
	lookup(p, s->exact);
	load_octets(p, IPV6_DESTINATION, KEY_ADDRESS, 16);
	key_is(p, AF_INET6, 128);
	lookup(p, s->others);
}

static void write_program(struct program *p, const struct steering *s)
{
	unsigned not_v4, not_v6, done;

	mov_reg(p, BPF_REG_6, BPF_REG_1);
	for (short at = KEY; at < 0; at = (short)(at + 8))
		store_imm(p, BPF_DW, at, 0);
	store_imm(p, BPF_DW, FIRST_OCTET, 0);
	load_octets(p, 0, FIRST_OCTET, 1);
	emit(p, BPF_LDX | BPF_B | BPF_MEM, BPF_REG_7, BPF_REG_10, FIRST_OCTET, 0);
	emit(p, BPF_ALU64 | BPF_RSH | BPF_K, BPF_REG_7, 0, 0, 4);
	not_v4 = jump_ne(p, BPF_REG_7, 4);
	write_v4(p, s);
	done = emit(p, BPF_JMP | BPF_JA, 0, 0, 0, 0);
	land(p, not_v4);
	not_v6 = jump_ne(p, BPF_REG_7, 6);
	write_v6(p, s);
	land(p, not_v6);
	land(p, done);
	emit(p, BPF_LDX | BPF_W | BPF_MEM, BPF_REG_0, BPF_REG_6, offsetof(struct __sk_buff, hash),
		0);
	emit(p, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

static int load_program(const struct steering *s)
{
	struct program p = {0};
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_SOCKET_FILTER,
		.insns = (uint64_t)(uintptr_t)p.insns,
		.license = (uint64_t)(uintptr_t) "Apache-2.0",
		.prog_name = "culvert_queue",
	};

	write_program(&p, s);
	attr.insn_cnt = p.n;
	return sys_bpf(BPF_PROG_LOAD, &attr);
}

/* --- the object -------------------------------------------------------------------------- */

static int fail(struct os_failure *why, int error, const char *tried)
{
	return os_fail(why, EV_STEERING_OFF, error, "%s", tried);
}

int steering_new(
	const struct tun *tun, unsigned max_entries, struct steering **ret, struct os_failure *why)
{
	AUTO(steering) struct steering *s = malloc(sizeof(*s));

	if (!s)
		return fail(why, -ENOMEM, "steer the TUN's queues");
	*s = (struct steering){
		.tun_fd = -1, .queues = tun_queues(tun), .exact = -1, .others = -1, .program = -1};
	s->exact = map_new(BPF_MAP_TYPE_HASH, max_entries);
	if (s->exact < 0)
		return fail(why, s->exact, "create an eBPF hash map");
	s->others = map_new(BPF_MAP_TYPE_LPM_TRIE, max_entries);
	if (s->others < 0)
		return fail(why, s->others, "create an eBPF prefix map");
	s->program = load_program(s);
	if (s->program < 0)
		return fail(why, s->program, "load the eBPF program");
	if (ioctl(tun_fd(tun, 0), TUNSETSTEERINGEBPF, &s->program) < 0)
		return fail(why, errno == EINVAL ? -ENOSYS : -errno,
			"attach the eBPF program to the TUN");
	s->tun_fd = tun_fd(tun, 0);
	*ret = TAKE(s);
	return 0;
}

void steering_free(struct steering *s)
{
	int none = -1;

	if (!s)
		return;
	if (s->tun_fd >= 0)
		ioctl(s->tun_fd, TUNSETSTEERINGEBPF, &none);
	if (s->exact >= 0)
		close(s->exact);
	if (s->others >= 0)
		close(s->others);
	if (s->program >= 0)
		close(s->program);
	free(s);
}

/* The map a prefix lives in, by what write_v4() and write_v6() look for. */
static int map_of(const struct steering *s, const struct prefix *p)
{
	const uint8_t *a = p->addr.octets;
	bool link_local = a[0] == 0xfe && (a[1] & 0xc0) == 0x80;

	if (p->addr.family == AF_INET)
		return p->len == 32 ? s->exact : s->others;
	return p->len == (link_local ? 128 : 64) ? s->exact : s->others;
}

static struct key key_of(const struct prefix *p)
{
	struct key k = {.bits = FAMILY_BITS + p->len, .family = p->addr.family};

	memcpy(k.address, p->addr.octets, addr_len(&p->addr));
	for (unsigned bit = p->len; bit < 128; bit++)
		k.address[bit / 8] &= (uint8_t) ~(0x80 >> bit % 8);
	return k;
}

int steering_set(const struct steering *s, const struct prefix *prefix, unsigned queue)
{
	struct key k = key_of(prefix);
	uint32_t value = queue;
	union bpf_attr attr = {
		.map_fd = (uint32_t)map_of(s, prefix),
		.key = (uint64_t)(uintptr_t)&k,
		.value = (uint64_t)(uintptr_t)&value,
		.flags = BPF_ANY,
	};
	int r;

	if (queue >= s->queues || !addr_len(&prefix->addr))
		return -EINVAL;
	r = sys_bpf(BPF_MAP_UPDATE_ELEM, &attr);
	return r == -ENOSPC ? -E2BIG : r; /* the trie says ENOSPC, the hash E2BIG */
}

void steering_clear(const struct steering *s, const struct prefix *prefix)
{
	struct key k = key_of(prefix);
	union bpf_attr attr = {
		.map_fd = (uint32_t)map_of(s, prefix),
		.key = (uint64_t)(uintptr_t)&k,
	};

	sys_bpf(BPF_MAP_DELETE_ELEM, &attr); /* one that is not there is as good as deleted */
}
