#include "width-curves.h"

#include <algorithm>
#include <cmath>

namespace redkite {
namespace {

/// A curve that ends below the target goes on as if twice the width halved what is missing, this many times its last width at most.
constexpr double kBeyondMax = 2;

double widthOf(const WidthCurve& curve, double target) {
  const uint32_t points = std::min(curve.points, kCurvePointsMax);
  double width = 0, recall = 0;
  for (uint32_t i = 0; i < points; ++i) {
    const double nextWidth = curve.at[i].width;
    const double next = static_cast<double>(curve.at[i].recall);
    if (next >= target) {
      // Curves bend downwards, so that a straight line between two points asks for rather more.
      return i == 0 ? nextWidth : width + (nextWidth - width) * (target - recall) / (next - recall);
    }
    width = nextWidth;
    recall = next;
  }
  return width * std::clamp((1 - recall) / (1 - target), 1.0, kBeyondMax);
}

}  // namespace

uint32_t widthForRecall(const WidthCurves& curves, float target, uint32_t k, uint32_t widthMax) {
  double width = 0, widthBelow = 0;
  const WidthCurve* below = nullptr;
  for (const WidthCurve& curve : curves.curves) {
    if (curve.points == 0 || curve.k == 0) continue;
    const double here = widthOf(curve, static_cast<double>(target));
    if (k <= curve.k) {
      width = below == nullptr ? here : widthBelow + (here - widthBelow) * (k - below->k) / (curve.k - below->k);
      break;
    }
    below = &curve;
    widthBelow = here;
    width = here * k / curve.k;
  }
  if (!(width > 0)) return 0;
  return static_cast<uint32_t>(std::clamp(std::ceil(width - 0.001), 1.0, static_cast<double>(std::max(widthMax, 1u))));
}

}  // namespace redkite
