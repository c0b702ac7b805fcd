//! The bounded, fair queue in front of the writer: a lane per project, served in turn, so that a project which sends much
//! waits for itself and not the others for it. A plain data structure; the locks are in [`super::runtime`].

use std::collections::{HashMap, VecDeque};

use domain::ids::ProjectId;

/// How much may wait, and how much is taken at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueLimits {
    /// Events that may wait, over all projects.
    pub events_max: usize,
    /// Memory that waiting requests may hold, in bytes.
    pub bytes_max: usize,
    /// Events that one transaction takes; a larger single request is taken alone.
    pub events_per_commit: usize,
    /// Memory that one transaction takes, in bytes.
    pub bytes_per_commit: usize,
}

impl QueueLimits {
    /// For a server: 100,000 events or 128 MiB may wait, 5,000 events or about 2 MiB of payloads make one transaction.
    pub const STANDARD: QueueLimits =
        QueueLimits { events_max: 100_000, bytes_max: 128 << 20, events_per_commit: 5_000, bytes_per_commit: 6 << 20 };
}

/// What the queue knows of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    pub events: usize,
    pub bytes: usize,
}

/// Requests that wait.
#[derive(Debug)]
pub struct FairQueue<T> {
    limits: QueueLimits,
    lanes: HashMap<ProjectId, Lane<T>>,
    /// The projects with a lane, the next one to be served first.
    turns: VecDeque<ProjectId>,
    waiting: Size,
}

#[derive(Debug)]
struct Lane<T> {
    requests: VecDeque<(Size, T)>,
    waiting: Size,
}

impl<T> FairQueue<T> {
    pub fn new(limits: QueueLimits) -> FairQueue<T> {
        let waiting = Size { events: 0, bytes: 0 };
        FairQueue { limits, lanes: HashMap::new(), turns: VecDeque::new(), waiting }
    }

    pub fn waiting(&self) -> Size {
        self.waiting
    }

    pub fn is_empty(&self) -> bool {
        self.turns.is_empty()
    }

    /// Adds a request, or gives it back when there is no room. One project may hold half of the room, so that the others
    /// find some; an empty queue takes any single request.
    ///
    /// # Errors
    /// The request itself.
    pub fn push(&mut self, project: ProjectId, size: Size, request: T) -> Result<(), T> {
        let held = self.lanes.get(&project).map_or(Size { events: 0, bytes: 0 }, |lane| lane.waiting);
        let fits = |waiting: Size, parts: usize| {
            waiting.events + size.events <= self.limits.events_max / parts
                && waiting.bytes + size.bytes <= self.limits.bytes_max / parts
        };
        let has_room = self.is_empty() || (fits(self.waiting, 1) && fits(held, 2));
        if !has_room {
            return Err(request);
        }
        let lane = self.lanes.entry(project).or_insert_with(|| {
            self.turns.push_back(project);
            Lane { requests: VecDeque::new(), waiting: Size { events: 0, bytes: 0 } }
        });
        lane.requests.push_back((size, request));
        add(&mut lane.waiting, size);
        add(&mut self.waiting, size);
        Ok(())
    }

    /// Takes what one transaction holds: one request per project in turn, again and again, until the next one would be too
    /// much. Whoever was not served is first the next time.
    pub fn take(&mut self) -> Vec<T> {
        let mut taken = Vec::new();
        let mut total = Size { events: 0, bytes: 0 };
        while let Some(project) = self.turns.front().copied() {
            let Some(lane) = self.lanes.get_mut(&project) else {
                self.turns.pop_front();
                continue;
            };
            let Some((size, _)) = lane.requests.front() else {
                self.turns.pop_front();
                self.lanes.remove(&project);
                continue;
            };
            let too_much = total.events + size.events > self.limits.events_per_commit
                || total.bytes + size.bytes > self.limits.bytes_per_commit;
            if too_much && !taken.is_empty() {
                break;
            }
            let Some((size, request)) = lane.requests.pop_front() else { break };
            subtract(&mut lane.waiting, size);
            subtract(&mut self.waiting, size);
            add(&mut total, size);
            taken.push(request);
            self.turns.pop_front();
            if lane.requests.is_empty() {
                self.lanes.remove(&project);
            } else {
                self.turns.push_back(project);
            }
        }
        taken
    }
}

fn add(sum: &mut Size, size: Size) {
    sum.events += size.events;
    sum.bytes += size.bytes;
}

fn subtract(sum: &mut Size, size: Size) {
    sum.events -= size.events;
    sum.bytes -= size.bytes;
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    const LIMITS: QueueLimits =
        QueueLimits { events_max: 100, bytes_max: 1_000, events_per_commit: 10, bytes_per_commit: 100 };

    fn project(number: u128) -> ProjectId {
        ProjectId::from_uuid(Uuid::from_u128(number))
    }

    fn push(queue: &mut FairQueue<&'static str>, owner: u128, events: usize, name: &'static str) -> bool {
        queue.push(project(owner), Size { events, bytes: events }, name).is_ok()
    }

    #[test]
    fn a_busy_project_does_not_keep_a_quiet_one_waiting() {
        // promise P28
        let mut queue = FairQueue::new(LIMITS);
        for name in ["noisy 1", "noisy 2", "noisy 3"] {
            assert!(push(&mut queue, 1, 5, name));
        }
        assert!(push(&mut queue, 2, 1, "quiet"));
        assert_eq!(queue.take(), ["noisy 1", "quiet"]);
        assert_eq!(queue.take(), ["noisy 2", "noisy 3"]);
        assert!(queue.is_empty());
        assert_eq!(queue.waiting(), Size { events: 0, bytes: 0 });
    }

    #[test]
    fn the_requests_of_one_project_keep_their_order() {
        let mut queue = FairQueue::new(LIMITS);
        for name in ["a", "b", "c"] {
            assert!(push(&mut queue, 1, 1, name));
        }
        assert_eq!(queue.take(), ["a", "b", "c"]);
    }

    #[test]
    fn a_request_larger_than_a_transaction_is_taken_alone() {
        let mut queue = FairQueue::new(LIMITS);
        assert!(push(&mut queue, 1, 1, "small"));
        assert!(push(&mut queue, 1, 40, "large"));
        assert!(push(&mut queue, 1, 1, "small again"));
        assert_eq!(queue.take(), ["small"]);
        assert_eq!(queue.take(), ["large"]);
        assert_eq!(queue.take(), ["small again"]);
    }

    #[test]
    fn whoever_was_not_served_is_first_the_next_time() {
        let mut queue = FairQueue::new(LIMITS);
        assert!(push(&mut queue, 1, 8, "one"));
        assert!(push(&mut queue, 2, 8, "two"));
        assert!(push(&mut queue, 1, 1, "one again"));
        assert_eq!(queue.take(), ["one"]);
        assert_eq!(queue.take(), ["two", "one again"]);
    }

    #[test]
    fn a_full_queue_gives_the_request_back() {
        let mut queue = FairQueue::new(LIMITS);
        assert!(push(&mut queue, 1, 50, "half"));
        assert!(!push(&mut queue, 1, 1, "more than half for one project"));
        assert!(push(&mut queue, 2, 50, "the other half"));
        assert!(!push(&mut queue, 3, 1, "no room"));
    }

    #[test]
    fn an_empty_queue_takes_any_single_request() {
        let mut queue = FairQueue::new(LIMITS);
        assert!(push(&mut queue, 1, 5_000, "huge"));
        assert_eq!(queue.take(), ["huge"]);
    }
}
