"""The wall-clock part of the reference simulator, on cases small enough to do by hand."""

import math

import pytest
from tests.reference.reference_simulator import Request, Result, Rules, simulate

Figures = tuple[int, int, int, int, int]
HOST_S = 0.5


class Steps:
    """A step takes 1 s on the device with prompts and 0.25 s without, and 0.5 s on the host."""

    def __init__(self) -> None:
        self.asked: list[Figures] = []

    def __call__(self, *figures: int) -> tuple[float, float]:
        self.asked.append(figures)  # type: ignore[arg-type]
        return (1.0 if figures[2] else 0.25), HOST_S


PROMPT_S, DECODE_S = 1.0 + HOST_S, 0.25 + HOST_S


def run(requests, *replicas, router="round robin", steps=None, transfer=(0.0, 0.0), edges=()):
    seconds = steps or Steps()
    result: Result = simulate(
        requests, replicas, router, transfer[0], transfer[1], seconds, edges=edges
    )
    return result


def test_one_request_alone_takes_the_sum_of_its_steps():
    steps = Steps()
    result = run([Request(0, 2.0, 10, 3)], Rules(), steps=steps, edges=(0.5, 0.75, 1.0))
    (request,) = result.requests
    assert request.first_scheduled_s == 2.0
    assert request.tokens_s == [2.0 + PROMPT_S, 2.0 + PROMPT_S + DECODE_S, request.finish_s]
    assert request.finish_s == 2.0 + PROMPT_S + 2 * DECODE_S
    assert steps.asked == [(0, 0, 10, 55, 1), (1, 11, 0, 0, 0), (1, 12, 0, 0, 0)]
    assert result.itl == [0, 0, 2, 0]  # a gap on an edge lies above it
    (totals,) = result.replicas
    assert (totals.batches, totals.prompt_tokens, totals.decode_tokens) == (3, 10, 2)
    assert totals.busy_s == totals.running_s == totals.blocks_s == 3.0  # one request, one block
    assert totals.waiting_s == totals.preemptions == totals.padding_tokens == 0


def test_a_prompt_longer_than_the_budget_counts_all_that_its_chunks_attend_to():
    steps = Steps()
    run([Request(0, 0.0, 10, 1)], Rules(max_num_batched_tokens=7), steps=steps)
    assert steps.asked == [(0, 0, 7, 28, 1), (0, 0, 3, 3 * 7 + 6, 1)]


def test_asynchronous_scheduling_hides_the_host():
    rules = Rules(asynchronous=True, depth=2, hidden=1.0)
    (request,) = run([Request(0, 0.0, 10, 3)], rules).requests
    first = 0.5 + 1.0
    second = first + 0.25  # launched at 0 like the first
    third = first + HOST_S + 0.25  # launched when the first was processed
    assert request.tokens_s == [first, second, third]


def test_stages_overlap_two_batches():
    rules = Rules(stages=2, depth=2, max_num_batched_tokens=10)
    result = run([Request(i, 0.0, 10, 1) for i in range(2)], rules)
    assert [r.finish_s for r in result.requests] == [1.5, 2.25]  # each stage takes 0.75
    assert result.replicas[0].busy_s == 2.25


def test_one_request_gains_nothing_from_stages():
    (request,) = run([Request(0, 0.0, 10, 3)], Rules(stages=2, depth=2)).requests
    assert request.tokens_s == [PROMPT_S, PROMPT_S + DECODE_S, PROMPT_S + 2 * DECODE_S]


def test_round_robin_is_in_turn_and_replicas_do_not_disturb_each_other():
    result = run([Request(i, 0.0, 10, 2) for i in range(4)], Rules(), Rules())
    assert [r.replicas for r in result.requests] == [[0], [1], [0], [1]]
    assert {r.finish_s for r in result.requests} == {PROMPT_S + DECODE_S}
    assert result.replicas[0] == result.replicas[1]


def test_least_loaded_and_prefix_affinity():
    requests = [Request(i, 0.0, 10, 2, route=route) for i, route in enumerate((5, 1, -1, 2))]
    result = run(requests, Rules(), Rules(), router="prefix affinity")
    assert [r.replicas[0] for r in result.requests] == [1, 1, 0, 0]
    result = run([*requests, Request(4, 9.0, 10, 2)], Rules(), Rules(), router="least loaded")
    assert [r.replicas[0] for r in result.requests] == [0, 1, 0, 1, 0]


def test_a_closed_loop_keeps_as_many_requests_as_it_began_with():
    requests = [Request(i, 0.0 if i < 3 else math.inf, 10 + i, 2 + i % 5) for i in range(12)]
    done = run(requests, Rules()).requests
    finishes = sorted(r.finish_s for r in done)[:9]
    assert [r.arrival_s for r in done[3:]] == finishes
    for time in finishes:
        inside = [r for r in done if r.arrival_s <= time < r.finish_s]
        assert len(inside) == 3


def test_a_conversation_goes_on_after_thinking_and_leaves_the_pool_alone():
    turns = [
        Request(0, 0.0, 10, 1),
        Request(1, math.inf, 10, 1, think_s=4.0),
        Request(2, math.inf, 10, 1, think_s=1.0),
    ]
    done = run(turns, Rules()).requests
    assert done[1].arrival_s == done[0].finish_s + 4.0
    assert done[2].arrival_s == done[1].finish_s + 1.0  # nothing follows the second


def test_without_chunking_a_prompt_waits_for_a_step_that_has_room_for_it():
    rules = Rules(enable_chunked_prefill=False, max_num_batched_tokens=16)
    done = run([Request(0, 0.0, 10, 2), Request(1, 0.1, 16, 1)], rules).requests
    assert done[0].finish_s == PROMPT_S + DECODE_S
    assert done[1].first_scheduled_s == done[0].finish_s


def test_the_tokens_of_a_victim_return_to_the_budget():
    steps = Steps()
    rules = Rules(
        block_size=2, num_blocks=7, max_num_batched_tokens=3, priority=True,
        scheduler_reserve_full_isl=False,
    )  # fmt: skip
    requests = [
        Request(0, 0.0, 2, 8, priority=2),
        Request(1, 0.1, 2, 8, priority=0),
        Request(2, 0.2, 10, 1, priority=1),
    ]
    done = run(requests, rules, steps=steps).requests
    assert steps.asked[3] == (3, 5 + 4 + 2, 0, 0, 0)  # the last token is one of a prompt
    # The first, already in this batch, gives its block to the second and its token to the third.
    assert steps.asked[4] == (1, 5, 2, 2 * 2 + 3, 1)
    assert done[0].preemptions >= 1


def test_prefill_first_lets_the_running_requests_wait():
    steps = Steps()
    rules = Rules(policy="prefill first", max_num_batched_tokens=16)
    requests = [Request(0, 0.0, 20, 2), Request(1, 0.0, 6, 2), Request(2, 0.0, 10, 1)]
    done = run(requests, rules, steps=steps).requests
    assert [r.tokens_s[0] for r in done] == [PROMPT_S, 2 * PROMPT_S, 2 * PROMPT_S]
    assert [f[4] for f in steps.asked] == [1, 2, 0]  # the long prompt goes alone
    assert steps.asked[2] == (2, 21 + 7, 0, 0, 0)


def test_a_static_batch_is_padded_and_the_rest_is_flushed():
    steps = Steps()
    requests = [Request(0, 0.0, 4, 2), Request(1, 1.0, 6, 3), Request(2, 1.0, 5, 1)]
    result = run(requests, Rules(policy="static", max_num_seqs=2), steps=steps)
    assert steps.asked == [
        (0, 0, 12, 42, 2),
        (2, 14, 0, 0, 0),
        (2, 16, 0, 0, 0),
        (0, 0, 5, 15, 1),
    ]
    ends = [1.0 + PROMPT_S + DECODE_S, 1.0 + PROMPT_S + 2 * DECODE_S]
    assert [r.finish_s for r in result.requests] == [*ends, ends[1] + PROMPT_S]
    (totals,) = result.replicas
    assert (totals.prompt_tokens, totals.decode_tokens, totals.padding_tokens) == (17, 4, 2 + 1)
    assert totals.running_s == 2 * (ends[1] - 1.0) + PROMPT_S  # seats stay taken
    assert totals.waiting_s == ends[1] - 1.0


def test_a_static_batch_is_as_large_as_the_pool_allows():
    rules = Rules(policy="static", max_num_seqs=3, block_size=4, num_blocks=8)
    done = run([Request(i, 0.0, 4 + i, 4) for i in range(3)], rules).requests
    assert [r.first_scheduled_s for r in done] == [0.0, 0.0, done[1].finish_s]


def test_a_static_replica_does_not_start_before_its_requests_are_there():
    (request,) = run([Request(0, 7.0, 4, 1)], Rules(policy="static")).requests
    assert request.first_scheduled_s == 7.0


def test_a_dynamic_batch_waits_for_its_seats_or_its_window():
    rules = Rules(policy="dynamic", max_num_seqs=2, window_s=5.0)
    done = run([Request(0, 1.0, 4, 1), Request(1, 2.0, 4, 1), Request(2, 3.0, 4, 1)], rules)
    assert [r.first_scheduled_s for r in done.requests] == [2.0, 2.0, 3.0 + 5.0]


def test_a_disaggregated_request_decodes_elsewhere_after_the_transfer():
    steps = Steps()
    requests = [Request(0, 0.0, 10, 3), Request(1, 0.0, 10, 1), Request(2, math.inf, 10, 1)]
    rules = [Rules(role="prefill"), Rules(role="decode")]
    result = run(requests, *rules, steps=steps, transfer=(0.25, 0.125))
    first, second, third = result.requests
    assert [r.replicas for r in result.requests] == [[0, 1], [0], [0]]
    arrival = PROMPT_S + (0.25 + 10 * 0.125)
    assert first.tokens_s == [PROMPT_S, arrival + DECODE_S, arrival + 2 * DECODE_S]
    assert third.arrival_s == second.finish_s == PROMPT_S  # the first is not done yet
    assert steps.asked[-2:] == [(1, 11, 0, 0, 0), (1, 12, 0, 0, 0)]
    assert result.replicas[1].prompt_tokens == 0


def test_a_request_that_can_never_be_admitted_is_an_error():
    with pytest.raises(ValueError, match="request 0"):
        run([Request(0, 0.0, 40, 1)], Rules(block_size=4, num_blocks=8))
