// SPDX-License-Identifier: Apache-2.0
#include "tools/quantize/quantize.h"

#include <algorithm>
#include <exception>
#include <system_error>
#include <utility>

#include <unistd.h>

#include "absl/cleanup/cleanup.h"
#include "absl/status/status_macros.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "tools/quantize/quantize_log.h"
#include "tools/synth/inspect.h"
#include "tools/synth/log_capture.h"

namespace chasqui::quantize {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kBufferBytes = std::size_t{256} << 20;  // of rows that libllama may hold

int PartsOf(const synth::ModelSummary& model) {
  int parts = 1;
  for (const auto& entry : model.metadata) {
    if (entry.key == "split.count" && !absl::SimpleAtoi(entry.value, &parts)) parts = 1;
  }
  return std::max(parts, 1);
}

absl::Status CheckLayers(const QuantizeOptions& options, std::uint64_t layers) {
  for (const std::int32_t layer : options.prune_layers) {
    if (layer < 0 || static_cast<std::uint64_t>(layer) >= layers) {
      return absl::InvalidArgumentError(
          absl::StrCat("no layer ", layer, " to prune: the model has 0 to ", layers - 1));
    }
  }
  if (!options.prune_layers.empty() && options.prune_layers.size() >= layers)
    return absl::InvalidArgumentError("no layer would be left");
  return absl::OkStatus();
}

absl::Status CheckFiles(const QuantizeOptions& options, const FilePlan& plan) {
  std::error_code error;
  for (const PlannedFile& file : plan.files) {
    if (fs::equivalent(options.input, file.complete, error))
      return absl::InvalidArgumentError("the output is the input");
    if (!options.replace && fs::exists(file.complete, error)) {
      return absl::AlreadyExistsError(
          absl::StrCat(file.complete, " is there already; --force replaces it"));
    }
  }
  fs::path folder = fs::path(plan.files.front().complete).parent_path();
  if (folder.empty()) folder = ".";
  if (!fs::is_directory(folder, error)) {
    return absl::NotFoundError(
        absl::StrCat("no folder ", folder.string(), " to write ", options.output.string(), " to"));
  }
  return absl::OkStatus();
}

absl::Status CheckRoom(const FilePlan& plan, std::uint64_t bytes) {
  fs::path folder = fs::path(plan.files.front().complete).parent_path();
  if (folder.empty()) folder = ".";
  std::error_code error;
  const fs::space_info space = fs::space(folder, error);
  if (error || bytes <= space.available) return absl::OkStatus();
  return absl::ResourceExhaustedError(absl::StrCat("the model needs ", bytes >> 20,
                                                   " MiB of disk, ", folder.string(), " has ",
                                                   space.available >> 20, " MiB left"));
}

// What libllama's own words mean for whoever asked.
absl::Status Explain(const std::string& reason, const QuantizeOptions& options) {
  if (absl::StrContains(reason, "imatrix") || absl::StrContains(reason, "importance matrix")) {
    return absl::FailedPreconditionError(
        absl::StrCat(options.type.name,
                     " needs an importance matrix, which is not supported; Q2_K is the smallest "
                     "type for any model without one"));
  }
  if (absl::StrContains(reason, "requantizing")) {
    return absl::FailedPreconditionError(
        absl::StrCat(options.input.string(), " was quantised before (", reason,
                     "); take the original, or --allow-requantize at a loss"));
  }
  return absl::InternalError(
      absl::StrCat("libllama cannot quantise ", options.input.string(), ": ", reason));
}

llama_model_quantize_params Params(const QuantizeOptions& options, bool dry_run,
                                   const std::vector<std::int32_t>& layers) {
  llama_model_quantize_params params = llama_model_quantize_default_params();
  params.nthread = static_cast<std::int32_t>(options.threads);
  params.ftype = options.type.type;
  params.output_tensor_type = options.output_type.value_or(GGML_TYPE_COUNT);
  params.token_embedding_type = options.token_embedding_type.value_or(GGML_TYPE_COUNT);
  params.pure = options.pure;
  params.allow_requantize = options.allow_requantize;
  params.keep_split = options.keep_split;
  params.dry_run = dry_run;
  params.prune_layers = options.prune_layers.empty() ? nullptr : layers.data();
  params.max_buf_size = kBufferBytes;
  return params;
}

}  // namespace

absl::StatusOr<Quantizer> Quantizer::Prepare(QuantizeOptions options) {
  ABSL_ASSIGN_OR_RETURN(const synth::ModelSummary model, synth::InspectModel(options.input));
  std::ranges::sort(options.prune_layers);
  const auto repeated = std::ranges::unique(options.prune_layers);
  options.prune_layers.erase(repeated.begin(), repeated.end());
  ABSL_RETURN_IF_ERROR(CheckLayers(options, model.layers));
  if (options.threads > 1024) return absl::InvalidArgumentError("threads must be at most 1024");

  const int parts = options.keep_split ? PartsOf(model) : 1;
  options.keep_split = parts > 1;
  FilePlan plan = PlanFiles(options.output.string(), parts, absl::StrCat(getpid()));
  ABSL_RETURN_IF_ERROR(CheckFiles(options, plan));

  Quantizer quantizer(std::move(options), std::move(plan));
  for (const PlannedFile& file : quantizer.plan_.files)
    quantizer.summary_.files.push_back(file.complete);
  std::ranges::reverse(quantizer.summary_.files);
  ABSL_RETURN_IF_ERROR(quantizer.Call(/*dry_run=*/true));
  ABSL_RETURN_IF_ERROR(CheckRoom(quantizer.plan_, quantizer.summary_.output_bytes));
  return quantizer;
}

absl::Status Quantizer::Call(bool dry_run) {
  std::vector<std::int32_t> layers = options_.prune_layers;
  layers.push_back(-1);  // its end
  const llama_model_quantize_params params = Params(options_, dry_run, layers);
  bool wants_imatrix = false;
  const synth::LogCapture log([&](std::string_view text) {
    if (const auto tensor = ParseTensorLine(text)) {
      summary_.tensors = tensor->count;
      if (!dry_run && options_.progress)
        options_.progress((tensor->number - 1.0) / tensor->count, tensor->name);
    }
    if (const auto bytes = ParseSizeLine(text, "model")) summary_.input_bytes = *bytes;
    if (const auto bytes = ParseSizeLine(text, "quant")) summary_.output_bytes = *bytes;
    if (absl::StrContains(text, "will require an imatrix")) wants_imatrix = true;
  });
  try {
    const bool done =
        llama_model_quantize(options_.input.c_str(), plan_.given.c_str(), &params) == 0;
    if (wants_imatrix) return Explain("imatrix", options_);
    if (done) return absl::OkStatus();
  } catch (const std::exception& error) {
    return Explain(error.what(), options_);
  }
  return Explain(log.Errors("it gives no reason"), options_);
}

absl::StatusOr<QuantizeSummary> Quantizer::Run() {
  const absl::Cleanup remove_leftovers = [this] { RemovePartialFiles(); };
  ABSL_RETURN_IF_ERROR(Call(/*dry_run=*/false));
  for (const PlannedFile& file : plan_.files) {
    std::error_code error;
    fs::rename(file.partial, file.complete, error);
    if (error)
      return absl::ErrnoToStatus(error.value(), absl::StrCat("cannot write ", file.complete));
  }
  if (options_.progress) options_.progress(1, "");
  return summary_;
}

void Quantizer::RemovePartialFiles() const {
  for (const PlannedFile& file : plan_.files) {
    std::error_code ignored;
    fs::remove(file.partial, ignored);
  }
}

}  // namespace chasqui::quantize
