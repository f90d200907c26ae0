//! Neither the document nor the memory grows.

use super::{super::*, world::World};

/// Prints jobs one after the other, each to its end.
fn print_all(world: &mut World, numbers: std::ops::Range<usize>) {
    for number in numbers {
        let job = format!("j_{number:05}");
        world.store.add(&job);
        world.handle(Event::Signal);
        let mut turns = 0;
        while !world.store.state(&job).is_final() || !world.core.document().outbox.is_empty() {
            turns += 1;
            assert!(turns < 200, "{job} does not end");
            let wake = world.core.wake_at(world.now()).saturating_sub(world.mono);
            world.tick(wake.clamp(300, 600_000));
            // Each seventh answer gets lost, on a network that is good enough for nothing to be given up.
            while !world.pending.is_empty() {
                let fragile = matches!(
                    world.pending[0],
                    Effect::Prepare { .. } | Effect::Load { .. } | Effect::Start { .. }
                );
                world.answer(0, fragile || (number + turns) % 7 > 0);
            }
            world.observe();
            let outcome = if number % 5 == 0 { "cancelled" } else { "complete" };
            world.print_on(outcome);
        }
        world.forget(&job);
    }
}

/// Bytes that stay on the heap of this thread after `work`, freed ones counted against them.
fn kept(work: impl FnOnce()) -> i64 {
    allocation_counter::measure(work).bytes_current
}

#[test]
fn neither_document_nor_heap_grow_over_ten_thousand_jobs() {
    let mut world = World::new();
    world.light = true;
    // Until the lists of ids are full.
    let first = kept(|| print_all(&mut world, 0..5_000));
    let document = serde_json::to_vec(world.core.document()).unwrap().len();
    let second = kept(|| print_all(&mut world, 5_000..10_000));
    let later = serde_json::to_vec(world.core.document()).unwrap().len();
    assert!(first > 100_000, "{first} bytes for 5000 jobs: the heap is not measured");
    // Ids of the same length come and go; times and a job at hand are a few bytes longer or shorter.
    assert!(second < 2_000, "{second} bytes more on the heap");
    assert!(later <= document + 1_000, "{later} bytes of document after {document}");
    assert!(later < 600_000, "{later}");
}

#[test]
fn a_week_of_polls_and_prints_leaves_nothing_behind_but_ids() {
    let mut world = World::new();
    let mut size_after_a_day = 0;
    for minute in 0..7 * 24 * 60 {
        if minute % 60 == 0 {
            world.store.add(&format!("j_{minute}"));
            world.handle(Event::Signal);
        }
        world.tick(60_000);
        for turn in 0..40 {
            let works = (minute + turn) % 7 > 0;
            if world.pending.is_empty() {
                break;
            }
            world.answer(0, works);
            world.observe();
        }
        world.print_on("complete");
        if minute == 24 * 60 {
            size_after_a_day = serde_json::to_vec(world.core.document()).unwrap().len();
        }
    }
    world.settle();
    let document = world.core.document();
    assert!(document.outbox.is_empty() && world.core.errors.len() < 8 && world.core.queue.is_empty());
    // 24 jobs a day, an id and a nonce each.
    let size = serde_json::to_vec(document).unwrap().len();
    assert!(size < size_after_a_day + 6 * 24 * 100, "{size} after {size_after_a_day}");
}
