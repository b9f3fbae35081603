// SPDX-License-Identifier: Apache-2.0
/*
 * sstp/limits.h — how much of anything a peer can make one SSTP call hold, do or wait for.
 *
 * The lengths of [MS-SSTP] 2.2 are in packet.h and attr.h; here is only what the document leaves
 * to the implementation, each with the attack it answers.
 */
#pragma once

/*
 * Attributes in one control message. None has more than one, a NAK as many as the REQUEST had
 * faults; 4095 octets hold 1,021 empty ones, each of which would cost a Status Info in the NAK.
 */
#define SSTP_ATTRS_MAX 16

/*
 * Control messages while the call is not up (advice of the field: 32). Before it is up the rule
 * table ends the call at the fourth refused REQUEST or the first message out of place; so this
 * ends a peer that keeps sending to a call that is closing down.
 */
#define SSTP_CONTROL_BEFORE_CALL_MAX 32

/* NAKs the server sends, REQUESTs the client sends again ([MS-SSTP] <16>, <10>). */
#define SSTP_NAKS_MAX 3

/*
 * Octets waiting in one call's output. A peer that sends ECHO_REQUESTs and does not read makes 8
 * octets each: above this they go unanswered, and PPP control frames are refused. The rest is kept
 * for the messages that end the call.
 */
#define SSTP_OUTPUT_MAX 32768
#define SSTP_OUTPUT_RESERVE 4096

/* Server certificates that CALL_CONNECTED may name (several while one replaces the other). */
#define SSTP_CERTS_MAX 16

/* Timers in ms, section 3.1.2, 3.2.2.1, 3.3.2.1. */
#define SSTP_NEGOTIATION_MS 60000
#define SSTP_HELLO_MS 60000       /* default of the Hello timer */
#define SSTP_ABORT_1_MS 3000      /* TIMER_VAL_ABORT_STATE_TIMER_1: ABORT sent first */
#define SSTP_ABORT_2_MS 1000      /* TIMER_VAL_ABORT_STATE_TIMER_2: ABORT received and answered */
#define SSTP_DISCONNECT_1_MS 5000 /* TIMER_VAL_DISCONNECT_STATE_TIMER_1: DISCONNECT sent */
#define SSTP_DISCONNECT_2_MS 1000 /* TIMER_VAL_DISCONNECT_STATE_TIMER_2: received, acknowledged */
