// SPDX-License-Identifier: Apache-2.0
/*
 * tests/bench/tlspump.c — bulk data through one TCP connection, bare or inside TLS 1.3 (OpenSSL):
 * the ceiling of any tunnel that rides on TLS. No PPP, no TUN, only records.
 *
 *   tlspump server ADDR PORT MODE SECONDS CERT KEY
 *   tlspump client ADDR PORT MODE SECONDS up|down
 *
 * MODE = tcp|aes256|aes128|chacha[:RECORD[:RECORDS_A_WRITE[:READ_AHEAD_KIB]]]; the same at both
 * ends. The direction travels in the first octet; SECONDS count at the end that sends. Each end
 * prints one line of JSON: octets, seconds, its own CPU seconds while data moved.
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

struct mode {
	char suite[16];
	size_t record, batch, read_ahead;
};

static void die(const char *what)
{
	perror(what);
	ERR_print_errors_fp(stderr);
	exit(1);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double cpu(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static struct mode parse_mode(const char *text)
{
	struct mode m = {.record = 16384, .batch = 1};

	sscanf(text, "%15[^:]:%zu:%zu:%zu", m.suite, &m.record, &m.batch, &m.read_ahead);
	return m;
}

static SSL_CTX *make_ctx(const struct mode *m, const char *cert, const char *key)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_method());

	SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION);
	SSL_CTX_set_ciphersuites(ctx, !strcmp(m->suite, "aes128")   ? "TLS_AES_128_GCM_SHA256"
				      : !strcmp(m->suite, "chacha") ? "TLS_CHACHA20_POLY1305_SHA256"
								    : "TLS_AES_256_GCM_SHA384");
	if (m->read_ahead) {
		SSL_CTX_set_read_ahead(ctx, 1);
		SSL_CTX_set_default_read_buffer_len(ctx, m->read_ahead * 1024);
	}
	if (cert && (SSL_CTX_use_certificate_chain_file(ctx, cert) != 1 ||
			    SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1))
		die(cert);
	return ctx;
}

static int open_socket(int is_server, const char *address, const char *port)
{
	struct sockaddr_in a = {
		.sin_family = AF_INET, .sin_port = htons((uint16_t)strtoul(port, NULL, 10))};
	int one = 1, s = socket(AF_INET, SOCK_STREAM, 0), fd = s;

	inet_pton(AF_INET, address, &a.sin_addr);
	if (is_server) {
		setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
		if (bind(s, (struct sockaddr *)&a, sizeof(a)) < 0 || listen(s, 4) < 0)
			die("listen");
		puts("ready");
		fflush(stdout);
		fd = accept(s, NULL, NULL);
		close(s);
	} else if (connect(s, (struct sockaddr *)&a, sizeof(a)) < 0) {
		die("connect");
	}
	if (fd < 0)
		die("accept");
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return fd;
}

static int write_all(int fd, const char *octets, size_t n)
{
	while (n) {
		ssize_t done = write(fd, octets, n);

		if (done <= 0)
			return -1;
		octets += done;
		n -= (size_t)done;
	}
	return 0;
}

/* `batch` records sealed into memory, then one write. */
static int write_records(int fd, SSL *ssl, BIO *sealed, const char *octets, const struct mode *m)
{
	char *out;
	long n;

	for (size_t i = 0; i < m->batch; i++)
		if (SSL_write(ssl, octets + i * m->record, (int)m->record) <= 0)
			return -1;
	n = BIO_get_mem_data(sealed, &out);
	if (write_all(fd, out, (size_t)n) < 0)
		return -1;
	return BIO_reset(sealed);
}

static unsigned long long pump(int fd, SSL *ssl, const struct mode *m, double seconds)
{
	size_t size = m->record * m->batch;
	char *octets = calloc(1, size);
	unsigned long long total = 0;
	BIO *sealed = NULL;
	double end = now() + seconds;

	if (ssl) {
		sealed = BIO_new(BIO_s_mem());
		SSL_set0_wbio(ssl, sealed);
	}
	while (now() < end) {
		int r = ssl ? write_records(fd, ssl, sealed, octets, m)
			    : write_all(fd, octets, size);

		if (r < 0)
			break;
		total += size;
	}
	free(octets);
	return total;
}

static unsigned long long drain(int fd, SSL *ssl)
{
	static char octets[128 * 1024];
	unsigned long long total = 0;
	ssize_t n;

	while ((n = ssl ? SSL_read(ssl, octets, sizeof(octets))
			: read(fd, octets, sizeof(octets))) > 0)
		total += (unsigned long long)n;
	return total;
}

static SSL *handshake(SSL_CTX *ctx, int fd, int is_server)
{
	SSL *ssl = SSL_new(ctx);

	SSL_set_fd(ssl, fd);
	if ((is_server ? SSL_accept(ssl) : SSL_connect(ssl)) != 1)
		die("handshake");
	return ssl;
}

int main(int argc, char **argv)
{
	int is_server = argc == 8 && !strcmp(argv[1], "server"), fd, sends;
	unsigned long long octets;
	struct mode m;
	SSL *ssl = NULL;
	char way = 0;
	double start, busy, seconds;

	if (!is_server && (argc != 7 || strcmp(argv[1], "client"))) {
		fputs("usage: see the head of tlspump.c\n", stderr);
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	m = parse_mode(argv[4]);
	fd = open_socket(is_server, argv[2], argv[3]);
	if (strcmp(m.suite, "tcp"))
		ssl = handshake(make_ctx(&m, is_server ? argv[6] : NULL, argv[is_server ? 7 : 6]),
			fd, is_server);
	if (!is_server) {
		way = argv[6][0];
		if (ssl ? SSL_write(ssl, &way, 1) != 1 : write(fd, &way, 1) != 1)
			die("direction");
	} else if (ssl ? SSL_read(ssl, &way, 1) != 1 : read(fd, &way, 1) != 1) {
		die("direction");
	}
	start = now();
	busy = cpu();
	sends = is_server == (way == 'd');
	octets = sends ? pump(fd, ssl, &m, strtod(argv[5], NULL)) : drain(fd, ssl);
	seconds = now() - start;
	if (sends)
		shutdown(fd, SHUT_WR);
	printf("{\"sends\": %s, \"octets\": %llu, \"seconds\": %.4f, \"cpu\": %.4f}\n",
		sends ? "true" : "false", octets, seconds, cpu() - busy);
	return 0;
}
