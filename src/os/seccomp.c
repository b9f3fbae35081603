// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation
 *
 * A server that parses input from strangers may have a hole. An attacker who uses it can make the system
 * calls that this process can make. With this filter these are the calls that move packets, write the
 * state folder and read certificates, and not execve, ptrace, mount, fork or modules. (The filter cannot
 * restrict files: the service manager's sandbox does, contrib/systemd.)
 *
 * What is not in the table fails with ENOSYS, as on a kernel that is too old for it: so a C library
 * that tries a newer call first (clone3, say) falls back to the one it used before, instead of
 * being killed. The kernel logs what was refused (`journalctl -k -g SECCOMP`).
 *
 * The table was learnt by running the outer tests under strace, and is kept honest by running them
 * under the filter, which is on by default. Where a call does many things its row names the value
 * that one argument must have; a call may have several rows.
 */
#include "os/seccomp.h"

#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include <linux/bpf.h>
#include <linux/if_tun.h>
#include <linux/netlink.h>

#include "base/auto.h"

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif

#define ANY (-1)

struct call {
	int number;     /* SCMP_SYS() gives a negative one for calls that this machine never had */
	int argument;   /* ANY, or which argument is looked at */
	uint64_t mask;  /* these bits of it ... */
	uint64_t value; /* ... must have this value */
};

#define YES(name)                                                                                  \
	{                                                                                          \
		SCMP_SYS(name), ANY, 0, 0                                                          \
	}
#define IF(name, argument, value)                                                                  \
	{                                                                                          \
		SCMP_SYS(name), argument, UINT32_MAX, (uint64_t)(value)                            \
	}
#define MASKED(name, argument, mask, value)                                                        \
	{                                                                                          \
		SCMP_SYS(name), argument, mask, value                                              \
	}

// clang-format off
static const struct call calls[] = {
	/* packets: TUN, sockets */
	YES(read), YES(write), YES(readv), YES(writev), YES(recvfrom), YES(recvmsg), YES(recvmmsg),
	YES(sendto), YES(sendmsg), YES(sendmmsg), YES(accept), YES(accept4), YES(bind), YES(listen),
	YES(connect), YES(shutdown), YES(getsockname), YES(getpeername), YES(getsockopt),
	YES(setsockopt), YES(close), YES(close_range),
	IF(socket, 0, AF_UNIX), IF(socket, 0, AF_INET), IF(socket, 0, AF_INET6),
	IF(socket, 0, AF_NETLINK), IF(socketpair, 0, AF_UNIX),

	/* the loop and its threads; waiting */
	YES(epoll_create1), YES(epoll_ctl), YES(epoll_wait), YES(epoll_pwait), YES(epoll_pwait2),
	YES(eventfd2), YES(pipe2), YES(poll), YES(ppoll), YES(select), YES(pselect6),
	YES(timerfd_create), YES(timerfd_settime), YES(inotify_init1), YES(inotify_add_watch),
	YES(inotify_rm_watch), YES(futex), YES(futex_waitv), YES(membarrier), YES(rseq),
	YES(sched_yield), YES(sched_getaffinity), YES(sched_setaffinity), YES(sched_getparam),
	YES(sched_getscheduler), YES(getcpu), YES(set_robust_list), YES(get_robust_list),
	YES(set_tid_address), YES(arch_prctl), YES(nanosleep), YES(clock_nanosleep),
	YES(restart_syscall), YES(dup), YES(dup2), YES(dup3),
	/* a thread, never a process; clone3 hides its flags behind a pointer and is not there */
	MASKED(clone, 0, CLONE_THREAD, CLONE_THREAD),

	/* memory; none that can be written and run. (Run: nss and gcc_s are loaded late.) */
	YES(brk), YES(munmap), YES(mremap), YES(madvise), YES(mlock), YES(mlock2), YES(munlock),
	YES(memfd_create), MASKED(mprotect, 2, PROT_EXEC, 0),
	MASKED(mmap, 2, PROT_EXEC, 0), MASKED(mmap, 2, PROT_EXEC | PROT_WRITE, PROT_EXEC),

	/* files: store, certificates, configuration, control socket, forwarding switches */
	YES(open), YES(openat), YES(stat), YES(lstat), YES(fstat), YES(newfstatat), YES(statx),
	YES(statfs), YES(fstatfs), YES(access), YES(faccessat), YES(faccessat2), YES(lseek),
	YES(pread64), YES(pwrite64), YES(preadv), YES(pwritev), YES(fsync), YES(fdatasync),
	YES(sync_file_range), YES(ftruncate), YES(fallocate), YES(fadvise64), YES(rename),
	YES(renameat), YES(renameat2), YES(link), YES(linkat), YES(unlink), YES(unlinkat),
	YES(mkdir), YES(mkdirat), YES(rmdir), YES(readlink), YES(readlinkat), YES(getdents64),
	YES(getcwd), YES(umask), YES(chmod), YES(fchmod), YES(fchmodat), YES(chown), YES(fchown),
	YES(fchownat), YES(lchown), YES(utimensat), YES(fcntl), YES(flock), YES(copy_file_range),

	/* who and when */
	YES(getpid), YES(gettid), YES(getppid), YES(getuid), YES(geteuid), YES(getgid), YES(getegid),
	YES(getgroups), YES(getresuid), YES(getresgid), YES(uname), YES(sysinfo), YES(getrusage),
	YES(getrlimit), YES(getrandom), YES(clock_gettime), YES(clock_getres), YES(gettimeofday),
	YES(time), YES(times), YES(capget), IF(prctl, 0, PR_SET_NAME), IF(prctl, 0, PR_GET_NAME),
	IF(prctl, 0, PR_CAPBSET_READ), IF(prctl, 0, PR_GET_NO_NEW_PRIVS), IF(prlimit64, 2, 0),

	/* signals, the end; waiting for the keeper (os/child.c), which is the only child */
	YES(rt_sigaction), YES(rt_sigprocmask), YES(rt_sigreturn), YES(sigaltstack),
	YES(rt_sigtimedwait), YES(signalfd4), YES(tgkill), YES(wait4), YES(exit), YES(exit_group),

	/* one thing out of many */
	IF(ioctl, 1, FIONBIO), IF(ioctl, 1, FIONREAD), IF(ioctl, 1, FIOCLEX), IF(ioctl, 1, TCGETS),
	IF(ioctl, 1, TUNGETIFF), IF(ioctl, 1, TUNSETQUEUE), IF(ioctl, 1, TUNSETSTEERINGEBPF),
	IF(ioctl, 1, SIOCGIFINDEX), IF(ioctl, 1, SIOCGIFNAME), IF(ioctl, 1, SIOCGIFMTU),
	IF(bpf, 0, BPF_MAP_LOOKUP_ELEM), IF(bpf, 0, BPF_MAP_UPDATE_ELEM),
	IF(bpf, 0, BPF_MAP_DELETE_ELEM), IF(bpf, 0, BPF_MAP_GET_NEXT_KEY),
#ifdef SANITIZED /* the search for leaks stops all threads from a process of its own */
	YES(clone), YES(ptrace), YES(process_vm_readv), YES(prctl), YES(kill), YES(tkill),
	YES(getdents), YES(mprotect), YES(mmap), YES(personality),
#endif
};
// clang-format on

static int allow(scmp_filter_ctx filter, const struct call *c)
{
	struct scmp_arg_cmp must = {.arg = (unsigned)c->argument,
		.op = SCMP_CMP_MASKED_EQ,
		.datum_a = c->mask,
		.datum_b = c->value};
	int r = c->argument == ANY
			? seccomp_rule_add(filter, SCMP_ACT_ALLOW, c->number, 0)
			: seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, c->number, 1, &must);

	/* A call that libseccomp or this machine does not know cannot be made. */
	return r == -EDOM || r == -EOPNOTSUPP || c->number == __NR_SCMP_ERROR ? 0 : r;
}

static int load(bool log_only)
{
	scmp_filter_ctx filter = seccomp_init(log_only ? SCMP_ACT_LOG : SCMP_ACT_ERRNO(ENOSYS));
	int r;

	if (!filter)
		return -ENOMEM;
	r = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1); /* all threads, or none */
	if (r == 0)
		r = seccomp_attr_set(filter, SCMP_FLTATR_CTL_LOG, 1);
	if (r == 0)
		r = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2); /* a binary tree */
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(calls); i++)
		r = allow(filter, &calls[i]);
	if (r == 0)
		r = seccomp_load(filter);
	seccomp_release(filter);
	return r;
}

int seccomp_enter(bool log_only, struct os_failure *why)
{
	int r = load(log_only);

	return r < 0 ? os_fail(why, EV_SECCOMP_REFUSED, r, "load the filter of system calls") : 0;
}
