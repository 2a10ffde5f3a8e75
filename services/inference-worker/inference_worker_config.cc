// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/inference_worker_config.h"

#include <chrono>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/config/checks.h"
#include "common/service/settings.h"

namespace chasqui::worker {
namespace {

using namespace std::chrono_literals;
using config::v1::EngineConfig;
using config::v1::InferenceWorkerConfig;

constexpr std::uint64_t kMiB = 1 << 20;

// The types that libllama can keep keys and values in.
const std::set<std::string_view>& KvTypes() {
  static const auto& types = *new std::set<std::string_view>{
      "f32", "f16", "bf16", "q8_0", "q4_0", "q4_1", "q5_0", "q5_1", "iq4_nl"};
  return types;
}

void CheckModels(const InferenceWorkerConfig& config, config::Checks& checks) {
  checks.Count("models", config.models_size(), 16);
  std::set<std::string> names;
  for (int i = 0; i < config.models_size(); ++i) {
    const auto& model = config.models(i);
    const auto path = absl::StrCat("models[", i, "]");
    checks.NotEmpty(path + ".path", model.path());
    checks.Count(path + ".aliases", model.aliases_size(), 16);
    if (model.name().empty()) continue;
    checks.Require(names.insert(model.name()).second, path + ".name", "is there twice");
  }
}

void CheckBatch(const EngineConfig& engine, config::Checks& checks) {
  checks.Range("engine.batch_tokens", engine.batch_tokens(), 32, 16'384);
  checks.Range("engine.micro_batch_tokens", engine.micro_batch_tokens(), 32, 16'384);
  checks.Require(engine.micro_batch_tokens() <= engine.batch_tokens(), "engine.micro_batch_tokens",
                 "must not exceed batch_tokens");
  checks.Range("engine.prompt_chunk_tokens", engine.prompt_chunk_tokens(), 1, 16'384);
  checks.Require(engine.prompt_chunk_tokens() <= engine.batch_tokens(),
                 "engine.prompt_chunk_tokens", "must not exceed batch_tokens");
  checks.Require(engine.slots() <= engine.batch_tokens(), "engine.slots",
                 "must not exceed batch_tokens");
}

void CheckEngine(const EngineConfig& engine, config::Checks& checks) {
  checks.Range("engine.slots", engine.slots(), 1, 256);
  checks.Range("engine.context_tokens", engine.context_tokens(), 0, 1 << 20);
  checks.Range("engine.kv_tokens", engine.kv_tokens(), 0, 1 << 24);
  CheckBatch(engine, checks);
  checks.Range("engine.threads", engine.threads(), 0, 512);
  checks.Range("engine.batch_threads", engine.batch_threads(), 0, 512);
  checks.Range("engine.gpu_layers", engine.gpu_layers(), -1, 10'000);
  checks.Require(KvTypes().contains(engine.kv_type_k()), "engine.kv_type_k",
                 "must be f32, f16, bf16, q8_0, q4_0, q4_1, q5_0, q5_1 or iq4_nl");
  checks.Require(KvTypes().contains(engine.kv_type_v()), "engine.kv_type_v",
                 "must be f32, f16, bf16, q8_0, q4_0, q4_1, q5_0, q5_1 or iq4_nl");
  checks.Range("engine.max_buffered_events", engine.max_buffered_events(), 1, 10'000);
  checks.Range("engine.max_pause", engine.max_pause(), 1s, 1h);
}

}  // namespace

InferenceWorkerConfig DefaultConfig() {
  InferenceWorkerConfig config;
  service::SetDefaults("127.0.0.1:50052", *config.mutable_server());
  config.set_memory_margin_bytes(256 * kMiB);
  auto& engine = *config.mutable_engine();
  engine.set_slots(8);
  engine.set_batch_tokens(2048);
  engine.set_micro_batch_tokens(512);
  engine.set_prompt_chunk_tokens(256);
  engine.set_gpu_layers(-1);
  engine.set_flash_attention(config::v1::TOGGLE_AUTO);
  engine.set_unified_kv(config::v1::TOGGLE_AUTO);
  engine.set_kv_type_k("f16");
  engine.set_kv_type_v("f16");
  engine.set_mmap(true);
  engine.set_warm_up(true);
  engine.set_max_buffered_events(256);
  *engine.mutable_max_pause() = service::ToProto(30s);
  return config;
}

std::vector<std::string> Validate(const InferenceWorkerConfig& config) {
  config::Checks checks;
  service::Check("server", config.server(), checks);
  if (!config.advertise_address().empty())
    checks.Address("advertise_address", config.advertise_address());
  checks.Count("routers", config.routers_size(), 64);
  for (int i = 0; i < config.routers_size(); ++i)
    checks.Address(absl::StrCat("routers[", i, "]"), config.routers(i));
  service::Check("router_tls", config.router_tls(), checks);
  CheckModels(config, checks);
  CheckEngine(config.engine(), checks);
  return std::move(checks).Take();
}

}  // namespace chasqui::worker
