// SPDX-License-Identifier: Apache-2.0
#include <iostream>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "chasqui/inference/v1/inference_service.grpc.pb.h"
#include "tools/chasqui/commands/command.h"
#include "tools/chasqui/commands/model_files.h"
#include "tools/chasqui/commands/model_life.h"
#include "tools/chasqui/output/json.h"
#include "tools/chasqui/output/table.h"

namespace chasqui::cli {
namespace {

using chasqui::inference::v1::GetModelRequest;
using chasqui::inference::v1::GetModelResponse;
using chasqui::inference::v1::InferenceService;
using chasqui::inference::v1::ListModelsRequest;
using chasqui::inference::v1::ListModelsResponse;
using chasqui::inference::v1::Model;

std::string StateText(const Model& model) {
  const std::string name = chasqui::inference::v1::ModelState_Name(model.state());
  return std::string(absl::StripPrefix(name, "MODEL_STATE_"));
}

absl::Status List(bool json, const Connection& connection) {
  ListModelsResponse response;
  const absl::Status status =
      connection.Call(&InferenceService::Stub::ListModels, *connection.NewStub<InferenceService>(),
                      ListModelsRequest(), &response);
  if (!status.ok()) return status;
  if (json) {
    std::cout << ToJson(response) << "\n";
    return status;
  }
  Table table({"NAME", "STATE", "ARCH", "TYPE", "WEIGHTS", "SIZE", "CONTEXT", "SLOTS", "WORKERS"});
  for (const Model& model : response.models()) {
    table.Add({model.name(), StateText(model), model.architecture(), model.quantization(),
               CountText(static_cast<double>(model.parameter_count())),
               BytesText(static_cast<double>(model.size_bytes())),
               absl::StrCat(model.context_tokens()), absl::StrCat(model.slots()),
               absl::StrCat(model.workers())});
  }
  std::cout << table.Text();
  return status;
}

std::string AbilitiesText(const Model& model) {
  std::vector<std::string_view> abilities;
  if (model.generates()) abilities.emplace_back("generate");
  if (model.embeds()) abilities.emplace_back("embed");
  if (model.reranks()) abilities.emplace_back("rerank");
  return absl::StrJoin(abilities, ", ");
}

void Print(const Model& model) {
  std::cout << "name             " << model.name() << "\n"
            << "aliases          " << absl::StrJoin(model.aliases(), " ") << "\n"
            << "state            " << StateText(model) << "\n"
            << "fingerprint      " << model.fingerprint() << "\n"
            << "architecture     " << model.architecture() << ", " << model.layer_count()
            << " layers, embeddings of " << model.embedding_length() << "\n"
            << "weights          " << model.parameter_count() << " as " << model.quantization()
            << ", " << BytesText(static_cast<double>(model.size_bytes())) << "\n"
            << "vocabulary       " << model.vocabulary_size() << "\n"
            << "context          " << model.context_tokens() << " tokens, trained for "
            << model.train_context_tokens() << "\n"
            << "can              " << AbilitiesText(model) << "\n"
            << "LoRA adapters    " << absl::StrJoin(model.lora_adapters(), " ") << "\n"
            << "chat template    " << (model.has_chat_template() ? "yes" : "no") << "\n"
            << "slots, workers   " << model.slots() << ", " << model.workers() << "\n";
}

absl::Status Inspect(const std::string& name, bool json, const Connection& connection) {
  GetModelRequest request;
  request.set_name(name);
  GetModelResponse response;
  const absl::Status status =
      connection.Call(&InferenceService::Stub::GetModel, *connection.NewStub<InferenceService>(),
                      request, &response);
  if (!status.ok()) return status;
  if (json) {
    std::cout << ToJson(response) << "\n";
  } else {
    Print(response.model());
  }
  return status;
}

}  // namespace

void AddModels(CLI::App& app, Choice& choice) {
  CLI::App& models =
      *app.add_subcommand("models", "Look at models, load and make them")->require_subcommand(1);

  CLI::App& list = *models.add_subcommand("list", "List the models that can be asked");
  SetClientAction(
      list, choice,
      [&choice](const Connection& connection) { return List(choice.json, connection); },
      std::chrono::seconds(30));

  CLI::App& inspect = *models.add_subcommand("inspect", "Tell about one model");
  const auto name = std::make_shared<std::string>();
  inspect.add_option("name", *name, "Its name or alias; or a GGUF file of this machine")
      ->required();
  SetClientAction(
      inspect, choice,
      [name, &choice](const Connection& connection) {
        if (absl::EndsWith(*name, ".gguf")) return InspectFile(*name, choice.json);
        return Inspect(*name, choice.json, connection);
      },
      std::chrono::seconds(30));

  AddLoad(models, choice);
  AddUnload(models, choice);
  AddEstimate(models, choice);
  AddQuantize(models, choice);
  AddSynth(models, choice);
}

}  // namespace chasqui::cli
