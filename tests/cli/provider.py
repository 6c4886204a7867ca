"""An identity provider for tests: keys, tokens and forgeries, by the openssl command and not by choir's code."""
import base64
import hashlib
import hmac
import json
import pathlib
import subprocess
import time


def base64url(data):
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def openssl(*words, data=b""):
    return subprocess.run(["openssl", *map(str, words)], input=data, check=True, capture_output=True).stdout


def half(der, at):
    """An integer of a DER signature as 32 bytes, and where the next begins."""
    size = der[at + 1]
    return der[at + 2:at + 2 + size].lstrip(b"\0").rjust(32, b"\0"), at + 2 + size


class Key:
    """A key pair: "rsa" for RS256, "ec" for ES256."""

    def __init__(self, folder, kid, kind, bits=2048, curve="P-256"):
        self.kid, self.kind, self.file = kid, kind, pathlib.Path(folder) / f"{kid}.pem"
        openssl("genpkey", "-quiet", "-algorithm", "RSA", "-pkeyopt", f"rsa_keygen_bits:{bits}", "-out", self.file) \
            if kind == "rsa" else \
            openssl("genpkey", "-quiet", "-algorithm", "EC", "-pkeyopt", f"ec_paramgen_curve:{curve}", "-out", self.file)
        self.algorithm = "RS256" if kind == "rsa" else "ES256"

    def jwk(self, **more):
        jwk = {"kid": self.kid, "use": "sig", "alg": self.algorithm}
        if self.kind == "rsa":
            modulus = openssl("rsa", "-in", self.file, "-noout", "-modulus").decode().strip().split("=")[1]
            jwk |= {"kty": "RSA", "n": base64url(bytes.fromhex(modulus)), "e": "AQAB"}
        else:
            point = openssl("pkey", "-in", self.file, "-pubout", "-outform", "DER")[-64:]
            jwk |= {"kty": "EC", "crv": "P-256", "x": base64url(point[:32]), "y": base64url(point[32:])}
        return jwk | more

    def public_pem(self):
        return openssl("pkey", "-in", self.file, "-pubout")

    def sign(self, message):
        signature = openssl("dgst", "-sha256", "-sign", self.file, data=message)
        if self.kind == "rsa":
            return signature
        r, at = half(signature, 2)
        return r + half(signature, at)[0]

    def token(self, claims, head=()):
        return sealed({"alg": self.algorithm, "kid": self.kid} | dict(head), claims, self.sign)


def sealed(head, claims, sign):
    """A token with a head and claims, objects or JSON, sealed by sign(message)."""
    texts = [part if isinstance(part, str) else json.dumps(part) for part in (head, claims)]
    message = ".".join(base64url(text.encode()) for text in texts)
    return f"{message}.{base64url(sign(message.encode()))}"


def hmac_sign(secret):
    return lambda message: hmac.new(secret, message, hashlib.sha256).digest()


def claims(subject="ada", seconds=600, **more):
    return {"sub": subject, "exp": int(time.time()) + seconds} | more
