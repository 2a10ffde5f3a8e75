// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/inference_worker_config.h"

#include <algorithm>
#include <chrono>
#include <limits>
#include <set>
#include <span>
#include <string_view>
#include <utility>

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include "absl/strings/str_cat.h"
#include "common/config/checks.h"
#include "common/inference/names.h"
#include "common/service/settings.h"
#include "services/inference-worker/processors/processor_list.h"

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

void CheckBatch(const std::string& path, const EngineConfig& engine, config::Checks& checks) {
  checks.Range(path + ".batch_tokens", engine.batch_tokens(), 32, 16'384);
  checks.Range(path + ".micro_batch_tokens", engine.micro_batch_tokens(), 32, 16'384);
  checks.Require(engine.micro_batch_tokens() <= engine.batch_tokens(), path + ".micro_batch_tokens",
                 "must not exceed batch_tokens");
  checks.Range(path + ".prompt_chunk_tokens", engine.prompt_chunk_tokens(), 1, 16'384);
  checks.Require(engine.prompt_chunk_tokens() <= engine.batch_tokens(),
                 path + ".prompt_chunk_tokens", "must not exceed batch_tokens");
  checks.Require(engine.slots() <= engine.batch_tokens(), path + ".slots",
                 "must not exceed batch_tokens");
}

// As far as it can be told without knowing the devices; CheckDevices does the rest.
void CheckSplit(const std::string& path, const EngineConfig& engine, config::Checks& checks) {
  checks.Count(path + ".tensor_split", engine.tensor_split_size(), 16);
  bool any = engine.tensor_split().empty();
  for (int i = 0; i < engine.tensor_split_size(); ++i) {
    const float part = engine.tensor_split(i);
    // Written so that a NaN fails.
    checks.Require(part >= 0 && part <= std::numeric_limits<float>::max(),
                   absl::StrCat(path, ".tensor_split[", i, "]"),
                   absl::StrCat("must be a number from 0 up, not ", part));
    any = any || part > 0;
  }
  checks.Require(any, path + ".tensor_split", "must have a part above 0");
  checks.Count(path + ".devices", engine.devices_size(), 16);
  std::set<std::string_view> names;
  for (int i = 0; i < engine.devices_size(); ++i) {
    const auto field = absl::StrCat(path, ".devices[", i, "]");
    checks.NotEmpty(field, engine.devices(i));
    checks.Require(names.insert(engine.devices(i)).second, field, "is there twice");
  }
  checks.Require(engine.devices().empty() || engine.tensor_split_size() <= engine.devices_size(),
                 path + ".tensor_split",
                 absl::StrCat("must have at most as many parts as devices, ", engine.devices_size(),
                              ", not ", engine.tensor_split_size()));
  checks.Range(path + ".main_gpu", engine.main_gpu(), 0, 15);
}

void CheckPlacement(const std::string& path, const EngineConfig& engine,
                    std::span<const int> processors, config::Checks& checks) {
  checks.Range(path + ".nice", engine.nice(), -20, 19);
  if (engine.cpu_affinity().empty()) return;
  const auto chosen = ChooseProcessors(engine.cpu_affinity(), processors);
  if (!chosen.ok()) {
    checks.Require(false, path + ".cpu_affinity", chosen.status().message());
    return;
  }
  const std::string most =
      absl::StrCat("must not exceed the processors of cpu_affinity, which are ", chosen->size());
  checks.Require(engine.threads() <= chosen->size(), path + ".threads", most);
  checks.Require(engine.batch_threads() <= chosen->size(), path + ".batch_threads", most);
}

void CheckEngine(const std::string& path, const EngineConfig& engine,
                 std::span<const int> processors, config::Checks& checks) {
  CheckPlacement(path, engine, processors, checks);
  checks.Range(path + ".slots", engine.slots(), 1, 256);
  checks.Range(path + ".context_tokens", engine.context_tokens(), 0, 1 << 20);
  checks.Range(path + ".kv_tokens", engine.kv_tokens(), 0, 1 << 24);
  CheckBatch(path, engine, checks);
  checks.Range(path + ".threads", engine.threads(), 0, 512);
  checks.Range(path + ".batch_threads", engine.batch_threads(), 0, 512);
  checks.Range(path + ".gpu_layers", engine.gpu_layers(), -1, 10'000);
  checks.Require(KvTypes().contains(engine.kv_type_k()), path + ".kv_type_k",
                 "must be f32, f16, bf16, q8_0, q4_0, q4_1, q5_0, q5_1 or iq4_nl");
  checks.Require(KvTypes().contains(engine.kv_type_v()), path + ".kv_type_v",
                 "must be f32, f16, bf16, q8_0, q4_0, q4_1, q5_0, q5_1 or iq4_nl");
  checks.Range(path + ".max_buffered_events", engine.max_buffered_events(), 1, 10'000);
  checks.Range(path + ".max_pause", engine.max_pause(), 1s, 1h);
  checks.Range(path + ".target_inter_token_latency", engine.target_inter_token_latency(), 0s, 60s);
  checks.Range(path + ".cached_sequences", engine.cached_sequences(), 0, 256);
  checks.Require(engine.slots() > 256 || engine.slots() + engine.cached_sequences() <= 256,
                 path + ".cached_sequences", "must not exceed 256 together with slots");
  checks.Require(!engine.direct_io() || !engine.mlock(), path + ".direct_io",
                 "must not be on together with mlock");
  CheckSplit(path, engine, checks);
  checks.Range(path + ".max_batch_wait", engine.max_batch_wait(), 0s, 1s);
}

void CheckAdapters(const std::string& path, const config::v1::ModelConfig& model,
                   config::Checks& checks) {
  checks.Count(path, model.lora_adapters_size(), 64);
  std::set<std::string> names;
  for (int i = 0; i < model.lora_adapters_size(); ++i) {
    const auto& adapter = model.lora_adapters(i);
    const auto field = absl::StrCat(path, "[", i, "]");
    checks.Require(inference::IsName(adapter.name()), field + ".name", inference::kNameRule);
    checks.Require(names.insert(adapter.name()).second, field + ".name", "is there twice");
    checks.NotEmpty(field + ".path", adapter.path());
    checks.Range(field + ".scale", adapter.scale(), -8, 8);
  }
}

// ggml places the threads anew in each step, wherever they were.
void CheckNuma(const InferenceWorkerConfig& config, config::Checks& checks) {
  checks.Require(config::v1::NumaStrategy_IsValid(config.numa()), "numa",
                 absl::StrCat("must be a NumaStrategy, not ", config.numa()));
  if (config.numa() == config::v1::NUMA_STRATEGY_UNSPECIFIED ||
      config.numa() == config::v1::NUMA_STRATEGY_NONE) {
    return;
  }
  constexpr char kWhat[] = "cannot be combined with numa, which places the threads itself";
  checks.Require(config.engine().cpu_affinity().empty(), "engine.cpu_affinity", kWhat);
  for (int i = 0; i < config.models_size(); ++i) {
    checks.Require(config.models(i).engine().cpu_affinity().empty(),
                   absl::StrCat("models[", i, "].engine.cpu_affinity"), kWhat);
  }
}

void CheckModels(const InferenceWorkerConfig& config, std::span<const int> processors,
                 config::Checks& checks) {
  checks.Count("models", config.models_size(), 64);
  std::set<std::string> names;
  for (int i = 0; i < config.models_size(); ++i) {
    const auto& model = config.models(i);
    const auto path = absl::StrCat("models[", i, "]");
    checks.NotEmpty(path + ".path", model.path());
    checks.Count(path + ".aliases", model.aliases_size(), 16);
    checks.Range(path + ".profile: its length", model.profile().size(), 0, 64);
    checks.Count(path + ".variants", model.variants_size(), 16);
    CheckAdapters(path + ".lora_adapters", model, checks);
    if (model.has_engine()) {
      CheckEngine(path + ".engine", MergeEngine(config.engine(), model.engine()), processors,
                  checks);
    }
    if (model.name().empty()) continue;
    checks.Require(names.insert(model.name()).second, path + ".name", "is there twice");
  }
}

void CheckLifecycle(const config::v1::LifecycleConfig& lifecycle, config::Checks& checks) {
  checks.Range("lifecycle.max_loaded", lifecycle.max_loaded(), 0, 64);
  checks.Range("lifecycle.max_loading", lifecycle.max_loading(), 1, 8);
  checks.Range("lifecycle.idle_unload", lifecycle.idle_unload(), 0s, 24h * 7);
  checks.Range("lifecycle.max_waiting_requests", lifecycle.max_waiting_requests(), 0, 10'000);
  checks.Range("lifecycle.max_load_wait", lifecycle.max_load_wait(), 1s, 1h);
}

}  // namespace

InferenceWorkerConfig DefaultConfig() {
  InferenceWorkerConfig config;
  service::SetDefaults("127.0.0.1:50052", *config.mutable_server());
  config.set_memory_margin_bytes(256 * kMiB);
  auto& engine = *config.mutable_engine();
  engine.set_slots(8);
  engine.set_context_tokens(0);
  engine.set_kv_tokens(0);
  engine.set_batch_tokens(2048);
  engine.set_micro_batch_tokens(512);
  engine.set_prompt_chunk_tokens(512);
  engine.set_threads(0);
  engine.set_batch_threads(0);
  engine.set_gpu_layers(-1);
  engine.set_flash_attention(config::v1::TOGGLE_AUTO);
  engine.set_unified_kv(config::v1::TOGGLE_AUTO);
  engine.set_kv_type_k("f16");
  engine.set_kv_type_v("f16");
  engine.set_mmap(true);
  engine.set_mlock(false);
  engine.set_direct_io(false);
  engine.set_warm_up(true);
  engine.set_max_buffered_events(256);
  *engine.mutable_max_pause() = service::ToProto(30s);
  *engine.mutable_target_inter_token_latency() = service::ToProto(50ms);
  engine.set_prefix_cache(true);
  engine.set_host_cache_bytes(512 * kMiB);
  engine.set_split_mode(config::v1::SPLIT_MODE_LAYER);
  engine.set_main_gpu(0);
  *engine.mutable_max_batch_wait() = service::ToProto(0s);
  engine.set_cpu_affinity("");
  engine.set_take_turns(true);
  config.set_numa(config::v1::NUMA_STRATEGY_NONE);
  auto& lifecycle = *config.mutable_lifecycle();
  lifecycle.set_max_loading(1);
  *lifecycle.mutable_idle_unload() = service::ToProto(0s);
  lifecycle.set_load_on_demand(true);
  lifecycle.set_max_waiting_requests(256);
  *lifecycle.mutable_max_load_wait() = service::ToProto(120s);
  return config;
}

EngineConfig MergeEngine(const EngineConfig& of_worker, const EngineConfig& of_model) {
  EngineConfig merged = of_worker;
  // MergeFrom would add to lists, and mix the seconds of one duration with the rest of another.
  std::vector<const google::protobuf::FieldDescriptor*> set;
  const google::protobuf::Reflection& reflection = *EngineConfig::GetReflection();
  reflection.ListFields(of_model, &set);
  for (const auto* field : set) reflection.ClearField(&merged, field);
  merged.MergeFrom(of_model);
  return merged;
}

std::vector<std::string> Validate(const InferenceWorkerConfig& config) {
  return ValidateOn(config, AllowedProcessors());
}

std::vector<std::string> ValidateOn(const InferenceWorkerConfig& config,
                                    std::span<const int> processors) {
  config::Checks checks;
  service::Check("server", config.server(), checks);
  if (!config.advertise_address().empty())
    checks.Address("advertise_address", config.advertise_address());
  checks.Count("routers", config.routers_size(), 64);
  for (int i = 0; i < config.routers_size(); ++i)
    checks.Address(absl::StrCat("routers[", i, "]"), config.routers(i));
  service::Check("router_tls", config.router_tls(), checks);
  CheckModels(config, processors, checks);
  checks.Count("model_folders", config.model_folders_size(), 16);
  CheckEngine("engine", config.engine(), processors, checks);
  CheckNuma(config, checks);
  CheckLifecycle(config.lifecycle(), checks);
  return std::move(checks).Take();
}

}  // namespace chasqui::worker
