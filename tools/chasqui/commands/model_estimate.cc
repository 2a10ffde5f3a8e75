// SPDX-License-Identifier: Apache-2.0
#include <cstdint>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status_macros.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "chasqui/worker/v1/worker_service.grpc.pb.h"
#include "services/inference-worker/engine/decode_context.h"
#include "services/inference-worker/hosting/engine_options.h"
#include "services/inference-worker/hosting/memory_room.h"
#include "services/inference-worker/inference_worker_config.h"
#include "services/inference-worker/model/backend.h"
#include "services/inference-worker/model/gguf_file.h"
#include "services/inference-worker/model/memory_estimate.h"
#include "tools/chasqui/commands/model_life.h"
#include "tools/chasqui/output/json.h"
#include "tools/chasqui/output/table.h"
#include "tools/synth/inspect.h"

namespace chasqui::cli {
namespace {

using chasqui::worker::v1::EstimateModelRequest;
using chasqui::worker::v1::EstimateModelResponse;
using chasqui::worker::v1::VariantEstimate;
using chasqui::worker::v1::WorkerService;

struct Flags {
  std::string model;
  uint32_t slots = 0;
  uint32_t context = 0;
  uint32_t kv_tokens = 0;
  uint32_t micro_batch = 0;
  std::string kv_type;
};

// The settings of a worker that has these flags and else its defaults.
absl::StatusOr<config::v1::InferenceWorkerConfig> WorkerConfig(const Flags& flags) {
  config::v1::InferenceWorkerConfig config = worker::DefaultConfig();
  auto& engine = *config.mutable_engine();
  if (flags.slots > 0) engine.set_slots(flags.slots);
  engine.set_context_tokens(flags.context);
  engine.set_kv_tokens(flags.kv_tokens);
  if (flags.micro_batch > 0) engine.set_micro_batch_tokens(flags.micro_batch);
  if (!flags.kv_type.empty()) {
    engine.set_kv_type_k(flags.kv_type);
    engine.set_kv_type_v(flags.kv_type);
  }
  const std::vector<std::string> problems = worker::Validate(config);
  if (problems.empty()) return config;
  return absl::InvalidArgumentError(absl::StrJoin(problems, "; "));
}

// What a worker on this machine would find, as one would tell it.
absl::StatusOr<EstimateModelResponse> EstimateHere(const Flags& flags) {
  ABSL_ASSIGN_OR_RETURN(const auto config, WorkerConfig(flags));
  ABSL_ASSIGN_OR_RETURN(const synth::ModelSummary summary, synth::InspectModel(flags.model));
  const worker::Backend backend;  // finds GPUs, and logs nothing
  ABSL_ASSIGN_OR_RETURN(const worker::GgufFacts facts, worker::InspectGguf(flags.model));
  ABSL_ASSIGN_OR_RETURN(const worker::EngineOptions engine,
                        worker::ResolveEngineOptions(config.engine(), facts.train_context_tokens));
  const worker::MemoryEstimate estimate = worker::EstimateMemory(
      facts, {.kv_tokens = engine.kv_tokens,
              .micro_batch_tokens = engine.micro_batch_tokens,
              .sequences = worker::CountSequences(engine, worker::OnGpu(engine)),
              .type_k = engine.type_k,
              .type_v = engine.type_v});
  const auto available = worker::MemoryRoom(config.engine(), config.memory_margin_bytes());

  EstimateModelResponse response;
  response.set_available_bytes(available.value_or(0));
  VariantEstimate& variant = *response.add_variants();
  variant.set_path(flags.model);
  variant.set_quantization(summary.quantization);
  variant.set_weights_bytes(estimate.weights);
  variant.set_kv_cache_bytes(estimate.kv_cache);
  variant.set_compute_bytes(estimate.compute);
  variant.set_fits(!available || estimate.total() <= *available);
  if (variant.fits()) response.set_chosen_path(variant.path());
  return response;
}

absl::StatusOr<EstimateModelResponse> EstimateThere(const Flags& flags,
                                                    const Connection& connection) {
  if (flags.kv_tokens > 0 || flags.micro_batch > 0 || !flags.kv_type.empty()) {
    return absl::InvalidArgumentError(
        "with --target, --kv-tokens, --kv-type and --micro-batch are the worker's own settings");
  }
  EstimateModelRequest request;
  const bool file = absl::EndsWith(flags.model, ".gguf") || absl::StartsWith(flags.model, "/");
  (file ? *request.mutable_path() : *request.mutable_name()) = flags.model;
  request.set_context_tokens(flags.context);
  request.set_slots(flags.slots);
  EstimateModelResponse response;
  ABSL_RETURN_IF_ERROR(connection.Call(&WorkerService::Stub::EstimateModel,
                                       *connection.NewStub<WorkerService>(), request, &response));
  return response;
}

std::string Bytes(std::uint64_t bytes) { return BytesText(static_cast<double>(bytes)); }

void Print(const EstimateModelResponse& response) {
  Table table({"FILE", "TYPE", "WEIGHTS", "KV CACHE", "COMPUTE", "ALL", "FITS"});
  for (const VariantEstimate& variant : response.variants()) {
    if (!variant.error().empty()) continue;
    table.Add({variant.path(), variant.quantization(), Bytes(variant.weights_bytes()),
               Bytes(variant.kv_cache_bytes()), Bytes(variant.compute_bytes()),
               Bytes(variant.weights_bytes() + variant.kv_cache_bytes() + variant.compute_bytes()),
               variant.fits() ? "yes" : "no"});
  }
  std::cout << table.Text();
  for (const VariantEstimate& variant : response.variants()) {
    if (!variant.error().empty()) std::cout << variant.path() << ": " << variant.error() << "\n";
  }
  if (response.available_bytes() > 0)
    std::cout << Bytes(response.available_bytes()) << " can be had now\n";
}

}  // namespace

void AddEstimate(CLI::App& models, Choice& choice) {
  CLI::App& sub = *models.add_subcommand(
      "estimate", "Tell the memory a model would take and whether it fits, without loading it");
  const auto flags = std::make_shared<Flags>();
  sub.add_option("model", flags->model,
                 "A GGUF file of this machine; with --target a file as the worker sees it, or a "
                 "name of its catalogue")
      ->required();
  sub.add_option("--slots", flags->slots, "Requests that run at once; default: a worker's");
  sub.add_option("--context", flags->context,
                 "Context of one request, in tokens; default: what it was trained for");
  sub.add_option("--kv-tokens", flags->kv_tokens, "KV cache of all slots, in tokens");
  sub.add_option("--kv-type", flags->kv_type, "Type of the KV cache, such as f16 or q8_0");
  sub.add_option("--micro-batch", flags->micro_batch, "Tokens computed at a time");
  const auto remote = std::make_shared<CLI::Option*>(nullptr);
  const auto connecting = SetClientAction(
      sub, choice,
      [flags, remote, &choice](const Connection& connection) -> absl::Status {
        const auto estimate =
            (*remote)->empty() ? EstimateHere(*flags) : EstimateThere(*flags, connection);
        if (!estimate.ok()) return estimate.status();
        if (choice.json) {
          std::cout << ToJson(*estimate) << "\n";
        } else {
          Print(*estimate);
        }
        return absl::OkStatus();
      },
      std::chrono::seconds(30));
  *remote = sub.add_option("--target", connecting->server, "A worker to ask instead")
                ->type_name("HOST:PORT");
}

}  // namespace chasqui::cli
