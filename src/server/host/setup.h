/*
 * server/host/setup.h — what a server needs before it accepts: state folder, certificate, store,
 * addresses, TUN, NAT; and how that is undone. Each step says by itself what failed.
 *
 * Threads: the control thread, before the workers start and after they ended.
 */
#pragma once
#include <stddef.h>

struct config;
struct ppp_addresses;
struct server;

/* 0, or an exit code. Undo with server_setup_undo(), also after a failure. */
int server_setup(struct server *s);
/* What clients are told beside their addresses (DNS, NBNS), as configured. */
void server_told_addresses(const struct config *cfg, struct ppp_addresses *ret);
void server_setup_undo(struct server *s);
