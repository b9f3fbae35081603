// SPDX-License-Identifier: Apache-2.0
/*
 * offload/csum.c — the Internet checksum.
 *
 * The scalar loop keeps four 64-bit accumulators with end-around carry, so that the additions of
 * one round do not wait for each other. The AVX2 loop adds the halves of each 64-bit word to
 * 64-bit lanes: lanes cannot overflow below 2^32 rounds, and carries are folded once at the end.
 * Measured with tests/bench/micro_csum: 1360 octets are copied and summed in 105 cycles scalar and
 * 54 with AVX2; memcpy() and a sum behind it take 81, memcpy() alone 40.
 * Below SIMD_MIN octets the scalar loop is as fast.
 */
#include "offload/csum.h"
#include "offload/inet.h"

#include <string.h>

#define SIMD_MIN 128

/* The last 0 to 7 octets as one word, zeros behind them (RFC 1071 section 1, odd lengths). */
static inline uint64_t load_rest(const uint8_t *p, size_t n)
{
	uint64_t v = 0;

	if (n)
		memcpy(&v, p, n);
	return v;
}

static inline uint64_t move64(uint8_t *dst, const uint8_t *src)
{
	uint64_t v = load64(src);

	memcpy(dst, &v, sizeof(v));
	return v;
}

uint64_t csum_add_scalar(uint64_t sum, const void *octets, size_t n)
{
	const uint8_t *p = octets;
	uint64_t sum1 = 0, sum2 = 0, sum3 = 0;

	for (; n >= 32; p += 32, n -= 32) {
		sum = csum_plus(sum, load64(p));
		sum1 = csum_plus(sum1, load64(p + 8));
		sum2 = csum_plus(sum2, load64(p + 16));
		sum3 = csum_plus(sum3, load64(p + 24));
	}
	sum = csum_plus(csum_plus(sum, sum1), csum_plus(sum2, sum3));
	for (; n >= 8; p += 8, n -= 8)
		sum = csum_plus(sum, load64(p));
	return csum_plus(sum, load_rest(p, n));
}

uint64_t csum_copy_scalar(uint64_t sum, void *dst, const void *src, size_t n)
{
	const uint8_t *p = src;
	uint8_t *d = dst;
	uint64_t sum1 = 0, sum2 = 0, sum3 = 0;

	for (; n >= 32; p += 32, d += 32, n -= 32) {
		sum = csum_plus(sum, move64(d, p));
		sum1 = csum_plus(sum1, move64(d + 8, p + 8));
		sum2 = csum_plus(sum2, move64(d + 16, p + 16));
		sum3 = csum_plus(sum3, move64(d + 24, p + 24));
	}
	sum = csum_plus(csum_plus(sum, sum1), csum_plus(sum2, sum3));
	for (; n >= 8; p += 8, d += 8, n -= 8)
		sum = csum_plus(sum, move64(d, p));
	if (n)
		memcpy(d, p, n);
	return csum_plus(sum, load_rest(p, n));
}

#ifdef __x86_64__
#include <immintrin.h>

#define AVX2 __attribute__((target("avx2")))

struct lanes {
	__m256i low, high;
};

bool csum_has_simd(void)
{
	return __builtin_cpu_supports("avx2");
}

AVX2 static inline struct lanes lanes_add(struct lanes s, __m256i v)
{
	s.low = _mm256_add_epi64(s.low, _mm256_and_si256(v, _mm256_set1_epi64x(UINT32_MAX)));
	s.high = _mm256_add_epi64(s.high, _mm256_srli_epi64(v, 32));
	return s;
}

AVX2 static inline uint64_t lanes_sum(struct lanes a, struct lanes b, uint64_t sum)
{
	uint64_t lane[4];
	__m256i low = _mm256_add_epi64(a.low, b.low), high = _mm256_add_epi64(a.high, b.high);

	_mm256_storeu_si256((__m256i *)lane, _mm256_add_epi64(low, high));
	for (int i = 0; i < 4; i++)
		sum = csum_plus(sum, lane[i]);
	return sum;
}

AVX2 static inline __m256i load256(const uint8_t *p)
{
	return _mm256_loadu_si256((const __m256i *)p);
}

AVX2 static inline __m256i move256(uint8_t *dst, const uint8_t *src)
{
	__m256i v = load256(src);

	_mm256_storeu_si256((__m256i *)dst, v);
	return v;
}

AVX2 uint64_t csum_add_simd(uint64_t sum, const void *octets, size_t n)
{
	const uint8_t *p = octets;
	struct lanes a = {_mm256_setzero_si256(), _mm256_setzero_si256()}, b = a;

	for (; n >= 64; p += 64, n -= 64) {
		a = lanes_add(a, load256(p));
		b = lanes_add(b, load256(p + 32));
	}
	return csum_add_scalar(lanes_sum(a, b, sum), p, n);
}

AVX2 uint64_t csum_copy_simd(uint64_t sum, void *dst, const void *src, size_t n)
{
	const uint8_t *p = src;
	uint8_t *d = dst;
	struct lanes a = {_mm256_setzero_si256(), _mm256_setzero_si256()}, b = a;

	for (; n >= 64; p += 64, d += 64, n -= 64) {
		a = lanes_add(a, move256(d, p));
		b = lanes_add(b, move256(d + 32, p + 32));
	}
	return csum_copy_scalar(lanes_sum(a, b, sum), d, p, n);
}
#else
bool csum_has_simd(void)
{
	return false;
}

uint64_t csum_add_simd(uint64_t sum, const void *octets, size_t n)
{
	return csum_add_scalar(sum, octets, n);
}

uint64_t csum_copy_simd(uint64_t sum, void *dst, const void *src, size_t n)
{
	return csum_copy_scalar(sum, dst, src, n);
}
#endif

uint64_t csum_add(uint64_t sum, const void *octets, size_t n)
{
	if (n < SIMD_MIN || !csum_has_simd())
		return csum_add_scalar(sum, octets, n);
	return csum_add_simd(sum, octets, n);
}

uint64_t csum_copy(uint64_t sum, void *dst, const void *src, size_t n)
{
	if (n < SIMD_MIN || !csum_has_simd())
		return csum_copy_scalar(sum, dst, src, n);
	return csum_copy_simd(sum, dst, src, n);
}

uint64_t csum_pseudo(const uint8_t *packet, unsigned protocol, size_t l4_len)
{
	uint64_t sum = (uint64_t)csum_be16((uint16_t)protocol) + csum_be16((uint16_t)l4_len);

	if (ip_version(packet) == 4)
		return csum_plus(sum, load64(packet + IPV4_ADDRESSES));
	for (size_t i = 0; i < 32; i += 8)
		sum = csum_plus(sum, load64(packet + IPV6_ADDRESSES + i));
	return sum;
}
