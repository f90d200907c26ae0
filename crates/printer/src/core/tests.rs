mod chance;
mod growth;
mod handing;
mod prints;
mod stops;
mod trust;
mod waits;
mod world;

use self::world::World;
use super::*;

const YEAR: i64 = 365 * 24 * 3600;

/// The world until a job is being printed.
fn printing() -> World {
    let mut world = World::new();
    world.store.add("j_a");
    for _ in 0..20 {
        world.tick(100);
        while !world.pending.is_empty() {
            world.answer(0, true);
        }
    }
    world.observe();
    assert_eq!(world.core.stage_of("j_a"), Some(Stage::Watching));
    world
}
