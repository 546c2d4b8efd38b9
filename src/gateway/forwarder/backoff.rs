//! How long a forwarder waits after a failure.

use std::time::Duration;

use crate::limits;

/// Waits that double up to a bound, each shortened by chance by at most a half: forwarders of many gateways that lost one
/// target do not come back all at once.
#[derive(Debug)]
pub(super) struct Backoff {
    next: Duration,
    longest: Duration,
}

impl Backoff {
    pub(super) fn up_to(longest: Duration) -> Self {
        Self { next: limits::FORWARD_WAIT.min(longest), longest }
    }

    /// Returns how long to wait after one more failure.
    pub(super) fn wait(&mut self) -> Duration {
        let mut chance = [0; 1];
        // Without chance the waits are the longest they can be.
        let drawn =
            openssl::rand::rand_bytes(&mut chance).map_or(u8::MAX, |()| chance.first().copied().unwrap_or(u8::MAX));
        self.shortened(drawn)
    }

    /// Begins anew after a success.
    pub(super) fn reset(&mut self) {
        *self = Self::up_to(self.longest);
    }

    fn shortened(&mut self, chance: u8) -> Duration {
        let wait = self.next;
        self.next = wait.saturating_mul(2).min(self.longest);
        let half = wait / 2;
        half + half * u32::from(chance) / u32::from(u8::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_bound_and_begin_anew_after_a_success() {
        let mut backoff = Backoff::up_to(Duration::from_secs(3));
        let waits: Vec<_> = (0..5).map(|_| backoff.shortened(u8::MAX).as_millis()).collect();
        assert_eq!(waits, [500, 1_000, 2_000, 3_000, 3_000]);
        backoff.reset();
        assert_eq!(backoff.shortened(u8::MAX).as_millis(), 500);
    }

    #[test]
    fn chance_shortens_a_wait_by_at_most_a_half() {
        let of = |chance| Backoff::up_to(Duration::from_secs(3)).shortened(chance).as_millis();
        assert_eq!((of(0), of(u8::MAX)), (250, 500));
        let mut backoff = Backoff::up_to(Duration::from_millis(40));
        assert!((20..=40).contains(&backoff.wait().as_millis()));
    }
}
