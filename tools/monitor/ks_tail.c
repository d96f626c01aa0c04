/* Kolmogorov and Smirnov's distribution for finite samples. Which method serves where follows
 * Simard and L'Ecuyer: Computing the Two-Sided Kolmogorov-Smirnov Distribution, 2011. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tools/monitor/tails.h"

enum { MOST_SUMMED = 100000 /* beyond it the first terms of an expansion do */ };

/* ---- one sample ----------------------------------------------------------------------------- */

/* P(D+ > d) of the one-sided statistic (Birnbaum and Tingey, 1951). All terms are positive. Twice
 * of it is the two-sided tail but for the chance that both sides pass d. */
static double one_sided(double d, double n)
{
    const int64_t last = (int64_t)floor(n * (1 - d));
    double sum = 0;
    for (int64_t i = 0; i <= last; i++) {
        const double j = (double)i;
        const double a = d + j / n, b = 1 - a;
        if (b < 0 || (b == 0 && j < n))
            continue;
        const double choose =
            tail_log_gamma(n + 1) - tail_log_gamma(j + 1) - tail_log_gamma(n - j + 1);
        sum += exp(choose + (n - j) * (b > 0 ? log(b) : 0) + (j - 1) * log(a));
    }
    return d * sum;
}

/* c = a * b, of m rows; what grows out of range is scaled down by 2^-400. */
static void multiply(const double *a, const double *b, double *c, int m)
{
    for (int i = 0; i < m; i++)
        for (int j = 0; j < m; j++) {
            double sum = 0;
            for (int k = 0; k < m; k++)
                sum += a[i * m + k] * b[k * m + j];
            c[i * m + j] = sum;
        }
}

static void scale(double *a, int m, int *exponent)
{
    if (a[m / 2 * m + m / 2] <= 0x1p400)
        return;
    for (int i = 0; i < m * m; i++)
        a[i] *= 0x1p-400;
    *exponent += 400;
}

/* The matrix of Marsaglia, Tsang and Wang: Evaluating Kolmogorov's Distribution, 2003. */
static void fill(double *h, int m, double rest)
{
    for (int i = 0; i < m; i++)
        for (int j = 0; j < m; j++)
            h[i * m + j] = i - j + 1 < 0 ? 0 : 1;
    for (int i = 0; i < m; i++) {
        h[i * m] -= pow(rest, i + 1);
        h[(m - 1) * m + i] -= pow(rest, m - i);
    }
    h[(m - 1) * m] += 2 * rest > 1 ? pow(2 * rest - 1, m) : 0;
    for (int i = 0; i < m; i++)
        for (int j = 0; j < m; j++)
            for (int k = 2; k <= i - j + 1; k++)
                h[i * m + j] /= k;
}

/* P(D < d), exactly up to rounding. The matrix has 2 n d rows, some 60 at most as it is called. */
static double by_matrix(double d, double n)
{
    const int k = (int)(n * d) + 1, m = 2 * k - 1;
    const size_t cells = (size_t)m * (size_t)m;
    double *h = calloc(3 * cells, sizeof *h), p;
    int exponent = 0, of_h = 0;
    if (!h)
        return NAN;
    double *power = h + cells, *other = power + cells;
    fill(h, m, k - n * d);
    for (int i = 0; i < m; i++)
        power[i * m + i] = 1;
    for (uint64_t left = (uint64_t)n; left; left >>= 1) {
        if (left & 1) {
            multiply(power, h, other, m);
            memcpy(power, other, cells * sizeof *power);
            exponent += of_h;
            scale(power, m, &exponent);
        }
        multiply(h, h, other, m);
        memcpy(h, other, cells * sizeof *h);
        of_h *= 2;
        scale(h, m, &of_h);
    }
    p = power[(k - 1) * m + k - 1];
    for (int64_t i = 1; i <= (int64_t)n; i++) {
        p *= (double)i / n;
        if (p < 0x1p-400) {
            p *= 0x1p400;
            exponent -= 400;
        }
    }
    free(h);
    return ldexp(p, exponent);
}

/* P(sqrt(n) D < z) by Pelz and Good's expansion (1976) in 1 / sqrt(n), for large n. */
static double by_expansion(double z, double n)
{
    const double pi = acos(-1), p2 = pi * pi, p4 = p2 * p2, p6 = p4 * p2, z2 = z * z, z4 = z2 * z2;
    const double z6 = z4 * z2, half = sqrt(pi / 2);
    double k0 = 0, k1 = 0, k2 = 0, k3 = 0, k2b = 0, k3b = 0;
    for (int k = 0; k < 40; k++) {
        const double q = (k + 0.5) * (k + 0.5), e = 2 * exp(-p2 * q / (2 * z2)); /* of k and -k-1 */
        k0 += e / 2;
        k1 += (p2 * q - z2) * e;
        k2 += (6 * z6 + 2 * z4 + p2 * (2 * z4 - 5 * z2) * q + p4 * (1 - 2 * z2) * q * q) * e;
        k3 += (p6 * q * q * q * (5 - 30 * z2) + p4 * q * q * (-60 * z2 + 212 * z4) +
               p2 * q * (135 * z4 - 96 * z6) - 30 * z6 - 90 * z6 * z2) *
              e;
        const double r = (double)k * k, f = (k ? 2 : 1) * exp(-p2 * r / (2 * z2));
        k2b += p2 * r * f;
        k3b += (-p4 * r * r + 3 * p2 * r * z2) * f;
    }
    k0 *= 2 * half / z;
    k1 *= half / (6 * z4);
    k2 = k2 * half / (72 * z6 * z) - k2b * half / (36 * z2 * z);
    k3 = k3 * half / (6480 * z6 * z4) + k3b * half / (216 * z6);
    return k0 + k1 / sqrt(n) + k2 / n + k3 / (n * sqrt(n));
}

double tail_ks(double d, double n)
{
    const double t = n * d;
    double below;
    if (isnan(d) || !(n >= 1))
        return NAN;
    n = floor(n);
    if (d >= 1)
        return 0;
    if (t <= 0.5)
        return 1;
    if (t >= n - 1)
        return 2 * pow(1 - d, n);
    if (t * d > 370)
        return 0;
    if (d >= 0.5 || t * d > (n <= 140 ? 4 : 2.2))
        return 2 * (n <= MOST_SUMMED ? one_sided(d, n) : exp(-pow(6 * t + 1, 2) / (18 * n)));
    below = n <= 140 || (n <= MOST_SUMMED && t * sqrt(d) <= 1.4) ? by_matrix(d, n)
                                                                 : by_expansion(d * sqrt(n), n);
    return below < 0 ? 1 : below > 1 ? 0 : 1 - below;
}

/* ---- two samples ---------------------------------------------------------------------------- */

static uint64_t divisor(uint64_t a, uint64_t b)
{
    return b ? divisor(b, a % b) : a;
}

/* An order of the values is a path from (0, 0) to (n, m). out[j]: the share of paths to (i, j) that
 * have been as far off the diagonal as the statistic says. The last step of a path came from the
 * left with probability i / (i + j). Only shares are added, so that small ones are as exact as
 * others. */
double tail_ks_exact(double d, unsigned n, unsigned m)
{
    const uint64_t g = divisor(n, m);
    if (!n || !m)
        return NAN;
    const int64_t in = (int64_t)(m / g), jn = (int64_t)(n / g);
    const int64_t far = llround(d * (double)n * (double)in);
    double *out = far > 0 ? malloc(((size_t)m + 1) * sizeof *out) : NULL;
    if (far <= 0)
        return 1;
    if (!out)
        return -1;
    for (int64_t i = 0; i <= (int64_t)n; i++)
        for (int64_t j = 0; j <= (int64_t)m; j++) {
            const double steps = (double)(i + j);
            if (llabs(i * in - j * jn) >= far)
                out[j] = 1;
            else if (i + j == 0)
                out[j] = 0;
            else
                out[j] =
                    (i ? out[j] * (double)i / steps : 0) + (j ? out[j - 1] * (double)j / steps : 0);
        }
    const double p = out[m];
    free(out);
    return p < 1 ? p : 1;
}
