// SPDX-License-Identifier: Apache-2.0
/*
 * pppemu.c — LD_PRELOAD library: enough of Linux's /dev/ppp in user space that pppd (and other
 * programs which drive the kernel's PPP by ioctl: a tty or pty with the PPP line discipline, a
 * channel, a unit) work on a kernel without CONFIG_PPP. The network interface is a TUN device named
 * pppN; HDLC framing (RFC 1662, every control character escaped) is done here by one thread a
 * channel. No compression, no MPPE, no multilink.
 *
 *   cc -O2 -Wall -shared -fPIC -o pppemu.so pppemu.c -lpthread
 *   LD_PRELOAD=$PWD/pppemu.so pppd nodetach ...     (nodetach: the thread does not survive a fork)
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/ppp-ioctl.h>
#include <net/if.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#define MAXFD 4096
#define MAXCH 256
#define N_PPP_ 3
#define N_SYNC_PPP_ 14

struct chan {
	int used, tty, sync, dead;
	int cfd;      /* our end of the channel's /dev/ppp descriptor, -1 before PPPIOCATTCHAN */
	int ufd, tun; /* our end of the unit's descriptor and its TUN, -1 before PPPIOCCONNECT */
	int wake[2];
	pthread_t thread;
};
static struct chan ch[MAXCH];
static struct {
	int kind, peer, chan, unit, tun;
} tab[MAXFD]; /* kind: 0 not ours, 1 /dev/ppp, 2 tty with PPP discipline */
static pthread_mutex_t mu = PTHREAD_MUTEX_INITIALIZER;
static int (*r_open)(const char *, int, ...), (*r_ioctl)(int, unsigned long, ...), (*r_close)(int);
static int verbose;

__attribute__((constructor)) static void init(void)
{
	r_open = dlsym(RTLD_NEXT, "open");
	r_ioctl = dlsym(RTLD_NEXT, "ioctl");
	r_close = dlsym(RTLD_NEXT, "close");
	verbose = getenv("PPPEMU_VERBOSE") != NULL;
}
#define LOG(...)                                                                                   \
	do {                                                                                       \
		if (verbose)                                                                       \
			fprintf(stderr, "pppemu: " __VA_ARGS__);                                   \
	} while (0)

static uint16_t fcs(const uint8_t *p, size_t n)
{
	uint16_t f = 0xffff;
	while (n--) {
		f ^= *p++;
		for (int i = 0; i < 8; i++)
			f = f & 1 ? (f >> 1) ^ 0x8408 : f >> 1;
	}
	return f;
}
/* p: protocol field and payload */
static void tty_send(struct chan *c, const uint8_t *p, size_t n)
{
	uint8_t raw[70000], out[140100];
	size_t m = 0, o = 0;
	if (n > 65000)
		return;
	raw[m++] = 0xff, raw[m++] = 0x03;
	memcpy(raw + m, p, n), m += n;
	if (c->sync) {
		if (write(c->tty, raw, m) < 0) {
		}
		return;
	}
	uint16_t f = ~fcs(raw, m);
	raw[m++] = f & 0xff, raw[m++] = f >> 8;
	out[o++] = 0x7e;
	for (size_t i = 0; i < m; i++) {
		if (raw[i] < 0x20 || raw[i] == 0x7d || raw[i] == 0x7e)
			out[o++] = 0x7d, out[o++] = raw[i] ^ 0x20;
		else
			out[o++] = raw[i];
	}
	out[o++] = 0x7e;
	for (size_t w = 0; w < o;) {
		ssize_t r = write(c->tty, out + w, o - w);
		if (r > 0) {
			w += r;
			continue;
		}
		if (r < 0 && errno != EAGAIN && errno != EINTR)
			return;
		struct pollfd q = {c->tty, POLLOUT, 0};
		poll(&q, 1, 1000);
	}
}
/* p: a whole frame without flags and FCS */
static void frame_in(struct chan *c, uint8_t *p, size_t n)
{
	uint8_t buf[70000];
	unsigned proto;
	if (n >= 2 && p[0] == 0xff && p[1] == 0x03)
		p += 2, n -= 2;
	if (n < 1)
		return;
	if (p[0] & 1)
		proto = p[0], p++, n--;
	else if (n >= 2)
		proto = p[0] << 8 | p[1], p += 2, n -= 2;
	else
		return;
	pthread_mutex_lock(&mu);
	int tun = c->tun, ufd = c->ufd, cfd = c->cfd;
	pthread_mutex_unlock(&mu);
	if (tun >= 0 && (proto == 0x21 || proto == 0x57)) {
		if (write(tun, p, n) < 0) {
		}
		return;
	}
	buf[0] = proto >> 8, buf[1] = proto & 0xff;
	memcpy(buf + 2, p, n);
	int fd = ufd >= 0 && proto < 0xc000 ? ufd : cfd;
	if (send(fd, buf, n + 2, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
	}
}
static void *worker(void *arg)
{
	struct chan *c = arg;
	static __thread uint8_t rx[70000], io[70000];
	size_t n = 0;
	int esc = 0, bad = 0;
	for (;;) {
		pthread_mutex_lock(&mu);
		struct pollfd q[5] = {{c->wake[0], POLLIN, 0}, {c->tty, POLLIN, 0},
			{c->cfd, POLLIN, 0}, {c->ufd, POLLIN, 0}, {c->tun, POLLIN, 0}};
		int dead = c->dead;
		pthread_mutex_unlock(&mu);
		if (dead)
			break;
		if (poll(q, 5, -1) < 0)
			continue;
		if (q[0].revents) {
			if (read(c->wake[0], io, 64) < 0) {
			}
			continue;
		}
		if (q[1].revents) {
			ssize_t r = read(c->tty, io, 65536);
			if (r <= 0 && !(r < 0 && (errno == EAGAIN || errno == EINTR))) {
				shutdown(c->cfd,
					SHUT_RDWR); /* the program reads an end of file: the line hung up */
				break;
			}
			if (r > 0 && c->sync)
				frame_in(c, io, r);
			for (ssize_t i = 0; !c->sync && i < r; i++) {
				uint8_t b = io[i];
				if (b == 0x7e) {
					if (n >= 4 && !esc && !bad && fcs(rx, n) == 0xf0b8)
						frame_in(c, rx, n - 2);
					n = 0, esc = 0, bad = 0;
				} else if (b == 0x7d) {
					esc = 1;
				} else if (n < sizeof rx) {
					rx[n++] = esc ? b ^ 0x20 : b, esc = 0;
				} else
					bad = 1;
			}
		}
		for (int k = 2; k <= 3; k++)
			if (q[k].fd >= 0 && q[k].revents) {
				ssize_t r = recv(q[k].fd, io, sizeof io, MSG_DONTWAIT);
				if (r > 0)
					tty_send(c, io, r);
				else if (r == 0 && k == 2)
					goto out;
			}
		if (q[4].fd >= 0 && q[4].revents) {
			ssize_t r = read(q[4].fd, io + 2, sizeof io - 2);
			if (r > 0) {
				io[0] = 0, io[1] = io[2] >> 4 == 6 ? 0x57 : 0x21;
				tty_send(c, io, r + 2);
			}
		}
	}
out:
	LOG("channel of fd %d ends\n", c->tty);
	return NULL;
}
static int do_open(const char *path, int flags, int mode)
{
	if (strcmp(path, "/dev/ppp"))
		return r_open(path, flags, mode);
	int s[2];
	if (socketpair(AF_UNIX,
		    SOCK_SEQPACKET | (flags & O_CLOEXEC ? SOCK_CLOEXEC : 0) |
			    (flags & O_NONBLOCK ? SOCK_NONBLOCK : 0),
		    0, s) < 0)
		return -1;
	int p = fcntl(
		s[1], F_DUPFD_CLOEXEC, 512); /* out of the way of programs that count descriptors */
	r_close(s[1]);
	if (s[0] >= MAXFD || p < 0) {
		errno = EMFILE;
		return -1;
	}
	pthread_mutex_lock(&mu);
	tab[s[0]].kind = 1, tab[s[0]].peer = p,
	tab[s[0]].chan = tab[s[0]].unit = tab[s[0]].tun = -1;
	pthread_mutex_unlock(&mu);
	LOG("open /dev/ppp = %d\n", s[0]);
	return s[0];
}
#define OPEN(name)                                                                                 \
	int name(const char *path, int flags, ...)                                                 \
	{                                                                                          \
		int mode = 0;                                                                      \
		if (flags & (O_CREAT | O_TMPFILE)) {                                               \
			va_list a;                                                                 \
			va_start(a, flags);                                                        \
			mode = va_arg(a, int);                                                     \
			va_end(a);                                                                 \
		}                                                                                  \
		if (!r_open) {                                                                     \
			init();                                                                    \
		}                                                                                  \
		return do_open(path, flags, mode);                                                 \
	}
OPEN(open)
OPEN(open64)
int __open_2(const char *path, int flags)
{
	return open(path, flags);
}
int __open64_2(const char *path, int flags)
{
	return open(path, flags);
}

static void poke(struct chan *c)
{
	if (write(c->wake[1], "", 1) < 0) {
	}
}
static void chan_stop(int i)
{
	struct chan *c = &ch[i];
	if (!c->used)
		return;
	c->dead = 1;
	poke(c);
	if (c->cfd >= 0) {
		pthread_mutex_unlock(&mu);
		pthread_join(c->thread, NULL);
		pthread_mutex_lock(&mu);
	}
	r_close(c->wake[0]), r_close(c->wake[1]), r_close(c->tty);
	memset(c, 0, sizeof *c);
}
int close(int fd)
{
	if (!r_close)
		init();
	if (fd >= 0 && fd < MAXFD && tab[fd].kind) {
		pthread_mutex_lock(&mu);
		LOG("close %d\n", fd);
		if (tab[fd].kind == 2)
			chan_stop(tab[fd].chan);
		else {
			if (tab[fd].unit >= 0)
				for (int i = 0; i < MAXCH; i++)
					if (ch[i].used && ch[i].ufd == tab[fd].peer)
						ch[i].ufd = ch[i].tun = -1, poke(&ch[i]);
			if (tab[fd].chan >= 0 && ch[tab[fd].chan].used &&
				ch[tab[fd].chan].cfd == tab[fd].peer)
				chan_stop(tab[fd].chan);
			if (tab[fd].tun >= 0)
				r_close(tab[fd].tun);
			r_close(tab[fd].peer);
		}
		tab[fd].kind = 0;
		pthread_mutex_unlock(&mu);
	}
	return r_close(fd);
}
/* A PPP interface has the link-local address that IPV6CP gave it, and none of the kernel's own. */
static void no_address_of_its_own(const char *name)
{
	char path[128];
	snprintf(path, sizeof path, "/proc/sys/net/ipv6/conf/%s/addr_gen_mode", name);
	int fd = r_open(path, O_WRONLY | O_CLOEXEC);
	if (fd >= 0 && write(fd, "1", 1) < 0) {
	}
	if (fd >= 0)
		r_close(fd);
}
static int new_unit(int want, int *tun)
{
	for (int n = want >= 0 ? want : 0; n < 256; n++) {
		struct ifreq r;
		memset(&r, 0, sizeof r);
		snprintf(r.ifr_name, sizeof r.ifr_name, "ppp%d", n);
		int fd = if_nametoindex(r.ifr_name)
				 ? -1
				 : r_open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
		r.ifr_flags = IFF_TUN | IFF_NO_PI;
		if (fd >= 0 && r_ioctl(fd, TUNSETIFF, &r) == 0) {
			no_address_of_its_own(r.ifr_name);
			*tun = fcntl(fd, F_DUPFD_CLOEXEC, 512);
			r_close(fd);
			return n;
		}
		if (fd >= 0)
			r_close(fd);
		if (want >= 0)
			break;
	}
	errno = EEXIST;
	return -1;
}
static int ppp_ioctl(int fd, unsigned long req, void *arg)
{
	int i;
	switch (req) {
	case PPPIOCGCHAN:
		if (tab[fd].chan < 0)
			goto inval;
		*(int *)arg = tab[fd].chan + 1;
		return 0;
	case PPPIOCATTCHAN:
		i = *(int *)arg - 1;
		if (i < 0 || i >= MAXCH || !ch[i].used)
			goto inval;
		tab[fd].chan = i;
		ch[i].cfd = tab[fd].peer;
		sigset_t all, old;
		sigfillset(&all);
		pthread_sigmask(SIG_BLOCK, &all, &old);
		pthread_create(&ch[i].thread, NULL, worker, &ch[i]);
		pthread_sigmask(SIG_SETMASK, &old, NULL);
		return 0;
	case PPPIOCNEWUNIT:
		i = new_unit(*(int *)arg, &tab[fd].tun);
		if (i < 0)
			return -1;
		*(int *)arg = tab[fd].unit = i;
		LOG("unit %d\n", i);
		return 0;
	case PPPIOCCONNECT:
		for (i = 0; i < MAXFD; i++)
			if (tab[i].kind == 1 && tab[i].unit == *(int *)arg && tab[fd].chan >= 0) {
				ch[tab[fd].chan].ufd = tab[i].peer,
				ch[tab[fd].chan].tun = tab[i].tun;
				poke(&ch[tab[fd].chan]);
				return 0;
			}
		goto inval;
	case PPPIOCDISCONN:
		if (tab[fd].chan >= 0)
			ch[tab[fd].chan].ufd = ch[tab[fd].chan].tun = -1, poke(&ch[tab[fd].chan]);
		return 0;
	case PPPIOCGUNIT: *(int *)arg = tab[fd].unit; return 0;
	case PPPIOCGFLAGS:
	case PPPIOCGASYNCMAP:
	case PPPIOCGDEBUG:
	case PPPIOCGMRU: *(int *)arg = req == PPPIOCGMRU ? 1500 : 0; return 0;
	case PPPIOCGXASYNCMAP: memset(arg, 0, sizeof(ext_accm)); return 0;
	case PPPIOCSCOMPRESS: goto inval; /* no compressor and no MPPE here */
	}
	return 0;
inval:
	errno = EINVAL;
	return -1;
}
int ioctl(int fd, unsigned long req, ...)
{
	va_list a;
	va_start(a, req);
	void *arg = va_arg(a, void *);
	va_end(a);
	if (!r_ioctl)
		init();
	req &= 0xffffffffUL;
	if (fd < 0 || fd >= MAXFD)
		return r_ioctl(fd, req, arg);
	if (req == TIOCSETD && (*(int *)arg == N_PPP_ || *(int *)arg == N_SYNC_PPP_)) {
		pthread_mutex_lock(&mu);
		int i = 0;
		while (i < MAXCH && ch[i].used)
			i++;
		if (i == MAXCH || pipe2(ch[i].wake, O_CLOEXEC | O_NONBLOCK) < 0) {
			pthread_mutex_unlock(&mu);
			errno = ENOSPC;
			return -1;
		}
		ch[i].used = 1, ch[i].dead = 0, ch[i].sync = *(int *)arg == N_SYNC_PPP_;
		ch[i].tty = fcntl(fd, F_DUPFD_CLOEXEC, 512);
		ch[i].cfd = ch[i].ufd = ch[i].tun = -1;
		tab[fd].kind = 2, tab[fd].chan = i, tab[fd].unit = tab[fd].tun = tab[fd].peer = -1;
		pthread_mutex_unlock(&mu);
		LOG("line discipline %d on %d\n", *(int *)arg, fd);
		return 0;
	}
	if (tab[fd].kind == 2 && req == TIOCSETD) {
		pthread_mutex_lock(&mu);
		chan_stop(tab[fd].chan);
		tab[fd].kind = 0;
		pthread_mutex_unlock(&mu);
		return 0;
	}
	if (tab[fd].kind && _IOC_TYPE(req) == 't' && _IOC_SIZE(req)) {
		pthread_mutex_lock(&mu);
		int r = ppp_ioctl(fd, req, arg), e = errno;
		pthread_mutex_unlock(&mu);
		LOG("ioctl %d %#lx = %d\n", fd, req, r);
		errno = e;
		return r;
	}
	return r_ioctl(fd, req, arg);
}
