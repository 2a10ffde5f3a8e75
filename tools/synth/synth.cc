// SPDX-License-Identifier: Apache-2.0
#include "tools/synth/synth.h"

#include <array>
#include <system_error>
#include <utility>
#include <vector>

#include <llama.h>
#include <unistd.h>

#include "absl/cleanup/cleanup.h"
#include "absl/status/status_macros.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tools/synth/gguf_file.h"
#include "tools/synth/log_capture.h"
#include "tools/synth/random.h"

namespace chasqui::synth {
namespace {

namespace fs = std::filesystem;

constexpr size_t kQuantizeBytes = size_t{256} << 20;  // of rows that libllama may hold at once

// To be raised whenever the same options come to give another file.
constexpr int kGenerator = 1;

constexpr std::array<std::pair<std::string_view, WeightType>, 4> kTypes = {{
    {"f32", WeightType::kF32},
    {"f16", WeightType::kF16},
    {"q8_0", WeightType::kQ8_0},
    {"q4_k_m", WeightType::kQ4_K_M},
}};

bool IsQuantized(WeightType type) {
  return type == WeightType::kQ8_0 || type == WeightType::kQ4_K_M;
}

absl::Status Quantize(const fs::path& from, const fs::path& to, const SynthOptions& options) {
  llama_model_quantize_params params = llama_model_quantize_default_params();
  params.nthread = static_cast<int32_t>(options.threads);
  params.ftype =
      options.type == WeightType::kQ8_0 ? LLAMA_FTYPE_MOSTLY_Q8_0 : LLAMA_FTYPE_MOSTLY_Q4_K_M;
  params.max_buf_size = kQuantizeBytes;
  const LogCapture log;
  if (llama_model_quantize(from.c_str(), to.c_str(), &params) == 0) return absl::OkStatus();
  return absl::InternalError(absl::StrCat("libllama cannot quantise to ", to.string(), ": ",
                                          log.Errors("it gives no reason")));
}

absl::Status ValidateOptions(const SynthOptions& options) {
  ABSL_RETURN_IF_ERROR(Validate(options.shape));
  if (options.output.empty()) return absl::InvalidArgumentError("output is empty");
  if (options.threads > 1024) return absl::InvalidArgumentError("threads must be at most 1024");
  return absl::OkStatus();
}

}  // namespace

std::string_view WeightTypeName(WeightType type) {
  for (const auto& [name, value] : kTypes) {
    if (value == type) return name;
  }
  return "unknown";
}

absl::StatusOr<WeightType> ParseWeightType(std::string_view name) {
  std::vector<std::string_view> names;
  for (const auto& [known, type] : kTypes) {
    if (absl::AsciiStrToLower(name) == known) return type;
    names.push_back(known);
  }
  return absl::InvalidArgumentError(
      absl::StrCat("no weight type \"", name, "\"; there are ", absl::StrJoin(names, ", ")));
}

std::string ContentId(const SynthOptions& options) {
  const ModelShape& shape = options.shape;
  const std::string content = absl::StrCat(
      kGenerator, "/", WeightTypeName(options.type), "/", shape.layers, "/", shape.embedding, "/",
      shape.heads, "/", shape.kv_heads, "/", shape.feed_forward, "/", shape.vocabulary, "/",
      shape.context, "/", shape.rope_base, "/", shape.rms_epsilon, "/", options.name,
      // Not of models that generate text: caches know them without.
      options.kind == ModelKind::kText ? "" : absl::StrCat("/", NameOf(options.kind).name));
  return absl::StrCat(absl::Hex(SeedOf(options.seed, content), absl::kZeroPad16));
}

absl::Status WriteModel(const SynthOptions& options) {
  ABSL_RETURN_IF_ERROR(ValidateOptions(options));
  const bool quantized = IsQuantized(options.type);
  const fs::path partial = absl::StrCat(options.output.string(), ".partial-", getpid());
  const fs::path source = quantized ? fs::path(partial.string() + "-f16") : partial;
  const absl::Cleanup remove_leftovers = [&partial, &source] {
    std::error_code ignored;
    fs::remove(partial, ignored);
    fs::remove(source, ignored);
  };
  const auto progress = [&options, quantized](double done) {
    if (options.progress) options.progress(quantized ? done / 2 : done);
  };
  ABSL_RETURN_IF_ERROR(WriteGgufFile({.kind = options.kind,
                                      .shape = options.shape,
                                      .seed = options.seed,
                                      .name = options.name,
                                      .half = options.type != WeightType::kF32},
                                     source, progress));
  if (quantized) {
    ABSL_RETURN_IF_ERROR(Quantize(source, partial, options));
  }
  std::error_code error;
  fs::rename(partial, options.output, error);
  if (error) {
    return absl::ErrnoToStatus(error.value(),
                               absl::StrCat("cannot write ", options.output.string()));
  }
  if (options.progress) options.progress(1);
  return absl::OkStatus();
}

}  // namespace chasqui::synth
