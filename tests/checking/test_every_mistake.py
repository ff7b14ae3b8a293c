"""Every mistake of the catalogue, planted at every place of every network, is found and named; and pairs of them."""

from __future__ import annotations

import random

import numpy as np
import pytest

from tests.checking.architectures import NETWORKS
from tests.checking.planting import Planted, planted
from tests.quick import one_in
from tinygrad_lite.checking.claims import Claim
from tinygrad_lite.checking.marking import mark
from tinygrad_lite.checking.mistakes import CATALOGUE, places
from tinygrad_lite.checking.passes import Crash, run_backward
from tinygrad_lite.checking.recognise import Words

QUICK = "ties"  # one mistake in five there, and one place of every second one in the exercise's network
USUAL = ("relu, squared loss, penalty", "sigmoid, mean squared error", "tanh, softmax, cross-entropy", "residual")
PAIRS = 10
# True synonyms: mistakes that give the same numbers as another in some of these networks, where the report has that
# other one first and this one among its alternatives. Everywhere else each has to be named itself.
SYNONYMS: dict[str, set[str]] = {
    # a constant is a constant, wherever it was lost; of those that are the same number the simplest comes first
    "double_count": {"factor2"},
    "stale_grad": {"factor2", "double_count"},
    "one_layer_meaned_again": {"double_1_over_N"},
    "one_layer_not_meaned": {"no_1_over_N"},
    "W_meaned": {"double_1_over_N", "one_layer_meaned_again"},
    "W_not_meaned": {"no_1_over_N", "one_layer_not_meaned"},
    "mean_over_K": {"double_1_over_N"},  # as many classes as examples
    "no_1_over_K": {"no_1_over_N"},
    "mean_pool_not_divided": {"scale_forgotten"},
    "scale_forgotten": {"double_count", "no_act_prime"},  # times 0.5; the slope of a leaky relu written as a product
    "scaled_from_here": {"lr_folded", "one_parameter_scaled"},  # from the first layer on, or one parameter is left
    # a relu is never negative
    "mask_from_activation": {"no_act_prime"},
    # one bias and no other parameter before the activation
    "mask_skipped_W": {"no_act_prime"},
    # the errors of softmax with cross-entropy add up to 0
    "bias_zero": {"bias_all_summed"},
    "detached": {"W_dropped", "overwrite_fork"},
    # the fork of z in log(sum(exp(z))) - z[y] is the one between the softmax and the one-hot
    "overwrite_fork": {"no_onehot", "input_vs_output_slot", "softmax_sum_missing"},
    "path_subtracted": {"softmax_sum_sign"},  # of which the softmax inside a network is made
    # every weight of a recurrent network is a fork
    "last_time_step_only": {"overwrite_fork", "input_vs_output_slot"},
    # and where only the gradients are shown, an early step's fork is all that its error came by
    "path_counted_twice": {"double_count"},
    "paths_multiplied": {"overwrite_fork"},
    # a border of one in an image of two: nothing is left
    "conv_pad_crop": {"detached"},
}

# What the catalogue has to know, phrase by phrase.
PHRASES: dict[str, set[str]] = {
    "activation derivative missing": {"no_act_prime", "out_act_prime_dropped"},
    "mask from the gradient": {"mask_on_gradient"},
    "mask from the wrong layer": {"mask_from_wrong_layer", "prime_from_wrong_layer"},
    "mask inverted": {"mask_inverted"},
    "mask missing in W only, in b only, or on the way back": {"mask_skipped_W", "mask_skipped_b", "mask_skipped_back"},
    "sigmoid' taken at a": {"sigma_prime_at_a"},
    "tanh' without the square": {"tanh_1_minus_h"},
    "z-formula fed with z": {"z_formula"},
    "sign": {"sign"},
    "factor 2 or 1/2": {"factor2", "half"},
    "1/N missing, doubled, from one layer on": {"no_1_over_N", "double_1_over_N", "one_layer_meaned_again"},
    "averaged over classes": {"mean_over_K"},
    "one-hot forgotten": {"no_onehot"},
    "softmax over the wrong axis, diagonal only": {"softmax_axis", "softmax_diag_only"},
    "extra softmax'": {"extra_softmax_prime"},
    "transposes: dW, backward through W": {"W_transposed", "no_transpose_backward"},
    "elementwise for matrix product and back": {"elementwise_for_dot", "dot_for_elementwise"},
    "dW for W": {"dW_for_W"},
    "W already updated": {"updated_W"},
    "pre-activation for activation in dW": {"preact_in_dW"},
    "bias not summed, averaged, summed over all axes": {"bias_not_summed", "bias_meaned", "bias_all_summed"},
    "bias: last example only, unmasked, zero": {"bias_last_or_first", "mask_skipped_b", "bias_zero"},
    "keepdims lost": {"keepdims_lost"},
    "(N,) against (N,1)": {"N_vs_N1"},
    "overwritten at a fork, counted twice": {"overwrite_fork", "double_count"},
    "stale gradients, exchanged gradients": {"stale_grad", "gradients_swapped"},
    "another step's state or input": {"prime_of_step_before", "step_shifted"},
    "mask from the target, or from one output": {"mask_from_target", "mask_from_one_output"},
    "in-place edit of a shared array": {"in_place"},
    "regulariser missing, halved": {"regulariser_missing", "regulariser_half"},
    "regulariser on the bias, wrong sign": {"regulariser_on_bias", "regulariser_sign"},
    "lr folded in": {"lr_folded"},
    "duplicate index overwritten": {"duplicate_index"},
    "kernel not flipped, channels swapped": {"conv_kernel_not_flipped", "conv_dW_reversed", "conv_channels_swapped"},
    "padding cropped wrongly": {"conv_pad_crop"},
    "pooling ties": {"pool_ties"},
    "batch-norm variance or mean path dropped": {"bn_no_var_path", "bn_no_mean_path"},
    "Bessel": {"bn_bessel", "bn_bessel_forward"},
    "dropout mask or scale missing": {"dropout_no_mask", "dropout_no_scale"},
    "integer dtype": {"int_dtype", "vectorize_dtype"},
    "np.max for np.maximum": {"np_max_for_maximum"},
}


def cases() -> list[object]:
    found: list[object] = []
    for network in NETWORKS:
        ids = dict.fromkeys(key[0] for key in planted(network).candidates.keys)
        for k, id in enumerate(ids):
            for dtype in ("float64", "float32"):
                marks = [] if network == QUICK and dtype == "float64" and k % 5 == 0 else [pytest.mark.thorough]
                found.append(pytest.param(network, id, dtype, marks=marks, id=f"{network}-{id}-{dtype}"))
    return found


@pytest.mark.parametrize(("network", "id", "dtype"), cases())
def test_a_planted_mistake_is_found_and_named(network: str, id: str, dtype: str) -> None:
    plant = planted(network, dtype)
    keys = [key for key in plant.candidates.keys if key[0] == id]
    if dtype == "float32" or network not in USUAL:  # all places in the usual networks; elsewhere the first and the last
        keys = list(dict.fromkeys([keys[0], keys[-1]]))
    for key in keys:
        for intermediates in (False, True):
            try:
                work = plant.handed_in((key,), intermediates)
            except Crash:
                continue  # shapes: the student is told by NumPy
            wrong = plant.first_wrong(work)
            report = plant.marked(work)
            if not plant.first_wrong(work, gradients=True):  # no gradient is wrong: that is no mistake
                assert report, f"{key}: accused of nothing"
                assert not wrong or any(row.status == "convention" and row.label == wrong for row in report.rows)
                continue
            assert not report
            assert report._first is not None
            assert report._first.label == wrong
            assert len(report.mistakes) == 1, f"{key}: {[m.id for m in report.mistakes]}"
            named = report.mistakes[0]
            if named.id != id:
                assert named.id in SYNONYMS.get(id, ()), f"{key}: {named.id}"
                assert id in {other for other, _ in named.alternatives}, f"{key}: {named.id} hides it"


def test_a_mistake_in_the_exercises_network_is_named() -> None:
    plant = planted("relu, squared loss, penalty")
    for key in list({key[0]: key for key in plant.candidates.keys}.values())[::2]:  # all of them: the thorough test
        try:
            work = plant.handed_in((key,), False)
        except Crash:
            continue
        if plant.first_wrong(work):
            report = plant.marked(work)
            assert key[0] in {id for m in report.mistakes for id in (m.id, *(other for other, _ in m.alternatives))}


def test_no_synonym_is_declared_for_nothing() -> None:
    assert set(SYNONYMS) | {other for others in SYNONYMS.values() for other in others} <= set(CATALOGUE)


@pytest.mark.parametrize("phrase", PHRASES)
def test_the_catalogue_knows_what_it_has_to(phrase: str) -> None:
    assert PHRASES[phrase] <= set(CATALOGUE)


def test_a_derivative_at_a_kink_is_a_convention() -> None:
    s = planted("ties").structures[0]
    for _, place in places(s, ["relu_ge_zero"]):
        passed = run_backward(s.forward, s.loss, s.seed, place.changes)
        report = mark([[Claim(s, {q: passed.computed[q] for q in s.parameters})]], [Words(s)])
        assert report
        assert [row.note for row in report.rows if row.status == "convention"] == ["relu'(0) = 1"]


def test_every_mistake_shows_in_one_of_the_networks() -> None:
    shown = set()
    for network in NETWORKS:
        plant = planted(network)
        for key in plant.candidates.keys:
            if key[0] not in shown:
                try:
                    work = plant.handed_in((key,), False)
                except Crash:
                    continue
                if plant.first_wrong(work):
                    shown.add(key[0])
    assert set(CATALOGUE) - shown == {"relu_ge_zero"}  # a convention, which has a test of its own


def test_the_catalogue_is_as_large_as_promised() -> None:
    assert len(CATALOGUE) >= 100
    assert all(row.text.endswith((".", ")")) and row.owner and row.kind for row in CATALOGUE.values())


def both_named(plant: Planted, pairs: int, intermediates: bool, seed: int) -> float:
    """Plant random pairs of mistakes that both show; the share of which both are named. The first wrong line is
    found in all of them."""
    rng = random.Random(seed)
    keys = [key for key in plant.candidates.keys
            if not CATALOGUE[key[0]].free and all(key in table for table in plant.candidates.tables)]  # fmt: skip
    both = tried = 0
    while tried < pairs:
        pair = tuple(rng.sample(keys, 2))
        try:
            work = plant.handed_in(pair, intermediates)
            without = [plant.handed_in(keys, intermediates) for keys in ((), pair[:1], pair[1:])]
        except Crash:
            continue
        if any(plant.alike(work, other) for other in without):
            continue  # one hides the other, or both cancel
        tried += 1
        report = plant.marked(work)
        assert report._first is not None
        assert report._first.label == plant.first_wrong(work), pair
        named = {m.id for m in report.mistakes} | {id for m in report.mistakes for id, _ in m.alternatives}
        both += {pair[0][0], pair[1][0]} <= named
    return both / tried


@pytest.mark.parametrize("intermediates", [False, True])
def test_pairs_of_mistakes(intermediates: bool) -> None:
    # Of ten one more may go unnamed by chance; the thorough test holds fifty to 0.8.
    assert both_named(planted("relu, squared loss, penalty"), PAIRS, intermediates, seed=1) >= 0.7


@pytest.mark.thorough
@pytest.mark.parametrize("network", [name for name in NETWORKS if name != "ties"])
@pytest.mark.parametrize("intermediates", [False, True])
def test_many_pairs_of_mistakes(network: str, intermediates: bool) -> None:
    pairs = 5 * PAIRS if network in (*USUAL, "recurrent") else 2 * PAIRS
    assert both_named(planted(network), pairs, intermediates, seed=2) >= 0.8


@pytest.mark.parametrize(
    "network", one_in(3, ["relu, squared loss, penalty", "tanh, softmax, cross-entropy", "residual"])
)
def test_numbers_that_no_mistake_gives_get_no_name(network: str) -> None:
    plant = planted(network)
    rng = np.random.default_rng(0)
    for _ in range(2):
        work = plant.handed_in((), False)
        changed = rng.integers(0, len(work[0]))
        for given in work:
            q = list(given)[changed]
            given[q] = given[q] * rng.uniform(0.5, 1.5, given[q].shape)
        report = plant.marked(work)
        assert not report
        assert report.mistakes == []
        assert report._first is not None
        assert report._first.label == plant.first_wrong(work)
