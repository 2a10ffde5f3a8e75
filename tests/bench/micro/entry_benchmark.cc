// SPDX-License-Identifier: Apache-2.0
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

#include "services/router/auth/access_rules.h"
#include "services/router/auth/api_key.h"
#include "services/router/auth/identify.h"
#include "services/router/auth/key_table.h"
#include "services/router/limits/local_limits.h"

namespace chasqui::router {
namespace {

using namespace std::chrono_literals;

// The keys of a file that holds 1000 of them.
class TableSource final : public KeySource {
 public:
  TableSource() {
    config::v1::KeyFile file;
    for (int i = 0; i < 1000; ++i) {
      key_ = MakeApiKey();
      auto& entry = *file.add_keys();
      entry.set_id(key_.id);
      entry.set_hashed_api_key(FormatKeyHash(HashApiKey(key_.key)));
      entry.set_tenant("team-a");
    }
    config::Problems problems;
    table_ = std::make_shared<const KeyTable>(file, config::v1::Limits(), problems);
  }
  std::shared_ptr<const Grant> FindKey(std::string_view key) const override {
    const KeyTable::Key* found = table_->FindKey(*ApiKeyId(key));
    return SameHash(found->hash, HashApiKey(key)) ? found->grant : nullptr;
  }
  std::shared_ptr<const Grant> FindCertificate(std::string_view) const override { return nullptr; }

  const std::string& key() const { return key_.key; }

 private:
  NewApiKey key_;
  std::shared_ptr<const KeyTable> table_;
};

// Who calls, and whether it may.
void Identify(benchmark::State& state) {
  const TableSource keys;
  const std::string authorization = "Bearer " + keys.key();
  const time::SystemTime now = time::RealClock().SystemNow();

  for (auto _ : state) {
    const auto grant = router::Identify({.authorization = authorization, .certificate = {}}, &keys,
                                        config::v1::Limits(), now);
    benchmark::DoNotOptimize(
        CheckMethod(**grant, Role::kClient, "/chasqui.inference.v1.InferenceService/Generate"));
  }
}
BENCHMARK(Identify);

// All that a request with so many rates and one limit of concurrent requests takes and gives back.
void ChargeAndSettle(benchmark::State& state) {
  std::vector<Quota> quotas;
  for (int i = 0; i <= state.range(0); ++i) {
    quotas.push_back({.name = "tokens_per_minute",
                      .subject = "tenant:team-a",
                      .method = {},
                      .counted = Counted::kTokens,
                      .limit = {.units = 100'000'000, .period = 1min},
                      .bucket = "{team-a}/tenant:team-a//tokens_per_minute" + std::to_string(i)});
  }
  LocalLimits limits(200'000, time::RealClock());
  const std::vector<const Quota*> places = {&quotas.back()};
  const std::vector<std::string> names = {quotas.back().bucket};
  std::vector<Draw> draws;
  for (int i = 0; i < state.range(0); ++i) {
    draws.push_back({.quota = &quotas[static_cast<std::size_t>(i)], .units = 300});
  }

  for (auto _ : state) {
    std::vector<Drawn> drawn;
    benchmark::DoNotOptimize(limits.Take(places, draws, drawn));
    limits.Settle(drawn, 0);
    limits.Leave(names);
  }
}
BENCHMARK(ChargeAndSettle)->Arg(0)->Arg(1)->Arg(2)->Arg(4)->Arg(8);

}  // namespace
}  // namespace chasqui::router
