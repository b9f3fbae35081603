// SPDX-License-Identifier: Apache-2.0
/*
 * cli/nm_auth.h — the auth-dialog of NetworkManager's secret agents, in external UI mode: the agent (nmcli,
 * GNOME Shell, plasma-nm) asks the user itself, for what is described here.
 */
#pragma once
#include <getopt.h>

/* As NetworkManager defines them. */
// clang-format off
#define NM_AUTH_OPTIONS \
	{"uuid", required_argument, NULL, 'u'}, \
	{"name", required_argument, NULL, 'n'}, \
	{"service", required_argument, NULL, 's'}, \
	{"hint", required_argument, NULL, 't'}, \
	{"allow-interaction", no_argument, NULL, 'i'}, \
	{"reprompt", no_argument, NULL, 'r'}, \
	{"external-ui-mode", no_argument, NULL, 'e'}
// clang-format on

/* argv of `culvert networkmanager --auth-dialog`. Returns the exit code. */
int nm_auth_dialog(int argc, char **argv);
