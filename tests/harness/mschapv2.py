"""MS-CHAPv2 (RFC 2759) and the keys it yields (RFC 3079), written from the documents, not from src/."""

import hashlib
import struct

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes


def md4(data):
    """RFC 1320; OpenSSL 3 hides it in the legacy provider."""
    def rol(x, n):
        return (x << n | x >> (32 - n)) & 0xFFFFFFFF

    state = [0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476]
    data += b"\x80" + bytes(-(len(data) + 9) % 64) + struct.pack("<Q", len(data) * 8)
    rounds = (
        (lambda x, y, z: x & y | ~x & z, 0, range(16), (3, 7, 11, 19)),
        (lambda x, y, z: x & y | x & z | y & z, 0x5A827999,
         [0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15], (3, 5, 9, 13)),
        (lambda x, y, z: x ^ y ^ z, 0x6ED9EBA1,
         [0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15], (3, 9, 11, 15)),
    )
    for at in range(0, len(data), 64):
        words = struct.unpack("<16I", data[at:at + 64])
        a, b, c, d = state
        for f, add, order, shifts in rounds:
            for i, k in enumerate(order):
                a = rol((a + (f(b, c, d) & 0xFFFFFFFF) + words[k] + add) & 0xFFFFFFFF,
                        shifts[i % 4])
                a, b, c, d = d, a, b, c
        state = [(x + y) & 0xFFFFFFFF for x, y in zip(state, (a, b, c, d))]
    return struct.pack("<4I", *state)


def _des(key7, block):
    bits = int.from_bytes(key7, "big")
    key = bytes((bits >> (49 - 7 * i) & 0x7F) << 1 for i in range(8))
    encrypt = Cipher(algorithms.TripleDES(key * 3), modes.ECB()).encryptor()  # K1 = K2 = K3: DES
    return encrypt.update(block)


def challenge_hash(peer, authenticator, user):
    name = user if isinstance(user, bytes) else user.encode()
    return hashlib.sha1(peer + authenticator + name.rsplit(b"\\", 1)[-1]).digest()[:8]


def nt_response(authenticator, peer, user, password):
    key = md4(password.encode("utf-16-le")) + bytes(5)
    block = challenge_hash(peer, authenticator, user)
    return b"".join(_des(key[i:i + 7], block) for i in (0, 7, 14))


def authenticator_response(authenticator, peer, user, password, response):
    twice = md4(md4(password.encode("utf-16-le")))
    digest = hashlib.sha1(twice + response + b"Magic server to client signing constant").digest()
    digest = hashlib.sha1(digest + challenge_hash(peer, authenticator, user)
                          + b"Pad to make it do more than one iteration").digest()
    return "S=" + digest.hex().upper()


def higher_layer_key(password, response):
    """HLAK of [MS-SSTP] 3.2.5.2: the client's send key, then its receive key (RFC 3079 3.4)."""
    master = hashlib.sha1(md4(md4(password.encode("utf-16-le"))) + response
                          + b"This is the MPPE Master Key").digest()[:16]

    def start_key(magic):
        return hashlib.sha1(master + bytes(40) + magic + b"\xf2" * 40).digest()[:16]

    return (start_key(b"On the client side, this is the send key; on the server side, it is the "
                      b"receive key.")
            + start_key(b"On the client side, this is the receive key; on the server side, it is "
                        b"the send key."))
