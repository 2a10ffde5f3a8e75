// SPDX-License-Identifier: Apache-2.0
#include "services/router/inference_service.h"

#include "absl/status/status_macros.h"
#include "common/rpc/server_methods.h"
#include "services/router/fleet/catalogue.h"
#include "services/router/request/inference_method.h"

namespace chasqui::router {
namespace {

using inference::v1::GetModelRequest;
using inference::v1::GetModelResponse;
using inference::v1::ListModelsRequest;
using inference::v1::ListModelsResponse;

}  // namespace

void InferenceService::Register(rpc::Server& server) {
  for (const InferenceMethod& method : InferenceMethods()) {
    server.Register(InferencePath(method.name), method.kind,
                    [this, &method](rpc::ServerCall& call) { return runner_.Run(method, call); });
  }
  rpc::RegisterUnary<ListModelsRequest, ListModelsResponse>(
      server, InferencePath("ListModels"),
      [this](rpc::ServerCall&, ListModelsRequest) -> rpc::Task<absl::StatusOr<ListModelsResponse>> {
        co_return ListModels();
      });
  rpc::RegisterUnary<GetModelRequest, GetModelResponse>(
      server, InferencePath("GetModel"),
      [this](rpc::ServerCall&, GetModelRequest request)
          -> rpc::Task<absl::StatusOr<GetModelResponse>> { co_return GetModel(request); });
  server.Register(InferencePath("ResumeStream"), rpc::MethodKind::kServerStream,
                  [this](rpc::ServerCall& call) { return resumes_.Run(call); });
}

ListModelsResponse InferenceService::ListModels() const {
  return fleet_.Look([](const Dispatcher& dispatcher, time::SteadyTime) {
    ListModelsResponse response;
    for (const auto& [name, entry] : dispatcher.catalogue().entries()) {
      *response.add_models() = DescribeModel(entry);
    }
    return response;
  });
}

absl::StatusOr<GetModelResponse> InferenceService::GetModel(const GetModelRequest& request) const {
  return fleet_.Look(
      [&](const Dispatcher& dispatcher, time::SteadyTime) -> absl::StatusOr<GetModelResponse> {
        ABSL_ASSIGN_OR_RETURN(const std::string name, dispatcher.Resolve(request.name()));
        const CatalogueEntry* entry = dispatcher.catalogue().Find(name);
        GetModelResponse response;
        *response.mutable_model() = DescribeModel(*entry);
        return response;
      });
}

}  // namespace chasqui::router
