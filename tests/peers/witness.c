// SPDX-License-Identifier: Apache-2.0
/*
 * Sees from inside a client what it does with its TLS connection: LD_PRELOAD=witness.so, and the file
 * named by WITNESS gets a line for the first of each:
 *
 *     tls        the handshake is done
 *     request    OpenSSL took the client's whole SSTP_DUPLEX_POST
 *     read       the client asked for octets of the answer (SSL_read() was called)
 *
 * sstpc 1.0.18 calls SSL_read() only when its first SSL_write() had to wait: otherwise the answer lies
 * in its socket for ever. So a test can tell that from a server that does not answer.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char request[] = "SSTP_DUPLEX_POST";
static int noted_tls, noted_request, noted_read;

static void note(int *noted, const char *line)
{
	const char *path = getenv("WITNESS");
	int fd;

	if (*noted || !path)
		return;
	*noted = 1;
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (fd >= 0 && write(fd, line, strlen(line)) >= 0)
		close(fd);
}

static void note_tls(void *ssl)
{
	int (*done)(void *) = (int (*)(void *))dlsym(RTLD_DEFAULT, "SSL_is_init_finished");

	if (!noted_tls && done && done(ssl))
		note(&noted_tls, "tls\n");
}

int SSL_write(void *ssl, const void *octets, int n)
{
	int (*real)(void *, const void *, int) =
		(int (*)(void *, const void *, int))dlsym(RTLD_NEXT, "SSL_write");
	int r = real(ssl, octets, n);

	note_tls(ssl);
	if (r == n && n > (int)sizeof(request) && !memcmp(octets, request, sizeof(request) - 1))
		note(&noted_request, "request\n");
	return r;
}

int SSL_read(void *ssl, void *octets, int n)
{
	int (*real)(void *, void *, int) =
		(int (*)(void *, void *, int))dlsym(RTLD_NEXT, "SSL_read");

	if (noted_request)
		note(&noted_read, "read\n");
	return real(ssl, octets, n);
}
