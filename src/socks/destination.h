// SPDX-License-Identifier: Apache-2.0
/*
 * socks/destination.h — where a program that asks the proxy wants to go. A name or an address as text,
 * of visible ASCII characters only.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define DESTINATION_HOST_MAX 255 /* the length octet of SOCKS */

struct destination {
	char host[DESTINATION_HOST_MAX + 1];
	uint16_t port;
};

/* false: it is empty, too long, or no host. */
static inline bool destination_set(struct destination *d, const void *host, size_t n, uint16_t port)
{
	const uint8_t *octets = host;

	if (!n || n > DESTINATION_HOST_MAX)
		return false;
	for (size_t i = 0; i < n; i++)
		if (octets[i] <= ' ' || octets[i] >= 0x7f || strchr("/@?#\\", octets[i]))
			return false;
	memcpy(d->host, octets, n);
	d->host[n] = '\0';
	d->port = port;
	return true;
}
