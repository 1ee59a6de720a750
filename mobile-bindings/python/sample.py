"""A wallet in an app, and a gate. Arguments: a folder for the wallet, a PIN, the trust anchor's file, a bundle's address, an
offer's file, its code."""

import pathlib
import sys

import mid_sdk as mid

folder, pin, anchor, bundle, offer, code = sys.argv[1:]
anchor, offer = pathlib.Path(anchor).read_bytes(), pathlib.Path(offer).read_bytes()
sources, web = mid.Sources(bundle=bundle, anchor=anchor), mid.HttpFetch()

area = mid.Area.SOFTWARE(f"{folder}/keys")
wallet = mid.Wallet.create(f"{folder}/wallet", area, pin, mid.Personal(), mid.SystemClock())
wallet.accept(offer, code, sources, web)
wallet.update(sources, web)
card = next(card for card in wallet.credentials() if any(ready.id == "age-19" for ready in card.profiles))
shown = wallet.show(card.id, "age-19")  # as a QR code: `shown.png`

gate = mid.Scanner(anchor, mid.SystemClock())
gate.update_bundle(web.get(bundle))  # once a day; checking needs no network
try:
    verdict = gate.check_displayed(mid.read_code(mid.CodeKind.PRESENTATION, shown.text), card.credential_type, "age-19")
    print("adult; trust data is", verdict.trust_age, "s old")
except mid.ApiError as no:
    print("no:", no)
