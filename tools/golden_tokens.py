#!/usr/bin/env python3
"""Makes tests/golden/tokens.json: an identity provider's public keys, tokens by them, and forgeries of every kind.

Signed by the openssl command, so that what is believed was made by another hand. The keys are new each time and
kept nowhere. Now is the second 1500, the issuer https://id.example.org, the audience choir.

    tools/golden_tokens.py
"""
import json
import pathlib
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "cli"))
from provider import Key, base64url, hmac_sign, openssl, sealed  # noqa: E402

GOOD = {"iss": "https://id.example.org", "aud": ["other", "choir"], "sub": "ada", "iat": 1000, "nbf": 1000, "exp": 2000}
UNKNOWN = "token: there is no key of that kid for that alg"
UNSIGNED = "token: its signature is not right"
HEAD = "token: its head asks for what is not known here, or it is for something else"
NAMELESS = "token: its head must name an alg and the kid of a key"
OVER = "token: its time is over; get another"
EARLY = "token: its time has not come; are the clocks right?"
TIMES = "token: its exp, nbf and iat must be seconds since 1970, and exp be there"
ISSUER = "token: its iss is not the issuer that is believed here"
AUDIENCE = "token: its aud is somebody else"
SUBJECT = "token: its sub must be a printable text of 1 to 255 bytes"
OBJECT = "token: its head is no JSON object in base64url"
CLAIMS = "token: its claims are no JSON object"


def without(key):
    return {k: v for k, v in GOOD.items() if k != key}


def short_token(key):
    """One whose signature has a half that begins with a zero."""
    while True:
        signature = b""

        def sign(message):
            nonlocal signature
            signature = key.sign(message)
            return signature

        token = sealed({"alg": "ES256", "kid": key.kid}, GOOD, sign)
        if signature[0] == 0 or signature[32] == 0:
            return token


def other_hash(key, digest):
    return lambda message: openssl("dgst", f"-{digest}", "-sign", key.file, data=message)


def pss(key):
    return lambda message: openssl("dgst", "-sha256", "-sigopt", "rsa_padding_mode:pss", "-sigopt",
                                   "rsa_pss_saltlen:-1", "-sign", key.file, data=message)


def changed(token, part, change):
    parts = token.split(".")
    parts[part] = change(parts[part])
    return ".".join(parts)


def rows(rsa, ec, stranger):
    """(what, token, sentence): "" where it is believed."""
    good = rsa.token(GOOD)
    head = {"alg": "RS256", "kid": "rsa"}
    nobody = {"alg": "none", "kid": "rsa"}
    secret = rsa.public_pem()
    modulus = rsa.jwk()["n"].encode()
    yield "RS256", good, ""
    yield "ES256", ec.token(GOOD), ""
    yield "ES256, typ at+jwt, one audience", ec.token(GOOD | {"aud": "choir"}, {"typ": "at+jwt"}), ""
    yield "ES256, a half with a zero in front", short_token(ec), ""
    yield "typ JWT and unknown members", rsa.token(GOOD | {"email": "a@b", "n": None}, {"typ": "JWT", "x5t": "y"}), ""
    yield "a time with a fraction", rsa.token(GOOD | {"exp": 1999.5}), ""
    yield "just over, within the leeway", rsa.token(GOOD | {"exp": 1441}), ""
    yield "about to begin, within the leeway", rsa.token(GOOD | {"nbf": 1560, "iat": 1560}), ""
    yield "no nbf, no iat", rsa.token({k: v for k, v in GOOD.items() if k not in ("nbf", "iat")}), ""

    yield "alg none, no signature", sealed(nobody, GOOD, lambda message: b""), UNKNOWN
    yield "alg none, a right signature", sealed(nobody, GOOD, rsa.sign), UNKNOWN
    yield "alg None", sealed(nobody | {"alg": "None"}, GOOD, lambda message: b""), UNKNOWN
    yield "RS256 without a signature", sealed(head, GOOD, lambda message: b""), UNSIGNED
    yield "HS256 by the public key's PEM", sealed(head | {"alg": "HS256"}, GOOD, hmac_sign(secret)), UNKNOWN
    yield "HS256 by the modulus", sealed(head | {"alg": "HS256"}, GOOD, hmac_sign(modulus)), UNKNOWN
    yield "HS256 said to be RS256", sealed(head, GOOD, hmac_sign(secret)), UNSIGNED
    yield "HS256 by nothing", sealed(head | {"alg": "HS256"}, GOOD, hmac_sign(b"")), UNKNOWN
    yield "RS512", sealed(head | {"alg": "RS512"}, GOOD, other_hash(rsa, "sha512")), UNKNOWN
    yield "RS512 said to be RS256", sealed(head, GOOD, other_hash(rsa, "sha512")), UNSIGNED
    yield "PS256", sealed(head | {"alg": "PS256"}, GOOD, pss(rsa)), UNKNOWN
    yield "PS256 said to be RS256", sealed(head, GOOD, pss(rsa)), UNSIGNED
    yield "ES256 by the RSA key's kid", ec.token(GOOD, {"kid": "rsa"}), UNKNOWN
    yield "RS256 by the EC key's kid", rsa.token(GOOD, {"kid": "ec"}), UNKNOWN
    yield "RSA's signature, the EC key's alg and kid", sealed({"alg": "ES256", "kid": "ec"}, GOOD, rsa.sign), UNSIGNED
    yield "EC's signature, the RSA key's alg and kid", sealed(head, GOOD, ec.sign), UNSIGNED
    yield "EC's signature as DER", sealed({"alg": "ES256", "kid": "ec"}, GOOD, other_hash(ec, "sha256")), UNSIGNED
    yield "EC's signature of zeros", sealed({"alg": "ES256", "kid": "ec"}, GOOD, lambda message: bytes(64)), UNSIGNED
    yield "another's key by this kid", stranger.token(GOOD, {"kid": "rsa"}), UNSIGNED
    yield "an unknown kid", stranger.token(GOOD), UNKNOWN
    yield "a key of its own in the head", stranger.token(GOOD, {"kid": "rsa", "jwk": stranger.jwk()}), UNSIGNED
    yield "a key for encryption", sealed({"alg": "RS256", "kid": "enc"}, GOOD, rsa.sign), UNKNOWN
    yield "no kid", sealed({"alg": "RS256"}, GOOD, rsa.sign), NAMELESS
    yield "no alg", sealed({"kid": "rsa"}, GOOD, rsa.sign), NAMELESS
    yield "alg is a list", sealed(head | {"alg": ["RS256"]}, GOOD, rsa.sign), NAMELESS
    yield "crit", rsa.token(GOOD, {"crit": ["exp"]}), HEAD
    yield "b64 false, crit", rsa.token(GOOD, {"b64": False, "crit": ["b64"]}), HEAD
    yield "typ logout+jwt", rsa.token(GOOD, {"typ": "logout+jwt"}), HEAD
    yield "typ is a number", rsa.token(GOOD, {"typ": 1}), HEAD
    yield "alg twice", sealed('{"alg": "none", "alg": "RS256", "kid": "rsa"}', GOOD, rsa.sign), OBJECT
    yield "the head is an array", sealed("[]", GOOD, rsa.sign), OBJECT
    yield "the head is no JSON", sealed("RS256", GOOD, rsa.sign), OBJECT

    yield "other claims behind the signature", changed(good, 1, lambda part: base64url(json.dumps(GOOD | {"sub": "eve"}).encode())), UNSIGNED
    yield "cut short", good[:-2], UNSIGNED
    yield "a letter more", good + "A", UNSIGNED
    yield "another letter in the signature", changed(good, 2, lambda part: ("B" if part[0] == "A" else "A") + part[1:]), UNSIGNED
    yield "padding", good + "==", UNSIGNED

    yield "over", rsa.token(GOOD | {"exp": 1440}), OVER
    yield "over long since", rsa.token(GOOD | {"exp": 0}), OVER
    yield "not yet", rsa.token(GOOD | {"nbf": 1561}), EARLY
    yield "of the future", rsa.token(GOOD | {"iat": 1561}), EARLY
    yield "no end", rsa.token(without("exp")), TIMES
    yield "its end is a text", rsa.token(GOOD | {"exp": "2000"}), TIMES
    yield "its end is never", rsa.token(GOOD | {"exp": 1e300}), TIMES
    yield "it began before time", rsa.token(GOOD | {"nbf": -1}), TIMES
    yield "another issuer", rsa.token(GOOD | {"iss": "https://id.example.org/"}), ISSUER
    yield "no issuer", rsa.token(without("iss")), ISSUER
    yield "another audience", rsa.token(GOOD | {"aud": "choir2"}), AUDIENCE
    yield "other audiences", rsa.token(GOOD | {"aud": ["a", "choi", 1, None]}), AUDIENCE
    yield "no audience", rsa.token(without("aud")), AUDIENCE
    yield "an audience by name", rsa.token(GOOD | {"aud": {"choir": True}}), AUDIENCE
    yield "nobody", rsa.token(without("sub")), SUBJECT
    yield "an empty name", rsa.token(GOOD | {"sub": ""}), SUBJECT
    yield "a long name", rsa.token(GOOD | {"sub": 256 * "x"}), SUBJECT
    yield "a name of two lines", rsa.token(GOOD | {"sub": "a\nb"}), SUBJECT
    yield "a number for a name", rsa.token(GOOD | {"sub": 7}), SUBJECT
    yield "claims are an array", sealed(head, "[]", rsa.sign), CLAIMS
    yield "sub twice", sealed(head, '{"sub": "ada", "sub": "eve", "exp": 2000}', rsa.sign), CLAIMS
    yield "a zero in a name", sealed(head, json.dumps(GOOD | {"sub": "ada\0eve"}), rsa.sign), CLAIMS
    yield "claims are no JSON", sealed(head, "ada", rsa.sign), CLAIMS


def main():
    with tempfile.TemporaryDirectory() as folder:
        rsa, ec = Key(folder, "rsa", "rsa"), Key(folder, "ec", "ec")
        stranger = Key(folder, "stranger", "rsa")
        keys = {"keys": [rsa.jwk(), ec.jwk(), Key(folder, "enc", "rsa").jwk(kid="enc", use="enc", alg="RSA-OAEP")]}
        made = [{"what": what, "token": token, "says": says} for what, token, says in rows(rsa, ec, stranger)]
    golden = ROOT / "tests" / "golden" / "tokens.json"
    golden.write_text(json.dumps({"keys": keys, "tokens": made}, indent=1) + "\n")
    corpus = ROOT / "tests" / "fuzz" / "corpus"
    for name in ("jwks", "jwt", "claims"):
        (corpus / name).mkdir(exist_ok=True)
    (corpus / "jwks" / "provider").write_text(json.dumps(keys))
    (corpus / "claims" / "good").write_text(json.dumps(GOOD))
    for name, row in (("rs256", 0), ("es256", 1)):
        (corpus / "jwt" / name).write_text(made[row]["token"])


if __name__ == "__main__":
    main()
