// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <map>
#include <random>
#include <set>

#include <gtest/gtest.h>

#include "services/inference-worker/format/output_format.h"
#include "services/inference-worker/text/text_assembler.h"
#include "tests/unit/services/inference-worker/engine/engine_fixture.h"

// Fifty answers, each taken up after every one of its tokens: what comes then is what would have
// come.
namespace chasqui::worker {
namespace {

struct ResumedCase {
  std::string name;
  std::uint32_t number = 0;  // among those of its kind
};

// What one candidate's reader saw.
struct Seen {
  std::string text;
  TokenIds ids;
  std::vector<TokenLogprob> logprobs;
};
struct Answers {
  std::map<std::uint32_t, Seen> candidates;
  std::optional<GenerationFinished> finished;
};

class EngineResumeTest : public EngineFixture {
 protected:
  EngineResumeTest() {
    MakeEngine({.slots = 16,
                .unified_kv = Choice::kOff,
                .flash_attention = LLAMA_FLASH_ATTN_TYPE_DISABLED,
                .warm_up = false});
  }

  static TokenIds PromptOf(std::uint32_t number) {
    static const char* const kQuestions[] = {
        "What is a cache?", "What is a worker?", "What is the capital of France?",
        "What is a llama?", "Who are you?",      "What is the capital of Peru?",
        "Tell me a story."};
    static const char* const kStarts[] = {"Once upon a time, a llama",
                                          "The messenger ran over the mountain",
                                          "In a small village",
                                          "The river was wide",
                                          "It was evening when",
                                          "Her brother said",
                                          "A router"};
    return number % 2 == 0 ? Chat(kQuestions[number / 2 % 7]) : Text(kStarts[number / 2 % 7]);
  }

  // With penalties, and log probabilities for every second one.
  static GenerationRequest GreedyAnswer(std::uint32_t number) {
    auto request = Greedy(PromptOf(number), 36);
    if (number % 2 == 1) request.logprobs = number % 3;
    if (number >= 8) request.sampling.penalties.repeat = 1.1F + 0.05F * static_cast<float>(number);
    if (number >= 10) request.sampling.dry.multiplier = 0.8F;
    return request;
  }

  // The seed draws, each with other steps of the chain.
  static GenerationRequest SeededAnswer(std::uint32_t number) {
    auto request = Greedy(PromptOf(2 * number + 1), 30);
    auto& sampling = request.sampling;
    sampling.temperature = 0.7F + 0.1F * static_cast<float>(number);
    sampling.seed = 1000 + number;
    if (number % 3 == 0) sampling.xtc_probability = 0.4F;
    if (number % 4 == 1) sampling.penalties.presence = 0.6F;
    if (number % 4 == 2) sampling.typical_p = 0.9F;
    if (number % 4 == 3) sampling.dynamic_temperature_range = 0.5F;
    if (number % 5 == 0) request.logprobs = 4;
    if (number % 5 == 1) request.min_tokens = 20;
    if (number % 5 == 2) request.ignore_eos = true;
    return request;
  }

  static GenerationRequest InFormat(std::uint32_t number) {
    auto request = SeededAnswer(number);
    request.ignore_eos = false;
    request.min_tokens = 0;
    request.max_tokens = 48;
    inference::v1::OutputFormat format;
    switch (number % 4) {
      case 0:
        format.set_json_schema(R"({"properties":{"name":{"type":"string","maxLength":12},"n":
            {"type":"integer","minimum":-20,"maximum":3000},"l":{"type":"array","items":
            {"enum":["x","y",null]},"maxItems":3}},"required":["name","n"]})");
        break;
      case 1:
        format.set_json_object(true);
        break;
      case 2:
        format.set_regex("([a-z]{3,6} ){3,8}end[.!?]");
        break;
      default:
        format.set_grammar("root ::= line{2,4}\nline ::= \"- \" [a-z ]{2,12} \"\\n\"");
    }
    request.grammar = *OutputGrammar(format);
    return request;
  }

  // Of characters that no token of the model's vocabulary holds as a whole.
  static GenerationRequest OfManyBytes(std::uint32_t number) {
    auto request = SeededAnswer(number);
    request.ignore_eos = false;
    request.min_tokens = 0;
    inference::v1::OutputFormat format;
    format.set_regex("([\\u00e9\\u6f22-\\u6f2f\\u{1F999}-\\u{1F9A3}] ?){9,11}");
    request.grammar = *OutputGrammar(format);
    if (number % 2 == 0) request.logprobs = 2;
    return request;
  }

  // Stop strings of which the answer has a part, and the whole.
  static GenerationRequest WithStops(std::uint32_t number) {
    auto request = Greedy(Chat("What is a router?"), 36);
    static const std::vector<std::string> kStops[] = {
        {"each request!", "which worker should handle"},
        {"program that decides nothing", "that decides which worker"},
        {"A router is a programme", "request. And"},
        {"handle each", "router is a pro-"},
        {"worker should handle each request."}};
    request.stop_strings = kStops[number % 5];
    request.include_stop = number % 2 == 1;
    request.logprobs = 1;
    return request;
  }

  static GenerationRequest OfSeveral(std::uint32_t number) {
    auto request = SeededAnswer(number);
    request.candidates = 2 + number % 2;
    request.max_tokens = 20;
    request.logprobs = 1;
    if (number == 2) request.stop_strings = {"the mountain of", " a"};
    return request;
  }

  static GenerationRequest RequestOf(const ResumedCase& c) {
    if (c.name == "Greedy") return GreedyAnswer(c.number);
    if (c.name == "Seeded") return SeededAnswer(c.number);
    if (c.name == "InFormat") return InFormat(c.number);
    if (c.name == "OfManyBytes") return OfManyBytes(c.number);
    if (c.name == "WithStops") return WithStops(c.number);
    return OfSeveral(c.number);
  }

  Answers ReadAll(Generation& generation) {
    Answers answers;
    while (!answers.finished) {
      auto event = Next(generation);
      if (auto* finished = std::get_if<GenerationFinished>(&event)) answers.finished = *finished;
      if (auto* piece = std::get_if<TextPiece>(&event)) {
        Seen& seen = answers.candidates[piece->candidate];
        seen.text += piece->text;
        seen.ids.insert(seen.ids.end(), piece->token_ids.begin(), piece->token_ids.end());
        seen.logprobs.insert(seen.logprobs.end(), piece->logprobs.begin(), piece->logprobs.end());
      }
      if (std::holds_alternative<absl::Status>(event)) {
        ADD_FAILURE() << std::get<absl::Status>(event);
        break;
      }
    }
    return answers;
  }

  // What was sent of `ids` when the last of them was generated, and how many of them it tells of.
  static std::pair<std::string, std::size_t> SentAfter(const GenerationRequest& request,
                                                       const TokenIds& ids) {
    const Vocabulary& vocabulary = TinyModel()->vocabulary();
    TextAssembler assembler(request.stop_strings, request.include_stop);
    std::string text;
    std::size_t told = 0;
    for (const TokenId id : ids) {
      assembler.Append(id, vocabulary.EndsGeneration(id) ? "" : vocabulary.Piece(id, false));
      if (const auto piece = assembler.Take()) {
        text += piece->text;
        told += piece->token_ids.size();
      }
    }
    return {text, told};
  }

  static void ExpectRest(const GenerationRequest& request, const Seen& whole, std::size_t taken,
                         const Seen& rest) {
    if (taken == whole.ids.size()) {  // it was over, and there is nothing new
      EXPECT_EQ(rest.text, "");
      EXPECT_TRUE(rest.ids.empty());
      return;
    }
    const auto [sent, told] = SentAfter(
        request, TokenIds(whole.ids.begin(), whole.ids.begin() + static_cast<long>(taken)));
    EXPECT_EQ(sent + rest.text, whole.text) << "after " << taken << " tokens";
    EXPECT_EQ(rest.ids, TokenIds(whole.ids.begin() + static_cast<long>(told), whole.ids.end()))
        << "after " << taken << " tokens";
    if (!request.logprobs) return;
    EXPECT_EQ(rest.logprobs,
              std::vector<TokenLogprob>(whole.logprobs.begin() + static_cast<long>(taken),
                                        whole.logprobs.end()))
        << "after " << taken << " tokens";
  }
};

class EngineResumesAnswers : public EngineResumeTest,
                             public testing::WithParamInterface<ResumedCase> {};

TEST_P(EngineResumesAnswers, AfterEveryToken) {
  const auto request = RequestOf(GetParam());
  const auto first = Submit(request);
  const Answers whole = ReadAll(*first);
  ASSERT_EQ(whole.candidates.size(), request.candidates);
  std::size_t longest = 0;
  for (const auto& [_, seen] : whole.candidates) longest = std::max(longest, seen.ids.size());
  std::mt19937 random(GetParam().number);
  // How many tokens of each candidate are there, at each position of the longest.
  std::vector<std::vector<std::size_t>> taken;
  std::vector<std::shared_ptr<Generation>> running;
  const auto read = [&] {
    const std::size_t base = taken.size() - running.size();
    for (std::size_t i = 0; i < running.size(); ++i) {
      const Answers rest = ReadAll(*running[i]);
      ASSERT_TRUE(rest.finished.has_value());
      EXPECT_EQ(rest.finished->completion_tokens, whole.finished->completion_tokens);
      for (std::uint32_t c = 0; c < request.candidates; ++c) {
        const auto found = rest.candidates.find(c);
        const Seen none;
        ExpectRest(request, whole.candidates.at(c), taken[base + i][c],
                   found == rest.candidates.end() ? none : found->second);
        EXPECT_EQ(rest.finished->candidates[c].reason, whole.finished->candidates[c].reason);
        EXPECT_EQ(rest.finished->candidates[c].stop_string,
                  whole.finished->candidates[c].stop_string);
      }
    }
    running.clear();
  };
  for (std::size_t position = 0; position <= longest; ++position) {
    auto resumed = request;
    resumed.resume.clear();
    taken.emplace_back();
    for (std::uint32_t c = 0; c < request.candidates; ++c) {
      const TokenIds& ids = whole.candidates.at(c).ids;
      const std::size_t count =
          c == 0 ? std::min(position, ids.size()) : random() % (ids.size() + 1);
      taken.back().push_back(count);
      resumed.resume.emplace_back(ids.begin(), ids.begin() + static_cast<long>(count));
    }
    running.push_back(Submit(std::move(resumed)));
    ASSERT_NE(running.back(), nullptr);
    if ((running.size() + 1) * request.candidates > 16) read();
  }
  read();
}

std::vector<ResumedCase> FiftyAnswers() {
  std::vector<ResumedCase> cases;
  const std::pair<const char*, std::uint32_t> kinds[] = {{"Greedy", 12},   {"Seeded", 13},
                                                         {"InFormat", 10}, {"OfManyBytes", 6},
                                                         {"WithStops", 5}, {"OfSeveral", 4}};
  for (const auto& [name, count] : kinds) {
    for (std::uint32_t i = 0; i < count; ++i) cases.push_back({name, i});
  }
  return cases;
}

INSTANTIATE_TEST_SUITE_P(Fifty, EngineResumesAnswers, testing::ValuesIn(FiftyAnswers()),
                         [](const auto& test) {
                           return test.param.name + std::to_string(test.param.number);
                         });

// The table would be worth little if many of its answers were the same.
TEST_F(EngineResumeTest, TheFiftyAnswersDiffer) {
  const auto cases = FiftyAnswers();
  ASSERT_EQ(cases.size(), 50);
  std::set<std::string> texts;
  std::size_t held_back = 0;
  for (const auto& c : cases) {
    const auto request = RequestOf(c);
    const auto generation = Submit(request);
    const Answers answers = ReadAll(*generation);
    if (!texts.insert(answers.candidates.at(0).text).second)
      ADD_FAILURE() << c.name << c.number << ": " << answers.candidates.at(0).text;
    const auto& ids = answers.candidates.at(0).ids;
    for (std::size_t i = 1; i < ids.size(); ++i) {
      if (SentAfter(request, TokenIds(ids.begin(), ids.begin() + static_cast<long>(i))).second < i)
        ++held_back;
    }
  }

  EXPECT_EQ(texts.size(), 50);
  EXPECT_GE(held_back, 100) << "within characters and possible stop strings";
}

}  // namespace
}  // namespace chasqui::worker
