/*
 * Whole ends: client and server joined in memory, and single ends against scripted peers.
 */
#include "unit/ppp/pair.h"
#include "unit/ppp/talk.h"

static void each_method_brings_addresses_to_both_ends(void **state)
{
	static const enum auth_method methods[] = {AUTH_PAP, AUTH_CHAP_MD5, AUTH_MSCHAPV2};

	for (size_t m = 0; m < ARRAY_SIZE(methods); m++) {
		struct pair p;

		pair_init(&p, methods[m]);
		pair_start(&p);
		pair_run(&p); /* not one restart timer */
		assert_true(pair_is_up(&p));
		for (int i = 0; i < 2; i++) {
			assert_int_equal(p.seen[i].authenticated, 1);
			assert_int_equal(p.seen[i].up[0], 1);
			assert_int_equal(p.seen[i].up[1], 1);
			assert_int_equal(ppp_auth_method(p.end[i]), methods[m]);
			assert_int_equal(ppp_peer_mru(p.end[i]), 1400);
			assert_true(ppp_deadline(p.end[i]) == NEVER);
		}
		assert_memory_equal(p.seen[CLIENT].hlak, p.seen[SERVER].hlak, HLAK_LEN);
		assert_int_equal(p.seen[CLIENT].hlak[0] != 0, methods[m] == AUTH_MSCHAPV2);
		pair_end(&p);
	}
}

static void both_ends_see_the_same_addresses_crosswise(void **state)
{
	struct ppp_addresses *c, *s;
	struct pair p;

	pair_init(&p, AUTH_MSCHAPV2);
	p.opts[CLIENT].want_nbns = true;
	p.verdict.addresses.nbns[1] = addr_v4(0x0a080007);
	pair_start(&p);
	pair_run(&p);
	c = &p.seen[CLIENT].addresses;
	s = &p.seen[SERVER].addresses;
	assert_int_equal(addr_v4_value(&c->local), 0x0a080005);
	assert_int_equal(addr_v4_value(&c->peer), 0x0a080001);
	assert_true(addr_equal(&c->local, &s->peer) && addr_equal(&c->peer, &s->local));
	assert_int_equal(addr_v4_value(&c->dns[0]), 0x0a080001);
	assert_int_equal(addr_v4_value(&c->dns[1]), 0x0a080002);
	assert_int_equal(c->nbns[0].family, AF_UNSPEC);
	assert_int_equal(addr_v4_value(&c->nbns[1]), 0x0a080007);
	assert_memory_equal(c->local_ifid, s->peer_ifid, 8);
	assert_memory_equal(c->peer_ifid, s->local_ifid, 8);
	assert_memory_not_equal(c->local_ifid, c->peer_ifid, 8);
	assert_true(c->ipv6 && s->ipv6);
	pair_end(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_method_brings_addresses_to_both_ends),
		cmocka_unit_test(both_ends_see_the_same_addresses_crosswise),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
