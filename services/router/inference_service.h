// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "absl/status/statusor.h"
#include "chasqui/inference/v1/inference_service.pb.h"
#include "common/rpc/server.h"
#include "services/router/admission/shared_fleet.h"
#include "services/router/auth/authenticator.h"
#include "services/router/request/request_runner.h"
#include "services/router/request/resume_runner.h"

namespace chasqui::router {

// chasqui.inference.v1.InferenceService: what workers do is relayed by the RequestRunner, streams
// are taken up again by the ResumeRunner, what the fleet knows is answered here. Owned by the
// RouterServer; constant after construction, thread-safe.
class InferenceService {
 public:
  // All outlive it.
  InferenceService(const Authenticator& authenticator, const SharedFleet& fleet,
                   const RequestRunner& runner, const ResumeRunner& resumes)
      : authenticator_(authenticator), fleet_(fleet), runner_(runner), resumes_(resumes) {}

  // Adds the methods to the server, which must end before this does.
  void Register(rpc::Server& server);

 private:
  inference::v1::ListModelsResponse ListModels() const;
  absl::StatusOr<inference::v1::GetModelResponse> GetModel(
      const inference::v1::GetModelRequest& request) const;
  absl::StatusOr<inference::v1::GetQueuePositionResponse> GetQueuePosition(
      const rpc::ServerCall& call, const inference::v1::GetQueuePositionRequest& request) const;

  const Authenticator& authenticator_;
  const SharedFleet& fleet_;
  const RequestRunner& runner_;
  const ResumeRunner& resumes_;
};

}  // namespace chasqui::router
