# SPDX-License-Identifier: Apache-2.0
"""The cases: what load is put on which engines, in which setting, for which models."""

from dataclasses import dataclass

from engines import Load, burst

PROMPT_TOKENS = 128
GENERATED_TOKENS = 64
# Each user of a closed loop sends so many requests on average.
REQUESTS_PER_USER = 4
# Vocabulary of each preset.
MODELS = {"m15": 32000, "m125": 32000, "m500": 151936, "m1500": 151936, "m7500": 128256}
TYPES = ["q8_0", "q4_k_m"]
UNITS = {
    "decode_tokens_per_second": "1/s",
    "total_tokens_per_second": "1/s",
    "generated_tokens_per_second": "1/s",
    "ttft_mean_ms": "ms",
    "ttft_p99_ms": "ms",
    "inter_token_p99_ms": "ms",
    "cpu_us_per_token": "us",
    "ttft_cold_ms": "ms",
    "ttft_warm_ms": "ms",
    "ttft_warm_other_slot_ms": "ms",
    "worst_gap_ms": "ms",
    "long_prompt_ttft_ms": "ms",
}


@dataclass
class Case:
    """`load(vocabulary, seed)` makes the load of a round, which is the same for all engines."""
    name: str
    load: object


@dataclass
class Group:
    """Cases that one set of running engines takes, in turns."""
    kind: str
    cases: list
    engines: list
    slots: int
    context: int
    cache_prompt: bool = False
    part: float = 1  # of its kind's time


@dataclass
class Kind:
    """`seconds`: for each preset that it is measured on by default, what a round of it takes with
    one type of weights on two cores: its part of the time. `groups(args)` makes its groups."""
    seconds: dict
    types: list
    groups: object


def burst_groups(args):
    def load(concurrent):
        return lambda vocabulary, seed: burst(concurrent, PROMPT_TOKENS, GENERATED_TOKENS,
                                              vocabulary, seed)
    return [Group("burst", [Case(f"c{n}", load(n)) for n in args.concurrent],
                  ["upper_bound", "chasqui", "chasqui_flash", "llama_server"],
                  slots=max(args.concurrent), context=512)]


def closed_groups(args):
    def load(users):
        return lambda vocabulary, seed: Load("closed", {
            "users": users, "requests": users * REQUESTS_PER_USER,
            "vocabulary": vocabulary, "seed": seed})
    groups = []
    for slots in sorted({slots for _, slots in args.loops}):
        users = [users for users, its_slots in args.loops if its_slots == slots]
        groups.append(Group("closed", [Case(f"closed-{n}-{slots}", load(n)) for n in users],
                            ["chasqui", "chasqui_flash", "llama_server",
                             "llama_server_unified"], slots=slots,
                            context=512, part=sum(users) / sum(users for users, _ in args.loops)))
    return groups


def prefix_groups(_):
    def load(vocabulary, seed):
        return Load("prefix", {"prefix-tokens": 1024, "vocabulary": vocabulary, "seed": seed})
    return [Group("prefix", [Case("prefix-1k", load)], ["chasqui", "chasqui_flash", "llama_server"],
                  slots=4, context=1280, cache_prompt=True)]


def gap_groups(_):
    def load(vocabulary, seed):
        return Load("gap", {"running": 7, "prompt-tokens": 2048, "vocabulary": vocabulary,
                            "seed": seed})
    return [Group("gap", [Case("gap-2k", load)],
                  ["chasqui", "chasqui_flash", "llama_server", "llama_server_b256"],
                  slots=8, context=2304)]


KINDS = {
    "closed": Kind({"m125": 130}, ["q8_0"], closed_groups),
    "prefix": Kind({"m125": 12, "m500": 30}, ["q8_0"], prefix_groups),
    "gap": Kind({"m125": 25, "m500": 60}, ["q8_0"], gap_groups),
    "burst": Kind({"m15": 13, "m125": 40, "m500": 130}, TYPES, burst_groups),
}
