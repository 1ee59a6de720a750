//! Whom to call when a request is decided, so that any instance does it and no crash forgets it (OVP-22): a call is in the same
//! transaction as what it tells of, is taken by one instance for a while, and is deleted when it was made.

use std::time::Duration;

use deadpool_postgres::Transaction;
use serde_json::{Value, json};

use super::database::Database;
use super::seal::{RowName, Seal};
use super::{PendingCall, State, Unavailable};

const KIND: &str = "call";
/// For so many seconds nobody else makes a call that an instance has taken: longer than one takes.
const TAKEN: f64 = 20.0;
/// So many seconds after a request can be answered no more, it is over: instances' clocks are not the same.
const SLACK: u64 = 2;

/// A call to be made now, by this instance.
pub(crate) struct DueCall {
    row: RowName,
    /// Of the request.
    pub(crate) id: String,
    pub(crate) address: String,
    /// The same for all attempts, whoever makes them.
    pub(crate) message: String,
    /// None where the request is over.
    pub(crate) state: Option<State>,
    /// How often it was tried.
    pub(crate) failed: usize,
}

/// Notes that somebody is to be called about a request, at the latest when it is over.
pub(super) async fn insert(
    transaction: &Transaction<'_>,
    seal: &Seal,
    row: &RowName,
    id: &str,
    call: &PendingCall,
) -> Result<(), Unavailable> {
    let value = json!({ "id": id, "address": call.address, "message": call.message });
    let sealed = seal.seal(KIND, "call", row, &value).ok_or(Unavailable)?;
    let insert =
        "INSERT INTO verifier_calls (id, call, due) VALUES ($1, $2, clock_timestamp() + $3 * interval '1 second')";
    let insert = transaction.prepare_cached(insert).await?;
    #[allow(clippy::cast_precision_loss, reason = "minutes")]
    let life = call.life.saturating_add(SLACK) as f64;
    transaction.execute(&insert, &[&&row[..], &sealed, &life]).await?;
    Ok(())
}

/// The request is decided: whoever waits for that is called now.
pub(super) async fn decided(transaction: &Transaction<'_>, row: &RowName, state: State) -> Result<(), Unavailable> {
    let update = "UPDATE verifier_calls SET state = $2, due = clock_timestamp() WHERE id = $1";
    let update = transaction.prepare_cached(update).await?;
    transaction.execute(&update, &[&&row[..], &state.name()]).await?;
    Ok(())
}

impl Database {
    /// Takes a call that is due, if there is one.
    pub(crate) async fn due_call(&self) -> Result<Option<DueCall>, Unavailable> {
        let take = "UPDATE verifier_calls SET due = clock_timestamp() + $1 * interval '1 second' WHERE id = \
            (SELECT id FROM verifier_calls WHERE due <= clock_timestamp() ORDER BY due LIMIT 1 FOR UPDATE SKIP LOCKED) \
            RETURNING id, call, state, failed";
        loop {
            let client = self.client().await?;
            let take = client.prepare_cached(take).await?;
            let Some(taken) = client.query_opt(&take, &[&TAKEN]).await? else { return Ok(None) };
            let row = RowName::try_from(taken.try_get::<_, &[u8]>("id")?).map_err(|_| Unavailable)?;
            let opened = self.seal().open(KIND, "call", &row, taken.try_get("call")?);
            let text = |name: &str| opened.as_ref()?.get(name).and_then(Value::as_str).map(str::to_owned);
            let (Some(id), Some(address), Some(message)) = (text("id"), text("address"), text("message")) else {
                // Sealed with a key that is gone.
                self.end_call(&row).await?;
                continue;
            };
            let state = taken.try_get::<_, Option<&str>>("state")?.and_then(State::from_name);
            let failed = usize::try_from(taken.try_get::<_, i32>("failed")?).unwrap_or_default();
            return Ok(Some(DueCall { row, id, address, message, state, failed }));
        }
    }

    /// A call was made, or is given up.
    pub(crate) async fn called(&self, call: &DueCall) -> Result<(), Unavailable> {
        self.end_call(&call.row).await
    }

    /// A call got no good answer, and is made again after a while.
    pub(crate) async fn call_again(&self, call: &DueCall, wait: Duration) -> Result<(), Unavailable> {
        let again = "UPDATE verifier_calls SET failed = failed + 1, due = clock_timestamp() + $2 * interval '1 second' \
            WHERE id = $1";
        let client = self.client().await?;
        let again = client.prepare_cached(again).await?;
        client.execute(&again, &[&&call.row[..], &wait.as_secs_f64()]).await?;
        Ok(())
    }

    async fn end_call(&self, row: &RowName) -> Result<(), Unavailable> {
        let client = self.client().await?;
        let end = client.prepare_cached("DELETE FROM verifier_calls WHERE id = $1").await?;
        client.execute(&end, &[&&row[..]]).await?;
        Ok(())
    }
}
