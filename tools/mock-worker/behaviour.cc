// SPDX-License-Identifier: Apache-2.0
#include "tools/mock-worker/behaviour.h"

#include <array>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

namespace chasqui::mock_worker {
namespace {

constexpr std::string_view kDirective = "mock:";
constexpr uint64_t kMostMessageBytes = 1 << 20;

bool SetNumber(std::string_view text, uint64_t& number) { return absl::SimpleAtoi(text, &number); }

bool SetCount(std::string_view text, std::optional<uint64_t>& count) {
  return SetNumber(text, count.emplace());
}

bool SetMilliseconds(std::string_view text, std::chrono::microseconds& time) {
  double ms = 0;
  if (!absl::SimpleAtod(text, &ms) || !(ms >= 0 && ms <= 86'400'000)) return false;
  time = std::chrono::microseconds(static_cast<int64_t>(ms * 1000));
  return true;
}

bool SetCode(std::string_view text, absl::StatusCode& code) {
  int number = 0;
  if (!absl::SimpleAtoi(text, &number) || number < 1 || number > 16) return false;
  code = static_cast<absl::StatusCode>(number);
  return true;
}

// A key and how its value is taken; false when the value is wrong.
struct Key {
  std::string_view name;
  bool (*set)(std::string_view value, Behaviour& behaviour);
};

using Text = std::string_view;

constexpr std::array kKeys = {
    Key{"tokens", [](Text v, Behaviour& b) { return SetNumber(v, b.tokens); }},
    Key{"ttft_ms", [](Text v, Behaviour& b) { return SetMilliseconds(v, b.time_to_first_token); }},
    Key{"interval_ms", [](Text v, Behaviour& b) { return SetMilliseconds(v, b.interval); }},
    Key{"message_bytes",
        [](Text v, Behaviour& b) {
          return SetNumber(v, b.message_bytes) && b.message_bytes <= kMostMessageBytes;
        }},
    Key{"stamp", [](Text v, Behaviour& b) { return absl::SimpleAtob(v, &b.stamp); }},
    Key{"on",
        [](Text v, Behaviour& b) {
          b.on = v;
          return !v.empty();
        }},
    Key{"refuse", [](Text v, Behaviour& b) { return SetCode(v, b.refuse.emplace()); }},
    Key{"full", [](Text v, Behaviour& b) { return absl::SimpleAtob(v, &b.full); }},
    Key{"fail_after", [](Text v, Behaviour& b) { return SetCount(v, b.fail_after); }},
    Key{"code", [](Text v, Behaviour& b) { return SetCode(v, b.fail_code); }},
    Key{"hang_after", [](Text v, Behaviour& b) { return SetCount(v, b.hang_after); }},
    Key{"cut_after", [](Text v, Behaviour& b) { return SetCount(v, b.cut_after); }},
    Key{"exit_after", [](Text v, Behaviour& b) { return SetCount(v, b.exit_after); }},
    Key{"stall_after", [](Text v, Behaviour& b) { return SetCount(v, b.stall_after); }},
    Key{"stall_ms", [](Text v, Behaviour& b) { return SetMilliseconds(v, b.stall); }},
};

// What is wrong with the word, or nothing.
std::optional<std::string> Apply(std::string_view word, Behaviour& behaviour) {
  const std::pair<std::string_view, std::string_view> parts =
      absl::StrSplit(word, absl::MaxSplits('=', 1));
  for (const Key& key : kKeys) {
    if (key.name != parts.first) continue;
    if (key.set(parts.second, behaviour)) return std::nullopt;
    return absl::StrCat("\"", word, "\" has a wrong value");
  }
  return absl::StrCat("\"", parts.first, "\" is unknown");
}

}  // namespace

absl::StatusOr<Behaviour> ParseBehaviour(std::string_view words, const Behaviour& defaults) {
  Behaviour behaviour = defaults;
  std::vector<std::string> problems;
  for (std::string_view word : absl::StrSplit(words, absl::ByAnyChar(" \t\r"), absl::SkipEmpty())) {
    if (auto problem = Apply(word, behaviour)) problems.push_back(*std::move(problem));
  }
  if (problems.empty()) return behaviour;
  return absl::InvalidArgumentError(absl::StrCat(
      "behaviour: ", absl::StrJoin(problems, "; "), "; known are ",
      absl::StrJoin(kKeys, ", ",
                    [](std::string* out, const Key& key) { absl::StrAppend(out, key.name); })));
}

absl::StatusOr<Behaviour> BehaviourOf(std::string_view prompt, const Behaviour& defaults) {
  const size_t begin = prompt.find(kDirective);
  if (begin == std::string_view::npos) return defaults;
  const std::string_view rest = prompt.substr(begin + kDirective.size());
  return ParseBehaviour(rest.substr(0, rest.find('\n')), defaults);
}

Behaviour WithoutFaults(const Behaviour& behaviour) {
  return {.tokens = behaviour.tokens,
          .time_to_first_token = behaviour.time_to_first_token,
          .interval = behaviour.interval,
          .message_bytes = behaviour.message_bytes,
          .stamp = behaviour.stamp};
}

}  // namespace chasqui::mock_worker
