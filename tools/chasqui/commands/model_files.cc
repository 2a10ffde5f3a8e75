// SPDX-License-Identifier: Apache-2.0
#include "tools/chasqui/commands/model_files.h"

#include <iostream>
#include <memory>
#include <vector>

#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "tools/chasqui/output/progress_bar.h"
#include "tools/chasqui/output/table.h"
#include "tools/synth/adapter.h"
#include "tools/synth/inspect.h"
#include "tools/synth/kind.h"
#include "tools/synth/synth.h"

namespace chasqui::cli {
namespace {

using synth::ModelSummary;

nlohmann::ordered_json ToJson(const ModelSummary& model) {
  nlohmann::ordered_json json = {{"path", model.path},
                                 {"file_bytes", model.file_bytes},
                                 {"gguf_version", model.gguf_version},
                                 {"architecture", model.architecture},
                                 {"name", model.name},
                                 {"quantization", model.quantization},
                                 {"parameter_count", model.parameter_count},
                                 {"layers", model.layers},
                                 {"embedding_length", model.embedding},
                                 {"heads", model.heads},
                                 {"kv_heads", model.kv_heads},
                                 {"train_context_tokens", model.context},
                                 {"vocabulary_size", model.vocabulary},
                                 {"tokenizer", model.tokenizer},
                                 {"has_chat_template", model.has_chat_template}};
  for (const synth::MetadataEntry& entry : model.metadata) {
    json["metadata"].push_back({{"key", entry.key}, {"type", entry.type}, {"value", entry.value}});
  }
  for (const synth::TensorEntry& tensor : model.tensors) {
    json["tensors"].push_back({{"name", tensor.name},
                               {"type", tensor.type},
                               {"dimensions", tensor.dimensions},
                               {"bytes", tensor.bytes}});
  }
  return json;
}

void Print(const ModelSummary& model) {
  std::cout << "file             " << model.path << ", "
            << BytesText(static_cast<double>(model.file_bytes)) << ", GGUF " << model.gguf_version
            << "\n"
            << "name             " << model.name << "\n"
            << "architecture     " << model.architecture << ", " << model.layers
            << " layers, embeddings of " << model.embedding << ", " << model.heads << " heads, "
            << model.kv_heads << " for keys and values\n"
            << "weights          " << model.parameter_count << " as " << model.quantization << "\n"
            << "context          " << model.context << " tokens\n"
            << "vocabulary       " << model.vocabulary << ", tokenizer " << model.tokenizer << "\n"
            << "chat template    " << (model.has_chat_template ? "yes" : "no") << "\n\n";
  Table table({"TYPE", "TENSORS", "WEIGHTS", "SIZE"});
  for (const synth::TypeSummary& type : model.types) {
    table.Add({type.type, absl::StrCat(type.tensors), CountText(static_cast<double>(type.weights)),
               BytesText(static_cast<double>(type.bytes))});
  }
  std::cout << table.Text();
}

struct SynthFlags {
  std::string output;
  std::string kind = "text";
  std::string preset = "m15";
  std::string type = "q8_0";
  uint64_t seed = 1;
  std::string adapter_for;
  uint32_t rank = 4;
};

absl::Status SynthAdapter(const SynthFlags& flags, bool json) {
  const absl::Status written = synth::WriteAdapter(
      {.model = flags.adapter_for, .rank = flags.rank, .seed = flags.seed, .output = flags.output});
  return written.ok() ? InspectFile(flags.output, json) : written;
}

absl::Status Synth(const SynthFlags& flags, bool json) {
  const absl::StatusOr<synth::ModelKind> kind = synth::ParseKind(flags.kind);
  if (!kind.ok()) return kind.status();
  const absl::StatusOr<synth::ModelShape> shape = synth::PresetShape(flags.preset);
  if (!shape.ok()) return shape.status();
  const absl::StatusOr<synth::WeightType> type = synth::ParseWeightType(flags.type);
  if (!type.ok()) return type.status();
  ProgressBar bar(std::cerr, ProgressBar::StyleFor(json));
  const synth::SynthOptions options{.kind = *kind,
                                    .shape = *shape,
                                    .type = *type,
                                    .seed = flags.seed,
                                    .name = absl::StrCat("synth-", flags.preset),
                                    .output = flags.output,
                                    .threads = 0,
                                    .progress = [&bar](double part) { bar.Show("writing", part); }};
  if (const absl::Status written = synth::WriteModel(options); !written.ok()) return written;
  bar.Done();
  return InspectFile(flags.output, json);
}

}  // namespace

absl::Status InspectFile(const std::string& path, bool json) {
  const absl::StatusOr<ModelSummary> model = synth::InspectModel(path);
  if (!model.ok()) return model.status();
  if (json) {
    using Json = nlohmann::ordered_json;
    std::cout << ToJson(*model).dump(-1, ' ', false, Json::error_handler_t::replace) << "\n";
  } else {
    Print(*model);
  }
  return absl::OkStatus();
}

void AddSynth(CLI::App& models, Choice& choice) {
  CLI::App& sub = *models.add_subcommand(
      "synth", "Write a model, or an adapter, of random weights: for tests and measurements");
  const auto flags = std::make_shared<SynthFlags>();
  sub.add_option("output", flags->output, "The GGUF file to write")->required();
  std::vector<std::string> kinds;
  for (const synth::KindName& kind : synth::Kinds()) kinds.emplace_back(kind.name);
  sub.add_option("--kind", flags->kind, "What it is for")
      ->check(CLI::IsMember(kinds))
      ->capture_default_str();
  std::vector<std::string> presets;
  for (const synth::Preset& preset : synth::Presets()) presets.emplace_back(preset.name);
  sub.add_option("--preset", flags->preset, "Its shape")
      ->check(CLI::IsMember(presets))
      ->capture_default_str();
  sub.add_option("--type", flags->type, "Its weights: f32, f16, q8_0 or q4_k_m")
      ->capture_default_str();
  sub.add_option("--seed", flags->seed, "The same seed gives the same file")->capture_default_str();
  CLI::Option* adapter =
      sub.add_option("--adapter-for", flags->adapter_for,
                     "Write a LoRA adapter for this GGUF file instead of a model")
          ->type_name("FILE")
          ->excludes("--kind", "--preset", "--type");
  sub.add_option("--rank", flags->rank, "The adapter's rank, 1 to 256")
      ->needs(adapter)
      ->capture_default_str();
  AddJsonFlag(sub, choice);
  sub.callback([flags, &choice] {
    choice.run = [flags, &choice](Interrupts&) {
      return flags->adapter_for.empty() ? Synth(*flags, choice.json)
                                        : SynthAdapter(*flags, choice.json);
    };
  });
}

}  // namespace chasqui::cli
