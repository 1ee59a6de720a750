"""The wallet and the scanner through the wheel. Argument: the directory of the fixtures."""

import pathlib
import sys

import mid_sdk as mid

PLACE = pathlib.Path(sys.argv[1])
PIN = "839174"


def fixture(name: str) -> bytes:
    return (PLACE / name).read_bytes()


NOW = int(fixture("now"))
TYPE = fixture("type").decode()
CANARIES = fixture("canaries").decode().splitlines()


class SetClock(mid.Clock):
    """A clock that stands still until it is set."""

    def __init__(self, at: int):
        self.at = at

    def now(self) -> int:
        return self.at


class BrokenClock(mid.Clock):
    def now(self) -> int:
        raise RuntimeError("no clock")


def fails(case, call, reason=None):
    """The error of `call`, which must be of this case and, if given, for this reason."""
    try:
        call()
    except case as error:
        if reason is not None:
            assert error.reason == reason, error.reason
        assert not any(canary in str(error) for canary in CANARIES), error
        return error
    raise AssertionError(f"no {case.__name__}")


def scanner(at: int) -> mid.Scanner:
    made = mid.Scanner(fixture("anchor"), SetClock(at))
    made.update_bundle(fixture("bundle"))
    return made


def flipped(message: bytes) -> bytes:
    return message[:-1] + bytes([message[-1] ^ 1])


def scanner_checks_shown_codes():
    shown, other = fixture("shown-1"), fixture("shown-2")
    gate = scanner(NOW)
    verdict = gate.check_displayed(shown, TYPE, "age-19")
    assert verdict.credential_type == TYPE and verdict.claims == []
    (statement,) = verdict.proven
    assert statement.is_AGE_AT_LEAST() and statement.years == 19 and statement.statute == "civil"
    assert verdict.trust_age == 600 and not verdict.bound_to_request
    refused = mid.ApiError.Refused
    fails(refused, lambda: gate.check_displayed(shown, TYPE, "age-19"), "NonceReplayed")
    fails(refused, lambda: gate.check_displayed(flipped(other), TYPE, "age-19"), "ProofInvalid")
    fails(refused, lambda: gate.check_displayed(other, TYPE, "no-such"), "NoSuchProfile")
    fails(refused, lambda: gate.check_displayed(b"", TYPE, "age-19"), "MalformedPresentation")
    gate.check_displayed(other, TYPE, "age-19")
    scanner(NOW + 30).check_displayed(shown, TYPE, "age-19")
    fails(refused, lambda: scanner(NOW + 31).check_displayed(shown, TYPE, "age-19"), "Expired")
    later = scanner(NOW + 24 * 3600)
    fails(mid.ApiError.Update, lambda: later.check_displayed(shown, TYPE, "age-19"), "TrustStale")


def scanner_needs_trust_data():
    bare = mid.Scanner(fixture("anchor"), SetClock(NOW))
    fails(mid.ApiError.Update, lambda: bare.check_displayed(fixture("shown-1"), TYPE, "age-19"), "TrustMissing")
    fails(mid.ApiError.Retry, lambda: bare.update_bundle(b"\x00"), "BundleMalformed")
    fails(mid.ApiError.Bug, lambda: mid.Scanner(b"", SetClock(NOW)), "MalformedArgument")


def scanner_asks_and_checks_the_answer():
    shop = scanner(NOW)
    request, answer = fixture("request"), fixture("answer")
    assert shop.check_answer(request, answer).bound_to_request
    fails(mid.ApiError.Refused, lambda: shop.check_answer(request, answer), "NonceReplayed")
    fails(mid.ApiError.Refused, lambda: shop.check_answer(request, fixture("shown-2")), "NonceMismatch")
    identity = mid.VerifierIdentity(did=fixture("shop-did").decode(), key="key-1", seed=fixture("shop-seed"))
    code = shop.make_request(identity, "age-check", TYPE, "age-19", 60)
    assert mid.read_code(mid.CodeKind.REQUEST, code.text) == code.message
    assert code.png.startswith(b"\x89PNG") and code.expires_at == NOW + 60
    fails(mid.ApiError.Refused, lambda: mid.read_code(mid.CodeKind.OFFER, code.text), "UnexpectedKind")
    wider = lambda: shop.make_request(identity, "marketing", TYPE, "age-19", 60)
    fails(mid.ApiError.Refused, wider, "PurposeNotRegistered")
    short = mid.VerifierIdentity(did=identity.did, key="key-1", seed=b"short")
    fails(mid.ApiError.Bug, lambda: shop.make_request(short, "age-check", TYPE, "age-19", 60), "MalformedArgument")
    return code.message


def wallet_is_set_up_and_unlocked(request: bytes):
    home, clock = str(PLACE / "wallet"), SetClock(NOW)
    area = mid.Area.SOFTWARE(str(PLACE / "phone"))
    owner = mid.Personal(birth_date="1990-07-24", phone="010-4837-2915")
    refused = mid.ApiError.Refused
    create = lambda pin: mid.Wallet.create(home, area, pin, owner, clock)
    fails(refused, lambda: mid.Wallet.open(home, area, clock), "NoWallet")
    fails(refused, lambda: create("123456"), "PinTooWeak")
    fails(refused, lambda: create("900724"), "PinTooWeak")
    fails(refused, lambda: create("8391"), "PinFormat")
    wallet = create(PIN)
    fails(mid.ApiError.Retry, lambda: mid.Wallet.open(home, area, clock), "AlreadyOpen")
    assert wallet.credentials() == [] and wallet.history() == [] and wallet.needs(4).trust
    fails(mid.ApiError.Update, lambda: wallet.read_request(request), "TrustMissing")
    assert wallet.install_trust(fixture("bundle"), fixture("anchor")) > 0
    assert not wallet.needs(4).trust
    fails(refused, lambda: wallet.read_request(request), "NotHeld")
    fails(refused, lambda: wallet.read_request(flipped(request)), "RequestNotAuthenticated")
    fails(refused, lambda: wallet.read_offer(b"\x00"), "MalformedOffer")
    fails(refused, lambda: wallet.show("00" * 16, "age-19"), "NoSuchCredential")
    fails(mid.ApiError.Bug, lambda: wallet.install_day_set(b"short", 0, b""), "MalformedArgument")
    wallet.lock()
    assert fails(mid.ApiError.Unlock, wallet.credentials).attempts_left is None
    assert fails(mid.ApiError.Unlock, lambda: wallet.unlock("502618")).attempts_left == 9
    assert fails(mid.ApiError.Unlock, lambda: wallet.unlock("502619")).attempts_left == 8
    wallet.unlock(PIN)
    assert wallet.credentials() == []
    clock.at += 300
    assert fails(mid.ApiError.Unlock, wallet.credentials).attempts_left is None


def offer_to_verdict_with_running_services():
    sources = mid.Sources(bundle=fixture("bundle-address").decode(), anchor=fixture("live-anchor"))
    area, web, clock = mid.Area.SOFTWARE(str(PLACE / "live-phone")), mid.HttpFetch(), mid.SystemClock()
    wallet = mid.Wallet.create(str(PLACE / "live-wallet"), area, PIN, mid.Personal(), clock)

    class Broken(mid.Fetch):
        def fetch(self, url, body):
            raise RuntimeError("no network")

    code = fixture("code").decode()
    fails(mid.ApiError.Retry, lambda: wallet.accept(fixture("offer"), code, sources, Broken()), "ServiceUnreachable")
    assert not wallet.prepare_next()
    assert wallet.accept(fixture("offer"), code, sources, web) == [TYPE]
    assert wallet.update(sources, web) > 0
    prepared = 0
    while wallet.prepare_next():
        prepared += 1
    (card,) = wallet.credentials()
    assert prepared >= len(card.profiles) > 0, prepared
    gate = mid.Scanner(sources.anchor, clock)
    gate.update_bundle(web.get(sources.bundle))
    for _ in range(2):
        assert gate.check_displayed(wallet.show(card.id, "age-19").message, TYPE, "age-19").proven
    wallet.lock()
    fails(mid.ApiError.Unlock, wallet.prepare_next)


class BrokenArea(mid.SecureArea):
    """A key store that raises what it may not."""

    def device_id(self):
        raise RuntimeError("no key store")


def a_broken_key_store_is_an_error():
    clock, nobody = SetClock(NOW), mid.Personal()
    create = lambda area: mid.Wallet.create(str(PLACE / "none"), mid.Area.PHONE(area), PIN, nobody, clock)
    fails(mid.ApiError.Bug, lambda: create(BrokenArea()), "KeystoreFault")
    short = BrokenArea()
    short.device_id = lambda: b"short"
    fails(mid.ApiError.Bug, lambda: create(short), "KeystoreFault")


def a_panic_is_an_error_and_the_next_call_works():
    gate = mid.Scanner(fixture("anchor"), BrokenClock())
    gate.update_bundle(fixture("bundle"))
    for _ in range(2):
        try:
            gate.check_displayed(fixture("shown-1"), TYPE, "age-19")
        except mid.InternalError:
            continue
        raise AssertionError("a verdict without a clock")
    gate.update_bundle(fixture("bundle"))


scanner_checks_shown_codes()
scanner_needs_trust_data()
wallet_is_set_up_and_unlocked(scanner_asks_and_checks_the_answer())
a_broken_key_store_is_an_error()
a_panic_is_an_error_and_the_next_call_works()
offer_to_verdict_with_running_services()
print("all checks passed")
