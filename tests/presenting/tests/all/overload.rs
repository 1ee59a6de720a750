//! More than the service can do.

use presenting::calls::{create, post};
use presenting::{World, sd_jwt_query};
use serde_json::Value;

use crate::service::{BASE, NOW, ready, verdict};

/// OVP-24: whoever cannot be served comes back, and an answer that was not looked at is still good.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_than_can_be_served_come_back_later() {
    const MANY: usize = 2_000;
    let world = World::at(NOW);
    let router = world.service(BASE, || NOW).router();
    let mut all = Vec::new();
    for _ in 0..MANY {
        all.push(ready(&world, &router, &sd_jwt_query(&[&["family_name"]]), &Value::Null, 1).await);
    }
    let posts: Vec<_> = all
        .iter()
        .map(|(_, sent)| {
            let (router, uri, body) = (router.clone(), sent.uri.clone().unwrap(), sent.body.clone());
            tokio::spawn(async move { post(&router, &uri, &body).await })
        })
        .collect();
    let mut later = Vec::new();
    for (it, own) in posts.into_iter().zip(&all) {
        let answer = it.await.unwrap();
        if answer.status != 200 {
            assert_eq!(answer.refusal(), (503, "temporarily_unavailable".into(), "Overloaded".into()));
            assert_eq!(answer.headers["retry-after"], "1");
            later.push(own);
        }
    }
    println!("{MANY} answers at once: {} come back", later.len());
    let (created, sent) = later.first().unwrap();
    assert_eq!(post(&router, sent.uri.as_ref().unwrap(), &sent.body).await.status, 200);
    assert_eq!(verdict(&router, created, &Value::Null).await.json()["accepted"], true);

    let asked: Vec<_> = (0..500)
        .map(|_| {
            let router = router.clone();
            tokio::spawn(async move { create(&router, &sd_jwt_query(&[&["family_name"]]), &Value::Null).await })
        })
        .collect();
    let mut busy = 0;
    for it in asked {
        let answer = it.await.unwrap();
        if answer.status != 201 {
            assert_eq!(answer.refusal(), (503, "temporarily_unavailable".into(), "Overloaded".into()));
            busy += 1;
        }
    }
    assert!((1..500).contains(&busy), "{busy}");
}
