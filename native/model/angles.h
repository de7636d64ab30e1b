// Cosine and sine in double precision by this library's own polynomials, so that the rotary angles are the same bits
// whatever libm a box has.
#pragma once

#include <cmath>

namespace jesus {

struct CosSin {
    float cosine, sine;
};

// |angle| up to about 1e8; the error before rounding to float is below 1e-8.
inline CosSin cos_sin(double angle) {
    // pi/2 in two parts: quarter * high is exact for quarter turns below 2^26.
    const double quarter = std::nearbyint(angle * 0.63661977236758134308);
    double r = angle - quarter * 1.5707963109016418;
    r = r - quarter * 1.5893254773528196e-08;
    const double z = r * r;
    const double sine = r + r * z * (-1.66666666666666307295e-1 + z * (8.33333333332211858878e-3 + z * (-1.98412698295895385996e-4 +
                        z * (2.75573136213857245213e-6 + z * (-2.50507477628578072866e-8 + z * 1.58962301576546568060e-10)))));
    const double cosine = 1.0 - 0.5 * z + z * z * (4.16666666666665929218e-2 + z * (-1.38888888888730564116e-3 + z * (2.48015872888517045348e-5 +
                          z * (-2.75573141792967388112e-7 + z * (2.08757008419747316778e-9 + z * -1.13585365213876817300e-11)))));
    switch (static_cast<long long>(quarter) & 3) {
        case 0: return {static_cast<float>(cosine), static_cast<float>(sine)};
        case 1: return {static_cast<float>(-sine), static_cast<float>(cosine)};
        case 2: return {static_cast<float>(-cosine), static_cast<float>(-sine)};
        default: return {static_cast<float>(sine), static_cast<float>(-cosine)};
    }
}

}  // namespace jesus
