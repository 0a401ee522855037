// SPDX-License-Identifier: MIT
#include "base/file_format.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <system_error>

#include "base/text.hpp"
#include "foldconv/safetensors.hpp"

namespace foldconv::host {
namespace {

using namespace std::string_view_literals;

// Of a zip archive, the name of the first file in it.
std::string_view first_member(std::string_view file) {
  constexpr std::size_t kLengthAt = 26, kNameAt = 30;
  if (!file.starts_with("PK\x03\x04"sv) || file.size() < kNameAt) return {};
  const auto length_byte = [&](std::size_t i) {
    return static_cast<std::size_t>(static_cast<unsigned char>(file[kLengthAt + i]));
  };
  return file.substr(kNameAt, length_byte(0) + 256 * length_byte(1));
}

// As the length of a safetensors file's header, with which it begins: some are the first bytes of other formats.
bool has_length_of_header(std::string_view file) {
  std::uint64_t length = 0;
  if (file.size() < sizeof length) return false;
  std::memcpy(&length, file.data(), sizeof length);
  return length <= safetensors::kMaxHeaderBytes;
}

bool is_safetensors(std::string_view file) {
  return has_length_of_header(file) && file.substr(sizeof(std::uint64_t)).starts_with('{');
}

// As torch.save() writes it: in an archive or, of old, a pickle of protocol 2 or later.
bool is_checkpoint(std::string_view file) {
  if (first_member(file).ends_with("/data.pkl")) return true;
  return file.size() > 2 && file[0] == '\x80' && file[1] >= 2 && file[1] <= 5 &&
         !has_length_of_header(file);
}

bool is_torch_script(std::string_view file) {
  const std::string_view member = first_member(file);
  return member.find("/data/") != member.npos || member.find("/code/") != member.npos ||
         member.ends_with("/version");
}

bool is_numpy(std::string_view file) {
  return file.starts_with("\x93NUMPY"sv) || first_member(file).ends_with(".npy");
}

bool is_zip(std::string_view file) {
  return file.starts_with("PK\x03\x04"sv);
}

bool is_packed(std::string_view file) {
  constexpr std::size_t kTarAt = 257;
  return is_zip(file) || file.starts_with("\x1f\x8b"sv) ||
         (file.size() > kTarAt && file.substr(kTarAt).starts_with("ustar"sv));
}

bool is_hdf5(std::string_view file) {
  return file.starts_with("\x89HDF\r\n\x1a\n"sv);
}

bool is_lfs_pointer(std::string_view file) {
  return file.starts_with("version https://git-lfs"sv);
}

std::string_view without_spaces_before(std::string_view file) {
  return file.substr(std::min(file.find_first_not_of(" \t\r\n"), file.size()));
}

bool is_web_page(std::string_view file) {
  const std::string_view page = without_spaces_before(file);
  return page.starts_with("<!DOCTYPE"sv) || page.starts_with("<!doctype"sv) ||
         page.starts_with("<html"sv) || page.starts_with("<HTML"sv) || page.starts_with("<?xml"sv);
}

bool is_json(std::string_view file) {
  return without_spaces_before(file).starts_with('{') && !has_length_of_header(file);
}

// Field 1, a number, then field 2: meta_graphs, where an ONNX model has the name of its producer.
bool is_saved_model(std::string_view file) {
  return file.starts_with("\x08\x01\x12"sv);
}

// The version of the format, then another field of those with texts, or the graph.
bool is_onnx(std::string_view file) {
  return file.size() > 2 && file[0] == '\x08' && file[1] > 1 && file[1] < 64 &&
         "\x12\x1a\x22\x32\x3a\x42"sv.find(file[2]) != std::string_view::npos &&
         !has_length_of_header(file);
}

constexpr std::string_view kSavedModel = "a TensorFlow SavedModel";
constexpr std::string_view kExport = "export the network as ONNX, by tf2onnx";

struct KnownFormat {
  bool (*is)(std::string_view file);
  std::string_view what;
  std::string_view remedy;
};
// The first one that fits.
constexpr KnownFormat kFormats[] = {
    {is_safetensors, "a state dict in safetensors",
     "read it as one: a ResNet's, in a file called .safetensors; or export the network as ONNX"},
    {is_checkpoint, "a PyTorch checkpoint, which is a pickle",
     "save its state dict as safetensors: python3 -c \"import torch, safetensors.torch as s; d = "
     "torch.load('FILE', map_location='cpu', weights_only=True); d = d.get('state_dict', "
     "d.get('model', d)); s.save_file({k: v.clone().contiguous() for k, v in d.items()}, "
     "'FILE.safetensors')\"; or export the network by torch.onnx.export()"},
    {is_torch_script, "a TorchScript model",
     "save torch.jit.load('FILE').state_dict() as safetensors, or export the network as ONNX"},
    {is_numpy, "a file of NumPy arrays",
     "write the arrays, by the names of a state dict, with safetensors.numpy.save_file()"},
    {is_packed, "an archive or a compressed file", "unpack it, and give the model that is in it"},
    {is_hdf5, "an HDF5 file, as Keras writes it", kExport},
    {is_lfs_pointer, "a pointer of Git LFS, in place of the file", "fetch it: git lfs pull"},
    {is_web_page, "a web page, in place of the file", "download it anew: the server sent a page"},
    {is_saved_model, kSavedModel, kExport},
    {is_json, "a JSON text, such as the index of a state dict in several files",
     "give the one file with the tensors: save the state dict as one"},
    {is_onnx, "an ONNX model", "read it as one, in a file called .onnx"},
};

}  // namespace

Status refuse_other_format(std::span<const std::byte> bytes, ModelFormat wanted) {
  const std::string_view file(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  const auto known =
      std::ranges::find_if(kFormats, [file](const KnownFormat& format) { return format.is(file); });
  if (known == std::end(kFormats)) return {};
  if (wanted == ModelFormat::onnx && known->is == is_onnx) return {};
  if (wanted == ModelFormat::safetensors && known->is == is_safetensors) return {};
  return Status(ErrorCode::invalid_argument, text("it is ", known->what, "; ", known->remedy));
}

Status refuse_unopened(const std::filesystem::path& path, const Status& status) {
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(path / "saved_model.pb", ignored)) return status;
  return Status(ErrorCode::invalid_argument,
                text("it is the folder of ", kSavedModel, "; ", kExport));
}

}  // namespace foldconv::host
