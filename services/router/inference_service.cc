// SPDX-License-Identifier: Apache-2.0
#include "services/router/inference_service.h"

#include <chrono>
#include <cstdint>

#include "absl/status/status_macros.h"
#include "absl/strings/str_cat.h"
#include "common/inference/validate.h"
#include "common/rpc/server_methods.h"
#include "common/service/settings.h"
#include "common/status/status.h"
#include "services/router/fleet/catalogue.h"
#include "services/router/request/inference_method.h"

namespace chasqui::router {
namespace {

using inference::v1::GetModelRequest;
using inference::v1::GetModelResponse;
using inference::v1::GetQueuePositionRequest;
using inference::v1::GetQueuePositionResponse;
using inference::v1::ListModelsRequest;
using inference::v1::ListModelsResponse;

using namespace std::chrono_literals;

GetQueuePositionResponse Describe(const Dispatcher::Standing& standing) {
  GetQueuePositionResponse response;
  switch (standing.state) {
    case Dispatcher::Standing::State::kUnknown:
      response.set_state(inference::v1::QUEUE_STATE_UNKNOWN);
      return response;
    case Dispatcher::Standing::State::kRunning:
      response.set_state(inference::v1::QUEUE_STATE_RUNNING);
      return response;
    case Dispatcher::Standing::State::kWaiting:
      break;
  }
  response.set_state(inference::v1::QUEUE_STATE_WAITING);
  response.set_requests_ahead(static_cast<std::uint32_t>(standing.before.requests));
  response.set_position(response.requests_ahead() + 1);
  response.set_tokens_ahead(standing.before.tokens);
  if (standing.estimate.has_value()) {
    *response.mutable_estimated_wait() = service::ToProto(standing.estimate->start);
  }
  return response;
}

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
  rpc::RegisterUnary<GetQueuePositionRequest, GetQueuePositionResponse>(
      server, InferencePath("GetQueuePosition"),
      [this](rpc::ServerCall& call, GetQueuePositionRequest request)
          -> rpc::Task<absl::StatusOr<GetQueuePositionResponse>> {
        co_return GetQueuePosition(call, request);
      });
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
        if (entry == nullptr) {
          return status::Unavailable("NO_WORKER",
                                     absl::StrCat("no worker has model '", name, "' now"), 1s);
        }
        GetModelResponse response;
        *response.mutable_model() = DescribeModel(*entry);
        return response;
      });
}

absl::StatusOr<GetQueuePositionResponse> InferenceService::GetQueuePosition(
    const rpc::ServerCall& call, const GetQueuePositionRequest& request) const {
  ABSL_ASSIGN_OR_RETURN(const Caller caller, authenticator_.Authenticate(call));
  if (!inference::IsRequestId(request.request_id())) {
    return status::InvalidArgument("request_id", "must be 1 to 128 characters of [A-Za-z0-9._:-]");
  }
  return Describe(fleet_.Look([&](const Dispatcher& dispatcher, time::SteadyTime now) {
    return dispatcher.Find(caller.grant != nullptr ? caller.grant->tenant : "",
                           request.request_id(), now);
  }));
}

}  // namespace chasqui::router
