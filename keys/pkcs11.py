"""Tokens behind PKCS#11, through the library of the extra ``pkcs11``; only who has one loads this.

Source: PKCS#11 3.0, "Edwards EC" (``CKM_EDDSA``); keys/README.md, "A key in a token".
"""

import contextlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import pkcs11
from pkcs11 import Attribute, KeyType, Mechanism, ObjectClass, TokenFlag

from keys.errors import RejectedError, UnavailableError
from keys.signing import check_public_key, verify
from keys.suite import VERIFY_KEY_BYTES, label

RETRY_S = 10

_ED25519_OID = bytes.fromhex("06032b6570")
_PROBE = "token-probe"
_THREAD = ThreadPoolExecutor(1, thread_name_prefix="token")
"""The one thread that enters modules. A module is one for the process, and is not begun anew while
somebody is in it. And one that is built on OpenSSL, as SoftHSM is, leaves its errors in the queue
of the thread that called it, where Python's ``ssl`` would take them for its own."""

_T = TypeVar("_T")


class Pkcs11Token:
    """A token whose session is opened when first needed, and anew after it failed.

    Raises UnavailableError ``token_missing``, ``token_key_missing``, ``token_key_wrong``,
    ``pin_wrong``, ``pin_at_risk`` or, for whatever else a token says, ``token_unavailable``. A PIN
    that was refused is not tried again: after a few, tokens lock themselves.
    """

    def __init__(self, module: Path, label: str, pin: bytes) -> None:
        """Name a token; nothing is opened yet. ``module`` is the shared library of its maker.

        Raises RejectedError ``pin_malformed`` for a PIN that is no UTF-8.
        """
        self.label = label
        self._module = module
        try:
            self._pin = pin.decode()
        except UnicodeDecodeError:  # its text would show the PIN
            raise RejectedError("pin_malformed", "the PIN of the token is no UTF-8") from None
        self._refused = False
        self._session: pkcs11.Session | None = None
        self._keys: dict[bytes, pkcs11.SignMixin] = {}

    def __repr__(self) -> str:
        return f"Pkcs11Token({self.label})"

    def check(self) -> None:
        """Open the token now, so that what is wrong with it is said at the start."""
        self._use(lambda _: None)

    def draw(self, name: str, object_id: bytes) -> bytes:
        """See ``keys.token``."""

        def generate(session: pkcs11.Session) -> bytes:
            parameters = session.create_domain_parameters(
                KeyType.EC_EDWARDS, {Attribute.EC_PARAMS: _ED25519_OID}, local=True
            )
            public, _ = parameters.generate_keypair(
                mechanism=Mechanism.EC_EDWARDS_KEY_PAIR_GEN,
                store=True,
                id=object_id,
                label=name,
                private_template={Attribute.SENSITIVE: True, Attribute.EXTRACTABLE: False},
            )
            # The bare point, or DER around it: makers differ.
            return bytes(public[Attribute.EC_POINT])[-VERIFY_KEY_BYTES:]

        public_key = self._use(generate)
        try:
            check_public_key(public_key)
        except RejectedError as fault:
            raise self._failed("token_key_wrong", "drew what is no Ed25519 key") from fault
        return public_key

    def sign(self, object_id: bytes, public_key: bytes, signed: bytes) -> bytes:
        """See ``keys.token``. Once a session, a probe shows that it is the key of that name."""

        def sign(session: pkcs11.Session) -> bytes:
            if object_id not in self._keys:
                self._keys[object_id] = self._find(session, object_id, public_key)
            return bytes(self._keys[object_id].sign(signed, mechanism=Mechanism.EDDSA))

        return self._use(sign)

    def close(self) -> None:
        """Give the session back; the next use opens another."""
        _THREAD.submit(self._close).result()

    def _find(
        self, session: pkcs11.Session, object_id: bytes, public_key: bytes
    ) -> pkcs11.SignMixin:
        found = session.get_key(object_class=ObjectClass.PRIVATE_KEY, id=object_id)
        if not isinstance(found, pkcs11.SignMixin):
            raise self._failed("token_key_wrong", "holds a key in its place that does not sign")
        try:
            verify(public_key, _PROBE, b"", found.sign(label(_PROBE), mechanism=Mechanism.EDDSA))
        except RejectedError as fault:
            raise self._failed("token_key_wrong", "holds another key in its place") from fault
        return found

    def _use(self, act: Callable[[pkcs11.Session], _T]) -> _T:
        return _THREAD.submit(self._act, act).result()

    def _act(self, act: Callable[[pkcs11.Session], _T]) -> _T:
        """Act in the open session; where that fails, once more in a new one."""
        if self._session is not None:
            try:
                return act(self._session)
            except pkcs11.PKCS11Error:  # pulled out and put back, or its service was restarted
                self._close()
        try:
            self._session = self._open()
            return act(self._session)
        except pkcs11.NoSuchToken as fault:
            raise self._failed(
                "token_missing", f"is not there, says {self._module}: connect it"
            ) from fault
        except pkcs11.NoSuchKey as fault:
            raise self._failed("token_key_missing", "holds this key no more") from fault
        except pkcs11.PKCS11Error as fault:
            self._close()
            said = f"{type(fault).__name__} {fault}".rstrip()
            raise self._failed("token_unavailable", f"does not work: {said}") from fault

    def _close(self) -> None:
        session, self._session = self._session, None
        self._keys.clear()
        if session is not None:
            with contextlib.suppress(pkcs11.PKCS11Error):  # it may be gone with its token
                session.close()

    def _open(self) -> pkcs11.Session:
        """Log in; a module that lost sight of its token is begun anew, and asked once more."""
        if self._refused:
            raise self._pin_wrong()
        library = pkcs11.lib(str(self._module))
        try:
            return self._log_in(library.get_token(token_label=self.label))
        except pkcs11.PKCS11Error:
            library.reinitialize()
        return self._log_in(library.get_token(token_label=self.label))

    def _log_in(self, token: pkcs11.Token) -> pkcs11.Session:
        if token.flags & (TokenFlag.USER_PIN_FINAL_TRY | TokenFlag.USER_PIN_LOCKED):
            raise self._failed(
                "pin_at_risk",
                "takes one more PIN, or none: log in to it by hand with its own tool, so that it "
                "does not lock itself",
            )
        try:
            return token.open(rw=True, user_pin=self._pin)
        except pkcs11.UserAlreadyLoggedIn:  # the login is the process's, not the session's
            return token.open(rw=True)
        except (pkcs11.PinIncorrect, pkcs11.PinInvalid, pkcs11.PinLenRange, pkcs11.PinLocked):
            self._refused = True
            raise self._pin_wrong() from None

    def _pin_wrong(self) -> UnavailableError:
        return self._failed(
            "pin_wrong", "refuses the PIN, which is not tried again before a new start"
        )

    def _failed(self, code: str, what: str) -> UnavailableError:
        return UnavailableError(code, f"the token {self.label} {what}", retry_after_s=RETRY_S)
