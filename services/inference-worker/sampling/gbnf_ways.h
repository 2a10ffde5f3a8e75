// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

namespace chasqui::worker {

// In how many ways a text may begin that follows a rule of a grammar: so many states libllama holds
// before the first character. Repetitions of what may be empty multiply them: of (("x"?){9}){9}
// there are 81. Thread-compatible.
class GbnfWays {
 public:
  static constexpr std::uint64_t kMost = 5'000;
  static constexpr int kDeepest = 2'000;  // rules that begin with one another

  // A part of a sequence: characters, or another rule.
  struct Part {
    int rule = -1;             // -1: characters
    std::uint64_t copies = 1;  // one after the other
    bool optional = false;
  };
  using Sequence = std::vector<Part>;

  int AddRule();
  void Define(int rule, std::vector<Sequence> alternatives);

  enum class Verdict { kFew, kMany, kDeep };
  // Of the rules defined so far.
  Verdict Check();

 private:
  struct Rule {
    std::vector<Sequence> alternatives;
    bool nullable = false;
    std::uint64_t ways = 0;
    enum { kNew, kOpen, kDone } state = kNew;
  };

  void FindNullable();
  bool IsNullable(const Part& part) const;
  bool IsNullable(const Sequence& sequence) const;
  std::uint64_t Ways(int rule, int depth);
  std::uint64_t Ways(const Sequence& sequence, int depth);

  std::vector<Rule> rules_;
  bool too_deep_ = false;
};

}  // namespace chasqui::worker
