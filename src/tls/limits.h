// SPDX-License-Identifier: Apache-2.0
/*
 * tls/limits.h — what a peer can make the TLS layer hold or do, and where that ends.
 */
#pragma once

/*
 * Octets that may wait in tls_output(). The owner stops writing data long before (it keeps its own
 * queue); the bound is against a peer that asks for answers (KeyUpdate, RFC 8446 4.6.3) and never
 * reads them. Beyond it the connection fails.
 */
#define TLS_OUTPUT_MAX (1024u * 1024u)

/*
 * Records sealed with one key before our side sends a KeyUpdate: RFC 8446 5.5 allows 2^24.5 for
 * AES-GCM. A tunnel that moves data all day gets there (2^24 full records are 256 GiB).
 */
#define TLS_RECORDS_PER_KEY (1u << 24)

/* Certificate problems kept per connection; a chain of ten bad certificates needs no ten lines. */
#define TLS_PROBLEMS_MAX 6

/* The peer's certificate chain in octets (OpenSSL's own default is 100 KiB). */
#define TLS_CHAIN_MAX (32 * 1024)

#define TLS_PINS_MAX 8
#define TLS_PAIRS_MAX 32
#define TLS_KINDS 3 /* of keys: RSA, EC, EdDSA */

/*
 * Records in a row that carry no data: empty ones (padding is the sender's right, but not for ever),
 * pieces of handshake messages, alerts that end nothing. Each costs a decryption for 22 octets.
 */
#define TLS_EMPTY_RECORDS_MAX 32

/*
 * Messages after the handshake (KeyUpdate, NewSessionTicket). A KeyUpdate is 27 octets on the wire and
 * costs six key derivations with its answer, as much as some 30 records: 15 MB of them from six
 * strangers made everybody else's ping 600 ms. A peer has so many, and earns one back with every
 * TLS_RECORDS_PER_MESSAGE records of data, so its KeyUpdates never cost more than its data. A peer
 * that changes its key every hour and sends an SSTP Echo every minute stays far below.
 */
#define TLS_MESSAGES_MAX 32
#define TLS_RECORDS_PER_MESSAGE 16

/* What opening one record may write: text, content type and padding (RFC 8446 5.2). */
#define TLS_RECORD_ROOM (16384 + 256)
