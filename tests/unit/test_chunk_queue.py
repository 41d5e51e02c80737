"""Which chunks a worker gets, and when one is given up."""

import itertools

from auto_labeling.engine.ray.chunk_queue import MAX_DEATHS, ChunkQueue


def queue_of(count):
    queue = ChunkQueue()
    queue.add(range(count), itertools.count())
    return queue


def test_a_worker_gets_several_chunks_while_there_are_many_and_one_near_the_end():
    queue, sizes = queue_of(40), []
    while queue:
        sizes.append(len(list(queue.take(workers=2))))
    assert sizes[0] == 5 and sizes[-1] == 1
    assert sum(sizes) == 40 and sizes == sorted(sizes, reverse=True)


def test_each_hand_out_has_a_greater_number():
    queue = queue_of(2)
    [first] = queue.take(workers=1)
    queue.give_back([first[0]])
    [second] = queue.take(workers=1)
    assert second[0] == first[0] and second[1] > first[1]


def test_a_chunk_that_saw_a_death_is_handed_out_alone():
    queue = queue_of(40)
    chunks = [index for index, _ in queue.take(workers=1)]
    assert len(chunks) == 10
    assert queue.count_death(chunks) is None
    queue.give_back(chunks)
    for index in chunks:
        assert [i for i, _ in queue.take(workers=1)] == [index]
    assert len(list(queue.take(workers=1))) == 7


def test_a_chunk_is_given_up_after_deaths_of_its_own():
    queue = queue_of(1)
    assert [queue.count_death([0]) for _ in range(MAX_DEATHS)] == [None, None, 0]
    assert queue.count_death([0, 1]) is None
