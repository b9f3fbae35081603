// SPDX-License-Identifier: Apache-2.0
/*
 * tests/bench/linkem.c — a link emulator in user space, for kernels without netem: joins two network
 * namespaces by a pair of TUN devices and gives each direction a rate, a delay, jitter, random loss
 * and a bounded drop-tail queue.
 *
 *   linkem [-2] [-m MTU] [-r PRIO] [-q US] [-s SEED] [-c FIFO] NS_A DEV_A NS_B DEV_B
 *          [both|ab|ba] KEY=VALUE...
 *
 * NS_x is a name from `ip netns`, a path, or - for the current namespace. DEV_x is made (and goes
 * away with the program) without any offload, so what crosses is real packets of at most MTU (1500).
 * -2 makes TAPs instead. -r runs it SCHED_FIFO. -q looks at the devices only every so many
 * microseconds while there is traffic: that much less precise, but far fewer sleeps and wake-ups,
 * which are what costs in a virtual machine. -c makes a FIFO which takes further lines of settings,
 * or "stats". USR1 prints the counters too, as does the end (INT, TERM). Settings hold for both
 * directions, or from `ab` or `ba` on for one:
 *
 *   rate=50mbit   bits a second of IP packets (frames with -2); 0, the default: no limit, no queue
 *   queue=100ms   most a packet waits for its turn; or octets: queue=64kB (100ms)
 *   delay=20ms    added after the rate
 *   jitter=2ms    up to that much more, evenly spread, in order; reorder=1: not in order
 *   loss=0.5%     after the rate, so lost packets use it up; each packet for itself
 *   ge=P,R[,B[,G]]  Gilbert-Elliott: chance to go bad, chance to recover, loss while bad (100%) and
 *                 while good (0)
 *   oh=14         octets a packet counts more on the link
 *
 *   linkem a va b vb rate=50mbit delay=20ms queue=100ms ba loss=0.5% &
 *   ip -n a addr add 10.0.0.1/24 dev va; ip -n b addr add 10.0.0.2/24 dev vb
 *
 * A packet that finds the transmitter free at time t arrives at t + size/rate + delay; the queue is
 * the time for which the transmitter is already booked, so nothing has to happen when a packet
 * starts. One thread, a heap for each direction. How true it is: rate within 0.2 %, loss as asked
 * within the noise of 20,000 packets, 40.1 to 40.7 ms on average over 20 + 20 ms.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define MAXHELD 262144 /* packets in flight a direction */
#define BATCH 32
#define TXQLEN 4096
#define EARLY 50000 /* ns that a packet may go before its time: about what waking up takes */

struct pkt {
	int64_t when; /* of delivery */
	uint64_t seq;
	struct pkt *next;
	uint32_t len;
	uint8_t data[];
};

struct dir {
	const char *name;
	int in, out;
	double rate, loss, ge_p, ge_r, ge_bad, ge_good;
	int64_t delay, jitter, qns, qbytes;
	int reorder, oh;
	int64_t busy; /* the transmitter is booked until then */
	int64_t last; /* latest delivery so far */
	int bad;
	struct pkt **heap;
	size_t n, cap;
	uint64_t seq, inp, inb, outp, outb, full, lost, err, late;
	int64_t latest, waited;
};

static struct dir dir[2] = {{.name = "ab", .qns = 100000000}, {.name = "ba", .qns = 100000000}};
static struct pkt *spare;
static size_t room = 1500;
static uint64_t rng = 88172645463325252u;
static int running;
static int64_t early = EARLY, quantum;
static volatile sig_atomic_t ending, report;

__attribute__((noreturn, format(printf, 1, 2))) static void die(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fputs("linkem: ", stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	exit(1);
}

/* A bad setting: the end when it comes from the command line, a remark when from the FIFO. */
static void complain(const char *what, const char *word)
{
	fprintf(stderr, "linkem: %s: %s\n", what, word);
	if (!running)
		exit(1);
}

static int64_t clock_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static double draw(void) /* [0, 1), xorshift64* */
{
	rng ^= rng >> 12;
	rng ^= rng << 25;
	rng ^= rng >> 27;
	return (double)((rng * UINT64_C(2685821657736338717)) >> 11) / 9007199254740992.0;
}

static int before(const struct pkt *a, const struct pkt *b)
{
	return a->when != b->when ? a->when < b->when : a->seq < b->seq;
}

static int push(struct dir *d, struct pkt *p)
{
	if (d->n == d->cap) {
		size_t cap = d->cap ? 2 * d->cap : 1024;
		struct pkt **h = realloc(d->heap, cap * sizeof *h);

		if (!h)
			return 0;
		d->heap = h;
		d->cap = cap;
	}
	size_t i = d->n++;
	for (; i && before(p, d->heap[(i - 1) / 2]); i = (i - 1) / 2)
		d->heap[i] = d->heap[(i - 1) / 2];
	d->heap[i] = p;
	return 1;
}

static struct pkt *pop(struct dir *d)
{
	struct pkt *top = d->heap[0], *p = d->heap[--d->n];
	size_t i = 0, c;

	while ((c = 2 * i + 1) < d->n) {
		if (c + 1 < d->n && before(d->heap[c + 1], d->heap[c]))
			c++;
		if (!before(d->heap[c], p))
			break;
		d->heap[i] = d->heap[c];
		i = c;
	}
	d->heap[i] = p;
	return top;
}

static void drop(struct pkt *p)
{
	p->next = spare;
	spare = p;
}

static int lost(struct dir *d)
{
	double chance = d->loss;

	if (d->ge_p > 0) {
		if (draw() < (d->bad ? d->ge_r : d->ge_p))
			d->bad = !d->bad;
		double more = d->bad ? d->ge_bad : d->ge_good;
		chance += more - chance * more;
	}
	return chance > 0 && draw() < chance;
}

/* One packet entered the link: book the transmitter and decide when, or whether, it arrives. */
static void enter(struct dir *d, struct pkt *p)
{
	int64_t now = clock_ns(), wait = d->busy > now ? d->busy - now : 0;

	d->inp++;
	d->inb += p->len;
	if (d->rate > 0) {
		double size = (double)p->len + d->oh;

		if (d->qbytes ? (double)wait * d->rate / 8e9 + size > (double)d->qbytes
			      : wait > d->qns) {
			d->full++;
			drop(p);
			return;
		}
		d->busy = now + wait + (int64_t)(size * 8e9 / d->rate);
		if (wait > d->waited)
			d->waited = wait;
	} else {
		d->busy = now;
	}
	if (lost(d)) {
		d->lost++;
		drop(p);
		return;
	}
	p->when = d->busy + d->delay + (d->jitter ? (int64_t)(draw() * (double)d->jitter) : 0);
	if (!d->reorder && p->when < d->last)
		p->when = d->last;
	d->last = p->when;
	p->seq = d->seq++;
	if (d->n >= MAXHELD || !push(d, p)) {
		d->full++;
		drop(p);
	}
}

static int take(struct dir *d)
{
	int i;

	for (i = 0; i < BATCH; i++) {
		struct pkt *p = spare;

		if (p)
			spare = p->next;
		else if (!(p = malloc(sizeof *p + room)))
			die("out of memory");
		ssize_t n = read(d->in, p->data, room);
		if (n <= 0) {
			drop(p);
			if (n < 0 && errno != EAGAIN && errno != EINTR && errno != EIO)
				die("read %s: %s", d->name, strerror(errno));
			break;
		}
		p->len = (uint32_t)n;
		enter(d, p);
	}
	return i;
}

static void deliver(struct dir *d)
{
	while (d->n) {
		int64_t late = clock_ns() - d->heap[0]->when;

		if (late < -early)
			break;
		struct pkt *p = pop(d);
		if (late > d->latest)
			d->latest = late;
		d->late += late > 100000;
		if (write(d->out, p->data, p->len) == (ssize_t)p->len) {
			d->outp++;
			d->outb += p->len;
		} else {
			d->err++;
		}
		drop(p);
	}
}

static void stats(void)
{
	for (struct dir *d = dir; d < dir + 2; d++) {
		fprintf(stderr,
			"%s in %" PRIu64 " (%" PRIu64 " B) out %" PRIu64 " (%" PRIu64
			" B) full %" PRIu64 " lost %" PRIu64 " errors %" PRIu64
			" held %zu; longest wait %.1f ms; over 0.1 ms late %" PRIu64
			", latest %.2f ms\n",
			d->name, d->inp, d->inb, d->outp, d->outb, d->full, d->lost, d->err, d->n,
			(double)d->waited / 1e6, d->late, (double)d->latest / 1e6);
		d->waited = d->latest = 0;
	}
}

static double number(const char *s, const char **unit)
{
	char *e;
	double v = strtod(s, &e);

	*unit = e;
	if (e != s && v >= 0)
		return v;
	complain("not a number", s);
	return 0;
}

static double rate_of(const char *s)
{
	const char *u;
	double v = number(s, &u);

	switch (*u | 32) {
	case 'k': return v * 1e3;
	case 'm': return v * 1e6;
	case 'g': return v * 1e9;
	default: return v;
	}
}

static int64_t time_of(const char *s) /* -1: not a time */
{
	const char *u;
	double v = number(s, &u), scale = !strcmp(u, "us")   ? 1e3
					  : !strcmp(u, "ms") ? 1e6
					  : !strcmp(u, "s")  ? 1e9
							     : -1;

	return scale < 0 && v > 0 ? -1 : (int64_t)(v * scale);
}

static double chance_of(const char *s, const char **rest)
{
	double v = number(s, &s);

	if (*s == '%') {
		v /= 100;
		s++;
	}
	*rest = s;
	return v > 1 ? 1 : v;
}

static void set(struct dir *d, const char *key, const char *v)
{
	const char *r;

	if (!strcmp(key, "rate")) {
		d->rate = rate_of(v);
	} else if (!strcmp(key, "queue")) {
		d->qbytes = 0;
		if ((d->qns = time_of(v)) < 0)
			d->qbytes = (int64_t)rate_of(v);
	} else if (!strcmp(key, "delay") || !strcmp(key, "jitter")) {
		int64_t t = time_of(v);

		if (t < 0)
			complain("needs us, ms or s", v);
		else
			*(key[0] == 'd' ? &d->delay : &d->jitter) = t;
	} else if (!strcmp(key, "loss")) {
		d->loss = chance_of(v, &r);
	} else if (!strcmp(key, "ge")) {
		d->ge_r = d->ge_bad = 1;
		d->ge_good = d->bad = 0;
		d->ge_p = chance_of(v, &r);
		double *field[] = {&d->ge_r, &d->ge_bad, &d->ge_good};
		for (int i = 0; i < 3 && *r == ','; i++)
			*field[i] = chance_of(r + 1, &r);
	} else if (!strcmp(key, "reorder")) {
		d->reorder = atoi(v);
	} else if (!strcmp(key, "oh")) {
		d->oh = atoi(v);
	} else {
		complain("no such setting", key);
	}
}

static void apply(char *word, int *which)
{
	char *eq = strchr(word, '=');

	if (!strcmp(word, "both"))
		*which = 3;
	else if (!strcmp(word, "ab"))
		*which = 1;
	else if (!strcmp(word, "ba"))
		*which = 2;
	else if (!strcmp(word, "stats"))
		stats();
	else if (!eq)
		complain("not a setting", word);
	else
		*eq = 0;
	for (int i = 0; eq && i < 2; i++)
		if (*which & 1 << i)
			set(&dir[i], word, eq + 1);
}

static void control(int fd)
{
	char buf[4096];
	ssize_t n = read(fd, buf, sizeof buf - 1);

	if (n <= 0)
		return;
	buf[n] = 0;
	for (char *line = buf, *end; line && *line;
		line = end) { /* a line starts with both again */
		int which = 3;
		char *save = NULL;

		if ((end = strchr(line, '\n')))
			*end++ = 0;
		for (char *w = strtok_r(line, " \t\r", &save); w;
			w = strtok_r(NULL, " \t\r", &save))
			apply(w, &which);
	}
}

static int device(int home, const char *ns, const char *name, int mtu, int flags)
{
	char path[256];
	int nfd = home;

	if (strcmp(ns, "-")) {
		snprintf(path, sizeof path, "%s%s", strchr(ns, '/') ? "" : "/run/netns/", ns);
		if ((nfd = open(path, O_RDONLY | O_CLOEXEC)) < 0)
			die("%s: %s", path, strerror(errno));
	}
	if (setns(nfd, CLONE_NEWNET) < 0)
		die("setns %s: %s", ns, strerror(errno));
	struct ifreq ifr = {.ifr_flags = (short)(flags | IFF_NO_PI)};
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC),
	    s = socket(AF_INET, SOCK_DGRAM, 0);

	snprintf(ifr.ifr_name, sizeof ifr.ifr_name, "%s", name);
	if (fd < 0 || s < 0 || ioctl(fd, TUNSETIFF, &ifr) < 0 || ioctl(fd, TUNSETOFFLOAD, 0) < 0)
		die("device %s in %s: %s", name, ns, strerror(errno));
	ifr.ifr_mtu = mtu;
	if (ioctl(s, SIOCSIFMTU, &ifr) < 0)
		die("mtu of %s: %s", name, strerror(errno));
	ifr.ifr_qlen = TXQLEN;
	if (ioctl(s, SIOCSIFTXQLEN, &ifr) < 0 || ioctl(s, SIOCGIFFLAGS, &ifr) < 0)
		die("%s: %s", name, strerror(errno));
	ifr.ifr_flags |= IFF_UP;
	if (ioctl(s, SIOCSIFFLAGS, &ifr) < 0)
		die("up %s: %s", name, strerror(errno));
	close(s);
	if (nfd != home)
		close(nfd);
	if (setns(home, CLONE_NEWNET) < 0) /* so that `ip netns pids` does not list us */
		die("setns: %s", strerror(errno));
	return fd;
}

static void on_signal(int sig)
{
	if (sig == SIGUSR1)
		report = 1;
	else
		ending = 1;
}

static void catch_signals(sigset_t *ret_open)
{
	struct sigaction sa = {.sa_handler = on_signal};
	sigset_t block;

	sigemptyset(&block);
	for (const int *s = (int[]){SIGINT, SIGTERM, SIGUSR1, 0}; *s; s++) {
		sigaction(*s, &sa, NULL);
		sigaddset(&block, *s);
	}
	sigprocmask(SIG_BLOCK, &block, ret_open);
}

static void be_prompt(int prio)
{
	const struct sched_param param = {.sched_priority = prio};

	prctl(PR_SET_TIMERSLACK, 1);
	if (prio && (sched_setscheduler(0, SCHED_FIFO, &param) < 0 ||
			    mlockall(MCL_CURRENT | MCL_FUTURE) < 0))
		die("real time: %s", strerror(errno));
}

static int open_fifo(const char *fifo)
{
	int fd = -1;

	if (fifo && ((mkfifo(fifo, 0600) < 0 && errno != EEXIST) ||
			    (fd = open(fifo, O_RDWR | O_NONBLOCK | O_CLOEXEC)) < 0))
		die("%s: %s", fifo, strerror(errno));
	return fd;
}

/* When the next packet is due. */
static int64_t next_due(void)
{
	int64_t next = INT64_MAX;

	for (int i = 0; i < 2; i++)
		if (dir[i].n && dir[i].heap[0]->when - early < next)
			next = dir[i].heap[0]->when - early;
	return next;
}

/* Sleeps until a packet comes or is due, or somebody has something to say. */
static void wait_for_work(struct pollfd pf[static 3], int got, int64_t seen, const sigset_t *mask)
{
	int64_t now = clock_ns(), next = next_due();
	int coarse = quantum && (next != INT64_MAX || now - seen < 20000000);
	struct timespec ts;

	if (coarse)
		next = now + quantum;
	else if (got || next < now)
		next = now;
	ts = (struct timespec){(next - now) / 1000000000, (next - now) % 1000000000};
	if (ppoll(coarse ? pf + 2 : pf, coarse ? 1 : 3, next == INT64_MAX ? NULL : &ts, mask) < 0 &&
		errno != EINTR)
		die("poll: %s", strerror(errno));
}

static void run(int a, int b, int cfd, const sigset_t *open_mask)
{
	struct pollfd pf[3] = {{.fd = a, .events = POLLIN}, {.fd = b, .events = POLLIN},
		{.fd = cfd, .events = POLLIN}};
	int64_t seen = 0;

	for (unsigned turn = 0; !ending; turn++) {
		int got = 0;

		for (int i = 0; i < 2; i++) {
			deliver(&dir[i]);
			got += take(&dir[i]);
		}
		if (got)
			seen = clock_ns();
		if (got > (quantum ? BATCH : 0) && turn % 64)
			continue;
		wait_for_work(pf, got, seen, open_mask);
		if (cfd >= 0 && pf[2].revents & POLLIN)
			control(cfd);
		pf[2].revents = 0;
		if (report)
			stats();
		report = 0;
	}
}

int main(int argc, char **argv)
{
	int opt, flags = IFF_TUN, mtu = 1500, prio = 0, which = 3, cfd, home;
	const char *fifo = NULL;
	sigset_t open_mask;

	while ((opt = getopt(argc, argv, "+2m:r:q:s:c:")) != -1) {
		switch (opt) {
		case '2': flags = IFF_TAP; break;
		case 'm': mtu = atoi(optarg); break;
		case 'r': prio = atoi(optarg); break;
		case 'q': quantum = atoi(optarg) * INT64_C(1000); break;
		case 's':
			rng = (strtoull(optarg, NULL, 0) + 1) * UINT64_C(0x9E3779B97F4A7C15);
			break;
		case 'c': fifo = optarg; break;
		default: exit(2);
		}
	}
	if (argc - optind < 4 || mtu < 68 || mtu > 9000)
		die("usage: linkem [-2] [-m MTU] [-r PRIO] [-q US] [-s SEED] [-c FIFO] "
		    "NS_A DEV_A NS_B DEV_B [both|ab|ba] KEY=VALUE...");
	argv += optind;
	room = (size_t)mtu + 64;
	for (int i = 4; argv[i]; i++)
		apply(argv[i], &which);
	home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	dir[0].in = dir[1].out = device(home, argv[0], argv[1], mtu, flags);
	dir[0].out = dir[1].in = device(home, argv[2], argv[3], mtu, flags);
	cfd = open_fifo(fifo);
	be_prompt(prio);
	catch_signals(&open_mask);
	running = 1;
	if (early < quantum / 2)
		early = quantum / 2;
	run(dir[0].in, dir[0].out, cfd, &open_mask);
	stats();
	if (fifo)
		unlink(fifo);
	return 0;
}
