// SPDX-License-Identifier: MIT
// How files begin that are often given for a model and are none, and what is to be said of each.
#pragma once

#include <string>
#include <vector>

namespace foldconv::test {

struct OtherFormat {
  std::string bytes;
  std::vector<std::string> said;
};

// A zip archive, as far as it tells of its first file.
inline std::string zip_with(const std::string& first_file) {
  return std::string("PK\3\4\0\0\10\10", 8) + std::string(18, '\0') +
         static_cast<char>(first_file.size()) + std::string(3, '\0') + first_file + "FB\1Z";
}

inline std::vector<OtherFormat> other_formats() {
  const std::vector<std::string> checkpoint = {"it is a PyTorch checkpoint, which is a pickle; ",
                                               "s.save_file(", "torch.load('FILE'",
                                               "d.get('state_dict'", "torch.onnx.export()"};
  const std::vector<std::string> script = {"it is a TorchScript model; ", "torch.jit.load('FILE')"};
  const std::vector<std::string> archive = {"it is an archive or a compressed file; unpack it"};
  const std::vector<std::string> page = {"it is a web page, in place of the file; download it"};
  const std::vector<std::string> numpy = {"it is a file of NumPy arrays; ",
                                          "safetensors.numpy.save_file()"};
  return {
      {zip_with("archive/data.pkl"), checkpoint},
      {zip_with("resnet18-f37072fd/data.pkl"), checkpoint},
      {"\x80\x02\x8a\nl\xfc\x9c"
       "F\xf9 j\xa8P\x19.",
       checkpoint},  // by torch before 1.6
      {"\x80\x02}q\x01(X\x07", checkpoint},
      {std::string("\x80\x04\x95\x1a\0\0\0\0\0\0\0}", 12), checkpoint},
      {std::string("\x80\x05\x95\x1a\0\0\0\0\0\0\0}", 12), checkpoint},
      {zip_with("model/data/0"), script},
      {zip_with("model/code/__torch__.py"), script},
      {zip_with("model/version"), script},
      {zip_with("weights/conv1.npy"), numpy},
      {"\x93NUMPY\x01", numpy},
      {zip_with("model.onnx"), archive},
      {zip_with("model.onnx").substr(0, 29), archive},
      {"\x1f\x8b\x08", archive},
      {std::string(257, 'a') + "ustar", archive},
      {"\x89HDF\r\n\x1a\n", {"it is an HDF5 file, as Keras writes it; export the network as ONNX"}},
      {"version https://git-lfs.github.com/spec/v1\noid sha256:0\n",
       {"it is a pointer of Git LFS, in place of the file; fetch it: git lfs pull"}},
      {"<!DOCTYPE html>", page},
      {"\n <html lang=\"en\">", page},
      {"<html>", page},
      {"{\n  \"metadata\": {}, \"weight_map\": {}}", {"it is a JSON text, such as the index of "}},
      {"\x08\x01\x12\x30", {"it is a TensorFlow SavedModel; export the network as ONNX"}},
  };
}

}  // namespace foldconv::test
