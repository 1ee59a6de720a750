//! Whole issues over OpenID4VCI: who the issuer is, token, nonce, licence as SD-JWT VC and as mobile document, notification.

use protocol::crypto::multikey::{StandardKey, StandardSigner};
use protocol::exchange::openid4vp::Vocabulary;
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng as _, SeedableRng as _};
use wallet_core::openid4vci::{Answer, Invitation, Keys, Offered, Progress, Received, Trusted};

use crate::open_loop::{Ended, Http};
use crate::service::Service;

/// What a phone has afterwards.
pub struct Phone {
    /// The keys of the credentials, in order.
    pub keys: Vec<StandardKey>,
    /// The credentials.
    pub received: Vec<Received>,
}

/// Takes an offer up, as a wallet does. `number` determines the keys.
///
/// # Errors
/// How it ended instead.
pub fn take_up(service: &Service, http: &Http, link: &str, number: usize) -> Result<Phone, Ended> {
    let (mut seeds, mut rng) =
        (ChaCha20Rng::seed_from_u64(number as u64), ChaCha20Rng::seed_from_u64(!(number as u64)));
    let mut key = || {
        let mut seed = [1; 32];
        seeds.fill_bytes(&mut seed[..31]);
        StandardKey::p256(&seed).map_err(failed)
    };
    let offered = match Invitation::read(link).map_err(failed)? {
        Invitation::Offer(offered) => *offered,
        Invitation::Fetch(request) => Offered::read(&http.send(&request)?).map_err(failed)?,
    };
    let roots = service.trust.certificate_roots();
    let trusted = Trusted { roots: &roots, ledger: None };
    let metadata = http.send(&offered.ask_issuer())?;
    let known = offered.issuer_known(&metadata, &roots, &Vocabulary::default(), service.now()).map_err(failed)?;
    let server = http.send(&known.ask_server())?;
    let mut receiving = known.server_known(&server).and_then(|sheet| sheet.accept(None, &mut rng)).map_err(failed)?;
    let sender = key()?;
    let keys = receiving.credentials().iter().map(|_| key()).collect::<Result<Vec<_>, _>>()?;
    let holders: Vec<[&dyn StandardSigner; 1]> = keys.iter().map(|it| [it as &dyn StandardSigner]).collect();
    let holders: Vec<&[&dyn StandardSigner]> = holders.iter().map(<[_; 1]>::as_slice).collect();
    let lent = Keys { sender: &sender, holders: &holders, provider: None };
    loop {
        let request = receiving.request(&lent, service.now(), &mut rng).map_err(failed)?;
        let answer: Answer = http.send(&request)?;
        match receiving.answered(&answer, &lent, &trusted, service.now()).map_err(failed)? {
            Progress::More(next) => receiving = *next,
            Progress::Done(received) => return Ok(Phone { keys, received }),
        }
    }
}

pub(crate) fn failed(error: impl core::fmt::Display) -> Ended {
    Ended::Failed(error.to_string())
}
