// SPDX-License-Identifier: MIT
#include "foldconv/model_file.hpp"

#include <memory>

#include "base/error.hpp"
#include "base/file_format.hpp"
#include "weights/file_bytes.hpp"

namespace foldconv {

Status why_no_model(const std::filesystem::path& file) {
  return host::guarded([&]() -> Status {
    const Result<std::shared_ptr<const host::FileBytes>> opened = host::FileBytes::open(file);
    if (!opened.ok()) return host::refuse_unopened(file, opened.status());
    return host::refuse_other_format((*opened)->bytes(), host::ModelFormat::none);
  });
}

}  // namespace foldconv
