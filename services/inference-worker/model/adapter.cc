// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/model/adapter.h"

#include <algorithm>
#include <exception>
#include <string_view>

#include "absl/status/status_macros.h"
#include "absl/strings/str_cat.h"
#include "common/status/status.h"
#include "services/inference-worker/model/backend.h"
#include "services/inference-worker/model/fingerprint.h"

namespace chasqui::worker {
namespace {

constexpr std::string_view kReason = "ADAPTER";

absl::Status Wrong(absl::StatusCode code, const AdapterFile& file, const GgufFacts& model,
                   std::string_view why) {
  return status::Error(code, kReason,
                       absl::StrCat("adapter \"", file.name, "\" of ", model.paths.front(),
                                    " cannot be loaded from ", file.path, ": ", why));
}

absl::StatusOr<llama_adapter_lora*> Load(const AdapterFile& file, const GgufFacts& gguf,
                                         llama_model* model) {
  std::string reason;
  try {
    const LogCapture capture;
    llama_adapter_lora* lora = llama_adapter_lora_init(model, file.path.c_str());
    if (lora != nullptr) return lora;
    reason = capture.Reason();
  } catch (const std::exception& error) {
    reason = error.what();
  }
  return Wrong(absl::StatusCode::kInvalidArgument, file, gguf, reason);
}

std::vector<AdapterFile> ByName(std::span<const AdapterFile> files) {
  std::vector<AdapterFile> sorted(files.begin(), files.end());
  std::ranges::sort(sorted, {}, &AdapterFile::name);
  return sorted;
}

}  // namespace

absl::StatusOr<GgufFacts> InspectAdapter(const AdapterFile& file, const GgufFacts& model) {
  absl::StatusOr<GgufFacts> facts = InspectGguf(file.path);
  if (!facts.ok()) return Wrong(facts.status().code(), file, model, facts.status().message());
  std::string why;
  if (facts->type != "adapter") {
    why = absl::StrCat("it is a ", facts->type.empty() ? "model" : facts->type, ", not an adapter");
  } else if (facts->adapter_type != "lora") {
    why = absl::StrCat("it is an adapter of type \"", facts->adapter_type, "\", not \"lora\"");
  } else if (facts->architecture != model.architecture) {
    why = absl::StrCat("it is for models of architecture ", facts->architecture,
                       ", the model's is ", model.architecture);
  }
  if (why.empty()) return facts;
  return Wrong(absl::StatusCode::kInvalidArgument, file, model, why);
}

absl::StatusOr<std::vector<Adapter>> LoadAdapters(std::span<const AdapterFile> files,
                                                  const GgufFacts& gguf, llama_model* model) {
  std::vector<Adapter> adapters;
  for (const AdapterFile& file : ByName(files)) {
    ABSL_ASSIGN_OR_RETURN(llama_adapter_lora * lora, Load(file, gguf, model));
    if (llama_adapter_get_alora_n_invocation_tokens(lora) > 0) {
      return Wrong(absl::StatusCode::kUnimplemented, file, gguf,
                   "it is an activated one (aLoRA), which this version cannot apply");
    }
    adapters.push_back({.name = file.name, .scale = file.scale, .lora = lora});
  }
  return adapters;
}

absl::StatusOr<std::string> FingerprintWith(const std::string& fingerprint,
                                            std::span<const AdapterFile> files,
                                            const GgufFacts& model) {
  if (files.empty()) return fingerprint;
  std::string text = fingerprint;
  for (const AdapterFile& file : ByName(files)) {
    ABSL_ASSIGN_OR_RETURN(const GgufFacts facts, InspectAdapter(file, model));
    ABSL_ASSIGN_OR_RETURN(const std::string of_file, Fingerprint(facts));
    absl::StrAppend(&text, "\nadapter ", file.name, " ", file.scale, " ", of_file);
  }
  return FingerprintOf(text);
}

}  // namespace chasqui::worker
