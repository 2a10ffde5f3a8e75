// SPDX-License-Identifier: Apache-2.0
#include <cstdlib>
#include <iostream>
#include <memory>
#include <string>
#include <utility>

#include <nlohmann/json.hpp>
#include <unistd.h>

#include "absl/strings/str_format.h"
#include "tools/chasqui/client/exit_code.h"
#include "tools/chasqui/commands/model_life.h"
#include "tools/chasqui/output/progress_bar.h"
#include "tools/chasqui/output/table.h"
#include "tools/quantize/quantize.h"

namespace chasqui::cli {
namespace {

using quantize::QuantizeOptions;
using quantize::Quantizer;
using quantize::QuantizeSummary;

struct Flags {
  QuantizeOptions options;
  std::string type = "Q4_K_M";
  std::string output_type;
  std::string token_embedding_type;
  bool dry_run = false;
};

// The options with the types that the flags name.
absl::StatusOr<QuantizeOptions> ParseTypes(const Flags& flags) {
  QuantizeOptions options = flags.options;
  const auto type = quantize::ParseQuantizeType(flags.type);
  if (!type.ok()) return type.status();
  options.type = *type;
  for (const auto& [name, chosen] :
       {std::pair(&flags.output_type, &options.output_type),
        std::pair(&flags.token_embedding_type, &options.token_embedding_type)}) {
    if (name->empty()) continue;
    const auto tensor_type = quantize::ParseTensorType(*name);
    if (!tensor_type.ok()) return tensor_type.status();
    *chosen = *tensor_type;
  }
  return options;
}

void Print(const Flags& flags, const QuantizeOptions& options, const QuantizeSummary& summary,
           bool json) {
  if (json) {
    const nlohmann::ordered_json object = {{"input", options.input.string()},
                                           {"output", options.output.string()},
                                           {"files", summary.files},
                                           {"type", options.type.name},
                                           {"tensors", summary.tensors},
                                           {"input_bytes", summary.input_bytes},
                                           {"output_bytes", summary.output_bytes},
                                           {"dry_run", flags.dry_run}};
    using Json = nlohmann::ordered_json;
    std::cout << object.dump(-1, ' ', false, Json::error_handler_t::replace) << "\n";
    return;
  }
  const double share = summary.input_bytes == 0 ? 0
                                                : static_cast<double>(summary.output_bytes) /
                                                      static_cast<double>(summary.input_bytes);
  std::cout << absl::StrFormat(
      "%s %s: %s of weights %s %s, %.0f%%, as %s\n", options.output.string(),
      flags.dry_run ? "is not written" : "is written",
      BytesText(static_cast<double>(summary.input_bytes)),
      flags.dry_run ? "would become" : "became",
      BytesText(static_cast<double>(summary.output_bytes)), 100 * share, options.type.name);
}

absl::Status Run(const Flags& flags, bool json, Interrupts& interrupts) {
  auto parsed = ParseTypes(flags);
  if (!parsed.ok()) return parsed.status();
  QuantizeOptions options = *std::move(parsed);
  ProgressBar bar(std::cerr, ProgressBar::StyleFor(json));
  options.progress = [&bar](double part, const std::string& tensor) {
    bar.Show("quantising", part, tensor);
  };
  absl::StatusOr<Quantizer> quantizer = Quantizer::Prepare(options);
  if (!quantizer.ok()) return quantizer.status();
  QuantizeSummary summary = quantizer->summary();
  if (!flags.dry_run) {
    // libllama cannot be stopped: the process ends, without leaving half a file.
    const Interrupts::Scope scope(interrupts, [&quantizer](int) {
      quantizer->RemovePartialFiles();
      _exit(kInterrupted);
    });
    absl::StatusOr<QuantizeSummary> written = quantizer->Run();
    if (!written.ok()) return written.status();
    summary = *std::move(written);
  }
  bar.Done();
  Print(flags, options, summary, json);
  return absl::OkStatus();
}

std::string TypesText() {
  std::string text = "Types of --type:\n";
  for (const auto& type : quantize::QuantizeTypes())
    text += absl::StrFormat("  %-10s %s\n", type.name, type.what);
  return text;
}

}  // namespace

void AddQuantize(CLI::App& models, Choice& choice) {
  CLI::App& sub = *models.add_subcommand(
      "quantize", "Write a model of this machine with weights of another type");
  const auto flags = std::make_shared<Flags>();
  QuantizeOptions& options = flags->options;
  sub.add_option("input", options.input, "The GGUF file, or the first of its parts")->required();
  sub.add_option("output", options.output, "The GGUF file to write")->required();
  sub.add_option("--type", flags->type, "The type of the weights; see below")
      ->capture_default_str();
  sub.add_flag("--dry-run", flags->dry_run, "Only tell the sizes");
  sub.add_flag("--force", options.replace, "Replace an output that is there");
  sub.add_option("--output-type", flags->output_type, "The type of output.weight, such as q8_0");
  sub.add_option("--token-embedding-type", flags->token_embedding_type,
                 "The type of the token embedding, such as q8_0");
  sub.add_flag("--pure", options.pure,
               "All matrices of the very same type, none in a better one where it matters most");
  sub.add_flag("--allow-requantize", options.allow_requantize,
               "Take weights that were quantised before, at a loss");
  sub.add_flag("--keep-split", options.keep_split, "Write as many parts as the input has");
  sub.add_option("--prune-layers", options.prune_layers, "Layers to leave out, from 0: 3,4,5")
      ->delimiter(',');
  sub.add_option("--threads", options.threads, "Default: one for each core");
  sub.footer(TypesText());
  AddJsonFlag(sub, choice);
  sub.callback([flags, &choice] {
    choice.run = [flags, &choice](Interrupts& interrupts) {
      return Run(*flags, choice.json, interrupts);
    };
  });
}

}  // namespace chasqui::cli
