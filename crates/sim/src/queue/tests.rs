use stdx::Instant;

use super::Queue;

#[test]
fn earlier_first_and_ties_in_order_of_scheduling() {
    let at = Instant::from_secs;
    let mut queue = Queue::new();
    for (second, name) in [(2, 'c'), (1, 'a'), (2, 'd'), (1, 'b'), (3, 'e')] {
        queue.schedule(at(second), name);
    }
    let upto = |queue: &mut Queue<char>, now| -> String {
        std::iter::from_fn(|| queue.pop(at(now))).collect()
    };
    assert_eq!(upto(&mut queue, 0), "");
    assert_eq!(upto(&mut queue, 2), "abcd");
    assert_eq!(queue.next_at(), Some(at(3)));
    assert_eq!(upto(&mut queue, 9), "e");
    assert_eq!(queue.next_at(), None);
}
