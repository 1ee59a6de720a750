//! A short load in every run: what is turned away is told when to come back, everything else is served, and afterwards all is as before.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "test code: a surprise stops the test")]

use load::open_loop::{Load, Report};
use load::service::Service;
use load::{answers, issues, licence, prepare, presentations};

/// Nothing but 2xx, 429 and 503, and everybody was answered.
fn whole(report: &Report, count: usize) {
    println!("{report:?}");
    assert!(report.failed.is_empty(), "{report:?}");
    assert_eq!(report.done + report.busy, count);
}

#[test]
fn under_too_much_load_the_services_serve_some_and_tell_the_others_when_to_come_back() {
    let place = tempfile::tempdir().unwrap();
    let service = Service::start(place.path(), 161);
    let (little, much) =
        (Load { per_second: 5.0, count: 10, clients: 4 }, Load { per_second: 2_000.0, count: 150, clients: 150 });
    let offers = service.offers(0, 161);
    whole(&issues(&service, much, &offers[..150], 0), 150);
    let after = issues(&service, little, &offers[150..160], 150);
    whole(&after, 10);
    assert_eq!(after.done, 10, "afterwards all is as before");

    let licence = licence(&service, &offers[160]);
    let flood = Load { per_second: 5_000.0, count: 1_500, clients: 200 };
    whole(&presentations(&service, flood, &licence), 1_500);
    let prepared = prepare(&service, &licence, 600);
    let report = answers(&service, Load { per_second: 10_000.0, count: 600, clients: 200 }, &prepared);
    whole(&report, 600);
    let after = presentations(&service, little, &licence);
    assert_eq!((after.done, after.failed.len()), (10, 0), "afterwards all is as before: {after:?}");
}
