//! How long moves take: speeds rise and fall with the acceleration, and corners are taken at a speed of their own, as Klipper
//! does it (its document "Kinematics", look-ahead).

/// Millimetres per second squared, before the file names any.
pub(crate) const FIRST_ACCELERATION: f64 = 3000.0;
/// At which a corner of 90 degrees is taken, millimetres a second.
const SQUARE_CORNER: f64 = 5.0;
/// Moves that are looked at together.
const WINDOW: usize = 256;
/// Of these the last are kept back: what follows may let them end faster.
const KEPT: usize = 64;

/// Adds up times by a label.
pub(crate) struct Planner {
    queue: Vec<Planned>,
    acceleration: f64,
    /// Squared speed at which the last finished move ended.
    entry: f64,
    seconds: Vec<f64>,
}

struct Planned {
    length: f64,
    direction: [f64; 3],
    /// Squared.
    cruise: f64,
    /// Squared; what the corner before it allows.
    corner: f64,
    acceleration: f64,
    label: usize,
}

impl Planner {
    pub(crate) fn new() -> Self {
        Self {
            queue: Vec::with_capacity(WINDOW),
            acceleration: FIRST_ACCELERATION,
            entry: 0.0,
            seconds: Vec::new(),
        }
    }

    pub(crate) fn accelerate(&mut self, value: f64) {
        self.acceleration = value;
    }

    /// A move over `across`, or of the filament alone.
    pub(crate) fn moves(&mut self, across: [f64; 3], filament: f64, speed: f64, label: usize) {
        let way = across.map(|d| d * d).iter().sum::<f64>().sqrt();
        let length = if way > 0.0 { way } else { filament.abs() };
        if length <= 0.0 || speed <= 0.0 {
            return;
        }
        let direction = if way > 0.0 { across.map(|d| d / way) } else { [0.0; 3] };
        let mut step = Planned {
            length,
            direction,
            cruise: speed * speed,
            corner: 0.0,
            acceleration: self.acceleration,
            label,
        };
        if let Some(last) = self.queue.last() {
            step.corner = step.after(last);
        }
        self.queue.push(step);
        if self.queue.len() == WINDOW {
            self.finish(WINDOW - KEPT);
        }
    }

    /// Nothing moves for so long.
    pub(crate) fn waits(&mut self, seconds: f64, label: usize) {
        self.stop();
        self.add(label, seconds);
    }

    /// Seconds by label, once all has come to a stop.
    pub(crate) fn end(mut self) -> Vec<f64> {
        self.stop();
        self.seconds
    }

    fn stop(&mut self) {
        self.finish(self.queue.len());
        self.entry = 0.0;
    }

    /// Takes the first `count` moves off the queue, as if everything stopped at its end.
    fn finish(&mut self, count: usize) {
        // Backwards: how fast a move may begin so that all after it can still slow down.
        let mut begin = vec![0.0; self.queue.len() + 1];
        for (at, step) in self.queue.iter().enumerate().rev() {
            let slowing = begin[at + 1] + 2.0 * step.acceleration * step.length;
            begin[at] = step.corner.min(slowing).min(step.cruise);
        }
        let done: Vec<Planned> = self.queue.drain(..count).collect();
        for (at, step) in done.iter().enumerate() {
            let reach = self.entry + 2.0 * step.acceleration * step.length;
            let exit = begin[at + 1].min(reach).min(step.cruise);
            let seconds = step.seconds(self.entry.min(step.cruise), exit);
            self.entry = exit;
            self.add(step.label, seconds);
        }
    }

    fn add(&mut self, label: usize, seconds: f64) {
        if self.seconds.len() <= label {
            self.seconds.resize(label + 1, 0.0);
        }
        self.seconds[label] += seconds;
    }
}

impl Planned {
    /// Squared speed of the corner between `last` and this.
    fn after(&self, last: &Self) -> f64 {
        let cosine: f64 = -(0..3).map(|axis| self.direction[axis] * last.direction[axis]).sum::<f64>();
        // The filament alone, or straight back: a full stop.
        if cosine > 0.999_999 || self.direction == [0.0; 3] || last.direction == [0.0; 3] {
            return 0.0;
        }
        let half = (0.5 * (1.0 - cosine)).max(0.0).sqrt();
        let through = if half > 0.999_999 {
            f64::INFINITY
        } else {
            let deviation = SQUARE_CORNER * SQUARE_CORNER * (std::f64::consts::SQRT_2 - 1.0);
            deviation * half / (1.0 - half)
        };
        through.min(self.cruise).min(last.cruise)
    }

    /// Rises from one squared speed, cruises, and falls to another.
    fn seconds(&self, entry: f64, exit: f64) -> f64 {
        let peak = (self.acceleration * self.length + 0.5 * (entry + exit)).min(self.cruise);
        let peak = peak.max(entry).max(exit);
        let ramps = (2.0 * peak - entry - exit) / (2.0 * self.acceleration);
        let rising = (2.0 * peak.sqrt() - entry.sqrt() - exit.sqrt()) / self.acceleration;
        rising + (self.length - ramps).max(0.0) / peak.sqrt()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(moves: &[[f64; 3]], speed: f64) -> f64 {
        let mut planner = Planner::new();
        for across in moves {
            planner.moves(*across, 0.0, speed, 0);
        }
        planner.end().iter().sum()
    }

    #[test]
    fn a_long_move_is_its_length_by_its_speed_and_the_ramps() {
        let expected = 1000.0 / 100.0 + 100.0 / FIRST_ACCELERATION;
        assert!((time(&[[1000.0, 0.0, 0.0]], 100.0) - expected).abs() < 1e-9);
    }

    #[test]
    fn a_straight_line_in_pieces_takes_as_long_as_in_one() {
        let pieces = vec![[1.0, 0.0, 0.0]; 1000];
        let difference = time(&pieces, 100.0) - time(&[[1000.0, 0.0, 0.0]], 100.0);
        assert!(difference.abs() < 1e-6, "{difference}");
    }

    #[test]
    fn corners_cost_time() {
        let straight = vec![[10.0, 0.0, 0.0]; 100];
        let zigzag: Vec<_> =
            (0..100).map(|n| if n % 2 == 0 { [10.0, 0.0, 0.0] } else { [0.0, 10.0, 0.0] }).collect();
        assert!(time(&zigzag, 100.0) > 1.2 * time(&straight, 100.0));
    }

    #[test]
    fn filament_alone_takes_time() {
        let mut planner = Planner::new();
        planner.moves([0.0; 3], -0.8, 40.0, 0);
        planner.waits(2.0, 1);
        let seconds = planner.end();
        assert!(seconds[0] > 0.02 && seconds[1] == 2.0, "{seconds:?}");
    }
}
