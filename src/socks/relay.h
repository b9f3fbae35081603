// SPDX-License-Identifier: Apache-2.0
/*
 * socks/relay.h — octets between two connected sockets, both ways, until both have ended.
 *
 * An end of one direction is passed on (shutdown) while the other goes on. Blocks; the descriptors stay
 * the caller's.
 */
#pragma once

void relay_run(int a, int b);
