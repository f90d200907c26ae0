//! `kill -9` at any moment: nothing runs after it, and the next run finds what lies there.

use sealpost_api::Problem;

use crate::install::{Ledger, Standing, undo};

use super::ground::Ground;

fn killed() -> Problem {
    Problem::new(500, "killed", "killed")
}

/// Ends the work at its `n`th moment; whether it came that far.
fn install_until(ground: &Ground, n: usize) -> bool {
    let mut moments = 0;
    ground
        .install_with(&mut |_| {
            moments += 1;
            if moments == n { Err(killed()) } else { Ok(()) }
        })
        .is_err()
}

#[test]
fn installed_and_undone_the_tree_is_as_before() {
    for ground in [Ground::kiauh(), Ground::pip(), Ground::kalico(), Ground::u1()] {
        let before = ground.picture();
        ground.install();
        for (step, standing) in ground.plan().steps.iter().zip(ground.standings()) {
            assert_eq!(standing, Standing::Done, "{step}");
        }
        let installed = ground.picture();
        ground.install();
        assert_eq!(ground.picture(), installed, "a second run changes nothing");
        assert_eq!(ground.uninstall(false), [""; 0]);
        assert_eq!(ground.picture(), before);
    }
}

#[test]
fn ended_anywhere_it_is_finished_by_the_next_run_or_undone() {
    let whole = {
        let ground = Ground::kiauh();
        ground.install();
        ground.picture()
    };
    let mut n = 1;
    loop {
        let ground = Ground::kiauh();
        let before = ground.picture();
        if !install_until(&ground, n) {
            break;
        }
        ground.install();
        assert_eq!(ground.picture(), whole, "finished after moment {n}");
        assert_eq!(ground.uninstall(false), [""; 0]);
        assert_eq!(ground.picture(), before, "undone after moment {n}");

        let ground = Ground::kiauh();
        assert!(install_until(&ground, n));
        assert_eq!(ground.uninstall(false), [""; 0]);
        assert_eq!(ground.picture(), before, "undone from moment {n}");
        n += 1;
    }
    assert!(n > 40, "only {n} moments");
}

#[test]
fn undoing_is_finished_by_the_next_run_wherever_it_was_ended() {
    let mut n = 1;
    loop {
        let ground = Ground::kiauh();
        let before = ground.picture();
        ground.install();
        let ledger = Ledger::find(&ground.tree).unwrap().unwrap();
        let mut moments = 0;
        let ended = undo(&ground.tree, ground.installer().accounts, ledger, false, &mut |_| {
            moments += 1;
            if moments == n { Err(killed()) } else { Ok(()) }
        });
        assert_eq!(ground.uninstall(false), [""; 0]);
        assert_eq!(ground.picture(), before, "after moment {n}");
        if ended.is_ok() {
            break;
        }
        n += 1;
    }
    assert!(n > 30, "only {n} moments");
}
