// SPDX-License-Identifier: Apache-2.0
/* tunnel/control.c — sends what is not data: control frames and the HTTP answer. */
#include "tunnel/private.h"

#include "base/hot.h"
#include "ppp/frame.h"
#include "tunnel/tap.h"

/* ---- control frames on their way out ----------------- */

HOT void tunnel_collect(struct tunnel *t)
{
	uint8_t frame[PPP_FRAME_MAX];
	struct buf *plain = NULL;
	size_t n;

	if (t->ppp)
		while ((n = ppp_output(t->ppp, frame, sizeof(frame))))
			sstp_call_send_frame(t->call, frame, n);
	if (t->call)
		plain = sstp_call_output(t->call);
	else if (t->http_client)
		plain = http_client_output(t->http_client);
	else if (t->http_server)
		plain = http_server_output(t->http_server);
	if (plain && buf_len(plain) && outer_established(&t->outer) &&
		!outer_write(&t->outer, buf_data(plain), buf_len(plain))) {
		tap_octets(t->tap, TUNNEL_SENT, buf_data(plain), buf_len(plain));
		buf_consume(plain, buf_len(plain));
		buf_shrink(plain);
	}
}

void tunnel_respond(struct tunnel *t, unsigned status, int64_t wall_s)
{
	http_server_respond(t->http_server, status, wall_s);
	tunnel_collect(t);
	http_server_free(t->http_server); /* a tunnel does not carry it along */
	t->http_server = NULL;
}
