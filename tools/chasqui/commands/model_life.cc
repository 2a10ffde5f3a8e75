// SPDX-License-Identifier: Apache-2.0
#include "tools/chasqui/commands/model_life.h"

#include <algorithm>
#include <iostream>
#include <memory>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "chasqui/worker/v1/worker_service.grpc.pb.h"
#include "tools/chasqui/output/json.h"
#include "tools/chasqui/output/progress_bar.h"
#include "tools/chasqui/output/table.h"

namespace chasqui::cli {
namespace {

using chasqui::worker::v1::LoadModelRequest;
using chasqui::worker::v1::LoadModelResponse;
using chasqui::worker::v1::LoadProgress;
using chasqui::worker::v1::UnloadModelRequest;
using chasqui::worker::v1::UnloadModelResponse;
using chasqui::worker::v1::WorkerService;

// "warming up"; workers that tell no stage are reading.
std::string StageText(const LoadProgress& progress) {
  if (progress.stage() == chasqui::worker::v1::LOAD_STAGE_UNSPECIFIED) return "reading";
  const std::string name = chasqui::worker::v1::LoadStage_Name(progress.stage());
  return absl::StrReplaceAll(absl::AsciiStrToLower(absl::StripPrefix(name, "LOAD_STAGE_")),
                             {{"_", " "}});
}

void PrintLoaded(const chasqui::inference::v1::Model& model) {
  std::cout << model.name() << " is loaded: " << model.architecture() << ", "
            << CountText(static_cast<double>(model.parameter_count())) << " weights as "
            << model.quantization() << ", "
            << BytesText(static_cast<double>(std::max(model.memory_bytes(), model.size_bytes())))
            << ", " << model.slots() << " slots\n";
}

absl::Status Load(const LoadModelRequest& request, bool json, const Connection& connection) {
  const auto context = connection.NewContext();
  const auto stub = connection.NewStub<WorkerService>();
  const auto reader = stub->LoadModel(context.get(), request);
  ProgressBar bar(std::cerr, ProgressBar::StyleFor(json));
  bool loaded = false;
  const absl::Status status = connection.Drain<LoadModelResponse>(
      *context, *reader, [&](const LoadModelResponse& response) {
        if (json) {
          std::cout << ToJson(response) << std::endl;
        } else if (response.has_progress()) {
          const LoadProgress& progress = response.progress();
          const auto bytes = static_cast<double>(progress.estimated_bytes());
          bar.Show(StageText(progress), progress.fraction(), bytes > 0 ? BytesText(bytes) : "");
        } else if (response.has_loaded()) {
          bar.Done();
          PrintLoaded(response.loaded());
        }
        loaded = loaded || response.has_loaded();
        return absl::OkStatus();
      });
  if (status.ok() && !loaded)
    return absl::InternalError("the stream ended before the model was loaded");
  return status;
}

absl::Status Unload(const UnloadModelRequest& request, bool json, const Connection& connection) {
  UnloadModelResponse response;
  const absl::Status status = connection.Call(
      &WorkerService::Stub::UnloadModel, *connection.NewStub<WorkerService>(), request, &response);
  if (!status.ok()) return status;
  if (json) {
    std::cout << ToJson(response) << "\n";
  } else {
    std::cout << request.name() << " is unloaded\n";
  }
  return status;
}

}  // namespace

void AddLoad(CLI::App& models, Choice& choice) {
  CLI::App& sub =
      *models.add_subcommand("load", "Load a model on one worker (--server says which)");
  const auto request = std::make_shared<LoadModelRequest>();
  CLI::Option* name = sub.add_option("name", *request->mutable_name(),
                                     "The name it is asked for by; without --path one that the "
                                     "worker's configuration names");
  CLI::Option* path = sub.add_option(
      "--path", *request->mutable_path(),
      "A GGUF file as the worker sees it, in one of its model_folders; the name is by default the "
      "file's");
  SetClientAction(
      sub, choice,
      [request, name, path, &choice](const Connection& connection) -> absl::Status {
        if (name->empty() && path->empty())
          return absl::InvalidArgumentError("NAME or --path must be given");
        return Load(*request, choice.json, connection);
      },
      std::chrono::minutes(30));
}

void AddUnload(CLI::App& models, Choice& choice) {
  CLI::App& sub = *models.add_subcommand(
      "unload", "Unload a model from one worker (--server says which), once its requests are done");
  const auto request = std::make_shared<UnloadModelRequest>();
  sub.add_option("name", *request->mutable_name(), "Its name")->required();
  SetClientAction(
      sub, choice,
      [request, &choice](const Connection& connection) {
        return Unload(*request, choice.json, connection);
      },
      std::chrono::minutes(10));
}

}  // namespace chasqui::cli
