// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <gtest/gtest.h>

#include "absl/synchronization/mutex.h"
#include "services/inference-worker/engine/engine.h"
#include "services/inference-worker/model/prompt_tokens.h"
#include "tests/support/inference-worker/tiny_model.h"

namespace chasqui::worker {

// An answer as its reader saw it.
struct Answer {
  std::string text;
  TokenIds ids;
  int pieces = 0;
  std::optional<GenerationStarted> started;
  std::optional<GenerationFinished> finished;
  absl::Status error;
};

// An engine over the model that ships, and ways to ask it. Events are awaited, not slept for.
class EngineFixture : public ::testing::Test {
 protected:
  void MakeEngine(EngineOptions options, std::shared_ptr<const Model> model = TinyModel()) {
    if (options.kv_tokens == 0) options.kv_tokens = options.slots * 1024;
    // One unless a test asks for more, or for a place of its own.
    if (options.threads == 0 && options.placement.processors.empty()) options.threads = 1;
    engine_.reset();  // the other is not to be told what happens
    EngineHooks hooks;
    hooks.observer = observer_;
    hooks.turns = turns_;
    hooks.on_events = [this](const std::vector<std::uint64_t>& tags) {
      const absl::MutexLock lock(mutex_);
      ++calls_;
      told_.insert(tags.begin(), tags.end());
    };
    auto engine = Engine::Create(std::move(model), options, std::move(hooks));
    ASSERT_TRUE(engine.ok()) << engine.status();
    engine_ = *std::move(engine);
  }

  static TokenIds Chat(std::string_view question) {
    const std::vector<ChatTurn> turns(1, ChatTurn{"user", std::string(question)});
    return TokenizeChat(TinyModel()->vocabulary(),
                        *TinyModel()->chat_template().Render(turns, true));
  }

  static TokenIds Text(std::string_view text) {
    return TokenizePrompt(TinyModel()->vocabulary(), text);
  }

  static GenerationRequest Greedy(TokenIds prompt, std::uint32_t max_tokens = 64) {
    GenerationRequest request;
    request.prompt = std::move(prompt);
    request.sampling.temperature = 0;
    request.max_tokens = max_tokens;
    request.arrival = time::SteadyNow();
    return request;
  }

  // An answer that goes on for as long as the context lasts.
  static GenerationRequest Endless() {
    auto request = Greedy(Text("Once upon a time"), 900);
    request.ignore_eos = true;
    return request;
  }

  std::shared_ptr<Generation> Submit(GenerationRequest request) {
    auto generation = engine_->Submit(std::move(request), ++last_tag_);
    EXPECT_TRUE(generation.ok()) << generation.status();
    return generation.ok() ? *generation : nullptr;
  }

  // Takes events until the last one.
  Answer Read(Generation& generation) {
    Answer answer;
    while (!answer.finished && answer.error.ok()) Add(Next(generation), answer);
    return answer;
  }

  Answer Ask(GenerationRequest request) {
    const auto generation = Submit(std::move(request));
    return Read(*generation);
  }

  // The next event, awaited.
  GenerationEvent Next(Generation& generation) {
    while (true) {
      const int calls = Calls();
      if (auto event = generation.Take()) return *std::move(event);
      AwaitCalls(calls + 1);
    }
  }

  static void Add(GenerationEvent event, Answer& answer) {
    if (auto* started = std::get_if<GenerationStarted>(&event)) answer.started = *started;
    if (auto* finished = std::get_if<GenerationFinished>(&event)) answer.finished = *finished;
    if (auto* error = std::get_if<absl::Status>(&event)) answer.error = *error;
    if (auto* piece = std::get_if<TextPiece>(&event)) {
      answer.text += piece->text;
      answer.ids.insert(answer.ids.end(), piece->token_ids.begin(), piece->token_ids.end());
      ++answer.pieces;
    }
  }

  int Calls() {
    const absl::MutexLock lock(mutex_);
    return calls_;
  }

  void AwaitCalls(int calls) {
    const absl::MutexLock lock(mutex_);
    const auto reached = [&] { return calls_ >= calls; };
    ASSERT_TRUE(mutex_.AwaitWithTimeout(absl::Condition(&reached), absl::Seconds(30)));
  }

  // Until nothing is active.
  void AwaitIdle() {
    while (engine_->Load("").active > 0) AwaitCalls(Calls());
  }

  absl::Mutex mutex_;
  int calls_ ABSL_GUARDED_BY(mutex_) = 0;
  std::set<std::uint64_t> told_ ABSL_GUARDED_BY(mutex_);
  std::uint64_t last_tag_ = 0;
  std::shared_ptr<EngineObserver> observer_;  // of engines made from then on
  ComputeTurns* turns_ = nullptr;             // the same
  std::unique_ptr<Engine> engine_;            // last: calls the hooks
};

}  // namespace chasqui::worker
